"""What Bedrock, or AWS in its place, says in a body that refuses a call."""

import json
from collections.abc import Mapping
from typing import Any

from bedrock_flask.errors import BedrockError

MAX_FOREIGN_BYTES = 4096
_ERROR_TYPE = "x-amzn-errortype"
_UNKNOWN_OPERATION = b"UnknownOperationException"


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> BedrockError:
    """The error of an answer with an error status; the body may be cut short."""
    document = parse_any(body)
    name = headers.get(_ERROR_TYPE) or find_first_text(document, "__type", "code")
    # `Name:http://…` in a header, `prefix#Name` in a body.
    name = name.partition(":")[0].rpartition("#")[2].strip()
    hints = {hint: value for hint, value in headers.items() if hint == "retry-after"}
    refused = BedrockError(
        name, find_first_text(document, "message", "Message"), status, headers=hints, document=document
    )
    refused.upstream_request_id = headers.get("x-amzn-requestid")
    return refused


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
