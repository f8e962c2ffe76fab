"""CountTokens: the tokens of a request in either form, as the engine counts them.

Sources: botocore's service model of bedrock-runtime; AWS user guide, "Count tokens": Claude only, from 3.5 on, by the
id or the ARN of a foundation model, and not where the model is called through inference profiles only.
"""

import base64
import binascii
from dataclasses import replace

from bedrock_flask import fields
from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.converse import Request
from bedrock_flask.emulator.calls.delivery import Answer, whole
from bedrock_flask.emulator.calls.refusals import invalid
from bedrock_flask.emulator.calls.request import Asked, checked, encoded, parsed, validation_errors
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.formats import known
from bedrock_flask.emulator.operations import inference
from bedrock_flask.wires import find_wire

_LONGEST_ID = 256
_COUNTED = ("anthropic.claude-*",)
_BEFORE = ("anthropic.claude-3-haiku-*", "anthropic.claude-3-sonnet-*", "anthropic.claude-3-opus-*")
_NOT_COUNTED = "The provided model doesn't support counting tokens."


class _Native(fields.Schema):
    body = fields.String(required=True)


class _Converse(fields.Schema):
    """Its members are checked as Converse's own."""

    messages = fields.Anything(allow_none=False)
    system = fields.Anything(allow_none=False)
    toolConfig = fields.Anything(allow_none=False)
    additionalModelRequestFields = fields.Anything(allow_none=False)


class _Body(fields.Schema):
    input = fields.OneKey({"invokeModel": fields.Nested(_Native), "converse": fields.Nested(_Converse)}, required=True)


_SCHEMA = _Body()


def count_tokens(asked: Asked) -> Answer:
    """CountTokens."""
    if len(asked.model) > _LONGEST_ID:
        raise invalid(f"Value at 'modelId' failed to satisfy constraint: must have at most {_LONGEST_ID} characters")
    _check_model(asked)
    told = checked(_SCHEMA, parsed(asked.body))["input"]
    request = _native(asked, told["invokeModel"]["body"]) if "invokeModel" in told else _converse(asked, told)
    counted = sum(
        asked.engine.count(conversation.as_text(block))
        for block in conversation.pieces(request)
        if "cachePoint" not in block
    )
    return whole(encoded({"inputTokens": counted}))


def _check_model(asked: Asked) -> None:
    asked.pick()
    model = asked.account.catalogue.model(asked.model)
    if model is None or not _is_counted(model.id) or not model.known.on_demand:
        raise invalid(_NOT_COUNTED)


def _is_counted(model: str) -> bool:
    return any(matches(each, model) for each in _COUNTED) and not any(matches(each, model) for each in _BEFORE)


def _native(asked: Asked, body: str) -> Request:
    try:
        text = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Value at 'input.invokeModel.body' failed to satisfy constraint: must be base64") from None
    adapter, _, native = inference.native(replace(asked, body=text))
    wire = find_wire(adapter)
    if wire.read_request is None:
        raise invalid(_NOT_COUNTED)
    return known.read(wire, native)


def _converse(asked: Asked, told: Request) -> Request:
    request: Request = {"messages": [], **told["converse"]}
    if faults := asked.registry.adapters["converse"].find_faults(request):
        raise invalid(validation_errors(faults))
    return request
