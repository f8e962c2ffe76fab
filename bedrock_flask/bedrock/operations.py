"""The operations of Amazon Bedrock that the gateway calls or the emulator answers: address, permission, streaming twin.

Sources: botocore's service models of these services (a test compares them); AWS service authorization
reference for Amazon Bedrock; AWS API reference, Converse, ConverseStream and StartAsyncInvoke for their permissions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import quote

RUNTIME, CONTROL, AGENTS = "bedrock-runtime", "bedrock", "bedrock-agent-runtime"
# What the path of every operation on one model begins with.
MODEL_PATH = "/model/{modelId}"


@dataclass(frozen=True)
class Operation:
    """One operation of AWS; `path` is a template with the names of its labels.

    `action` is the IAM action that allows it, or "" where AWS documents none. `streaming` is the operation that gives
    the same answer as a stream.
    """

    service: str
    name: str
    method: str
    path: str
    action: str
    streaming: str = ""

    def build_path(self, labels: Mapping[str, str]) -> str:
        """The path with the values of its labels, each percent-encoded whole: an ARN has slashes and colons."""
        return self.path.format_map({name: _quote(value) for name, value in labels.items()})


# Most calls are of a few models.
@lru_cache(maxsize=1024)
def _quote(value: str) -> str:
    return quote(value, safe="")


_OPERATIONS = (
    Operation(
        RUNTIME,
        "InvokeModel",
        "POST",
        f"{MODEL_PATH}/invoke",
        "bedrock:InvokeModel",
        streaming="InvokeModelWithResponseStream",
    ),
    Operation(
        RUNTIME,
        "InvokeModelWithResponseStream",
        "POST",
        f"{MODEL_PATH}/invoke-with-response-stream",
        "bedrock:InvokeModelWithResponseStream",
    ),
    # Converse has no action: it is allowed, and denied, with InvokeModel.
    Operation(RUNTIME, "Converse", "POST", f"{MODEL_PATH}/converse", "bedrock:InvokeModel", streaming="ConverseStream"),
    Operation(
        RUNTIME, "ConverseStream", "POST", f"{MODEL_PATH}/converse-stream", "bedrock:InvokeModelWithResponseStream"
    ),
    Operation(RUNTIME, "CountTokens", "POST", f"{MODEL_PATH}/count-tokens", "bedrock:CountTokens"),
    Operation(
        RUNTIME,
        "ApplyGuardrail",
        "POST",
        "/guardrail/{guardrailIdentifier}/version/{guardrailVersion}/apply",
        "bedrock:ApplyGuardrail",
    ),
    Operation(RUNTIME, "InvokeGuardrailChecks", "POST", "/guardrail-checks/invoke", ""),
    Operation(RUNTIME, "StartAsyncInvoke", "POST", "/async-invoke", "bedrock:InvokeModel"),
    Operation(RUNTIME, "ListAsyncInvokes", "GET", "/async-invoke", "bedrock:ListAsyncInvokes"),
    Operation(RUNTIME, "GetAsyncInvoke", "GET", "/async-invoke/{invocationArn}", "bedrock:GetAsyncInvoke"),
    Operation(AGENTS, "Rerank", "POST", "/rerank", "bedrock:Rerank"),
    Operation(CONTROL, "ListFoundationModels", "GET", "/foundation-models", "bedrock:ListFoundationModels"),
    Operation(
        CONTROL, "GetFoundationModel", "GET", "/foundation-models/{modelIdentifier}", "bedrock:GetFoundationModel"
    ),
    Operation(
        CONTROL,
        "GetFoundationModelAvailability",
        "GET",
        "/foundation-model-availability/{modelId}",
        "bedrock:GetFoundationModelAvailability",
    ),
    Operation(CONTROL, "ListInferenceProfiles", "GET", "/inference-profiles", "bedrock:ListInferenceProfiles"),
    Operation(
        CONTROL,
        "GetInferenceProfile",
        "GET",
        "/inference-profiles/{inferenceProfileIdentifier}",
        "bedrock:GetInferenceProfile",
    ),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _OPERATIONS})
# The operation that answers later, in S3.
ASYNC = "StartAsyncInvoke"
# The streaming twin of each operation that has one.
STREAMING: Mapping[str, str] = MappingProxyType(
    {operation.name: operation.streaming for operation in _OPERATIONS if operation.streaming}
)
# What each operation on one model adds to the path of the model: `/converse-stream`.
MODEL_ROUTES: Mapping[str, str] = MappingProxyType(
    {
        operation.name: operation.path.removeprefix(MODEL_PATH)
        for operation in _OPERATIONS
        if operation.path.startswith(MODEL_PATH)
    }
)
