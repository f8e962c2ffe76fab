"""The dialect: the frozen record of one API that clients speak; each module of `dialects/` has one, `DIALECT`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.errors import GatewayError
from bedrock_flask.fields import Schema
from bedrock_flask.governance.limits import Level
from bedrock_flask.models.resolver import Models


@dataclass(frozen=True, kw_only=True)
class ErrorResponse:
    """An error in the words of one dialect."""

    status: int
    document: Mapping[str, Any]
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


# Given the error and the exchange (`edge.exchange`) that it ends.
ErrorRenderer = Callable[[GatewayError, Any], ErrorResponse]


def render_as(write_document: Callable[[GatewayError, str], Mapping[str, Any]]) -> ErrorRenderer:
    """The renderer that answers an error with its own status and this document."""
    return lambda error, exchange: ErrorResponse(
        status=error.status, document=write_document(error, exchange.request_id)
    )


@dataclass(frozen=True, kw_only=True)
class Route:
    """One address of a dialect, and the method of HTTP that it takes.

    path       the address below the mounts, as Flask writes rules: `/model/<path:name>/invoke`
    respond    the function that answers: given the exchange (`edge.exchange`) and the path's labels, an `edge.response`
    summary    its row in the OpenAPI document; without one it has none
    described  its path in that document, where the labels have other names there
    body       the schema of the body
    answer     the schema of a whole answer
    is_form    whether the body may also be a form with files (multipart/form-data)
    stream     the media type of a streamed answer
    sample     an example of a body
    reads_idempotency_key  whether `respond` itself does what `Idempotency-Key` asks for
    """

    path: str
    respond: Callable[..., Any]
    method: str = "POST"
    summary: str = ""
    described: str = ""
    body: type[Schema] | None = None
    answer: type[Schema] | None = None
    is_form: bool = False
    stream: str = ""
    sample: Mapping[str, Any] | None = None
    reads_idempotency_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One API.

    name              that of its module, by which a policy allows it
    title             its heading in the OpenAPI document
    routes            its addresses
    mounts            the paths below which the routes are found; the first is the gateway's own
    further_mounts    those at which other gateways have them, as the settings say; the OpenAPI document has them too
    error_prefixes    the paths below which errors are rendered by `render_error`, whether or not there is a route; the
                      longest prefix of all dialects wins
    client_header     a header that only its clients send: they read errors in its words, whatever path they call
    render_error      an error, and the request id, in the words of this API
    describe_paths    further paths of the OpenAPI document: given its builder and the models, yields each path with its
                      operations
    write_levels      what is left of limits, as headers of this API; none by default
    request_headers   headers that its clients send from web pages, as names or patterns, for CORS
    response_headers  headers that its clients may read on web pages, for CORS
    """

    name: str = ""
    title: str
    routes: Sequence[Route]
    mounts: Sequence[str]
    error_prefixes: Sequence[str]
    render_error: ErrorRenderer
    further_mounts: Sequence[str] = ()
    client_header: str = ""
    describe_paths: Callable[[Any, Models], Iterator[tuple[str, Json]]] | None = None
    write_levels: Callable[[Sequence[Level]], Mapping[str, str]] = lambda levels: {}
    request_headers: Sequence[str | re.Pattern[str]] = ()
    response_headers: Sequence[str] = ()

    @property
    def all_mounts(self) -> Sequence[str]:
        """All paths below which the routes are found."""
        return (*self.mounts, *self.further_mounts)
