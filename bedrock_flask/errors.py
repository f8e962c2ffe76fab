"""The tree of errors: each knows its code, its HTTP status and whether trying again may help.

GatewayError
├── StartupError                 the process does not start: one line on stderr
├── PluginFailed                 a plugin's own code failed at a request
├── CallerError                  the caller's request is at fault: 4xx
└── UpstreamError                Bedrock, or the way to it, is at fault
    └── Refused                  Bedrock answered with an error of its own: one row of BEDROCK each
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


class GatewayError(Exception):
    """Anything that the gateway tells a caller or an operator, in domain words."""

    code = "internal_error"
    title = "The gateway failed"
    status = 500
    retryable = False

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.fields: Sequence[FieldError] = ()
        self.upstream_request_id: str | None = None


@dataclass(frozen=True)
class FieldError:
    """One fault of a body: where (`messages[0].content`) and what."""

    path: str
    message: str
    unknown: bool = False


class StartupError(GatewayError):
    """The process cannot start with this configuration; the text is one line for the operator."""

    code = "startup_error"
    title = "The gateway cannot start"


class SettingsError(StartupError):
    """Settings that do not hold: every fault at once."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class PluginError(StartupError):
    """A plugin that cannot be loaded; names the plugin and its source."""


class PluginFailed(GatewayError):
    """A plugin's own code failed at a request; the log has where."""

    code = "plugin_error"
    title = "A plugin failed"


class ModelsFileError(StartupError):
    """A models file that cannot be read or does not hold."""


class CallerError(GatewayError):
    """The request is at fault; sending it again unchanged will not help."""

    code = "bad_request"
    title = "The request is not valid"
    status = 400


class MalformedBody(CallerError):
    """The body is not the strict JSON that the gateway reads."""

    code = "malformed_json"
    title = "The body is not valid JSON"

    def __init__(self, detail: str = "", path: str = "") -> None:
        super().__init__(detail)
        if path:
            self.fields = (FieldError(path, detail),)


def summarize_faults(fields: Sequence[FieldError]) -> str:
    """The first of a body's faults in words, and how many more there are."""
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    return f"{fields[0].path or 'the body'}: {fields[0].message}{more}"


class InvalidBody(CallerError):
    """The body does not fit the model's schema."""

    code = "invalid_body"
    title = "The body does not fit the model's schema"

    def __init__(self, fields: Sequence[FieldError], detail: str = "") -> None:
        super().__init__(detail or summarize_faults(fields))
        self.fields = tuple(fields)


class Unauthenticated(CallerError):
    """No known key came with the request."""

    code = "unauthenticated"
    title = "A known API key is needed"
    status = 401

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            detail or "Send a key of this gateway as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
            headers={"www-authenticate": "Bearer"},
        )


class InvalidSignature(CallerError):
    """A signed request does not prove who sends it; `name` is AWS's name of the error."""

    code = "signature_refused"
    title = "The request's signature is refused"
    status = 403

    def __init__(self, detail: str, name: str = "InvalidSignatureException", status: int = 403) -> None:
        super().__init__(detail)
        self.name, self.status = name, status


class LoopbackOnly(CallerError):
    """The gateway has no keys and the connection did not arrive on a loopback address."""

    code = "loopback_only"
    title = "Without API keys this gateway serves loopback only"
    status = 403


class NotFound(CallerError):
    """No such route."""

    code = "not_found"
    title = "There is nothing at this address"
    status = 404


class MethodNotAllowed(CallerError):
    """The route exists under another method."""

    code = "method_not_allowed"
    title = "This address does not take this method"
    status = 405


class RequestTimedOut(CallerError):
    """The body did not arrive in time."""

    code = "request_timeout"
    title = "The body did not arrive"
    status = 408


class UnknownModel(CallerError):
    """The name is no adapter, no alias and no Bedrock id."""

    code = "unknown_model"
    title = "No model of that name"
    status = 404


class ModelNotListed(CallerError):
    """The id may exist on Bedrock, but this gateway serves listed models only."""

    code = "model_not_listed"
    title = "This gateway serves listed models only"
    status = 403


class Unsupported(InvalidBody):
    """The model cannot take something that the caller asks for."""

    code = "unsupported"
    title = "The model cannot take this"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        hint = " Ask with the header 'x-bedrock-flask-unsupported: drop' to have it left out and reported."
        super().__init__(fields, f"{summarize_faults(fields)}.{hint}")


class NotConversable(CallerError):
    """The model is reached in its own body only."""

    code = "not_conversable"
    title = "This model takes its own body only"


class NotStreamable(CallerError):
    """The model has no streaming operation."""

    code = "not_streamable"
    title = "This model does not stream"


class BodyTooLarge(CallerError):
    """The body is larger than the limit."""

    code = "body_too_large"
    title = "The body is too large"
    status = 413


class UnsupportedMediaType(CallerError):
    """The body is not announced as JSON, or is compressed."""

    code = "unsupported_media_type"
    title = "The body must be JSON, not compressed"
    status = 415


class ClientDisconnected(GatewayError):
    """Whoever asked has closed the connection: nobody reads the answer any more, and the model is asked no further."""

    code = "client_left"
    title = "The client left before the answer was whole"
    # As nginx logs it; nobody is left to read it.
    status = 499


class Overloaded(GatewayError):
    """As many requests are being answered as may be."""

    code = "overloaded"
    title = "The gateway is at work on as many requests as it may"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__("Try again in a moment.", headers={"retry-after": "1"})


class ShuttingDown(GatewayError):
    """The process ends, and what was still open with it."""

    code = "shutting_down"
    title = "The gateway is shutting down"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__("Try again; another process answers.", headers={"retry-after": "1"})


class UpstreamError(GatewayError):
    """Bedrock, or the way to it, failed."""

    code = "upstream_error"
    title = "Bedrock could not answer"
    status = 502


class UpstreamUnreachable(UpstreamError):
    """No connection to Bedrock: refused, no such host, TLS."""

    code = "upstream_unreachable"
    title = "Bedrock cannot be reached"
    retryable = True


class UpstreamTimeout(UpstreamError):
    """No connection, or no answer, in time."""

    code = "upstream_timeout"
    title = "Bedrock did not answer in time"
    status = 504


class UpstreamStalled(UpstreamError):
    """An answer began and then fell silent."""

    code = "upstream_stalled"
    title = "Bedrock's answer stalled"
    status = 504


class UpstreamTruncated(UpstreamError):
    """An answer was cut short, or lacks its end."""

    code = "upstream_truncated"
    title = "Bedrock's answer was cut short"


class UpstreamProtocolError(UpstreamError):
    """An answer that is not what the protocol promises: no JSON, a bad checksum, a foreign page."""

    code = "upstream_protocol"
    title = "Bedrock's answer cannot be read"


class DeadlineExceeded(UpstreamError):
    """The call's total time is used up."""

    code = "deadline_passed"
    title = "The call took longer than its deadline"
    status = 504


class CredentialsError(UpstreamError):
    """The gateway's own AWS credentials are missing, expired or not accepted; never the caller's fault."""

    code = "gateway_credentials"
    title = "The gateway's own AWS credentials do not work"
    status = 503


@dataclass(frozen=True)
class Row:
    """How one of Bedrock's errors is told to a caller."""

    status: int
    code: str
    title: str
    retryable: bool = False


_NOT_OURS = Row(503, CredentialsError.code, CredentialsError.title)

# Every error that Bedrock's runtime documents or that its front door adds, by the name in `x-amzn-errortype`.
# Sources: botocore's service model of bedrock-runtime; "Troubleshooting Amazon Bedrock API Error Codes" (AWS).
BEDROCK: Mapping[str, Row] = MappingProxyType(
    {
        "ValidationException": Row(400, "bedrock_validation", "Bedrock refused the request as not valid"),
        "AccessDeniedException": Row(403, "model_not_allowed", "This gateway may not call that model"),
        "ResourceNotFoundException": Row(404, "model_not_found", "Bedrock knows no such model"),
        "FTUFormNotFilled": Row(403, "use_case_form_missing", "The account has not sent the model's use case form"),
        "UnknownOperationException": Row(502, "not_bedrock", "The endpoint knows no such operation: is it Bedrock's?"),
        "ConflictException": Row(409, "conflict", "Bedrock reports a conflict"),
        "ServiceQuotaExceededException": Row(503, "quota_exceeded", "A quota of the AWS account is used up"),
        "ThrottlingException": Row(429, "throttled", "Bedrock throttles this account or model", True),
        "TooManyRequestsException": Row(429, "throttled", "Bedrock throttles this account or model", True),
        "ModelNotReadyException": Row(503, "model_not_ready", "The model is not ready yet", True),
        "ModelTimeoutException": Row(504, "model_timeout", "The model took too long"),
        "ModelErrorException": Row(502, "model_error", "The model failed"),
        "ModelStreamErrorException": Row(502, "model_stream_error", "The model failed while streaming"),
        "InternalServerException": Row(502, "bedrock_internal", "Bedrock failed internally", True),
        "ServiceUnavailableException": Row(503, "bedrock_unavailable", "Bedrock is not available", True),
        "overloaded_error": Row(503, "bedrock_overloaded", "The model is overloaded", True),
        "ExpiredTokenException": _NOT_OURS,
        "ExpiredToken": _NOT_OURS,
        "UnrecognizedClientException": _NOT_OURS,
        "InvalidClientTokenId": _NOT_OURS,
        "InvalidSignatureException": _NOT_OURS,
        "SignatureDoesNotMatch": _NOT_OURS,
        "IncompleteSignature": _NOT_OURS,
        "IncompleteSignatureException": _NOT_OURS,
        "MissingAuthenticationToken": _NOT_OURS,
        "MissingAuthenticationTokenException": _NOT_OURS,
        "RequestExpired": _NOT_OURS,
        "OptInRequired": _NOT_OURS,
    }
)

# For an error without a known name, its status decides.
_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        400: "ValidationException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        408: "ModelTimeoutException",
        424: "ModelErrorException",
        429: "ThrottlingException",
        500: "InternalServerException",
        502: "ServiceUnavailableException",
        503: "ServiceUnavailableException",
        # It may have been billed: no attempt is made again.
        504: "ModelTimeoutException",
        529: "overloaded_error",
    }
)
_UNNAMED = Row(502, UpstreamError.code, UpstreamError.title)


class BedrockError(UpstreamError):
    """Bedrock answered with an error of its own; `BEDROCK` says how it is told.

    `frame` is the event-stream frame that said so within a stream.
    """

    frame = b""

    def __init__(
        self, name: str, message: str, http_status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.http_status = name, http_status
        row = bedrock_row(name, http_status)
        self.status, self.code, self.title, self.retryable = row.status, row.code, row.title, row.retryable
        own = row is _NOT_OURS
        super().__init__(row.title if own else without_account(message)[:2000] or row.title, headers=headers)


def bedrock_row(name: str, http_status: int | None = None) -> Row:
    """The row of one Bedrock error, by its name (`throttlingException` in streams), else by status."""
    for known in (name, name[:1].upper() + name[1:]):
        if known in BEDROCK:
            return BEDROCK[known]
    by_status = _BY_STATUS.get(http_status or 0)
    return BEDROCK[by_status] if by_status else _UNNAMED


_ACCOUNT_ARN = re.compile(r"arn:aws[\w-]*:[\w-]+:[\w-]*:\d{12}:[^\s\"',]+")


def without_account(message: str) -> str:
    """Bedrock's words without ARNs that name an account, a role or a user."""
    return _ACCOUNT_ARN.sub("(an ARN of the gateway's account)", message)


def problem_document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The error as a problem document (RFC 9457), the one shape of the native routes."""
    document: dict[str, Any] = {
        "type": f"urn:bedrock-flask:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "request_id": request_id,
        "retryable": error.retryable,
    }
    if error.fields:
        # A body of a million faults is told its first hundred; `detail` says how many there are.
        document["errors"] = [{"path": f.path[:500], "message": f.message[:1000]} for f in error.fields[:100]]
    return document
