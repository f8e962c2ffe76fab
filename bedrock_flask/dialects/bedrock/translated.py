"""Converse for a model that AWS serves by OpenAI's or Anthropic's formats alone, as bedrock-mantle does."""

import time
from collections.abc import Collection

from bedrock_flask.bedrock.surfaces import SURFACES
from bedrock_flask.converse import Event, Json, member
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.models.resolver import Model
from bedrock_flask.models.surfaces import CONVERSE
from bedrock_flask.pipeline.response import StreamFormat
from bedrock_flask.pipeline.surfaces import serve
from bedrock_flask.pipeline.translated import ResponseFormat, respond_via_converse
from bedrock_flask.protocol import eventstream
from bedrock_flask.protocol.json import write
from bedrock_flask.protocol.json_path import copy_without, parse_path
from bedrock_flask.wires.converse import WIRE, open_writer

_OWN = "additionalModelRequestFields"


def find_other(exchange: Exchange, model: Model) -> Model | None:
    """The model as another surface has it, if Converse does not serve it."""
    if model.surfaces is None or CONVERSE in model.surfaces:
        return None
    served = serve(exchange, model, WIRE.name)
    return served if served.adapter.operation in SURFACES else None


def respond(
    exchange: Exchange,
    model: Model,
    body: Json,
    unknown: Collection[str],
    stream_format: StreamFormat,
    *,
    effort_field: str,
    stream: bool,
) -> Response:
    """The response to a body of Converse's; `effort_field` is where the model's family has the effort in it."""
    body = _take_effort(copy_without(body, map(parse_path, unknown)), effort_field)
    return respond_via_converse(exchange, model, body, _make_format(stream_format), stream=stream, unknown=unknown)


def _take_effort(body: Json, effort_field: str) -> Json:
    """The body with the effort where every format finds it."""
    path = parse_path(effort_field)
    effort = member(body, *map(str, path))
    if effort is None or path[:1] != (_OWN,):
        return body
    # With the object around it, which holds nothing else.
    inner = path[:-1] if len(path) > 2 and len(member(body, *map(str, path[:-1]))) == 1 else path
    return {**copy_without(body, [inner]), "extras": {"effort": effort}}


def _make_format(stream_format: StreamFormat) -> ResponseFormat:
    begun = time.monotonic()

    def measure() -> Json:
        return {"metrics": {"latencyMs": round(1000 * (time.monotonic() - begun))}}

    def write_event(event: Event) -> bytes:
        [(kind, payload)] = event.items()
        if kind == "metadata":
            payload = {**payload, **measure()}
        return eventstream.encode(eventstream.event(kind, write(payload)))

    return ResponseFormat(
        wire=WIRE,
        write_reply=lambda response, model_id: {**response, **measure()},
        open_writer=open_writer,
        write_event=write_event,
        # No chunk is written as a text alone.
        write_text=bytes,
        stream_format=stream_format,
    )
