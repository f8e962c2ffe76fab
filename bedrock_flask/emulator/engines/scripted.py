"""The scripted engine: deterministic and instant, for tests.

- The text depends on the last text of the user, so that different prompts get different answers. It is written word by
  word and ends at `maxTokens` (words and signs) or before a stop sequence.
- A tool is called if the request forces one (`any`: the first; a name: that one), or, with `auto`, if the last text of
  the user names it; every named tool is called. The input satisfies the tool's JSON Schema.
- After a tool result, a text quotes it, unless the request forces a tool: a tool by its name, or with `any` the first
  that the conversation has not called yet.
- If the request has a JSON Schema for the answer, or requires a JSON object, the text is JSON that satisfies it.
- Signed reasoning is written if `thinking` (or `reasoningConfig`) in additionalModelRequestFields requests it.
- `[[error NAME]]` in the last text of the user is answered with that error, `[[error NAME after N]]` with that error
  after N pieces of the answer (after 0: after the start of the message).
- Everything before a `cachePoint` is read from the cache if the conversation contains an answer; otherwise it is
  written to the cache.
"""

import hashlib
import json
import math
import random
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from bedrock_flask.converse import Event, Json, Request
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.engines.schema_sample import make_sample
from bedrock_flask.emulator.engines.stop_sequences import cut_at_stop_sequence

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")
_ERROR = re.compile(r"\[\[error (\w+)(?: after (\d+))?\]\]")
_MAX_DIGITS = 9
_QUOTE_LENGTH = 300
_JSON_PIECE_LENGTH = 12
_WORD_WEIGHT, _NOISE_WEIGHT, _DIMENSIONS_PER_WORD = 1.0, 0.02, 8


class ScriptedEngine(EmulatorEngine):
    """An engine without a model."""

    name = "scripted"
    description = "deterministic answers without a model"

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events."""
        order = _find_order(conversation.find_last_text(request))
        error, pieces = order or (None, None)
        if error and pieces is None:
            raise error
        events = _write_answer(request)
        if error:
            # The start of the message is not one of the counted pieces.
            yield from islice(events, 1 + (pieces or 0))
            raise error
        yield from events

    def embed(self, text: str, dimensions: int) -> list[float]:
        """A vector of length 1, the same for the same text, and close to those of texts that share its words."""
        noise = random.Random(_hash(text))  # noqa: S311 - reproducible, not secret
        vector = [noise.gauss(0, _NOISE_WEIGHT) for _ in range(dimensions)]
        for word in re.findall(r"\w+", text.lower()):
            generator = random.Random(_hash(word))  # noqa: S311
            for _ in range(_DIMENSIONS_PER_WORD):
                vector[generator.randrange(dimensions)] += generator.choice((-_WORD_WEIGHT, _WORD_WEIGHT))
        length = math.sqrt(math.fsum(value * value for value in vector))
        return [value / length for value in vector]

    def count(self, text: str) -> int:
        """The number of tokens in a text: words and signs."""
        return sum(1 for _ in _TOKEN.finditer(text))

    def find_error(self, texts: Sequence[str]) -> tuple[EmulatedError, int] | None:
        """The error that one of these texts orders, and the number of pieces of the answer before it."""
        found = next(filter(None, map(_find_order, texts)), None)
        return (found[0], found[1] or 0) if found else None


def _find_order(text: str) -> tuple[EmulatedError, int | None] | None:
    """The error that a text orders, and the number of pieces before it if the text has one."""
    found = _ERROR.search(text)
    if found is None:
        return None
    if found[2] and len(found[2]) > _MAX_DIGITS:
        raise validation_error(f"[[error {found[1]} after …]]: the number has more than {_MAX_DIGITS} digits.")
    return EmulatedError(found[1]), int(found[2]) if found[2] else None


def call_forced_tool(request: Request) -> Iterator[Event]:
    """The answer that calls the tool that the request forces, for engines that cannot call tools."""
    return _write_answer(request)


def _write_answer(request: Request) -> Iterator[Event]:
    budget = _TokenBudget((request.get("inferenceConfig") or {}).get("maxTokens") or math.inf)
    tools = _choose_tools(request)
    yield {"messageStart": {"role": "assistant"}}
    index = 0
    if _wants_reasoning(request):
        yield from _write_reasoning(request, budget)
        yield {"contentBlockStop": {"contentBlockIndex": index}}
        index += 1
    text = _compose_text(request, tools)
    stop_sequence = None
    if text and budget.has_tokens():
        stops = (request.get("inferenceConfig") or {}).get("stopSequences") or []
        for piece in cut_at_stop_sequence(budget.spend(_TOKEN.findall(text)), stops):
            if piece is None:
                stop_sequence = _find_first_stop(text, stops)
            else:
                yield _make_delta(index, {"text": piece})
        yield {"contentBlockStop": {"contentBlockIndex": index}}
        index += 1
    if stop_sequence is None and not budget.is_exceeded:
        for number, tool in enumerate(tools):
            yield from _call_tool(request, tool, index + number, budget)
    yield {"messageStop": _make_stop(request, stop_sequence, tools, budget)}
    yield {"metadata": {"usage": _count_usage(request, budget.tokens)}}


class _TokenBudget:
    """The tokens that are spent, and whether the limit has cut the answer off."""

    def __init__(self, limit: float) -> None:
        self.limit, self.tokens, self.is_exceeded = limit, 0, False

    def has_tokens(self) -> bool:
        if self.tokens >= self.limit:
            self.is_exceeded = True
        return not self.is_exceeded

    def spend(self, tokens: Iterable[str]) -> Iterator[str]:
        for token in tokens:
            if not self.has_tokens():
                return
            self.tokens += 1
            yield token


def _choose_tools(request: Request) -> list[Json]:
    """The tools to call."""
    if forced := conversation.find_forced_tools(request):
        return forced
    if conversation.find_tool_results(request):
        return []
    prompt = conversation.find_last_text(request)
    return [
        tool
        for tool in conversation.list_tools(request)
        if re.search(rf"(?<!\w){re.escape(tool['name'])}(?!\w)", prompt)
    ]


def _compose_text(request: Request, tools: list[Json]) -> str:
    if conversation.find_forced_tools(request):
        return ""
    schema = conversation.find_answer_schema(request)
    if schema is not None and not tools:
        return json.dumps(make_sample(schema), ensure_ascii=False)
    if results := conversation.find_tool_results(request):
        quoted = "; ".join(f'"{conversation.format_tool_result(result)[:_QUOTE_LENGTH]}"' for result in results)
        return f"The tool answered {quoted}."
    if tools:
        return f"I call {' and '.join(tool['name'] for tool in tools)}."
    prompt = conversation.find_last_text(request)
    mark = _hash(json.dumps([request.get("system"), request.get("messages")], sort_keys=True))[:8]
    return f'You said: "{prompt[:_QUOTE_LENGTH]}" ({len(prompt.split())} words). This is the scripted answer {mark}.'


def _wants_reasoning(request: Request) -> bool:
    return any(
        _is_on(setting) for setting in _find_settings(request, "thinking", "reasoningConfig", "reasoning_config")
    )


def _find_settings(request: Request, *names: str) -> Iterator[Any]:
    fields = request.get("additionalModelRequestFields") or {}
    nested = fields.get("inferenceConfig") if isinstance(fields, dict) else None
    for source in (request.get("extras"), fields, nested):
        if isinstance(source, dict):
            yield from (source.get(name) for name in names)


def _is_on(setting: Any) -> bool:
    return isinstance(setting, dict) and setting.get("type") in ("enabled", "adaptive")


def _write_reasoning(request: Request, budget: _TokenBudget) -> Iterator[Event]:
    prompt = conversation.find_last_text(request)
    thought = f"The user said {len(prompt)} characters; I answer from the script."
    for piece in budget.spend(_TOKEN.findall(thought)):
        yield _make_delta(0, {"reasoningContent": {"text": piece}})
    # Only Claude signs its reasoning.
    if any(_is_on(setting) for setting in _find_settings(request, "thinking", "reasoning_config")):
        signature = b64encode(b"".join(hashlib.sha256(f"{n}{prompt}".encode()).digest() for n in range(3))).decode()
        yield _make_delta(0, {"reasoningContent": {"signature": signature}})


def _call_tool(request: Request, tool: Json, index: int, budget: _TokenBudget) -> Iterator[Event]:
    value = make_sample((tool.get("inputSchema") or {}).get("json") or {"type": "object"})
    arguments = json.dumps(value, ensure_ascii=False) if value else ""
    budget.tokens += 1 + len(_TOKEN.findall(arguments))
    turn = len(request.get("messages", []))
    use_id = "tooluse_" + _hash(f"{turn} {index} {tool['name']} {conversation.find_last_text(request)}")[:22]
    start = {"toolUse": {"toolUseId": use_id, "name": tool["name"]}}
    yield {"contentBlockStart": {"start": start, "contentBlockIndex": index}}
    # A call without arguments sends no delta at all, as some models do.
    for at in range(0, len(arguments), _JSON_PIECE_LENGTH):
        yield _make_delta(index, {"toolUse": {"input": arguments[at : at + _JSON_PIECE_LENGTH]}})
    yield {"contentBlockStop": {"contentBlockIndex": index}}


def _make_stop(request: Request, stop_sequence: str | None, tools: list[Json], budget: _TokenBudget) -> Json:
    if stop_sequence is not None:
        stop: Json = {"stopReason": "stop_sequence"}
        if "/stop_sequence" in (request.get("additionalModelResponseFieldPaths") or []):
            stop["additionalModelResponseFields"] = {"stop_sequence": stop_sequence}
        return stop
    if budget.is_exceeded:
        return {"stopReason": "max_tokens"}
    return {"stopReason": "tool_use" if tools else "end_turn"}


def _find_first_stop(text: str, stops: list[str]) -> str:
    return min((text.find(stop), stop) for stop in stops if stop and stop in text)[1]


def _count_usage(request: Request, output: int) -> Json:
    counts: list[int] = []
    cached = 0
    by_lifetime: dict[str, int] = {}
    for block in conversation.iterate_blocks(request):
        if "cachePoint" in block:
            lifetime = block["cachePoint"].get("ttl", "5m")
            by_lifetime[lifetime] = by_lifetime.get(lifetime, 0) + sum(counts) - cached
            cached = sum(counts)
        else:
            counts.append(sum(1 for _ in _TOKEN.finditer(conversation.format_block(block))))
    usage: Json = {"inputTokens": sum(counts) - cached, "outputTokens": output, "totalTokens": sum(counts) + output}
    if cached:
        has_answer = any(message.get("role") == "assistant" for message in request.get("messages", []))
        usage["cacheReadInputTokens"] = cached if has_answer else 0
        usage["cacheWriteInputTokens"] = 0 if has_answer else cached
        if not has_answer:
            usage["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in sorted(by_lifetime.items())]
    return usage


def _make_delta(index: int, delta: dict[str, Any]) -> Event:
    return {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
