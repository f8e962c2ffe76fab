"""An upstream whose bytes are damaged on the way: no flip and no cut of an answer ever passes for a success."""

import json
from typing import Any

import pytest

from bedrock_flask.converse import replay
from bedrock_flask.models import loading
from bedrock_flask.protocol import eventstream
from bedrock_flask.wires import find_wire
from tests.doubles import Gateway, GatewayWith, SendStream, SendWhole, Upstream
from tests.sse_decoder import Decoder

ADAPTERS = loading.load_registry().adapters
SAID = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Red, green and \u2026 blue."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12},
    "metrics": {"latencyMs": 9},
}
FAMILIES = {"claude": "claude", "nova": "nova", "acme.chat-1": "converse"}
TITAN = {"embedding": [0.25, -0.5], "inputTextTokenCount": 3}
# Which bytes are damaged: each of the first and the last frame's beginning, and every STEPth of the rest.
EDGE, STEP = 14, 11


def golden(adapter: Any) -> list[bytes]:
    """The frames of a whole answer of that family."""
    wire = find_wire(adapter)
    chunks = wire.write_chunks(replay(SAID), adapter.model)
    if adapter.operation == "Converse":
        return [
            eventstream.encode(eventstream.event(kind, json.dumps(payload).encode()))
            for chunk in chunks
            for kind, payload in chunk.items()
        ]
    return [eventstream.encode(eventstream.chunk(json.dumps(chunk).encode(), "abcdef")) for chunk in chunks]


def places(frames: list[bytes]) -> list[tuple[int, int]]:
    """Places in the frames, each as (frame, byte), shifted from frame to frame so that all kinds of bytes are met."""
    return [
        (number, at)
        for number, frame in enumerate(frames)
        for at in range(len(frame))
        if (at < EDGE and number in (0, len(frames) - 1)) or at >= len(frame) - 2 or at % STEP == number % STEP
    ]


@pytest.fixture
def upstream(session_upstream: Upstream) -> Upstream:
    return session_upstream.reset()


@pytest.fixture
def gateway(gateway_with: GatewayWith, upstream: Upstream) -> Gateway:
    """A gateway in front of an upstream that sends what its scripts hold."""
    return gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)


def is_told(response: Any) -> bool:
    """Whether the caller can see that the call failed."""
    if response.status_code >= 400:
        return bool(response.json()["code"].startswith(("upstream_", "bedrock_", "model_")))
    events = Decoder().feed(response.content)
    names = [event.event for event in events]
    return names[-1] == "error" and names.count("error") == 1 and "usage" not in names


def test_no_damage_to_a_stream_passes_for_a_success(gateway: Gateway, upstream: Upstream, stream: SendStream) -> None:
    before, unseen = gateway.list_workers(), []
    for model, name in FAMILIES.items():
        adapter = ADAPTERS[name]
        frames = golden(adapter)

        def ask(*sent: bytes, model: str = model, adapter: Any = adapter) -> Any:
            upstream.scripts[:] = [stream(*sent)]
            return gateway.post(f"/v1/models/{model}/invoke-stream", dict(adapter.sample))

        assert Decoder().feed(ask(*frames).content)[-1].event == "usage"
        for number, at in places(frames):
            damaged = bytearray(frames[number])
            damaged[at] ^= 1 << (at % 8)
            if not is_told(ask(*frames[:number], bytes(damaged), *frames[number + 1 :])):
                unseen.append((model, "flip", number, at))
        for number, frame in enumerate(frames):
            # At 0 the stream is well formed and lacks only its end.
            for at in (0, 1, 11, 12, len(frame) // 2, len(frame) - 1):
                if not is_told(ask(*frames[:number], frame[:at])):
                    unseen.append((model, "cut", number, at))
        assert Decoder().feed(ask(*frames).content)[-1].event == "usage"
    assert unseen == []
    assert gateway.list_workers() == before


def test_no_cut_of_a_whole_answer_passes_for_a_success(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    before, unseen = gateway.list_workers(), []
    for model, name in {**FAMILIES, "titan-embed": "titan-embed"}.items():
        adapter = ADAPTERS[name]
        wire = find_wire(adapter)
        body = json.dumps(wire.write_reply(SAID, adapter.model) if wire.write_reply else TITAN).encode()

        def ask(script: Any, model: str = model, adapter: Any = adapter) -> Any:
            # Twice: a call whose upstream closes before its answer is tried again once.
            upstream.scripts[:] = [script, script]
            return gateway.post(f"/v1/models/{model}/invoke", dict(adapter.sample))

        assert ask(whole(body)).content == body
        for at in {*range(0, len(body), 17), len(body) - 1}:
            for script in (whole(body[:at]), whole(body[:at], length=len(body))):
                if not is_told(ask(script)):
                    unseen.append((model, body[:at]))
        assert ask(whole(body)).content == body
    assert unseen == []
    assert gateway.list_workers() == before
