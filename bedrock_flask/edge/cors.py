"""CORS: the web pages of other sites that may call the gateway, by exact origin; off unless an origin is configured.

The key that a page sends is an ordinary header, so credentials in the sense of CORS (cookies) are never allowed.
"""

import re
from collections.abc import Iterable

from flask import Flask, request
from flask import Response as FlaskResponse

from bedrock_flask import headers
from bedrock_flask.bedrock import usage
from bedrock_flask.dialect import Dialect
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.state import state_of

METHODS = ("GET", "HEAD", "POST")
# What a page may send, whichever dialect it speaks.
_REQUEST_HEADERS = (
    *("authorization", "x-api-key", "content-type", "x-request-id", headers.UNSUPPORTED, headers.CACHE, headers.COUNT),
    # What the SDKs of several houses send: their name and version, an id of the request, the trace that it belongs to.
    *("user-agent", "x-client-request-id", "idempotency-key", "traceparent", "tracestate", "baggage"),
    re.compile(r"x-amzn-bedrock-[a-z0-9-]+\Z", re.I),
)
# What a page may read; browsers hide the rest. A test holds this to what the gateway answers.
_RESPONSE_HEADERS = (
    *headers.REQUEST_ID,
    headers.BEDROCK_REQUEST_ID,
    headers.MODEL,
    headers.REGION,
    headers.ATTEMPTS,
    headers.UNKNOWN_FIELDS,
    headers.DROPPED,
    headers.CACHE,
    headers.COUNT,
    headers.TRANSLATED,
    headers.REPLAYED,
    headers.REPLAYED_REQUEST,
    headers.LOST_REQUEST,
    headers.DEPRECATION,
    headers.SUNSET,
    *map(headers.usage_header, usage.Usage(0, 0, 0, 0).to_dict()),
    *usage.HEADERS.values(),
    "x-amzn-bedrock-content-type",
    "x-amzn-bedrock-invocation-latency",
    "x-amzn-bedrock-performanceconfig-latency",
    "x-amzn-bedrock-service-tier",
    "x-should-retry",
    "allow",
    "retry-after",
    "retry-after-ms",
    headers.SDK_RETRY_AFTER,
    "www-authenticate",
)
_MAX_AGE = 600


def with_cors(app: Flask) -> Flask:
    """Answer the allowed origins; this step precedes authentication, because a browser's preflight carries no key."""
    origins, dialects = state_of(app).settings.cors_origins, state_of(app).dialects
    if not origins:
        return app
    # Only a gateway that has origins needs it.
    from flask_cors import CORS

    CORS(
        app,
        # Whole and escaped: a plain string with a bracket in it, as IPv6 has, would be searched as a pattern.
        origins=[re.compile(re.escape(origin) + r"\Z") for origin in origins],
        methods=METHODS,
        allow_headers=allowed_headers(dialects),
        expose_headers=exposed_headers(dialects),
        max_age=_MAX_AGE,
        supports_credentials=False,
        # The gateway's error handlers answer as views do, so flask_cors need not catch errors.
        intercept_exceptions=False,
        # An allowed origin is allowed too if the gateway runs on the user's own machine.
        allow_private_network=True,
        # It would skip responses without an origin, which caches would then give to pages.
        vary_header=False,
    )
    app.before_request(_answer_preflight)
    return app


def allowed_headers(dialects: Iterable[Dialect]) -> list[str | re.Pattern[str]]:
    """The request headers that a page may send to these dialects."""
    return [*_REQUEST_HEADERS, *(header for dialect in dialects for header in dialect.request_headers)]


def exposed_headers(dialects: Iterable[Dialect]) -> list[str]:
    """The response headers that a page may read from these dialects."""
    return [*_RESPONSE_HEADERS, *(header for dialect in dialects for header in dialect.response_headers)]


def _answer_preflight() -> FlaskResponse | None:
    """Answer every preflight with an empty response; only allowed origins get CORS headers."""
    if request.method == "OPTIONS" and "origin" in request.headers and _REQUEST_METHOD in request.headers:
        return FlaskResponse(status=204)
    return None


_REQUEST_METHOD = "access-control-request-method"


def vary_by_origin(exchange: Exchange, response: Response) -> None:
    """Announce to caches that the response depends on the origin, where any origin is allowed."""
    if exchange.settings.cors_origins:
        response.headers["vary"] = "Origin"
