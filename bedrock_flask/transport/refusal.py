"""What Bedrock, or AWS in its place, says in a body that refuses a call."""

import json
from collections.abc import Mapping
from typing import Any

from bedrock_flask.errors import NAME_BY_STATUS, BedrockError

MAX_FOREIGN_BYTES = 4096
_ERROR_TYPE = "x-amzn-errortype"
# The id of an answer: AWS's own, and what OpenAI's and Anthropic's APIs call it.
_REQUEST_IDS = ("x-amzn-requestid", "x-request-id", "request-id")
_UNKNOWN_OPERATION = b"UnknownOperationException"


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> BedrockError:
    """The error of an answer with an error status, in AWS's form, OpenAI's or Anthropic's; the body may be cut."""
    document = parse_any(body)
    inner = document.get("error") if isinstance(document, dict) else None
    described = inner if isinstance(inner, dict) else document
    name = headers.get(_ERROR_TYPE) or find_first_text(document, "__type", "code")
    # `Name:http://…` in a header, `prefix#Name` in a body.
    name = name.partition(":")[0].rpartition("#")[2].strip()
    if not name and described is inner:
        # OpenAI's and Anthropic's names for kinds of errors are fewer than the statuses that they come with.
        name = NAME_BY_STATUS.get(status, "")
    message = find_first_text(described, "message", "Message") or (inner if isinstance(inner, str) else "")
    hints = {hint: value for hint, value in headers.items() if hint == "retry-after"}
    refused = BedrockError(name, message, status, headers=hints, document=described)
    refused.upstream_request_id = find_request_id(headers)
    return refused


def find_request_id(headers: Mapping[str, str]) -> str:
    """The id that AWS gave the answer, or an empty text."""
    return next((headers[name] for name in _REQUEST_IDS if headers.get(name)), "")


def find_refusal(body: bytes) -> BedrockError | None:
    """The error that AWS reports with status 200 where it does not know the address: it is not Bedrock's.

    Source: BerriAI/litellm#28551, where it was seen live: `{"Output": {"__type": "…#UnknownOperationException"}, …}`.
    """
    if len(body) > MAX_FOREIGN_BYTES or _UNKNOWN_OPERATION not in body:
        return None
    document = parse_any(body)
    output = document.get("Output") if isinstance(document, dict) else None
    name = find_first_text(output, "__type").rpartition("#")[2]
    if name.encode() != _UNKNOWN_OPERATION:
        return None
    return BedrockError(
        name, find_first_text(output, "message", "Message") or "The endpoint that the gateway calls is not Bedrock's."
    )


def parse_any(body: bytes) -> Any:
    """The value of a JSON text, None for any other text."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def find_first_text(document: Any, *names: str) -> str:
    """The first of these members of an object that is not empty, as text."""
    texts = (document.get(name) for name in names) if isinstance(document, dict) else ()
    return next((str(text) for text in texts if text), "")
