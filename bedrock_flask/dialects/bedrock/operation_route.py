"""A route for one of AWS's operations: its method, and the address by which AWS documents it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bedrock_flask.bedrock.operations import MODEL_ROUTES, OPERATIONS
from bedrock_flask.dialect import Route
from bedrock_flask.edge.response import Response


def describe_operation(operation: str, path: str, respond: Callable[..., Response], **options: Any) -> Route:
    """The route of the operation; `path` is the gateway's own notation of its address, `options` are other members."""
    of_aws = OPERATIONS[operation]
    return Route(path=path, respond=respond, method=of_aws.method, summary=operation, described=of_aws.path, **options)


def describe_operation_on_model(operation: str, respond: Callable[..., Response], **options: Any) -> Route:
    """The route of an operation on a model, with the gateway's own label."""
    suffix = MODEL_ROUTES[operation]
    route = describe_operation(operation, f"/model/<path:name>{suffix}", respond, **options)
    return replace(route, described=f"/model/{{model}}{suffix}")
