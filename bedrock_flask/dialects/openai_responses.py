"""OpenAI's responses, for every chat model; nothing is stored, so each request brings its whole history.

Source: OpenAI's API reference; the types of the `openai` package.
"""

from functools import partial
from typing import Any

from bedrock_flask.bodies import openai_responses_body
from bedrock_flask.bodies.answers import InputTokens, ResponseAnswer
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import GatewayError
from bedrock_flask.fields import find_faults
from bedrock_flask.pipeline import counting
from bedrock_flask.pipeline.caching import read_openai_wish
from bedrock_flask.pipeline.request import parse_json, reject_faults, resolve_model, take_safeguards, unknown_paths
from bedrock_flask.pipeline.response import StreamFormat
from bedrock_flask.pipeline.translated import ResponseFormat, prepare_request, respond_via_converse
from bedrock_flask.pipeline.web_images import take_images
from bedrock_flask.protocol import sse
from bedrock_flask.wires import openai_responses
from bedrock_flask.wires.openai_errors import error_document, write_error, write_response_error
from bedrock_flask.wires.reading.openai_hints import find_wanted

SCHEMA, INPUT_TOKENS = openai_responses_body.Body(), openai_responses_body.InputTokensBody()


def create_response(exchange: Exchange) -> Response:
    """Write a response."""
    data = read_body(exchange)
    data, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(SCHEMA, body)
    reject_faults(faults)
    model = resolve_model(exchange, body["model"])
    _, body = take_images(exchange, model, data, body)
    return respond_via_converse(
        exchange,
        model,
        body,
        _make_response_format(body),
        stream=bool(body.get("stream")),
        unknown=find_wanted(body, unknown_paths(faults)),
        cache_wish=read_openai_wish(body),
    )


def count_input_tokens(exchange: Exchange) -> Response:
    """Count the tokens of a request, as Bedrock counts them, or estimate them if the caller asks for that."""
    data = read_body(exchange)
    _, body = take_safeguards(exchange, data, parse_json(data))
    faults = find_faults(INPUT_TOKENS, body)
    reject_faults(faults)
    model, body = resolve_model(exchange, body["model"]), {**body, "input": body.get("input") or []}
    prepared = prepare_request(exchange, model, body, openai_responses.WIRE, unknown_paths(faults))
    count = counting.count_tokens(
        exchange, model, counting.make_converse_payload(prepared), lambda: openai_responses.read_request(body)
    )
    response = make_json_response({"object": "response.input_tokens", "input_tokens": count.tokens})
    return counting.add_count_headers(exchange, response, model, count, prepared.dropped, prepared.translated)


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
        stream_format=StreamFormat(
            media_type=sse.MEDIA_TYPE, keepalive=sse.comment("still here"), write_error=written.write_failure
        ),
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
        self.count = chunk["sequence_number"] + 1
        self.response = chunk.get("response") or self.response
        if chunk["type"] == "response.output_item.done":
            self.output.append(chunk["item"])
        return sse.encode_json(chunk, chunk["type"])

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
