"""Cases 21 to 30 of the catalogue: counts, stops, broken streams, errors, unknown members, media, running."""

import base64
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest

from bedrock_flask.errors import BEDROCK_ERRORS, CredentialsError
from bedrock_flask.protocol import eventstream
from tests.catalogue.harness import Harness
from tests.doubles import Gateway, StartGateway, Upstream

Json = dict[str, Any]

SETTINGS = {"BEDROCK_FLASK_FIRST_EVENT_TIMEOUT": "0.4", "BEDROCK_FLASK_KEEPALIVE": "0.3"}
GENERIC = "newvendor.model-of-tomorrow"
NOVA = "amazon.nova-lite-v1:0"
OPUS_4 = "anthropic.claude-opus-4-20250514-v1:0"
OPUS_4_5 = "anthropic.claude-opus-4-5-20251101-v1:0"
OPUS_4_6 = "anthropic.claude-opus-4-6-v1"
OPUS_4_7 = "anthropic.claude-opus-4-7"
PATIENCE = 20
DROP = {"x-bedrock-flask-unsupported": "drop"}

START: Json = {"messageStart": {"role": "assistant"}}
TEXT: Json = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hello"}}}
BLOCK_END: Json = {"contentBlockStop": {"contentBlockIndex": 0}}
STOP: Json = {"messageStop": {"stopReason": "end_turn"}}
END: Json = {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}}}
EVENTS = (START, TEXT, BLOCK_END, STOP, END)


def thrown(name: str, message: str = "Wait.") -> bytes:
    return eventstream.encode(eventstream.exception(name, json.dumps({"message": message}).encode()))


# --- 21 to 23: counts, reasons, order ---------------------------------------------------------------------------------

COUNTS = {"inputTokens": 3, "outputTokens": 10, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17}


def test_case_21_cached_tokens_are_counted_once(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "Hi"}, usage={**COUNTS, "totalTokens": 32681})
    more = {"stream_options": {"include_usage": True}} if dialect == "chat" and streamed else {}
    used = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=streamed, **more)).ok().usage
    if dialect == "chat":
        assert (used["prompt_tokens"], used["completion_tokens"], used["total_tokens"]) == (32671, 10, 32681)
        assert used["prompt_tokens_details"]["cached_tokens"] == 32651
    elif dialect == "responses":
        assert (used["input_tokens"], used["output_tokens"], used["total_tokens"]) == (32671, 10, 32681)
        assert used["input_tokens_details"]["cached_tokens"] == 32651
    else:
        assert (used["input_tokens"], used["output_tokens"]) == (3, 10)
        assert (used["cache_read_input_tokens"], used["cache_creation_input_tokens"]) == (32651, 17)


# For each reason: as chat completions, responses and messages say it.
REASONS = {
    "end_turn": ("stop", "completed", "end_turn"),
    "stop_sequence": ("stop", "completed", "stop_sequence"),
    "max_tokens": ("length", "incomplete", "max_tokens"),
    "model_context_window_exceeded": ("length", "incomplete", "model_context_window_exceeded"),
    "tool_use": ("tool_calls", "completed", "tool_use"),
    "guardrail_intervened": ("content_filter", "incomplete", "refusal"),
    "content_filtered": ("content_filter", "incomplete", "refusal"),
    "malformed_model_output": ("error", "failed", "malformed_model_output"),
    "malformed_tool_use": ("error", "failed", "malformed_tool_use"),
    "reason_of_tomorrow": ("error", "failed", "reason_of_tomorrow"),
}


def test_case_22_every_reason_of_bedrocks_is_in_the_table() -> None:
    model = botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    assert set(model["shapes"]["StopReason"]["enum"]) == set(REASONS) - {"reason_of_tomorrow"}


@pytest.mark.parametrize("reason", REASONS)
def test_case_22_why_the_model_stopped(harness: Harness, dialect: str, streamed: bool, reason: str) -> None:
    harness.says({"text": "Hi"}, stop=reason)
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=streamed)).ok()
    assert response.stop == REASONS[reason][("chat", "responses", "anthropic").index(dialect)]
    if dialect != "anthropic":
        assert response.native == reason


def test_case_22_a_stop_sequence_is_told(harness: Harness, streamed: bool) -> None:
    """Only Anthropic's format has a place for it."""
    harness.says({"text": "Hi"}, stop="stop_sequence", more={"stop_sequence": "END"})
    response = harness.gateway.post("/v1/messages", harness.body("anthropic", GENERIC, "Hi", streamed=streamed))
    assert '"stop_sequence":"END"' in response.text.replace(" ", "")


def test_case_22_a_call_that_the_limit_cut_is_no_call(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"toolUse": {"toolUseId": "a", "name": "f", "input": {"a": 1}}}, stop="max_tokens")
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", tools=["f"], streamed=streamed)).ok()
    assert response.stop == {"chat": "length", "responses": "incomplete", "anthropic": "max_tokens"}[dialect]


def test_case_23_the_reason_is_in_the_last_chunk_with_a_choice(harness: Harness) -> None:
    harness.plays(*EVENTS)
    body = harness.body("chat", GENERIC, "Hi", streamed=True, stream_options={"include_usage": True})
    response = harness.ask("chat", body).ok()
    *_, reason, usage = response.events
    assert reason["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 8)
    assert sum(bool(choice["finish_reason"]) for each in response.events for choice in each["choices"]) == 1
    assert response.response.text.endswith("\n\ndata: [DONE]\n\n")


def test_case_23_without_being_asked_for_usage_the_reason_comes_last(harness: Harness) -> None:
    harness.plays(*EVENTS)
    response = harness.ask("chat", harness.body("chat", GENERIC, "Hi", streamed=True)).ok()
    assert response.events[-1]["choices"][0]["finish_reason"] == "stop"
    assert response.done


def test_case_23_in_the_other_dialects_too_the_end_is_last(harness: Harness) -> None:
    for dialect, last in (("responses", "response.completed"), ("anthropic", "message_stop")):
        harness.plays(*EVENTS)
        response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=True)).ok()
        assert [each["type"] for each in response.events].index(last) == len(response.events) - 1


# --- 24 to 27: what breaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_case_24_a_stream_without_its_end_is_an_error(harness: Harness, dialect: str, kept: int) -> None:
    """There are no metrics yet; the log says `upstream_truncated`."""
    harness.plays(*EVENTS[:kept])
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=True))
    # With no event at all the status is not sent yet, and is an error's.
    assert response.status == (200 if kept else 502)
    assert response.error["code"] == "upstream_truncated"
    assert response.stop is None
    assert not response.done
    assert harness.gateway.line(response.response.headers["x-request-id"])["error"] == "upstream_truncated"


def test_case_24_a_stream_that_has_stopped_but_not_counted_is_an_error_too(harness: Harness, dialect: str) -> None:
    """The stop reason has been sent by then where it comes before the counts; what must not come is the end."""
    harness.plays(*EVENTS[:4])
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=True))
    assert response.error["code"] == "upstream_truncated"
    assert not response.done


def test_case_25_a_throttle_as_the_first_event_keeps_its_status(harness: Harness, dialect: str) -> None:
    harness.plays(thrown("throttlingException"))
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=True))
    assert response.status == 429
    assert response.response.headers["retry-after"] == "1"
    assert response.response.headers["content-type"] == "application/json"
    assert response.error["type"] == "rate_limit_error"


@pytest.mark.parametrize("after", [1, 2, 3])
def test_case_25_a_later_one_is_one_error_event(harness: Harness, dialect: str, after: int) -> None:
    harness.plays(*EVENTS[:after], thrown("throttlingException"))
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=True))
    assert response.status == 200
    assert response.error["type"] == "rate_limit_error"
    assert "error" in response.events[-1]
    assert sum("error" in each and each.get("object") != "response" for each in response.events) == 1
    assert not response.done
    assert response.stop is None


@pytest.mark.parametrize("first_event", [False, True], ids=["refused", "in the stream"])
def test_case_26_a_throttle_that_speaks_of_tokens_is_a_throttle(
    harness: Harness, dialect: str, first_event: bool
) -> None:
    message = "Too many tokens, please wait before trying again."
    if first_event:
        harness.plays(thrown("throttlingException", message))
    else:
        harness.refuses("ThrottlingException", 429, message)
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=first_event))
    assert (response.status, response.error["type"], response.error["code"]) == (429, "rate_limit_error", "throttled")
    assert response.error["message"] == message


# Bedrock's status and the gateway's: the caller is not at fault when a model fails.
STATUSES = {
    "ValidationException": (400, 400),
    "AccessDeniedException": (403, 403),
    "ResourceNotFoundException": (404, 404),
    "ModelTimeoutException": (408, 504),
    "ModelErrorException": (424, 502),
    "ModelStreamErrorException": (424, 502),
    "ThrottlingException": (429, 429),
    "ModelNotReadyException": (429, 503),
    "InternalServerException": (500, 502),
    "ServiceUnavailableException": (503, 503),
    "ServiceQuotaExceededException": (400, 503),
    "ConflictException": (400, 409),
}


@pytest.mark.parametrize("name", STATUSES)
def test_case_27_each_refusal_has_its_status(harness: Harness, dialect: str, name: str) -> None:
    theirs, ours = STATUSES[name]
    harness.refuses(name, theirs)
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi"))
    assert (response.status, response.error["code"]) == (ours, BEDROCK_ERRORS[name].code)


def test_case_27_every_error_of_bedrocks_has_a_row() -> None:
    model = botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    errors = {name for name, shape in model["shapes"].items() if shape.get("exception")}
    assert errors <= set(BEDROCK_ERRORS)
    assert errors == set(STATUSES)


@pytest.mark.parametrize("name", ["modelStreamErrorException", "internalServerException", "validationException"])
def test_case_27_so_has_each_that_is_the_first_event(harness: Harness, dialect: str, name: str) -> None:
    harness.plays(thrown(name))
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=True))
    assert response.status == STATUSES[name[:1].upper() + name[1:]][1]


@pytest.mark.parametrize("name", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
def test_case_27_the_gateways_credentials_are_not_the_callers_fault(harness: Harness, dialect: str, name: str) -> None:
    """The catalogue's `upstream_auth` is called `gateway_credentials` here."""
    harness.refuses(name, 403, "The security token included in the request is expired")
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi"))
    assert (response.status, response.error["code"]) == (503, CredentialsError.code)
    assert "token" not in response.error["message"]


# --- 28: what clients send that no model knows ------------------------------------------------------------------------

STRANGE: Json = {"retryTimes": 3, "context_management": {"edits": []}}
# Nothing that the caller relies on is lost with it.
HINT: Json = {"prompt_cache_key": "k"}


@pytest.mark.parametrize("model", [OPUS_4_5, NOVA, GENERIC])
def test_case_28_unknown_members_are_refused_by_name_or_dropped_and_listed(
    harness: Harness, model: str, streamed: bool
) -> None:
    body = harness.body("chat", model, "Hi", streamed=streamed, **STRANGE, **HINT)
    harness.refused("chat", body, *STRANGE)
    for name, value in STRANGE.items():
        harness.refused("chat", harness.body("chat", model, "Hi", **{name: value}), name)
    harness.says({"text": "Hi"})
    response = harness.ask("chat", body, DROP).ok()
    assert set(response.dropped.split(", ")) == {*STRANGE, *HINT}
    assert harness.sent().keys() == {"messages"}


def test_case_28_the_context_management_of_claude_code_is_nobodys_but_claudes(harness: Harness) -> None:
    managed = {"edits": [{"type": "clear_tool_uses_20250919", "trigger": {"type": "input_tokens", "value": 30000}}]}
    body = harness.body("anthropic", GENERIC, "Hi", context_management=managed)
    harness.refused("anthropic", body, "context_management")
    harness.says({"text": "Hi"})
    response = harness.ask("anthropic", body, DROP).ok()
    assert response.dropped == "context_management"
    assert harness.sent().keys() == {"messages", "inferenceConfig"}


BETAS = "interleaved-thinking-2025-05-14,never-heard-of-2031-01-01"


def test_case_28_of_the_betas_only_known_ones_go_to_claude(harness: Harness, streamed: bool) -> None:
    harness.says({"text": "Hi"})
    body = harness.body("anthropic", OPUS_4_6, "Hi", streamed=streamed, context_management={"edits": []})
    response = harness.ask("anthropic", body, {"anthropic-beta": BETAS}).ok()
    sent = harness.sent()
    assert sent["anthropic_beta"] == ["interleaved-thinking-2025-05-14"]
    # Without the beta that unlocks it the member would be refused.
    assert "context_management" not in sent
    assert set(response.dropped.split(", ")) == {"context_management", "anthropic-beta: never-heard-of-2031-01-01"}


def test_case_28_to_another_model_go_none(harness: Harness, streamed: bool) -> None:
    harness.says({"text": "Hi"})
    response = harness.ask(
        "anthropic", harness.body("anthropic", NOVA, "Hi", streamed=streamed), {"anthropic-beta": BETAS}
    )
    assert response.ok().dropped == ", ".join(f"anthropic-beta: {beta}" for beta in BETAS.split(","))
    assert harness.sent().keys() == {"messages", "inferenceConfig"}


@pytest.mark.parametrize("dialect_", ["chat", "responses"])
def test_case_28_of_temperature_and_top_p_one_is_sent_where_one_is_taken(harness: Harness, dialect_: str) -> None:
    both = {"temperature": 0.5, "top_p": 0.9}
    sent = {}
    # What a model does not take at all is refused by name, as everything else that it cannot take.
    harness.refused(dialect_, harness.body(dialect_, OPUS_4_7, "Hi", **both), "temperature")
    for model, headers in ((OPUS_4, {}), (OPUS_4_5, {}), (OPUS_4_7, DROP)):
        harness.says({"text": "Hi"})
        response = harness.ask(dialect_, harness.body(dialect_, model, "Hi", **both), headers).ok()
        sent[model] = (harness.sent().get("inferenceConfig", {}), response.dropped)
    assert sent[OPUS_4] == ({"temperature": 0.5, "topP": 0.9}, "")
    assert sent[OPUS_4_5] == ({"temperature": 0.5}, "top_p")
    assert sent[OPUS_4_7] == ({}, "temperature, top_p")


def test_case_28_a_budget_becomes_adaptive_where_only_that_is_known(harness: Harness, streamed: bool) -> None:
    """By chat completions; by Anthropic's API Claude's own body is forwarded, and Claude refuses it itself."""
    thinking = {"type": "enabled", "budget_tokens": 2000}
    sent = {}
    for model in (OPUS_4, OPUS_4_7):
        harness.says({"text": "Hi"})
        body = harness.body("chat", model, "Hi", streamed=streamed, thinking=thinking, max_tokens=4000)
        response = harness.ask("chat", body).ok()
        sent[model] = (harness.sent()["additionalModelRequestFields"], response.dropped)
    # The date in its name makes the first of 4 no 4.7.
    assert sent[OPUS_4] == ({"thinking": thinking}, "")
    assert sent[OPUS_4_7] == ({"thinking": {"type": "adaptive"}}, "thinking.budget_tokens")


# --- 29: media --------------------------------------------------------------------------------------------------------

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + b"\x00" * 40).decode()
BMP = base64.b64encode(b"BM" + b"\x00" * 60).decode()
SVG = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n").decode()


def image(dialect: str, kind: str, data: str) -> Json:
    uri = f"data:{kind};base64,{data}"
    message: dict[str, Json] = {
        "chat": {"type": "image_url", "image_url": {"url": uri}},
        "responses": {"type": "input_image", "image_url": uri, "detail": "auto"},
        "anthropic": {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}},
    }
    return message[dialect]


def document(dialect: str, name: str) -> Json:
    uri = f"data:application/pdf;base64,{PDF}"
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    message: dict[str, Json] = {
        "chat": {"type": "file", "file": {"filename": name, "file_data": uri}},
        "responses": {"type": "input_file", "filename": name, "file_data": uri},
        "anthropic": {"type": "document", "title": name, "source": source},
    }
    return message[dialect]


def with_content(harness: Harness, dialect: str, model: str, *content: Json, **more: Any) -> Json:
    body: Json = harness.body(dialect, model, "x", **more)
    body["input" if dialect == "responses" else "messages"][0]["content"] = list(content)
    return body


@pytest.mark.parametrize(
    ("kind", "data", "form"),
    [("image/jpg", JPEG, "jpeg"), ("image/jpeg", PNG, "png"), ("image/png", JPEG, "jpeg"), ("image/jpg", PNG, "png")],
)
def test_case_29_an_image_is_what_its_bytes_say(
    harness: Harness, dialect: str, kind: str, data: str, form: str
) -> None:
    kind = "image/jpeg" if (dialect, kind) == ("anthropic", "image/jpg") else kind
    harness.says({"text": "A dot."})
    harness.ask(dialect, with_content(harness, dialect, NOVA, image(dialect, kind, data))).ok()
    [block] = harness.sent()["messages"][0]["content"]
    assert block == {"image": {"format": form, "source": {"bytes": data}}}


def test_case_29_anthropics_api_knows_four_kinds(harness: Harness) -> None:
    """Other than the catalogue has it: `image/jpg` is refused by Anthropic's own API, and so it is here."""
    harness.refused(
        "anthropic", with_content(harness, "anthropic", NOVA, image("anthropic", "image/jpg", JPEG)), "media_type"
    )


@pytest.mark.parametrize(("kind", "data"), [("image/bmp", BMP), ("image/svg+xml", SVG), ("image/png", BMP)])
def test_case_29_other_images_are_refused(harness: Harness, dialect: str, kind: str, data: str) -> None:
    harness.refused(dialect, with_content(harness, dialect, NOVA, image(dialect, kind, data)), "image")


def test_case_29_a_document_has_a_text_beside_it(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "Read."})
    harness.ask(dialect, with_content(harness, dialect, NOVA, document(dialect, "a.pdf"), streamed=streamed)).ok()
    first, second = harness.sent()["messages"][0]["content"]
    assert first["document"]["format"] == "pdf"
    assert first["document"]["source"] == {"bytes": PDF}
    assert second["text"].strip()


def test_case_29_documents_of_one_name_have_two(harness: Harness, dialect: str) -> None:
    harness.says({"text": "Read."})
    model = NOVA if dialect == "anthropic" else OPUS_4_5
    harness.ask(dialect, with_content(harness, dialect, model, document(dialect, "a"), document(dialect, "a"))).ok()
    names = [each["document"]["name"] for each in harness.sent()["messages"][0]["content"] if "document" in each]
    assert len(set(names)) == len(names) == 2


# --- 30: running ------------------------------------------------------------------------------------------------------


def test_case_30_a_client_that_leaves_while_the_model_is_silent_ends_the_call(harness: Harness, dialect: str) -> None:
    left = threading.Event()

    def silent(upstream: socket.socket) -> None:
        upstream.settimeout(PATIENCE)
        if not upstream.recv(1):
            left.set()

    harness.plays(START, TEXT, TEXT, then=silent)
    path = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}[dialect]
    response = harness.gateway.post(path, harness.body(dialect, GENERIC, "Hi", streamed=True), stream=True)
    data = b""
    for piece in response.iter_content(None):
        data += piece
        if data.count(b'"Hello"') >= 2:
            break
    response.close()
    assert left.wait(1)
    assert harness.gateway.line(response.headers["x-request-id"])["error"] == "client_left"


def test_case_30_b_a_silence_is_filled_and_the_stream_goes_on(harness: Harness, dialect: str) -> None:
    """A silence of 0.7 seconds and a keep-alive each 0.3, for 65 seconds and the usual 15."""

    def rest(upstream: socket.socket) -> None:
        time.sleep(0.7)
        for frame in harness.frames(*EVENTS[2:]):
            upstream.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")

    harness.plays(START, TEXT, then=rest)
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", streamed=True)).ok()
    assert response.text == "Hello"
    assert response.done
    assert response.response.text.count("event: ping" if dialect == "anthropic" else ": still here") >= 1


CANARY = "canary0123456789"
PROCESS = """
import json, pathlib, time
count = pathlib.Path(__file__).with_name("count")
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6))
told = {"Version": 1, "AccessKeyId": f"AKID{number}", "SecretAccessKey": "CANARY", "SessionToken": "CANARY"}
print(json.dumps({**told, "Expiration": until}))
"""


@pytest.fixture(scope="module")
def renewing(start_gateway: StartGateway, lasting_upstream: Upstream, tmp_path_factory: Any) -> Gateway:
    """A gateway whose credentials last for seconds, and that would try three times."""
    folder: Path = tmp_path_factory.mktemp("credentials")
    (folder / "process.py").write_text(PROCESS.replace("CANARY", CANARY))
    config = folder / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {folder / 'process.py'}\n")
    return start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"http://127.0.0.1:{lasting_upstream.port}",
        AWS_CONFIG_FILE=str(config),
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        BEDROCK_FLASK_READ_TIMEOUT="0.5",
        BEDROCK_FLASK_DRAIN_DELAY="0",
        BEDROCK_FLASK_MAX_ATTEMPTS="3",
    )


@pytest.fixture
def other(renewing: Any, harness: Harness) -> Any:
    """The same harness, with that gateway."""
    harness.gateway = renewing
    return harness


def test_case_30_c_after_a_read_timeout_the_model_is_not_asked_again(other: Any, streamed: bool) -> None:
    other.answers.append(lambda target, body: lambda upstream: time.sleep(1))
    response = other.ask("chat", other.body("chat", GENERIC, "Hi", streamed=streamed))
    assert (response.status, response.error["code"]) == (504, "upstream_timeout")
    time.sleep(0.2)
    assert len(other.upstream.requests) == 1
    assert response.response.headers.get("x-bedrock-flask-attempts", "1") == "1"


def test_case_30_d_credentials_are_renewed_before_they_expire(other: Any) -> None:
    """In place of a clock two hours on: credentials that last for seconds; calls go on while they are renewed."""
    keys, until = set[bytes](), time.monotonic() + 30
    while len(keys) < 2:
        assert time.monotonic() < until
        other.says({"text": "Hi"})
        other.ask("chat", other.body("chat", GENERIC, "Hi")).ok()
        [credential] = [line for line in other.upstream.requests[-1].split(b"\r\n") if b"Credential=" in line]
        keys.add(credential.partition(b"Credential=")[2].partition(b"/")[0])
    assert all(key.startswith(b"AKID") for key in keys)


def test_case_30_e_all_requests_share_one_client(harness: Harness) -> None:
    """A second client would open a second connection; the tests of the transport check that there is one."""
    harness.says({"text": "Hi"})
    harness.ask("chat", harness.body("chat", GENERIC, "Hi")).ok()
    before = harness.upstream.connections
    for _ in range(50):
        harness.says({"text": "Hi"})
        harness.ask("chat", harness.body("chat", GENERIC, "Hi")).ok()
    assert harness.upstream.connections <= before + 1


def test_case_30_f_the_secret_of_aws_stands_in_no_answer_and_no_log(other: Any, dialect: str) -> None:
    texts = []
    for name in ("ExpiredTokenException", "InvalidSignatureException"):
        other.refuses(name, 403, f"The canonical string should have been {CANARY}")
        texts.append(other.ask(dialect, other.body(dialect, GENERIC, "Hi")).response.text)
    other.plays(START, b"\x00\x00\x00\x10 no frame")
    texts.append(other.ask(dialect, other.body(dialect, GENERIC, "Hi", streamed=True)).response.text)
    assert CANARY not in "".join(texts)
    assert CANARY not in other.gateway.log.read_text()


def test_case_30_h_a_price_that_is_not_known_is_not_nought(harness: Harness) -> None:
    """There are no prices yet: nothing may say that a call cost nothing."""
    harness.says({"text": "Hi"})
    response = harness.ask("chat", harness.body("chat", GENERIC, "Hi")).ok()
    line = harness.gateway.line(response.response.headers["x-request-id"])
    assert line.get("cost") is None


def test_case_30_j_an_arn_is_called_by_its_base_models_rules(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "Hi"})
    harness.ask(dialect, harness.body(dialect, "priced", "Hi", streamed=streamed)).ok()
    arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123"
    assert harness.target() == f"/model/{arn}/converse{'-stream' if streamed else ''}"
    # Nova Micro sees nothing.
    harness.refused(dialect, with_content(harness, dialect, "priced", image(dialect, "image/png", PNG)), "images")


def test_case_30_g_a_stream_finishes_after_sigterm(renewing: Any, other: Any) -> None:
    """Last of all: it ends its gateway."""
    result = threading.Event()

    def rest(upstream: socket.socket) -> None:
        assert result.wait(PATIENCE)
        time.sleep(0.2)
        for frame in other.frames(*EVENTS[2:]):
            upstream.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")

    other.plays(START, TEXT, then=rest)
    body = other.body("chat", GENERIC, "Hi", streamed=True)
    response = renewing.post("/v1/chat/completions", body, stream=True)
    pieces = response.iter_content(None)
    data = next(pieces)
    os.kill(renewing.process.pid, signal.SIGTERM)
    result.set()
    data += b"".join(pieces)
    assert data.endswith(b"data: [DONE]\n\n")
    assert renewing.process.wait(PATIENCE) == 0
