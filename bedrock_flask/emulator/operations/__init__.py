"""The operations that the emulator serves, of the runtime and of the control plane, each with its path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.emulator.calls.request import EmulatorRequest
from bedrock_flask.emulator.calls.response import EmulatorResponse
from bedrock_flask.emulator.operations import async_invokes, control_plane, counting, guardrails, inference

# The control plane is also served under this prefix, for clients that need two base URLs.
CONTROL_PREFIX = "/control"


@dataclass(frozen=True)
class Operation:
    """Method, path and function of an operation; path parameters have botocore's names, except `model`."""

    method: str
    path: str
    run: Callable[[EmulatorRequest], EmulatorResponse]
    control: bool = False


def run_operation(request: EmulatorRequest) -> EmulatorResponse:
    """Answer a request. EmulatedError if Bedrock would refuse it, CallerLeft if nobody waits any more."""
    return OPERATIONS[request.operation].run(request)


_RUNTIME = {
    "InvokeModel": Operation("POST", "/model/<path:model>/invoke", inference.invoke),
    "InvokeModelWithResponseStream": Operation(
        "POST", "/model/<path:model>/invoke-with-response-stream", inference.invoke_stream
    ),
    "Converse": Operation("POST", "/model/<path:model>/converse", inference.converse),
    "ConverseStream": Operation("POST", "/model/<path:model>/converse-stream", inference.converse_stream),
    "CountTokens": Operation("POST", "/model/<path:model>/count-tokens", counting.count_tokens),
    "ApplyGuardrail": Operation(
        "POST",
        "/guardrail/<path:guardrailIdentifier>/version/<guardrailVersion>/apply",
        guardrails.apply_guardrail,
    ),
    "InvokeGuardrailChecks": Operation("POST", "/guardrail-checks/invoke", guardrails.invoke_guardrail_checks),
    "StartAsyncInvoke": Operation("POST", "/async-invoke", async_invokes.start_async_invoke),
    "ListAsyncInvokes": Operation("GET", "/async-invoke", async_invokes.list_async_invokes),
    "GetAsyncInvoke": Operation("GET", "/async-invoke/<path:invocationArn>", async_invokes.get_async_invoke),
}

_CONTROL = {
    "ListFoundationModels": Operation("GET", "/foundation-models", control_plane.list_foundation_models, True),
    "GetFoundationModel": Operation(
        "GET", "/foundation-models/<path:modelIdentifier>", control_plane.get_foundation_model, True
    ),
    "GetFoundationModelAvailability": Operation(
        "GET",
        "/foundation-model-availability/<path:modelId>",
        control_plane.get_foundation_model_availability,
        True,
    ),
    "ListInferenceProfiles": Operation("GET", "/inference-profiles", control_plane.list_inference_profiles, True),
    "GetInferenceProfile": Operation(
        "GET",
        "/inference-profiles/<path:inferenceProfileIdentifier>",
        control_plane.get_inference_profile,
        True,
    ),
}

OPERATIONS: Mapping[str, Operation] = MappingProxyType({**_RUNTIME, **_CONTROL})
