"""The refusal of what the emulator does not serve, by its name and in the form that its client reads.

The clients of AWS's other services get here too, where the environment leads all of them to the emulator. Sources: the
error formats of AWS's protocols (Smithy, AWS protocols); the service is named in the signature's scope.
"""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.environ import PREFIXED

NAME = "UnknownOperationException"
_ERROR_URI = "http://internal.amazon.com/coral/com.amazon.bedrock/"
_SCOPE = re.compile(r"Credential=[^/]+/[0-9]+/[^/]+/(?P<service>[a-z0-9-]+)/aws4_request")
# Services whose answers are XML although their requests are not forms.
_IN_XML = frozenset({"s3", "s3express", "s3-outposts", "cloudfront", "route53"})


def make_unserved_response(
    method: str, path: str, headers: Mapping[str, str], body: bytes, *, status: int, served: str
) -> EmulatorResponse:
    """The response to a call of anything else; `headers` have lower-case names."""
    first = path.split("/")[1] if path.startswith("/") else ""
    scope = _SCOPE.search(headers.get("authorization", ""))
    service = first if first in PREFIXED else scope["service"] if scope else ""
    operation = _find_operation(method, path.removeprefix(f"/{first}") if first in PREFIXED else path, headers, body)
    message = (
        f"The emulator of Amazon Bedrock does not serve {f'{service}: ' if service else ''}{operation}. "
        f"It serves {served}."
    )
    text, kind, more = _choose_format(service, headers)(message)
    return make_response(
        text, {"Content-Type": kind, "x-amzn-ErrorType": f"{NAME}:{_ERROR_URI}", **more}, status=status
    )


def _find_operation(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """What is called, by AWS's name where the request has it."""
    if target := headers.get("x-amz-target", ""):
        return target.rpartition(".")[2]
    if path.startswith("/service/") and "/operation/" in path:
        return path.rpartition("/")[2]
    action = parse_qs(body.decode("utf-8", "replace")).get("Action") if _is_form(headers) else None
    return action[0][:100] if action else f"{method} {path[:200]}"


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


_Written = tuple[bytes, str, Mapping[str, str]]
_NONE: Mapping[str, str] = MappingProxyType({})


def _write_json(message: str) -> _Written:
    return json.dumps({"__type": NAME, "message": message}).encode(), "application/json", _NONE


def _write_xml(message: str) -> _Written:
    text = f"<Error><Code>{NAME}</Code><Message>{escape(message)}</Message></Error>"
    return text.encode(), "application/xml", _NONE


def _write_query(message: str) -> _Written:
    error = f"<Type>Sender</Type><Code>{NAME}</Code><Message>{escape(message)}</Message>"
    return f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode(), "text/xml", _NONE


def _write_cbor(message: str) -> _Written:
    pairs = b"".join(_encode_text(text) for text in ("__type", NAME, "message", message))
    return b"\xa2" + pairs, "application/cbor", {"smithy-protocol": "rpc-v2-cbor"}


def _encode_text(text: str) -> bytes:
    """A text in CBOR, with its length in two bytes."""
    data = text.encode()[:0xFFFF]
    return b"\x79" + len(data).to_bytes(2, "big") + data


def _choose_format(service: str, headers: Mapping[str, str]) -> Callable[[str], _Written]:
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _write_cbor
    if _is_form(headers):
        return _write_query
    return _write_xml if service in _IN_XML else _write_json
