"""Jobs belong to the team whose key has started them: no other team lists them, looks them up or repeats them."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.doubles import Emulator, StartEmulator, StartGateway
from tests.governed import STATIC, Governed, NamedKey, start_governed

LUMA = {"prompt": "A paper boat on a calm lake.", "duration": "9s", "resolution": "720p"}
JOBS = "/v1/models/luma/jobs"
NATIVE = {"input": LUMA, "output": {"s3_uri": "s3://results/videos"}}
AWS: dict[str, Any] = {
    "modelId": "luma.ray-v2:0",
    "modelInput": LUMA,
    "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://results/videos"}},
}


@pytest.fixture(scope="module")
def account(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    return start_emulator("--async-dir", str(tmp_path_factory.mktemp("s3")))


@pytest.fixture(scope="module")
def governed(
    account: Emulator, start_gateway: StartGateway, plain_environ: dict[str, str], tmp_path_factory: Any
) -> Governed:
    folder: Path = tmp_path_factory.mktemp("jobs")
    address, upstream = f"sqlite:///{folder}/gateway.db", {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": account.url}
    return start_governed(
        start_gateway, plain_environ, address, "gevent", **upstream, AWS_REGION="us-east-1", BEDROCK_FLASK_WORKERS="1"
    )


def make_client(governed: Governed, key: NamedKey) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=governed.gateway.url,
        region_name="us-east-1",
        aws_access_key_id=key.id,
        aws_secret_access_key=key.aws_secret,
    )


def ask(governed: Governed, key: str, path: str, body: Any = None, **headers: str) -> Any:
    sent = {"authorization": f"Bearer {key}", **headers}
    post, get = governed.gateway.post, governed.gateway.get
    return post(path, body, headers=sent) if body else get(path, headers=sent)


def list_ids(governed: Governed, key: str) -> set[str]:
    return {job["id"] for job in ask(governed, key, JOBS).json()["data"]}


def test_a_team_sees_its_own_jobs_and_no_other_team_does(governed: Governed, service_models_read_once: None) -> None:
    own, colleague, stranger = (governed.create_key(team) for team in ("research", "research", "acme"))
    native = ask(governed, own.text, JOBS, NATIVE | {"client_request_token": "mine"}).json()
    assert native["client_request_token"] == "mine"
    of_aws = make_client(governed, own).start_async_invoke(**AWS, clientRequestToken="ours")["invocationArn"]
    ids = {native["id"], of_aws}
    for key in (own, colleague):
        assert ids <= list_ids(governed, key.text)
        shown = ask(governed, key.text, f"{JOBS}/{quote(of_aws)}").json()
        assert shown["client_request_token"] == "ours"
        client = make_client(governed, key)
        assert client.get_async_invoke(invocationArn=native["id"])["clientRequestToken"] == "mine"
        listed = client.list_async_invokes()["asyncInvokeSummaries"]
        assert {"mine", "ours"} <= {job["clientRequestToken"] for job in listed}
    assert not ids & list_ids(governed, stranger.text)
    client = make_client(governed, stranger)
    assert not ids & {job["invocationArn"] for job in client.list_async_invokes()["asyncInvokeSummaries"]}
    for job in ids:
        assert ask(governed, stranger.text, f"{JOBS}/{quote(job)}").status_code == 404
        with pytest.raises(ClientError, match="The team 'acme' has no job of this id"):
            client.get_async_invoke(invocationArn=job)


def test_the_token_of_another_team_is_another_one(governed: Governed) -> None:
    first, second = governed.create_key("research"), governed.create_key("acme")
    started = [
        ask(governed, key.text, JOBS, NATIVE, **{"idempotency-key": "x" * 256}) for key in (first, second, first)
    ]
    ids = [answer.json()["id"] for answer in started]
    assert ids[0] == ids[2] != ids[1]


def test_a_key_without_a_team_sees_the_jobs_of_the_account(governed: Governed, account: Emulator) -> None:
    own = governed.create_key("research")
    job = ask(governed, own.text, JOBS, NATIVE).json()["id"]
    of_nobody = ask(governed, STATIC, JOBS, NATIVE | {"client_request_token": "static"}).json()
    assert of_nobody["client_request_token"] == "static"
    assert {job, of_nobody["id"]} <= list_ids(governed, STATIC)
    assert of_nobody["id"] not in list_ids(governed, own.text)


def test_a_job_always_has_an_owner(governed: Governed) -> None:
    key = governed.create_key("research")
    refused = ask(governed, key.text, "/async-invoke", AWS | {"clientRequestToken": 7})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_body")
    arn = ask(governed, key.text, "/async-invoke", AWS).json()["invocationArn"]
    assert arn in list_ids(governed, key.text)
