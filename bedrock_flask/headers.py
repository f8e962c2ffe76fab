"""The gateway's own headers, by the names that clients see."""

# Answers.
REQUEST_ID = ("x-request-id", "request-id", "x-amzn-requestid")
BEDROCK_REQUEST_ID = "x-bedrock-request-id"
MODEL = "x-bedrock-flask-model"
# The AWS region that served a call.
REGION = "x-bedrock-flask-region"
ATTEMPTS = "x-bedrock-flask-attempts"
# AWS's API that served a call, if it is not an operation of bedrock-runtime.
SURFACE = "x-bedrock-flask-surface"
DROPPED = "x-bedrock-flask-dropped"
TRANSLATED = "x-bedrock-flask-translated"
UNKNOWN_FIELDS = "x-bedrock-flask-unknown-fields"
# Since when AWS calls the model legacy (RFC 9745), and from when on it does not serve it any more (RFC 8594).
DEPRECATION, SUNSET = "deprecation", "sunset"
# What the gateway has marked for the model's cache; in a request, whether it may.
CACHE = "x-bedrock-flask-cache"
# Whether a count of tokens is exact or an estimate; in a request, whether it may be an estimate.
COUNT = "x-bedrock-flask-count"
# When an AWS SDK may try again, in milliseconds.
SDK_RETRY_AFTER = "x-amz-retry-after"
# Whether an answer was kept from an earlier request with the same key, and the id of that request; and the id of one
# that was lost with its worker: whether it was billed is not known.
REPLAYED, REPLAYED_REQUEST = "idempotent-replayed", "x-bedrock-flask-replayed-request"
LOST_REQUEST = "x-bedrock-flask-lost-request"
# Requests.
UNSUPPORTED = "x-bedrock-flask-unsupported"
# Names a request, so that it has its effect once however often it is sent.
IDEMPOTENCY_KEY = "idempotency-key"
# Which of its own attempts an AWS SDK makes.
SDK_ATTEMPTS = "amz-sdk-request"
# How many attempts an SDK of OpenAI's or Anthropic's has made before.
SDK_RETRY_COUNT = "x-stainless-retry-count"


def usage_header(count: str) -> str:
    """The header of one token count: `input_tokens` is sent as `x-bedrock-flask-input-tokens`."""
    return f"x-bedrock-flask-{count.replace('_', '-')}"
