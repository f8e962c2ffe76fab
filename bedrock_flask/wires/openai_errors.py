"""OpenAI's error object, which its APIs share. Source: OpenAI's API reference, Error codes."""

from types import MappingProxyType
from typing import Any

from bedrock_flask.errors import BedrockError, BudgetExceeded, ContentFiltered, GatewayError, describe_faults

# The code by which clients know that it is money that is short.
INSUFFICIENT_QUOTA = "insufficient_quota"
# SDKs choose the class of an exception by the status.
_TYPES = MappingProxyType(
    {
        401: "authentication_error",
        402: INSUFFICIENT_QUOTA,
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
        503: "service_unavailable_error",
        504: "timeout_error",
    }
)


# OpenAI's codes of a response that failed: its types list them, and clients choose by them whether to try again.
_RESPONSE_CODES = MappingProxyType({429: "rate_limit_exceeded"})
# The code by which clients know that they must shorten the conversation.
CONTEXT_OVERFLOW = "context_length_exceeded"
# The code by which clients know that a filter has withheld something.
_CONTENT_POLICY = "content_policy_violation"


def write_error(error: GatewayError) -> dict[str, Any]:
    """The error as OpenAI's error object; `errors` has every fault of a body, and `param` the path of the first."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    param = error.fields[0].path[:500] if error.fields else None
    errors = {"errors": describe_faults(error.fields)} if error.fields else {}
    return {"message": error.detail, "type": kind, "param": param, **_write_code(error), **errors}


def _write_code(error: GatewayError) -> dict[str, str]:
    """The gateway's own code; where clients look for one of OpenAI's, that, and the own one beside it."""
    if isinstance(error, BedrockError) and error.is_context_overflow:
        return {"code": CONTEXT_OVERFLOW, "gateway_code": error.code}
    if isinstance(error, BudgetExceeded):
        return {"code": INSUFFICIENT_QUOTA, "gateway_code": error.code}
    if isinstance(error, ContentFiltered):
        return {"code": _CONTENT_POLICY, "gateway_code": error.code}
    return {"code": error.code}


def write_response_error(error: GatewayError) -> dict[str, str]:
    """The error as the member `error` of a response that failed: OpenAI's code, and the gateway's own beside it."""
    code = _write_code(error)["code"]
    if code != CONTEXT_OVERFLOW:
        code = _RESPONSE_CODES.get(error.status, "invalid_prompt" if error.status < 500 else "server_error")
    return {"code": code, "message": error.detail, "gateway_code": error.code}


def error_document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The body of an answer that reports the error."""
    return {"error": write_error(error), "request_id": request_id}
