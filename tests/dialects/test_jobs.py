"""Asynchronous jobs over real sockets: the gateway in front of an emulator with a folder in place of S3."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import jsonschema
import pytest

from tests.doubles import Emulator, Gateway, SendWhole, StartEmulator, StartGateway, Upstream

LUMA = {"prompt": "A paper boat on a calm lake.", "duration": "9s", "resolution": "720p"}
PLACE = {"s3_uri": "s3://results/videos"}
MODELS = """
[models.film]
id = "luma.ray-v2:0"
region = "us-west-2"

[models.newer]
id = "luma.ray-v2:0"
validate = "warn"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s3")


@pytest.fixture(scope="module")
def account(start_emulator: StartEmulator, folder: Path) -> Emulator:
    return start_emulator("--async-dir", str(folder))


@pytest.fixture(scope="module")
def gateway(account: Emulator, start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    models: Path = tmp_path_factory.mktemp("models") / "models.toml"
    models.write_text(MODELS)
    return start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=account.url,
        AWS_REGION="us-east-1",
        BEDROCK_FLASK_MODELS_FILE=str(models),
        BEDROCK_FLASK_JOBS_S3_URI="s3://by-default/jobs/",
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
    )


@pytest.fixture
def calls(account: Emulator) -> Any:
    account.ask("DELETE", "/_emulator/requests")
    return account.calls


def start(gateway: Gateway, model: str = "luma", body: Any = LUMA, **members: Any) -> Any:
    headers = members.pop("headers", {})
    return gateway.post(f"/v1/models/{model}/jobs", {"input": body, **members}, headers=headers)


def make_client(gateway: Gateway) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=gateway.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def await_end(gateway: Gateway, model: str, job: str) -> Any:
    until = time.monotonic() + 30
    while (found := gateway.get(f"/v1/models/{model}/jobs/{job}").json())["status"] == "in_progress":
        assert time.monotonic() < until, "it has not ended"
        time.sleep(0.02)
    return found


def test_a_job_runs_from_its_start_to_its_files(gateway: Gateway, folder: Path, calls: Any) -> None:
    response = start(
        gateway, output={**PLACE, "kms_key_id": "alias/a", "bucket_owner": "123456789012"}, tags={"a": "b"}
    )
    assert response.status_code == 202, response.text
    job = response.json()
    assert (job["object"], job["model"], job["status"]) == ("job", "luma", "submitted")
    assert response.headers["location"] == f"/v1/models/luma/jobs/{job['id']}"
    assert response.headers["x-bedrock-flask-model"] == "luma.ray-v2:0"
    [sent] = calls()
    assert json.loads(sent["body"]) == {
        "modelId": "luma.ray-v2:0",
        "modelInput": LUMA,
        "clientRequestToken": job["client_request_token"],
        "outputDataConfig": {
            "s3OutputDataConfig": {"s3Uri": PLACE["s3_uri"], "kmsKeyId": "alias/a", "bucketOwner": "123456789012"}
        },
        "tags": [{"key": "a", "value": "b"}],
    }
    found = await_end(gateway, "luma", job["id"])
    assert (found["status"], found["failure_message"]) == ("completed", None)
    assert found["model_arn"].endswith("foundation-model/luma.ray-v2:0")
    assert found["submitted_at"] <= found["ended_at"] == found["modified_at"]
    assert found["output"] == job["output"]
    written = folder / found["output"]["folder"].removeprefix("s3://") / "output.mp4"
    assert written.read_bytes()[4:8] == b"ftyp"


VIDEO = {"inputType": "video", "mediaSource": {"s3Location": {"uri": "s3://b/a.mp4"}}}
MARENGO_2 = "twelvelabs.marengo-embed-2-7-v1:0"


@pytest.mark.parametrize("name", ["marengo-2", f"us.{MARENGO_2}", MARENGO_2])
def test_a_job_is_started_by_the_model_s_own_id_where_other_calls_need_a_profile(
    gateway: Gateway, account: Emulator, calls: Any, name: str
) -> None:
    response = start(gateway, name, VIDEO)
    assert response.headers["x-bedrock-flask-model"] == MARENGO_2
    assert await_end(gateway, name, response.json()["id"])["status"] == "completed"
    output = {"s3OutputDataConfig": {"s3Uri": "s3://results/vectors"}}
    make_client(gateway).start_async_invoke(modelId=name, modelInput=VIDEO, outputDataConfig=output)
    started = [json.loads(call["body"])["modelId"] for call in calls() if call["operation"] == "StartAsyncInvoke"]
    assert started == [MARENGO_2, MARENGO_2]
    text = {"inputType": "text", "inputText": "a"}
    assert gateway.post(f"/v1/models/{name}/invoke", text).headers["x-bedrock-flask-model"].endswith(MARENGO_2)


def test_the_schema_of_a_job_has_the_model_s_own(gateway: Gateway) -> None:
    links = gateway.get("/v1/models/luma").json()["links"]
    response = gateway.get(links["jobs_schema"])
    assert response.headers["content-type"] == "application/schema+json"
    schema = response.json()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"input": LUMA, "output": PLACE})
    for altered in ({"input": {**LUMA, "loops": True}}, {"input": LUMA, "outputs": PLACE}, {"output": PLACE}):
        assert not check.is_valid(altered)
    unknown = gateway.get("/v1/models/newvendor.unheard-of/jobs/schema").json()
    assert jsonschema.Draft202012Validator(unknown).is_valid({"input": {"anything": 1}})
    refused = gateway.get("/v1/models/titan-embed/jobs/schema")
    assert (refused.status_code, refused.json()["code"]) == (400, "not_asynchronous")


@pytest.mark.parametrize(
    ("model", "body", "refused", "path"),
    [
        (
            "marengo",
            {"inputType": "audio", "audio": {"mediaSource": {"s3Location": {"uri": "s3://b/a.mp3"}}}},
            {"inputType": "audios"},
            "input.inputType",
        ),
        (
            "nova-embed",
            {
                "taskType": "SEGMENTED_EMBEDDING",
                "segmentedEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "audio": {
                        "format": "mp3",
                        "source": {"s3Location": {"uri": "s3://b/a.mp3"}},
                        "segmentationConfig": {"durationSeconds": 10},
                    },
                },
            },
            {"taskType": "SINGLE_EMBEDDING"},
            "input.taskType",
        ),
    ],
)
def test_vectors_of_long_media_are_jobs_too(
    gateway: Gateway, model: str, body: dict[str, Any], refused: dict[str, Any], path: str
) -> None:
    job = start(gateway, model, body).json()
    assert await_end(gateway, model, job["id"])["status"] == "completed"
    response = start(gateway, model, {**body, **refused})
    assert response.status_code == 400
    assert any(fault["path"].startswith("input") for fault in response.json()["errors"])
    assert path.partition(".")[2] in response.json()["detail"]


def test_the_output_goes_where_the_operator_says_by_default(gateway: Gateway, folder: Path) -> None:
    job = start(gateway, "nova-reel", {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "a boat"}}).json()
    found = await_end(gateway, "nova-reel", job["id"])
    assert found["output"]["s3_uri"] == "s3://by-default/jobs/"
    files = {path.name for path in (folder / found["output"]["folder"].removeprefix("s3://")).iterdir()}
    assert files == {"output.mp4", "manifest.json", "video-generation-status.json"}


def test_without_that_a_request_must_name_a_place(account: Emulator, start_gateway: StartGateway, calls: Any) -> None:
    plain = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=account.url, AWS_REGION="us-east-1")
    response = start(plain, output={"kms_key_id": "alias/a"})
    assert (response.status_code, response.json()["errors"][0]["path"]) == (400, "output.s3_uri")
    assert "BEDROCK_FLASK_JOBS_S3_URI" in response.json()["detail"]
    assert calls() == []


def test_a_surface_that_is_not_enabled_is_not_called(
    account: Emulator, start_gateway: StartGateway, calls: Any
) -> None:
    other = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=account.url, AWS_REGION="us-east-1", BEDROCK_FLASK_SURFACES="converse,invoke"
    )
    own = {
        "modelId": "luma.ray-v2:0",
        "modelInput": LUMA,
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://a/"}},
    }
    for response in (start(other, output=PLACE), other.post("/async-invoke", own)):
        assert response.status_code == 403, response.text
        assert "async-invoke" in response.text
    assert calls() == []


def test_the_text_of_the_input_goes_up_as_it_was_written(
    start_gateway: StartGateway, session_upstream: Upstream, whole: SendWhole
) -> None:
    upstream = session_upstream.reset()
    odd = '{"prompt" :  "caf\\u00e9 é",\n "loop":true }'
    arn = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghijkl"
    upstream.scripts.append(whole(json.dumps({"invocationArn": arn}).encode()))
    gateway = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1")
    body = f'{{"output": {json.dumps(PLACE)}, "input": {odd} }}'
    response = gateway.post("/v1/models/luma/jobs", body.encode())
    assert (response.status_code, response.json()["id"]) == (202, arn)
    assert odd.encode() in upstream.requests[0]


ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghijkl"
JOB = {"invocationArn": ARN, "status": "Completed", "modelArn": "arn:aws:bedrock:::foundation-model/luma.ray-v2:0"}


@pytest.mark.parametrize(
    "change",
    [
        {"invocationArn": []},
        {"status": {}},
        {"outputDataConfig": None},
        {"outputDataConfig": "x"},
        {"outputDataConfig": {"s3OutputDataConfig": {"s3Uri": 5}}},
        {"failureMessage": 5},
    ],
)
def test_a_job_that_cannot_be_read_is_bedrocks_error(
    start_gateway: StartGateway, session_upstream: Upstream, whole: SendWhole, change: Any
) -> None:
    upstream = session_upstream.reset()
    page = {"asyncInvokeSummaries": [JOB | change]}
    upstream.scripts += [whole(json.dumps(document).encode()) for document in (page, JOB | change)]
    gateway = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1")
    for path in ("", f"/{ARN}"):
        response = gateway.get(f"/v1/models/luma/jobs{path}")
        assert response.status_code == 502, response.text


def test_a_failure_names_nothing_of_the_account(
    start_gateway: StartGateway, session_upstream: Upstream, whole: SendWhole
) -> None:
    upstream = session_upstream.reset()
    failed = {"status": "Failed", "failureMessage": "arn:aws:iam::123456789012:role/r may not write."}
    upstream.scripts.append(whole(json.dumps(JOB | failed).encode()))
    gateway = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1")
    message = gateway.get(f"/v1/models/luma/jobs/{ARN}").json()["failure_message"]
    assert message == "(an ARN of the gateway's account) may not write."


@pytest.mark.parametrize("arn", ["x", f"{ARN}\r\nset-cookie: a=b", ""])
def test_a_job_without_an_arn_has_not_been_started(
    start_gateway: StartGateway, session_upstream: Upstream, whole: SendWhole, arn: str
) -> None:
    upstream = session_upstream.reset()
    upstream.scripts.append(whole(json.dumps({"invocationArn": arn}).encode()))
    gateway = start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, AWS_REGION="us-east-1")
    response = start(gateway, output=PLACE)
    assert response.status_code == 502, response.text
    assert "set-cookie" not in response.headers


def test_the_same_request_twice_is_one_job(gateway: Gateway) -> None:
    by_header = [start(gateway, headers={"Idempotency-Key": "film-1"}).json()["id"] for _ in range(2)]
    by_body = [start(gateway, client_request_token="film-2").json()["id"] for _ in range(2)]
    without = [start(gateway).json()["id"] for _ in range(2)]
    assert (len(set(by_header)), len(set(by_body)), len(set(without))) == (1, 1, 2)
    both = start(gateway, headers={"Idempotency-Key": "film-1"}, client_request_token="film-1")
    assert both.json()["id"] == by_header[0]
    assert both.json()["client_request_token"] == "film-1"


def test_the_same_token_with_another_body_is_a_conflict(gateway: Gateway) -> None:
    start(gateway, client_request_token="film-3")
    response = start(gateway, body={**LUMA, "duration": "5s"}, client_request_token="film-3")
    assert response.status_code == 409
    assert "other parameters" in response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": {**LUMA, "duration": "7s"}}, "input.duration"),
        ({"input": {**LUMA, "durations": "9s"}}, "input.durations"),
        ({"input": {"prompt": 5}}, "input.prompt"),
        ({"input": {}}, "input.prompt"),
        ({"input": "a boat"}, "input"),
        ({}, "input"),
        ({"input": LUMA, "inputs": {}}, "inputs"),
        ({"input": LUMA, "output": {"s3_uri": "https://results"}}, "output.s3_uri"),
        ({"input": LUMA, "output": {"s3Uri": "s3://results"}}, "output.s3Uri"),
        ({"input": LUMA, "output": {**PLACE, "bucket_owner": "me"}}, "output.bucket_owner"),
        ({"input": LUMA, "tags": {"a": 1}}, "tags.a"),
        ({"input": LUMA, "client_request_token": "two words"}, "client_request_token"),
    ],
)
def test_a_wrong_request_is_refused_by_its_path_before_any_call(
    gateway: Gateway, calls: Any, body: Any, path: str
) -> None:
    response = gateway.post("/v1/models/luma/jobs", body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_body")
    assert path in [fault["path"] for fault in response.json()["errors"]]
    assert calls() == []


def test_tokens_that_contradict_each_other_are_refused(gateway: Gateway, calls: Any) -> None:
    response = start(gateway, headers={"Idempotency-Key": "one"}, client_request_token="two")
    assert response.json()["errors"][0]["path"] == "client_request_token"
    response = start(gateway, headers={"Idempotency-Key": "x" * 257})
    assert response.json()["errors"][0]["path"] == "idempotency-key"
    response = start(gateway, headers={"X-Amzn-Bedrock-GuardrailIdentifier": "gr1"})
    assert (response.status_code, response.json()["code"]) == (400, "unsupported")
    assert calls() == []


def test_a_guardrail_is_refused_on_awss_own_route_too(gateway: Gateway, calls: Any) -> None:
    output = {"s3OutputDataConfig": {"s3Uri": PLACE["s3_uri"]}}
    body = {"modelId": "luma.ray-v2:0", "modelInput": LUMA, "outputDataConfig": output}
    headers = {"X-Amzn-Bedrock-GuardrailIdentifier": "gr1"}
    response = gateway.post("/async-invoke", body, headers=headers)
    assert response.status_code == 400, response.text
    assert "guardrailidentifier" in response.json()["message"].lower()
    assert calls() == []


def test_new_fields_pass_where_the_alias_lets_them(gateway: Gateway, calls: Any) -> None:
    assert start(gateway, "film", {**LUMA, "camera": "still"}).status_code == 400
    # The emulator's own schema refuses it, as an older model of Bedrock's would.
    response = start(gateway, "newer", {**LUMA, "camera": "still"})
    assert [json.loads(each["body"])["modelInput"]["camera"] for each in calls()] == ["still"]
    assert response.json()["code"] == "bedrock_validation"


def test_a_model_that_is_not_called_so_is_refused_with_the_route_that_fits(gateway: Gateway, calls: Any) -> None:
    response = start(gateway, "pegasus", {"inputPrompt": "What?"})
    assert (response.status_code, response.json()["code"]) == (400, "not_asynchronous")
    assert "/v1/models/pegasus/invoke" in response.json()["detail"]
    for path, body in (("/v1/models/luma/invoke", LUMA), ("/v1/invoke", {"model": "luma", "input": LUMA})):
        refused = gateway.post(path, body).json()
        assert refused["code"] == "only_asynchronous"
        assert "/v1/models/luma/jobs" in refused["detail"]
    assert calls() == []


def test_jobs_are_listed_by_model_with_filters_and_in_pages(gateway: Gateway) -> None:
    ours = [start(gateway, "film", client_request_token=f"list-{number}").json()["id"] for number in range(3)]
    other = start(gateway, "nova-reel", {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "x"}}).json()["id"]
    for job in ours:
        assert await_end(gateway, "film", job)["status"] == "completed"
    found: list[str] = []
    query = "order=asc&limit=2&status=completed&submitted_after=2024-01-01"
    cursor = ""
    while True:
        page = gateway.get(f"/v1/models/film/jobs?{query}{cursor}").json()
        found += [job["id"] for job in page["data"]]
        assert len(page["data"]) <= 2
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={quote(page['next_cursor'], safe='')}"
    assert [job for job in found if job in ours] == ours
    assert other not in found
    assert gateway.get("/v1/models/film/jobs?submitted_after=2999-01-01T00:00:00%2B02:00").json()["data"] == []
    assert gateway.get("/v1/models/film/jobs?status=failed").json()["data"] == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("status=Completed", "status"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("order=up", "order"),
        ("submitted_after=yesterday", "submitted_after"),
        ("submitted_after=0001-01-01T00:00:00%2B02:00", "submitted_after"),
        ("submitted_before=9999-12-31T23:59:59-02:00", "submitted_before"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_wrong_query_is_refused_by_its_name(gateway: Gateway, calls: Any, query: str, path: str) -> None:
    response = gateway.get(f"/v1/models/luma/jobs?{query}")
    assert (response.status_code, response.json()["errors"][0]["path"]) == (400, path)
    assert calls() == []


def test_a_job_that_fails_says_why_in_bedrocks_words(gateway: Gateway) -> None:
    job = start(gateway, body={"prompt": "[[error ModelErrorException]]"}).json()["id"]
    found = await_end(gateway, "luma", job)
    assert found["status"] == "failed"
    assert found["failure_message"]
    assert found["ended_at"]


def test_a_job_is_found_under_its_own_model_only(gateway: Gateway, calls: Any) -> None:
    job = start(gateway).json()["id"]
    assert gateway.get(f"/v1/models/luma/jobs/{quote(job, safe='')}").json()["id"] == job
    assert gateway.get(f"/v1/models/film/jobs/{job}").json()["model"] == "film"
    response = gateway.get(f"/v1/models/nova-reel/jobs/{job}")
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
    calls()
    response = gateway.get("/v1/models/luma/jobs/abcdefghijkl")
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
    nowhere = f"{job[:-4]}zzzz"
    assert gateway.get(f"/v1/models/luma/jobs/{nowhere}").status_code == 400


def test_boto3_sees_the_same_jobs_and_the_same_refusals(gateway: Gateway) -> None:
    runtime = make_client(gateway)
    output: Any = {"s3OutputDataConfig": {"s3Uri": "s3://results/boto3"}}
    arn = runtime.start_async_invoke(modelId="luma.ray-v2:0", modelInput=LUMA, outputDataConfig=output)["invocationArn"]
    assert await_end(gateway, "luma", arn)["status"] == "completed"
    with pytest.raises(runtime.exceptions.ValidationException, match=r"modelInput\.duration: must be one of"):
        runtime.start_async_invoke(
            modelId="luma.ray-v2:0", modelInput={**LUMA, "duration": "7s"}, outputDataConfig=output
        )


def test_the_openapi_document_has_an_operation_for_each_model(gateway: Gateway) -> None:
    document = gateway.get("/openapi.json").json()
    paths = document["paths"]
    assert "/v1/models/luma/jobs" in paths
    assert "/v1/models/luma/invoke" not in paths
    assert "/v1/models/pegasus/jobs" not in paths
    body = paths["/v1/models/luma/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["allOf"][1]["properties"]["input"] == {"$ref": "#/components/schemas/luma.LumaBody"}
    assert body["example"]["input"]["prompt"]
    names = [each["name"] for each in paths["/v1/models/{model}/jobs"]["get"]["parameters"]]
    assert names == ["status", "submitted_after", "submitted_before", "order", "limit", "cursor"]
    assert "invoke.luma" not in document["components"]["schemas"]
