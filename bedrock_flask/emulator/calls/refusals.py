"""Bedrock's own errors: their names, statuses and where each may appear."""

from collections.abc import Mapping
from types import MappingProxyType

# Sources: botocore's service model of bedrock-runtime; "Troubleshooting Amazon Bedrock API Error Codes" (user guide).
STATUS: Mapping[str, int] = MappingProxyType(
    {
        "AccessDeniedException": 403,
        "ConflictException": 400,
        "FTUFormNotFilled": 404,
        "InternalServerException": 500,
        "ModelErrorException": 424,
        "ModelNotReadyException": 429,
        "ModelStreamErrorException": 424,
        "ModelTimeoutException": 408,
        "ResourceNotFoundException": 404,
        "ServiceQuotaExceededException": 400,
        "ServiceUnavailableException": 503,
        "ThrottlingException": 429,
        "TooManyRequestsException": 429,
        "ValidationException": 400,
        "overloaded_error": 529,
        "ExpiredToken": 403,
        "ExpiredTokenException": 403,
        "IncompleteSignature": 400,
        "IncompleteSignatureException": 403,
        "InvalidClientTokenId": 403,
        "InvalidSignatureException": 403,
        "MissingAuthenticationToken": 403,
        "MissingAuthenticationTokenException": 403,
        "OptInRequired": 403,
        "RequestExpired": 400,
        "SignatureDoesNotMatch": 403,
        "UnknownOperationException": 404,
        "UnrecognizedClientException": 403,
    }
)

# What AWS says, where it says always the same.
MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "AccessDeniedException": "You don't have access to the model with the specified model ID.",
        "ExpiredTokenException": "The security token included in the request is expired",
        "ModelNotReadyException": "Model is not ready for inference. Wait and try your request again.",
        "ModelTimeoutException": "Model has timed out in processing the request. Try your request again.",
        "ServiceUnavailableException": "Bedrock is unable to process your request.",
        "ThrottlingException": "Too many requests, please wait before trying again.",
        "UnrecognizedClientException": "The security token included in the request is invalid.",
    }
)

# The members beside `message` that botocore's model has.
_MORE: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "ModelErrorException": {"originalStatusCode": 500, "resourceName": "emulated-model"},
        "ModelStreamErrorException": {"originalStatusCode": 500, "originalMessage": "The model failed."},
    }
)

# The exceptions that an event stream of each operation may carry; any other error comes as a frame of type `error`.
_BOTH = ("internalServerException", "modelStreamErrorException", "serviceUnavailableException", "throttlingException")
STREAMED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "InvokeModelWithResponseStream": frozenset({*_BOTH, "modelTimeoutException", "validationException"}),
        "ConverseStream": frozenset({*_BOTH, "validationException"}),
    }
)


class Refusal(Exception):
    """An error that Bedrock would answer with; `name` is one of STATUS, in the spelling of either HTTP or streams."""

    def __init__(self, name: str, message: str = "", *, status: int | None = None, retry_after: str = "") -> None:
        self.name = canonical(name)
        self.message = message or MESSAGES.get(self.name, f"The emulator was asked for {self.name}.")
        self.status = status or STATUS.get(self.name, 400)
        self.retry_after = retry_after
        super().__init__(f"{self.name}: {self.message}")

    @property
    def document(self) -> dict[str, object]:
        """The body of the answer, or the payload of the exception frame."""
        return {"message": self.message, **_MORE.get(self.name, {})}

    @property
    def streamed_name(self) -> str:
        """The name as it stands in `:exception-type`."""
        return self.name[:1].lower() + self.name[1:]


def canonical(name: str) -> str:
    """The name as it stands in `x-amzn-ErrorType`, for either spelling."""
    return next((known for known in (name, name[:1].upper() + name[1:]) if known in STATUS), name)


def invalid(message: str) -> Refusal:
    """The refusal of a request that is not valid."""
    return Refusal("ValidationException", message)
