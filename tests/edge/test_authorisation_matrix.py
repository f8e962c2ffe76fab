"""Who may call which address: generated from the map of addresses, so that a new one fails until it is classified."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bedrock_flask.app import create_app
from bedrock_flask.config.settings import Settings
from bedrock_flask.dialects import load_dialects
from tests.doubles import Emulator, StartGateway
from tests.governed import Governed, start_governed

NOVA, REEL = "amazon.nova-lite-v1:0", "amazon.nova-reel-v1:1"
JOB = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdef123456"
TURN = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
VIDEO = {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "A door"}}
S3 = {"s3OutputDataConfig": {"s3Uri": "s3://bucket"}}
# PUBLIC needs no key; OWN is answered without a call of Bedrock; MODEL describes a model to those who may call it; CALL
# calls Bedrock, and every rule of a policy holds.
PUBLIC, OWN, MODEL, CALL = "public", "own", "model", "call"
GUARDRAIL = {"source": "INPUT", "content": [{"text": {"text": "Hi"}}]}

# The body of each address that has no sample of its own; None without a body.
CLASSES: dict[str, tuple[str, Any]] = {
    "GET /api/hello": (PUBLIC, None),
    "GET /docs": (PUBLIC, None),
    "GET /docs/<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>": (PUBLIC, None),
    "GET /healthz": (PUBLIC, None),
    "GET /livez": (PUBLIC, None),
    "GET /readyz": (PUBLIC, None),
    "GET /openapi.json": (OWN, None),
    "GET /static/<path:filename>": (PUBLIC, None),
    "GET /foundation-models": (OWN, None),
    "GET /foundation-models/<path:name>": (OWN, None),
    "GET /inference-profiles": (OWN, None),
    "GET /inference-profiles/<path:name>": (OWN, None),
    "GET /v1/models": (OWN, None),
    "GET /v1/usage": (OWN, None),
    "GET /v1/models/<path:name>": (MODEL, None),
    "GET /v1/models/<path:name>/invoke": (OWN, None),
    "GET /v1/models/<path:name>/invoke-stream": (OWN, None),
    "GET /v1/models/<path:name>/schema": (OWN, None),
    "GET /v1/models/<path:name>/jobs/schema": (OWN, None),
    "POST /async-invoke": (CALL, {"modelId": REEL, "modelInput": VIDEO, "outputDataConfig": S3}),
    "GET /async-invoke": (CALL, None),
    "GET /async-invoke/<path:arn>": (CALL, None),
    "POST /guardrail-checks/invoke": (CALL, {}),
    "POST /guardrail/<path:guardrail>/version/<version>/apply": (CALL, GUARDRAIL),
    "POST /model/<path:name>/converse": (CALL, TURN),
    "POST /model/<path:name>/converse-stream": (CALL, TURN),
    "POST /model/<path:name>/count-tokens": (CALL, {"input": {"converse": TURN}}),
    "POST /model/<path:name>/invoke": (CALL, TURN),
    "POST /model/<path:name>/invoke-with-response-stream": (CALL, TURN),
    "POST /v1/invoke": (CALL, {"model": NOVA, "input": TURN}),
    "POST /v1/models/<path:name>/invoke": (CALL, TURN),
    "POST /v1/models/<path:name>/invoke-stream": (CALL, TURN),
    "POST /v1/models/<path:name>/jobs": (CALL, {"input": VIDEO, "output": {"s3_uri": "s3://bucket"}}),
    "GET /v1/models/<path:name>/jobs": (CALL, None),
    "GET /v1/models/<path:name>/jobs/<path:job>": (CALL, None),
    "POST /rerank": (CALL, ...),
    "POST /v1/rerank": (CALL, ...),
    "POST /v2/rerank": (CALL, ...),
    **{
        f"POST {mount}{path}": (CALL, ...)
        for mount, paths in {
            "/v1": ("/chat/completions", "/responses", "/responses/input_tokens", "/embeddings", "/messages"),
            "/openai/v1": ("/chat/completions", "/responses", "/responses/input_tokens", "/embeddings"),
            "/anthropic/v1": ("/messages", "/messages/count_tokens"),
        }.items()
        for path in paths
    },
    "POST /v1/messages/count_tokens": (CALL, ...),
    **{
        f"POST {mount}/images/{path}": (CALL, ...)
        for mount in ("/v1", "/openai/v1")
        for path in ("generations", "edits")
    },
}


OF_AWS = ("/async-invoke", "/foundation-models", "/guardrail", "/inference-profiles", "/model/", "/rerank")
IN_LITELLM = ("/chat", "/embeddings", "/images", "/invoke", "/models", "/responses", "/usage")
IN_ACCESS_GATEWAY = ("/chat", "/embeddings", "/invoke", "/models", "/usage")


def move(own: str, begins: tuple[str, ...], mount: str) -> dict[str, str]:
    """The addresses below `own` that begin so, by those that they have below `mount` as well."""
    return {
        address.replace(f" {own}", f" {mount}", 1): address
        for address in CLASSES
        if address.split(" ", 1)[1].startswith(tuple(own + each for each in begins))
    }


# What the setting PATHS adds, and the gateway's own address of the same.
MOVED = {
    **move("", OF_AWS, "/bedrock"),
    **move("/v1", IN_LITELLM, ""),
    **move("/v1", IN_ACCESS_GATEWAY, "/api/v1"),
    "GET /health": "GET /livez",
    "GET /health/liveliness": "GET /livez",
    "GET /health/liveness": "GET /livez",
    "GET /health/readiness": "GET /readyz",
}

# Calls on no model, to which rules on models do not apply.
WITHOUT_MODEL = (
    "GET /async-invoke",
    "GET /async-invoke/<path:arn>",
    "POST /guardrail-checks/invoke",
    "POST /guardrail/<path:guardrail>/version/<version>/apply",
)


def list_addresses(settings: Settings) -> Iterator[str]:
    for rule in create_app(settings).url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}"


SAMPLES = {
    f"{route.method} {mount}{route.path}": route.sample
    for dialect in load_dialects()
    for mount in dialect.mounts
    for route in dialect.routes
}
LABELS = {
    "<path:job>": JOB,
    "<path:arn>": JOB,
    "<path:guardrail>": "gr1",
    "<version>": "1",
    "<path:filename>": "none.css",
    "<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>": "swagger-ui.css",
}


@pytest.fixture(scope="module")
def governed(
    start_gateway: StartGateway, plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Governed:
    address = f"sqlite:///{tmp_path_factory.mktemp('matrix')}/gateway.db"
    own = {"BEDROCK_FLASK_REGION": "us-east-1", "BEDROCK_FLASK_PATHS": "litellm,access-gateway"}
    # Without keys in its settings: the database alone is why a caller needs one.
    alone = {"BEDROCK_FLASK_API_KEYS": "", "BEDROCK_FLASK_WORKERS": "1"}
    return start_governed(start_gateway, plain_environ, address, "gevent", **own, **alone)


@pytest.fixture(scope="module")
def keys(governed: Governed) -> dict[str, str]:
    return {
        "free": governed.create_key_with({}),
        "no dialect": governed.create_key_with({"dialects": []}),
        "no model": governed.create_key_with({"models": []}),
        "no region": governed.create_key_with({"regions": []}),
        "no network": governed.create_key_with({"networks": []}),
    }


def test_every_address_is_classified() -> None:
    assert sorted(list_addresses(Settings())) == sorted(CLASSES)
    moved = list_addresses(Settings(paths=("litellm", "access-gateway")))
    assert sorted(moved) == sorted([*CLASSES, *MOVED])


@pytest.mark.parametrize("address", sorted([*CLASSES, *MOVED]))
def test_each_kind_of_caller_gets_what_the_class_of_an_address_says(
    governed: Governed, keys: dict[str, str], emulator: Emulator, address: str
) -> None:
    own = MOVED.get(address, address)
    kind, body = CLASSES[own]
    method, path = address.split(" ", 1)
    for label, value in LABELS.items():
        path = path.replace(label, value)
    path = path.replace("<path:name>", REEL if "/jobs" in path else NOVA)
    body = SAMPLES[own] if body is ... else body
    stranger, wrong = (governed.send_with(key, path, body, method) for key in ("", "wrong"))
    answers = {name: governed.send_with(key, path, body, method) for name, key in keys.items() if name != "free"}
    assert not emulator.calls() or kind != CALL or own in WITHOUT_MODEL
    served = governed.send_with(keys["free"], path, body, method)
    if kind == PUBLIC:
        assert {answer.status_code for answer in (stranger, wrong, *answers.values(), served)} <= {200, 404, 503}
        return
    for answer in (stranger, wrong):
        assert answer.status_code in (401, 403), answer.text
        assert "Send an API key of this gateway" in answer.text
    assert served.status_code not in (401, 403), served.text
    assert is_refused(answers["no network"])
    expected = {
        "no dialect": kind == CALL,
        "no region": kind in (MODEL, CALL),
        "no model": kind in (MODEL, CALL) and own not in WITHOUT_MODEL,
    }
    assert {name: is_refused(answers[name]) for name in expected} == expected
    assert bool(emulator.calls()) is (kind == CALL), served.text


def is_refused(answer: Any) -> bool:
    return answer.status_code == 403 and "Who administers this gateway" in json.dumps(answer.json())
