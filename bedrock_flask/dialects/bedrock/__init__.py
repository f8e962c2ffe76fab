"""Bedrock's own API, for the AWS SDKs: bytes in are bytes out, event-stream frames included.

Source: the service model of bedrock-runtime in botocore; "Troubleshooting Amazon Bedrock API Error Codes" (AWS).
"""

import base64
import json
import re
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.errors import ERRORS, find_error
from bedrock_flask.bedrock.model_ids import is_prompt
from bedrock_flask.bedrock.operations import MODEL_ROUTES, OPERATIONS, STREAMING
from bedrock_flask.bodies import converse_body, count_tokens_body
from bedrock_flask.bodies.answers import ConverseAnswer, CountTokensAnswer
from bedrock_flask.call import Chunk
from bedrock_flask.converse import Request
from bedrock_flask.dialect import Dialect, ErrorResponse
from bedrock_flask.dialects.bedrock import account, catalogue, rerank, translated
from bedrock_flask.dialects.bedrock.operation_route import describe_operation_on_model
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import (
    BedrockError,
    CredentialsError,
    FieldError,
    GatewayError,
    InvalidBody,
    InvalidSignature,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
    UpstreamStalled,
    UpstreamTruncated,
)
from bedrock_flask.fields import find_faults
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline import counting
from bedrock_flask.pipeline.passthrough import own_content_type, pass_reply, pass_stream, write_reply
from bedrock_flask.pipeline.request import (
    find_native_faults,
    find_refused,
    make_call,
    parse_json,
    reject_faults,
    reject_native_faults,
    report_unknown,
    resolve_model,
    resolve_native_model,
    unknown_paths,
)
from bedrock_flask.pipeline.response import StreamFormat, add_gateway_headers
from bedrock_flask.protocol import eventstream
from bedrock_flask.wires import find_wire
from bedrock_flask.wires.completeness import OPAQUE

CONVERSE, COUNT = converse_body.Body(), count_tokens_body.Body()
SERVED_ON_MODELS = tuple(MODEL_ROUTES)


def invoke(exchange: Exchange, name: str) -> Response:
    """InvokeModel: the model's own body."""
    return _invoke(exchange, resolve_native_model(exchange, name), stream=False)


def invoke_with_response_stream(exchange: Exchange, name: str) -> Response:
    """InvokeModelWithResponseStream: the model's own chunks, in event-stream frames."""
    return _invoke(exchange, resolve_native_model(exchange, name), stream=True)


def converse(exchange: Exchange, name: str) -> Response:
    """Converse: the one format that most models take."""
    return _converse(exchange, resolve_native_model(exchange, name), stream=False)


def converse_stream(exchange: Exchange, name: str) -> Response:
    """ConverseStream: its events in event-stream frames."""
    return _converse(exchange, resolve_native_model(exchange, name), stream=True)


def count_tokens(exchange: Exchange, name: str) -> Response:
    """CountTokens: the tokens of a request that is not sent to the model."""
    data = read_body(exchange)
    body = parse_json(data)
    model = resolve_model(exchange, name)
    count = counting.count_tokens(exchange, model, data, lambda: _read_counted(model, body), explains=False)
    response = (
        write_reply(exchange, count.reply, own_content_type)
        if count.reply
        else make_json_response({"inputTokens": count.tokens})
    )
    return counting.add_count_headers(exchange, response, model, count)


def _read_counted(model: Model, body: Any) -> Request:
    """The request in a body of CountTokens, as a Converse request; one in an unknown format is a text."""
    reject_faults(find_faults(COUNT, body))
    source = body["input"]
    if "converse" in source:
        request: Request = {"messages": [], **source["converse"]}
        reject_faults(find_faults(CONVERSE, request))
        return request
    try:
        native = base64.b64decode(source["invokeModel"]["body"], validate=True)
    except ValueError:
        raise InvalidBody([FieldError("input.invokeModel.body", "must be base64")]) from None
    document = parse_json(native)
    model = model.for_body(document)
    read = find_wire(model.adapter).read_request
    if read is None or model.adapter.operation != "InvokeModel":
        return {"messages": [{"role": "user", "content": [{"json": document}]}]}
    reject_faults(model.adapter.find_faults(document))
    return read(document)


def _invoke(exchange: Exchange, model: Model, *, stream: bool) -> Response:
    data = read_body(exchange)
    if model.adapter.operation != "InvokeModel":
        # A family whose body no plugin knows, or one that has none but Converse's.
        return _pass_through(exchange, model, data, operation="InvokeModel", wire=OPAQUE.name, stream=stream)
    body = parse_json(data)
    model = model.for_body(body)
    faults = find_native_faults(model, body, stream=stream)
    reject_native_faults(exchange, model, body, find_refused(faults, model))
    report_unknown(exchange, faults)
    return _pass_through(exchange, model, data, operation="InvokeModel", wire=model.adapter.wire, stream=stream)


def _converse(exchange: Exchange, model: Model, *, stream: bool) -> Response:
    data = read_body(exchange)
    if not data and is_prompt(model.id):
        data = b"{}"
    body = parse_json(data)
    faults = find_faults(CONVERSE, body)
    if isinstance(body, dict) and "messages" not in body and (is_prompt(model.id) or "promptVariables" in body):
        # A managed prompt has its own messages.
        faults = [fault for fault in faults if fault.path != "messages"]
    reject_faults(faults, model)
    if other := translated.find_other(exchange, model):
        effort_field, unknown = model.capabilities.effort_field, unknown_paths(faults)
        return translated.respond(
            exchange, other, body, unknown, STREAM_FORMAT, effort_field=effort_field, stream=stream
        )
    report_unknown(exchange, faults)
    return _pass_through(exchange, model, data, operation="Converse", wire="converse", stream=stream)


def _pass_through(
    exchange: Exchange, model: Model, data: bytes, *, operation: str, wire: str, stream: bool
) -> Response:
    # Headers that AWS reads are forwarded under the same names.
    forward = ("accept", "content-type") if operation == "InvokeModel" and not stream else ()
    call = make_call(exchange, model, data, operation=operation, wire=wire, stream=stream, forward=forward)
    response = (
        pass_stream(exchange, call, _write_chunk, STREAM_FORMAT)
        if stream
        else pass_reply(exchange, call, own_content_type)
    )
    return add_gateway_headers(exchange, response, model)


def _write_chunk(chunk: Chunk) -> bytes:
    return chunk.frame


# --- errors -----------------------------------------------------------------------------------------------------------

# The gateway's own errors by AWS's names; an error that Bedrock answered with keeps its own.
_NAMES = MappingProxyType(
    {
        400: "ValidationException",
        401: "UnrecognizedClientException",
        402: "ServiceQuotaExceededException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        408: "ModelTimeoutException",
        409: "ConflictException",
        413: "RequestEntityTooLargeException",
        415: "UnsupportedMediaTypeException",
        429: "ThrottlingException",
        500: "InternalServerException",
        502: "ModelErrorException",
        503: "ServiceUnavailableException",
        504: "ModelTimeoutException",
    }
)
# The names whose status is AWS's, which differs from the gateway's.
_STATUSES = MappingProxyType(
    {
        name: ERRORS[name].status
        for name in (
            "ModelTimeoutException",
            "ModelErrorException",
            "UnrecognizedClientException",
            "ServiceQuotaExceededException",
        )
    }
)
# The exceptions that either operation's stream may end with; any other error is reported as the model's.
_IN_STREAMS = frozenset(error.stream_name for error in ERRORS.values() if error.streams >= {*STREAMING.values()})


def _name_error(error: GatewayError, *, has_key: bool = True) -> tuple[str, int]:
    """AWS's name of an error, and its status; `has_key` tells whether the request has an `Authorization` header."""
    if isinstance(error, InvalidSignature):
        return error.name, error.status
    if isinstance(error, NotFound | MethodNotAllowed):
        return "UnknownOperationException", error.status
    if isinstance(error, BedrockError) and error.code != CredentialsError.code and error.name:
        shape = find_error(error.name)
        # A frame of a stream has no status, and its name is that of a member.
        if error.http_status or shape:
            return shape.name if shape else error.name, error.http_status or (shape.status if shape else 500)
    if error.status == 502 and error.retryable:
        return _NAMES[503], 503
    if isinstance(error, Unauthenticated) and not has_key:
        return "MissingAuthenticationTokenException", 403
    name = _NAMES.get(error.status, "ValidationException" if error.status < 500 else "InternalServerException")
    return name, _STATUSES.get(name, error.status)


def render_error(error: GatewayError, exchange: Exchange) -> ErrorResponse:
    """The error as an answer of Bedrock's."""
    name, status = _name_error(error, has_key=exchange.has_header("authorization"))
    members = error.members if isinstance(error, BedrockError) else {}
    message = _describe_unserved(exchange) if isinstance(error, NotFound | MethodNotAllowed) else error.detail
    document = {**members, "message": message, "code": error.code}
    return ErrorResponse(status=status, document=document, headers={"x-amzn-errortype": name})


def _describe_unserved(exchange: Exchange) -> str:
    """What a client reads that calls an operation of AWS's without a route here."""
    served = ", ".join((*SERVED_ON_MODELS, *account.SERVED, *rerank.SERVED, *catalogue.SERVED))
    called = f"{exchange.method} {exchange.path[:200]}"
    return f"This gateway does not serve {called}. Of AWS's operations it serves {served}."


def _write_error_frame(error: GatewayError, request_id: str) -> bytes:
    """The frame that ends a stream: Bedrock's own where it sent one."""
    if isinstance(error, BedrockError) and error.frame and error.code != CredentialsError.code:
        return error.frame
    name, _ = _name_error(error)
    member = name[:1].lower() + name[1:]
    if _is_lost_connection(error):
        # The connection is at fault and not the model, so a client may try again.
        member = "internalServerException"
    elif member not in _IN_STREAMS:
        member = "modelStreamErrorException"
    return eventstream.encode(eventstream.exception(member, json.dumps({"message": error.detail}).encode()))


def _is_lost_connection(error: GatewayError) -> bool:
    return isinstance(error, UpstreamTruncated | UpstreamStalled)


def _breaks_off(error: GatewayError, exchange: Exchange) -> bool:
    """Whether the client loses its connection as the gateway has lost Bedrock's, which its SDK tells from an exception.

    Claude Code and opencode try again then, and take a frame with an exception for final. HTTP/1.0 has no way to tell a
    lost connection from the end.
    """
    return _is_lost_connection(error) and exchange.environ.get("SERVER_PROTOCOL") != "HTTP/1.0"


# The AWS SDKs do not skip a frame that means nothing, so a silence is not filled.
STREAM_FORMAT = StreamFormat(
    media_type=eventstream.MEDIA_TYPE, keepalive=b"", write_error=_write_error_frame, breaks_off=_breaks_off
)


# What the paths of AWS's operations begin with, those that are not served included.
_ERROR_PREFIXES = tuple(sorted({operation.path.partition("{")[0] for operation in OPERATIONS.values()}))

_SAMPLE = {"messages": [{"role": "user", "content": [{"text": "What is 2+2?"}]}]}
DIALECT = Dialect(
    title="Bedrock",
    mounts=("",),
    error_prefixes=_ERROR_PREFIXES,
    client_header="amz-sdk-invocation-id",
    render_error=render_error,
    routes=(
        describe_operation_on_model(
            "Converse", converse, body=converse_body.Body, answer=ConverseAnswer, sample=_SAMPLE
        ),
        describe_operation_on_model(
            "ConverseStream",
            converse_stream,
            body=converse_body.Body,
            stream=eventstream.MEDIA_TYPE,
            sample=_SAMPLE,
        ),
        describe_operation_on_model("InvokeModel", invoke),
        describe_operation_on_model(
            "InvokeModelWithResponseStream", invoke_with_response_stream, stream=eventstream.MEDIA_TYPE
        ),
        describe_operation_on_model("CountTokens", count_tokens, answer=CountTokensAnswer),
        *account.ROUTES,
        *rerank.ROUTES,
        *catalogue.ROUTES,
    ),
    request_headers=(re.compile(r"(x-amz-|amz-sdk-)[a-z0-9-]+\Z", re.I),),
    response_headers=("x-amzn-errortype",),
)
