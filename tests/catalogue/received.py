"""What a client of each dialect makes of an answer."""

import json
from collections.abc import Callable
from typing import Any

from bedrock_flask.protocol import sse
from tests.sse_decoder import Decoder, Event

Json = dict[str, Any]


class Received:
    """An answer as a client of the dialect puts it together: `text`, `calls`, `thoughts`, `stop`, `usage`."""

    def __init__(self, dialect: str, response: Any) -> None:
        self.dialect, self.response, self.status = dialect, response, response.status_code
        self.dropped = response.headers.get("x-bedrock-flask-dropped", "")
        self.text, self.stop, self.native = "", None, None
        self.calls: list[Json] = []
        self.thoughts: list[Json] = []
        self.usage: Any = None
        self.error: Any = None
        self.done = False
        self.events: list[Json] = []
        self.document: Any = None
        if response.headers["content-type"].startswith(sse.MEDIA_TYPE):
            self._read(Decoder().feed(response.content))
        else:
            self.document = response.json()
            # A response that failed is an answer all the same.
            self.error = self.document.get("error") if self.document.get("object") != "response" else None
            if not self.error:
                _WHOLE[dialect](self, self.document)

    def ok(self) -> "Received":
        """Itself, which is not an error."""
        assert self.status == 200, self.response.text
        assert not self.error, self.error
        return self

    def _read(self, events: list[Event]) -> None:
        for event in events:
            if event.data == "[DONE]":
                self.done = True
            else:
                document = json.loads(event.data)
                assert event.event in ("message", "", document.get("type")), event
                self.events.append(document)
        errors = [each for each in self.events if "error" in each and each.get("object") != "response"]
        self.error = errors[0]["error"] if errors else None
        _STREAMED[self.dialect](self)


def _chat_whole(received: Received, document: Json) -> None:
    [choice] = document["choices"]
    message = choice["message"]
    received.text, received.stop, received.native = (
        message["content"] or "",
        choice["finish_reason"],
        choice.get("native_finish_reason"),
    )
    received.calls = [{"id": call["id"], **call["function"]} for call in message.get("tool_calls", ())]
    received.thoughts = message.get("reasoning_details", [])
    received.usage = document["usage"]
    received.done = True


def _chat_streamed(received: Received) -> None:
    for chunk in received.events:
        if "error" in chunk:
            continue
        received.usage = chunk.get("usage") or received.usage
        for choice in chunk["choices"]:
            delta = choice["delta"]
            received.text += delta.get("content") or ""
            received.stop = choice["finish_reason"] or received.stop
            received.native = choice.get("native_finish_reason") or received.native
            for call in delta.get("tool_calls", ()):
                if call["index"] == len(received.calls):
                    received.calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
                received.calls[call["index"]]["arguments"] += call["function"].get("arguments", "")
            for detail in delta.get("reasoning_details", ()):
                _add_detail(received.thoughts, detail)


def _add_detail(thoughts: list[Json], detail: Json) -> None:
    if not thoughts or thoughts[-1]["index"] != detail["index"]:
        thoughts.append(dict(detail))
    else:
        for name in ("text", "signature", "data"):
            if name in detail:
                thoughts[-1][name] = thoughts[-1].get(name, "") + detail[name]


def _responses_whole(received: Received, document: Json) -> None:
    for item in document["output"]:
        if item["type"] == "message":
            received.text += "".join(part["text"] for part in item["content"])
        elif item["type"] == "reasoning":
            received.thoughts.append(item)
        else:
            given = item["arguments"] if item["type"] == "function_call" else item["input"]
            received.calls.append({"id": item["call_id"], "name": item["name"], "arguments": given})
    received.stop, received.native = document["status"], document.get("native_stop_reason")
    received.usage = document["usage"]
    received.done = True


def _responses_streamed(received: Received) -> None:
    # The event of a stream that broke off has the error at its top; it is not an end.
    ends = [each for each in received.events if each["type"] in _ENDS and "error" not in each]
    if not ends:
        return
    assert received.events[-1] == ends[0]
    _responses_whole(received, ends[0]["response"])
    # The deltas add up to what the last event repeats.
    deltas = [each["delta"] for each in received.events if each["type"] == "response.output_text.delta"]
    assert "".join(deltas) == received.text
    given = [
        each["delta"] for each in received.events if each["type"].endswith(("arguments.delta", "tool_call_input.delta"))
    ]
    assert "".join(given) == "".join(call["arguments"] for call in received.calls)
    items = [each["item"] for each in received.events if each["type"] == "response.output_item.done"]
    assert items == ends[0]["response"]["output"]


_ENDS = ("response.completed", "response.incomplete", "response.failed")


def _anthropic_whole(received: Received, document: Json) -> None:
    for block in document["content"]:
        if block["type"] == "text":
            received.text += block["text"]
        elif block["type"] == "tool_use":
            received.calls.append({"id": block["id"], "name": block["name"], "arguments": json.dumps(block["input"])})
        else:
            received.thoughts.append(block)
    received.stop, received.usage, received.done = document["stop_reason"], document["usage"], True


def _anthropic_streamed(received: Received) -> None:
    message: Json = {}
    pieces: dict[int, str] = {}
    for chunk in received.events:
        kind = chunk["type"]
        if kind == "message_start":
            message = chunk["message"]
        elif kind == "content_block_start":
            assert chunk["index"] == len(message["content"])
            message["content"].append(chunk["content_block"])
        elif kind == "content_block_delta":
            _add_delta(message["content"][chunk["index"]], chunk["delta"], pieces, chunk["index"])
        elif kind == "message_delta":
            message |= chunk["delta"]
            message["usage"] |= chunk["usage"]
        elif kind == "message_stop":
            for index, text in pieces.items():
                message["content"][index]["input"] = json.loads(text or "{}")
            _anthropic_whole(received, message)


def _add_delta(block: Json, delta: Json, pieces: dict[int, str], index: int) -> None:
    if delta["type"] == "input_json_delta":
        pieces[index] = pieces.get(index, "") + delta["partial_json"]
    else:
        [name] = delta.keys() - {"type"}
        # As Anthropic's SDK does it: the last signature is the signature.
        block[name] = delta[name] if name == "signature" else block[name] + delta[name]


_WHOLE: dict[str, Callable[[Received, Json], None]] = {
    "chat": _chat_whole,
    "responses": _responses_whole,
    "anthropic": _anthropic_whole,
}
_STREAMED: dict[str, Callable[[Received], None]] = {
    "chat": _chat_streamed,
    "responses": _responses_streamed,
    "anthropic": _anthropic_streamed,
}
