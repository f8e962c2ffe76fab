"""A route for one of AWS's operations: its method, and the address by which AWS documents it."""

from collections.abc import Callable

from bedrock_flask.bedrock.operations import OPERATIONS
from bedrock_flask.dialect import Route
from bedrock_flask.edge.response import Response


def describe_operation(operation: str, path: str, respond: Callable[..., Response]) -> Route:
    """The route of the operation; `path` is the gateway's own notation of its address."""
    of_aws = OPERATIONS[operation]
    return Route(path=path, respond=respond, method=of_aws.method, summary=operation, described=of_aws.path)
