"""Asynchronous jobs in the OpenAPI document: an operation for each model that Bedrock calls so, and those for any."""

from collections.abc import Iterator
from typing import Any

from bedrock_flask import json_schema
from bedrock_flask.converse import Json
from bedrock_flask.dialects.native.jobs import QUERY, Job, JobBody, JobList
from bedrock_flask.dialects.native.query import describe_query
from bedrock_flask.edge.idempotency import MOST_KEY
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.models.resolver import Model, Models
from bedrock_flask.openapi import PROBLEM_RESPONSE, get_operation, request_body
from bedrock_flask.translation.async_invokes import is_async

_OUTPUT = {"s3_uri": "s3://amzn-s3-demo-bucket/jobs/"}
_TOKEN = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": MOST_KEY},
    "description": "The same as `client_request_token`.",
}


def describe_paths(spec: Any, models: Models) -> Iterator[tuple[str, Json]]:
    """Each path with its operations; the bodies and answers become components of the document."""
    job, jobs = (json_schema.add_reference(spec, schema()) for schema in (Job, JobList))
    body = json_schema.add_reference(spec, JobBody())
    for model in filter(_is_listed, models.list_models()):
        yield f"/v1/models/{model.name}/jobs", {"post": _describe_start(spec, model, body, job)}
    yield (
        "/v1/models/{model}/jobs",
        {
            "post": {
                "operationId": "start_job",
                "tags": ["any model"],
                "summary": "Start an asynchronous job of any model",
                "parameters": [_TOKEN],
                "requestBody": request_body(body),
                "responses": _describe_responses("202", "The job.", job),
            },
            "get": {
                "operationId": "list_jobs",
                "tags": ["any model"],
                "summary": "List the asynchronous jobs of a model",
                "parameters": list(describe_query(QUERY)),
                "responses": _describe_responses("200", "A page of jobs.", jobs),
            },
        },
    )
    yield (
        "/v1/models/{model}/jobs/schema",
        {
            "get": get_operation(
                "show_job_schema",
                "The JSON Schema of the body that starts a job",
                "any model",
                "application/schema+json",
            ),
        },
    )
    yield (
        "/v1/models/{model}/jobs/{job}",
        {
            "get": {
                "operationId": "show_job",
                "tags": ["any model"],
                "summary": "Look up an asynchronous job",
                "responses": _describe_responses("200", "The job.", job),
            }
        },
    )


def _is_listed(model: Model) -> bool:
    return is_async(model) and GENERIC not in model.adapter.models


def _describe_start(spec: Any, model: Model, body: Json, job: Json) -> Json:
    model_input = json_schema.add_reference(spec, model.adapter.schema)
    of_model = {"allOf": [body, {"type": "object", "properties": {"input": model_input}}]}
    return {
        "operationId": f"start_job.{model.name}",
        "tags": ["models"],
        "summary": f"Start an asynchronous job of {model.name}",
        "description": "\n\n".join(filter(None, [model.description, f"Calls `{model.id}` with StartAsyncInvoke."])),
        "parameters": [_TOKEN],
        "requestBody": request_body(of_model, {"input": dict(model.adapter.async_sample), "output": _OUTPUT}),
        "responses": _describe_responses("202", "The job.", job),
    }


def _describe_responses(status: str, words: str, schema: Json) -> Json:
    return {
        status: {"description": words, "content": {"application/json": {"schema": schema}}},
        "default": PROBLEM_RESPONSE,
    }
