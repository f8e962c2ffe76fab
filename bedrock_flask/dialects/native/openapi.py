"""The native API in the OpenAPI document: two operations for each model that can be named, and those for any model."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_flask import json_schema
from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.bodies import answers
from bedrock_flask.converse import Json
from bedrock_flask.dialects.native import jobs_openapi
from bedrock_flask.dialects.native.model_list import ModelEntry, ModelList
from bedrock_flask.dialects.native.query import describe_query
from bedrock_flask.dialects.native.usage import QUERY, Usage
from bedrock_flask.fields import Schema
from bedrock_flask.headers import usage_header
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.models.resolver import Model, Models
from bedrock_flask.openapi import PROBLEM_RESPONSE, get_operation, request_body
from bedrock_flask.translation.async_invokes import is_only_async


def describe_paths(spec: Any, models: Models) -> Iterator[tuple[str, Json]]:
    """Each path with its operations; the bodies become components of the document."""
    named = [model for model in models.list_models() if not is_only_async(model)]
    adapters = {name: a for name, a in models.registry.adapters.items() if a.operation != ASYNC}
    bodies = {name: _describe_body(spec, a) for name, a in adapters.items()}
    for name, schema in _describe_envelopes(adapters, named, bodies):
        spec.components.schema(name, schema)
    for model in named:
        body, answer = _describe_body(spec, model.adapter), _describe_answer(spec, model.adapter)
        for action, stream in _list_actions(model):
            operation = _describe_model_operation(model, action, body, answer, stream=stream)
            yield f"/v1/models/{model.name}/{action}", {"post": operation}
    yield "/v1/invoke", {"post": _describe_invoke_by_body(adapters, named)}
    yield from jobs_openapi.describe_paths(spec, models)
    entries, entry = (json_schema.add_reference(spec, kind()) for kind in (ModelList, ModelEntry))
    listing = get_operation("list_models", "The models that can be called.", "models", schema=entries)
    yield "/v1/models", {"get": listing}
    usage = get_operation(
        "show_usage", "What the key has used.", "usage", schema=json_schema.add_reference(spec, Usage())
    )
    yield "/v1/usage", {"get": {**usage, "parameters": list(describe_query(QUERY))}}
    yield "/v1/models/{model}", {"get": get_operation("show_model", "One model.", "models", schema=entry)}
    yield (
        "/v1/models/{model}/schema",
        {
            "get": get_operation(
                "show_schema", "The JSON Schema of a model's own body.", "models", "application/schema+json"
            ),
        },
    )
    for action, stream in (("invoke", False), ("invoke-stream", True)):
        yield f"/v1/models/{{model}}/{action}", {"post": _describe_any_operation(action, stream=stream)}


def _list_actions(model: Model) -> list[tuple[str, bool]]:
    return [("invoke", False), *([("invoke-stream", True)] if model.capabilities.streaming else [])]


def _describe_body(spec: Any, adapter: Adapter) -> Json:
    """The schema of the native body, or of the two."""
    return json_schema.join_references([json_schema.add_reference(spec, form.schema) for form in adapter.forms])


def _describe_answer(spec: Any, adapter: Adapter) -> Json:
    """The schema of the answer, or of those to the two bodies."""
    kinds = [form.answer or _ANSWERS.get(form.wire) for form in adapter.forms]
    known = [json_schema.add_reference(spec, kind()) for kind in dict.fromkeys(kinds) if kind]
    return _ANY_ANSWER if None in kinds else json_schema.join_references(known)


def _describe_model_operation(model: Model, action: str, body: Json, answer: Json, *, stream: bool) -> Json:
    return {
        "operationId": f"{action.replace('-', '_')}.{model.name}",
        "tags": ["models"],
        "summary": f"{'Stream' if stream else 'Invoke'} {model.name}",
        "description": "\n\n".join(
            filter(None, [model.description, f"Calls `{model.id}` with {model.adapter.operation}."])
        ),
        "requestBody": request_body(body, *(dict(form.sample) for form in model.adapter.forms)),
        "responses": _describe_responses(stream=stream, schema=answer),
    }


def _describe_any_operation(action: str, *, stream: bool) -> Json:
    return {
        "operationId": action.replace("-", "_"),
        "tags": ["any model"],
        "summary": f"{'Stream' if stream else 'Invoke'} any model by alias, adapter, Bedrock id, profile or ARN",
        "requestBody": request_body({"type": "object"}),
        "responses": _describe_responses(stream=stream),
    }


def _describe_invoke_by_body(adapters: Mapping[str, Adapter], named: list[Model]) -> Json:
    mapping = {m.name: f"#/components/schemas/{_envelope_name(m.adapter.name)}" for m in named}
    choices = sorted({*mapping.values(), *(f"#/components/schemas/{_envelope_name(name)}" for name in adapters)})
    body = {
        "oneOf": [{"$ref": ref} for ref in choices],
        "discriminator": {"propertyName": "model", "mapping": mapping},
    }
    samples = [{"model": m.name, "input": dict(m.adapter.sample)} for m in named[:1]]
    responses = _describe_responses(stream=False)
    responses["200"]["content"] |= _describe_responses(stream=True)["200"]["content"]
    return {
        "operationId": "invoke_by_body",
        "tags": ["any model"],
        "summary": "Invoke the model that the body names",
        "description": "`input` is sent to the model as it was written, character for character.",
        "requestBody": request_body(body, *samples),
        "responses": responses,
    }


def _describe_envelopes(
    adapters: Mapping[str, Adapter], named: list[Model], bodies: Mapping[str, Json]
) -> Iterator[tuple[str, Json]]:
    """For each adapter, the body of `/v1/invoke`: `model` may have the names and patterns of this adapter only."""
    own = {
        adapter.name: {
            "anyOf": [
                {"enum": [adapter.name, *(m.name for m in named if m.adapter is adapter and m.name != adapter.name)]},
                *({"pattern": _id_pattern(pattern)} for pattern in adapter.models if pattern != GENERIC),
            ]
        }
        for adapter in adapters.values()
    }
    for adapter in adapters.values():
        generic = GENERIC in adapter.models
        others = [choice for name, choice in own.items() if name != adapter.name]
        yield (
            _envelope_name(adapter.name),
            {
                "type": "object",
                "required": ["model", "input"],
                "additionalProperties": False,
                "properties": {
                    "model": {"type": "string", **({"not": {"anyOf": others}} if generic else own[adapter.name])},
                    "input": bodies[adapter.name],
                    "stream": {"type": "boolean", "default": False, **_limit_stream(adapter)},
                },
            },
        )


def _limit_stream(adapter: Adapter) -> Json:
    can_stream = any(capabilities.streaming for capabilities in adapter.models.values())
    return {} if can_stream else {"const": False}


def _envelope_name(adapter: str) -> str:
    return f"invoke.{adapter}"


def _id_pattern(pattern: str) -> str:
    inner = ".*".join(re.escape(part) for part in pattern.split("*"))
    return rf"^(arn:.*/)?([a-z][a-z0-9-]*\.)?{inner}$"


def _describe_responses(*, stream: bool, schema: Json | None = None) -> dict[str, Json]:
    schema = _EVENT if stream else schema or _ANY_ANSWER
    answer = {
        "description": "The model's answer.",
        "headers": {} if stream else _USAGE_HEADERS,
        "content": {"text/event-stream" if stream else "application/json": {"schema": schema}},
    }
    return {"200": answer, "default": PROBLEM_RESPONSE}


# The answers of formats that several families have.
_ANSWERS: Mapping[str, type[Schema]] = {
    "converse": answers.ConverseAnswer,
    "nova": answers.ConverseAnswer,
    "anthropic": answers.MessagesAnswer,
}
_ANY_ANSWER = {"type": "object", "description": "The model's answer, as Bedrock sends it."}
# OpenAPI 3.1 cannot describe a sequence of events; readers take the schema of such a body as that of each event.
_EVENT = {
    "type": "object",
    "description": "The model's own chunks, an event each; then `usage`. A broken stream ends with `error`, a problem.",
    "required": ["event", "data"],
    "properties": {"event": {"type": "string"}, "data": {"type": "string", "contentMediaType": "application/json"}},
}
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_USAGE_HEADERS = {usage_header(count): {"schema": {"type": "integer"}} for count in _COUNTS}
