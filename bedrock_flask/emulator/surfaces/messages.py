"""Anthropic's messages on bedrock-runtime and bedrock-mantle, and bedrock-mantle's count of their tokens.

Sources: "Inference using Anthropic Messages API" and "Count tokens" (AWS user guide).
"""

from functools import partial

from bedrock_flask.bedrock.surfaces import COUNTS, MANTLE, SURFACES
from bedrock_flask.bodies import anthropic_messages_body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.emulator.calls.request import EmulatorRequest, encode_json
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.operations import rules
from bedrock_flask.emulator.surfaces import protocols
from bedrock_flask.emulator.surfaces.answers import AnswerFormat, answer, read_members, without
from bedrock_flask.emulator.surfaces.body import read_anthropic_body
from bedrock_flask.emulator.surfaces.serving import find_served
from bedrock_flask.fields import Schema
from bedrock_flask.protocol import sse
from bedrock_flask.wires import anthropic
from bedrock_flask.wires.anthropic.response_writer import add_tokens

_SCHEMA, _COUNTED = anthropic_messages_body.Body(), anthropic_messages_body.CountTokensBody()
# The members that decide what the engine says; the rules have read the others.
_READ_MEMBERS = (
    *("messages", "system", "max_tokens", "stop_sequences", "tools", "tool_choice", "thinking", "cache_control"),
    *("output_config", "output_format"),
)
# Anthropic's client sends it in the body of bedrock-mantle (anthropic 2.12).
_PROFILE = "user_profile_id"
# More than any budget for thinking: a request whose tokens are counted needs no limit.
_UNLIMITED = 1 << 31


def create_message(request: EmulatorRequest) -> EmulatorResponse:
    """Write the next turn of a conversation."""
    body, converse_request = _read(request, _SCHEMA)
    count = partial(conversation.count_tokens, converse_request, request.engine.count)
    written = AnswerFormat(
        protocol=protocols.MESSAGES,
        write_reply=lambda response: without(anthropic.write_reply(response, request.model)),
        open_writer=partial(anthropic.open_writer, request.model),
        finish_events=partial(map, lambda event: without(add_tokens(event, count))),
        encode=lambda event: sse.encode_json(event, event["type"]),
    )
    return answer(request, converse_request, written, stream=bool(body.get("stream")))


def count_message_tokens(request: EmulatorRequest) -> EmulatorResponse:
    """Count the tokens of a request, as the engine counts them."""
    _, converse_request = _read(request, _COUNTED)
    blocks = (block for block in conversation.iterate_blocks(converse_request) if "cachePoint" not in block)
    tokens = sum(request.engine.count(conversation.format_block(block)) for block in blocks)
    return make_response(encode_json({"input_tokens": tokens}), protocol=protocols.MESSAGES)


def _read(request: EmulatorRequest, schema: Schema) -> tuple[Json, Request]:
    """The body, and what it asks of the engine. Raises EmulatedError."""
    # Tokens are counted for the models that the surface itself serves.
    surface = SURFACES[request.operation.removesuffix(COUNTS)]
    body = read_anthropic_body(request, schema, beside=(_PROFILE,) if surface.endpoint == MANTLE else ())
    capabilities = find_served(request, surface)
    if request.account.is_strict:
        _check_rules(request, body, capabilities if surface.structured else capabilities.but(structured=False))
    converse_request = read_members(anthropic.WIRE, body, _READ_MEMBERS)
    return body, {**converse_request, "additionalModelResponseFieldPaths": list(anthropic.WIRE.response_paths)}


def _check_rules(request: EmulatorRequest, body: Json, capabilities: Capabilities) -> None:
    """Raise an EmulatedError for the first thing that the model refuses."""
    betas = [*_split(request.headers.get("anthropic-beta", "")), *(body.get("anthropic_beta") or ())]
    rules.check_rules(rules.MESSAGES, {"max_tokens": _UNLIMITED, **body, "anthropic_beta": betas}, capabilities)


def _split(header: str) -> list[str]:
    return [beta for each in header.split(",") if (beta := each.strip())]
