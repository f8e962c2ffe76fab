"""The operations that the emulator serves, of the runtime and of the control plane, each with its address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.emulator.calls.delivery import Answer
from bedrock_flask.emulator.calls.request import Asked
from bedrock_flask.emulator.operations import async_invokes, control_plane, counting, guardrails, inference

# Below it the control plane is found too, for clients that are given two base URLs.
CONTROL = "/control"


@dataclass(frozen=True)
class Operation:
    """Where an operation is found, and what answers it; the names in the path are botocore's, but for `model`."""

    method: str
    path: str
    answer: Callable[[Asked], Answer]
    control: bool = False


def answer(asked: Asked) -> Answer:
    """The answer to a call. Refusal for what Bedrock would refuse, CallerLeft when nobody waits for it any more."""
    return OPERATIONS[asked.operation].answer(asked)


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
