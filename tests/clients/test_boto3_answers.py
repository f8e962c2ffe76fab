"""Answers and errors of Bedrock's through unmodified boto3: the gateway hands them on as a direct call would."""

import json
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from urllib3.exceptions import ProtocolError

from bedrock_flask.protocol import eventstream
from tests.doubles import Gateway, SendStream, SendWhole, Upstream
from tests.sse_decoder import Decoder

ENDPOINT = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/example-endpoint-name"
UNKNOWN, NOVA, CLAUDE = "us.acme.chat-v1:0", "amazon.nova-lite-v1:0", "anthropic.claude-opus-4-6-v1"
ASKED: Any = [{"role": "user", "content": [{"text": "Hi."}]}]
MESSAGES = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hi."}],
}
PNG = b"\x89PNG\r\n\x1a\n\x00\xff\xfe"
# The form of an answer is the model's own affair: arrays are what TGI's containers answer, SSE what others stream.
FORMS = {
    "array": (b'[{"generated_text": "I am fine"}]', "application/json"),
    "string": (b'"[DONE]"', "application/json"),
    "null": (b"null", "application/json"),
    "empty object": (b"{}", "application/json"),
    "text": ("Grüße.\r\n".encode(), "text/plain"),
    "image": (PNG, "image/png"),
    "server-sent events": (b'data: {"token": "a"}\n\ndata: [DONE]\n\n', "text/event-stream"),
    "no JSON after all": (b'{"n": NaN}', "application/json"),
    "nothing": (b"", "application/json"),
}
UNKNOWN_OPERATION = {
    "Output": {"__type": "com.amazon.coral.service#UnknownOperationException"},
    "Version": "1.0",
}


@pytest.fixture
def bedrock(replayed: Gateway) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=replayed.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )


def chunk(data: bytes) -> bytes:
    return eventstream.encode(eventstream.chunk(data, "abc"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", [ENDPOINT, UNKNOWN])
def test_an_answer_of_any_form_passes_whole(
    bedrock: Any, upstream: Upstream, whole: SendWhole, model: str, form: str
) -> None:
    body, kind = FORMS[form]
    upstream.scripts.append(whole(body, content_type=kind))
    answer = bedrock.invoke_model(modelId=model, body=b'{"inputs": "Hello? How are you?"}', accept=kind)
    assert (answer["body"].read(), answer["contentType"]) == (body, kind)


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_of_chunks_of_any_form_passes_to_its_clean_end(
    bedrock: Any, upstream: Upstream, stream: SendStream, form: str
) -> None:
    chunks = [b'{"choices": [{"finish_reason": "stop"}]}', FORMS[form][0], b'"[DONE]"']
    upstream.scripts.append(stream(*map(chunk, chunks)))
    answer = bedrock.invoke_model_with_response_stream(modelId=UNKNOWN, body=b"{}")
    assert [event["chunk"]["bytes"] for event in answer["body"]] == chunks


def test_an_answer_of_any_form_that_is_cut_short_is_an_error(
    bedrock: Any, upstream: Upstream, whole: SendWhole, stream: SendStream
) -> None:
    upstream.scripts.append(whole(b"half a te", length=100, content_type="text/plain"))
    with pytest.raises(bedrock.exceptions.ModelErrorException, match="9 of 100 bytes"):
        bedrock.invoke_model(modelId=ENDPOINT, body=b"{}")
    upstream.scripts.append(stream(chunk(b"text"), end=b""))
    answer = bedrock.invoke_model_with_response_stream(modelId=ENDPOINT, body=b"{}")
    with pytest.raises(ProtocolError):
        list(answer["body"])


def test_usage_is_read_where_an_answer_of_an_unknown_family_states_it(
    replayed: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    upstream.scripts.append(whole(b"[1]", x_amzn_bedrock_input_token_count="3", x_amzn_bedrock_output_token_count="4"))
    response = replayed.post(f"/model/{UNKNOWN}/invoke", b"{}")
    line = replayed.line(response.headers["x-request-id"])
    assert (line["input_tokens"], line["output_tokens"]) == (3, 4)


def test_a_family_with_a_wire_still_needs_the_end_of_its_wire(
    bedrock: Any, upstream: Upstream, whole: SendWhole, stream: SendStream
) -> None:
    for body in (b'"[DONE]"', b"[]", b"{}", b"text"):
        upstream.scripts.append(whole(body))
        with pytest.raises(bedrock.exceptions.ModelErrorException):
            bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(MESSAGES))
    upstream.scripts.append(stream(chunk(b'{"type": "ping"}')))
    answer = bedrock.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps(MESSAGES))
    with pytest.raises(ProtocolError):
        list(answer["body"])


# --- errors -----------------------------------------------------------------------------------------------------------


def test_the_members_of_an_error_reach_the_caller(bedrock: Any, upstream: Upstream, whole: SendWhole) -> None:
    role = "arn:aws:iam::123456789012:role/canary"
    error = {"message": "It failed.", "originalStatusCode": 422, "resourceName": f"endpoint of {role}"}
    for operation, more in (("invoke_model", {"body": b"{}"}), ("converse", {"messages": ASKED})):
        upstream.scripts.append(
            whole(json.dumps(error).encode(), "424 Failed Dependency", x_amzn_ErrorType="ModelErrorException:http://x")
        )
        with pytest.raises(bedrock.exceptions.ModelErrorException, match=r"It failed\.") as raised:
            getattr(bedrock, operation)(modelId=UNKNOWN, **more)
        assert raised.value.response["originalStatusCode"] == 422
        assert raised.value.response["resourceName"] == "endpoint of (an ARN of the gateway's account)"


EXCEPTIONS = {
    "internalServerException": ("InternalServerException", 500),
    "modelStreamErrorException": ("ModelStreamErrorException", 424),
    "modelTimeoutException": ("ModelTimeoutException", 408),
    "serviceUnavailableException": ("ServiceUnavailableException", 503),
    "throttlingException": ("ThrottlingException", 429),
    "validationException": ("ValidationException", 400),
}


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.parametrize("operation", ["converse_stream", "invoke_model_with_response_stream"])
def test_an_exception_that_is_a_streams_first_frame_keeps_its_name_and_members(
    bedrock: Any, upstream: Upstream, stream: SendStream, operation: str, kind: str
) -> None:
    document = {"message": "It failed.", "originalStatusCode": 422, "originalMessage": "CUDA."}
    frame = eventstream.encode(eventstream.exception(kind, json.dumps(document).encode()))
    # The gateway tries again where that may help.
    upstream.scripts += [stream(frame)] * 3
    more: Any = {"messages": ASKED} if operation == "converse_stream" else {"body": b"{}"}
    with pytest.raises(ClientError, match=r"It failed\.") as raised:
        getattr(bedrock, operation)(modelId=UNKNOWN, **more)
    response = raised.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == EXCEPTIONS[kind]
    if kind == "modelStreamErrorException":
        assert (response["originalStatusCode"], response["originalMessage"]) == (422, "CUDA.")


def test_an_exception_within_another_is_what_counts(
    replayed: Gateway, bedrock: Any, upstream: Upstream, stream: SendStream
) -> None:
    document = {"__type": "com.amazon.bedrock#ValidationException", "message": "This model is retired."}
    frame = eventstream.encode(eventstream.exception("internalServerException", json.dumps(document).encode()))
    upstream.scripts += [stream(frame)] * 2
    with pytest.raises(bedrock.exceptions.ValidationException, match="retired"):
        bedrock.converse_stream(modelId=UNKNOWN, messages=ASKED)
    chat = {"model": UNKNOWN, "messages": [{"role": "user", "content": "Hi."}], "stream": True}
    assert replayed.post("/v1/chat/completions", chat).status_code == 400
    assert len(upstream.requests) == 2


def test_a_frame_of_an_error_names_no_arn_of_the_account(
    replayed: Gateway, upstream: Upstream, stream: SendStream
) -> None:
    secret = "arn:aws:iam::123456789012:role/canary"
    start = eventstream.encode(eventstream.event("messageStart", b'{"role": "assistant"}'))
    frames = [
        eventstream.exception("validationException", json.dumps({"message": f'see "{secret}"', "n": 1}).encode()),
        eventstream.error("InternalFailure", f"see {secret}"),
        eventstream.exception("validationException", f"in plain words: {secret}, account 123456789012".encode()),
    ]
    for frame in frames:
        upstream.scripts.append(stream(start, eventstream.encode(frame)))
        response = replayed.post(f"/model/{NOVA}/converse-stream", {"messages": ASKED})
        _, last = eventstream.Decoder().feed(response.content)
        assert b"canary" not in response.content
        assert b"123456789012" not in response.content
        assert b"an ARN of the gateway's account" in response.content
        assert last.headers.keys() == frame.headers.keys()


@pytest.mark.parametrize("path", ["/model/{}/invoke", "/model/{}/invoke-with-response-stream", "/model/{}/converse"])
@pytest.mark.parametrize("model", [NOVA, UNKNOWN])
def test_awss_answer_to_an_address_that_it_does_not_know_is_an_error(
    replayed: Gateway, upstream: Upstream, whole: SendWhole, path: str, model: str
) -> None:
    upstream.scripts.append(whole(json.dumps(UNKNOWN_OPERATION).encode()))
    response = replayed.post(path.format(model), {"messages": ASKED})
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert response.json()["code"] == "not_bedrock"
    assert "not Bedrock" in response.json()["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_that_answer_is_an_error_in_the_other_dialects_too(
    replayed: Gateway, upstream: Upstream, whole: SendWhole, stream: bool
) -> None:
    chat = {"model": "nova", "messages": [{"role": "user", "content": "Hi."}], "stream": stream}
    upstream.scripts.append(whole(json.dumps(UNKNOWN_OPERATION).encode()))
    response = replayed.post("/v1/chat/completions", chat)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "not_bedrock")


def test_an_answer_that_only_mentions_that_error_is_an_answer(
    bedrock: Any, upstream: Upstream, whole: SendWhole
) -> None:
    body = b'{"Output": "UnknownOperationException is what AWS answers."}'
    upstream.scripts.append(whole(body))
    assert bedrock.invoke_model(modelId=UNKNOWN, body=b"{}")["body"].read() == body


# --- the native route -------------------------------------------------------------------------------------------------

OWN = """
from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl

class Body(Schema):
    inputs = fields.String(required=True)

@hookimpl
def register_adapters(register):
    register(
        Adapter(
            name="made-up",
            body=Body,
            speaks={"made-up": "InvokeModel"},
            models={"made.up-*": Capabilities()},
            sample={"inputs": "Hi"},
        )
    )
"""


def test_the_native_route_passes_any_form_where_a_plugin_knows_the_body_and_not_the_answer(
    gateway_with: Any, upstream: Upstream, whole: SendWhole, stream: SendStream, tmp_path: Any
) -> None:
    (tmp_path / "made_up.py").write_text(OWN)
    gateway = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url, BEDROCK_FLASK_PLUGINS_DIR=str(tmp_path))
    for body, kind in FORMS.values():
        upstream.scripts.append(whole(body, content_type=kind))
        response: requests.Response = gateway.post("/v1/models/made.up-1/invoke", {"inputs": "Hi"})
        assert (response.status_code, response.content) == ((200, body) if body != b"{}" else (502, response.content))
        if response.ok:
            assert response.headers["content-type"] == kind
    last = b'{"amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}'
    chunks = [b'"[DONE]"', b"[1]", b"text\nof two lines", b"data: x\n\n", last]
    upstream.scripts.append(stream(*map(chunk, chunks)))
    response = gateway.post("/v1/models/made.up-1/invoke-stream", {"inputs": "Hi"})
    *events, usage = Decoder().feed(response.content)
    assert [event.data.encode() for event in events] == chunks
    assert usage.event == "usage"
    # Bytes that are no text have no place in server-sent events: the error says so.
    upstream.scripts.append(stream(chunk(PNG), chunk(last)))
    assert "not text" in gateway.post("/v1/models/made.up-1/invoke-stream", {"inputs": "Hi"}).text


def test_an_imported_model_is_called_in_its_own_body_on_the_native_route(
    replayed: Gateway, upstream: Upstream, whole: SendWhole, stream: SendStream
) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:imported-model/a1b2c3d4e5f6"
    body = b'{"prompt" : "Hi.", "max_gen_len": 9}'
    for answer, kind in FORMS.values():
        upstream.scripts.append(whole(answer, content_type=kind))
        response = replayed.post(f"/v1/models/{arn}/invoke", body)
        assert (response.status_code, response.content, response.headers["content-type"]) == (200, answer, kind)
        request = upstream.requests.pop()
        assert request.startswith(b"POST /model/arn%3Aaws%3Abedrock")
        assert request.split(b" ")[1].endswith(b"/invoke")
        assert request.endswith(b"\r\n\r\n" + body)
    chunks = [b'{"generation": "a"}', b'"[DONE]"']
    upstream.scripts.append(stream(*map(chunk, chunks)))
    envelope = {"model": arn, "input": {"prompt": "Hi."}, "stream": True}
    events = Decoder().feed(replayed.post("/v1/invoke", envelope).content)
    assert [event.data.encode() for event in events[:-1]] == chunks
    # No other id that no plugin claims may be called so: a body that is not Converse's is a mistake.
    assert replayed.post("/v1/models/newvendor.model-of-tomorrow/invoke", body).status_code == 400
