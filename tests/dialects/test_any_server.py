"""The form of an answer depends on the request alone, not on what the WSGI server lends."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from bedrock_flask.app import create_app
from bedrock_flask.call import REPLY, Call, Chunk, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.guards.completed import completed
from bedrock_flask.state import KEY, state_of

# A model that does not stream: a stream is written from its whole answer.
SLOW = """
from bedrock_flask.plugin import Adapter, Capabilities, converse_body, hookimpl


@hookimpl
def register_adapters(register):
    register(Adapter(
        name="slow",
        body=converse_body.Body,
        speaks={"converse": "Converse"},
        models={"acme.slow-*": Capabilities(streaming=False)},
        sample={"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
    ))
"""
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 1},
}
USER = [{"role": "user", "content": "Hi"}]
STREAMS = {
    "/v1/chat/completions": {"messages": USER},
    "/v1/messages": {"messages": USER, "max_tokens": 9},
    "/v1/responses": {"input": "Hi"},
}


def _send(call: Call) -> Reply:
    return Reply({}, json.dumps(ANSWER).encode())


def _send_stream(call: Call) -> Stream:
    assert not call.stream, "the model's streaming operation was called"
    return Stream({}, (batch for batch in [[Chunk(REPLY, json.dumps(ANSWER).encode())]]))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """The app under Flask's test client, which lends no socket, in front of a handler that answers at once."""
    (tmp_path / "slow.py").write_text(SLOW)
    app = create_app(Settings(plugins_dir=str(tmp_path)))
    app.extensions[KEY] = replace(state_of(app), handler=completed(Handler(_send, _send_stream)))
    with app.test_client() as client:
        yield client


def test_a_stream_of_a_model_that_does_not_stream_is_a_stream(client: FlaskClient) -> None:
    for path, body in STREAMS.items():
        response = client.post(path, json={"model": "slow", "stream": True, **body})
        assert (response.status_code, response.mimetype) == (200, "text/event-stream"), path
        assert "Hello" in response.text, path


def test_a_whole_answer_is_json(client: FlaskClient) -> None:
    for path, body in STREAMS.items():
        response: Any = client.post(path, json={"model": "slow", **body})
        assert (response.status_code, response.mimetype) == (200, "application/json"), path
        assert "Hello" in response.text, path
