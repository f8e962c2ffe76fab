"""The OpenAPI document of the admin API, built by apispec from its routes."""

import importlib.metadata
import re
from collections.abc import Sequence
from typing import Any

from bedrock_flask import json_schema
from bedrock_flask.admin.query import PARAMETERS
from bedrock_flask.admin.route import Route
from bedrock_flask.converse import Json
from bedrock_flask.openapi import PROBLEM_RESPONSE, Problem, request_body

_LABELS = {"team": "The name of a team.", "name": "The name of a key within its team.", "secret": "The id of a secret."}
_IF_MATCH: Json = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "The `ETag` of what is changed: if it has another one meanwhile, the answer is 412.",
}


def build_document(routes: Sequence[Route]) -> Json:
    """The document of these routes."""
    spec = json_schema.make_spec(
        "bedrock-flask admin",
        importlib.metadata.version("bedrock-flask"),
        info={"description": "Teams, keys, the audit log and what is spent."},
        servers=[{"url": "/", "description": "This listener."}],
    )
    spec.components.schema("Problem", schema=Problem)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    paths: dict[str, dict[str, Json]] = {}
    for route in routes:
        paths.setdefault(write_path(route), {})[route.method.lower()] = _describe_route(spec, route)
    for path, operations in paths.items():
        parameters = [
            {"in": "path", "name": label, "required": True, "schema": {"type": "string"}, "description": _LABELS[label]}
            for label in re.findall(r"{(\w+)}", path)
        ]
        spec.path(path=path, operations=operations, parameters=parameters)
    document: Json = spec.to_dict()
    return {**document, "security": [{"bearer": []}]}


def write_path(route: Route) -> str:
    """The path of a route as OpenAPI writes it."""
    return re.sub(r"<(\w+)>", r"{\1}", route.path)


def _describe_route(spec: Any, route: Route) -> Json:
    parameters: list[Json] = [
        {
            "in": "query",
            "name": name,
            "description": PARAMETERS[name].description,
            "schema": {**PARAMETERS[name].schema},
        }
        for name in route.query
    ]
    answer = json_schema.add_reference(spec, route.answer()) if route.answer else {"type": "object"}
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [*parameters, *([_IF_MATCH] if route.writes and "<" in route.path else [])],
        "responses": {
            str(route.status): {"description": "The answer.", "content": {"application/json": {"schema": answer}}},
            "default": PROBLEM_RESPONSE,
        },
    }
    if route.body:
        body = request_body(json_schema.add_reference(spec, route.body()), dict(route.sample))
        operation["requestBody"] = body
    return operation
