"""Embeddings of many texts: what is sent of a request that has failed already."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from bedrock_flask.call import Call, Handler, Reply
from bedrock_flask.converse import Request
from bedrock_flask.errors import UpstreamUnreachable
from bedrock_flask.models import loading
from bedrock_flask.pipeline.embeddings import build_requests, embed


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
