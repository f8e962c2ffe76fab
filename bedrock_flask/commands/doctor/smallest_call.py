"""The call that costs least, by the surface that serves a model."""

import json

from bedrock_flask.bedrock.surfaces import SURFACES
from bedrock_flask.call import Call
from bedrock_flask.converse import Request
from bedrock_flask.models.models_file import DROP
from bedrock_flask.models.resolver import Model
from bedrock_flask.models.surfaces import Way
from bedrock_flask.translation.address_body import Addressed, address_body
from bedrock_flask.translation.request import build_bedrock_request, is_conversable

# The smallest request; a model that writes at least some tokens gets that limit.
_SMALLEST_REQUEST: Request = {
    "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
    "inferenceConfig": {"maxTokens": 1},
}


def choose_way(model: Model) -> Way | None:
    """How a model is called for least: in its own body only if there is no other way; None if its adapter says how."""
    if model.surfaces is None:
        return None
    others = (way for way in model.ways if way.operation != "InvokeModel")
    return next(others, None) or next(iter(model.ways), None)


def make_smallest_call(model: Model, deadline: float) -> Call:
    """The cheapest call: one token, or the adapter's sample if the model does not converse."""
    way = choose_way(model)
    served = model.serve_by(way) if way else model
    operation, wire, body = served.adapter.operation, "", json.dumps(dict(served.adapter.sample)).encode()
    if model.capabilities.output == "text" and is_conversable(served):
        prepared = build_bedrock_request(served, _SMALLEST_REQUEST, hints=(), policy=DROP)
        operation, wire, body = prepared.operation, prepared.wire, prepared.body
    surface = SURFACES.get(operation)
    addressed = address_body(surface, body, model.id, stream=False) if surface else Addressed(body)
    return Call(
        adapter=served.adapter,
        operation=operation,
        wire=wire,
        model=model.id,
        body=addressed.body,
        headers=addressed.headers,
        region=model.region,
        request_id="doctor",
        deadline=deadline,
    )
