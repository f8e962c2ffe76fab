"""STS as far as the gateway needs it: AssumeRole with session tags, and GetCallerIdentity.

Sources: botocore's service model of sts, 2011-06-15; AWS STS API reference, AssumeRole; IAM user guide, "Pass session
tags in AWS STS". Every role exists, and trusts every caller.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from bedrock_flask.emulator.account.account import ACCOUNT_ID
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.protocol import AWS, Protocol
from bedrock_flask.emulator.calls.request import EmulatorRequest
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.calls.signatures import Scheme, read_key_id

SERVICE = "sts"
SCHEME = Scheme(services=(SERVICE,))
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_HEADERS = MappingProxyType({"Content-Type": "text/xml"})
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):role/(?P<path>[\w+=,.@/-]+)", re.ASCII)
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SECONDS = range(900, 43_201)
_MOST_TAGS, _KEY_LENGTH, _VALUE_LENGTH = 50, 128, 256
# STS's names of errors where they are not those of Bedrock.
_NAMES = MappingProxyType(
    {
        "AccessDeniedException": "AccessDenied",
        "IncompleteSignatureException": "IncompleteSignature",
        "InternalServerException": "InternalFailure",
        "InvalidSignatureException": "SignatureDoesNotMatch",
        "MissingAuthenticationTokenException": "MissingAuthenticationToken",
        "ServiceUnavailableException": "ServiceUnavailable",
        "ThrottlingException": "Throttling",
        "UnrecognizedClientException": "InvalidClientTokenId",
        "ValidationException": "ValidationError",
    }
)


def find_action(body: bytes) -> str:
    """The operation that a form calls, if it is served; otherwise empty."""
    action = _read_form(body).get("Action", "")
    return action if action in ACTIONS else ""


def assume_role(request: EmulatorRequest) -> EmulatorResponse:
    """AssumeRole: the keys of a session, and the ARN of its calls."""
    form = _read_form(request.body)
    role, name, external_id = form.get("RoleArn", ""), form.get("RoleSessionName", ""), form.get("ExternalId", "")
    tags, seconds = _read_tags(form), form.get("DurationSeconds", "3600")
    arn = _ROLE.fullmatch(role)
    if arn is None:
        raise validation_error(f"{role} is invalid")
    for wrong in _list_faults(name, external_id, seconds, tags):
        raise validation_error(f"1 validation error detected: {wrong}")
    last = arn["path"].rpartition("/")[2]
    session = request.account.sessions.issue(
        role,
        f"arn:aws:sts::{arn['account']}:assumed-role/{last}/{name}",
        dict(tags),
        external_id,
        timedelta(seconds=int(seconds)),
    )
    return _answer(
        "AssumeRole",
        {
            "AssumedRoleUser": {"AssumedRoleId": f"AROAEMULATOR:{name}", "Arn": session.arn},
            "Credentials": {
                "AccessKeyId": session.access_key,
                "SecretAccessKey": session.secret_key,
                "SessionToken": session.token,
                "Expiration": session.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        },
    )


def get_caller_identity(request: EmulatorRequest) -> EmulatorResponse:
    """GetCallerIdentity: the session of the caller's key, or a user of the emulated account."""
    session = request.account.sessions.find(read_key_id(request.headers.get("authorization", "")))
    arn = session.arn if session else f"arn:aws:iam::{ACCOUNT_ID}:user/emulator"
    return _answer("GetCallerIdentity", {"Arn": arn, "UserId": "AIDAEMULATOR", "Account": arn.split(":")[4]})


def _list_faults(name: str, external_id: str, seconds: str, tags: list[tuple[str, str]]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"Value '{name}' at 'roleSessionName' failed to satisfy constraint: [\\w+=,.@-]*, of 2 to 64"
    if external_id and not _EXTERNAL_ID.fullmatch(external_id):
        yield "Value at 'externalId' failed to satisfy constraint: [\\w+=,.@:\\/-]*, of 2 to 1224"
    if not seconds.isdecimal() or int(seconds) not in _SECONDS:
        yield "Value at 'durationSeconds' failed to satisfy constraint: 900 to 43200"
    if len(tags) > _MOST_TAGS:
        yield "Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"
    if len({key.lower() for key, _ in tags}) < len(tags):
        yield "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    for key, value in tags:
        if key.lower().startswith("aws:") or not _is_text(key, 1, _KEY_LENGTH) or not _is_text(value, 0, _VALUE_LENGTH):
            yield f"Value at 'tags' failed to satisfy constraint: the tag {key}"


def _is_text(text: str, least: int, most: int) -> bool:
    allowed = all(each in "_.:/=+-@" or unicodedata.category(each)[0] in "LZN" for each in text)
    return allowed and least <= len(text) <= most


def _read_form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _read_tags(form: Mapping[str, str]) -> list[tuple[str, str]]:
    numbers = sorted(int(found[1]) for name in form if (found := re.fullmatch(r"Tags\.member\.(\d{1,3})\.Key", name)))
    return [(form[f"Tags.member.{each}.Key"], form.get(f"Tags.member.{each}.Value", "")) for each in numbers]


def _answer(action: str, result: Mapping[str, Any]) -> EmulatorResponse:
    text = _write_element(f"{action}Response", {f"{action}Result": result}, f' xmlns="{_NAMESPACE}"')
    return make_response(text.encode(), _HEADERS, protocol=PROTOCOL)


def _write_element(name: str, value: Any, attributes: str = "") -> str:
    if isinstance(value, Mapping):
        inner = "".join(_write_element(member, each) for member, each in value.items())
    else:
        inner = escape(str(value))
    return f"<{name}{attributes}>{inner}</{name}>"


def _describe_error(error: EmulatedError) -> Mapping[str, Any]:
    side = "Sender" if error.status < 500 else "Receiver"
    return {"Type": side, "Code": _NAMES.get(error.name, error.name), "Message": error.message}


def _write_error(members: Mapping[str, Any]) -> bytes:
    return _write_element("ErrorResponse", {"Error": members}, f' xmlns="{_NAMESPACE}"').encode()


# The query protocol of AWS; nothing of it is streamed.
PROTOCOL: Protocol = replace(
    AWS, describe_error=_describe_error, write_headers=lambda error: _HEADERS, serialize=_write_error
)
ACTIONS: Mapping[str, Callable[[EmulatorRequest], EmulatorResponse]] = MappingProxyType(
    {"AssumeRole": assume_role, "GetCallerIdentity": get_caller_identity}
)
