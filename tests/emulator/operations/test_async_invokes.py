"""Asynchronous calls: the answer is written below a folder, as it would be in S3, and nothing outside of it."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_flask.emulator.account import jobs
from tests.doubles import Emulator, StartEmulator

MARENGO, NOVA = "twelvelabs.marengo-embed-3-0-v1:0", "amazon.nova-lite-v1:0"
INPUT = {"inputType": "text", "text": {"inputText": "one two three"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "s3"
    folder.mkdir()
    return folder


@pytest.fixture
def emulated(start_emulator: StartEmulator, folder: Path) -> Any:
    return start_emulator("--async-dir", str(folder))


@pytest.fixture
def bedrock(emulated: Emulator, strict_client: Any) -> Any:
    return strict_client(emulated.url)


def to(uri: str = "s3://bucket/some/prefix/") -> dict[str, Any]:
    return {"s3OutputDataConfig": {"s3Uri": uri}}


def start(
    bedrock: Any, model: str = MARENGO, body: Any = None, uri: str = "s3://bucket/some/prefix/", **more: Any
) -> str:
    answer = bedrock.start_async_invoke(modelId=model, modelInput=body or INPUT, outputDataConfig=to(uri), **more)
    return str(answer["invocationArn"])


def await_end(bedrock: Any, arn: str) -> Any:
    until = time.monotonic() + 30
    while (response := bedrock.get_async_invoke(invocationArn=arn))["status"] == "InProgress":
        assert time.monotonic() < until, "it has not ended"
        time.sleep(0.01)
    return response


def catch_error(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def list_arns(bedrock: Any, **chosen: Any) -> list[str]:
    return [each["invocationArn"] for each in bedrock.list_async_invokes(**chosen)["asyncInvokeSummaries"]]


def test_the_model_s_answer_lies_where_s3_would_have_it(bedrock: Any, folder: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    arn = start(bedrock, clientRequestToken="token-1", tags=[{"key": "team", "value": "a"}])
    response = await_end(bedrock, arn)
    assert response["status"] == "Completed"
    assert response["modelArn"] == f"arn:aws:bedrock:us-west-2::foundation-model/{MARENGO}"
    assert (response["clientRequestToken"], response["outputDataConfig"]) == ("token-1", to())
    assert before < response["submitTime"] <= response["endTime"] == response["lastModifiedTime"]
    assert "failureMessage" not in response
    [file] = [path for path in folder.rglob("*") if path.is_file()]
    assert file == folder / "bucket/some/prefix" / arn.rpartition("/")[2] / "output.json"
    now = json.loads(bedrock.invoke_model(modelId=MARENGO, body=json.dumps(INPUT))["body"].read())
    assert json.loads(file.read_text()) == now


def test_a_call_that_fails_says_why_and_leaves_nothing(bedrock: Any, folder: Path) -> None:
    document = {"messages": [{"role": "user", "content": [{"text": "[[error ModelErrorException]]"}]}]}
    failed = await_end(bedrock, start(bedrock, NOVA, document))
    assert failed["status"] == "Failed"
    assert "ModelErrorException" in failed["failureMessage"]
    assert failed["endTime"]
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_the_same_token_begins_one_call_only(bedrock: Any, folder: Path) -> None:
    first = start(bedrock, clientRequestToken="once")
    assert start(bedrock, clientRequestToken="once") == first
    assert start(bedrock, clientRequestToken="twice") != first
    other = {"inputType": "text", "text": {"inputText": "something else"}}
    with pytest.raises(bedrock.exceptions.ConflictException):
        start(bedrock, body=other, clientRequestToken="once")
    with pytest.raises(bedrock.exceptions.ConflictException):
        start(bedrock, uri="s3://bucket/elsewhere", clientRequestToken="once")
    assert len(list_arns(bedrock)) == 2


def test_what_the_model_would_not_take_is_refused_at_once(bedrock: Any, folder: Path) -> None:
    for model, body in (
        (MARENGO, {"inputTyp": "text"}),
        ("newvendor.unheard-of", {"x": 1}),
        (MARENGO, {"inputType": 3}),
    ):
        with pytest.raises(bedrock.exceptions.ValidationException):
            start(bedrock, model, body)
    assert list_arns(bedrock) == []
    assert list(folder.iterdir()) == []


OUTSIDE = (
    "s3://bucket/../../up",
    "s3://bucket/a/../b",
    "s3://bucket/./b",
    "s3://bucket/\0",
    "s3://../up",
    "s3://Bucket/x",
    "s3://b/x",
    "s3://bucket\n/x",
    "file:///etc",
    "/etc",
    "s3://bucket/out/x",
    "s3://bucket/" + "x" * 300,
)


def test_nothing_is_written_outside_of_the_folder(bedrock: Any, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "bucket").mkdir()
    (folder / "bucket" / "out").symlink_to(outside)
    for uri in OUTSIDE:
        response = catch_error(bedrock.start_async_invoke, modelId=MARENGO, modelInput=INPUT, outputDataConfig=to(uri))
        assert response[0] == "ValidationException", uri
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "s3"]
    assert [path.name for path in (folder / "bucket").iterdir()] == ["out"]


def test_a_prefix_may_be_missing(bedrock: Any, folder: Path) -> None:
    arn = start(bedrock, uri="s3://my.bucket-1")
    await_end(bedrock, arn)
    assert (folder / "my.bucket-1" / arn.rpartition("/")[2] / "output.json").is_file()


def test_the_list_is_filtered_sorted_and_paged(bedrock: Any) -> None:
    arns = []
    for number in range(5):
        arns.append(start(bedrock, body={"inputType": "text", "text": {"inputText": f"number {number}"}}))
        await_end(bedrock, arns[-1])
    text = "[[error ThrottlingException]]"
    arns.append(start(bedrock, NOVA, {"messages": [{"role": "user", "content": [{"text": text}]}]}))
    await_end(bedrock, arns[-1])
    assert list_arns(bedrock) == arns[::-1]
    assert list_arns(bedrock, sortBy="SubmissionTime", sortOrder="Ascending") == arns
    assert list_arns(bedrock, statusEquals="Failed") == arns[-1:]
    assert list_arns(bedrock, statusEquals="InProgress") == []
    times = [bedrock.get_async_invoke(invocationArn=arn)["submitTime"] for arn in arns]
    assert list_arns(bedrock, submitTimeBefore=times[0] - timedelta(seconds=1)) == []
    assert list_arns(bedrock, submitTimeAfter=times[0] - timedelta(seconds=1)) == arns[::-1]
    pages = bedrock.get_paginator("list_async_invokes").paginate(
        sortOrder="Ascending", PaginationConfig={"PageSize": 4}
    )
    assert [[each["invocationArn"] for each in page["asyncInvokeSummaries"]] for page in pages] == [arns[:4], arns[4:]]


def test_a_query_that_cannot_be_is_refused(emulated: Emulator, bedrock: Any) -> None:
    for query in ("statusEquals=Done", "sortBy=Name", "sortOrder=Up", "submitTimeAfter=noon", "maxResults=0"):
        assert emulated.get(f"/async-invoke?{query}").status_code == 400
    missing = "arn:aws:bedrock:us-west-2:123456789012:async-invoke/abcdefghijkl"
    for arn in (missing, "nonsense"):
        assert catch_error(bedrock.get_async_invoke, invocationArn=arn)[0] == "ValidationException"


def test_a_body_that_does_not_fit_is_refused_with_the_path(emulated: Emulator) -> None:
    answer = emulated.post("/async-invoke", {"modelId": MARENGO, "modelInput": "text", "outputDataConfig": {}})
    assert answer.status_code == 400
    assert "modelInput" in answer.json()["message"]
    assert "outputDataConfig" in answer.json()["message"]


def test_without_a_folder_it_is_refused_with_the_remedy(emulator: Emulator, strict_client: Any) -> None:
    response = catch_error(
        strict_client(emulator.url).start_async_invoke, modelId=MARENGO, modelInput=INPUT, outputDataConfig=to()
    )
    assert "--async-dir" in response[1]


def test_it_obeys_faults_and_is_in_the_request_log(bedrock: Any, emulated: Emulator) -> None:
    emulated.fault("throttle")
    with pytest.raises(bedrock.exceptions.ThrottlingException):
        start(bedrock)
    assert list_arns(bedrock) == []
    found = [(entry["operation"], entry["status"]) for entry in emulated.calls()]
    assert found == [("StartAsyncInvoke", 429), ("ListAsyncInvokes", 200)]


def make_job(identifier: str, folder: Path, now: datetime) -> jobs.AsyncJob:
    return jobs.AsyncJob(
        id=identifier, arn="", model_arn="", token="", digest="", output={}, folder=folder, submitted=now, modified=now
    )


def test_only_so_many_run_at_one_time(tmp_path: Path) -> None:
    kept, go = jobs.AsyncJobs(tmp_path), threading.Event()

    def make(identifier: str) -> jobs.AsyncJob:
        now = datetime.now(UTC)
        return make_job(identifier, tmp_path, now)

    def work() -> dict[str, bytes]:
        go.wait(30)
        return {"output.json": b"{}"}

    begun = [kept.start("", "", make, work) for _ in range(jobs.MAX_RUNNING)]
    with pytest.raises(Exception, match="in progress"):
        kept.start("", "", make, work)
    go.set()
    until = time.monotonic() + 30
    while any(job.status == jobs.IN_PROGRESS for job in kept.list_jobs()):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert kept.start("", "", make, work).id not in {job.id for job in begun}


def test_what_fails_unexpectedly_is_a_failure_of_that_call_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = jobs.AsyncJobs(tmp_path)
    now = datetime.now(UTC)

    def make(identifier: str) -> jobs.AsyncJob:
        return make_job(identifier, tmp_path / "no such folder" / identifier, now)

    job = kept.start("", "", make, lambda: {"output.json": b"{}"})
    until = time.monotonic() + 30
    while (kept_job := kept.get(job.id)) and kept_job.status == jobs.IN_PROGRESS:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert kept_job is not None
    assert (kept_job.status, "FileNotFoundError" in kept_job.failure) == (jobs.FAILED, True)
    assert job.id in caplog.text


# --- models that are called so only -----------------------------------------------------------------------------------


def test_a_video_lies_beside_what_aws_writes_with_it(bedrock: Any, folder: Path) -> None:
    body = {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "a boat"}}
    arn = start(bedrock, "amazon.nova-reel-v1:1", body, "s3://bucket")
    assert await_end(bedrock, arn)["status"] == "Completed"
    files = {path.name: path.read_bytes() for path in (folder / "bucket" / arn.rpartition("/")[2]).iterdir()}
    assert sorted(files) == ["manifest.json", "output.mp4", "video-generation-status.json"]
    assert files["output.mp4"][4:8] == b"ftyp"
    json.loads(files["manifest.json"])


def test_a_body_that_does_not_fit_is_refused_at_once(bedrock: Any) -> None:
    refused = {
        "prompt": catch_error(
            bedrock.start_async_invoke, modelId="luma.ray-v2:0", modelInput={"duration": "5s"}, outputDataConfig=to()
        ),
        "taskType": catch_error(
            bedrock.start_async_invoke, modelId="amazon.nova-reel-v1:0", modelInput={}, outputDataConfig=to()
        ),
    }
    for path, (code, message) in refused.items():
        assert code == "ValidationException"
        assert message.startswith(f"Malformed input request: {path}: is required")
    assert list_arns(bedrock) == []


def test_a_lenient_emulator_takes_a_member_that_no_schema_knows(start_emulator: StartEmulator, tmp_path: Path) -> None:
    lenient = start_emulator("--async-dir", str(tmp_path), "--lenient")
    given = {"modelId": "luma.ray-v2:0", "modelInput": {"prompt": "a boat", "loops": 2}, "outputDataConfig": to()}
    answer = lenient.post("/async-invoke", given)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-emulator-unknown-fields"] == "loops"


def test_each_operation_serves_its_own_models(bedrock: Any) -> None:
    question = {"inputPrompt": "What?", "mediaSource": {"base64String": "aGk="}}
    pegasus = "twelvelabs.pegasus-1-2-v1:0"
    code, _ = catch_error(bedrock.start_async_invoke, modelId=pegasus, modelInput=question, outputDataConfig=to())
    assert code == "ValidationException"
    answer = json.loads(bedrock.invoke_model(modelId=pegasus, body=json.dumps(question))["body"].read())
    assert answer["finishReason"] == "stop"
    code, _ = catch_error(bedrock.invoke_model, modelId="luma.ray-v2:0", body=json.dumps({"prompt": "a boat"}))
    assert code == "ValidationException"
