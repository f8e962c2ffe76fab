"""What a model answers in a format of a plugin's own, which no wire reads or writes: whole, or in chunks.

The answer is the scripted reply, or what the adapter's `emulate` makes, or its sample, or a neutral one. Any text of
the body may be the prompt. A scripted text, or the guardrail's, replaces the sample's text, which is the one that the
adapter's `decode` reads.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.closing import closing
from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.presence import Presence
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.engines.guarded import BLOCKED_MESSAGE
from bedrock_flask.emulator.formats.neutral import make_neutral, make_question, write_neutral
from bedrock_flask.emulator.formats.sample_text import is_end, read_text, replace_text
from bedrock_flask.emulator.formats.wire_format import Tally, add_metrics, count_usage, iterate_texts, relay_events
from bedrock_flask.emulator.replies.reply import Reply
from bedrock_flask.wires import find_wire


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
    usage = map(find_wire(adapter).read_usage, parts)
    # A stream counts as its whole reply does.
    counted = count_usage(body, read_text(adapter, parts) or parts, engine)
    tally.usage = reduce(Usage.merge, usage, counted).merge(tally.usage)


def _guard(
    adapter: Adapter, model: str, body: Json, engine: EmulatorEngine, tally: Tally, presence: Presence, *, stream: bool
) -> Iterator[Json]:
    """The answer, or the guardrail's text in its place."""
    prompts = list(iterate_texts(body)) or [""]
    verdict = engine.check_input(prompts)
    if verdict is None:
        yield from _answer(adapter, model, body, engine, prompts, tally, presence, stream=stream)
    elif verdict.is_blocked:
        samples = _make_samples(adapter, body, engine, stream=stream) or [make_neutral("…")]
        yield from replace_text(adapter, samples, BLOCKED_MESSAGE) or [{}]
    else:
        parts = list(_answer(adapter, model, body, engine.unguarded_engine, prompts, tally, presence, stream=stream))
        verdict = engine.check_output([read_text(adapter, parts)])
        if verdict is None or not verdict.has_intervened:
            yield from parts
        else:
            text = BLOCKED_MESSAGE if verdict.is_blocked else verdict.masked_texts[0]
            yield from replace_text(adapter, parts, text) or [{}]


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
        parts = write_neutral(relay_events(engine, make_question(body), tally, presence), stream=stream)
    elif scripted and not engine.has_conversed:
        parts = samples = _write_scripted(adapter, model, samples, scripted)
        if scripted.error is not None:
            error = EmulatedError(scripted.error, scripted.message)
            position = sum(not is_end(adapter, part) for part in samples)
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
    parts = replace_text(adapter, samples, scripted.text or "") if has_only_text else None
    if parts is None:
        raise validation_error(
            f"The reply that is scripted for {model} cannot be written in the format of '{adapter.name}': in it the "
            "emulator can only replace the text of the sample. Script the model's own body instead, as body (and "
            "chunks)."
        )
    return parts
