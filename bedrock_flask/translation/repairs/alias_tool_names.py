"""Replace the names and ids of tools that Bedrock rejects by aliases: it takes 1 to 64 of `a-z A-Z 0-9 _ -`.

Some models take no short id either. The rules hold for names and ids in the history too. An answer gets the caller's
names back; its ids are Bedrock's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Event, Json, Request, Response, map_shape_errors, member
from bedrock_flask.protocol.json_path import put_at
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

_ACCEPTED = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]+")
# An alias shows as much of a name as fits beside `_` and a hash of all of it.
_HASH = 16
_READABLE = 64 - 1 - _HASH

# The path of the tool's name in a block of each kind.
_NAME_PATHS = {
    "toolSpec": ("name",),
    "toolUse": ("name",),
    "toolAddition": ("tool", "name"),
    "toolRemoval": ("tool", "name"),
}
_WITH_ID = ("toolUse", "toolResult")
_CHOSEN_NAME = ("toolChoice", "tool", "name")
_STARTED_NAME = ("contentBlockStart", "start", "toolUse", "name")
_CONTENT = ("output", "message", "content")


def alias_tool_names(request: Request, capabilities: Capabilities) -> RepairResult:
    """Replace each name that Bedrock rejects by one alias in the tools, the choice and the history."""
    aliases = make_aliases(_list_names(request), "tool")
    if not aliases:
        return RepairResult(request)
    blocks = {path: [_rename(block, aliases)] for path, block in walk_blocks(request) if _get_name(block) in aliases}
    changed = replace_blocks(request, blocks)
    chosen = member(request, "toolConfig", *_CHOSEN_NAME)
    if chosen in aliases:
        changed = put_at(changed, ("toolConfig", *_CHOSEN_NAME), aliases[chosen])
    return RepairResult(changed, names={alias: name for name, alias in aliases.items()})


def alias_tool_ids(request: Request, capabilities: Capabilities) -> RepairResult:
    """Replace each id that Bedrock rejects by one alias in the call and its result."""
    ids = (call_id for _, block in walk_blocks(request) if (call_id := _get_id(block)) is not None)
    aliases = make_aliases(ids, "id", capabilities.shortest_call_id)
    blocks = {path: [_set_id(block, aliases)] for path, block in walk_blocks(request) if _get_id(block) in aliases}
    return RepairResult(replace_blocks(request, blocks))


def restore_event_tool_names(event: Event, names: Mapping[str, str]) -> Event:
    """One event of an answer with the caller's tool name."""
    with map_shape_errors():
        name = names.get(member(event, *_STARTED_NAME) or "")
        return event if name is None else put_at(event, _STARTED_NAME, name)


@map_shape_errors()
def restore_tool_names(response: Response, names: Mapping[str, str]) -> Response:
    """A whole answer with the caller's tool names."""
    content = member(response, *_CONTENT) if names else None
    if not content:
        return response
    return put_at(
        response, _CONTENT, [_rename(block, names) if _get_name(block) in names else block for block in content]
    )


def make_aliases(names: Iterable[str], fallback: str, shortest: int = 1) -> dict[str, str]:
    """An alias for each name that Bedrock rejects; `fallback` begins the alias of a name without accepted characters.

    A name with less than `shortest` characters is rejected too; where there is such a limit, an alias has that length.

    An alias depends on the name alone, so that a tool has the same alias in every turn and cached prefixes stay valid,
    unless another name of the request equals it.
    """
    unique = dict.fromkeys(names)
    taken = {name for name in unique if len(name) >= shortest and _ACCEPTED.fullmatch(name)}
    aliases: dict[str, str] = {}
    for name in unique:
        if name not in taken:
            aliases[name] = next(alias for alias in _propose_aliases(name, fallback, shortest) if alias not in taken)
            taken.add(aliases[name])
    return aliases


def _propose_aliases(name: str, fallback: str, shortest: int) -> Iterator[str]:
    readable = _OTHER.sub("_", name).strip("_")[:_READABLE] or fallback
    salt = ""
    while True:
        digest = sha256((salt + name).encode()).hexdigest()
        # Mistral's ids are letters and digits of this length alone.
        yield digest[:shortest] if shortest > 1 else f"{readable}_{digest[:_HASH]}"
        salt += "\0"


def _list_names(request: Request) -> Iterator[str]:
    yield from (name for _, block in walk_blocks(request) if (name := _get_name(block)) is not None)
    chosen = member(request, "toolConfig", *_CHOSEN_NAME)
    if chosen is not None:
        yield chosen


def _get_name(block: Json) -> str | None:
    return next((member(block, kind, *path) for kind, path in _NAME_PATHS.items() if kind in block), None)


def _rename(block: Json, names: Mapping[str, str]) -> Json:
    kind, path = next((kind, path) for kind, path in _NAME_PATHS.items() if kind in block)
    return put_at(block, (kind, *path), names[member(block, kind, *path)])


def _get_id(block: Json) -> str | None:
    return next((block[kind]["toolUseId"] for kind in _WITH_ID if kind in block), None)


def _set_id(block: Json, aliases: Mapping[str, str]) -> Json:
    return {kind: {**value, "toolUseId": aliases[value["toolUseId"]]} for kind, value in block.items()}
