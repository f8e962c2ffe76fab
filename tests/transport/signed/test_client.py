"""What `signed` writes, and what it does not load: no client of boto3, and nothing before the first call."""

import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.call import Call
from bedrock_flask.config.settings import Settings
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed import gate
from bedrock_flask.transport.signed.credentials import Frozen
from bedrock_flask.transport.signed.endpoints import Endpoint
from tests.doubles import SendWhole, Upstream

ENDPOINT = Endpoint(
    scheme="http", host="localhost", port=80, base_path="/base", region="us-east-1", signing_region="us-east-1"
)
KEYS = Frozen("AKID", "secret")


def make_call(adapter: Adapter, **options: Any) -> Call:
    return Call(adapter=adapter, operation="InvokeModel", model="m", body=b"{}", **options)


def test_a_request_is_head_and_body_in_one(nova: Adapter, aws: None) -> None:
    way = gate.make_gate(ENDPOINT, Settings())
    [written] = gate.write_request(make_call(nova, headers={"x-amzn-bedrock-trace": "ENABLED"}), way, KEYS)
    head, _, body = written.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /base/model/m/invoke HTTP/1.1"
    assert {"Host: localhost", "Content-Length: 2", "Accept-Encoding: identity"} < set(lines)
    assert body == b"{}"


def test_a_large_body_is_not_copied(nova: Adapter, aws: None) -> None:
    call = replace(make_call(nova), body=b" " * 100_000)
    head, body = gate.write_request(call, gate.make_gate(ENDPOINT, Settings()), KEYS)
    assert head.endswith(b"Content-Length: 100000\r\n\r\n") or b"Content-Length: 100000\r\n" in head
    assert body is call.body


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\r\n\r\nGET / HTTP/1.1"])
def test_no_header_breaks_the_head_of_a_request(
    nova: Adapter, aws: None, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setattr(gate, "sign", lambda *_: [("Host", "localhost"), ("X-Odd", value)])
    way = gate.make_gate(ENDPOINT, Settings())
    with pytest.raises(ValueError, match="line break"):
        gate.write_request(make_call(nova), way, KEYS)


def test_no_client_of_boto3_is_loaded_and_nothing_before_the_first_call(plain_environ: dict[str, str]) -> None:
    script = """
import sys, time
from bedrock_flask.call import Call
from bedrock_flask.config.settings import Settings
from bedrock_flask.models import loading
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown
handler = make_transport(Settings(transport="signed", max_attempts=1), Shutdown())
assert "botocore" not in sys.modules, "before the first call"
call = Call(adapter=loading.load_registry().adapters["nova"], operation="InvokeModel", model="m", body=b"{}",
            deadline=time.monotonic() + 20)
try:
    handler.send(call)
except Exception as error:
    print(type(error).__name__)
print([name for name in ("boto3", "s3transfer") if name in sys.modules])
"""
    environ = {**plain_environ, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:9"}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ran.stdout, ran.returncode) == ("UpstreamUnreachable\n[]\n", 0), ran.stderr


def test_endpoints_that_callers_choose_do_not_fill_the_memory(
    nova: Adapter, aws: None, upstream: Upstream, whole: SendWhole
) -> None:
    handler = make_transport(Settings(transport="signed"), Shutdown())
    for number in range(70):
        upstream.scripts.append(whole(b"{}"))
        handler.send(make_call(nova, region=f"eu-west-{number}", deadline=time.monotonic() + 20))
    # Connections of an endpoint that is forgotten are closed.
    assert upstream.connections == 70
