"""OpenAI's error object, which its APIs share. Source: OpenAI's API reference, Error codes."""

from types import MappingProxyType
from typing import Any

from bedrock_flask.errors import GatewayError

# SDKs choose the class of an exception by the status.
_TYPES = MappingProxyType(
    {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
        503: "service_unavailable_error",
        504: "timeout_error",
    }
)


def write_error(error: GatewayError) -> dict[str, Any]:
    """The error as OpenAI's error object."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    param = error.fields[0].path[:500] if error.fields else None
    return {"message": error.detail, "type": kind, "param": param, "code": error.code}


def error_document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The body of an answer that reports the error."""
    return {"error": write_error(error), "request_id": request_id}
