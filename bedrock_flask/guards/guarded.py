"""The guard that has a guardrail check a call and its answer where what is called has no guardrail of its own.

Sources: AWS API reference, ApplyGuardrail; AWS user guide, "Use the ApplyGuardrail API in your application".
"""

import json
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from bedrock_flask.call import REPLY, SILENCE, Batch, Call, CallRecord, Guard, Handler, Reply, Stream, parse_object
from bedrock_flask.config.settings import Settings
from bedrock_flask.converse import Json
from bedrock_flask.errors import (
    CredentialsError,
    DeadlineExceeded,
    FieldError,
    GuardrailFailed,
    GuardrailIntervened,
    RefusedSafeguard,
    UpstreamError,
    UpstreamProtocolError,
)
from bedrock_flask.wires import find_wire
from bedrock_flask.wires.completeness import ACCOUNT
from bedrock_flask.wires.guarded_texts import AnswerTexts, UncheckableContent, list_request_texts

_OPERATION = "ApplyGuardrail"
_WIRE = ACCOUNT[_OPERATION].name
# The sources of ApplyGuardrail, and the words for them.
_INPUT, _OUTPUT = "INPUT", "OUTPUT"
_PLACES = {_INPUT: "the request", _OUTPUT: "the answer"}


def guarded(settings: Settings) -> Guard:
    """A guard that lets a call with a guardrail pass only if ApplyGuardrail objects neither to it nor to its answer.

    A streamed answer is held back until it is whole and was checked; one that is larger than a whole answer may be is
    an error.
    """

    def guard(handler: Handler) -> Handler:
        def send(call: Call) -> Reply:
            if not call.guardrail:
                return handler.send(call)
            _check(handler, call, _INPUT, _read_request(call))
            reply = handler.send(call)
            answer = AnswerTexts()
            _read_answer(answer, reply.document)
            _check(handler, call, _OUTPUT, answer.join())
            return reply

        def send_stream(call: Call) -> Stream:
            if not call.guardrail:
                return handler.send_stream(call)
            for _ in _check_in_stream(handler, call, _INPUT, _read_request(call)):
                # Nothing can be sent yet: the status is that of the model's answer.
                pass
            stream = handler.send_stream(call)
            return replace(stream, batches=_hold(handler, call, stream.batches, settings))

        return Handler(send, send_stream)

    return guard


def _hold(handler: Handler, call: Call, batches: Generator[Batch], settings: Settings) -> Generator[Batch]:
    """The batches of an answer as they came, once all of them were checked; until then SILENCE now and then."""
    held: list[Batch] = []
    answer, size, most = AnswerTexts(), 0, settings.max_reply_bytes
    ends = find_wire(call.adapter, call.wire).texts
    silent_since = time.monotonic()
    with closing(batches):
        for batch in batches:
            for chunk in batch:
                size += len(chunk.data) + len(chunk.frame)
                if chunk.data not in ends:
                    _read_answer(answer, parse_object(chunk.data))
            if size > most:
                raise UpstreamProtocolError(f"Bedrock's answer is larger than {most} bytes.")
            if batch:
                held.append(batch)
            # Bedrock may be busy all the time, and the client hears nothing of it.
            if not batch or time.monotonic() - silent_since >= settings.keepalive:
                silent_since = time.monotonic()
                yield SILENCE
    yield from _check_in_stream(handler, call, _OUTPUT, answer.join())
    yield from held


def _check(handler: Handler, call: Call, source: str, texts: Sequence[str]) -> None:
    """Raise GuardrailIntervened if the guardrail objects to one of the texts, GuardrailFailed if nobody knows."""
    if texts:
        with _failing_closed():
            verdict = handler.send(_make_check(call, source, texts)).document
        _judge(call, source, verdict)


def _check_in_stream(handler: Handler, call: Call, source: str, texts: Sequence[str]) -> Generator[Batch]:
    """The same within a stream, which has SILENCE meanwhile and ends when its client leaves."""
    if not texts:
        return
    verdict: Json = {}
    with _failing_closed(), closing(handler.send_stream(_make_check(call, source, texts)).batches) as batches:
        for batch in batches:
            for chunk in batch:
                if chunk.event == REPLY:
                    verdict = chunk.document
            if not batch:
                yield SILENCE
    _judge(call, source, verdict)


@contextmanager
def _failing_closed() -> Iterator[None]:
    """Name a failure of the check as such, unless it is the gateway's own."""
    try:
        yield
    except (DeadlineExceeded, CredentialsError):
        raise
    except UpstreamError as error:
        raise GuardrailFailed(error) from None


def _make_check(call: Call, source: str, texts: Sequence[str]) -> Call:
    """The call of ApplyGuardrail: where and in whose name the model is called, and with its deadline."""
    identifier, _, version = call.guardrail.rpartition(":")
    # One text, because AWS bills by the beginning of each thousand characters.
    document = {"source": source, "content": [{"text": {"text": "\n".join(texts)}}]}
    return replace(
        call,
        operation=_OPERATION,
        model="",
        body=json.dumps(document).encode(),
        labels={"guardrailIdentifier": identifier, "guardrailVersion": version},
        query="",
        wire=_WIRE,
        stream=False,
        headers={},
        billed_as="",
        guardrail="",
        record=CallRecord(),
    )


def _judge(call: Call, source: str, verdict: Json) -> None:
    """Note what the check is billed for, and raise GuardrailIntervened for any verdict but that all may pass.

    Masked texts are an intervention too: they cannot be put back into the formats of these APIs.
    """
    usage = verdict.get("usage")
    units = {name: count for name, count in usage.items() if type(count) is int} if isinstance(usage, dict) else {}
    call.record.guardrail_units = dict(Counter(call.record.guardrail_units) + Counter(units))
    if verdict.get("action") != "NONE":
        raise GuardrailIntervened(
            f"The guardrail that policies prescribe for this call has intervened in {_PLACES[source]}."
        )


def _read_request(call: Call) -> Sequence[str]:
    try:
        return list_request_texts(parse_object(call.body))
    except UncheckableContent as fault:
        reason = "policies prescribe a guardrail, which the gateway applies to texts alone"
        raise RefusedSafeguard([FieldError(fault.path, f"{reason}: it cannot check {fault.kind}")]) from None


def _read_answer(answer: AnswerTexts, document: Json) -> None:
    try:
        answer.read(document)
    except UncheckableContent as fault:
        raise GuardrailFailed(
            UpstreamProtocolError(f"The answer has {fault.kind} ({fault.path}), which a guardrail cannot check.")
        ) from None
