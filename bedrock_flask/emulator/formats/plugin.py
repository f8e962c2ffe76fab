"""What a model answers in a format of a plugin's own, which no wire reads or writes: whole, or as chunks.

As scripted; else by the adapter's `emulate`; else by its samples; else something neutral. Of a body nobody knows which
text is the prompt: any of them may be. What is to be said in other words than the sample's takes their place in it,
wherever the adapter's `decode` finds it there.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from itertools import islice
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter, Engine
from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Response, member
from bedrock_flask.emulator.calls.presence import Presence
from bedrock_flask.emulator.calls.refusals import Refusal, invalid
from bedrock_flask.emulator.engines.replies import Answering, Reply, pieces
from bedrock_flask.emulator.formats.known import Tally, counted, events, longest, texts, with_metrics
from bedrock_flask.emulator.operations.guardrails import MESSAGE, Guarded
from bedrock_flask.wires import find_wire

Decode = Callable[[Json], Response]

_PROBE = "a text that no sample holds"


def reply(adapter: Adapter, model: str, body: Json, engine: Engine, tally: Tally, presence: Presence) -> Json:
    """The whole reply."""
    [made] = _parts(adapter, body, engine, tally, presence, stream=False)
    return made


def chunks(
    adapter: Adapter, model: str, body: Json, engine: Engine, tally: Tally, presence: Presence
) -> Iterator[Json]:
    """The chunks of the stream, the last one with the metrics."""
    return with_metrics(_parts(adapter, body, engine, tally, presence, stream=True), tally)


def _parts(
    adapter: Adapter, body: Json, engine: Engine, tally: Tally, presence: Presence, *, stream: bool
) -> Iterator[Json]:
    """The chunks, or the whole reply as the only one; what they cost is known when the last one is asked for."""
    usage, told = find_wire(adapter).usage, []
    with closing(_judged(adapter, body, engine, tally, presence, stream=stream)) as each:
        for part in each:
            told.append(part)
            yield part
    tally.usage = reduce(Usage.updated, map(usage, told), counted(body, told, engine)).updated(tally.usage)


def _judged(
    adapter: Adapter, body: Json, engine: Engine, tally: Tally, presence: Presence, *, stream: bool
) -> Iterator[Json]:
    """The answer, or what a guardrail says in its place."""
    asked = list(texts(body)) or [""]
    if not isinstance(engine, Guarded):
        yield from _answer(adapter, body, engine, asked, tally, presence, stream=stream)
    elif engine.judge_asked(asked).blocked:
        yield from _instead(adapter, _samples(adapter, body, engine, stream=stream) or [_neutral("…")], MESSAGE)
    else:
        made = list(_answer(adapter, body, engine.engine, asked, tally, presence, stream=stream))
        verdict = engine.judge_answered([_said(adapter, made)])
        masked = MESSAGE if verdict.blocked else verdict.masked[0]
        yield from _instead(adapter, made, masked) if verdict.intervened else made


def _answer(
    adapter: Adapter,
    body: Json,
    engine: Engine,
    asked: Sequence[str],
    tally: Tally,
    presence: Presence,
    *,
    stream: bool,
) -> Iterator[Json]:
    answering = engine if isinstance(engine, Answering) else None
    speaks = any(each.output == "text" for each in adapter.models.values())
    scripted = answering.own(asked, speaks=speaks) if answering else None
    if scripted and scripted.body is not None:
        yield from scripted.parts() if stream else [scripted.body]
        return
    error, after = (answering.ordered(asked) if answering and not scripted else None) or (None, 0)
    samples = _samples(adapter, body, engine, stream=stream)
    made: Iterable[Json]
    if samples is None:
        made = _neutrally(events(engine, _question(body), tally, presence), stream=stream)
    elif answering and scripted and not answering.conversed:
        made = samples = _as_scripted(adapter, answering.model, samples, scripted)
        if scripted.error is not None:
            error, after = Refusal(scripted.error, scripted.message), sum(not _ends(adapter, part) for part in samples)
    else:
        made = samples
    if error is None:
        yield from made
    else:
        yield from islice(made, after if stream else 0)
        raise error


def _samples(adapter: Adapter, body: Json, engine: Engine, *, stream: bool) -> list[Json] | None:
    """What the adapter itself answers; None where it has nothing to say."""
    if stream and adapter.chunks:
        return [dict(chunk) for chunk in adapter.chunks]
    if adapter.emulate is not None:
        return [adapter.emulate(body, engine)]
    return [dict(adapter.reply)] if adapter.reply is not None else None


def _as_scripted(adapter: Adapter, model: str, samples: Sequence[Json], scripted: Reply) -> list[Json]:
    """The samples with the scripted text in the place of theirs; refused where that is not all, or has no place."""
    more = (scripted.tool, scripted.response, scripted.usage, scripted.stop_reason)
    made = _saying(adapter, samples, scripted.text) if scripted.text is not None and more == (None,) * 4 else None
    if made is None:
        raise invalid(
            f"The reply that is scripted for {model} cannot be written in the format of '{adapter.name}', in which the "
            "emulator can only put a text in the place of its sample's: script the model's own body instead, as body "
            "(and chunks)."
        )
    return made


def _instead(adapter: Adapter, parts: Sequence[Json], text: str) -> list[Json]:
    """The parts with this text in the place of theirs; nothing but what the guardrail adds, where it has no place."""
    return _saying(adapter, parts, text) or [{}]


# --- another text in a sample ----------------------------------------------------------------------------------------


def _saying(adapter: Adapter, parts: Sequence[Json], text: str) -> list[Json] | None:
    """The parts with this text in the place of theirs, piece by piece; None where it has no place in them."""
    if not _is_decoded(adapter):
        return None
    spoken = [number for number, part in enumerate(parts) if _said(adapter, [part])]
    put = _place(adapter, parts[spoken[0]]) if spoken else None
    if put is None:
        return None
    first, *rest = spoken
    at_once = len(parts) == 1 or _ends(adapter, parts[first])
    made = [*parts[:first], *map(put, [text] if at_once else pieces(text))]
    for number, part in enumerate(parts[first + 1 :], first + 1):
        if number not in rest:
            made.append(part)
        elif _ends(adapter, part) and (mute := _place(adapter, part)):
            made.append(mute(""))
    return made if _said(adapter, made) == text else None


def _place(adapter: Adapter, part: Json) -> Callable[[str], Json] | None:
    """A function that puts a text where the text of a part stands: where `decode` then finds it."""
    puts = (partial(_with, part, path) for path in _paths(part))
    return next((put for put in puts if _said(adapter, [put(_PROBE)]) == _PROBE), None)


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """Where the texts of a value stand."""
    if isinstance(value, str):
        yield ()
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from ((name, *path) for path in _paths(inner))


def _with(value: Any, path: tuple[Any, ...], text: str) -> Any:
    if not path:
        return text
    name, *rest = path
    made = copy.copy(value)
    made[name] = _with(value[name], tuple(rest), text)
    return made


def _said(adapter: Adapter, parts: Sequence[Json]) -> str:
    """What the parts say; where nobody can decode them, all that stands in them."""
    if not _is_decoded(adapter):
        return " ".join(texts(parts))
    contents = (member(_decoded(adapter, part), "output", "message", "content") for part in parts)
    return "".join(block.get("text", "") for content in contents for block in content or ())


def _is_decoded(adapter: Adapter) -> bool:
    return adapter.decode is not None or _is_neutral(adapter)


def _ends(adapter: Adapter, part: Json) -> bool:
    return member(_decoded(adapter, part), "stopReason") is not None


def _decoded(adapter: Adapter, part: Json) -> Any:
    decode = _decode_neutral if adapter.decode is None or _is_neutral(adapter) else adapter.decode
    try:
        return decode(copy.deepcopy(part))
    except PLUGIN_CRASHES:
        return {}


# --- a format of which nothing is known -------------------------------------------------------------------------------


def _is_neutral(adapter: Adapter) -> bool:
    """Whether the adapter has nothing to answer with."""
    return adapter.reply is None and adapter.emulate is None and not adapter.chunks


def _question(body: Json) -> Json:
    """A body as a question: its longest text."""
    return {"messages": [{"role": "user", "content": [{"text": longest(body)}]}]}


def _neutral(text: str, reason: str = "end_turn") -> Json:
    return {"text": text, "stop_reason": reason}


def _decode_neutral(part: Json) -> Response:
    said = {"output": {"message": {"role": "assistant", "content": [{"text": part["text"]}]}}}
    return {**said, **({"stopReason": part["stop_reason"]} if "stop_reason" in part else {})}


def _neutrally(told: Iterable[Event], *, stream: bool) -> Iterator[Json]:
    said, reason = "", "end_turn"
    with closing(told) as each:
        for event in each:
            if piece := member(event, "contentBlockDelta", "delta", "text"):
                said += piece
                if stream:
                    yield {"text": piece}
            reason = event.get("messageStop", {}).get("stopReason", reason)
    yield _neutral("" if stream else said, reason)
