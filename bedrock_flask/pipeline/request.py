"""How every dialect calls: the model that a request names, the call on behalf of whoever asked, what is told of it."""

import time
from collections.abc import Iterable
from typing import Any

from flask import Response, current_app, g, request

from bedrock_flask.call import Call, Reply, Stream
from bedrock_flask.errors import CallerError, FieldError, InvalidBody, MalformedBody
from bedrock_flask.models.models_file import DROP, ERROR
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.response import join_header
from bedrock_flask.protocol import json as strict
from bedrock_flask.state import state_of

POLICY = "x-bedrock-flask-unsupported"


def resolve_model(name: str) -> Model:
    """The model of that name, which the log then knows."""
    g.logged["model"] = name[:256]
    model = state_of(current_app).models.resolve(name)
    g.logged |= {"adapter": model.adapter.name, "model_id": model.id}
    return model


def parse_json(data: bytes) -> Any:
    """The value of strict JSON, or MalformedBody."""
    try:
        return strict.parse(data)
    except strict.MalformedJSON as error:
        raise MalformedBody(error.message, error.path) from None


def reject_faults(found: Iterable[FieldError]) -> list[str]:
    """The paths of unknown fields; any other fault is an InvalidBody."""
    faults = list(found)
    if known := [fault for fault in faults if not fault.unknown]:
        raise InvalidBody(known)
    return [fault.path for fault in faults]


def unsupported_policy(model: Model) -> str:
    """What becomes of what the model cannot take: said by the request, else by the alias, else by the key's setting."""
    said = request.headers.get(POLICY, "").strip().lower()
    if said and said not in (ERROR, DROP):
        raise CallerError(f"{POLICY} is '{ERROR}' or '{DROP}'.")
    kept = state_of(current_app).settings.drop_unsupported
    return said or model.unsupported or (DROP if g.key and g.key in kept else ERROR)


def make_call(
    model: Model,
    body: bytes,
    *,
    operation: str = "",
    wire: str = "",
    stream: bool = False,
    watched: bool = False,
    headers: Iterable[str] = (),
) -> Call:
    """A call on behalf of the request that is being answered; `watched`, its client is looked after."""
    state, told = state_of(current_app), {name.lower() for name in headers}
    return Call(
        adapter=model.adapter,
        operation=operation or model.adapter.operation,
        model=model.id,
        body=body,
        wire=wire,
        stream=stream,
        client=request.environ.get("gunicorn.socket") if watched else None,
        region=model.region,
        headers={
            name: value
            for name, value in request.headers.items()
            if name.lower().startswith("x-amzn-bedrock-") or name.lower() in told
        },
        request_id=g.request_id,
        caller=g.key,
        deadline=time.monotonic() + state.settings.deadline,
        account=g.account,
    )


def send(call: Call) -> Reply | Stream:
    """What Bedrock answers, past every guard."""
    return state_of(current_app).handler(call)


def add_gateway_headers(response: Response, model: Model, dropped: Iterable[str] = ()) -> Response:
    """The response with what every dialect says of a call in headers of the gateway's own."""
    response.headers["x-bedrock-flask-model"] = model.id
    response.headers["x-bedrock-flask-attempts"] = str(g.account.attempts)
    if names := list(dict.fromkeys(dropped)):
        g.logged["dropped"] = [name[:200] for name in names[:100]]
        response.headers["x-bedrock-flask-dropped"] = join_header(names)
    return response
