"""A gateway, an upstream that answers as it is told, and what a client of each dialect makes of an answer."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.protocol import eventstream, sse
from tests.doubles import Gateway, SendStream, SendWhole, StartGateway, Upstream
from tests.sse_decoder import Decoder, Event

Json = dict[str, Any]

# Two models that want their requests otherwise than those that are built in.
PLUGIN = '''
"""Models for the catalogue: one that takes no text beside tool results, one that does not stream."""

from bedrock_flask.plugin import Adapter, Capabilities, converse_body, hookimpl

ABLE = Capabilities(tools=True, system=True)
SAMPLE = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


@hookimpl
def register_adapters(register):
    for name, able in (("strict", ABLE.but(results_with_text=False)), ("mute", ABLE.but(streaming=False))):
        register(
            Adapter(
                name=f"acme-{name}",
                description="A model.",
                body=converse_body.Body,
                speaks={"converse": "Converse"},
                models={f"acme.{name}-*": able},
                default=f"acme.{name}-1",
                sample=SAMPLE,
            )
        )
'''
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
MODELS = f"""
[models.priced]
id = "amazon.nova-micro-v1:0"
arn = "{ARN}"
"""
USAGE = {"inputTokens": 3, "outputTokens": 10, "totalTokens": 13}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}


@pytest.fixture(scope="session")
def plugins_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of the catalogue's own."""
    folder: Path = tmp_path_factory.mktemp("plugins")
    (folder / "acme.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest,
    start_gateway: StartGateway,
    lasting_upstream: Upstream,
    plugins_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Gateway:
    models = tmp_path_factory.mktemp("models") / "models.toml"
    models.write_text(MODELS)
    settings = {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://127.0.0.1:{lasting_upstream.port}",
        "BEDROCK_FLASK_MODELS_FILE": str(models),
        "BEDROCK_FLASK_PLUGINS_DIR": str(plugins_folder),
        "BEDROCK_FLASK_MAX_ATTEMPTS": "1",
    }
    return start_gateway(**settings | getattr(request.module, "SETTINGS", {}))


@pytest.fixture
def house(gateway: Gateway, lasting_upstream: Upstream, whole: SendWhole, stream: SendStream) -> "House":
    """The gateway and its upstream, which has nothing to say yet and has heard nothing."""
    made = House(gateway, lasting_upstream, whole, stream)
    lasting_upstream.scripts, lasting_upstream.requests[:] = made, []
    return made


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    """Whether the client asks for a stream."""
    return bool(request.param)


@pytest.fixture(params=PATHS)
def dialect(request: pytest.FixtureRequest) -> str:
    """One of the dialects that are translated."""
    return str(request.param)


@dataclass
class House:
    """What a test says to the gateway, what the upstream answers, and what it was asked."""

    gateway: Gateway
    upstream: Upstream
    whole: SendWhole
    stream: SendStream
    answers: list[Callable[[str, Json], Any]] = field(default_factory=list)

    # --- the upstream -------------------------------------------------------------------------------------------------

    def pop(self, at: int) -> Any:
        """The script for the request that has just come."""
        return self.answers.pop(at)(self.target(), self.sent())

    def says(
        self,
        *content: Json | Callable[[Json], Json],
        stop: str = "end_turn",
        usage: Mapping[str, int] = USAGE,
        more: Json | None = None,
    ) -> None:
        """Answer the next call with these blocks, whole or as a stream, whichever it asks for."""

        def answer(target: str, body: Json) -> Any:
            blocks = [block(body) if callable(block) else block for block in content]
            if target.endswith("/invoke"):
                return self.whole(json.dumps(claudes_reply(blocks, stop)).encode())
            if target.endswith("/invoke-with-response-stream"):
                chunks = [eventstream.chunk(json.dumps(each).encode()) for each in claudes_chunks(blocks, stop)]
                return self.stream(*map(eventstream.encode, chunks))
            if target.endswith("/converse-stream"):
                return self.stream(*self.frames(*events_of(blocks, stop, usage, more)))
            message = {"role": "assistant", "content": blocks}
            told = {"output": {"message": message}, "stopReason": stop, "usage": usage}
            if more:
                told["additionalModelResponseFields"] = more
            return self.whole(json.dumps(told).encode())

        self.answers.append(answer)

    def frames(self, *events: Json | bytes) -> list[bytes]:
        """Events as frames; what is bytes already is a frame."""
        return [event if isinstance(event, bytes) else _frame(event) for event in events]

    def plays(self, *events: Json | bytes, then: Callable[[socket.socket], None] | None = None) -> None:
        """Answer the next call with exactly these events."""
        self.answers.append(lambda target, body: self.stream(*self.frames(*events), then=then))

    def refuses(self, name: str, status: int, message: str = "No.") -> None:
        """Answer the next call with an error of Bedrock's."""
        told = json.dumps({"message": message}).encode()
        self.answers.append(lambda target, body: self.whole(told, f"{status} Refused", x_amzn_errortype=name))

    def sent(self, at: int = -1) -> Json:
        """The body that the upstream was sent."""
        body: Json = json.loads(self.upstream.requests[at].partition(b"\r\n\r\n")[2])
        return body

    def target(self, at: int = -1) -> str:
        """The path that was called."""
        return str(self.upstream.requests[at].split(b"\r\n")[0].decode().split(" ")[1])

    # --- the client ---------------------------------------------------------------------------------------------------

    def ask(self, dialect: str, body: Json, headers: Mapping[str, str] | None = None, query: str = "") -> "Told":
        """What a client of the dialect is told."""
        response = self.gateway.post(PATHS[dialect] + query, body, headers=dict(headers or {}))
        return Told(dialect, response)

    def told(self, dialect: str, response: Any) -> "Told":
        """What a client of the dialect makes of a response."""
        return Told(dialect, response)

    def refused(self, dialect: str, body: Json, *names: str) -> Json:
        """The error: a 400 that has these names in it, before the model was called."""
        calls = len(self.upstream.requests)
        response = self.gateway.post(PATHS[dialect], body)
        assert response.status_code == 400, response.text
        assert len(self.upstream.requests) == calls
        for name in names:
            assert name in response.text, response.text
        error: Json = response.json()["error"]
        return error

    def body(self, dialect: str, model: str, *turns: Any, tools: Any = (), streamed: bool = False, **more: Any) -> Json:
        """A conversation in the words of a dialect.

        A turn is a text of the user's, a list of calls `(id, name, input)`, which a text may precede, or a result
        `(id, text)`.
        """
        said = [item for turn in turns for item in _SAYING[dialect](turn)]
        offered = [_TOOLS[dialect](*(tool if isinstance(tool, tuple) else (tool, SCHEMA))) for tool in tools]
        return {
            "model": model,
            **({"input": said} if dialect == "responses" else {"messages": said}),
            **({"max_tokens": 20_000} if dialect == "anthropic" else {}),
            **({"tools": offered} if offered else {}),
            **({"stream": True} if streamed else {}),
            **more,
        }


# --- Bedrock's answers ------------------------------------------------------------------------------------------------


def _frame(event: Json) -> bytes:
    [(kind, told)] = event.items()
    return eventstream.encode(eventstream.event(kind, json.dumps(told).encode()))


def events_of(blocks: list[Json], stop: str, usage: Mapping[str, int], more: Json | None = None) -> Iterator[Json]:
    """The events in which Converse streams these blocks, each text and input in two pieces."""
    yield {"messageStart": {"role": "assistant"}}
    for index, block in enumerate(blocks):
        start, deltas = _parts(block)
        if start:
            yield {"contentBlockStart": {"contentBlockIndex": index, "start": start}}
        for delta in deltas:
            yield {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    extra = {"additionalModelResponseFields": more} if more else {}
    yield {"messageStop": {"stopReason": stop, **extra}}
    yield {"metadata": {"usage": dict(usage)}}


def _parts(block: Json) -> tuple[Json, list[Json]]:
    if "text" in block:
        return {}, [{"text": piece} for piece in _halves(block["text"])]
    if "toolUse" in block:
        use = {name: value for name, value in block["toolUse"].items() if name != "input"}
        pieces = _halves(json.dumps(block["toolUse"]["input"])) if block["toolUse"]["input"] else []
        return {"toolUse": use}, [{"toolUse": {"input": piece}} for piece in pieces]
    reasoning = block["reasoningContent"]
    if "redactedContent" in reasoning:
        return {}, [{"reasoningContent": reasoning}]
    told = reasoning["reasoningText"]
    texts = [{"reasoningContent": {"text": piece}} for piece in _halves(told["text"])]
    signed = [{"reasoningContent": {"signature": told["signature"]}}] if "signature" in told else []
    return {}, [*texts, *signed]


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def claudes_reply(blocks: list[Json], stop: str) -> Json:
    """The same in Claude's own words."""
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "model": "claude",
        "content": [_claudes(block) for block in blocks],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": USAGE["inputTokens"], "output_tokens": USAGE["outputTokens"]},
    }


def claudes_chunks(blocks: list[Json], stop: str) -> Iterator[Json]:
    """The chunks of that."""
    reply = claudes_reply(blocks, stop)
    yield {"type": "message_start", "message": {**reply, "content": [], "stop_reason": None}}
    for index, block in enumerate(reply["content"]):
        start, deltas = _claudes_parts(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": USAGE["outputTokens"]}}
    yield {"type": "message_stop"}


def _claudes(block: Json) -> Json:
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    if "toolUse" in block:
        use = block["toolUse"]
        return {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": use["input"]}
    told = block["reasoningContent"]["reasoningText"]
    return {"type": "thinking", "thinking": told["text"], "signature": told["signature"]}


def _claudes_parts(block: Json) -> tuple[Json, list[Json]]:
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": block["text"]}]
    if block["type"] == "tool_use":
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        return {**block, "input": {}}, [delta]
    deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
    signed = {"type": "signature_delta", "signature": block["signature"]}
    return {**block, "thinking": "", "signature": ""}, [*deltas, signed]


# --- what clients say -------------------------------------------------------------------------------------------------

SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}}


def _chat(turn: Any) -> Iterator[Json]:
    if isinstance(turn, str):
        yield {"role": "user", "content": turn}
    elif isinstance(turn, list):
        calls = [
            {"id": call[0], "type": "function", "function": {"name": call[1], "arguments": json.dumps(call[2])}}
            for call in turn
            if isinstance(call, tuple)
        ]
        text = "".join(part for part in turn if isinstance(part, str)) or None
        yield {"role": "assistant", "content": text, "tool_calls": calls}
    else:
        yield {"role": "tool", "tool_call_id": turn[0], "content": turn[1]}


def _responses(turn: Any) -> Iterator[Json]:
    if isinstance(turn, str):
        yield {"type": "message", "role": "user", "content": turn}
    elif isinstance(turn, list):
        for part in turn:
            if isinstance(part, str):
                yield {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": part}]}
            else:
                call_id, name, told = part
                yield {"type": "function_call", "call_id": call_id, "name": name, "arguments": json.dumps(told)}
    else:
        yield {"type": "function_call_output", "call_id": turn[0], "output": turn[1]}


def _anthropic(turn: Any) -> Iterator[Json]:
    if isinstance(turn, str):
        yield {"role": "user", "content": turn}
    elif isinstance(turn, list):
        content = [
            {"type": "text", "text": part}
            if isinstance(part, str)
            else {"type": "tool_use", "id": part[0], "name": part[1], "input": part[2]}
            for part in turn
        ]
        yield {"role": "assistant", "content": content}
    else:
        result = {"type": "tool_result", "tool_use_id": turn[0], "content": turn[1]}
        yield {"role": "user", "content": [result]}


_SAYING: dict[str, Callable[[Any], Iterator[Json]]] = {"chat": _chat, "responses": _responses, "anthropic": _anthropic}
_TOOLS: dict[str, Callable[[str, Json], Json]] = {
    "chat": lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
    "responses": lambda name, schema: {"type": "function", "name": name, "parameters": schema, "strict": False},
    "anthropic": lambda name, schema: {"name": name, "input_schema": schema},
}


# --- what clients are told --------------------------------------------------------------------------------------------


class Told:
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

    def ok(self) -> "Told":
        """Itself, which is no error."""
        assert self.status == 200, self.response.text
        assert not self.error, self.error
        return self

    def _read(self, events: list[Event]) -> None:
        for event in events:
            if event.data == "[DONE]":
                self.done = True
            else:
                told = json.loads(event.data)
                assert event.event in ("message", "", told.get("type")), event
                self.events.append(told)
        errors = [each for each in self.events if "error" in each and each.get("object") != "response"]
        self.error = errors[0]["error"] if errors else None
        _STREAMED[self.dialect](self)


def _chat_whole(told: Told, document: Json) -> None:
    [choice] = document["choices"]
    message = choice["message"]
    told.text, told.stop, told.native = (
        message["content"] or "",
        choice["finish_reason"],
        choice["native_finish_reason"],
    )
    told.calls = [{"id": call["id"], **call["function"]} for call in message.get("tool_calls", ())]
    told.thoughts = message.get("reasoning_details", [])
    told.usage = document["usage"]
    told.done = True


def _chat_streamed(told: Told) -> None:
    for chunk in told.events:
        if "error" in chunk:
            continue
        told.usage = chunk.get("usage") or told.usage
        for choice in chunk["choices"]:
            delta = choice["delta"]
            told.text += delta.get("content") or ""
            told.stop = choice["finish_reason"] or told.stop
            told.native = choice.get("native_finish_reason") or told.native
            for call in delta.get("tool_calls", ()):
                if call["index"] == len(told.calls):
                    told.calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
                told.calls[call["index"]]["arguments"] += call["function"].get("arguments", "")
            for detail in delta.get("reasoning_details", ()):
                _add_detail(told.thoughts, detail)


def _add_detail(thoughts: list[Json], detail: Json) -> None:
    if not thoughts or thoughts[-1]["index"] != detail["index"]:
        thoughts.append(dict(detail))
    else:
        for name in ("text", "signature", "data"):
            if name in detail:
                thoughts[-1][name] = thoughts[-1].get(name, "") + detail[name]


def _responses_whole(told: Told, document: Json) -> None:
    for item in document["output"]:
        if item["type"] == "message":
            told.text += "".join(part["text"] for part in item["content"])
        elif item["type"] == "reasoning":
            told.thoughts.append(item)
        else:
            given = item["arguments"] if item["type"] == "function_call" else item["input"]
            told.calls.append({"id": item["call_id"], "name": item["name"], "arguments": given})
    told.stop, told.native = document["status"], document["native_stop_reason"]
    told.usage = document["usage"]
    told.done = True


def _responses_streamed(told: Told) -> None:
    ends = [each for each in told.events if each["type"] in _ENDS]
    if not ends:
        return
    assert told.events[-1] == ends[0]
    _responses_whole(told, ends[0]["response"])
    # What was told on the way is what the end tells.
    deltas = [each["delta"] for each in told.events if each["type"] == "response.output_text.delta"]
    assert "".join(deltas) == told.text
    given = [
        each["delta"] for each in told.events if each["type"].endswith(("arguments.delta", "tool_call_input.delta"))
    ]
    assert "".join(given) == "".join(call["arguments"] for call in told.calls)
    items = [each["item"] for each in told.events if each["type"] == "response.output_item.done"]
    assert items == ends[0]["response"]["output"]


_ENDS = ("response.completed", "response.incomplete", "response.failed")


def _anthropic_whole(told: Told, document: Json) -> None:
    for block in document["content"]:
        if block["type"] == "text":
            told.text += block["text"]
        elif block["type"] == "tool_use":
            told.calls.append({"id": block["id"], "name": block["name"], "arguments": json.dumps(block["input"])})
        else:
            told.thoughts.append(block)
    told.stop, told.usage, told.done = document["stop_reason"], document["usage"], True


def _anthropic_streamed(told: Told) -> None:
    message: Json = {}
    pieces: dict[int, str] = {}
    for chunk in told.events:
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
            _anthropic_whole(told, message)


def _add_delta(block: Json, delta: Json, pieces: dict[int, str], index: int) -> None:
    if delta["type"] == "input_json_delta":
        pieces[index] = pieces.get(index, "") + delta["partial_json"]
    else:
        [name] = delta.keys() - {"type"}
        # As Anthropic's SDK does it: the last signature is the signature.
        block[name] = delta[name] if name == "signature" else block[name] + delta[name]


_WHOLE: dict[str, Callable[[Told, Json], None]] = {
    "chat": _chat_whole,
    "responses": _responses_whole,
    "anthropic": _anthropic_whole,
}
_STREAMED: dict[str, Callable[[Told], None]] = {
    "chat": _chat_streamed,
    "responses": _responses_streamed,
    "anthropic": _anthropic_streamed,
}
