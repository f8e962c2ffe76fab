"""Every operation of AWS's runtime client, and the control plane's lists, through unmodified boto3 with a key pair."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_flask.bedrock.operations import AGENTS, OPERATIONS, RUNTIME
from bedrock_flask.protocol import eventstream
from tests.clients.conftest import ALIASES, ARN, KEY, PROFILE, SIGNING, _pair
from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator, Gateway, SendStream, SendWhole, StartEmulator, StartGateway, Upstream

REEL = "amazon.nova-reel-v1:1"
CLAUDE, NOVA, TITAN = "anthropic.claude-opus-4-6-v1", "amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0"
APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6"
PROMPT = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:3"
# AWS counts tokens for models that can be called without a profile.
COUNTED = f"eu.{CLAUDE}"
COUNTED_ARN = f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{COUNTED}"
MORE = f"""
[models.counted]
id = "{CLAUDE}"
profile = "{COUNTED}"

[models.counted-by-arn]
id = "{CLAUDE}"
profile = "{COUNTED_ARN}"

[models.vectors]
id = "{TITAN}"

[models.film]
id = "{REEL}"

[models.team]
id = "{CLAUDE}"
profile = "{APPLICATION}"
region = "us-west-2"
description = "The team's own."
"""
TEXT: Any = [{"text": {"text": "Write to jane@example.com."}}]
FILM: Any = {
    "taskType": "TEXT_VIDEO",
    "textToVideoParams": {"text": "A paper boat."},
    "videoGenerationConfig": {"durationSeconds": 6, "fps": 24, "dimension": "1280x720"},
}
OUTPUT: Any = {"s3OutputDataConfig": {"s3Uri": "s3://results/here"}}


@pytest.fixture(scope="module")
def account(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    """An emulator with a folder in place of S3."""
    return start_emulator("--async-dir", str(tmp_path_factory.mktemp("s3")))


@pytest.fixture
def calls(account: Emulator) -> Any:
    """The calls that the emulator has had since the test began."""
    account.ask("DELETE", "/_emulator/requests")
    return account.calls


@pytest.fixture(scope="module")
def own(
    account: Emulator,
    start_gateway: StartGateway,
    plain_environ: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Endpoint:
    """A gateway with keys in front of that emulator."""
    models: Path = tmp_path_factory.mktemp("models") / "models.toml"
    models.write_text(ALIASES + MORE)
    keys = {"BEDROCK_FLASK_API_KEYS": f"clients:{KEY}", "BEDROCK_FLASK_SIGNING_SECRET": SIGNING}
    server = start_gateway(
        **keys,
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=account.url,
        AWS_REGION="us-east-1",
        BEDROCK_FLASK_MODELS_FILE=str(models),
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        BEDROCK_FLASK_MAX_BODY_BYTES="300000",
    )
    return Endpoint(server.url, server, KEY, _pair(plain_environ | keys))


def client_for(endpoint: Endpoint, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id=endpoint.pair[0],
        aws_secret_access_key=endpoint.pair[1],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )


@pytest.fixture(scope="module")
def runtime(own: Endpoint) -> Any:
    return client_for(own, "bedrock-runtime")


@pytest.fixture(scope="module")
def control(own: Endpoint) -> Any:
    return client_for(own, "bedrock")


def strip(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


# --- guardrails -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guardrail", ["gr1", "arn:aws:bedrock:us-east-1:123456789012:guardrail/gr1"])
def test_a_guardrail_is_applied_as_by_a_direct_call(
    runtime: Any, own: Endpoint, account: Emulator, calls: Any, guardrail: str
) -> None:
    body: Any = {"guardrailIdentifier": guardrail, "guardrailVersion": "DRAFT", "source": "INPUT", "content": TEXT}
    through, direct = (client.apply_guardrail(**body) for client in (runtime, account.client()))
    assert through["action"] == "GUARDRAIL_INTERVENED"
    assert strip(through) == strip(direct)
    one, other = calls()
    assert (one["operation"], one["body"]) == (other["operation"], other["body"])
    line = own.server.line(through["ResponseMetadata"]["HTTPHeaders"]["x-request-id"])
    assert (line["key"], line["status"], line["attempts"]) == ("clients", 200, 1)
    assert line["route"] == "/guardrail/<path:guardrail>/version/<version>/apply"
    assert line["bedrock_request_id"]


def test_checks_without_a_guardrail_are_made_as_by_a_direct_call(runtime: Any, account: Emulator) -> None:
    body: Any = {
        "messages": [{"role": "user", "content": [{"text": "Write to jane@example.com."}]}],
        "checks": {"sensitiveInformation": {"entities": [{"type": "EMAIL"}]}},
    }
    through, direct = (client.invoke_guardrail_checks(**body) for client in (runtime, account.client()))
    assert through["results"]
    assert strip(through) == strip(direct)


def test_an_answer_that_lacks_the_guardrails_verdict_is_an_error(
    replayed: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    for body in (b"{}", b"<html>", b'{"usage": {}}', b""):
        upstream.scripts.append(whole(body))
        response = replayed.post("/guardrail/gr1/version/1/apply", {"source": "INPUT", "content": TEXT})
        assert (response.status_code, response.headers["x-amzn-errortype"]) == (424, "ModelErrorException")


# --- asynchronous calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [REEL, "film"])
def test_an_asynchronous_call_runs_from_its_start_to_its_end(runtime: Any, calls: Any, name: str) -> None:
    started = runtime.start_async_invoke(modelId=name, modelInput=FILM, outputDataConfig=OUTPUT)
    assert started["ResponseMetadata"]["HTTPHeaders"]["x-bedrock-flask-model"] == REEL
    arn = started["invocationArn"]
    until = time.monotonic() + 20
    while (found := runtime.get_async_invoke(invocationArn=arn))["status"] == "InProgress":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (found["status"], found["modelArn"].rpartition("/")[2]) == ("Completed", REEL)
    assert json.loads(calls()[0]["body"])["modelId"] == REEL
    assert {call["operation"] for call in calls()} == {"StartAsyncInvoke", "GetAsyncInvoke"}


def test_asynchronous_calls_are_listed_with_filters_and_in_pages(runtime: Any, account: Emulator) -> None:
    for _ in range(3):
        runtime.start_async_invoke(modelId=REEL, modelInput=FILM, outputDataConfig=OUTPUT)
    filters: Any = {"submitTimeAfter": "2024-01-01T00:00:00+02:00", "sortBy": "SubmissionTime", "maxResults": 2}
    for sort in ("Ascending", "Descending"):
        pages = [
            [job["invocationArn"] for job in page["asyncInvokeSummaries"]]
            for client in (runtime, account.client())
            for page in client.get_paginator("list_async_invokes").paginate(sortOrder=sort, **filters)
        ]
        half = len(pages) // 2
        assert half > 1
        assert pages[:half] == pages[half:]


def test_bedrocks_refusals_are_its_own_here_too(runtime: Any) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/aaaaaaaaaaaa"
    with pytest.raises(runtime.exceptions.ValidationException, match="invocation ARN"):
        runtime.get_async_invoke(invocationArn=arn)
    with pytest.raises(runtime.exceptions.ValidationException, match="sortOrder"):
        runtime.list_async_invokes(sortOrder="Sideways")
    with pytest.raises(runtime.exceptions.ResourceNotFoundException, match="no-such-model"):
        runtime.start_async_invoke(modelId="no-such-model", modelInput={}, outputDataConfig=OUTPUT)


def test_a_call_goes_up_byte_for_byte_but_for_the_alias(
    start_gateway: StartGateway, upstream: Upstream, whole: SendWhole, tmp_path: Path
) -> None:
    models = tmp_path / "models.toml"
    models.write_text(ALIASES + MORE)
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"{upstream.url}/base/model/x", BEDROCK_FLASK_MODELS_FILE=str(models)
    )
    arn = "arn:aws:bedrock:us-west-2:123456789012:async-invoke/aaaaaaaaaaaa"
    upstream.scripts += [whole(b'{"invocationArn" : "a"}'), whole(b'{ "status":"New" }')]
    body = '{ "modelId" : "%s",\n "modelInput": {"n": 1.10, "é": "\\u00e9"}, "of_tomorrow": 1e2 }'
    answer = gateway.post("/async-invoke", (body % "vectors").encode())
    assert (answer.status_code, answer.content) == (200, b'{"invocationArn" : "a"}')
    assert gateway.get(f"/async-invoke/{quote(arn, safe='')}").content == b'{ "status":"New" }'
    started, got = upstream.requests
    assert started.startswith(b"POST /base/model/x/async-invoke HTTP/1.1\r\n")
    assert started.partition(b"\r\n\r\n")[2] == (body % TITAN).encode()
    assert got.startswith(f"GET /base/model/x/async-invoke/{quote(arn, safe='')} HTTP/1.1\r\n".encode())
    assert b"content-type" not in got.lower()
    # An alias calls models in that region, so the ARN of a job there is looked up there.
    assert b"/us-west-2/bedrock/" in got


# --- rankings ---------------------------------------------------------------------------------------------------------

RERANKER = "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"
SOURCES: Any = [
    {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "Rain is likely."}}},
    {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "The roads meet here."}}},
    {"type": "INLINE", "inlineDocumentSource": {"type": "JSON", "jsonDocument": {"title": "The roads now"}}},
]


def rank(model: str = RERANKER, own: Any = None, **members: Any) -> Any:
    configured = {"modelArn": model, **({"additionalModelRequestFields": own} if own else {})}
    return {
        "queries": [{"type": "TEXT", "textQuery": {"text": "Where do the roads meet?"}}],
        "sources": SOURCES,
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {"modelConfiguration": configured, **members},
        },
    }


@pytest.mark.parametrize("model", [RERANKER, "arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0"])
def test_sources_are_ranked_as_by_a_direct_call(own: Endpoint, account: Emulator, calls: Any, model: str) -> None:
    through = client_for(own, "bedrock-agent-runtime").rerank(**rank(model, numberOfResults=2))
    direct = client_for(Endpoint(account.url, account, KEY, ("a", "b")), "bedrock-agent-runtime")
    assert strip(through) == strip(direct.rerank(**rank(model, numberOfResults=2)))
    assert [result["index"] for result in through["results"]] == [1, 2]
    assert through["results"][0]["relevanceScore"] > through["results"][1]["relevanceScore"]
    pages = list(direct.get_paginator("rerank").paginate(**rank(model)))
    assert [len(page["results"]) for page in pages] == [3]
    one, *others = calls()
    assert (one["operation"], one["model"], {call["operation"] for call in others}) == (
        "InvokeModel",
        model,
        {"Rerank"},
    )
    assert json.loads(one["body"])["documents"] == [
        "Rain is likely.",
        "The roads meet here.",
        '{"title":"The roads now"}',
    ]


AT = "rerankingConfiguration.bedrockRerankingConfiguration"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**rank(), "queries": []}, "queries"),
        ({**rank(), "sources": [{**SOURCES[0], "typ": "INLINE"}]}, "sources[0].typ"),
        (
            {**rank(), "sources": [{"type": "INLINE", "inlineDocumentSource": {"type": "JSON"}}]},
            "sources[0].inlineDocumentSource.jsonDocument",
        ),
        (rank(numberOfResults=0), f"{AT}.numberOfResults"),
        (rank(numberOfResults="2"), f"{AT}.numberOfResults"),
        (
            rank(own={"max_tokens_per_doc": "many"}),
            f"{AT}.modelConfiguration.additionalModelRequestFields.max_tokens_per_doc",
        ),
        ({**rank(), "nextToken": "a"}, "nextToken"),
        (rank(NOVA), NOVA),
    ],
)
def test_sources_that_cannot_be_ranked_are_refused_before_the_call(
    own: Endpoint, account: Emulator, calls: Any, body: Any, path: str
) -> None:
    response = own.server.post("/rerank", body, headers={"authorization": f"Bearer {KEY}"})
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert path in response.json()["message"]
    assert calls() == []
    assert account.post("/rerank", body).status_code == 400


# --- what guards them -------------------------------------------------------------------------------------------------


def addresses() -> list[tuple[str, str]]:
    labels = dict.fromkeys(("modelId", "guardrailIdentifier", "guardrailVersion", "invocationArn"), "x")
    served = [each for each in OPERATIONS.values() if each.service in (RUNTIME, AGENTS)]
    return [(each.method, each.build_path(labels)) for each in served] + [("GET", "/foundation-models")]


@pytest.mark.parametrize(("method", "path"), addresses())
def test_no_operation_is_served_without_a_key(own: Endpoint, calls: Any, method: str, path: str) -> None:
    response: requests.Response = own.server.ask(method, path, data=b"{}" if method == "POST" else None)
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    assert response.json()["message"]
    assert calls() == []


def test_a_body_that_is_too_large_or_no_json_is_refused_before_it_is_sent(own: Endpoint, calls: Any) -> None:
    authorization = {"authorization": f"Bearer {KEY}"}
    for path in ("/guardrail/g/version/1/apply", "/guardrail-checks/invoke", "/async-invoke"):
        for body, status in ((b"x" * 400_000, 413), (b"{", 400)):
            assert own.server.post(path, body, headers=authorization).status_code == status
    assert own.server.post("/async-invoke", [], headers=authorization).json()["message"].startswith("modelId:")
    assert calls() == []


def test_a_guardrail_that_an_asynchronous_call_does_not_take_is_refused(own: Endpoint, calls: Any) -> None:
    headers = {"authorization": f"Bearer {KEY}", "X-Amzn-Bedrock-GuardrailIdentifier": "gr1"}
    body = {"modelId": TITAN, "modelInput": {"inputText": "Hi."}, "outputDataConfig": OUTPUT}
    response = own.server.post("/async-invoke", body, headers=headers)
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert "x-amzn-bedrock-guardrailidentifier" in response.json()["message"]
    assert calls() == []


# --- what is not served -----------------------------------------------------------------------------------------------


def test_any_other_operation_is_refused_in_awss_words(own: Endpoint, runtime: Any, control: Any, calls: Any) -> None:
    agent = client_for(own, "bedrock-agent-runtime")
    refused: list[Any] = [
        lambda: control.list_guardrails(),
        lambda: control.get_foundation_model_availability(modelId=NOVA),
        lambda: control.create_inference_profile(inferenceProfileName="x", modelSource={"copyFrom": APPLICATION}),
        lambda: agent.retrieve(knowledgeBaseId="ABCDEFGHIJ", retrievalQuery={"text": "x"}),
        lambda: agent.invoke_agent(agentId="ABCDEFGHIJ", agentAliasId="ABCDEFGHIJ", sessionId="xx"),
    ]
    for call in refused:
        with pytest.raises(ClientError) as raised:
            call()
        response = raised.value.response
        assert response["Error"]["Code"] == "UnknownOperationException"
        assert response["ResponseMetadata"]["HTTPStatusCode"] in (404, 405)
        message = response["Error"]["Message"]
        assert message.startswith("This gateway does not serve ")
        assert "ApplyGuardrail" in message
        assert "ListFoundationModels" in message
    # Clients that are no SDK of AWS's read the words of the path that they call.
    authorization = {"authorization": f"Bearer {KEY}"}
    for method, path in (("POST", f"/model/{NOVA}/nothing"), ("DELETE", "/async-invoke"), ("GET", "/guardrail/x")):
        found = own.server.ask(method, path, headers=authorization)
        assert found.headers["x-amzn-errortype"] == "UnknownOperationException"
        assert f"does not serve {method} {path}" in found.json()["message"]
    assert own.server.get("/nowhere", headers=authorization).json()["code"] == "not_found"
    assert calls() == []


# --- what may be called -----------------------------------------------------------------------------------------------


def test_the_models_that_may_be_called_are_listed(control: Any, runtime: Any, calls: Any) -> None:
    listed = {each["modelId"]: each for each in control.list_foundation_models()["modelSummaries"]}
    assert {CLAUDE, NOVA, TITAN, "draft", "team", "vectors"} <= listed.keys()
    assert listed["team"]["modelArn"] == f"arn:aws:bedrock:us-west-2::foundation-model/{CLAUDE}"
    assert listed[NOVA]["inputModalities"][:2] == ["TEXT", "IMAGE"]
    embedders = control.list_foundation_models(byOutputModality="EMBEDDING")["modelSummaries"]
    assert {TITAN, "vectors"} < {each["modelId"] for each in embedders}
    assert {each["outputModalities"][0] for each in embedders} == {"EMBEDDING"}
    assert control.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]["modelId"] == NOVA
    assert control.get_foundation_model(modelIdentifier="draft")["modelDetails"]["modelId"] == "draft"
    assert calls() == []
    assert runtime.converse(modelId="draft", messages=[{"role": "user", "content": [{"text": "Hi."}]}])["output"]


def test_the_inference_profiles_that_may_be_called_are_listed(control: Any, calls: Any) -> None:
    listed = {
        each["inferenceProfileId"]: each for each in control.list_inference_profiles()["inferenceProfileSummaries"]
    }
    assert listed[PROFILE]["inferenceProfileArn"] == ARN
    assert all(each["type"] == "SYSTEM_DEFINED" for each in listed.values())
    assert len(listed) > 3
    [own] = control.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert (own["inferenceProfileArn"], own["inferenceProfileName"]) == (APPLICATION, "team")
    for name in (APPLICATION, "team", "a1b2c3d4e5f6"):
        # langchain-aws looks up the model behind a profile so.
        profile = control.get_inference_profile(inferenceProfileIdentifier=name)
        assert [each["modelArn"].rpartition("/")[2] for each in profile["models"]] == [CLAUDE]
    for name in (PROFILE, ARN, "us.amazon.nova-lite-v1:0"):
        profile = control.get_inference_profile(inferenceProfileIdentifier=name)
        assert profile["inferenceProfileId"] == name.rpartition("/")[2]
        assert profile["status"] == "ACTIVE"
    with pytest.raises(control.exceptions.ResourceNotFoundException, match="models file"):
        control.get_inference_profile(inferenceProfileIdentifier=f"{APPLICATION}x")
    assert calls() == []


def test_each_listed_profile_can_be_called_by_its_arn(control: Any, runtime: Any, calls: Any) -> None:
    [profile] = [
        each
        for each in control.list_inference_profiles()["inferenceProfileSummaries"]
        if each["inferenceProfileId"] == "us.amazon.nova-lite-v1:0"
    ]
    messages: Any = [{"role": "user", "content": [{"text": "Hi."}]}]
    assert runtime.converse(modelId=profile["inferenceProfileArn"], messages=messages)["output"]
    assert [call["model"] for call in calls()] == ["us.amazon.nova-lite-v1:0"]


def test_langchain_looks_up_the_model_behind_a_profile(own: Endpoint, calls: Any) -> None:
    langchain_aws = pytest.importorskip("langchain_aws")
    chat = langchain_aws.ChatBedrockConverse(
        model=APPLICATION,
        provider="anthropic",
        base_url=own.url,
        region_name="us-east-1",
        aws_access_key_id=own.pair[0],
        aws_secret_access_key=own.pair[1],
    )
    assert chat.invoke("Hi.").content
    assert [call["model"] for call in calls()] == [APPLICATION]


# --- CountTokens and managed prompts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [CLAUDE, COUNTED, COUNTED_ARN, "team", "counted", "counted-by-arn"])
def test_tokens_are_counted_by_every_name_of_a_model(runtime: Any, own: Endpoint, calls: Any, name: str) -> None:
    message: Any = {"role": "user", "content": [{"text": "Hi."}]}
    assert runtime.count_tokens(modelId=name, input={"converse": {"messages": [message]}})["inputTokens"] > 0
    body = {"model": name, "messages": [{"role": "user", "content": "Hi."}]}
    counted = own.server.post("/v1/messages/count_tokens", body, headers={"x-api-key": KEY})
    assert counted.status_code == 200, counted.text
    assert {call["model"] for call in calls()} == {CLAUDE}


def test_a_profile_that_hides_its_model_is_refused_with_what_to_do(runtime: Any, own: Endpoint, calls: Any) -> None:
    unknown = f"{APPLICATION}x"
    request: Any = {"converse": {"messages": [{"role": "user", "content": [{"text": "Hi."}]}]}}
    with pytest.raises(runtime.exceptions.ValidationException, match="alias with both its `id` and its `arn`"):
        runtime.count_tokens(modelId=unknown, input=request)
    body = {"model": unknown, "messages": [{"role": "user", "content": "Hi."}]}
    key = {"x-api-key": KEY}
    refused = own.server.post("/v1/messages/count_tokens", body, headers=key)
    assert (refused.status_code, "models file" in refused.text) == (400, True)
    estimated = own.server.post("/v1/messages/count_tokens", body, headers=key | {"x-bedrock-flask-count": "estimate"})
    assert (estimated.json(), estimated.headers["x-bedrock-flask-count"]) == ({"input_tokens": 1}, "estimate")
    assert calls() == []


@pytest.mark.parametrize("more", [{}, {"guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}}])
def test_a_managed_prompt_needs_no_members(runtime: Any, own: Endpoint, calls: Any, more: Any) -> None:
    assert runtime.converse(modelId=PROMPT, **more)["output"]
    assert [*runtime.converse_stream(modelId=PROMPT, **more)["stream"]]
    authorization = {"authorization": f"Bearer {KEY}"}
    native = own.server.post(f"/v1/models/{PROMPT}/invoke", more, headers=authorization)
    assert native.status_code == 200, native.text
    if not more:
        without = own.server.post(f"/model/{quote(PROMPT, safe='')}/converse", headers=authorization)
        assert without.status_code == 200, without.text
    assert {(call["model"], call["body"]) for call in calls()} == {(PROMPT, json.dumps(more))}
    # Any other model does.
    with pytest.raises(runtime.exceptions.ValidationException, match="messages"):
        runtime.converse(modelId="newvendor.model-of-tomorrow")


def test_a_managed_prompt_is_invoked_without_a_body(
    replayed: Gateway, upstream: Upstream, whole: SendWhole, stream: SendStream
) -> None:
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=replayed.url,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )
    chunk = eventstream.chunk(b'{"text":"Hi."}')
    upstream.scripts += [whole(b'{"text":"Hi."}'), stream(eventstream.encode(chunk))]
    assert client.invoke_model(modelId=PROMPT)["body"].read() == b'{"text":"Hi."}'
    [event] = client.invoke_model_with_response_stream(modelId=PROMPT)["body"]
    assert event["chunk"]["bytes"] == b'{"text":"Hi."}'
    assert all(request.partition(b"\r\n\r\n")[2] == b"" for request in upstream.requests)
