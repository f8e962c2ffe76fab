"""Roles of teams and keys over real sockets: each call is made as its caller, or not at all."""

import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.config.database import parse_database_url
from tests.databases import create_address
from tests.doubles import Emulator, StartEmulator, StartGateway
from tests.governed import Governed, change_directory, create_tables, start_governed

NOVA, GPT, GEMMA = "amazon.nova-lite-v1:0", "us.openai.gpt-5.6-sol", "google.gemma-4-31b"
ROLE, ACCOUNT = "arn:aws:iam::210987654321:role/", "210987654321"
_NUMBERS = itertools.count()
# One call of each surface, and of the jobs of an account; `$TEXT` is in its body.
CALLS: dict[str, tuple[str, str, Any]] = {
    "Converse": ("POST", f"/model/{NOVA}/converse", {"messages": [{"role": "user", "content": [{"text": "$TEXT"}]}]}),
    "ConverseStream": (
        "POST",
        "/v1/chat/completions",
        {"model": "nova", "stream": True, "messages": [{"role": "user", "content": "$TEXT"}]},
    ),
    "InvokeModel": (
        "POST",
        f"/v1/models/{NOVA}/invoke",
        {"messages": [{"role": "user", "content": [{"text": "$TEXT"}]}]},
    ),
    "InvokeModelWithResponseStream": (
        "POST",
        "/v1/messages",
        {"model": "claude", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "$TEXT"}]},
    ),
    "runtime/responses": ("POST", "/v1/responses", {"model": GPT, "input": "$TEXT"}),
    "mantle/openai/chat": (
        "POST",
        "/v1/chat/completions",
        {"model": GEMMA, "messages": [{"role": "user", "content": "$TEXT"}]},
    ),
    "StartAsyncInvoke": (
        "POST",
        "/v1/models/nova-reel/jobs",
        {
            "input": {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "$TEXT"}},
            "output": {"s3_uri": "s3://bucket"},
        },
    ),
    "ListAsyncInvokes": ("GET", "/async-invoke", None),
}


@pytest.fixture(scope="module")
def aws(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    """An emulator of its own that verifies signatures: its log and its sessions are those of these tests."""
    return start_emulator("--secret", "emulator:emulator", "--async-dir", str(tmp_path_factory.mktemp("s3")))


@pytest.fixture(scope="module", params=["gevent-sqlite-signed", "gthread-postgres-boto"])
def governed(
    request: pytest.FixtureRequest,
    start_gateway: StartGateway,
    plain_environ: dict[str, str],
    aws: Emulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Governed:
    worker, kind, transport = request.param.split("-")
    return start_governed(
        start_gateway,
        plain_environ,
        create_address(request, kind, tmp_path_factory.mktemp("roles")),
        worker,
        BEDROCK_FLASK_WORKERS="1",
        BEDROCK_FLASK_TRANSPORT=transport,
        BEDROCK_FLASK_READ_TIMEOUT="1",
        BEDROCK_FLASK_MAX_ATTEMPTS="2",
        BEDROCK_FLASK_DISCOVERY="false",
        AWS_ENDPOINT_URL_STS=aws.url,
        **aws.endpoints(),
    )


@pytest.fixture(autouse=True)
def clean(aws: Emulator) -> Iterator[None]:
    aws.ask("DELETE", "/_emulator/requests")
    yield
    aws.ask("DELETE", "/_emulator/faults")


def create_key(governed: Governed, **policy: Any) -> tuple[str, str]:
    """A key whose team has a role of its own, and the name of that role."""
    role = f"r{next(_NUMBERS)}"
    return governed.create_key_with({}, {"role": ROLE + role, **policy}), role


def call(governed: Governed, key: str, name: str = "Converse", text: str = "Hi") -> Any:
    method, path, body = CALLS[name]
    sent = body and json.loads(json.dumps(body).replace("$TEXT", text))
    return governed.send_with(key, path, sent, method)


def list_callers(aws: Emulator, text: str = "") -> dict[str, set[str]]:
    """The names of the roles, or else the keys, with which each operation was called with this text in its body."""
    callers: dict[str, set[str]] = {}
    for each in aws.calls():
        if text in each["body"]:
            caller = each["caller"]
            callers.setdefault(each["operation"], set()).add(caller.split("/")[1] if "/" in caller else caller)
    return callers


def test_callers_in_parallel_are_never_mixed_on_any_surface(governed: Governed, aws: Emulator) -> None:
    keys = {role: key for key, role in (create_key(governed), create_key(governed))}
    keys["emulator"] = governed.create_key_with({})
    jobs = [(role, name) for _ in range(3) for name in CALLS for role in keys]
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda job: call(governed, keys[job[0]], job[1], f"text of {job[0]}."), jobs))
    assert [(job, answer.text) for job, answer in zip(jobs, answers, strict=True) if not answer.ok] == []
    with_text = [name for name in CALLS if name != "ListAsyncInvokes"]
    for role in keys:
        assert list_callers(aws, f"text of {role}.") == {name: {role} for name in with_text}
    assert list_callers(aws)["ListAsyncInvokes"] == {*keys}
    keys_of = {(each["caller"], each["headers"]["authorization"].split("/")[0]) for each in aws.calls()}
    assert {key for caller, key in keys_of if caller == "emulator"} == {"AWS4-HMAC-SHA256 Credential=emulator"}
    # One for each key, however many calls begin at once; the surfaces beside boto3's are called by `signed`.
    assert len([each for each in aws.calls() if each["operation"] == "AssumeRole"]) in (2, 4)


def test_a_guardrail_of_the_gateways_is_applied_as_the_caller(governed: Governed, aws: Emulator) -> None:
    key, role = create_key(governed, guardrail="gr1:1")
    assert call(governed, key, "mantle/openai/chat", f"of {role}.").ok
    assert list_callers(aws, f"of {role}.") == {"ApplyGuardrail": {role}, "mantle/openai/chat": {role}}
    blocked = {"model": GEMMA, "messages": [{"role": "user", "content": "Say [[blocked]]."}], "stream": True}
    assert governed.send_with(key, "/v1/chat/completions", blocked).status_code == 400


def test_a_session_is_named_and_tagged_for_its_caller(governed: Governed, aws: Emulator) -> None:
    key, role = create_key(governed, external_id="outside/7", session_tags=["centre"])
    assert call(governed, key).status_code == 200
    [session] = [each for each in aws.get("/_emulator/sessions").json() if each["role"] == ROLE + role]
    team = session["tags"]["team"]
    assert session["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/k@{team}"
    assert (session["tags"], session["external_id"]) == ({"team": team, "key": f"{team}/k"}, "outside/7")


def test_without_its_role_a_caller_calls_nothing_and_the_log_says_why(governed: Governed, aws: Emulator) -> None:
    aws.fault("AccessDeniedException", count=100, operation="AssumeRole", message="not authorized: sts:TagSession")
    for name in CALLS:
        # Another one each time, because a role that was refused is tried again after a pause.
        key, role = create_key(governed)
        answer = call(governed, key, name)
        assert answer.status_code == 503, answer.text
        assert "cannot be assumed" in answer.text
        assert "arn:" not in answer.text
    assert call(governed, key).headers["x-amzn-errortype"].startswith("ServiceUnavailableException")
    assert list_callers(aws) == {"AssumeRole": {"emulator"}}
    [line, *_] = [each["message"] for each in governed.gateway.lines() if ROLE + role in each["message"]]
    assert "STS answers 403 AccessDenied: not authorized: sts:TagSession" in line
    assert "have the role's trust policy allow both" in line
    aws.ask("DELETE", "/_emulator/faults")
    assert call(governed, key).status_code == 200


@pytest.mark.parametrize("fault", [{"name": "throttle", "status": 400}, {"name": "unavailable"}, {"name": "hang_up"}])
def test_a_moment_s_refusal_of_sts_is_tried_again(governed: Governed, aws: Emulator, fault: dict[str, Any]) -> None:
    key, role = create_key(governed)
    aws.fault(operation="AssumeRole", **fault)
    assert call(governed, key).status_code == 200
    assert list_callers(aws)["Converse"] == {role}


def test_an_sts_that_is_slow_holds_up_its_own_callers_only(governed: Governed, aws: Emulator) -> None:
    (key, _), (other, _) = create_key(governed), create_key(governed)
    assert call(governed, other).status_code == 200
    aws.fault("slow_first_byte", count=100, operation="AssumeRole", seconds=30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, governed, key)
        while "AssumeRole" not in {each["operation"] for each in aws.calls() if each["ended"] is None}:
            time.sleep(0.005)
        assert call(governed, other).status_code == call(governed, governed.create_key_with({})).status_code == 200
        assert not waiting.done()
        assert waiting.result().status_code == 503


def test_a_stream_outlives_its_session_and_the_next_call_has_a_new_one(governed: Governed, aws: Emulator) -> None:
    key, role = create_key(governed)
    body = {"messages": [{"role": "user", "content": "Hi"}], "model": "nova", "stream": True}
    assert call(governed, key).status_code == 200
    aws.fault("stall", after=2, seconds=0.5, operation="ConverseStream")
    with ThreadPoolExecutor(1) as pool:
        streamed = pool.submit(governed.send_with, key, "/v1/chat/completions", body)
        while "ConverseStream" not in {each["operation"] for each in aws.calls() if each["status"]}:
            time.sleep(0.005)
        aws.ask("DELETE", "/_emulator/sessions")
        assert streamed.result().text.endswith("data: [DONE]\n\n")
    refused = call(governed, key)
    assert (refused.status_code, "credentials" in refused.text) == (503, True)
    assert call(governed, key).status_code == 200
    assert list_callers(aws)["Converse"] == {role}


def test_an_api_key_of_bedrock_is_named_at_the_start_where_a_team_has_a_role(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    address = f"sqlite:///{tmp_path}/gateway.db"
    settings = create_tables(address)
    change_directory(parse_database_url(address), "create_team", "acme")
    change_directory(parse_database_url(address), "set_policy", "team:acme", {"role": f"{ROLE}acme"})
    gateway = start_gateway(**settings, AWS_BEARER_TOKEN_BEDROCK="canary-token")
    [warning] = {each["message"] for each in gateway.lines() if "AWS_BEARER_TOKEN_BEDROCK" in each["message"]}
    assert warning == "AWS_BEARER_TOKEN_BEDROCK is set, with which no role is assumed: calls of team 'acme' fail"
    assert "canary-token" not in gateway.log.read_text()
