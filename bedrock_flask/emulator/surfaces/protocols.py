"""How AWS's surfaces in the formats of OpenAI and Anthropic write errors, and the events of their streams.

Sources: reports with the bodies of live calls, for bedrock-mantle (aws-samples/sample-per-model-bedrock of August 2026;
NousResearch/hermes-agent#87190 for 401) and bedrock-runtime; the types of the packages `openai` 3.57 and `anthropic`
2.12. docs/explanation/aws-assumptions.md lists what no report shows.
"""

from collections.abc import Callable, Mapping
from secrets import token_hex
from types import MappingProxyType
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.protocol import Protocol
from bedrock_flask.protocol import sse

# The code and the type of OpenAI's error object, by status.
_OPENAI: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("validation_error", "invalid_request_error"),
        401: ("invalid_api_key", "authentication_error"),
        403: ("access_denied", "permission_denied_error"),
        404: ("not_found_error", "invalid_request_error"),
        413: ("request_too_large", "invalid_request_error"),
        429: ("rate_limit_exceeded", "rate_limit_error"),
        503: ("service_unavailable", "server_error"),
    }
)
# The type of Anthropic's error object, by status.
_ANTHROPIC: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
)
# The code of bedrock-runtime for a model that the surface does not serve; its type is not that of other errors of 404.
MODEL_NOT_FOUND = "model_not_found"


def _describe_for_openai(error: EmulatedError) -> Json:
    otherwise = ("invalid_request", "invalid_request_error") if error.status < 500 else ("server_error", "server_error")
    code, kind = _OPENAI.get(error.status, otherwise)
    if error.code == MODEL_NOT_FOUND:
        kind = "not_found_error"
    return {"code": error.code or code, "message": error.message, "param": error.param, "type": kind}


def _write_openai_error(error: EmulatedError) -> Json:
    return {"error": _describe_for_openai(error)}


def _write_anthropic_error(error: EmulatedError) -> Json:
    kind = _ANTHROPIC.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    described = {"type": kind, "message": error.message}
    return {"type": "error", "error": described, "request_id": f"req_{token_hex(26)}"}


def encode_failed_response(begun: Json, error: EmulatedError, number: int) -> bytes:
    """The last event of a stream whose model fails: the response as far as it went, and the number of the event."""
    code = "rate_limit_exceeded" if error.status == 429 else "server_error"
    failed = {**begun, "status": "failed", "error": {"code": code, "message": error.message}}
    kind = "response.failed"
    return sse.encode_json({"type": kind, "sequence_number": number, "response": failed}, kind)


def _write_responses_error(name: str, message: str) -> bytes:
    event = {"type": "error", "code": name, "message": message, "param": None}
    return sse.encode_json(event, "error")


# --- what faults do to an event ---------------------------------------------------------------------------------------


def _enlarge(event: bytes, length: int) -> bytes:
    # Behind the JSON of its last line: spaces are part of JSON.
    return event.rstrip(b"\n") + b" " * length + b"\n\n"


def _cut_json(event: bytes) -> bytes:
    text = event.rstrip(b"\n")
    return text[: max(text.rfind(b"data: ") + len(b"data: {"), len(text) - 2)] + b"\n\n"


def _make_protocol(
    write_error: Callable[[EmulatedError], Mapping[str, Any]],
    encode_exception: Callable[[EmulatedError], bytes],
    encode_error: Callable[[str, str], bytes],
) -> Protocol:
    return Protocol(
        media_type=sse.MEDIA_TYPE,
        describe_error=write_error,
        # No report shows AWS's name of the error in a header, as its other APIs have it.
        write_headers=lambda error: {},
        encode_exception=encode_exception,
        encode_error=encode_error,
        enlarge=_enlarge,
        damage=_cut_json,
        foreign=b"data: \xff\xfe\n\n",
    )


def _encode_chat_error(error: EmulatedError) -> bytes:
    return sse.encode_json(_write_openai_error(error))


def _encode_anthropic_error(error: EmulatedError) -> bytes:
    return sse.encode_json(_write_anthropic_error(error), "error")


CHAT = _make_protocol(
    _write_openai_error,
    _encode_chat_error,
    lambda name, message: _encode_chat_error(EmulatedError("InternalServerException", message, code=name)),
)
RESPONSES = _make_protocol(
    _write_openai_error,
    # A stream that has begun writes its own response.
    lambda error: encode_failed_response({"object": "response", "output": []}, error, 0),
    _write_responses_error,
)
MESSAGES = _make_protocol(
    _write_anthropic_error,
    _encode_anthropic_error,
    lambda name, message: _encode_anthropic_error(EmulatedError("InternalServerException", message)),
)
