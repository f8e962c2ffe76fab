"""The OpenAPI document, built by apispec from the plugins' schemas and the dialects' rows, and a page to read it."""

import importlib.metadata
import importlib.resources
import re
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, render_template, send_from_directory

from bedrock_flask import json_schema
from bedrock_flask.config.settings import has_keys
from bedrock_flask.converse import Json
from bedrock_flask.dialect import Dialect, Route
from bedrock_flask.edge.flask_door import current_exchange, public
from bedrock_flask.edge.rendering import PROBLEM_MEDIA_TYPE
from bedrock_flask.fields import Boolean, Integer, List, Object, Schema, String
from bedrock_flask.models.resolver import Models
from bedrock_flask.state import state_of, with_state

blueprint = Blueprint("openapi", __name__)

# Swagger UI styles its own elements; nothing else is allowed, from this host or another.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def with_openapi(app: Flask) -> Flask:
    """`/openapi.json`, built at its first request and when the models change, and `/docs`."""
    state = state_of(app)
    built: list[tuple[Models, Json]] = []

    def document(models: Models) -> Json:
        if not built or built[-1][0] is not models:
            built[:] = [(models, build_document(models, state.dialects, needs_key=has_keys(state.settings)))]
        return built[-1][1]

    app.register_blueprint(blueprint)
    public(app.view_functions["static"])
    return with_state(app, openapi=document)


@blueprint.get("/openapi.json")
def show_document() -> Response:
    """The whole API as an OpenAPI 3.1 document."""
    state = current_exchange().state
    return jsonify(state.openapi(state.models))


@blueprint.get("/docs")
@public
def show_docs() -> Response:
    """Swagger UI; the document itself needs a key where the gateway has keys."""
    response = Response(render_template("docs.html"))
    response.headers["content-security-policy"] = _CONTENT_SECURITY_POLICY
    return response


@blueprint.get("/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>")
@public
def send_swagger_ui(name: str) -> Response:
    """A file of Swagger UI, from the package that carries it."""
    return send_from_directory(str(importlib.resources.files("flask_swagger_ui") / "dist"), name)


class Problem(Schema):
    """A problem document (RFC 9457)."""

    type = String(required=True)
    title = String(required=True)
    status = Integer(required=True)
    code = String(required=True, description="Stable name of the error.")
    detail = String(required=True)
    request_id = String(required=True)
    retryable = Boolean(required=True, description="Whether the same request may succeed later.")
    errors = List(Object(String()), description="The faults of the body: `path` and `message` of each.")
    error = Object(description="The same for the SDKs of OpenAI and Anthropic; below /v1/models only.")


def build_document(models: Models, dialects: Iterable[Dialect], *, needs_key: bool) -> Json:
    """The OpenAPI document of these models and dialects."""
    dialects = tuple(dialects)
    tags = dict.fromkeys(
        (
            "models",
            "any model",
            "usage",
            *(each.title for each in dialects if any(route.summary for route in each.routes)),
            "health",
        )
    )
    spec = json_schema.make_spec(
        "bedrock-flask",
        importlib.metadata.version("bedrock-flask"),
        info={"description": "A gateway for Amazon Bedrock in which a model is a plugin.", "license": _LICENSE},
        servers=[{"url": ".", "description": "This gateway."}],
        tags=[{"name": tag} for tag in tags],
    )
    spec.components.schema("Problem", schema=Problem)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("key", {"type": "apiKey", "in": "header", "name": "x-api-key"})
    for path, operations in _describe_paths(spec, models, dialects):
        spec.path(path=path, operations=operations, parameters=_describe_parameters(path))
    document = spec.to_dict()
    return {**document, "security": [{"bearer": []}, {"key": []}]} if needs_key else document


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _describe_paths(spec: Any, models: Models, dialects: Iterable[Dialect]) -> Iterator[tuple[str, Json]]:
    for dialect in dialects:
        described = [*_describe_dialect(spec, models, dialect)]
        yield from described
        for mount in dialect.further_mounts:
            yield from (_move(path, operations, dialect.mounts[0], mount) for path, operations in described)
    for path, summary in _HEALTH.items():
        yield path, {"get": {**get_operation(path[1:], summary, "health"), "security": []}}


def _describe_dialect(spec: Any, models: Models, dialect: Dialect) -> Iterator[tuple[str, Json]]:
    for route in filter(lambda each: each.summary, dialect.routes):
        path = route.described or f"{dialect.mounts[0]}{route.path}"
        yield path, {route.method.lower(): _describe_route(spec, dialect, route, path)}
    if dialect.describe_paths is not None:
        yield from dialect.describe_paths(spec, models)


def _move(path: str, operations: Json, own: str, mount: str) -> tuple[str, Json]:
    """The same operations below another path; the id of an operation is unique in the document."""
    place = re.sub(r"\W+", "_", mount.strip("/")) or "root"
    moved = {
        method: {**operation, "operationId": f"{operation['operationId']}_at_{place}"}
        for method, operation in operations.items()
    }
    return f"{mount}{path.removeprefix(own)}", moved


_HEALTH = {
    "/livez": "The process is alive.",
    "/readyz": "The gateway accepts requests.",
    "/healthz": "The same as /livez.",
}


def _describe_route(spec: Any, dialect: Dialect, route: Route, path: str) -> Json:
    schema = json_schema.add_reference(spec, route.body()) if route.body else {"type": "object"}
    answer = json_schema.add_reference(spec, route.answer()) if route.answer else {"type": "object"}
    answers: Json = {"application/json": {"schema": answer}}
    if route.stream:
        answers[route.stream] = {"schema": {}}
    error = {"schema": {"type": "object", "description": f"In the form of {dialect.title}'s API."}}
    name = path if route.method == "POST" else f"{path}_{route.method.lower()}"
    body = {"requestBody": request_body(schema, *([dict(route.sample)] if route.sample else []))}
    if route.is_form:
        body["requestBody"]["content"]["multipart/form-data"] = {"schema": schema}
    return {
        "operationId": re.sub(r"\W+", "_", name.strip("/")),
        "tags": [dialect.title],
        "summary": route.summary,
        **(body if route.method == "POST" else {}),
        "responses": {
            "200": {"description": "The answer.", "content": answers},
            "default": {"description": "What went wrong.", "content": {"application/json": error}},
        },
    }


def _describe_parameters(path: str) -> list[Json]:
    labels = re.findall(r"\{(\w+)\}", path)
    return [
        _MODEL if label == "model" else {"in": "path", "name": label, "required": True, "schema": {"type": "string"}}
        for label in labels
    ]


def request_body(schema: Any, *samples: Json) -> Json:
    """The JSON body of an operation, with its examples."""
    content: Json = {"schema": schema}
    if len(samples) == 1:
        content["example"] = samples[0]
    elif samples:
        content["examples"] = {f"body {number}": {"value": sample} for number, sample in enumerate(samples, 1)}
    return {"required": True, "content": {"application/json": content}}


def get_operation(
    operation: str, summary: str, tag: str, media: str = "application/json", schema: Json | None = None
) -> Json:
    """An operation that takes GET, and the schema of its answer."""
    answers = {"200": {"description": "The answer.", "content": {media: {"schema": schema or {"type": "object"}}}}}
    return {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "responses": {**answers, "default": PROBLEM_RESPONSE},
    }


PROBLEM_RESPONSE = {
    "description": "What went wrong.",
    "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_MODEL = {
    "in": "path",
    "name": "model",
    "required": True,
    "schema": {"type": "string"},
    "description": "An alias, an adapter's name, a Bedrock id, an inference profile or an ARN.",
}
