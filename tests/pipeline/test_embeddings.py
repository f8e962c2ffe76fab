"""Embeddings of many texts: what is sent of a request that has failed already."""

import io
import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from bedrock_flask import models
from bedrock_flask.call import Call, Handler, Reply
from bedrock_flask.config.settings import Settings
from bedrock_flask.converse import Request
from bedrock_flask.dialects.openai_embeddings import create_embeddings
from bedrock_flask.edge.concurrency import LARGE_BODY
from bedrock_flask.edge.exchange import begin_exchange
from bedrock_flask.errors import UpstreamUnreachable
from bedrock_flask.models import loading
from bedrock_flask.pipeline.embeddings import build_requests, embed
from bedrock_flask.state import State


class Remembering(ThreadPoolExecutor):
    """One thread, and all that it was given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given: list[Future[Any]] = []

    def submit(self, *call: Any, **named: Any) -> Future[Any]:
        self.given.append(super().submit(*call, **named))
        return self.given[-1]


def test_calls_that_have_not_begun_are_not_made_after_one_that_failed() -> None:
    adapter, sent = loading.load_registry().adapters["titan-embed"], []

    def make_call(request: Request) -> Call:
        return Call(adapter=adapter, operation="InvokeModel", model="m", body=b"{}")

    def send(call: Call) -> Reply:
        sent.append(call)
        # The second one lasts until the last is given up, or for so long that it never is.
        until = time.monotonic() + 5
        while len(sent) > 1 and not pool.given[-1].cancelled() and time.monotonic() < until:
            time.sleep(0.001)
        raise UpstreamUnreachable()

    with Remembering() as pool, pytest.raises(UpstreamUnreachable):
        embed(build_requests("abcdefgh", 1, {}), make_call, Handler(send=send, send_stream=None), pool)  # type: ignore[arg-type]
    assert len(sent) <= 2


class Semaphore(threading.Semaphore):
    """One that knows which threads have released it."""

    def __init__(self) -> None:
        super().__init__()
        self.released_by: list[threading.Thread] = []

    def release(self, n: int = 1) -> None:
        self.released_by.append(threading.current_thread())
        super().release(n)


def test_the_place_of_a_large_body_is_given_back_by_the_thread_of_its_request() -> None:
    reply = Reply({}, b'{"embedding":[0.5],"inputTextTokenCount":1}')
    settings, large = Settings(), Semaphore()
    handler = Handler(send=lambda call: reply, send_stream=None)  # type: ignore[arg-type]
    body = json.dumps({"model": "titan-embed", "input": ["x" * LARGE_BODY, "y", "z"]}).encode()
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    with ThreadPoolExecutor(2) as pool:
        state = State(settings, models.load(settings), handler=handler, pool=pool, large_bodies=large)
        answer = create_embeddings(begin_exchange(environ, state))
    assert len(json.loads(answer.body)["data"]) == 3  # type: ignore[arg-type]
    assert large.released_by == [threading.current_thread()]
