"""What arrives together leaves together, and however an answer is cut on its way, the client gets the same bytes."""

import json
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_flask.app import create_app
from bedrock_flask.call import Batch, Chunk, Handler, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.converse import replay
from bedrock_flask.errors import UpstreamTruncated
from bedrock_flask.guards.completed import completed
from bedrock_flask.pipeline.batches import write_batches
from bedrock_flask.protocol import eventstream as es
from bedrock_flask.protocol.sse import write_json
from bedrock_flask.state import KEY, state_of
from bedrock_flask.transport.frames import read_chunks
from bedrock_flask.wires import WIRES
from bedrock_flask.wires.wire import write_all

calm = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXTS = st.lists(
    st.text(max_size=6) | st.sampled_from(["\ud800", "\udfff!", "\u2028", "\u0085", 'null "\\\n\r\t\x00', "é😀", ""]),
    min_size=1,
    max_size=6,
)
USER = [{"role": "user", "content": "Hi"}]
NATIVE = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CLAUDES = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": USER}
# The address of each dialect, the body of a streamed request, and the wire of the answer.
STREAMED = {
    "chat": ("/v1/chat/completions", {"model": "nova", "stream": True, "messages": USER}, "converse"),
    "chat with usage": (
        "/v1/chat/completions",
        {"model": "nova", "stream": True, "messages": USER, "stream_options": {"include_usage": True}},
        "converse",
    ),
    "responses": ("/v1/responses", {"model": "nova", "stream": True, "input": "Hi"}, "converse"),
    "messages": ("/v1/messages", {"model": "nova", "stream": True, "max_tokens": 9, "messages": USER}, "converse"),
    "messages of Claude": (
        "/v1/messages",
        {"model": "claude", "stream": True, "max_tokens": 9, "messages": USER},
        "anthropic",
    ),
    "native": ("/v1/models/claude/invoke-stream", CLAUDES, "anthropic"),
    "Bedrock's": ("/model/amazon.nova-lite-v1:0/converse-stream", NATIVE, "converse"),
    "Bedrock's own": (
        "/model/anthropic.claude-3-haiku-20240307-v1:0/invoke-with-response-stream",
        CLAUDES,
        "anthropic",
    ),
}
# What differs from answer to answer: identifiers and times.
_CHANGING = re.compile(rb'[0-9a-f]{24,32}|"created(?:_at)?":\d+|"completed_at":\d+')
_Ask = Callable[[str, Sequence[bytes]], bytes]


def make_events(texts: Sequence[str], reason: str = "end_turn") -> list[dict[str, Any]]:
    """A streamed answer of these pieces of text, a tool call and its end."""
    call = {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": 12345678901234567890123}}}
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": ""}, call]}},
        "stopReason": reason,
        "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7},
    }
    start, first, *rest = replay(answer)
    pieces = [{"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": text}, "p": "abc"}} for text in texts]
    return [start, first, *pieces, *rest]


def make_frames(wire: str, events: Sequence[dict[str, Any]]) -> list[bytes]:
    """The frames of a stream in which Bedrock sends these events."""
    if wire == "converse":
        return [
            es.encode(es.event(kind, json.dumps(payload).encode()))
            for event in events
            for kind, payload in event.items()
        ]
    chunks = WIRES[wire].write_chunks(events, "m")
    return [es.encode(es.chunk(json.dumps(chunk).encode(), "abc")) for chunk in chunks]


@pytest.fixture(scope="module")
def ask() -> Iterator[_Ask]:
    """A function that returns what a dialect's client gets, if Bedrock sends these pieces, one in each read."""
    sent: list[Sequence[bytes]] = []

    def read() -> Generator[Batch]:
        decoder = es.Decoder()
        for piece in sent[-1]:
            batch, error = read_chunks(decoder, piece)
            if batch:
                yield batch
            if error is not None:
                raise error

    app = create_app(Settings())
    handler = Handler(send=lambda call: pytest.fail("not streamed"), send_stream=lambda call: Stream({}, read()))  # type: ignore[arg-type]
    app.extensions[KEY] = replace(state_of(app), handler=completed(handler))
    with app.test_client() as client:
        yield lambda name, pieces: _ask(client, name, sent, pieces)


def _ask(client: FlaskClient, name: str, sent: list[Sequence[bytes]], pieces: Sequence[bytes]) -> bytes:
    sent[:] = [pieces]
    path, body, _ = STREAMED[name]
    with client.post(path, json=body) as response:
        assert response.status_code == 200, response.text
        return _CHANGING.sub(b"#", response.data)


@pytest.mark.parametrize("name", STREAMED)
@calm
@given(texts=TEXTS, data=st.data())
def test_any_cut_of_the_same_answer_gives_the_same_bytes(
    ask: _Ask, name: str, texts: list[str], data: st.DataObject
) -> None:
    frames = make_frames(STREAMED[name][2], make_events(texts))
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert ask(name, pieces) == ask(name, frames) == ask(name, [stream])


@pytest.mark.parametrize("name", ["anthropic", "openai_chat", "openai_responses"])
@calm
@given(texts=TEXTS)
def test_a_plain_text_is_written_as_any_other_event_is(name: str, texts: list[str]) -> None:
    open_writer = WIRES[name].open_writer
    assert open_writer is not None
    events = make_events(texts)
    general = [*map(write_json, write_all(open_writer("m"), events))]
    writer, written = open_writer("m"), []
    for event in events:
        delta = event.get("contentBlockDelta", {})
        text = delta.get("delta", {}).get("text")
        fast = writer.write_text(delta["contentBlockIndex"], text) if text is not None else None
        written += [*map(write_json, write_all(writer, [event]))] if fast is None else [fast]
    assert [_CHANGING.sub(b"#", each) for each in written] == [_CHANGING.sub(b"#", each) for each in general]


def test_a_batch_is_one_piece_and_no_piece_waits_for_the_next_batch() -> None:
    taken = []

    def batches() -> Generator[Batch]:
        for batch in (["a", "b"], [], ["-"], ["c"]):
            taken.append(batch)
            yield [Chunk(name, b"") for name in batch]

    parts = write_batches(batches(), lambda chunk: chunk.event.strip("-").encode(), lambda: b"end")
    assert (next(parts), taken) == (b"ab", [["a", "b"]])
    assert (next(parts), taken[-1]) == (b"", [])
    # Of the third batch nothing is written: that is no silence.
    assert (next(parts), taken[-1]) == (b"c", ["c"])
    assert [*parts] == [b"end"]


def test_what_was_written_before_an_error_is_sent_before_it() -> None:
    def write(chunk: Chunk) -> bytes:
        if chunk.event == "bad":
            raise UpstreamTruncated("cut")
        return chunk.event.encode()

    closed = []

    def batches() -> Generator[Batch]:
        try:
            yield [Chunk(name, b"") for name in ("a", "b", "bad", "c")]
        finally:
            closed.append(True)

    parts = write_batches(batches(), write, lambda: b"end")
    assert next(parts) == b"ab"
    with pytest.raises(UpstreamTruncated):
        next(parts)
    assert closed == [True]


def test_a_client_that_leaves_closes_the_batches() -> None:
    closed = []

    def batches() -> Generator[Batch]:
        try:
            yield [Chunk("a", b"")]
            pytest.fail("read on")
        finally:
            closed.append(True)

    parts = write_batches(batches(), lambda chunk: b"a")
    next(parts)
    parts.close()
    assert closed == [True]


def test_a_stop_without_a_reason_is_an_error_and_no_reason_is_made_up(ask: _Ask) -> None:
    events = [{"messageStop": {}} if "messageStop" in event else event for event in make_events(["Hi"])]
    for name, (_, _, wire) in STREAMED.items():
        if wire == "converse" and name != "Bedrock's":
            body = ask(name, make_frames(wire, events))
            assert b"end_turn" not in body
            assert b'"finish_reason":"' not in body
            assert b"upstream_truncated" in body or b"response.failed" in body, name


@pytest.mark.parametrize("name", STREAMED)
def test_what_follows_the_terminal_event_makes_no_error_of_a_success(ask: _Ask, name: str) -> None:
    frames = make_frames(STREAMED[name][2], make_events(["Hi"]))
    whole = ask(name, frames)
    for more in (b"\xff" * 64, es.encode(es.exception("throttlingException", b"{}"))):
        assert ask(name, [*frames, more]) == whole
        assert ask(name, [b"".join([*frames, more])]) == whole
