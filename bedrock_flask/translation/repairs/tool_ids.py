"""The ids that tie a tool's result to its use: 64 letters, digits, `_` and `-`, which other providers' ids are not."""

from collections.abc import Mapping

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.translation.repairs.aliases import aliases
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

_TIED = ("toolUse", "toolResult")


def aliased(request: Request, capabilities: Capabilities) -> Repaired:
    """With an alias for each id that does not fit, the same in use and result; an answer has ids of its own."""
    found = aliases((name for _, block in blocks(request) if (name := _id(block)) is not None), "id")
    edits = {path: [_renamed(block, found)] for path, block in blocks(request) if _id(block) in found}
    return Repaired(edited(request, edits))


def _id(block: Json) -> str | None:
    return next((block[kind]["toolUseId"] for kind in _TIED if kind in block), None)


def _renamed(block: Json, names: Mapping[str, str]) -> Json:
    return {kind: {**value, "toolUseId": names[value["toolUseId"]]} for kind, value in block.items()}
