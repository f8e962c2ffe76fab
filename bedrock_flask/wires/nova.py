"""The wire of Amazon Nova's own body: Converse except for cache points, a few parameters and two names in `usage`.

Source: "Complete request schema" and "Using the Invoke API" (Amazon Nova user guides), "Prompt caching" (Amazon Bedrock
user guide).
"""

from collections.abc import Iterable, Iterator

from bedrock_flask.bedrock.usage import Usage, from_members, from_metrics
from bedrock_flask.converse import Json, Request, Response, map_shape_errors, member
from bedrock_flask.wires.converse_events import PIECES
from bedrock_flask.wires.wire import EventWriter, Wire

# Converse's name for each member of inferenceConfig, under every name that Nova accepts.
_INFERENCE = {
    "maxTokens": "maxTokens",
    "max_new_tokens": "maxTokens",
    "temperature": "temperature",
    "topP": "topP",
    "top_p": "topP",
    "stopSequences": "stopSequences",
}
# Members that only Nova has; Converse passes them on in additionalModelRequestFields.inferenceConfig.
_NOVA_INFERENCE = {"topK": "topK", "top_k": "topK", "reasoningConfig": "reasoningConfig"}

# Nova's name for each count of Converse's.
_USAGE = {
    "inputTokens": "inputTokens",
    "outputTokens": "outputTokens",
    "totalTokens": "totalTokens",
    "cacheReadInputTokens": "cacheReadInputTokenCount",
    "cacheWriteInputTokens": "cacheWriteInputTokenCount",
}


def is_complete(reply: Json) -> bool:
    """Whether a reply has a message and a stop reason."""
    return isinstance(member(reply, "output", "message"), dict) and bool(member(reply, "stopReason"))


def is_stop(chunk: Json) -> bool:
    """Whether this is the `messageStop` chunk."""
    return bool(member(chunk, "messageStop", "stopReason"))


def is_terminal(chunk: Json) -> bool:
    """Whether this is the `metadata` chunk, the last one."""
    return "metadata" in chunk


def read_usage(document: Json) -> Usage:
    """The counts of a reply, or of the last chunk."""
    counts = from_members(member(document, "usage")).merge(from_members(member(document, "metadata", "usage")))
    return counts.merge(from_metrics(document))


def read_request(body: Json) -> Request:
    """A Nova body as a Converse request: a cache point becomes a block, Nova's parameters become additional fields."""
    request = {name: body[name] for name in ("toolConfig",) if name in body}
    request["messages"] = [{**message, "content": _read_blocks(message["content"])} for message in body["messages"]]
    if "system" in body:
        request["system"] = _read_blocks(body["system"])
    config = body.get("inferenceConfig", {})
    inference, own = _rename(config, _INFERENCE), _rename(config, _NOVA_INFERENCE)
    if inference:
        request["inferenceConfig"] = inference
    if own:
        request["additionalModelRequestFields"] = {"inferenceConfig": own}
    return request


@map_shape_errors()
def write_reply(response: Response, model_id: str) -> Json:
    """A Converse response as Nova's reply; raises UpstreamProtocolError for any other document."""
    return {
        "output": response["output"],
        "stopReason": response.get("stopReason") or "end_turn",
        "usage": _write_usage(response.get("usage")),
    }


def open_writer(model_id: str) -> EventWriter:
    """A writer of Nova's chunks: only tool uses have a block start, and `metadata` is the last chunk."""
    return EventWriter(_write_event)


def _write_event(kind: str, payload: Json) -> Iterator[Json]:
    if kind == "metadata":
        yield {"metadata": {"usage": _write_usage(payload.get("usage")), "metrics": {}, "trace": {}}}
    elif kind != "contentBlockStart" or "toolUse" in payload["start"]:
        yield {kind: payload}


def _read_blocks(blocks: Iterable[Json]) -> list[Json]:
    return [part for block in blocks for part in _split_block(block)]


def _split_block(block: Json) -> Iterator[Json]:
    yield {name: value for name, value in block.items() if name != "cachePoint"}
    if "cachePoint" in block:
        yield {"cachePoint": block["cachePoint"]}


def _write_usage(counts: Json | None) -> Json:
    known = {name: count for name, count in (counts or {}).items() if count is not None}
    return {**dict.fromkeys(_USAGE.values(), 0), **_rename(known, _USAGE)}


def _rename(members: Json, names: dict[str, str]) -> Json:
    return {names[name]: value for name, value in members.items() if name in names}


WIRE = Wire(
    name="nova",
    is_complete=is_complete,
    is_stop=is_stop,
    is_terminal=is_terminal,
    pieces=PIECES,
    read_usage=read_usage,
    read_request=read_request,
    write_reply=write_reply,
    open_writer=open_writer,
)
