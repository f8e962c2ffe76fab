"""`thinking.display: omitted`: the reasoning keeps its signature and loses its text, whole and streamed."""

import json
from typing import Any

import pytest

from bedrock_flask.protocol import eventstream
from tests.doubles import Emulator

CLAUDE = "anthropic.claude-opus-4-8"
SCRIPTED = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "A secret thought.", "signature": "c2ln"}}},
                {"text": "Hello."},
            ],
        }
    },
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    "metrics": {"latencyMs": 1},
}


def read_blocks(emulator: Emulator, operation: str, thinking: Any) -> tuple[str, str, str]:
    """The reasoning's text and signature, and the answer's text."""
    said = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    body: dict[str, Any] = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 4000,
        "messages": [said],
        "thinking": thinking,
    }
    if operation.startswith("converse"):
        body = {
            "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
            "additionalModelRequestFields": {"thinking": thinking},
        }
    response = emulator.post(f"/model/{CLAUDE}/{operation}", body)
    assert response.status_code == 200, response.text
    if operation == "converse":
        content = response.json()["output"]["message"]["content"]
        thought = content[0]["reasoningContent"]["reasoningText"]
        return thought["text"], thought["signature"], content[1]["text"]
    if operation == "invoke":
        content = response.json()["content"]
        return content[0]["thinking"], content[0]["signature"], content[1]["text"]
    frames = eventstream.Decoder().feed(response.content)
    deltas = []
    for frame in frames:
        is_chunk = frame.headers[":event-type"] == "chunk"
        payload = json.loads(eventstream.chunk_bytes(frame) if is_chunk else frame.payload)
        delta = payload.get("delta") or {}
        deltas.append(delta.get("reasoningContent") or delta)
    texts = [
        "".join(
            each.get(name) or "" for each in deltas if isinstance(each, dict) and (name != "text" or is_answer(each))
        )
        for name in ("thinking", "signature", "text")
    ]
    if operation == "converse-stream":
        # The signature comes last: what is before it is the reasoning.
        at = next(index for index, each in enumerate(deltas) if "signature" in each)
        texts[0] = "".join(each.get("text") or "" for each in deltas[:at])
        texts[2] = "".join(each.get("text") or "" for each in deltas[at:])
    return texts[0], texts[1], texts[2]


def is_answer(delta: Any) -> bool:
    return delta.get("type", "text_delta") == "text_delta"


@pytest.mark.parametrize("operation", ["invoke", "invoke-with-response-stream", "converse", "converse-stream"])
@pytest.mark.parametrize("scripted", [False, True])
def test_the_text_of_the_reasoning_is_omitted_on_request(emulator: Emulator, operation: str, scripted: bool) -> None:
    shown: dict[str, tuple[str, str, str]] = {}
    for display in ("summarized", "omitted"):
        if scripted:
            emulator.post("/_emulator/replies", {"times": 1, "response": SCRIPTED})
        shown[display] = read_blocks(emulator, operation, {"type": "adaptive", "display": display})
    full, omitted = shown["summarized"], shown["omitted"]
    assert (bool(full[0]), omitted[0]) == (True, "")
    assert omitted[1:] == full[1:]
    assert all(omitted[1:])
