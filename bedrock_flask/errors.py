"""The tree of errors: each has a code, an HTTP status and whether a retry may help.

GatewayError
├── StartupError                 the process does not start: one line on stderr
├── PluginFailed                 a plugin raised an error during a request
├── CallerError                  the caller's request is at fault: 4xx
└── UpstreamError                Bedrock, or the connection to it, failed
    └── BedrockError             Bedrock answered with an error: one row of BEDROCK_ERRORS each
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.errors import ErrorShape, find_error, is_context_overflow


class GatewayError(Exception):
    """An error that the gateway reports to a caller or an operator."""

    code = "internal_error"
    title = "The gateway had an internal error"
    status = 500
    retryable = False

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.fields: Sequence[FieldError] = ()
        self.upstream_request_id: str | None = None

    @property
    def passes_with_time(self) -> bool:
        """Whether the error is over after a while, like a throttle: the caller decides how long it waits."""
        return self.retryable and self.status in (429, 503)


@dataclass(frozen=True)
class FieldError:
    """One fault of a body: its path (`messages[0].content`) and what is wrong there.

    `unknown` is a member that the schema does not know, `is_new_value` a value that is not one of those it lists: AWS
    may have added either since.
    """

    path: str
    message: str
    unknown: bool = False
    is_new_value: bool = False

    @property
    def may_be_new(self) -> bool:
        """Whether AWS may have added since what is refused here."""
        return self.unknown or self.is_new_value


class StartupError(GatewayError):
    """The process cannot start with this configuration; the message is one line for the operator."""

    code = "startup_error"
    title = "The gateway cannot start"


class SettingsError(StartupError):
    """Settings that are invalid; it lists every fault."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class PluginError(StartupError):
    """A plugin that cannot be loaded; the message names the plugin and its source."""


class PluginFailed(GatewayError):
    """A plugin raised an error during a request; the log has the traceback."""

    code = "plugin_error"
    title = "A plugin raised an error"


class ModelsFileError(StartupError):
    """A models file that cannot be read or is invalid."""


class IssuersFileError(StartupError):
    """A file of trusted issuers that cannot be read or is invalid."""


class LoginFileError(StartupError):
    """A file of the login of people that cannot be read or is invalid."""


class CallerError(GatewayError):
    """The request is at fault: the same request fails again."""

    code = "bad_request"
    title = "The request is invalid"
    status = 400


class MalformedBody(CallerError):
    """The body is not strict JSON."""

    code = "malformed_json"
    title = "The request body is not valid JSON"

    def __init__(self, detail: str = "", path: str = "") -> None:
        super().__init__(detail)
        if path:
            self.fields = (FieldError(path, detail),)


# Faults that a text names: a body may have a million.
_MAX_SUMMARIZED = 10


def summarize_faults(fields: Sequence[FieldError]) -> str:
    """The faults of a body as text: the first ten, and the number of the others."""
    named = [f"{fault.path[:500] or 'the body'}: {fault.message[:1000]}" for fault in fields[:_MAX_SUMMARIZED]]
    more = f" (and {len(fields) - _MAX_SUMMARIZED} more)" if len(fields) > _MAX_SUMMARIZED else ""
    return "; ".join(named) + more


def describe_faults(fields: Sequence[FieldError]) -> list[dict[str, str]]:
    """The first hundred faults of a body as JSON objects, with long texts cut: a body may have a million."""
    return [{"path": fault.path[:500], "message": fault.message[:1000]} for fault in fields[:100]]


class InvalidBody(CallerError):
    """The body does not match the model's schema.

    `rest` is what could be read of a body in spite of its faults, as a canonical request.
    """

    code = "invalid_body"
    title = "The request body does not match the model's schema"

    def __init__(self, fields: Sequence[FieldError], detail: str = "", *, rest: Any = None) -> None:
        super().__init__(detail or summarize_faults(fields))
        self.fields = tuple(fields)
        self.rest = rest


class InvalidDocument(InvalidBody):
    """The body of a request to the admin API has members or values that it cannot have."""

    title = "The request body is not what this address takes"


class Unauthenticated(CallerError):
    """The request has no valid API key."""

    code = "unauthenticated"
    title = "A valid API key is required"
    status = 401

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            detail or "Send an API key of this gateway as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
            headers={"www-authenticate": "Bearer"},
        )


class OperatorForbidden(CallerError):
    """The operator's role does not allow the request."""

    code = "operator_forbidden"
    title = "The role of the operator does not allow this"
    status = 403


class ForeignPage(CallerError):
    """A request to the admin API that a web page of another site has sent."""

    code = "foreign_page"
    title = "The admin API refuses web pages of other sites"
    status = 403


class PreconditionFailed(CallerError):
    """What is to be changed has another `ETag` than that of `If-Match`."""

    code = "precondition_failed"
    title = "Somebody else has changed this meanwhile"
    status = 412


class InvalidQuery(CallerError):
    """A parameter of the query that is unknown or invalid."""

    code = "invalid_query"
    title = "The query is invalid"


class InvalidSignature(CallerError):
    """The signature of a request is invalid; `name` is AWS's name of the error."""

    code = "signature_refused"
    title = "The request signature is invalid"
    status = 403

    def __init__(self, detail: str, error: ErrorShape) -> None:
        super().__init__(detail)
        self.name, self.status = error.name, error.status


class LoopbackOnly(CallerError):
    """The gateway has no API keys and the connection did not arrive on a loopback address."""

    code = "loopback_only"
    title = "Without API keys this gateway accepts loopback connections only"
    status = 403


class NotFound(CallerError):
    """No route matches the URL."""

    code = "not_found"
    title = "This URL does not exist"
    status = 404


class MethodNotAllowed(CallerError):
    """The route exists for another HTTP method."""

    code = "method_not_allowed"
    title = "This URL does not allow this HTTP method"
    status = 405


class UnreadableRequest(CallerError):
    """The request is not HTTP, or not HTTP that the gateway takes; it has the status that says why."""

    code = "unreadable_request"
    title = "The request cannot be read"

    def __init__(self, detail: str = "", status: int = 400) -> None:
        super().__init__(detail)
        self.status = status


class RequestTimedOut(CallerError):
    """The body did not arrive in time."""

    code = "request_timeout"
    title = "The request body did not arrive in time"
    status = 408


class UnknownModel(CallerError):
    """The name is neither an alias nor the id of a model that an adapter serves."""

    code = "unknown_model"
    title = "This model does not exist"
    status = 404


class ModelNotListed(CallerError):
    """The id may exist on Bedrock, but this gateway serves listed models only."""

    code = "model_not_listed"
    title = "This gateway serves listed models only"
    status = 403


class SurfaceNotEnabled(CallerError):
    """The model is served by APIs of AWS that this gateway may not call."""

    code = "surface_not_enabled"
    title = "This gateway may not call the APIs that serve this model"
    status = 403


class RegionNotAllowed(CallerError):
    """The request asks for a region that the operator has not listed."""

    code = "region_not_allowed"
    title = "This gateway does not call this region"
    status = 403


class PolicyRefused(CallerError):
    """A policy of the caller's key, of a team above it or of the alias does not allow the request."""

    code = "policy_refused"
    title = "A policy does not allow this request"
    status = 403

    def __init__(self, refusal: str) -> None:
        remedy = "Who administers this gateway can change it: bedrock-flask teams|keys policy, or the models file."
        super().__init__(f"{refusal} {remedy}")


class BudgetExceeded(CallerError):
    """A budget of the key, or of a team that owns it, has no room for the call."""

    code = "budget_exceeded"
    title = "The budget is used up"
    status = 402


class UnpricedModel(CallerError):
    """The key has a budget, and nobody knows what the model costs."""

    code = "unpriced_model"
    title = "A key with a budget cannot call a model without a known price"
    status = 403


class IdempotencyUnavailable(CallerError):
    """The gateway keeps no answers, so that it would make the call of a repeated request again."""

    code = "idempotency_unavailable"
    title = "This gateway keeps no answers for idempotency keys"

    def __init__(self) -> None:
        super().__init__(
            "This gateway keeps no answers, so send the request without the header Idempotency-Key. It keeps them in a "
            "database (BEDROCK_FLASK_DATABASE_URL), unless BEDROCK_FLASK_REPLAY_MAX_BYTES is 0."
        )


class StreamNotKept(CallerError):
    """The answer to a request with an idempotency key would be streamed."""

    code = "stream_not_kept"
    title = "A streamed answer is not kept for an idempotency key"

    def __init__(self) -> None:
        super().__init__("Streamed answers are not kept: send the request without the header Idempotency-Key.")


class IdempotencyKeyReused(CallerError):
    """Another request was sent with the same idempotency key."""

    code = "idempotency_key_reused"
    title = "The idempotency key was used for another request"
    status = 422

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"The Idempotency-Key was sent with another body, address or option before (request {request_id})."
        )


class RequestInProgress(CallerError):
    """The request with the same idempotency key is being served."""

    code = "request_in_progress"
    title = "The request with this idempotency key is being served"
    status = 409
    retryable = True

    def __init__(self, request_id: str) -> None:
        detail = f"The request with this Idempotency-Key is still being served (request {request_id}). Try again later."
        super().__init__(detail, headers={"retry-after": "1"})


class AnswerNotKept(CallerError):
    """The request with the same idempotency key was answered, and the answer is too large to be kept."""

    code = "answer_not_kept"
    title = "The answer for this idempotency key was not kept"
    status = 409

    def __init__(self, request_id: str, status: int) -> None:
        super().__init__(
            f"The request with this Idempotency-Key was answered with status {status} (request {request_id}), and the "
            "answer could not be kept. A request with another key is served anew."
        )


class Unsupported(InvalidBody):
    """The model does not support something in the request."""

    code = "unsupported"
    title = "The model does not support this"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        hint = " Send the header 'x-bedrock-flask-unsupported: drop' to drop it from the request and have it reported."
        super().__init__(fields, f"{summarize_faults(fields)}.{hint}")


class RefusedSafeguard(Unsupported):
    """The model cannot take a safeguard or a tool of the request, and no policy drops it."""

    def __init__(self, fields: Sequence[FieldError]) -> None:
        InvalidBody.__init__(self, fields)


def join_errors(errors: Sequence[InvalidBody]) -> InvalidBody:
    """One error with the faults of all; where several name a path, the first one counts.

    It is Unsupported only if all are: else to drop what the model cannot take would not be enough.
    """
    if len(errors) == 1:
        return errors[0]
    fields: list[FieldError] = []
    paths: set[str] = set()
    for error in errors:
        fields += [fault for fault in error.fields if fault.path not in paths]
        paths |= {fault.path for fault in error.fields}
    kind = next((kind for kind in (Unsupported, RefusedSafeguard) if all(type(each) is kind for each in errors)), None)
    if kind is None and all(isinstance(each, Unsupported) for each in errors):
        kind = RefusedSafeguard
    return kind(fields) if kind else InvalidBody(fields)


class NotConversable(CallerError):
    """The model can only be called with its native body."""

    code = "not_conversable"
    title = "This model accepts only its native request body"


class NotStreamable(CallerError):
    """The model has no streaming operation."""

    code = "not_streamable"
    title = "This model does not support streaming"


class NotAsynchronous(CallerError):
    """Bedrock does not call the model asynchronously."""

    code = "not_asynchronous"
    title = "This model is not called asynchronously"


class OnlyAsynchronous(CallerError):
    """Bedrock calls the model asynchronously, and in no other way."""

    code = "only_asynchronous"
    title = "This model is called asynchronously only"


class JobNotFound(CallerError):
    """The model has no job of that id."""

    code = "job_not_found"
    title = "This job does not exist"
    status = 404


class BodyTooLarge(CallerError):
    """The body is larger than the limit."""

    code = "body_too_large"
    title = "The request body is too large"
    status = 413


class UnsupportedMediaType(CallerError):
    """The body is not declared as JSON, or is compressed."""

    code = "unsupported_media_type"
    title = "The request body must be uncompressed JSON"
    status = 415


class ClientDisconnected(GatewayError):
    """The client closed its connection, so the call is cancelled."""

    code = "client_left"
    title = "The client disconnected before the response was complete"
    # The status that nginx logs for it; no client receives it.
    status = 499


class Overloaded(GatewayError):
    """The gateway serves as many requests as it is configured to."""

    code = "overloaded"
    title = "The gateway is at its concurrency limit"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "The gateway is at its concurrency limit. Try again in a moment.", headers={"retry-after": "1"}
        )


class RateLimited(GatewayError):
    """A call exceeds a limit of its key or team; `wait` is None if it does so at any time."""

    # OpenAI's code.
    code = "rate_limit_exceeded"
    title = "The key or its team has reached a limit"
    status = 429
    retryable = True

    def __init__(self, detail: str, wait: int | None) -> None:
        super().__init__(detail, headers={} if wait is None else {"retry-after": str(wait)})
        self.retryable = wait is not None


class StoreUnavailable(GatewayError):
    """The database, or what counts limits, does not answer: nobody can be recognised, and nothing accounted for."""

    code = "store_unavailable"
    title = "The gateway's database is not available, or what counts limits"
    status = 503
    retryable = True

    def __init__(self, reason: str = "the gateway's database does not answer") -> None:
        super().__init__(f"Service unavailable: {reason}. Try again in a moment.", headers={"retry-after": "2"})


class IssuerUnavailable(StoreUnavailable):
    """An issuer does not answer: nobody knows whether its tokens are valid, or what its people may do."""

    code = "issuer_unavailable"
    title = "The issuer of the token or the login does not answer"

    def __init__(self, issuer: str) -> None:
        super().__init__(f"the issuer '{issuer}' does not answer")


class ShuttingDown(GatewayError):
    """The process stops, and with it the requests that are still open."""

    code = "shutting_down"
    title = "The gateway is shutting down"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__("Service unavailable: the gateway is shutting down. Try again.", headers={"retry-after": "1"})


class UpstreamError(GatewayError):
    """Bedrock, or the connection to it, failed."""

    code = "upstream_error"
    title = "The request to Bedrock failed"
    status = 502


class UpstreamUnreachable(UpstreamError):
    """No connection to Bedrock: it was refused, the host does not exist, or TLS failed."""

    code = "upstream_unreachable"
    title = "Bedrock cannot be reached"
    retryable = True


class UpstreamTimeout(UpstreamError):
    """No connection, or no response, in time."""

    code = "upstream_timeout"
    title = "Bedrock did not respond in time"
    status = 504


class UpstreamStalled(UpstreamError):
    """A response began and then stopped arriving."""

    code = "upstream_stalled"
    title = "Bedrock's response stalled"
    status = 504


class UpstreamTruncated(UpstreamError):
    """A response was cut short, or lacks its end."""

    code = "upstream_truncated"
    title = "Bedrock's response was cut short"


# Where the status is sent already, clients read the message to decide whether to try again: opencode 1.18 looks for
# "internal server error" and "connection lost", among others.
CONNECTION_LOST = "Internal server error: connection lost within an answer."


class ContentFiltered(UpstreamError):
    """A filter has withheld what the model was asked for; this one is the model's own."""

    code = "content_filtered"
    title = "The model's filter has withheld the answer"
    status = 400


class GuardrailIntervened(ContentFiltered):
    """The guardrail that policies prescribe objects to the request or to its answer."""

    code = "guardrail_intervened"
    title = "The prescribed guardrail has intervened"


class GuardrailFailed(UpstreamError):
    """Nobody knows whether the guardrail that policies prescribe would intervene, so nothing passes."""

    code = "guardrail_failed"
    title = "The prescribed guardrail could not be applied"

    def __init__(self, error: UpstreamError) -> None:
        super().__init__(f"{self.title}, so nothing was answered: {error.detail}", headers=error.headers)
        # A fault of the guardrail's is not one of the request.
        self.status = error.status if error.status in (429, 503, 504) else self.status
        self.retryable = error.retryable
        self.upstream_request_id = error.upstream_request_id


class UpstreamProtocolError(UpstreamError):
    """A response that breaks the protocol: it is not JSON, has a wrong checksum, or is the page of another server."""

    code = "upstream_protocol"
    title = "Bedrock's response cannot be read"


class DeadlineExceeded(UpstreamError):
    """The total time of the call is used up."""

    code = "deadline_passed"
    title = "The request exceeded its deadline"
    status = 504


class CredentialsError(UpstreamError):
    """The gateway's AWS credentials are missing, expired or not accepted; never the caller's fault."""

    code = "gateway_credentials"
    title = "The gateway's AWS credentials are missing or not accepted"
    status = 503


class RoleNotAssumed(CredentialsError):
    """The role that a policy prescribes for the caller cannot be assumed, and nothing is called without it.

    `reason` is for operators, because it names accounts and roles; `name` is STS's name of its error, if it has any.
    """

    code = "role_not_assumed"
    title = "The AWS role of the caller cannot be assumed"

    def __init__(self, detail: str = "", *, reason: str = "", name: str = "", retryable: bool = False) -> None:
        super().__init__(detail)
        self.reason, self.name, self.retryable = reason, name, retryable


@dataclass(frozen=True)
class BedrockErrorRow:
    """How the gateway reports one of Bedrock's errors to a caller."""

    status: int
    code: str
    title: str
    retryable: bool = False


_CREDENTIALS = BedrockErrorRow(503, CredentialsError.code, CredentialsError.title)
_THROTTLED = BedrockErrorRow(429, "throttled", "Bedrock is throttling this account or model", True)

# Every error of bedrock.errors, by its name.
BEDROCK_ERRORS: Mapping[str, BedrockErrorRow] = MappingProxyType(
    {
        "ValidationException": BedrockErrorRow(400, "bedrock_validation", "Bedrock rejected the request as invalid"),
        "AccessDeniedException": BedrockErrorRow(403, "model_not_allowed", "The gateway may not call this model"),
        "ResourceNotFoundException": BedrockErrorRow(404, "model_not_found", "This model does not exist on Bedrock"),
        "FTUFormNotFilled": BedrockErrorRow(
            403, "use_case_form_missing", "The AWS account has not submitted the use case form of this model"
        ),
        "UnknownOperationException": BedrockErrorRow(
            502, "not_bedrock", "The endpoint does not know this operation and may not be Bedrock's"
        ),
        "ConflictException": BedrockErrorRow(409, "conflict", "Bedrock reported a conflict"),
        "ServiceQuotaExceededException": BedrockErrorRow(
            503, "quota_exceeded", "The AWS account has reached a service quota"
        ),
        "ThrottlingException": _THROTTLED,
        "TooManyRequestsException": _THROTTLED,
        "ModelNotReadyException": BedrockErrorRow(503, "model_not_ready", "The model is not ready yet", True),
        "ModelTimeoutException": BedrockErrorRow(504, "model_timeout", "The model took too long to respond"),
        "ModelErrorException": BedrockErrorRow(502, "model_error", "The model failed to process the request"),
        "ModelStreamErrorException": BedrockErrorRow(502, "model_stream_error", "The model failed while streaming"),
        "InternalServerException": BedrockErrorRow(502, "bedrock_internal", "Bedrock had an internal error", True),
        "ServiceUnavailableException": BedrockErrorRow(503, "bedrock_unavailable", "Bedrock is not available", True),
        "overloaded_error": BedrockErrorRow(503, "bedrock_overloaded", "The model is overloaded", True),
        "ExpiredTokenException": _CREDENTIALS,
        "ExpiredToken": _CREDENTIALS,
        "UnrecognizedClientException": _CREDENTIALS,
        "InvalidClientTokenId": _CREDENTIALS,
        "InvalidSignatureException": _CREDENTIALS,
        "SignatureDoesNotMatch": _CREDENTIALS,
        "IncompleteSignature": _CREDENTIALS,
        "IncompleteSignatureException": _CREDENTIALS,
        "MissingAuthenticationToken": _CREDENTIALS,
        "MissingAuthenticationTokenException": _CREDENTIALS,
        "RequestExpired": _CREDENTIALS,
        "OptInRequired": _CREDENTIALS,
    }
)

# The error to assume for a status when the name is unknown.
NAME_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        400: "ValidationException",
        # OpenAI's and Anthropic's APIs say this of a key.
        401: "UnrecognizedClientException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        408: "ModelTimeoutException",
        413: "ValidationException",
        422: "ValidationException",
        424: "ModelErrorException",
        429: "ThrottlingException",
        500: "InternalServerException",
        502: "ServiceUnavailableException",
        503: "ServiceUnavailableException",
        # The call may have been billed, so the error must not be one that is retried.
        504: "ModelTimeoutException",
        529: "overloaded_error",
    }
)
_UNKNOWN = BedrockErrorRow(502, UpstreamError.code, UpstreamError.title)


class BedrockError(UpstreamError):
    """Bedrock answered with an error; its row of `BEDROCK_ERRORS` gives status, code and title.

    `name` and `http_status` are Bedrock's. `members` are those of its document beside the message: numbers and texts,
    such as `originalStatusCode`. `is_context_overflow` says whether the request was too long for the model. `frame` is
    the event-stream frame that ended a stream with the error.
    """

    frame = b""

    def __init__(
        self,
        name: str,
        message: str,
        http_status: int | None = None,
        headers: Mapping[str, str] | None = None,
        document: object = None,
    ) -> None:
        self.name, self.http_status = name, http_status
        row = find_bedrock_row(name, http_status)
        self.status, self.code, self.title, self.retryable = row.status, row.code, row.title, row.retryable
        self.is_context_overflow = is_context_overflow(name, message)
        detail = "" if row is _CREDENTIALS else redact_account_arns(message)[:2000]
        super().__init__(detail or row.title, headers=headers)
        self.members = {} if row is _CREDENTIALS else _read_members(document)


# What names an error or describes it in a document of Bedrock's.
_NAME_AND_MESSAGE = frozenset({"__type", "code", "message", "Message"})


def _read_members(document: object) -> dict[str, str | int | float]:
    members = document.items() if isinstance(document, dict) else ()
    return {
        name: redact_account_arns(value)[:2000] if isinstance(value, str) else value
        for name, value in members
        if name not in _NAME_AND_MESSAGE and isinstance(value, str | int | float)
    }


def find_bedrock_row(name: str, http_status: int | None = None) -> BedrockErrorRow:
    """The row of one Bedrock error: by its name, as HTTP or streams spell it, or else by its status."""
    shape = find_error(name)
    known = shape.name if shape else NAME_BY_STATUS.get(http_status or 0)
    return BEDROCK_ERRORS[known] if known else _UNKNOWN


# The kind of error by which a plugin's `decode` says that the model's filter has withheld the answer.
CONTENT_FILTER = "content_filter"
# Bedrock's name for each kind of error that a model reports inside an answer, in Anthropic's or OpenAI's words.
_NAME_BY_KIND: Mapping[str, str] = MappingProxyType(
    {
        "rate_limit_error": "ThrottlingException",
        "rate_limit_exceeded": "ThrottlingException",
        "overloaded_error": "overloaded_error",
        "timeout_error": "ModelTimeoutException",
        "api_error": "InternalServerException",
        "server_error": "InternalServerException",
        "internal_server_error": "InternalServerException",
        "service_unavailable_error": "ServiceUnavailableException",
        "invalid_request_error": "ValidationException",
        "request_too_large": "ValidationException",
        "context_length_exceeded": "ValidationException",
        "permission_error": "AccessDeniedException",
        "not_found_error": "ResourceNotFoundException",
    }
)


def read_reported_error(error: Any) -> UpstreamError:
    """The error that a model reports inside an answer: of Bedrock's kind where its code, type or status names one."""
    found = error if isinstance(error, Mapping) else {"message": error}
    kinds = [found.get(name) for name in ("code", "type", "__type")]
    message = next((str(text) for text in (found.get("message"), *kinds) if text), "it gave no details")
    if CONTENT_FILTER in kinds:
        return ContentFiltered(redact_account_arns(message)[:2000])
    for kind in kinds:
        if isinstance(kind, str) and (name := _NAME_BY_KIND.get(kind) or (find_error(kind) and kind)):
            return BedrockError(name, message)
        if isinstance(kind, int) and kind in NAME_BY_STATUS:
            return BedrockError(NAME_BY_STATUS[kind], message)
    return UpstreamError(f"The model reported an error: {redact_account_arns(message)[:500]}")


_ACCOUNT_ARN = re.compile(r"arn:aws[\w-]*:[\w-]+:[\w-]*:\d{12}:[^\s\"',]+")


# "account 123456789012", "Account ID: 123456789012", "accountId=123456789012".
_ACCOUNT_NUMBER = re.compile(r"(account(?:[ _-]?(?:id|number))?[\s:='\"(]{1,4})\d{12}(?!\d)", re.I)


def redact_account_arns(message: str) -> str:
    """A message of Bedrock without the ARNs that name an account, a role or a user, and without account numbers."""
    without_arns = _ACCOUNT_ARN.sub("(an ARN of the gateway's account)", message)
    return _ACCOUNT_NUMBER.sub(r"\1(hidden)", without_arns)
