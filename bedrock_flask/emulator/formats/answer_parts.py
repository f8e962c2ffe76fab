"""The events of an answer as the parts that an adapter's `write_chunks` takes: those that `decode` returns."""

from collections.abc import Callable, Iterable, Iterator

from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Response, fold, member


def split_answer(events: Iterable[Event], count: Callable[[], int]) -> Iterator[Response]:
    """The parts of an answer: first the prompt's tokens, which `count` counts; last the stop reason and all counts.

    Text and reasoning come in pieces, any other block in one part.
    """
    block: list[Event] = []
    stop: Json = {}
    with closing(events) as each:
        for event in each:
            if "messageStart" in event:
                yield {"usage": {"inputTokens": count()}}
            elif piece := _find_piece(event):
                yield _make_part(piece)
            elif "contentBlockStart" in event or "contentBlockDelta" in event:
                block.append(event)
            elif "contentBlockStop" in event and block:
                yield from map(_make_part, fold(block)["output"]["message"]["content"])
                block = []
            elif "messageStop" in event:
                stop = {"stopReason": event["messageStop"].get("stopReason")}
            elif "metadata" in event:
                yield {**stop, "usage": event["metadata"].get("usage", {})}


def _find_piece(event: Event) -> Json:
    """The piece of text or reasoning that an event holds, as a block; empty for any other event."""
    delta = member(event, "contentBlockDelta", "delta") or {}
    if "text" in delta:
        return {"text": delta["text"]}
    reasoning = member(delta, "reasoningContent", "text")
    return {} if reasoning is None else {"reasoningContent": {"reasoningText": {"text": reasoning}}}


def _make_part(block: Json) -> Response:
    return {"output": {"message": {"role": "assistant", "content": [block]}}}
