"""The same wire on both sides: what Bedrock sends is passed to the client unchanged."""

import json
from collections.abc import Callable
from dataclasses import replace

from bedrock_flask.call import Call, Chunk, Reply
from bedrock_flask.converse import Json
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import JSON, Response
from bedrock_flask.pipeline.batches import write_batches
from bedrock_flask.pipeline.request import send, send_stream
from bedrock_flask.pipeline.response import StreamFormat, forwarded_headers, stream_response, usage_headers


def pass_reply(
    exchange: Exchange,
    call: Call,
    content_type: Callable[[Reply], str] = lambda reply: JSON,
    edit: Callable[[Json], Json] | None = None,
) -> Response:
    """The whole reply to a call, byte for byte, or as `edit` changes it."""
    reply = send(exchange, call)
    if edit is not None:
        reply = replace(reply, body=json.dumps(edit(reply.document)).encode())
    return write_reply(exchange, reply, content_type)


def write_reply(
    exchange: Exchange, reply: Reply, content_type: Callable[[Reply], str] = lambda reply: JSON
) -> Response:
    """A whole reply, byte for byte."""
    passed = {**usage_headers(exchange.record), **forwarded_headers(reply.headers)}
    return Response(reply.body, content_type=content_type(reply), headers=passed)


def own_content_type(reply: Reply) -> str:
    """The media type that Bedrock names: an answer of a model's own may be text or an image."""
    return reply.headers.get("content-type", JSON)


def pass_stream(
    exchange: Exchange,
    call: Call,
    write_chunk: Callable[[Chunk], bytes],
    stream_format: StreamFormat,
    *,
    write_end: Callable[[], bytes] = bytes,
) -> Response:
    """The stream that answers a call, each chunk as `write_chunk` writes it; `write_end` follows the last one."""
    stream = send_stream(exchange, call)
    parts = write_batches(stream.batches, write_chunk, write_end)
    return stream_response(exchange, parts, stream_format, forwarded_headers(stream.headers))
