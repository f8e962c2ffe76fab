"""AWS's own package for Python, unmodified, with a key pair of the gateway's; raw sockets for what it never says."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.exceptions import ClientError, EventStreamError
from urllib3.exceptions import ProtocolError

from bedrock_flask.protocol import eventstream
from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator, Gateway, SendStream, SendWhole, Upstream

CLAUDE, NOVA, TOMORROW = "anthropic.claude-opus-4-6-v1", "amazon.nova-lite-v1:0", "newvendor.model-of-tomorrow"
PROFILE = "eu.anthropic.claude-opus-5-5"
ARN = f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{PROFILE}"
each_model = pytest.mark.parametrize("model", [CLAUDE, NOVA, TOMORROW])
ASKED: Any = [{"role": "user", "content": [{"text": "Weather and time?"}]}]
UNSIGNED = {"reasoningContent": {"reasoningText": {"text": "The town decides."}}}
SIGNED = {"reasoningContent": {"reasoningText": {"text": "The town decides.", "signature": "c2lnbmVk"}}}
TWO_CALLS = [
    {"text": "I look both up."},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Zürich"}}},
    {"toolUse": {"toolUseId": "tooluse_2", "name": "get_time", "input": {}}},
]
TOOLS: Any = {
    "tools": [
        {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object", "properties": {}}}}}
        for name in ("get_weather", "get_time")
    ]
}
MESSAGES = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 90,
    "messages": [{"role": "user", "content": "Weather and time?"}],
}


@pytest.fixture(scope="module")
def bedrock(endpoint: Endpoint) -> Any:
    return endpoint.boto3()


@each_model
def test_converse_with_reasoning_tools_and_media_over_two_turns(
    bedrock: Any, emulator: Emulator, says: Any, sent: Any, png: bytes, pdf: bytes, model: str
) -> None:
    # Nova signs nothing, and takes no signature back.
    thought = UNSIGNED if model == NOVA else SIGNED
    says([thought, *TWO_CALLS], stop="tool_use", prompt="Weather and time?")
    # Bedrock knows the fields of Claude and Nova, and so does the emulator.
    fields = {"of_tomorrow": 1} if model == TOMORROW else {}
    body: dict[str, Any] = {"modelId": model, "toolConfig": TOOLS, "additionalModelRequestFields": fields}
    media: Any = [
        {"image": {"format": "png", "source": {"bytes": png}}},
        {"document": {"format": "pdf", "name": "plan", "source": {"bytes": pdf}}},
        *ASKED[0]["content"],
    ]
    question: Any = [{"role": "user", "content": media}]
    for answer in (bedrock.converse, emulator.client().converse):
        result = answer(**body, messages=question)
        assert result["stopReason"] == "tool_use"
        assert result["output"]["message"]["content"] == [thought, *TWO_CALLS]
    given = [
        {"toolResult": {"toolUseId": f"tooluse_{n}", "content": [{"json": {"degrees": 21}}, {"text": "fine"}]}}
        for n in (1, 2)
    ]
    history = [*question, result["output"]["message"], {"role": "user", "content": given}]
    assert "21" in bedrock.converse(**body, messages=history)["output"]["message"]["content"][0]["text"]
    streamed = list(bedrock.converse_stream(**body, messages=question)["stream"])
    directly = list(emulator.client().converse_stream(**body, messages=question)["stream"])
    assert [_timeless(event) for event in streamed] == [_timeless(event) for event in directly]
    one, same, second, third, last = sent()
    assert one == same == third == last
    assert second["messages"][1]["content"] == [thought, *TWO_CALLS]
    assert {call["model"] for call in emulator.calls()} == {model}


def _timeless(event: Any) -> Any:
    if "metadata" not in event:
        return event
    return {"metadata": {name: value for name, value in event["metadata"].items() if name != "metrics"}}


def test_models_are_invoked_in_their_own_body_whole_and_streamed(bedrock: Any, emulator: Emulator, says: Any) -> None:
    says([SIGNED, *TWO_CALLS], stop="tool_use")
    body = json.dumps(MESSAGES)
    for client in (bedrock, emulator.client()):
        response = client.invoke_model(modelId=CLAUDE, body=body)
        document = json.loads(response["body"].read())
        assert [block["type"] for block in document["content"]] == ["thinking", "text", "tool_use", "tool_use"]
        headers = response["ResponseMetadata"]["HTTPHeaders"]
        assert int(headers["x-amzn-bedrock-input-token-count"]) == 7
        chunks = client.invoke_model_with_response_stream(modelId=CLAUDE, body=body)["body"]
        last = [json.loads(each["chunk"]["bytes"]) for each in chunks][-1]
        assert last["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 5
    vector = bedrock.invoke_model(modelId="titan-embed", body=json.dumps({"inputText": "x", "dimensions": 256}))
    assert len(json.loads(vector["body"].read())["embedding"]) == 256


EMBEDDERS = {
    "amazon.titan-embed-text-v1": {"inputText": "a door"},
    "amazon.titan-embed-image-v1": {"inputText": "a door", "embeddingConfig": {"outputEmbeddingLength": 256}},
    "cohere.embed-english-v3": {"texts": ["a door"], "input_type": "search_query", "embedding_types": ["int8"]},
    "us.cohere.embed-v4:0": {"texts": ["a door"], "input_type": "search_query", "output_dimension": 512},
    "amazon.nova-2-multimodal-embeddings-v1:0": {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "TEXT_RETRIEVAL",
            "text": {"truncationMode": "END", "value": "a door"},
        },
    },
    "us.twelvelabs.marengo-embed-2-7-v1:0": {"inputType": "text", "inputText": "a door"},
    "us.twelvelabs.marengo-embed-3-0-v1:0": {"inputType": "text", "text": {"inputText": "a door"}},
}


@pytest.mark.parametrize("model", EMBEDDERS)
def test_embedding_models_are_invoked_in_their_own_body(bedrock: Any, emulator: Emulator, model: str) -> None:
    replies = []
    for client in (bedrock, emulator.client()):
        response = client.invoke_model(modelId=model, body=json.dumps(EMBEDDERS[model]))
        replies.append(response["body"].read())
        assert int(response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"]) > 0
    assert replies[0] == replies[1]
    with pytest.raises(bedrock.exceptions.ValidationException, match="sizes"):
        bedrock.invoke_model(modelId=model, body=json.dumps({**EMBEDDERS[model], "sizes": 1}))
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.converse(modelId=model, messages=ASKED)


def test_tokens_are_counted_in_both_forms(bedrock: Any) -> None:
    converse = {"converse": {"messages": ASKED}}
    native = {"invokeModel": {"body": json.dumps(MESSAGES)}}
    counts = [bedrock.count_tokens(modelId=CLAUDE, input=each)["inputTokens"] for each in (converse, native)]
    assert counts[0] == counts[1] == bedrock.converse(modelId=CLAUDE, messages=ASKED)["usage"]["inputTokens"]
    with pytest.raises(bedrock.exceptions.ValidationException, match="counting tokens"):
        bedrock.count_tokens(modelId=NOVA, input=converse)


@pytest.mark.parametrize(
    ("name", "called"),
    [("draft", NOVA), ("profiled", PROFILE), ("by-arn", ARN), (NOVA, NOVA), (PROFILE, PROFILE), (ARN, ARN)],
    ids=["alias", "alias of a profile", "alias of an ARN", "id", "profile", "ARN"],
)
def test_every_way_to_name_a_model_is_signed_and_served_under_a_base_path_too(
    endpoint: Endpoint, bedrock: Any, emulator: Emulator, name: str, called: str
) -> None:
    for client in (bedrock, endpoint.boto3(f"{endpoint.url}/bedrock")):
        assert client.converse(modelId=name, messages=ASKED)["output"]
        assert [*client.converse_stream(modelId=name, messages=ASKED)["stream"]]
    # An id that is not an alias is passed on unchanged.
    assert [call["model"] for call in emulator.calls()] == [called] * 4


# --- byte for byte ----------------------------------------------------------------------------------------------------


def ask(url: str, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request on a new socket, with the path exactly as it is written here."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    by_name = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, {"content-type": "application/json", **by_name})
    response = connection.getresponse()
    try:
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "written",
    [
        "draft",
        NOVA,
        quote(NOVA, safe=""),
        "profiled",
        PROFILE,
        ARN,
        quote(ARN, safe=""),
        quote(ARN, safe=":"),
        quote(ARN, safe="/"),
    ],
)
def test_a_model_may_be_written_raw_and_encoded(endpoint: Endpoint, emulator: Emulator, written: str) -> None:
    body = json.dumps({"messages": ASKED}).encode()
    for base in ("", "/bedrock"):
        for operation in ("converse", "converse-stream"):
            status, headers, answer = ask(
                endpoint.url, f"{base}/model/{written}/{operation}", body, authorization=f"Bearer {endpoint.key}"
            )
            assert status == 200, answer
            assert headers["x-bedrock-flask-model"] in (NOVA, PROFILE, ARN)
    assert len({call["model"] for call in emulator.calls()}) == 1


def frame(kind: str, document: Any, **more: Any) -> bytes:
    """A frame, written by hand where the order of members and blanks matters."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return eventstream.encode(eventstream.event(kind, data, **more))


ODD_CONVERSE = [
    frame("messageStart", b'{"role" : "assistant", "p":"abcdefgh", "of_tomorrow":{"n":12345678901234567890.10}}'),
    frame("eventOfTomorrow", {"anything": ["goes", None]}),
    frame("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"caf\\u00e9 \xe2\x82\xac"},"p":""}'),
    frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"deltaOfTomorrow": 1}}),
    frame("contentBlockStop", {"contentBlockIndex": 0}),
    frame("messageStop", {"stopReason": "a_reason_of_tomorrow"}),
    frame("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "of_tomorrow": 4}}),
]


def chunk(document: Any, padding: str = "") -> bytes:
    return eventstream.encode(eventstream.chunk(json.dumps(document).encode(), padding))


ODD_CLAUDE = [
    chunk({"type": "message_start", "message": {"role": "assistant", "content": [], "usage": {"input_tokens": 1}}}),
    chunk({"type": "event_of_tomorrow", "n": [1.10]}, "abcdef"),
    chunk({"type": "content_block_start", "index": 0, "content_block": {"type": "block_of_tomorrow"}}),
    chunk({"type": "content_block_stop", "index": 0}),
    chunk({"type": "message_delta", "delta": {"stop_reason": "tomorrow"}, "usage": {"output_tokens": 2}}),
    chunk({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1, "of_tomorrow": 2}}),
]


def test_answers_go_through_byte_for_byte_with_what_nobody_knows_yet(
    replayed: Any, upstream: Upstream, stream: SendStream, whole: SendWhole
) -> None:
    converse = json.dumps({"messages": ASKED, "inferenceConfig": {"maxTokens": 9}}, indent=1).encode()
    native = json.dumps(MESSAGES, indent=3).encode()
    streams = [("converse-stream", model, converse, ODD_CONVERSE) for model in (CLAUDE, NOVA, TOMORROW)]
    streams += [("invoke-with-response-stream", CLAUDE, native, ODD_CLAUDE)]
    streams += [("invoke-with-response-stream", TOMORROW, b'{"prompt" : "of a body that nobody knows"}', ODD_CLAUDE)]
    for operation, model, body, frames in streams:
        # However the frames are cut on their way.
        for cut in (frames, [b"".join(frames)], [bytes([byte]) for byte in b"".join(frames)]):
            upstream.scripts.append(stream(*cut))
            status, headers, answer = ask(replayed.url, f"/model/{model}/{operation}", body)
            assert (status, headers["content-type"]) == (200, eventstream.MEDIA_TYPE)
            assert answer == b"".join(frames), (operation, model)
            assert upstream.requests.pop().endswith(b"\r\n\r\n" + body)
    result = b'{"output" : {"message":{"role":"assistant","content":[{"of_tomorrow":1.10}]}},\n"stopReason":"new" }'
    claudes = b'{ "type":"message", "content": [], "stop_reason":"new","usage":{}, "n": 12345678901234567890123 }'
    for operation, answer, asks in (("converse", result, {"messages": ASKED}), ("invoke", claudes, MESSAGES)):
        upstream.scripts.append(whole(answer, x_amzn_bedrock_service_tier="flex"))
        status, headers, came = ask(replayed.url, f"/model/{CLAUDE}/{operation}", json.dumps(asks).encode())
        assert (status, came) == (200, answer)
        assert headers["x-amzn-bedrock-service-tier"] == "flex"


def test_a_recorded_stream_equals_the_emulators(endpoint: Endpoint, emulator: Emulator, script: Any) -> None:
    text = "One two three."
    script({"prompt": "Record.", "text": text})
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "Record."}]}]}).encode()
    path = f"/model/{quote(NOVA)}/converse-stream"
    _, _, direct = ask(emulator.url, path, body)
    _, _, through = ask(endpoint.url, path, body, authorization=f"Bearer {endpoint.key}")
    one, other = (eventstream.Decoder().feed(answer) for answer in (direct, through))
    # But for padding, which the emulator makes anew, and for times, the last frames are the same.
    assert [_plain(each) for each in one] == [_plain(each) for each in other]
    assert "".join(_plain(each)[1].get("delta", {}).get("text", "") for each in other) == text


def _plain(frame: eventstream.Frame) -> tuple[Any, Any]:
    payload = json.loads(frame.payload)
    return frame.headers, {name: value for name, value in payload.items() if name not in ("p", "metrics")}


# --- errors -----------------------------------------------------------------------------------------------------------


ERRORS = {
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ThrottlingException": 429,
    "ModelNotReadyException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    "ServiceQuotaExceededException": 400,
}


@pytest.mark.parametrize("operation", ["converse", "converse_stream", "invoke_model"])
def test_each_error_of_bedrocks_is_the_class_that_boto3_has_for_it(
    bedrock: Any, emulator: Emulator, operation: str
) -> None:
    body: Any = {"body": json.dumps(MESSAGES)} if operation == "invoke_model" else {"messages": ASKED}
    for name, status in ERRORS.items():
        emulator.fault(name, message=f"of {name}")
        with pytest.raises(getattr(bedrock.exceptions, name), match=f"of {name}") as raised:
            getattr(bedrock, operation)(modelId=CLAUDE, **body)
        value = raised.value.response
        assert (value["Error"]["Code"], value["ResponseMetadata"]["HTTPStatusCode"]) == (name, status)
        assert value["ResponseMetadata"]["RequestId"]


def test_errors_of_the_gateways_own_are_in_awss_words(endpoint: Endpoint, bedrock: Any, sent: Any) -> None:
    def of(code: str, status: int, client: Any = bedrock, **body: Any) -> str:
        with pytest.raises(ClientError) as raised:
            client.converse(**{"modelId": NOVA, "messages": ASKED, **body})
        value = raised.value.response
        assert (value["Error"]["Code"], value["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
        return str(value["Error"]["Message"])

    of("ResourceNotFoundException", 404, modelId="no-such-model")
    assert "temperature" in of("ValidationException", 400, inferenceConfig={"temperature": 2.0})
    of("InvalidSignatureException", 403, client=endpoint.boto3(secret="wrong"))
    large: Any = [{"role": "user", "content": [{"text": "x" * 400_000}]}]
    of("RequestEntityTooLargeException", 413, client=endpoint.boto3(), messages=large)
    # No client of AWS's sends them.
    broken, unsaid = b'{"messages": [', json.dumps({"messages": "x"}).encode()
    for body in (broken, unsaid):
        status, headers, _ = ask(endpoint.url, f"/model/{NOVA}/converse", body, authorization=f"Bearer {endpoint.key}")
        assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    status, headers, _ = ask(endpoint.url, f"/model/{NOVA}/converse", broken)
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    status, headers, _ = ask(endpoint.url, f"/model/{NOVA}/nothing", b"{}", authorization=f"Bearer {endpoint.key}")
    assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert sent() == []


def test_a_connection_that_is_said_to_be_kept_is_kept_after_a_refused_body(endpoint: Endpoint) -> None:
    connection = http.client.HTTPConnection(urlsplit(endpoint.url).netloc, timeout=20)
    kept = {"content-type": "application/json", "authorization": f"Bearer {endpoint.key}"}
    connection.request("POST", f"/model/{NOVA}/converse", b"x" * 400_000, kept)
    response = connection.getresponse()
    response.read()
    assert response.status == 413
    if response.getheader("connection") != "close":
        connection.request("POST", f"/model/{NOVA}/converse", json.dumps({"messages": ASKED}), kept)
        assert connection.getresponse().status == 200
    connection.close()


def test_what_breaks_in_midstream_is_the_exception_that_bedrock_sent(bedrock: Any, emulator: Emulator) -> None:
    for error in ("throttlingException", "serviceUnavailableException", "internalServerException"):
        for call, body in (("converse_stream", {"messages": ASKED}), (_INVOKE_STREAM, {"body": json.dumps(MESSAGES)})):
            emulator.fault("exception_frame", error=error, after=2)
            seen: list[Any] = []
            answered = getattr(bedrock, call)(modelId=CLAUDE, **body)
            with pytest.raises(EventStreamError) as raised:
                seen.extend(answered["stream" if "stream" in answered else "body"])
            assert raised.value.response["Error"]["Code"] == error
            assert len(seen) == 2
    emulator.fault("cut_between_chunks", after=2)
    # A connection that Bedrock loses is lost for the client too, as it is without the gateway.
    with pytest.raises(ProtocolError):
        list(bedrock.converse_stream(modelId=NOVA, messages=ASKED)["stream"])


_INVOKE_STREAM = "invoke_model_with_response_stream"


def test_boto3_tries_again_where_it_helps(endpoint: Endpoint, emulator: Emulator) -> None:
    emulator.fault("throttle")
    assert endpoint.boto3(attempts=2).converse(modelId=NOVA, messages=ASKED)["output"]
    emulator.fault("ValidationException")
    with pytest.raises(ClientError):
        endpoint.boto3(attempts=2).converse(modelId=NOVA, messages=ASKED)
    assert len(emulator.calls()) == 3


@pytest.fixture
def retries_left(gateway: Gateway, emulator: Emulator) -> None:
    """Answers that pay for two retries, whatever the tests before have used of the model's budget."""
    for _ in range(8):
        assert gateway.post(f"/model/{NOVA}/converse", {"messages": ASKED}).ok
    emulator.ask("DELETE", "/_emulator/requests")


@pytest.mark.usefixtures("retries_left")
@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
@pytest.mark.parametrize("fault", ["throttle", "unavailable", "not_ready", "internal"])
def test_the_attempts_of_boto3_are_not_multiplied(gateway: Gateway, emulator: Emulator, mode: str, fault: str) -> None:
    import boto3
    from botocore.config import Config

    def count_attempts(most: int) -> int:
        emulator.ask("DELETE", "/_emulator/requests")
        emulator.fault(fault, count=9, retry_after="0")
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=gateway.url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": most, "mode": mode}),
        )
        with pytest.raises(ClientError):
            client.converse(modelId=NOVA, messages=ASKED)
        emulator.ask("DELETE", "/_emulator/faults")
        return len(emulator.calls())

    # Two by boto3, and one by the gateway for each; or all three by the gateway.
    assert count_attempts(2) == 2
    if mode != "legacy":
        assert count_attempts(1) == 3


@pytest.mark.usefixtures("retries_left")
@pytest.mark.parametrize(
    ("announced", "calls"),
    [("attempt=1; max=3", 1), ("attempt=2; max=2", 1), ("attempt=1", 1), ("attempt=1; max=1", 3)],
)
@pytest.mark.parametrize(
    "path", [f"/model/{NOVA}/converse", f"/model/{NOVA}/converse-stream", "/v1/models/nova/invoke"]
)
def test_what_an_aws_sdk_announces_decides_on_the_gateways_attempts(
    gateway: Gateway, emulator: Emulator, path: str, announced: str, calls: int
) -> None:
    emulator.fault("throttle", count=9, retry_after="0")
    response = gateway.post(path, {"messages": ASKED}, headers={"amz-sdk-request": announced})
    assert response.status_code == 429
    assert len(emulator.calls()) == calls
    assert response.headers["x-should-retry"] == "true"
    assert response.headers["x-amz-retry-after"] == response.headers["retry-after-ms"] == "0"


@pytest.mark.parametrize(("announced", "calls"), [("attempt=1; max=3", 1), ("attempt=1; max=1", 3)])
def test_it_decides_on_the_attempts_of_an_operation_on_no_model_too(
    gateway: Gateway, emulator: Emulator, announced: str, calls: int
) -> None:
    emulator.fault("throttle", count=9, retry_after="0")
    body = {"source": "INPUT", "content": [{"text": {"text": "Hi"}}]}
    response = gateway.post("/guardrail/abcdefgh/version/1/apply", body, headers={"amz-sdk-request": announced})
    assert (response.status_code, len(emulator.calls())) == (429, calls)
