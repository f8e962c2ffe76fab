"""OpenAPI, folded from the plugins' own schemas by apispec, and a page to read it offline."""

import importlib.metadata
import importlib.resources
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template, send_from_directory

from bedrock_flask import json_schema
from bedrock_flask.adapter import Adapter
from bedrock_flask.bodies import (
    anthropic_messages_body,
    converse_body,
    openai_chat_body,
    openai_embeddings_body,
    openai_responses_body,
)
from bedrock_flask.edge import PROBLEM
from bedrock_flask.edge.authentication import public
from bedrock_flask.fields import Boolean, Integer, List, Object, Schema, String
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.models.resolver import Model, Models
from bedrock_flask.protocol import eventstream
from bedrock_flask.state import state_of

Json = dict[str, Any]

blueprint = Blueprint("openapi", __name__)

# Swagger UI styles its own elements; nothing else is let in, from this host or another.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
)


def with_openapi(app: Flask) -> Flask:
    """`/openapi.json`, made once while the app starts, and `/docs`."""
    state = state_of(app)
    app.extensions["bedrock_flask.openapi"] = build_document(state.models, keyed=bool(state.settings.api_keys))
    app.register_blueprint(blueprint)
    public(app.view_functions["static"])
    return app


@blueprint.get("/openapi.json")
def show() -> Response:
    """The whole API as an OpenAPI 3.1 document."""
    return jsonify(current_app.extensions["bedrock_flask.openapi"])


@blueprint.get("/docs")
@public
def docs() -> Response:
    """Swagger UI; the document itself asks for a key where the gateway has keys."""
    response = Response(render_template("docs.html"))
    response.headers["content-security-policy"] = _POLICY
    return response


@blueprint.get("/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>")
@public
def send_swagger_ui(name: str) -> Response:
    """A file of Swagger UI, from the package that carries it."""
    return send_from_directory(str(importlib.resources.files("flask_swagger_ui") / "dist"), name)


class FieldFault(Schema):
    """One fault of a body."""

    path = String(required=True, description="Where: `messages[0].content`.")
    message = String(required=True, description="What.")


class Problem(Schema):
    """A problem document (RFC 9457)."""

    type = String(required=True)
    title = String(required=True)
    status = Integer(required=True)
    code = String(required=True, description="Stable name of the error.")
    detail = String(required=True)
    request_id = String(required=True)
    retryable = Boolean(required=True, description="Whether the same request may succeed later.")
    errors = List(Object(String()), description="Where the body does not fit: `path` and `message` of each fault.")


def build_document(models: Models, *, keyed: bool) -> Json:
    """The OpenAPI document of everything that these models can be asked."""
    made = json_schema.make_spec(
        "bedrock-flask",
        importlib.metadata.version("bedrock-flask"),
        info={"description": "A gateway for Amazon Bedrock in which a model is a plugin.", "license": _LICENSE},
        servers=[{"url": ".", "description": "This gateway."}],
        tags=[
            {"name": name} for name in ("models", "any model", *dict.fromkeys(each.tag for each in CLIENTS), "health")
        ],
    )
    made.components.schema("Problem", schema=Problem)
    made.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    made.components.security_scheme("key", {"type": "apiKey", "in": "header", "name": "x-api-key"})
    named = models.list_models()
    bodies = {name: json_schema.add_reference(made, a.schema) for name, a in models.registry.adapters.items()}
    for name, schema in _envelopes(models, named, bodies):
        made.components.schema(name, schema)
    for each in CLIENTS:
        made.path(
            path=each.path,
            operations={"post": _client_operation(made, each)},
            parameters=[_MODEL] if "{model}" in each.path else None,
        )
    for path, operations in _paths(models, named):
        made.path(path=path, operations=operations, parameters=[_MODEL] if "{model}" in path else None)
    document = made.to_dict()
    return {**document, "security": [{"bearer": []}, {"key": []}]} if keyed else document


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _paths(models: Models, named: list[Model]) -> Iterator[tuple[str, Json]]:
    for model in named:
        for action, stream in _actions(model):
            yield f"/v1/models/{model.name}/{action}", {"post": _model_operation(model, action, stream=stream)}
    yield "/v1/invoke", {"post": _invoke_by_body(models, named)}
    yield "/v1/models", {"get": _get("list_models", "The models that can be named.", "models")}
    yield "/v1/models/{model}", {"get": _get("show_model", "One model.", "models")}
    yield (
        "/v1/models/{model}/schema",
        {
            "get": _get("show_schema", "The JSON Schema of a model's own body.", "models", "application/schema+json"),
        },
    )
    for action, stream in (("invoke", False), ("invoke-stream", True)):
        yield f"/v1/models/{{model}}/{action}", {"post": _any_operation(action, stream=stream)}
    for path, told in (
        ("/livez", "The process answers."),
        ("/readyz", "Requests may come."),
        ("/healthz", "As /livez."),
    ):
        yield path, {"get": {**_get(path[1:], told, "health"), "security": []}}


@dataclass(frozen=True)
class ClientPath:
    """An address that clients of another API call, with that API's own body."""

    path: str
    tag: str
    summary: str
    body: type[Schema] | None = None
    streams: str = ""
    sample: Mapping[str, Any] | None = None


_SSE = "text/event-stream"
_ASKED = [{"role": "user", "content": "What is 2+2?"}]
_CONVERSE = {"messages": [{"role": "user", "content": [{"text": "What is 2+2?"}]}]}
CLIENTS = (
    ClientPath(
        "/v1/chat/completions",
        "OpenAI",
        "Chat completions",
        openai_chat_body.Body,
        _SSE,
        {"model": "nova", "messages": _ASKED},
    ),
    ClientPath(
        "/v1/responses",
        "OpenAI",
        "Responses; nothing is stored",
        openai_responses_body.Body,
        _SSE,
        {"model": "nova", "input": "What is 2+2?"},
    ),
    ClientPath(
        "/v1/embeddings",
        "OpenAI",
        "Embeddings",
        openai_embeddings_body.Body,
        sample={"model": "titan-embed", "input": ["a door", "a road"]},
    ),
    ClientPath(
        "/v1/messages",
        "Anthropic",
        "Messages",
        anthropic_messages_body.Body,
        _SSE,
        {"model": "claude", "max_tokens": 64, "messages": _ASKED},
    ),
    ClientPath(
        "/v1/messages/count_tokens",
        "Anthropic",
        "Tokens of a request, counted by Bedrock",
        anthropic_messages_body.CountTokensBody,
        sample={"model": "claude", "messages": _ASKED},
    ),
    ClientPath("/model/{model}/converse", "Bedrock", "Converse", converse_body.Body, sample=_CONVERSE),
    ClientPath(
        "/model/{model}/converse-stream",
        "Bedrock",
        "ConverseStream",
        converse_body.Body,
        eventstream.MEDIA_TYPE,
        _CONVERSE,
    ),
    ClientPath("/model/{model}/invoke", "Bedrock", "InvokeModel"),
    ClientPath(
        "/model/{model}/invoke-with-response-stream",
        "Bedrock",
        "InvokeModelWithResponseStream",
        streams=eventstream.MEDIA_TYPE,
    ),
    ClientPath("/model/{model}/count-tokens", "Bedrock", "CountTokens"),
)
_TAGS = ("models", "any model", *dict.fromkeys(each.tag for each in CLIENTS), "health")


def _client_operation(made: Any, each: ClientPath) -> Json:
    schema = json_schema.add_reference(made, each.body()) if each.body else {"type": "object"}
    answers = {"application/json": {"schema": {"type": "object"}}}
    if each.streams:
        answers[each.streams] = {"schema": {}}
    said = {"application/json": {"schema": {"type": "object", "description": f"In {each.tag}'s own words."}}}
    return {
        "operationId": re.sub(r"\W+", "_", each.path.strip("/")),
        "tags": [each.tag],
        "summary": each.summary,
        "requestBody": _body(schema, dict(each.sample) if each.sample else None),
        "responses": {
            "200": {"description": "The answer.", "content": answers},
            "default": {"description": "What went wrong.", "content": said},
        },
    }


def _actions(model: Model) -> list[tuple[str, bool]]:
    return [("invoke", False), *([("invoke-stream", True)] if model.capabilities.streaming else [])]


def _model_operation(model: Model, action: str, *, stream: bool) -> Json:
    return {
        "operationId": f"{action.replace('-', '_')}.{model.name}",
        "tags": ["models"],
        "summary": f"{'Stream' if stream else 'Invoke'} {model.name}",
        "description": "\n\n".join(
            filter(None, [model.description, f"Calls `{model.id}` with {model.adapter.operation}."])
        ),
        "requestBody": _body(model.adapter.schema, dict(model.adapter.sample)),
        "responses": _responses(stream=stream),
    }


def _any_operation(action: str, *, stream: bool) -> Json:
    return {
        "operationId": action.replace("-", "_"),
        "tags": ["any model"],
        "summary": f"{'Stream' if stream else 'Invoke'} any model by alias, adapter, Bedrock id, profile or ARN",
        "requestBody": _body({"type": "object"}, None),
        "responses": _responses(stream=stream),
    }


def _invoke_by_body(models: Models, named: list[Model]) -> Json:
    mapping = {m.name: f"#/components/schemas/{_envelope_name(m.adapter.name)}" for m in named}
    choices = sorted(
        {*mapping.values(), *(f"#/components/schemas/{_envelope_name(n)}" for n in models.registry.adapters)}
    )
    body = {
        "oneOf": [{"$ref": ref} for ref in choices],
        "discriminator": {"propertyName": "model", "mapping": mapping},
    }
    sample = next(({"model": m.name, "input": dict(m.adapter.sample)} for m in named), None)
    responses = _responses(stream=False)
    responses["200"]["content"] |= _responses(stream=True)["200"]["content"]
    return {
        "operationId": "invoke_by_body",
        "tags": ["any model"],
        "summary": "Invoke the model that the body names",
        "description": "`input` is sent to the model as it was written, character for character.",
        "requestBody": _body(body, sample),
        "responses": responses,
    }


def _envelopes(models: Models, named: list[Model], bodies: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """For each adapter, the body of `/v1/invoke`: told apart by the names and patterns that `model` may have."""
    adapters = models.registry.adapters.values()
    own = {
        adapter.name: {
            "anyOf": [
                {"enum": [adapter.name, *(m.name for m in named if m.adapter is adapter and m.name != adapter.name)]},
                *({"pattern": _id_pattern(pattern)} for pattern in adapter.models if pattern != GENERIC),
            ]
        }
        for adapter in adapters
    }
    for adapter in adapters:
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
                    "stream": {"type": "boolean", "default": False, **({} if _streams(adapter) else {"const": False})},
                },
            },
        )


def _streams(adapter: Adapter) -> bool:
    return any(capabilities.streaming for capabilities in adapter.models.values())


def _envelope_name(adapter: str) -> str:
    return f"invoke.{adapter}"


def _id_pattern(pattern: str) -> str:
    inner = ".*".join(re.escape(part) for part in pattern.split("*"))
    return rf"^(arn:.*/)?([a-z][a-z0-9-]*\.)?{inner}$"


def _body(schema: Any, sample: Json | None) -> Json:
    content: Json = {"schema": schema}
    return {"required": True, "content": {"application/json": content | ({"example": sample} if sample else {})}}


def _get(operation: str, summary: str, tag: str, media: str = "application/json") -> Json:
    answers = {"200": {"description": "The answer.", "content": {media: {"schema": {"type": "object"}}}}}
    return {"operationId": operation, "tags": [tag], "summary": summary, "responses": {**answers, "default": _PROBLEM}}


def _responses(*, stream: bool) -> dict[str, Json]:
    schema = _EVENT if stream else {"type": "object", "description": "Bedrock's bytes."}
    answered = {
        "description": "The model's answer.",
        "headers": {} if stream else _USAGE_HEADERS,
        "content": {"text/event-stream" if stream else "application/json": {"schema": schema}},
    }
    return {"200": answered, "default": _PROBLEM}


# OpenAPI 3.1 has no word for a sequence of events; readers take the schema of such a body as that of each event.
_EVENT = {
    "type": "object",
    "description": "The model's own chunks, an event each; then `usage`. A broken answer ends in `error`, a problem.",
    "required": ["event", "data"],
    "properties": {"event": {"type": "string"}, "data": {"type": "string", "contentMediaType": "application/json"}},
}
_COUNTS = ("input", "output", "cache-read", "cache-write")
_USAGE_HEADERS = {f"x-bedrock-flask-{count}-tokens": {"schema": {"type": "integer"}} for count in _COUNTS}
_PROBLEM = {
    "description": "What went wrong.",
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_MODEL = {
    "in": "path",
    "name": "model",
    "required": True,
    "schema": {"type": "string"},
    "description": "An alias, an adapter's name, a Bedrock id, an inference profile or an ARN.",
}
