"""Which models a surface serves: those whose capabilities name it, by the ids that its endpoint knows, and no others.

The words of a refusal are those of live calls (aws-samples/sample-per-model-bedrock, August 2026) and, for a wrong
path, of "Responses API" (AWS user guide).
"""

from bedrock_flask.bedrock.model_ids import is_application_profile
from bedrock_flask.bedrock.surfaces import MANTLE, SURFACES, Surface
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.request import EmulatorRequest
from bedrock_flask.emulator.surfaces.protocols import MODEL_NOT_FOUND

_NOT_ON_RUNTIME = "The model doesn't exist or doesn't support this API. Retry your request with a different model ID."
_NO_APPLICATION_PROFILES = "Application inference profiles are not supported by this API."
# The surfaces of bedrock-mantle in each format: a model is served below one of two prefixes.
_MANTLE = tuple(surface for surface in SURFACES.values() if surface.endpoint == MANTLE)


def find_served(request: EmulatorRequest, surface: Surface) -> Capabilities:
    """The capabilities of the model that is called; an EmulatedError if the surface does not serve it.

    A lenient emulator also serves a model of which no surface is known.
    """
    _, capabilities = request.find_adapter()
    is_known = bool(capabilities.surfaces) or request.account.is_strict
    if surface.endpoint == MANTLE:
        _check_mantle(request, surface, capabilities.surfaces, is_known=is_known)
    else:
        _check_runtime(request, surface, capabilities.surfaces, is_known=is_known)
    return capabilities


def _check_mantle(request: EmulatorRequest, surface: Surface, served: tuple[str, ...], *, is_known: bool) -> None:
    model = request.model
    is_bare = request.registry.strip_profile_prefix(model) == model and not model.startswith("arn:")
    elsewhere = [each for each in _MANTLE if each.name in served and each is not surface]
    if not is_bare or (is_known and surface.name not in served and not elsewhere):
        raise EmulatedError("ResourceNotFoundException", f"The model '{model}' does not exist")
    if not is_known or surface.name in served:
        return
    if any(each.wire == surface.wire for each in elsewhere):
        raise validation_error(f"model `{model}` isn't supported on this route")
    raise validation_error(f"The model '{model}' does not support the '{surface.path}' API")


def _check_runtime(request: EmulatorRequest, surface: Surface, served: tuple[str, ...], *, is_known: bool) -> None:
    model = request.model
    if is_application_profile(model):
        raise validation_error(_NO_APPLICATION_PROFILES)
    if is_known and surface.name not in served:
        raise EmulatedError("ResourceNotFoundException", _NOT_ON_RUNTIME, code=MODEL_NOT_FOUND)
    known = request.registry.known_models.get(model)
    if known is not None and not known.on_demand:
        raise validation_error(
            f"Invocation of model ID {model} with on-demand throughput isn\N{RIGHT SINGLE QUOTATION MARK}t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this model."
        )
