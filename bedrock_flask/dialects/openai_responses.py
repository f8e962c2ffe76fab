"""OpenAI's responses, for every chat model; nothing is stored, so each request brings its whole history.

Source: OpenAI's API reference; the types of the `openai` package.
"""

import json
import re
from functools import partial
from typing import Any

from bedrock_flask.bedrock.surfaces import SURFACES, Surface
from bedrock_flask.bodies import openai_responses_body
from bedrock_flask.bodies.answers import InputTokens, ResponseAnswer
from bedrock_flask.call import Chunk
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.limit_headers import write_openai
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import FieldError, GatewayError, InvalidBody, UpstreamProtocolError
from bedrock_flask.fields import find_faults
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline import counting
from bedrock_flask.pipeline.caching import read_openai_wish
from bedrock_flask.pipeline.own_format import edit_for_surface
from bedrock_flask.pipeline.passthrough import pass_reply, pass_stream
from bedrock_flask.pipeline.request import (
    make_call,
    parse_json,
    reject_faults,
    report_unknown,
    resolve_model,
    take_safeguards,
    unknown_paths,
)
from bedrock_flask.pipeline.response import StreamFormat, add_gateway_headers
from bedrock_flask.pipeline.surfaces import resolve_after, serve
from bedrock_flask.pipeline.translated import ResponseFormat, prepare_request, respond_via_converse
from bedrock_flask.pipeline.web_images import take_images
from bedrock_flask.protocol import envelope, sse
from bedrock_flask.protocol.json_items import remove_items
from bedrock_flask.translation.server_tools import find_hosted_tools
from bedrock_flask.wires import openai_responses
from bedrock_flask.wires.openai_errors import error_document, write_error, write_response_error
from bedrock_flask.wires.reading.openai_hints import find_wanted

WIRE, ENCRYPTED = openai_responses.WIRE, openai_responses.ENCRYPTED
# The name of an event.
_KIND = re.compile(r"[\w.]+", re.ASCII)
SCHEMA, INPUT_TOKENS = openai_responses_body.Body(), openai_responses_body.InputTokensBody()


def create_response(exchange: Exchange) -> Response:
    """Write a response."""
    data = read_body(exchange)
    data, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(SCHEMA, body)
    model, stream = resolve_after(exchange, body, faults, WIRE.name), bool(body.get("stream"))
    data, body = take_images(exchange, model, data, body)
    surface = SURFACES.get(model.adapter.speaks.get(WIRE.name, ""))
    if surface and (model.capabilities.streaming or not stream):
        report_unknown(exchange, faults)
        return _pass_through(exchange, model, surface, data.decode(), body, stream=stream)
    return respond_via_converse(
        exchange,
        model,
        body,
        _make_response_format(body),
        stream=stream,
        unknown=find_wanted(body, unknown_paths(faults)),
        cache_wish=read_openai_wish(body),
    )


def count_input_tokens(exchange: Exchange) -> Response:
    """Count the tokens of a request, as Bedrock counts them, or estimate them if the caller asks for that."""
    data = read_body(exchange)
    _, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(INPUT_TOKENS, body)
    reject_faults(faults)
    named = resolve_model(exchange, body["model"])
    counter = counting.find_counter(exchange, named)
    model = counting.serve_by_counter(named, counter) if counter else serve(exchange, named, WIRE.name)
    body = {**body, "input": body.get("input") or []}
    prepared = prepare_request(exchange, model, body, openai_responses.WIRE, unknown_paths(faults))
    payload = prepared.body if counter else counting.make_converse_payload(prepared)
    count = counting.count_tokens(
        exchange, model, payload, lambda: openai_responses.read_request(body), counter=counter
    )
    response = make_json_response({"object": "response.input_tokens", "input_tokens": count.tokens})
    return counting.add_count_headers(exchange, response, model, count, prepared.dropped, prepared.translated)


# --- a model with this wire -------------------------------------------------------------------------------------------


def _pass_through(
    exchange: Exchange, model: Model, surface: Surface, text: str, body: Any, *, stream: bool
) -> Response:
    """The answer of a surface of this API: the text is sent as it came, except for its envelope.

    Nothing is stored, so reasoning is asked for in the form in which it can be sent back. Tools that run on servers
    which the surface does not have are left out, or refused if the request needs one.
    """
    if stored := [FieldError(path, reason) for path, reason in openai_responses.find_stored(body)]:
        raise InvalidBody(stored)
    hosted = find_hosted_tools(body, surface.hosted_tools)
    edited = edit_for_surface(exchange, model, WIRE.name, text, body)
    text = remove_items(edited.text, "tools", hosted) if hosted else edited.text
    include = body.get("include") or []
    if model.capabilities.reasoning and body.get("store") is not False and ENCRYPTED not in include:
        text = envelope.splice(text, (), {"include": json.dumps([*include, ENCRYPTED])})
    call = make_call(exchange, model, text.encode(), operation=surface.name, wire=WIRE.name, stream=stream)
    if stream:
        written = _Written(body["model"], {})
        response = pass_stream(exchange, call, written.pass_chunk, _make_stream_format(written))
    else:
        response = pass_reply(exchange, call)
    return add_gateway_headers(exchange, response, model, [*edited.dropped, *(f"tools[{index}]" for index in hosted)])


# --- formats ----------------------------------------------------------------------------------------------------------


def _make_response_format(body: Any) -> ResponseFormat:
    """The format of the answers to one request: its tools decide how calls are written."""
    written = _Written(body["model"], (body.get("text") or {}).get("format") or {"type": "text"})
    tools: dict[str, Any] = {
        "custom": openai_responses.find_custom_tools(body),
        "namespaced": openai_responses.find_namespaced_tools(body),
        "searches": openai_responses.has_tool_search(body),
    }
    return ResponseFormat(
        wire=openai_responses.WIRE,
        write_reply=lambda response, model: written.echo_format(openai_responses.write_reply(response, model, **tools)),
        open_writer=partial(openai_responses.open_writer, **tools),
        write_event=written.write_event,
        write_text=written.write_text,
        stream_format=_make_stream_format(written),
    )


def _make_stream_format(written: "_Written") -> StreamFormat:
    return StreamFormat(
        media_type=sse.MEDIA_TYPE, keepalive=sse.comment("still here"), write_error=written.write_failure
    )


class _Written:
    """What a stream has written so far: the event of a failure goes on from there.

    Each response repeats the requested format of its text, by which clients decide whether to parse it.
    """

    def __init__(self, model: str, text_format: dict[str, Any]) -> None:
        self.model, self.text_format = model, text_format
        self.response: dict[str, Any] = {}
        self.output: list[Any] = []
        self.count = 0

    def write_event(self, chunk: dict[str, Any]) -> bytes:
        """One event of the stream."""
        if "response" in chunk:
            chunk = {**chunk, "response": self.echo_format(chunk["response"])}
        self._note(chunk)
        return sse.encode_json(chunk, chunk["type"])

    def pass_chunk(self, chunk: Chunk) -> bytes:
        """One event of a model that writes this format, as it came, but for line ends of Unicode."""
        document = chunk.sketch
        kind = document.get("type")
        if not isinstance(kind, str) or not _KIND.fullmatch(kind):
            raise UpstreamProtocolError("Bedrock's stream has an event of an unknown type.")
        self._note(document)
        return sse.encode_json_text(chunk.data, kind)

    def _note(self, event: dict[str, Any]) -> None:
        number = event.get("sequence_number")
        self.count = number + 1 if isinstance(number, int) else self.count + 1
        self.response = event.get("response") or self.response
        if event["type"] == "response.output_item.done":
            self.output.append(event.get("item"))

    def write_text(self, text: bytes) -> bytes:
        """The event of a piece of text."""
        self.count += 1
        return sse.encode_line(text, "response.output_text.delta")

    def echo_format(self, response: dict[str, Any]) -> dict[str, Any]:
        """The response with the requested format of its text."""
        return {**response, "text": {"format": self.text_format}}

    def write_failure(self, error: GatewayError, request_id: str) -> bytes:
        """The last event of a stream that fails: `response.failed` with the items that are whole.

        OpenAI's SDKs raise for a member `error` at the top of any event, and Codex reads the one in the response.
        """
        response = {
            **(self.response or openai_responses.start_response(self.model)),
            "status": "failed",
            "error": write_response_error(error),
            "output": self.output,
        }
        kind = "response.failed"
        event = {"type": kind, "sequence_number": self.count, "response": response, "error": write_error(error)}
        return sse.encode_json({**event, "request_id": request_id}, kind)


DIALECT = Dialect(
    title="OpenAI",
    mounts=("/v1", "/openai/v1"),
    error_prefixes=("/v1/responses", "/openai/v1/responses"),
    render_error=render_as(error_document),
    write_levels=write_openai,
    routes=(
        Route(
            path="/responses",
            respond=create_response,
            summary="Responses; nothing is stored",
            body=openai_responses_body.Body,
            answer=ResponseAnswer,
            stream=sse.MEDIA_TYPE,
            sample={"model": "nova", "input": "What is 2+2?"},
        ),
        Route(
            path="/responses/input_tokens",
            respond=count_input_tokens,
            summary="Tokens of a request, counted by Bedrock, or an estimate on request",
            body=openai_responses_body.InputTokensBody,
            answer=InputTokens,
            sample={"model": "claude", "input": "What is 2+2?"},
        ),
    ),
)
