"""An unmodified boto3 against the emulator: the four operations, their shapes and their errors."""

import json
import math
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from bedrock_flask.bedrock.usage import METRICS
from bedrock_flask.emulator.operations import inference
from bedrock_flask.errors import BEDROCK_ERRORS
from bedrock_flask.protocol.eventstream import Decoder, event
from tests.doubles import Emulator, StartEmulator

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-lite-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
NEW = "newvendor.model-of-tomorrow"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
TOOLS = [{"toolSpec": {"name": "get_weather", "description": "Weather.", "inputSchema": {"json": SCHEMA}}}]


def claude(text: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": messages, **more}


def say(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def chunks(bedrock: Any, model: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    stream = bedrock.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    assert stream["contentType"] == "application/json"
    return [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]


def refusal(call: Any, **arguments: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


# --- InvokeModel ---------------------------------------------------------------------------------------------------


def test_claude_answers_in_its_own_format_with_counts_in_headers(bedrock: Any) -> None:
    response = bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(claude("Hello")))
    reply, headers = json.loads(response["body"].read()), response["ResponseMetadata"]["HTTPHeaders"]
    assert (reply["type"], reply["role"], reply["stop_reason"]) == ("message", "assistant", "end_turn")
    assert 'You said: "Hello"' in reply["content"][0]["text"]
    assert headers["x-amzn-bedrock-input-token-count"] == str(reply["usage"]["input_tokens"]) == "1"
    assert headers["x-amzn-bedrock-output-token-count"] == str(reply["usage"]["output_tokens"])
    assert int(headers["x-amzn-bedrock-invocation-latency"]) >= 0
    assert "x-amzn-bedrock-cache-read-input-token-count" not in headers
    assert re.fullmatch(r"[0-9a-f-]{36}", response["ResponseMetadata"]["RequestId"])
    assert "date" in headers


def test_cache_counts_are_told_only_with_caching(bedrock: Any) -> None:
    system = [{"type": "text", "text": "one two three", "cache_control": {"type": "ephemeral"}}]
    response = bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(claude("Hello", system=system)))
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-cache-write-input-token-count"] == "3"
    assert headers["x-amzn-bedrock-cache-read-input-token-count"] == "0"
    last = chunks(bedrock, CLAUDE, claude("Hello", system=system))[-1]
    assert last[METRICS]["cacheWriteInputTokenCount"] == 3


def test_nova_answers_in_its_own_format(bedrock: Any) -> None:
    body = {"schemaVersion": "messages-v1", "messages": say("Hi"), "inferenceConfig": {"maxTokens": 4}}
    reply = json.loads(bedrock.invoke_model(modelId=NOVA, body=json.dumps(body))["body"].read())
    assert reply["stopReason"] == "max_tokens"
    assert reply["output"]["message"]["content"] == [{"text": 'You said: "'}]
    assert reply["usage"]["outputTokens"] == 4


def test_a_stop_sequence_of_claude_is_named(bedrock: Any) -> None:
    body = claude("Hi", stop_sequences=["scripted"])
    reply = json.loads(bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(body))["body"].read())
    assert (reply["stop_reason"], reply["stop_sequence"]) == ("stop_sequence", "scripted")


@pytest.mark.parametrize("dimensions", [256, 512, 1024])
def test_titan_gives_vectors_of_the_right_size_and_length_one(bedrock: Any, dimensions: int) -> None:
    body = json.dumps({"inputText": "one two three", "dimensions": dimensions})
    reply = json.loads(bedrock.invoke_model(modelId=TITAN, body=body)["body"].read())
    assert len(reply["embedding"]) == dimensions
    assert math.isclose(math.fsum(x * x for x in reply["embedding"]), 1)
    assert reply["inputTextTokenCount"] == 3
    assert reply == json.loads(bedrock.invoke_model(modelId=TITAN, body=body)["body"].read())


def test_an_inference_profile_by_its_arn_is_claude(bedrock: Any) -> None:
    reply = json.loads(bedrock.invoke_model(modelId=PROFILE, body=json.dumps(claude("Hi")))["body"].read())
    assert reply["model"] == "claude-sonnet-4-5-20250929"


# --- InvokeModelWithResponseStream ---------------------------------------------------------------------------------


def test_claude_streams_its_own_events_with_the_metrics_last(bedrock: Any) -> None:
    response = chunks(bedrock, CLAUDE, claude("Hello"))
    assert [response[0]["type"], response[1]["type"], response[-2]["type"], response[-1]["type"]] == [
        "message_start",
        "content_block_start",
        "message_delta",
        "message_stop",
    ]
    text = "".join(chunk["delta"]["text"] for chunk in response if chunk["type"] == "content_block_delta")
    assert 'You said: "Hello"' in text
    metrics = response[-1][METRICS]
    assert metrics["inputTokenCount"] == 1
    assert metrics["outputTokenCount"] == response[-2]["usage"]["output_tokens"]
    assert metrics["invocationLatency"] >= metrics["firstByteLatency"] >= 0
    assert set(metrics) == {"inputTokenCount", "outputTokenCount", "invocationLatency", "firstByteLatency"}
    assert not any(METRICS in chunk for chunk in response[:-1])


def test_nova_streams_its_own_events_with_the_metrics_last(bedrock: Any) -> None:
    response = chunks(bedrock, NOVA, {"messages": say("Hello")})
    assert "messageStart" in response[0]
    assert "metadata" in response[-1]
    assert response[-1][METRICS]["inputTokenCount"] == 1


def test_frames_are_padded_and_the_content_type_is_told(emulator: Emulator, hear: Any) -> None:
    heard = hear(f"/model/{CLAUDE}/invoke-with-response-stream", body=json.dumps(claude("Hi")).encode())
    assert b"content-type: application/vnd.amazon.eventstream" in heard.head
    assert b"x-amzn-bedrock-content-type: application/json" in heard.head
    assert b"transfer-encoding: chunked" in heard.head
    frames, clean = heard.chunks
    assert clean
    assert len({len(padding) for padding in re.findall(rb'"p":"([a-zA-Z0-9]+)"', frames)}) > 3


def test_an_error_within_a_stream_is_an_exception_frame(bedrock: Any) -> None:
    body = claude("Hi [[error modelStreamErrorException after 2]]")
    stream = bedrock.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps(body))["body"]
    seen: list[Any] = []
    with pytest.raises(EventStreamError) as caught:
        seen.extend(stream)
    assert caught.value.response["Error"]["Code"] == "modelStreamErrorException"
    kinds = [json.loads(event["chunk"]["bytes"])["type"] for event in seen]
    assert kinds == ["message_start", "content_block_start", "content_block_delta", "content_block_delta"]


# --- Converse and ConverseStream -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [CLAUDE, NOVA, NEW, PROFILE])
def test_converse_answers_for_every_chat_model(bedrock: Any, model: str) -> None:
    response = bedrock.converse(modelId=model, messages=say("Hello"), system=[{"text": "Be brief."}])
    assert 'You said: "Hello"' in response["output"]["message"]["content"][0]["text"]
    assert response["stopReason"] == "end_turn"
    assert response["usage"]["totalTokens"] == response["usage"]["inputTokens"] + response["usage"]["outputTokens"]
    assert response["metrics"]["latencyMs"] >= 0


def test_converse_stream_has_metadata_after_the_stop(bedrock: Any) -> None:
    events = list(bedrock.converse_stream(modelId=NEW, messages=say("Hello"))["stream"])
    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart"
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert "contentBlockStart" not in names
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert text == bedrock.converse(modelId=NEW, messages=say("Hello"))["output"]["message"]["content"][0]["text"]
    assert events[-1]["metadata"]["metrics"]["latencyMs"] >= 0


@pytest.mark.parametrize(
    ("choice", "text"),
    [({"any": {}}, "Hi"), ({"tool": {"name": "get_weather"}}, "Hi"), ({"auto": {}}, "Ask get_weather.")],
)
def test_a_tool_is_called_with_what_its_schema_wants_and_its_result_quoted(
    bedrock: Any, choice: dict[str, Any], text: str
) -> None:
    config = {"tools": TOOLS, "toolChoice": choice}
    response = bedrock.converse(modelId=CLAUDE, messages=say(text), toolConfig=config)
    assert response["stopReason"] == "tool_use"
    use = response["output"]["message"]["content"][-1]["toolUse"]
    jsonschema.validate(use["input"], SCHEMA)

    events = list(bedrock.converse_stream(modelId=CLAUDE, messages=say(text), toolConfig=config)["stream"])
    [start] = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert start["start"]["toolUse"] == {"toolUseId": use["toolUseId"], "name": "get_weather"}
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    pieces = [delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta]
    assert json.loads("".join(pieces)) == use["input"]

    result = {"toolUseId": use["toolUseId"], "content": [{"text": "It rains."}]}
    messages = [*say(text), response["output"]["message"], {"role": "user", "content": [{"toolResult": result}]}]
    after = bedrock.converse(modelId=CLAUDE, messages=messages, toolConfig=config)
    assert after["stopReason"] == "end_turn"
    assert "It rains." in after["output"]["message"]["content"][0]["text"]


def test_claude_calls_tools_in_its_own_format(bedrock: Any) -> None:
    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    body = claude("Hi", tools=tools, tool_choice={"type": "tool", "name": "get_weather"})
    reply = json.loads(bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(body))["body"].read())
    [use] = reply["content"]
    assert (reply["stop_reason"], use["type"], use["name"]) == ("tool_use", "tool_use", "get_weather")
    jsonschema.validate(use["input"], SCHEMA)
    response = chunks(bedrock, CLAUDE, body)
    pieces = [chunk["delta"]["partial_json"] for chunk in response if chunk["type"] == "content_block_delta"]
    assert json.loads("".join(pieces)) == use["input"]


def test_reasoning_comes_with_a_signature_in_both_formats(bedrock: Any) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    response = bedrock.converse(
        modelId=CLAUDE, messages=say("Think."), additionalModelRequestFields={"thinking": thinking}
    )
    reasoning = response["output"]["message"]["content"][0]["reasoningContent"]["reasoningText"]
    body = claude("Think.", thinking=thinking, max_tokens=2048)
    reply = json.loads(bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(body))["body"].read())
    thought, text = reply["content"]
    assert (thought["thinking"], thought["signature"]) == (reasoning["text"], reasoning["signature"])
    assert text["type"] == "text"
    kinds = [
        chunk["delta"]["type"] for chunk in chunks(bedrock, CLAUDE, body) if chunk["type"] == "content_block_delta"
    ]
    assert kinds.index("signature_delta") == kinds.count("thinking_delta") > 0


# --- errors --------------------------------------------------------------------------------------------------------


def test_what_is_not_valid_is_refused_with_the_path(bedrock: Any) -> None:
    body = claude("Hi") | {"messages": [{"role": "robot", "content": "x"}]}
    code, message, status = refusal(bedrock.invoke_model, modelId=CLAUDE, body=json.dumps(body))
    assert (code, status) == ("ValidationException", 400)
    assert "messages[0].role" in message
    code, message, _ = refusal(bedrock.invoke_model, modelId=CLAUDE, body=json.dumps(claude("Hi", max_tokns=3)))
    assert code == "ValidationException"
    assert "max_tokns" in message
    code, message, _ = refusal(bedrock.invoke_model, modelId=CLAUDE, body=b'{"max_tokens": 3,')
    assert code == "ValidationException"
    assert "Malformed input request" in message


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_an_invalid_converse_body_is_refused_with_the_path(emulator: Emulator, operation: str) -> None:
    # boto3 would refuse it itself.
    answer = emulator.post(f"/model/{NEW}/{operation.replace('_', '-')}", {"messages": [{"role": "user"}]})
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"].startswith("ValidationException:http://internal.amazon.com/coral/")
    assert "messages[0].content" in answer.json()["message"]


def test_models_that_cannot_do_it_are_refused_in_the_words_of_aws(bedrock: Any) -> None:
    text = json.dumps({"inputText": "x"})
    assert refusal(bedrock.invoke_model, modelId=NEW, body="{}") == (
        "ValidationException",
        "The provided model identifier is invalid.",
        400,
    )
    assert (
        "unsupported for streaming" in refusal(bedrock.invoke_model_with_response_stream, modelId=TITAN, body=text)[1]
    )
    for call in (bedrock.converse, bedrock.converse_stream):
        assert "This action doesn't support the model" in refusal(call, modelId=TITAN, messages=say("x"))[1]
    assert "must start with a user message" in refusal(bedrock.converse, modelId=NEW, messages=[])[1]


@pytest.mark.parametrize("name", sorted(BEDROCK_ERRORS))
def test_every_error_of_the_table_arrives_by_its_name(bedrock: Any, name: str) -> None:
    code, message, status = refusal(bedrock.converse, modelId=NEW, messages=say(f"[[error {name}]]"))
    assert code == name
    assert message
    assert status >= 400


def test_an_error_before_the_first_event_has_its_own_status(bedrock: Any) -> None:
    response = refusal(bedrock.converse_stream, modelId=NEW, messages=say("[[error ThrottlingException]]"))
    assert (response[0], response[2]) == ("ThrottlingException", 429)


def test_an_error_that_a_stream_does_not_model_is_an_error_frame(bedrock: Any) -> None:
    stream = bedrock.converse_stream(modelId=NEW, messages=say("[[error AccessDeniedException after 0]]"))["stream"]
    with pytest.raises(EventStreamError) as caught:
        list(stream)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", f"/model/{NEW}/converse", 405), ("POST", f"/model/{NEW}/unheard-of", 404)],
)
def test_other_addresses_are_refused_as_json_with_a_request_id(
    emulator: Emulator, method: str, path: str, status: int
) -> None:
    answer = emulator.ask(method, path)
    assert answer.status_code == status
    assert answer.json()["message"]
    assert answer.headers["x-amzn-errortype"].startswith("UnknownOperationException:")
    assert answer.headers["x-amzn-requestid"]


# --- the plugins' own formats --------------------------------------------------------------------------------------

PLUGINS = """
from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl


class Body(Schema):
    prompt = fields.String(required=True)
    note = fields.String()


def broken(body, engine):
    raise KeyError("a plugin's own fault")


@hookimpl
def register_adapters(register):
    for name, more in {
        "plain": {},
        "sampled": {"reply": {"answer": "sample"}, "chunks": [{"part": "sam"}, {"part": "ple", "end": True}]},
        "whole": {"reply": {"answer": "sample"}},
        "loud": {"emulate": lambda body, engine: {"answer": body["prompt"].upper(), "n": engine.count(body["prompt"])}},
        "broken": {"emulate": broken},
    }.items():
        register(Adapter(name=name, body=Body, speaks={name: "InvokeModel"}, models={f"acme.{name}-*": Capabilities()},
                         sample={"prompt": "Hi"}, **more))
    register(Adapter(name="still", body=Body, speaks={"still": "InvokeModel", "converse": "Converse"},
                     models={"acme.still-*": Capabilities(streaming=False)}, sample={"prompt": "Hi"}))
"""


@pytest.fixture(scope="module")
def acme(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("plugins")
    (folder / "acme.py").write_text(textwrap.dedent(PLUGINS))
    return start_emulator(plugins_dir=folder).client()


def invoke_both(acme: Any, name: str) -> tuple[Any, list[Any]]:
    body = {"prompt": "one two three", "note": "x"}
    reply = json.loads(acme.invoke_model(modelId=f"acme.{name}-1", body=json.dumps(body))["body"].read())
    response = chunks(acme, f"acme.{name}-1", body)
    assert set(response[-1].pop(METRICS)) >= {"inputTokenCount", "outputTokenCount"}
    return reply, response


def test_a_plugin_with_a_plain_body_gets_a_neutral_answer_to_its_longest_text(acme: Any) -> None:
    reply, result = invoke_both(acme, "plain")
    assert 'You said: "one two three"' in reply["text"]
    assert reply["stop_reason"] == "end_turn"
    assert "".join(chunk["text"] for chunk in result) == reply["text"]
    assert result[-1] == {"text": "", "stop_reason": "end_turn"}


def test_a_plugin_s_samples_and_its_emulate_are_what_it_answers(acme: Any) -> None:
    assert invoke_both(acme, "sampled") == ({"answer": "sample"}, [{"part": "sam"}, {"part": "ple", "end": True}])
    assert invoke_both(acme, "whole") == ({"answer": "sample"}, [{"answer": "sample"}])
    assert invoke_both(acme, "loud") == ({"answer": "ONE TWO THREE", "n": 3}, [{"answer": "ONE TWO THREE", "n": 3}])


def test_a_model_that_does_not_stream_answers_whole_and_refuses_to_stream(acme: Any) -> None:
    assert acme.converse(modelId="acme.still-1", messages=say("Hi"))["stopReason"] == "end_turn"
    response = refusal(acme.converse_stream, modelId="acme.still-1", messages=say("Hi"))
    assert (response[0], "unsupported for streaming" in response[1]) == ("ValidationException", True)


def test_what_fails_unexpectedly_within_a_stream_is_an_internal_error_as_its_last_frame(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def parts() -> Iterator[dict[str, Any]]:
        yield {"text": "one"}
        raise ValueError("not expected")

    frames = inference._encode_frames(
        "ConverseStream", parts(), lambda number, part: event("x", json.dumps(part).encode())
    )
    first, last = Decoder().feed(b"".join(frames))
    assert first.payload == b'{"text": "one"}'
    assert last.headers[":exception-type"] == "internalServerException"
    assert "not expected" in caplog.text
    assert b"not expected" not in last.payload


def test_a_plugin_that_fails_is_an_internal_error_and_the_next_call_works(acme: Any) -> None:
    code, message, status = refusal(acme.invoke_model, modelId="acme.broken-1", body='{"prompt": "x"}')
    assert (code, status) == ("InternalServerException", 500)
    assert "KeyError" in message
    assert invoke_both(acme, "plain")


def test_an_unmodified_client_may_retry_what_is_throttled(emulator: Emulator) -> None:
    emulator.fault("throttle", count=2)
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
        config=Config(retries={"mode": "standard"}),
    )
    response = client.converse(modelId=NEW, messages=say("Hi"))
    assert response["ResponseMetadata"]["RetryAttempts"] == 2
    assert [call["status"] for call in emulator.calls()] == [429, 429, 200]
