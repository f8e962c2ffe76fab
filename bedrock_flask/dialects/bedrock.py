"""Bedrock's own API, for the AWS SDKs: bytes in are bytes out, event-stream frames included.

Source: the service model of bedrock-runtime in botocore; "Troubleshooting Amazon Bedrock API Error Codes" (AWS).
"""

import json
from collections.abc import Generator
from contextlib import closing
from types import MappingProxyType

from flask import Blueprint, Flask, Response, g, request

from bedrock_flask import edge
from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.bodies import converse_body
from bedrock_flask.call import IDLE, Idle, Reply, Stream
from bedrock_flask.edge import ErrorResponse, with_renderer
from bedrock_flask.errors import BedrockError, GatewayError, InvalidSignature, Unauthenticated
from bedrock_flask.fields import find_faults
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.request import (
    add_gateway_headers,
    make_call,
    parse_json,
    reject_faults,
    resolve_model,
    send,
)
from bedrock_flask.pipeline.response import StreamFormat, forwarded_headers, stream_response, usage_headers
from bedrock_flask.protocol import eventstream

blueprint = Blueprint("bedrock", __name__, url_prefix="/model")

OPAQUE = "opaque"


def with_bedrock(app: Flask) -> Flask:
    """The routes under `/model`."""
    app.register_blueprint(blueprint)
    return with_renderer(app, rendered, "/model/")


@blueprint.post("/<path:name>/invoke")
def invoke(name: str) -> Response:
    """InvokeModel: the model's own body."""
    return _invoke(resolve_model(name), stream=False)


@blueprint.post("/<path:name>/invoke-with-response-stream")
def invoke_with_response_stream(name: str) -> Response:
    """InvokeModelWithResponseStream: the model's own chunks, in event-stream frames."""
    return _invoke(resolve_model(name), stream=True)


@blueprint.post("/<path:name>/converse")
def converse(name: str) -> Response:
    """Converse: the one format that most models take."""
    return _converse(resolve_model(name), stream=False)


@blueprint.post("/<path:name>/converse-stream")
def converse_stream(name: str) -> Response:
    """ConverseStream: its events in event-stream frames."""
    return _converse(resolve_model(name), stream=True)


@blueprint.post("/<path:name>/count-tokens")
def count_tokens(name: str) -> Response:
    """CountTokens: the tokens of a request that is not sent to the model."""
    data = edge.read_body()
    parse_json(data)
    return _passed(resolve_model(name), data, operation="CountTokens", wire="count_tokens", stream=False)


def _invoke(model: Model, *, stream: bool) -> Response:
    data, adapter = edge.read_body(), model.adapter
    if adapter.operation != "InvokeModel":
        # A family that no plugin knows the body of.
        return _passed(model, data, operation="InvokeModel", wire=OPAQUE, stream=stream)
    with isolate_plugin_errors(adapter):
        found = adapter.find_faults(parse_json(data))
    reject_faults(found)
    return _passed(model, data, operation="InvokeModel", wire=adapter.wire, stream=stream)


def _converse(model: Model, *, stream: bool) -> Response:
    data = edge.read_body()
    body = parse_json(data)
    found = find_faults(converse_body.Body(), body)
    if isinstance(body, dict) and "promptVariables" in body and "messages" not in body:
        # A managed prompt brings its own messages.
        found = [fault for fault in found if fault.path != "messages"]
    reject_faults(found)
    return _passed(model, data, operation="Converse", wire="converse", stream=stream)


def _passed(model: Model, data: bytes, *, operation: str, wire: str, stream: bool) -> Response:
    # What AWS takes as headers goes along under their own names.
    call = make_call(
        model,
        data,
        operation=operation,
        wire=wire,
        stream=stream,
        watched=stream,
        headers=("accept", "content-type") if operation == "InvokeModel" and not stream else (),
    )
    reply = send(call)
    return add_gateway_headers(_frames(reply) if isinstance(reply, Stream) else _whole(reply), model)


def _whole(reply: Reply) -> Response:
    headers = {**usage_headers(g.account), **forwarded_headers(reply.headers)}
    kind = reply.headers.get("content-type", "application/json")
    return Response(reply.body, content_type=kind, headers=headers)


def _frames(stream: Stream) -> Response:
    voice = StreamFormat(media_type=eventstream.MEDIA_TYPE, keepalive=b"", error=_exception)
    return stream_response(_as_they_came(stream), voice, forwarded_headers(stream.headers))


def _as_they_came(stream: Stream) -> Generator[bytes | Idle]:
    with closing(stream.chunks) as chunks:
        for chunk in chunks:
            yield chunk if chunk is IDLE else chunk.frame


# --- errors -----------------------------------------------------------------------------------------------------------

# The gateway's own errors in AWS's words; a refusal of Bedrock's keeps its own.
_NAMES = MappingProxyType(
    {
        400: "ValidationException",
        401: "UnrecognizedClientException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        405: "UnknownOperationException",
        408: "ModelTimeoutException",
        413: "RequestEntityTooLargeException",
        415: "UnsupportedMediaTypeException",
        429: "ThrottlingException",
        500: "InternalServerException",
        502: "ModelErrorException",
        503: "ServiceUnavailableException",
        504: "ModelTimeoutException",
    }
)
# The status that AWS answers each of them with, where it is not the gateway's.
_STATUSES = MappingProxyType(
    {"ModelTimeoutException": 408, "ModelErrorException": 424, "UnrecognizedClientException": 403}
)
# What a stream of either operation may end with; any other error is told as the model's.
_IN_STREAMS = frozenset(
    {"internalServerException", "modelStreamErrorException", "throttlingException", "validationException"}
    | {"serviceUnavailableException"}
)


def _said(error: GatewayError) -> tuple[str, int]:
    """AWS's name of an error, and its status."""
    if isinstance(error, InvalidSignature):
        return error.name, error.status
    if isinstance(error, BedrockError) and error.code != "gateway_credentials" and error.http_status and error.name:
        return error.name, error.http_status
    if error.status == 502 and error.retryable:
        return _NAMES[503], 503
    if isinstance(error, Unauthenticated) and "authorization" not in request.headers:
        return "MissingAuthenticationTokenException", 403
    name = _NAMES.get(error.status, "ValidationException" if error.status < 500 else "InternalServerException")
    return name, _STATUSES.get(name, error.status)


def rendered(error: GatewayError, request_id: str) -> ErrorResponse:
    """The error as an answer of Bedrock's."""
    name, status = _said(error)
    return ErrorResponse(
        status=status, document={"message": error.detail, "code": error.code}, headers={"x-amzn-errortype": name}
    )


def _exception(error: GatewayError, request_id: str) -> bytes:
    """The frame that ends a stream: Bedrock's own where it sent one."""
    if isinstance(error, BedrockError) and error.frame and error.code != "gateway_credentials":
        return error.frame
    name, _ = _said(error)
    member = name[:1].lower() + name[1:]
    if member not in _IN_STREAMS:
        member = "modelStreamErrorException"
    return eventstream.encode(eventstream.exception(member, json.dumps({"message": error.detail}).encode()))
