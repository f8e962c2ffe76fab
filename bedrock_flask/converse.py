"""Functions on Converse values, the canonical form: plain dicts in the HTTP JSON of Bedrock's Converse API.

A stream is an iterator of events, each a dict with one member: `messageStart`, `contentBlockStart` (tool use, tool
results and images only), `contentBlockDelta`, `contentBlockStop`, `messageStop`, `metadata`. Source: AWS API reference,
Converse and ConverseStream.
"""

import contextlib
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from bedrock_flask.errors import UpstreamProtocolError

Json = dict[str, Any]
Request = Json
Response = Json
Event = Json
# The start of a block in a stream, if it has one, and its deltas.
BlockParts = tuple[Json | None, list[Json]]


def fold(events: Iterable[Event]) -> Response:
    """Fold the events of a stream into the whole response."""
    blocks: dict[int, Json] = {}
    response: Response = {"output": {"message": {"role": "assistant", "content": []}}}
    for event in events:
        with map_shape_errors():
            # AWS may add events; like botocore, this skips unknown ones.
            for kind, payload in list_known_members(event, _FOLD_EVENT):
                _FOLD_EVENT[kind](response, blocks, payload)
    with map_shape_errors():
        response["output"]["message"]["content"] += [_parse_tool_input(block) for _, block in sorted(blocks.items())]
    return response


def replay(response: Response) -> Iterator[Event]:
    """Replay a whole response as the events of a stream."""
    with map_shape_errors():
        message = response["output"]["message"]
        yield {"messageStart": {"role": message.get("role", "assistant")}}
        for index, block in enumerate(message["content"]):
            yield from _replay_block(index, block)
            yield {"contentBlockStop": {"contentBlockIndex": index}}
        stop = {
            "stopReason": response.get("stopReason") or None,
            "additionalModelResponseFields": response.get("additionalModelResponseFields"),
        }
        yield {"messageStop": {name: value for name, value in stop.items() if value is not None}}
        yield {"metadata": {name: response[name] for name in _METADATA if name in response}}


class _ShapeErrors(contextlib.ContextDecorator):
    """A context without a state, which costs less than a generator for each entry."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise UpstreamProtocolError(f"Bedrock's response cannot be read: {error} is missing.") from error
        if isinstance(error, IndexError | TypeError | ValueError | AttributeError):
            message = "Bedrock's response cannot be read: a value has an unexpected type."
            raise UpstreamProtocolError(message) from error


_SHAPE_ERRORS = _ShapeErrors()


def map_shape_errors() -> _ShapeErrors:
    """Inside it, an error of reading a response of the wrong shape becomes UpstreamProtocolError."""
    return _SHAPE_ERRORS


def list_known_members(value: Json, names: Container[str]) -> list[tuple[str, Any]]:
    """The known members of an event, a block or a delta; AWS may add others, and null is as good as absent."""
    return [(name, inner) for name, inner in value.items() if name in names and inner is not None]


def list_unknown_kinds(value: Json, names: Container[str]) -> list[str]:
    """The members of a block or a delta of unknown kind; an unknown member beside a known one does not make it so."""
    return [] if any(name in names for name in value) else list(value)


def member(value: Any, *names: str) -> Any:
    """The value at a path of member names, or None if the path ends early."""
    for name in names:
        # The first test is the one that nearly all values pass, and costs a fifth of the second.
        value = value.get(name) if type(value) is dict or isinstance(value, Mapping) else None
    return value


def text_of(content: Iterable[Json]) -> str:
    """The text blocks of a message or a system prompt, joined by line breaks."""
    return "\n".join(block["text"] for block in content if isinstance(block.get("text"), str))


def text_of_answer(response: Response) -> str:
    """The text blocks of a response, or of a part of one, one after another."""
    return "".join(block.get("text", "") for block in member(response, "output", "message", "content") or ())


def build_answer(
    text: str | None = None,
    *,
    stop_reason: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
) -> Response:
    """A Converse response, or a part of one, with what is known of it."""
    usage = omit_null(inputTokens=input_tokens, outputTokens=output_tokens)
    return {
        **({} if text is None else {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}}),
        **({} if stop_reason is None else {"stopReason": stop_reason}),
        **({"usage": usage} if usage else {}),
    }


def omit_null(**members: Any) -> Json:
    """An object of the members whose value is not None."""
    return {name: value for name, value in members.items() if value is not None}


def merge(into: Any, more: Any, *, join_lists: bool = False) -> Any:
    """`more` laid over `into` at every depth; lists are replaced, or with `join_lists` extended."""
    if isinstance(into, Mapping) and isinstance(more, Mapping):
        return {**into, **{name: merge(into.get(name), value, join_lists=join_lists) for name, value in more.items()}}
    if join_lists and isinstance(into, list) and isinstance(more, list):
        return into + more
    return more


def is_blank(text: str | None) -> bool:
    """Whether a text is empty or white space only; Bedrock refuses such texts."""
    return not text or text.isspace()


def build_cache_point(ttl: str | None = None) -> Json:
    """The block that caches everything before it, for `ttl` (`5m` or `1h`) or the model's default."""
    return {"cachePoint": {"type": "default", **omit_null(ttl=ttl)}}


def uses_tools(messages: Iterable[Json]) -> bool:
    """Whether any message calls a tool or carries the result of one."""
    return any("toolUse" in block or "toolResult" in block for message in messages for block in message["content"])


_METADATA = ("usage", "metrics", "trace", "performanceConfig", "serviceTier")


def _replay_block(index: int, block: Json) -> Iterator[Event]:
    kind = next((name for name in block if name in _SPLIT), "")
    start, deltas = _SPLIT.get(kind, _split_other)(block)
    if start is not None:
        yield {"contentBlockStart": {"start": {kind: start}, "contentBlockIndex": index}}
    for delta in deltas:
        yield {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}


def _split_other(block: Json) -> BlockParts:
    return None, [block] if block else []


def _split_tool_use(block: Json) -> BlockParts:
    use = block["toolUse"]
    return _omit(use, "input"), [{"toolUse": {"input": json.dumps(use.get("input", {}))}}]


def _split_tool_result(block: Json) -> BlockParts:
    result = block["toolResult"]
    return _omit(result, "content"), [{"toolResult": result.get("content", [])}]


def _split_image(block: Json) -> BlockParts:
    image = block["image"]
    return {"format": image.get("format")}, [{"image": _omit(image, "format")}]


def _split_reasoning(block: Json) -> BlockParts:
    reasoning = block["reasoningContent"]
    parts = {**(reasoning.get("reasoningText") or {}), **_omit(reasoning, "reasoningText")}
    return None, [{"reasoningContent": {name: value}} for name, value in parts.items()]


def _split_citations(block: Json) -> BlockParts:
    cited = block["citationsContent"]
    return None, [*cited.get("content", ()), *({"citation": citation} for citation in cited.get("citations", ()))]


def _omit(value: Json, name: str) -> Json:
    return {key: inner for key, inner in value.items() if key != name}


# How each kind of block is split for a stream.
_SPLIT = {
    "toolUse": _split_tool_use,
    "toolResult": _split_tool_result,
    "image": _split_image,
    "reasoningContent": _split_reasoning,
    "citationsContent": _split_citations,
}


def _fold_start(response: Response, blocks: dict[int, Json], payload: Json) -> None:
    response["output"]["message"]["role"] = payload.get("role", "assistant")


def _fold_block_start(response: Response, blocks: dict[int, Json], payload: Json) -> None:
    for kind, start in list_known_members(payload["start"], _SPLIT) or payload["start"].items():
        blocks[payload["contentBlockIndex"]] = {kind: {**start, **_EMPTY_CONTENT.get(kind, dict)()}}


def _fold_delta(response: Response, blocks: dict[int, Json], payload: Json) -> None:
    for kind, delta in list_known_members(payload["delta"], _FOLD_DELTA) or payload["delta"].items():
        _FOLD_DELTA.get(kind, _fold_other)(blocks.setdefault(payload["contentBlockIndex"], {}), kind, delta)


def _fold_text(block: Json, kind: str, delta: str) -> None:
    if "citationsContent" in block:
        block["citationsContent"]["content"].append({"text": delta})
    else:
        block["text"] = block.get("text", "") + delta


def _fold_citation(block: Json, kind: str, delta: Json) -> None:
    if "citationsContent" not in block:
        content = [{"text": block.pop("text")}] if "text" in block else []
        block["citationsContent"] = {"content": content, "citations": []}
    block["citationsContent"]["citations"].append(delta)


def _fold_tool_use(block: Json, kind: str, delta: Json) -> None:
    use = block.setdefault("toolUse", {"input": ""})
    use["input"] += delta.get("input") or ""


def _fold_tool_result(block: Json, kind: str, delta: list[Json]) -> None:
    block.setdefault("toolResult", {"content": []})["content"].extend(delta)


def _fold_reasoning(block: Json, kind: str, delta: Json) -> None:
    reasoning = block.setdefault("reasoningContent", {})
    for name, value in list_known_members(delta, _REASONING):
        if name == "redactedContent":
            reasoning[name] = reasoning.get(name, "") + value
        else:
            text = reasoning.setdefault("reasoningText", {"text": ""})
            text[name] = text.get(name, "") + value


def _fold_other(block: Json, kind: str, delta: Any) -> None:
    block[kind] = {**block.get(kind, {}), **delta} if isinstance(delta, dict) else delta


def _fold_nothing(response: Response, blocks: dict[int, Json], payload: Json) -> None:
    pass


def _fold_stop(response: Response, blocks: dict[int, Json], payload: Json) -> None:
    response.update({name: value for name, value in payload.items() if name != "p"})


def _parse_tool_input(block: Json) -> Json:
    use = block.get("toolUse")
    if use is not None and isinstance(use.get("input"), str):
        # A call without arguments has no delta, or an empty one; an input that the token limit cut stays a text.
        with contextlib.suppress(ValueError):
            use["input"] = json.loads(use["input"] if use["input"].strip() else "{}")
    return block


# What the deltas of a block with a start are added to.
_EMPTY_CONTENT: dict[str, Callable[[], Json]] = {
    "toolUse": lambda: {"input": ""},
    "toolResult": lambda: {"content": []},
}
_REASONING = ("text", "signature", "redactedContent")
_FOLD_DELTA: dict[str, Callable[[Json, str, Any], None]] = {
    "image": _fold_other,
    "text": _fold_text,
    "citation": _fold_citation,
    "toolUse": _fold_tool_use,
    "toolResult": _fold_tool_result,
    "reasoningContent": _fold_reasoning,
}
_FOLD_EVENT = {
    "messageStart": _fold_start,
    "contentBlockStart": _fold_block_start,
    "contentBlockDelta": _fold_delta,
    "contentBlockStop": _fold_nothing,
    "messageStop": _fold_stop,
    "metadata": _fold_stop,
}
