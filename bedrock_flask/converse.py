"""Small functions on Converse values, the canonical form: plain dicts in the HTTP JSON of Bedrock's Converse API.

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
Parts = tuple[Json | None, list[Json]]


def fold(events: Iterable[Event]) -> Response:
    """The whole response that a stream of events amounts to."""
    blocks: dict[int, Json] = {}
    response: Response = {"output": {"message": {"role": "assistant", "content": []}}}
    for event in events:
        with as_garbled():
            # AWS may add events; botocore skips those that it does not know, too.
            for kind, told in known_members(event, _FOLDS):
                _FOLDS[kind](response, blocks, told)
    with as_garbled():
        response["output"]["message"]["content"] += [_closed(block) for _, block in sorted(blocks.items())]
    return response


def replay(response: Response) -> Iterator[Event]:
    """The stream of events that a whole response would have come as."""
    with as_garbled():
        message = response["output"]["message"]
        yield {"messageStart": {"role": message.get("role", "assistant")}}
        for index, block in enumerate(message["content"]):
            yield from _block_events(index, block)
            yield {"contentBlockStop": {"contentBlockIndex": index}}
        stop = {
            "stopReason": response.get("stopReason") or "end_turn",
            "additionalModelResponseFields": response.get("additionalModelResponseFields"),
        }
        yield {"messageStop": {name: value for name, value in stop.items() if value is not None}}
        yield {"metadata": {name: response[name] for name in _METADATA if name in response}}


@contextlib.contextmanager
def as_garbled() -> Iterator[None]:
    """Inside it, an answer of Bedrock's that has not the shape that it must have is Garbled."""
    try:
        yield
    except KeyError as error:
        raise UpstreamProtocolError(f"Bedrock's answer cannot be read: it lacks {error}.") from error
    except (IndexError, TypeError, ValueError, AttributeError) as error:
        raise UpstreamProtocolError("Bedrock's answer cannot be read: a value in it is of another kind.") from error


def known_members(told: Json, names: Container[str]) -> list[tuple[str, Any]]:
    """The members of an event, a block or a delta that are known; AWS may add others, and null says nothing."""
    return [(name, value) for name, value in told.items() if name in names and value is not None]


def unknown_kinds(told: Json, names: Container[str]) -> list[str]:
    """What a block or a delta is if it is none that is known; an unknown member beside a known one is a detail."""
    return [] if any(name in names for name in told) else list(told)


def member(value: Any, *names: str) -> Any:
    """The value under a path of member names, or None where the path ends."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def text_of(content: Iterable[Json]) -> str:
    """The text blocks of a message or a system prompt, joined by line breaks."""
    return "\n".join(block["text"] for block in content if isinstance(block.get("text"), str))


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


def _block_events(index: int, block: Json) -> Iterator[Event]:
    kind = next((name for name in block if name in _PARTS), "")
    start, deltas = _PARTS.get(kind, _whole)(block)
    if start is not None:
        yield {"contentBlockStart": {"start": {kind: start}, "contentBlockIndex": index}}
    for delta in deltas:
        yield {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}


def _whole(block: Json) -> Parts:
    return None, [block] if block else []


def _tool_use(block: Json) -> Parts:
    use = block["toolUse"]
    return _without(use, "input"), [{"toolUse": {"input": json.dumps(use.get("input", {}))}}]


def _tool_result(block: Json) -> Parts:
    result = block["toolResult"]
    return _without(result, "content"), [{"toolResult": result.get("content", [])}]


def _image(block: Json) -> Parts:
    image = block["image"]
    return {"format": image.get("format")}, [{"image": _without(image, "format")}]


def _reasoning(block: Json) -> Parts:
    reasoning = block["reasoningContent"]
    parts = {**(reasoning.get("reasoningText") or {}), **_without(reasoning, "reasoningText")}
    return None, [{"reasoningContent": {name: value}} for name, value in parts.items()]


def _citations(block: Json) -> Parts:
    cited = block["citationsContent"]
    return None, [*cited.get("content", ()), *({"citation": each} for each in cited.get("citations", ()))]


def _without(value: Json, name: str) -> Json:
    return {key: inner for key, inner in value.items() if key != name}


# How each kind of block comes in a stream: what its start says, if it has one, and its deltas.
_PARTS = {
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "image": _image,
    "reasoningContent": _reasoning,
    "citationsContent": _citations,
}


def _fold_start(response: Response, blocks: dict[int, Json], told: Json) -> None:
    response["output"]["message"]["role"] = told.get("role", "assistant")


def _fold_block_start(response: Response, blocks: dict[int, Json], told: Json) -> None:
    for kind, start in known_members(told["start"], _PARTS) or told["start"].items():
        blocks[told["contentBlockIndex"]] = {kind: {**start, **_EMPTY.get(kind, dict)()}}


def _fold_delta(response: Response, blocks: dict[int, Json], told: Json) -> None:
    for kind, delta in known_members(told["delta"], _DELTAS) or told["delta"].items():
        _DELTAS.get(kind, _fold_member)(blocks.setdefault(told["contentBlockIndex"], {}), kind, delta)


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
    for name, value in known_members(delta, _THOUGHTS):
        if name == "redactedContent":
            reasoning[name] = reasoning.get(name, "") + value
        else:
            text = reasoning.setdefault("reasoningText", {"text": ""})
            text[name] = text.get(name, "") + value


def _fold_member(block: Json, kind: str, delta: Any) -> None:
    block[kind] = {**block.get(kind, {}), **delta} if isinstance(delta, dict) else delta


def _fold_nothing(response: Response, blocks: dict[int, Json], told: Json) -> None:
    pass


def _fold_stop(response: Response, blocks: dict[int, Json], told: Json) -> None:
    response.update({name: value for name, value in told.items() if name != "p"})


def _closed(block: Json) -> Json:
    use = block.get("toolUse")
    if use is not None and isinstance(use.get("input"), str):
        # A call without arguments sends no delta, or an empty one; one that the token limit cut stays the text it is.
        with contextlib.suppress(ValueError):
            use["input"] = json.loads(use["input"] if use["input"].strip() else "{}")
    return block


# What a block that has a start collects from its deltas.
_EMPTY: dict[str, Callable[[], Json]] = {"toolUse": lambda: {"input": ""}, "toolResult": lambda: {"content": []}}
_THOUGHTS = ("text", "signature", "redactedContent")
_DELTAS: dict[str, Callable[[Json, str, Any], None]] = {
    "image": _fold_member,
    "text": _fold_text,
    "citation": _fold_citation,
    "toolUse": _fold_tool_use,
    "toolResult": _fold_tool_result,
    "reasoningContent": _fold_reasoning,
}
_FOLDS = {
    "messageStart": _fold_start,
    "contentBlockStart": _fold_block_start,
    "contentBlockDelta": _fold_delta,
    "contentBlockStop": _fold_nothing,
    "messageStop": _fold_stop,
    "metadata": _fold_stop,
}
