"""Bedrock's errors: their names and statuses, and where each may appear."""

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

# AWS's message, for errors whose message is always the same.
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

# The members besides `message` in botocore's model.
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


class EmulatedError(Exception):
    """An error that the emulator answers with; `name` is a key of STATUS, spelled as in HTTP or as in streams."""

    def __init__(self, name: str, message: str = "", *, status: int | None = None, retry_after: str = "") -> None:
        self.name = find_canonical_name(name)
        self.message = message or MESSAGES.get(self.name, f"{self.name} was requested of the emulator.")
        self.status = status or STATUS.get(self.name, 400)
        self.retry_after = retry_after
        super().__init__(f"{self.name}: {self.message}")

    @property
    def document(self) -> dict[str, object]:
        """The body of the response, or the payload of the exception frame."""
        return {"message": self.message, **_MORE.get(self.name, {})}

    @property
    def streamed_name(self) -> str:
        """The name as spelled in `:exception-type`."""
        return self.name[:1].lower() + self.name[1:]


def find_canonical_name(name: str) -> str:
    """The name as spelled in `x-amzn-ErrorType`, for either spelling."""
    return next((known for known in (name, name[:1].upper() + name[1:]) if known in STATUS), name)


def validation_error(message: str) -> EmulatedError:
    """The error for a request that is not valid."""
    return EmulatedError("ValidationException", message)
