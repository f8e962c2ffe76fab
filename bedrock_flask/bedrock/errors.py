"""The errors of Amazon Bedrock as AWS defines them: name, HTTP status, usual message, further members, streams.

Sources: botocore's service model of bedrock-runtime (a test compares them); AWS user guide, "Troubleshooting Amazon
Bedrock API Error Codes" and "Common errors". The spellings with `Exception` are those of JSON protocols.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class ErrorShape:
    """One error: the name in `x-amzn-ErrorType` and AWS's status.

    `message` is what AWS writes where it always writes the same. `members` are examples of those beside `message`.
    `streams` names the operations whose event stream models the error; in others it comes as a frame of type `error`.
    """

    name: str
    status: int
    message: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)
    streams: frozenset[str] = frozenset()

    @property
    def stream_name(self) -> str:
        """The name in the `:exception-type` of an event stream."""
        return self.name[:1].lower() + self.name[1:]


_INVOKE = frozenset({"InvokeModelWithResponseStream"})
_BOTH = _INVOKE | {"ConverseStream"}

_ERRORS = (
    ErrorShape("AccessDeniedException", 403, "You don't have access to the model with the specified model ID."),
    ErrorShape("ConflictException", 400),
    ErrorShape("FTUFormNotFilled", 404),
    ErrorShape("InternalServerException", 500, streams=_BOTH),
    ErrorShape("ModelErrorException", 424, members={"originalStatusCode": 500, "resourceName": "emulated-model"}),
    ErrorShape("ModelNotReadyException", 429, "Model is not ready for inference. Wait and try your request again."),
    ErrorShape(
        "ModelStreamErrorException",
        424,
        members={"originalStatusCode": 500, "originalMessage": "The model failed."},
        streams=_BOTH,
    ),
    ErrorShape(
        "ModelTimeoutException",
        408,
        "Model has timed out in processing the request. Try your request again.",
        streams=_INVOKE,
    ),
    ErrorShape("ResourceNotFoundException", 404),
    ErrorShape("ServiceQuotaExceededException", 400),
    ErrorShape("ServiceUnavailableException", 503, "Bedrock is unable to process your request.", streams=_BOTH),
    ErrorShape("ThrottlingException", 429, "Too many requests, please wait before trying again.", streams=_BOTH),
    ErrorShape("TooManyRequestsException", 429),
    ErrorShape("ValidationException", 400, streams=_BOTH),
    ErrorShape("overloaded_error", 529),
    ErrorShape("ExpiredToken", 403),
    ErrorShape("ExpiredTokenException", 403, "The security token included in the request is expired"),
    ErrorShape("IncompleteSignature", 400),
    ErrorShape("IncompleteSignatureException", 403),
    ErrorShape("InvalidClientTokenId", 403),
    ErrorShape("InvalidSignatureException", 403),
    ErrorShape("MissingAuthenticationToken", 403),
    ErrorShape("MissingAuthenticationTokenException", 403),
    ErrorShape("OptInRequired", 403),
    ErrorShape("RequestExpired", 400),
    ErrorShape("SignatureDoesNotMatch", 403),
    ErrorShape("UnknownOperationException", 404),
    ErrorShape("UnrecognizedClientException", 403, "The security token included in the request is invalid."),
)

ERRORS: Mapping[str, ErrorShape] = MappingProxyType({error.name: error for error in _ERRORS})


# How the models of Bedrock say that a request exceeds their context. AWS does not document it: these are the messages
# of public reports (anomalyco/opencode 44888 and 11450), of Anthropic's "Context windows", and of vLLM for open models.
_CONTEXT_OVERFLOW = re.compile(
    r"input is too long|prompt is too long|exceed(s|ed)? (the )?(model'?s? )?(maximum )?context"
    r"|maximum context length|input tokens exceeded|too many input tokens|exceeds? (the )?maximum (input )?length",
    re.I,
)


def is_context_overflow(name: str, message: str) -> bool:
    """Whether this error says that the request is longer than the model's context."""
    return name in ("ValidationException", "validationException") and bool(_CONTEXT_OVERFLOW.search(message))


# Bedrock writes the apostrophe of "isn't" as U+2019 here.
_NEEDS_PROFILE = "on-demand throughput isn"


def is_profile_needed(name: str, message: str) -> bool:
    """Whether this error says that a model can be called through an inference profile only."""
    return name in ("ValidationException", "validationException") and _NEEDS_PROFILE in message


def find_error(name: str) -> ErrorShape | None:
    """The error of that name, as HTTP spells it (`ThrottlingException`) or as streams do (`throttlingException`)."""
    return ERRORS.get(name) or ERRORS.get(name[:1].upper() + name[1:])
