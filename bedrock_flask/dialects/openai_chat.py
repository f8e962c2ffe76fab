"""OpenAI's chat completions, for every chat model.

Source: OpenAI's API reference; the types of the `openai` package. `GET /v1/models` is one of the native routes.
"""

import json
import re
from functools import lru_cache, partial
from typing import Any

from bedrock_flask.bedrock.surfaces import SURFACES
from bedrock_flask.bodies import openai_chat_body
from bedrock_flask.bodies.answers import ChatAnswer
from bedrock_flask.call import CallRecord, Chunk
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.limit_headers import OPENAI_HEADERS, write_openai
from bedrock_flask.edge.response import Response
from bedrock_flask.fields import find_faults
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.caching import read_openai_wish
from bedrock_flask.pipeline.own_format import OwnFormat, edit_for_surface
from bedrock_flask.pipeline.passthrough import pass_reply, pass_stream
from bedrock_flask.pipeline.request import (
    make_call,
    parse_json,
    reject_faults,
    report_unknown,
    take_safeguards,
    unknown_paths,
)
from bedrock_flask.pipeline.response import StreamFormat, add_gateway_headers
from bedrock_flask.pipeline.surfaces import resolve_after
from bedrock_flask.pipeline.translated import ResponseFormat, respond_via_converse
from bedrock_flask.pipeline.web_images import take_images
from bedrock_flask.protocol import envelope, sse
from bedrock_flask.wires import openai_chat
from bedrock_flask.wires.openai_errors import error_document
from bedrock_flask.wires.reading.openai_hints import find_wanted

WIRE = openai_chat.WIRE
SCHEMA = openai_chat_body.Body()
DONE = sse.encode("[DONE]")
# Members of the envelope, which Bedrock takes elsewhere or not at all.
_ENVELOPE = ("model", "stream", "stream_options")


def create_chat_completion(exchange: Exchange) -> Response:
    """Write the next turn of a conversation."""
    data = read_body(exchange)
    data, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(SCHEMA, body)
    model, stream = resolve_after(exchange, body, faults, WIRE.name), bool(body.get("stream"))
    data, body = take_images(exchange, model, data, body)
    if WIRE.name in model.adapter.speaks and (model.capabilities.streaming or not stream):
        return _pass_through(exchange, model, data.decode(), body, stream=stream)
    return respond_via_converse(
        exchange,
        model,
        body,
        _make_response_format(openai_chat.find_custom_tools(body), with_usage=_wants_usage(body)),
        stream=stream,
        unknown=find_wanted(body, unknown_paths(faults)),
        cache_wish=read_openai_wish(body),
    )


def _wants_usage(body: Any) -> bool:
    return bool((body.get("stream_options") or {}).get("include_usage"))


# --- a model with this wire -------------------------------------------------------------------------------------------


def _pass_through(exchange: Exchange, model: Model, text: str, body: Any, *, stream: bool) -> Response:
    """The answer of a model whose own body this is: the text is sent as it came, except for the envelope."""
    faults = model.adapter.find_faults({name: value for name, value in body.items() if name not in _ENVELOPE})
    reject_faults(faults, model)
    report_unknown(exchange, faults)
    operation = model.adapter.speaks[WIRE.name]
    edited = OwnFormat(text)
    if operation in SURFACES:
        edited = edit_for_surface(exchange, model, WIRE.name, text, body)
    call = make_call(
        exchange,
        model,
        envelope.splice(edited.text, _ENVELOPE, {}).encode(),
        operation=operation,
        wire=WIRE.name,
        stream=stream,
    )
    if not stream:
        return add_gateway_headers(exchange, pass_reply(exchange, call), model, edited.dropped)
    end = _StreamEnd(exchange.record, with_usage=_wants_usage(body))
    response = pass_stream(exchange, call, end.write_chunk, STREAM_FORMAT, write_end=end.write)
    return add_gateway_headers(exchange, response, model, edited.dropped)


class _StreamEnd:
    """What follows the last chunk: the usage, if the client wants it and the model has not sent it, and `[DONE]`."""

    def __init__(self, record: CallRecord, *, with_usage: bool) -> None:
        self.record, self.with_usage = record, with_usage
        self.last: Any = {}

    def write_chunk(self, chunk: Chunk) -> bytes:
        """The chunk as an event; it may be the last one. Usage alone is for a client that wants it."""
        self.last = chunk.document
        if not self.with_usage and self.last.get("choices") == [] and self.last.get("usage"):
            return b""
        return sse.encode_json_text(chunk.data)

    def write(self) -> bytes:
        """The events after the last chunk."""
        if not self.with_usage or self.last.get("usage"):
            return DONE
        usage = self.record.usage
        read = (usage.input or 0) + (usage.cache_read or 0) + (usage.cache_write or 0)
        written = usage.output or 0
        counts = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        return sse.encode_json({**self.last, "choices": [], "usage": counts}) + DONE


# --- formats ----------------------------------------------------------------------------------------------------------


# Most requests have the same one.
@lru_cache(maxsize=256)
def _make_response_format(custom: frozenset[str], *, with_usage: bool) -> ResponseFormat:
    """The format of the answers to a request with these custom tools, which decide how calls are written."""
    return ResponseFormat(
        wire=WIRE,
        write_reply=partial(openai_chat.write_reply, custom=custom),
        open_writer=partial(openai_chat.open_writer, custom=custom, with_usage=with_usage),
        write_event=sse.encode_json,
        write_text=sse.encode_line,
        stream_format=STREAM_FORMAT,
        end=DONE,
    )


STREAM_FORMAT = StreamFormat(
    media_type=sse.MEDIA_TYPE,
    keepalive=sse.comment("still here"),
    write_error=lambda error, request_id: sse.encode(json.dumps(error_document(error, request_id))),
)

DIALECT = Dialect(
    title="OpenAI",
    # AWS's own endpoint for OpenAI's API has its routes below the second path.
    mounts=("/v1", "/openai/v1"),
    error_prefixes=("/v1/", "/openai/"),
    render_error=render_as(error_document),
    write_levels=write_openai,
    routes=(
        Route(
            path="/chat/completions",
            respond=create_chat_completion,
            summary="Chat completions",
            body=openai_chat_body.Body,
            answer=ChatAnswer,
            stream=sse.MEDIA_TYPE,
            sample={"model": "nova", "messages": [{"role": "user", "content": "What is 2+2?"}]},
        ),
    ),
    request_headers=(re.compile(r"(openai-|x-stainless-)[a-z0-9-]+\Z", re.I),),
    response_headers=OPENAI_HEADERS,
)
