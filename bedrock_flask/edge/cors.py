"""CORS: which web pages of other sites may call the gateway, by exact origin; off unless some are named.

The key that a page sends is a header like any other, so credentials in the sense of CORS (cookies) are never allowed.
"""

import re

from flask import Flask, Response, request
from flask_cors import CORS

from bedrock_flask.bedrock.usage import HEADERS, Usage
from bedrock_flask.edge import REQUEST_ID_HEADERS
from bedrock_flask.state import state_of

METHODS = ("GET", "HEAD", "POST")
# What a page may send.
ALLOWED = (
    *("authorization", "x-api-key", "content-type", "x-request-id", "x-bedrock-flask-unsupported"),
    # What the SDKs of OpenAI, Anthropic and AWS send from a browser.
    re.compile(r"(x-amzn-bedrock-|x-amz-|amz-sdk-|anthropic-|openai-|x-stainless-)[a-z0-9-]+\Z", re.I),
)
# What a page may read; browsers hide the rest. A test holds this to what the gateway answers.
EXPOSED = (
    *REQUEST_ID_HEADERS,
    "x-bedrock-request-id",
    "x-bedrock-flask-model",
    "x-bedrock-flask-attempts",
    "x-bedrock-flask-unknown-fields",
    "x-bedrock-flask-dropped",
    "x-amzn-errortype",
    "x-should-retry",
    *(f"x-bedrock-flask-{name.replace('_', '-')}" for name in Usage(0, 0, 0, 0).known()),
    *HEADERS.values(),
    "x-amzn-bedrock-content-type",
    "x-amzn-bedrock-invocation-latency",
    "x-amzn-bedrock-performanceconfig-latency",
    "x-amzn-bedrock-service-tier",
    "allow",
    "retry-after",
    "retry-after-ms",
    "www-authenticate",
)
_MAX_AGE = 600


def with_cors(app: Flask) -> Flask:
    """Answer the named origins; stands before authentication, because a browser sends no key with a preflight."""
    origins = state_of(app).settings.cors_origins
    if not origins:
        return app
    CORS(
        app,
        # Whole and escaped: a plain string with a bracket in it, as IPv6 has, would be searched as a pattern.
        origins=[re.compile(re.escape(origin) + r"\Z") for origin in origins],
        methods=METHODS,
        allow_headers=ALLOWED,
        expose_headers=EXPOSED,
        max_age=_MAX_AGE,
        supports_credentials=False,
        # The gateway's error handlers answer through the same door, so an error needs no second way.
        intercept_exceptions=False,
        # Who names an origin means it, also where the gateway is on the user's own machine.
        allow_private_network=True,
        # It would leave out the answers without an origin, which caches would then give to pages.
        vary_header=False,
    )
    app.after_request(_varied)
    app.before_request(_preflight)
    return app


def _preflight() -> Response | None:
    """The same empty answer whatever is asked for: only the headers tell, and only to the named origins."""
    if request.method == "OPTIONS" and "origin" in request.headers and _ASKS in request.headers:
        return Response(status=204)
    return None


_ASKS = "access-control-request-method"


def _varied(response: Response) -> Response:
    response.vary.add("Origin")
    return response
