"""What Bedrock refuses of a body that fits the model's schema, by the model's capabilities and in Bedrock's words.

The gateway reads the same capabilities; docs/reference/bedrock-rules.md has the source of each.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.calls.errors import validation_error
from bedrock_flask.emulator.operations import (
    cache_rules,
    chat_rules,
    content_rules,
    messages_rules,
    model_rules,
    schema_rules,
    tool_rules,
)
from bedrock_flask.emulator.operations.check import FROM_MODEL, Check


def check_rules(wire: str, body: Json, capabilities: Capabilities) -> None:
    """Raise an EmulatedError for the first thing that Bedrock refuses in a body of this wire, or of MESSAGES."""
    for check in CHECKS.get(wire, ()):
        for message in check(body, capabilities):
            raise validation_error(message)


def _check_version(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: boto/boto3#4218.
    version = body.get("anthropic_version")
    if version and capabilities.api_versions and version not in capabilities.api_versions:
        yield f"Invalid API version: {version}"


def _check_system_turns(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: BerriAI/litellm#32831.
    if not capabilities.system_turns and any(turn["role"] == "system" for turn in body["messages"]):
        yield (
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" '
            "as an input message role."
        )


def _check_empty_turns(body: Json, capabilities: Capabilities) -> Iterator[str]:
    for index, turn in enumerate(body["messages"][:-1]):
        if turn["role"] != "system" and not turn.get("content"):
            yield (
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
                "message"
            )


def _check_strict(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: BerriAI/litellm#33193.
    for index, tool in enumerate(body.get("tools") or ()):
        if "strict" in tool and not capabilities.strict_tools:
            yield f"tools.{index}.custom.strict: Extra inputs are not permitted"


def _check_format(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: vercel/ai#14773.
    if member(body, "output_config", "format") and not capabilities.structured:
        yield "output_config.format: Extra inputs are not permitted"


def _check_converse_roles(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # AWS documents the role for models that take it in InvokeModel; reports contradict that: it is not a rule.
    for index, turn in enumerate(body.get("messages") or ()):
        if turn["role"] == "system" and not capabilities.system_turns:
            yield (
                f"Value 'system' at 'messages.{index + 1}.member.role' failed to satisfy constraint: Member must "
                "satisfy enum value set: [user, assistant]"
            )


def _check_converse_strict(body: Json, capabilities: Capabilities) -> Iterator[str]:
    for index, tool in enumerate(member(body, "toolConfig", "tools") or ()):
        if "strict" in (tool.get("toolSpec") or {}) and not capabilities.strict_tools:
            yield f"{FROM_MODEL}tools.{index}.custom.strict: Extra inputs are not permitted"


def _check_converse_format(body: Json, capabilities: Capabilities) -> Iterator[str]:
    if member(body, "outputConfig", "textFormat") and not capabilities.structured:
        yield f"{FROM_MODEL}output_config.format: Extra inputs are not permitted"


# What Claude refuses wherever it is called in its own format.
_CLAUDES = (
    _check_system_turns,
    _check_empty_turns,
    _check_strict,
    _check_format,
    *schema_rules.NATIVE_CHECKS,
    content_rules.check_native_stops,
    *messages_rules.CHECKS,
    tool_rules.check_claudes_schemas,
)
# The name in CHECKS of Anthropic's own API, whose versions and betas are not InvokeModel's.
MESSAGES = "messages"
# The checks of each wire, and of Anthropic's own API.
CHECKS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "anthropic": (_check_version, *messages_rules.BETA_CHECKS, *_CLAUDES),
        MESSAGES: _CLAUDES,
        "invoke_chat": chat_rules.CHECKS,
        "nova": (tool_rules.check_novas_schemas,),
        "converse": (
            _check_converse_roles,
            *content_rules.CHECKS,
            *tool_rules.CHECKS,
            *model_rules.CHECKS,
            _check_converse_strict,
            _check_converse_format,
            *cache_rules.CHECKS,
            *schema_rules.CHECKS,
            messages_rules.check_converse_betas,
            messages_rules.check_converse_thinking,
        ),
    }
)
