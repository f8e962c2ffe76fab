"""boto3 as a transport: one client a region, made at the first call, with the gateway's own connection options."""

import socket
import threading
from typing import Any

import pytest

from bedrock_flask.config.settings import Settings
from bedrock_flask.transport.boto.client import cache_clients, make_client, make_transport
from bedrock_flask.transport.boto.deferred import defer_responses
from bedrock_flask.transport.shutdown import Shutdown
from tests.doubles import SendWhole, Upstream


def test_one_client_serves_a_region_for_good(aws: None) -> None:
    client, _ = cache_clients(Settings())
    found: set[int] = set()
    threads = [threading.Thread(target=lambda: found.add(id(client("eu-west-1")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert client("eu-west-1") is not client("us-east-1")


def test_the_pool_is_as_large_as_the_concurrency_and_connections_stay_alive(
    upstream: Upstream, aws: None, whole: SendWhole
) -> None:
    client = make_client(Settings(threads=37, worker="gthread"), "us-east-1")
    assert client.meta.config.max_pool_connections == 37
    assert client.meta.config.retries["total_max_attempts"] == 1
    seen: list[int] = []
    original = socket.socket.setsockopt

    def watch(self: socket.socket, *document: Any) -> None:
        if document[:2] == (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE):
            seen.append(document[2])
        original(self, *document)

    socket.socket.setsockopt = watch  # type: ignore[method-assign, assignment]
    try:
        upstream.scripts.append(whole(b"{}"))
        transport_of_client(defer_responses(client))
    finally:
        socket.socket.setsockopt = original  # type: ignore[method-assign]
    assert seen == [60]


def transport_of_client(client: Any) -> None:
    from bedrock_flask.call import Call
    from bedrock_flask.models import loading
    from bedrock_flask.transport.boto import client as boto
    from bedrock_flask.transport.reading import Reader

    call = Call(adapter=loading.load_registry().adapters["nova"], operation="InvokeModel", model="m", body=b"{}")
    Reader(boto._send(client, call), call, Settings(), Shutdown(), as_stream=False).read_reply()


def test_a_transport_makes_no_client_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    make_transport(Settings(), Shutdown())
