"""The wire of Amazon Nova's own body: Converse but for cache points, a few parameters and two names in `usage`.

Source: "Complete request schema" and "Using the Invoke API" (Amazon Nova user guides), "Prompt caching" (Amazon Bedrock
user guide).
"""

from collections.abc import Iterable, Iterator

from bedrock_flask.bedrock.usage import Usage, from_members, from_metrics
from bedrock_flask.converse import Event, Json, Request, Response, as_garbled, member
from bedrock_flask.wires.wire import Wire, map_events

# Members of inferenceConfig that Converse has, by every name that Nova takes them under.
_INFERENCE = {
    "maxTokens": "maxTokens",
    "max_new_tokens": "maxTokens",
    "temperature": "temperature",
    "topP": "topP",
    "top_p": "topP",
    "stopSequences": "stopSequences",
}
# Members that only Nova has travel in additionalModelRequestFields.inferenceConfig.
_OWN_INFERENCE = {"topK": "topK", "top_k": "topK", "reasoningConfig": "reasoningConfig"}

# Nova's own name for each count that Converse names otherwise.
_USAGE = {
    "inputTokens": "inputTokens",
    "outputTokens": "outputTokens",
    "totalTokens": "totalTokens",
    "cacheReadInputTokens": "cacheReadInputTokenCount",
    "cacheWriteInputTokens": "cacheWriteInputTokenCount",
}


def complete(reply: Json) -> bool:
    """Whether a reply has a message and says why it stops."""
    return isinstance(member(reply, "output", "message"), dict) and bool(member(reply, "stopReason"))


def finished(chunk: Json) -> bool:
    """Whether this is the `metadata` chunk, the last one."""
    return "metadata" in chunk


def usage(told: Json) -> Usage:
    """The counts of a reply, or of the last chunk."""
    counts = from_members(member(told, "usage")).updated(from_members(member(told, "metadata", "usage")))
    return counts.updated(from_metrics(told))


def read_request(body: Json) -> Request:
    """A Nova body as a Converse request: cache points stand alone, own parameters are additional fields."""
    request = {name: body[name] for name in ("toolConfig",) if name in body}
    request["messages"] = [{**message, "content": _read_blocks(message["content"])} for message in body["messages"]]
    if "system" in body:
        request["system"] = _read_blocks(body["system"])
    told = body.get("inferenceConfig", {})
    inference, own = _renamed(told, _INFERENCE), _renamed(told, _OWN_INFERENCE)
    if inference:
        request["inferenceConfig"] = inference
    if own:
        request["additionalModelRequestFields"] = {"inferenceConfig": own}
    return request


@as_garbled()
def write_reply(response: Response, model_id: str) -> Json:
    """A Converse response as Nova's reply; Garbled for what is none."""
    return {
        "output": response["output"],
        "stopReason": response.get("stopReason") or "end_turn",
        "usage": _write_usage(response.get("usage")),
    }


def write_chunks(events: Iterable[Event], model_id: str) -> Iterator[Json]:
    """Converse events as Nova's chunks: blocks are started for tools only, and `metadata` is the last one."""
    return map_events(events, _write_event)


def _write_event(kind: str, told: Json) -> Iterator[Json]:
    if kind == "metadata":
        yield {"metadata": {"usage": _write_usage(told.get("usage")), "metrics": {}, "trace": {}}}
    elif kind != "contentBlockStart" or "toolUse" in told["start"]:
        yield {kind: told}


def _read_blocks(blocks: Iterable[Json]) -> list[Json]:
    return [part for block in blocks for part in _parted(block)]


def _parted(block: Json) -> Iterator[Json]:
    yield {name: value for name, value in block.items() if name != "cachePoint"}
    if "cachePoint" in block:
        yield {"cachePoint": block["cachePoint"]}


def _write_usage(counts: Json | None) -> Json:
    counted = {name: count for name, count in (counts or {}).items() if count is not None}
    return {**dict.fromkeys(_USAGE.values(), 0), **_renamed(counted, _USAGE)}


def _renamed(told: Json, names: dict[str, str]) -> Json:
    return {names[name]: value for name, value in told.items() if name in names}


WIRE = Wire(
    name="nova",
    complete=complete,
    finished=finished,
    usage=usage,
    read_request=read_request,
    write_reply=write_reply,
    write_chunks=write_chunks,
)
