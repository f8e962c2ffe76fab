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
from bedrock_flask.dialects.openai_embeddings import create_embeddings
from bedrock_flask.edge.concurrency import LARGE_BODY
from bedrock_flask.edge.exchange import begin_exchange
from bedrock_flask.errors import UpstreamUnreachable
from bedrock_flask.models import loading
from bedrock_flask.pipeline.embeddings import Part, embed, split_inputs
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

    def make_call(part: Part) -> Call:
        return Call(adapter=adapter, operation="InvokeModel", model="m", body=b"{}")

    def send(call: Call) -> Reply:
        sent.append(call)
        # The second one lasts until the last is given up, or for so long that it never is.
        until = time.monotonic() + 5
        while len(sent) > 1 and not pool.given[-1].cancelled() and time.monotonic() < until:
            time.sleep(0.001)
        raise UpstreamUnreachable()

    parts = split_inputs([{"role": "user", "content": [{"text": text}]} for text in "abcdefgh"], 1, {})
    with Remembering() as pool, pytest.raises(UpstreamUnreachable):
        embed(parts, make_call, Handler(send=send, send_stream=None), pool)  # type: ignore[arg-type]
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
    texts = ["x" * 50_000] * (LARGE_BODY // 50_000 + 1)
    body = json.dumps({"model": "titan-embed", "input": texts}).encode()
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    with ThreadPoolExecutor(2) as pool:
        state = State(settings, models.load(settings), handler=handler, pool=pool, large_bodies=large)
        answer = create_embeddings(begin_exchange(environ, state))
    assert len(json.loads(answer.body)["data"]) == len(texts)  # type: ignore[arg-type]
    assert large.released_by == [threading.current_thread()]


def test_texts_go_in_batches_and_inputs_with_images_alone() -> None:
    text, image = {"text": "x"}, {"image": {"format": "png", "source": {"bytes": ""}}}
    contents = [[text], [text], [text], [image], [text, image], [text], [text, text]]
    messages = [{"role": "user", "content": content} for content in contents]
    parts = split_inputs(messages, 2, {"dimensions": 256})
    assert [(part.first, part.size) for part in parts] == [(0, 2), (2, 1), (3, 1), (4, 1), (5, 2)]
    assert [message for part in parts for message in part.request["messages"]] == messages
    assert all(part.request["extras"] == {"dimensions": 256} for part in parts)
