"""What InvokeModel refuses of a chat body by the model: instructions, tools, images and audio that it cannot take.

The words are not documented: made like those of the servers of open weights; docs/explanation/aws-assumptions.md.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.emulator.operations.check import Check

# The capability that a part of each type needs in a chat completion.
PARTS: Mapping[str, str] = MappingProxyType({"image_url": "images", "input_audio": "audio", "file": "documents"})
_INSTRUCTIONS = frozenset({"system", "developer"})


def _check_system(body: Json, capabilities: Capabilities) -> Iterator[str]:
    if not capabilities.system and any(message["role"] in _INSTRUCTIONS for message in body["messages"]):
        yield "This model does not support system messages."


def _check_tools(body: Json, capabilities: Capabilities) -> Iterator[str]:
    if body.get("tools") and not capabilities.tools:
        yield "This model does not support tools."


def _check_parts(body: Json, capabilities: Capabilities) -> Iterator[str]:
    for message in body["messages"]:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            needed = PARTS.get(part["type"])
            if needed and not getattr(capabilities, needed):
                yield f"This model does not support content of the type {part['type']}."


CHECKS: tuple[Check, ...] = (_check_system, _check_tools, _check_parts)
