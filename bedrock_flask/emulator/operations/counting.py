"""CountTokens: the tokens of a request in either form, as the engine counts them.

Tokens are counted for models with `counts_tokens`, by the id or the ARN of a foundation model, even if it can be called
only through inference profiles. Sources: botocore's service model of bedrock-runtime; AWS user guide, "Count tokens";
live calls in Boise-State-Development/agentcore-public-stack#430.
"""

import base64
import binascii
from dataclasses import replace

from bedrock_flask.bodies import count_tokens_body
from bedrock_flask.converse import Json, Request
from bedrock_flask.emulator.calls.errors import validation_error
from bedrock_flask.emulator.calls.request import EmulatorRequest, check_body, describe_faults, encode_json, parse_body
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.formats import wire_format
from bedrock_flask.emulator.operations import inference
from bedrock_flask.wires import find_wire

_MAX_ID_LENGTH = 256
_UNSUPPORTED = "The provided model doesn't support counting tokens."


_SCHEMA = count_tokens_body.Body()


def count_tokens(request: EmulatorRequest) -> EmulatorResponse:
    """CountTokens."""
    if len(request.model) > _MAX_ID_LENGTH:
        raise validation_error(
            f"Value at 'modelId' failed to satisfy constraint: must have at most {_MAX_ID_LENGTH} characters"
        )
    _check_model(request)
    source = check_body(_SCHEMA, parse_body(request.body))["input"]
    canonical = _read_native(request, source) if "invokeModel" in source else _read_converse(request, source)
    tokens = sum(
        request.engine.count(conversation.format_block(block))
        for block in conversation.iterate_blocks(canonical)
        if "cachePoint" not in block
    )
    return make_response(encode_json({"inputTokens": tokens}))


def _check_model(request: EmulatorRequest) -> None:
    request.find_adapter()
    model = request.account.catalogue.find_model(request.model)
    if model is None or not model.capabilities.counts_tokens:
        raise validation_error(_UNSUPPORTED)


def _read_native(request: EmulatorRequest, source: Json) -> Request:
    try:
        text = base64.b64decode(source["invokeModel"]["body"], validate=True)
    except (binascii.Error, ValueError):
        raise validation_error(
            "Value at 'input.invokeModel.body' failed to satisfy constraint: must be base64"
        ) from None
    adapter, _, body = inference.read_native_body(replace(request, body=text))
    wire = find_wire(adapter)
    if wire.read_request is None:
        raise validation_error(_UNSUPPORTED)
    return wire_format.read_request(wire, body)


def _read_converse(request: EmulatorRequest, source: Json) -> Request:
    body: Request = {"messages": [], **source["converse"]}
    if faults := request.registry.adapters["converse"].find_faults(body):
        raise validation_error(describe_faults(faults))
    return body
