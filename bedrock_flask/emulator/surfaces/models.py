"""bedrock-mantle's list of models: those that any of its surfaces serves, by whichever path.

Sources: "Responses API" (AWS user guide), Models API; live calls for its members and for the one path that has it
(aws-samples/sample-per-model-bedrock, August 2026).
"""

from datetime import UTC, datetime

from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.request import EmulatorRequest, encode_json
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.surfaces import protocols
from bedrock_flask.models.catalogue import FoundationModel

# Clients expect a time, which the plugins do not have.
_CREATED = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


def list_models(request: EmulatorRequest) -> EmulatorResponse:
    """The models."""
    listed = {"object": "list", "data": [_describe(model) for model in _find_models(request)]}
    return make_response(encode_json(listed), protocol=protocols.CHAT)


def retrieve_model(request: EmulatorRequest) -> EmulatorResponse:
    """One model."""
    identifier = request.labels["identifier"]
    found = next((model for model in _find_models(request) if model.id == identifier), None)
    if found is None:
        raise EmulatedError("ResourceNotFoundException", f"The model '{identifier}' does not exist")
    return make_response(encode_json(_describe(found)), protocol=protocols.CHAT)


def _find_models(request: EmulatorRequest) -> list[FoundationModel]:
    models = request.account.catalogue.models
    return [model for model in models if any(name.startswith("mantle/") for name in model.capabilities.surfaces)]


def _describe(model: FoundationModel) -> Json:
    return {
        "id": model.id,
        "object": "model",
        "created": _CREATED,
        "owned_by": model.id.partition(".")[0],
        "status": "available",
    }
