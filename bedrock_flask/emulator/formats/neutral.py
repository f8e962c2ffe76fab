"""The neutral format: what the emulator answers for a plugin that has neither samples nor `emulate`."""

from collections.abc import Iterable, Iterator

from bedrock_flask.adapter import Adapter
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Response, member
from bedrock_flask.emulator.formats.wire_format import find_longest_text
from bedrock_flask.fields import Open


class AnyBody(Open):
    """A body of any form."""


# The family of a model of the account's own whose body is that of no plugin.
UNKNOWN_FAMILY = Adapter(
    name="unknown",
    body=AnyBody,
    speaks={"unknown": "InvokeModel"},
    models={"unknown": Capabilities()},
    sample={},
)


def is_neutral(adapter: Adapter) -> bool:
    """Whether the adapter has nothing to answer with."""
    return adapter.reply is None and adapter.emulate is None and not adapter.chunks


def make_question(body: Json) -> Json:
    """A Converse request with the longest text of the body."""
    return {"messages": [{"role": "user", "content": [{"text": find_longest_text(body)}]}]}


def make_neutral(text: str, reason: str = "end_turn") -> Json:
    """Make a neutral reply, or the last chunk of one."""
    return {"text": text, "stop_reason": reason}


def decode_neutral(part: Json) -> Response:
    """Read a neutral reply or chunk as a Converse response."""
    response = {"output": {"message": {"role": "assistant", "content": [{"text": part["text"]}]}}}
    return {**response, **({"stopReason": part["stop_reason"]} if "stop_reason" in part else {})}


def write_neutral(events: Iterable[Event], *, stream: bool) -> Iterator[Json]:
    """Write Converse events as neutral chunks, or as one neutral reply."""
    text, reason = "", "end_turn"
    with closing(events) as each:
        for event in each:
            if piece := member(event, "contentBlockDelta", "delta", "text"):
                text += piece
                if stream:
                    yield {"text": piece}
            reason = event.get("messageStop", {}).get("stopReason", reason)
    yield make_neutral("" if stream else text, reason)
