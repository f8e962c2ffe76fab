"""How much of its reasoning a model shows.

Sources: Anthropic's documentation, "Extended thinking", Controlling thinking display; AWS user guide, "Adaptive
thinking".
"""

from collections.abc import Iterable, Iterator

from bedrock_flask.converse import Event, Json, Request, member


def omit_reasoning(events: Iterable[Event], request: Request) -> Iterator[Event]:
    """The events, without the text of the reasoning where `thinking.display` is `omitted`: its signature remains."""
    sources = (request.get("extras"), request.get("additionalModelRequestFields"))
    is_omitted = any(member(source, "thinking", "display") == "omitted" for source in sources)
    for event in events:
        if not (is_omitted and _is_reasoning_text(event)):
            yield event


def _is_reasoning_text(event: Json) -> bool:
    return bool(member(event, "contentBlockDelta", "delta", "reasoningContent", "text"))
