"""The operations that the emulator serves, of the runtimes and of the control plane: those of `bedrock.operations`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.bedrock import operations
from bedrock_flask.emulator.calls.request import EmulatorRequest
from bedrock_flask.emulator.calls.response import EmulatorResponse
from bedrock_flask.emulator.operations import async_invokes, control_plane, counting, guardrails, inference, rerank

# The control plane is also served under this prefix, for clients that need two base URLs.
CONTROL_PREFIX = "/control"

_Function = Callable[[EmulatorRequest], EmulatorResponse]


@dataclass(frozen=True)
class Operation:
    """Method, path and function of an operation; path parameters have AWS's names, except `model`."""

    method: str
    path: str
    run: _Function
    control: bool = False


def run_operation(request: EmulatorRequest) -> EmulatorResponse:
    """Answer a request. EmulatedError if Bedrock would refuse it, CallerLeft if nobody waits any more."""
    return OPERATIONS[request.operation].run(request)


def _make_operation(operation: operations.Operation, run: _Function) -> Operation:
    path = operation.path.replace(operations.MODEL_PATH, "/model/<path:model>").replace(
        "{guardrailVersion}", "<guardrailVersion>"
    )
    # Ids and ARNs may hold slashes.
    path = re.sub(r"\{(\w+)\}", r"<path:\1>", path)
    return Operation(operation.method, path, run, control=operation.service == operations.CONTROL)


_FUNCTIONS: Mapping[str, _Function] = MappingProxyType(
    {
        "InvokeModel": inference.invoke,
        "InvokeModelWithResponseStream": inference.invoke_stream,
        "Converse": inference.converse,
        "ConverseStream": inference.converse_stream,
        "CountTokens": counting.count_tokens,
        "ApplyGuardrail": guardrails.apply_guardrail,
        "InvokeGuardrailChecks": guardrails.invoke_guardrail_checks,
        "StartAsyncInvoke": async_invokes.start_async_invoke,
        "ListAsyncInvokes": async_invokes.list_async_invokes,
        "GetAsyncInvoke": async_invokes.get_async_invoke,
        "Rerank": rerank.rerank,
        "ListFoundationModels": control_plane.list_foundation_models,
        "GetFoundationModel": control_plane.get_foundation_model,
        "GetFoundationModelAvailability": control_plane.get_foundation_model_availability,
        "ListInferenceProfiles": control_plane.list_inference_profiles,
        "GetInferenceProfile": control_plane.get_inference_profile,
    }
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {name: _make_operation(operation, _FUNCTIONS[name]) for name, operation in operations.OPERATIONS.items()}
)
