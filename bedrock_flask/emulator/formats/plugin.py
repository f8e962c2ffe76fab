"""What a model answers in a format of a plugin's own, which no wire reads or writes: whole, or in chunks.

The answer is the scripted reply, or what the adapter's `emulate` makes, or its sample, or a neutral one. Nobody knows
which text of the body is the prompt: any of them may be. A scripted text, or the guardrail's, replaces the sample's
text, which is the one that the adapter's `decode` reads.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Response, member
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.presence import Presence
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.engines.guarded import BLOCKED_MESSAGE
from bedrock_flask.emulator.formats.known import (
    Tally,
    add_metrics,
    count_usage,
    find_longest_text,
    iterate_texts,
    relay_events,
)
from bedrock_flask.emulator.replies.engine import split_pieces
from bedrock_flask.emulator.replies.reply import Reply
from bedrock_flask.wires import find_wire

Path = tuple[Any, ...]


def make_reply(
    adapter: Adapter, model: str, body: Json, engine: EmulatorEngine, tally: Tally, presence: Presence
) -> Json:
    """The whole reply."""
    [reply] = _make_parts(adapter, model, body, engine, tally, presence, stream=False)
    return reply


def make_chunks(
    adapter: Adapter, model: str, body: Json, engine: EmulatorEngine, tally: Tally, presence: Presence
) -> Iterator[Json]:
    """The chunks of the stream; the last one has the metrics."""
    return add_metrics(_make_parts(adapter, model, body, engine, tally, presence, stream=True), tally)


def _make_parts(
    adapter: Adapter, model: str, body: Json, engine: EmulatorEngine, tally: Tally, presence: Presence, *, stream: bool
) -> Iterator[Json]:
    """The chunks, or the whole reply as the only part; the usage is tallied after the last one."""
    parts = []
    with closing(_guard(adapter, model, body, engine, tally, presence, stream=stream)) as each:
        for part in each:
            parts.append(part)
            yield part
    usage = map(find_wire(adapter).usage, parts)
    tally.usage = reduce(Usage.merge, usage, count_usage(body, parts, engine)).merge(tally.usage)


def _guard(
    adapter: Adapter, model: str, body: Json, engine: EmulatorEngine, tally: Tally, presence: Presence, *, stream: bool
) -> Iterator[Json]:
    """The answer, or the guardrail's text in its place."""
    prompts = list(iterate_texts(body)) or [""]
    verdict = engine.check_input(prompts)
    if verdict is None:
        yield from _answer(adapter, model, body, engine, prompts, tally, presence, stream=stream)
    elif verdict.is_blocked:
        samples = _make_samples(adapter, body, engine, stream=stream) or [_make_neutral("…")]
        yield from _replace_text(adapter, samples, BLOCKED_MESSAGE) or [{}]
    else:
        parts = list(_answer(adapter, model, body, engine.unguarded_engine, prompts, tally, presence, stream=stream))
        verdict = engine.check_output([_read_text(adapter, parts)])
        if verdict is None or not verdict.has_intervened:
            yield from parts
        else:
            text = BLOCKED_MESSAGE if verdict.is_blocked else verdict.masked_texts[0]
            yield from _replace_text(adapter, parts, text) or [{}]


def _answer(
    adapter: Adapter,
    model: str,
    body: Json,
    engine: EmulatorEngine,
    prompts: Sequence[str],
    tally: Tally,
    presence: Presence,
    *,
    stream: bool,
) -> Iterator[Json]:
    writes_text = any(each.output == "text" for each in adapter.models.values())
    scripted = engine.find_reply(prompts, writes_text=writes_text)
    if scripted and scripted.body is not None:
        yield from scripted.list_chunks() if stream else [scripted.body]
        return
    error, position = (None if scripted else engine.find_error(prompts)) or (None, 0)
    samples = _make_samples(adapter, body, engine, stream=stream)
    parts: Iterable[Json]
    if samples is None:
        parts = _write_neutral(relay_events(engine, _make_question(body), tally, presence), stream=stream)
    elif scripted and not engine.has_conversed:
        parts = samples = _write_scripted(adapter, model, samples, scripted)
        if scripted.error is not None:
            error = EmulatedError(scripted.error, scripted.message)
            position = sum(not _is_end(adapter, part) for part in samples)
    else:
        parts = samples
    if error is None:
        yield from parts
    else:
        yield from islice(parts, position if stream else 0)
        raise error


def _make_samples(adapter: Adapter, body: Json, engine: EmulatorEngine, *, stream: bool) -> list[Json] | None:
    """What the adapter itself answers; None if it has neither samples nor `emulate`."""
    if stream and adapter.chunks:
        return [dict(chunk) for chunk in adapter.chunks]
    if adapter.emulate is not None:
        return [adapter.emulate(body, engine)]
    return [dict(adapter.reply)] if adapter.reply is not None else None


def _write_scripted(adapter: Adapter, model: str, samples: Sequence[Json], scripted: Reply) -> list[Json]:
    """The samples with the scripted text in place of theirs; an EmulatedError if the reply cannot be written so."""
    others = (scripted.tool, scripted.response, scripted.usage, scripted.stop_reason)
    has_only_text = scripted.text is not None and others == (None,) * 4
    parts = _replace_text(adapter, samples, scripted.text or "") if has_only_text else None
    if parts is None:
        raise validation_error(
            f"The reply that is scripted for {model} cannot be written in the format of '{adapter.name}': in it the "
            "emulator can only replace the text of the sample. Script the model's own body instead, as body (and "
            "chunks)."
        )
    return parts


# --- another text in a sample ----------------------------------------------------------------------------------------


def _replace_text(adapter: Adapter, parts: Sequence[Json], text: str) -> list[Json] | None:
    """The parts with this text in place of theirs, piece by piece; None if it cannot be replaced."""
    if not _can_decode(adapter):
        return None
    numbers = [number for number, part in enumerate(parts) if _read_text(adapter, [part])]
    path = _find_text(adapter, parts[numbers[0]]) if numbers else None
    if path is None:
        return None
    first, *rest = numbers
    is_one_piece = len(parts) == 1 or _is_end(adapter, parts[first])
    pieces = [text] if is_one_piece else split_pieces(text)
    replaced = [*parts[:first], *(_put(parts[first], path, piece) for piece in pieces)]
    for number, part in enumerate(parts[first + 1 :], first + 1):
        if number not in rest:
            replaced.append(part)
        elif _is_end(adapter, part) and (path := _find_text(adapter, part)) is not None:
            replaced.append(_put(part, path, ""))
    return replaced if _read_text(adapter, replaced) == text else None


def _find_text(adapter: Adapter, part: Json) -> Path | None:
    """The path of the text that `decode` reads: one that equals what it returns, and that it misses when emptied."""
    text = _read_text(adapter, [part]).strip()
    paths = (path for path, value in _iterate_paths(part) if value.strip() == text)
    return next((path for path in paths if not _read_text(adapter, [_put(part, path, "")])), None)


def _iterate_paths(value: Any) -> Iterator[tuple[Path, str]]:
    """Each text of a value, with its path."""
    if isinstance(value, str):
        yield (), value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from (((name, *path), text) for path, text in _iterate_paths(inner))


def _put(value: Any, path: Path, text: str) -> Any:
    """A copy of the value with this text at the path."""
    if not path:
        return text
    name, *rest = path
    changed = copy.copy(value)
    changed[name] = _put(value[name], tuple(rest), text)
    return changed


def _read_text(adapter: Adapter, parts: Sequence[Json]) -> str:
    """The text of the parts, as `decode` reads it; without `decode`, all their texts."""
    if not _can_decode(adapter):
        return " ".join(iterate_texts(parts))
    contents = (member(_decode(adapter, part), "output", "message", "content") for part in parts)
    return "".join(block.get("text", "") for content in contents for block in content or ())


def _can_decode(adapter: Adapter) -> bool:
    return adapter.decode is not None or _is_neutral(adapter)


def _is_end(adapter: Adapter, part: Json) -> bool:
    return member(_decode(adapter, part), "stopReason") is not None


def _decode(adapter: Adapter, part: Json) -> Any:
    decode = _decode_neutral if adapter.decode is None or _is_neutral(adapter) else adapter.decode
    try:
        return decode(copy.deepcopy(part))
    except PLUGIN_CRASHES:
        return {}


# --- a format of which nothing is known -------------------------------------------------------------------------------


def _is_neutral(adapter: Adapter) -> bool:
    """Whether the adapter has nothing to answer with."""
    return adapter.reply is None and adapter.emulate is None and not adapter.chunks


def _make_question(body: Json) -> Json:
    """A Converse request with the longest text of the body."""
    return {"messages": [{"role": "user", "content": [{"text": find_longest_text(body)}]}]}


def _make_neutral(text: str, reason: str = "end_turn") -> Json:
    return {"text": text, "stop_reason": reason}


def _decode_neutral(part: Json) -> Response:
    response = {"output": {"message": {"role": "assistant", "content": [{"text": part["text"]}]}}}
    return {**response, **({"stopReason": part["stop_reason"]} if "stop_reason" in part else {})}


def _write_neutral(events: Iterable[Event], *, stream: bool) -> Iterator[Json]:
    text, reason = "", "end_turn"
    with closing(events) as each:
        for event in each:
            if piece := member(event, "contentBlockDelta", "delta", "text"):
                text += piece
                if stream:
                    yield {"text": piece}
            reason = event.get("messageStop", {}).get("stopReason", reason)
    yield _make_neutral("" if stream else text, reason)
