"""Tool names: Bedrock takes 64 letters, digits, `_` and `-`, for a name in the history too, called or only made up."""

from collections.abc import Iterable, Iterator, Mapping

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, Response, as_garbled, member
from bedrock_flask.protocol.json_path import put_at
from bedrock_flask.translation.repairs.aliases import aliases
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

# Where a block of each kind has a tool's name.
_NAMED = {
    "toolSpec": ("name",),
    "toolUse": ("name",),
    "toolAddition": ("tool", "name"),
    "toolRemoval": ("tool", "name"),
}
_CHOSEN = ("toolChoice", "tool", "name")


def aliased(request: Request, capabilities: Capabilities) -> Repaired:
    """With an alias for each name that does not fit: the same in the tools, the choice and the history."""
    found = aliases(_said(request), "tool")
    if not found:
        return Repaired(request)
    edits = {path: [_renamed(block, found)] for path, block in blocks(request) if _name(block) in found}
    changed = edited(request, edits)
    chosen = member(request, "toolConfig", *_CHOSEN)
    if chosen in found:
        changed["toolConfig"] = put_at(changed["toolConfig"], _CHOSEN, found[chosen])
    return Repaired(changed, names={alias: name for name, alias in found.items()})


def restore_events_tool_names(events: Iterable[Event], names: Mapping[str, str]) -> Iterator[Event]:
    """The events of an answer with the tool names that the caller said."""
    with closing(events) as each:
        for event in each:
            yield restore_event_tool_names(event, names)


def restore_event_tool_names(event: Event, names: Mapping[str, str]) -> Event:
    """One event with the tool name that the caller said."""
    with as_garbled():
        said = names.get(member(event, *_STARTED) or "")
        return event if said is None else put_at(event, _STARTED, said)


@as_garbled()
def restore_tool_names(response: Response, names: Mapping[str, str]) -> Response:
    """An answer with the tool names that the caller said."""
    content = member(response, *_CONTENT)
    if not names or not content:
        return response
    return put_at(response, _CONTENT, [_renamed(block, names) if _name(block) in names else block for block in content])


_STARTED = ("contentBlockStart", "start", "toolUse", "name")
_CONTENT = ("output", "message", "content")


def _said(request: Request) -> Iterator[str]:
    yield from (name for _, block in blocks(request) if (name := _name(block)) is not None)
    chosen = member(request, "toolConfig", *_CHOSEN)
    if chosen is not None:
        yield chosen


def _name(block: Json) -> str | None:
    return next((member(block, kind, *path) for kind, path in _NAMED.items() if kind in block), None)


def _renamed(block: Json, names: Mapping[str, str]) -> Json:
    kind, path = next((kind, path) for kind, path in _NAMED.items() if kind in block)
    return put_at(block, (kind, *path), names[member(block, kind, *path)])
