"""What Bedrock refuses of a body that fits the model's schema, by the model's capabilities and in Bedrock's words.

The gateway reads the same capabilities; docs/reference/bedrock-rules.md has the source of each.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import validation_error

# Yields Bedrock's words for what it refuses.
Check = Callable[[Json, Capabilities], Iterator[str]]


def check_rules(wire: str, body: Json, capabilities: Capabilities) -> None:
    """Raise an EmulatedError for the first thing that Bedrock refuses in a body of this wire."""
    for check in CHECKS.get(wire, ()):
        for message in check(body, capabilities):
            raise validation_error(message)


def _check_version(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: boto/boto3#4218.
    version = body.get("anthropic_version")
    if version and capabilities.api_versions and version not in capabilities.api_versions:
        yield f"Invalid API version: {version}"


# The checks of each wire.
CHECKS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "anthropic": (_check_version,),
        "converse": (),
    }
)
