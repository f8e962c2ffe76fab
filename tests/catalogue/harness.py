"""A gateway and its scripted upstream, with what a test needs to ask the one and to script the other."""

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.protocol import eventstream
from tests.catalogue.bedrock_answers import USAGE, Json, claudes_chunks, claudes_reply, events_of, frame
from tests.catalogue.conversations import SCHEMA, TOOLS, WRITERS
from tests.catalogue.received import Received
from tests.doubles import Gateway, SendStream, SendWhole, Upstream

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}


@dataclass
class Harness:
    """The gateway, its upstream's scripted answers, and the requests that the upstream received."""

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
            document = {"output": {"message": message}, "stopReason": stop, "usage": usage}
            if more:
                document["additionalModelResponseFields"] = more
            return self.whole(json.dumps(document).encode())

        self.answers.append(answer)

    def frames(self, *events: Json | bytes) -> list[bytes]:
        """Events as frames; what is bytes already is a frame."""
        return [event if isinstance(event, bytes) else frame(event) for event in events]

    def plays(self, *events: Json | bytes, then: Callable[[socket.socket], None] | None = None) -> None:
        """Answer the next call with exactly these events."""
        self.answers.append(lambda target, body: self.stream(*self.frames(*events), then=then))

    def refuses(self, name: str, status: int, message: str = "No.") -> None:
        """Answer the next call with an error of Bedrock's."""
        result = json.dumps({"message": message}).encode()
        self.answers.append(lambda target, body: self.whole(result, f"{status} Refused", x_amzn_errortype=name))

    def sent(self, at: int = -1) -> Json:
        """The body that the upstream was sent."""
        body: Json = json.loads(self.upstream.requests[at].partition(b"\r\n\r\n")[2])
        return body

    def target(self, at: int = -1) -> str:
        """The path that was called."""
        return str(self.upstream.requests[at].split(b"\r\n")[0].decode().split(" ")[1])

    # --- the client ---------------------------------------------------------------------------------------------------

    def ask(self, dialect: str, body: Json, headers: Mapping[str, str] | None = None, query: str = "") -> "Received":
        """What a client of the dialect receives."""
        response = self.gateway.post(PATHS[dialect] + query, body, headers=dict(headers or {}))
        return Received(dialect, response)

    def told(self, dialect: str, response: Any) -> "Received":
        """What a client of the dialect makes of a response."""
        return Received(dialect, response)

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
        messages = [item for turn in turns for item in WRITERS[dialect](turn)]
        offered = [TOOLS[dialect](*(tool if isinstance(tool, tuple) else (tool, SCHEMA))) for tool in tools]
        return {
            "model": model,
            **({"input": messages} if dialect == "responses" else {"messages": messages}),
            **({"max_tokens": 8_000} if dialect == "anthropic" else {}),
            **({"tools": offered} if offered else {}),
            **({"stream": True} if streamed else {}),
            **more,
        }
