"""The scripted engine: deterministic and instant, for tests.

- The text is made from the last text of the user, so that different prompts get different answers; it comes word by
  word, and ends at `maxTokens` (words and signs) or before a stop sequence.
- A tool is called when the request forces one (`any`: the first; a name: that one), or, with `auto`, when the last text
  of the user names it; every tool that is named is called. The input satisfies the tool's JSON Schema.
- After a tool result comes text that quotes it, whatever the tool choice.
- Reasoning comes with a signature when `thinking` (or `reasoningConfig`) in additionalModelRequestFields asks for it.
- `[[error NAME]]` in the last text of the user is answered with that error, `[[error NAME after N]]` with that error
  after N pieces of the answer (after 0: after the start of the message).
- Of what stands before a `cachePoint`, all is read from the cache if the conversation has an answer in it, else all is
  written to it.
"""

import hashlib
import json
import math
import random
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from bedrock_flask.converse import Event, Json, Request
from bedrock_flask.emulator.calls.refusals import Refusal
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.engines.schema_sample import sample
from bedrock_flask.emulator.engines.stops import until_stop

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")
_ERROR = re.compile(r"\[\[error (\w+)(?: after (\d+))?\]\]")
_QUOTED = 300
_JSON_PIECE = 12
_WORD_WEIGHT, _TEXT_WEIGHT, _PLACES = 1.0, 0.02, 8


class Scripted:
    """An engine without a model."""

    name = "scripted"
    description = "deterministic answers without a model"

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events."""
        error = _ERROR.search(conversation.last_text(request))
        if error and error[2] is None:
            raise Refusal(error[1])
        events = _answer(request)
        if error:
            # The start of the message comes before the pieces that are counted.
            yield from islice(events, 1 + int(error[2]))
            raise Refusal(error[1])
        yield from events

    def embed(self, text: str, dimensions: int) -> list[float]:
        """A vector of length 1, the same for the same text, and near those of texts that share its words."""
        noise = random.Random(_digest(text))  # noqa: S311 - reproducible, not secret
        vector = [noise.gauss(0, _TEXT_WEIGHT) for _ in range(dimensions)]
        for word in re.findall(r"\w+", text.lower()):
            places = random.Random(_digest(word))  # noqa: S311
            for _ in range(_PLACES):
                vector[places.randrange(dimensions)] += places.choice((-_WORD_WEIGHT, _WORD_WEIGHT))
        length = math.sqrt(math.fsum(value * value for value in vector))
        return [value / length for value in vector]

    def count(self, text: str) -> int:
        """The number of tokens in a text: words and signs."""
        return sum(1 for _ in _TOKEN.finditer(text))


def error_in(text: str) -> tuple[Refusal, int] | None:
    """The error that a text orders, and after how many pieces of the answer it comes."""
    found = _ERROR.search(text)
    return (Refusal(found[1]), int(found[2] or 0)) if found else None


def forced_call(request: Request) -> Iterator[Event]:
    """The answer that calls the tool which the request forces, for engines that cannot."""
    return _answer(request)


def _answer(request: Request) -> Iterator[Event]:
    limit = (request.get("inferenceConfig") or {}).get("maxTokens") or math.inf
    spent = _Spent(limit)
    calls = _calls(request)
    yield {"messageStart": {"role": "assistant"}}
    index = 0
    if _reasons(request):
        yield from _reasoning(request, spent)
        yield {"contentBlockStop": {"contentBlockIndex": index}}
        index += 1
    text = _text(request, calls)
    stop_sequence = None
    if text and spent.left():
        stops = (request.get("inferenceConfig") or {}).get("stopSequences") or []
        for piece in until_stop(spent.on(_TOKEN.findall(text)), stops):
            if piece is None:
                stop_sequence = _first_stop(text, stops)
            else:
                yield _delta(index, {"text": piece})
        yield {"contentBlockStop": {"contentBlockIndex": index}}
        index += 1
    if stop_sequence is None and not spent.over:
        for number, tool in enumerate(calls):
            yield from _call(request, tool, index + number, spent)
    yield {"messageStop": _stop(request, stop_sequence, calls, spent)}
    yield {"metadata": {"usage": _usage(request, spent.tokens)}}


class _Spent:
    """The tokens that are spent, and whether the limit has cut the answer."""

    def __init__(self, limit: float) -> None:
        self.limit, self.tokens, self.over = limit, 0, False

    def left(self) -> bool:
        if self.tokens >= self.limit:
            self.over = True
        return not self.over

    def on(self, tokens: Iterable[str]) -> Iterator[str]:
        for token in tokens:
            if not self.left():
                return
            self.tokens += 1
            yield token


def _calls(request: Request) -> list[Json]:
    """The tools to call."""
    if conversation.tool_results(request):
        return []
    if forced := conversation.forced_tools(request):
        return forced
    said = conversation.last_text(request)
    return [tool for tool in conversation.tools(request) if re.search(rf"(?<!\w){re.escape(tool['name'])}(?!\w)", said)]


def _text(request: Request, calls: list[Json]) -> str:
    if results := conversation.tool_results(request):
        quoted = "; ".join(f'"{conversation.result_text(result)[:_QUOTED]}"' for result in results)
        return f"The tool answered {quoted}."
    if conversation.forced_tools(request):
        return ""
    if calls:
        return f"I call {' and '.join(tool['name'] for tool in calls)}."
    said = conversation.last_text(request)
    mark = _digest(json.dumps([request.get("system"), request.get("messages")], sort_keys=True))[:8]
    return f'You said: "{said[:_QUOTED]}" ({len(said.split())} words). This is the scripted answer {mark}.'


def _reasons(request: Request) -> bool:
    fields = request.get("additionalModelRequestFields") or {}
    nested = fields.get("inferenceConfig") if isinstance(fields, dict) else None
    asked = [
        place.get(name)
        for place in (request.get("extras"), fields, nested)
        if isinstance(place, dict)
        for name in ("thinking", "reasoningConfig", "reasoning_config")
    ]
    return any(isinstance(each, dict) and each.get("type") in ("enabled", "adaptive") for each in asked)


def _reasoning(request: Request, spent: _Spent) -> Iterator[Event]:
    said = conversation.last_text(request)
    thought = f"The user said {len(said)} characters; I answer from the script."
    for piece in spent.on(_TOKEN.findall(thought)):
        yield _delta(0, {"reasoningContent": {"text": piece}})
    signature = b64encode(b"".join(hashlib.sha256(f"{n}{said}".encode()).digest() for n in range(3))).decode()
    yield _delta(0, {"reasoningContent": {"signature": signature}})


def _call(request: Request, tool: Json, index: int, spent: _Spent) -> Iterator[Event]:
    made = sample((tool.get("inputSchema") or {}).get("json") or {"type": "object"})
    arguments = json.dumps(made, ensure_ascii=False) if made else ""
    spent.tokens += 1 + len(_TOKEN.findall(arguments))
    turn = len(request.get("messages", []))
    use_id = "tooluse_" + _digest(f"{turn} {index} {tool['name']} {conversation.last_text(request)}")[:22]
    start = {"toolUse": {"toolUseId": use_id, "name": tool["name"]}}
    yield {"contentBlockStart": {"start": start, "contentBlockIndex": index}}
    # A call without arguments sends no delta at all, as some models do.
    for at in range(0, len(arguments), _JSON_PIECE):
        yield _delta(index, {"toolUse": {"input": arguments[at : at + _JSON_PIECE]}})
    yield {"contentBlockStop": {"contentBlockIndex": index}}


def _stop(request: Request, stop_sequence: str | None, calls: list[Json], spent: _Spent) -> Json:
    if stop_sequence is not None:
        told: Json = {"stopReason": "stop_sequence"}
        if "/stop_sequence" in (request.get("additionalModelResponseFieldPaths") or []):
            told["additionalModelResponseFields"] = {"stop_sequence": stop_sequence}
        return told
    if spent.over:
        return {"stopReason": "max_tokens"}
    return {"stopReason": "tool_use" if calls else "end_turn"}


def _first_stop(text: str, stops: list[str]) -> str:
    return min((text.find(stop), stop) for stop in stops if stop and stop in text)[1]


def _usage(request: Request, output: int) -> Json:
    counts: list[int] = []
    cached = 0
    for block in conversation.pieces(request):
        if "cachePoint" in block:
            cached = sum(counts)
        else:
            counts.append(sum(1 for _ in _TOKEN.finditer(conversation.as_text(block))))
    usage = {"inputTokens": sum(counts) - cached, "outputTokens": output, "totalTokens": sum(counts) + output}
    if cached:
        told = any(message.get("role") == "assistant" for message in request.get("messages", []))
        usage["cacheReadInputTokens"] = cached if told else 0
        usage["cacheWriteInputTokens"] = 0 if told else cached
    return usage


def _delta(index: int, delta: dict[str, Any]) -> Event:
    return {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
