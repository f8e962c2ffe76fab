"""bedrock-runtime and bedrock-mantle on one address: which is called, which models each serves, who may call."""

import json
from datetime import UTC, datetime
from typing import Any

import anthropic
import openai
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from openai.providers.bedrock import bedrock

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import MANTLE
from bedrock_flask.emulator.environ import make_client_environ, make_compatible_environ
from bedrock_flask.emulator.surfaces.endpoints import find_endpoint
from tests.doubles import Emulator
from tests.emulator.surfaces.conftest import CLAUDE, CLAUDES_PROFILE, CONVERSE, FRONTIER, KEY, OPEN, PROFILE, SECRET

MESSAGES: Any = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("path", "host", "service", "endpoint"),
    [
        ("/openai/v1/responses", "127.0.0.1:8001", "", RUNTIME),
        ("/openai/v1/responses", "127.0.0.1:8001", "bedrock", RUNTIME),
        ("/openai/v1/responses", "127.0.0.1:8001", "bedrock-mantle", MANTLE),
        ("/openai/v1/responses", "bedrock-mantle.us-east-1.api.aws", "bedrock", MANTLE),
        ("/openai/v1/responses", "BEDROCK-MANTLE.localhost:8001", "", MANTLE),
        ("/openai/v1/responses", "bedrock-runtime.us-east-1.amazonaws.com", "bedrock-mantle", RUNTIME),
        ("/openai/v1/responses", "bedrock-runtime-fips.us-east-1.amazonaws.com", "", RUNTIME),
        ("/bedrock-mantle/openai/v1/responses", "bedrock-runtime.us-east-1.amazonaws.com", "bedrock", MANTLE),
        ("/v1/responses", "127.0.0.1:8001", "bedrock", MANTLE),
        ("/anthropic/v1/messages", "bedrock-mantle-2.example", "", RUNTIME),
    ],
)
def test_path_host_and_signature_decide_in_this_order(path: str, host: str, service: str, endpoint: str) -> None:
    assert find_endpoint(path, host, service) == endpoint


def test_openais_own_client_of_bedrock_reaches_the_endpoint_that_it_is_made_for(
    surfaces: Emulator, called: Any
) -> None:
    keys = {"access_key_id": "emulator", "secret_access_key": "emulator", "region": "us-east-1"}
    for endpoint, model in (("mantle", FRONTIER), ("runtime", PROFILE)):
        provider = bedrock(endpoint=endpoint, base_url=f"{surfaces.url}/openai/v1", **keys)  # type: ignore[arg-type]
        with openai.OpenAI(provider=provider, max_retries=0) as client:
            assert client.responses.create(model=model, input="Hi").output_text
    assert called() == ["mantle/openai/responses", "runtime/responses"]


def test_the_variables_lead_unmodified_clients_here(
    surfaces: Emulator, called: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (make_client_environ(surfaces.url, {}) | make_compatible_environ(surfaces.url)).items():
        monkeypatch.setenv(name, value)
    with openai.OpenAI(max_retries=0) as client:
        client.chat.completions.create(model=OPEN, messages=MESSAGES)
    with openai.OpenAI(provider=bedrock(), max_retries=0) as client:
        client.responses.create(model=FRONTIER, input="Hi")
    with anthropic.Anthropic(max_retries=0) as claude:
        claude.messages.create(model=CLAUDES_PROFILE, messages=MESSAGES, max_tokens=20)
    with anthropic.AnthropicBedrockMantle(max_retries=0) as mantle:
        mantle.messages.create(model=CLAUDE, messages=MESSAGES, max_tokens=20)
    assert called() == ["runtime/chat", "mantle/openai/responses", "runtime/messages", "mantle/messages"]


def test_the_command_shows_the_variables(surfaces: Emulator) -> None:
    shown = surfaces.log.read_text().split()
    assert f"AWS_ENDPOINT_URL_BEDROCK_MANTLE={surfaces.url}/bedrock-mantle" in shown
    assert f"OPENAI_BASE_URL={surfaces.url}/openai/v1" in shown
    assert f"ANTHROPIC_BASE_URL={surfaces.url}/anthropic" in shown


# --- models -----------------------------------------------------------------------------------------------------------

UNSERVED = {
    "another prefix": (
        "/bedrock-mantle/v1",
        FRONTIER,
        400,
        "validation_error",
        f"model `{FRONTIER}` isn't supported on this route",
    ),
    "another API": (
        "/bedrock-mantle/v1",
        CLAUDE,
        400,
        "validation_error",
        f"The model '{CLAUDE}' does not support the '/v1/chat/completions' API",
    ),
    "a profile on mantle": (
        "/bedrock-mantle/openai/v1",
        PROFILE,
        404,
        "not_found_error",
        f"The model '{PROFILE}' does not exist",
    ),
    "a model of runtime": (
        "/bedrock-mantle/v1",
        CONVERSE,
        404,
        "not_found_error",
        f"The model '{CONVERSE}' does not exist",
    ),
    "no model at all": (
        "/bedrock-mantle/v1",
        "acme.unknown",
        404,
        "not_found_error",
        "The model 'acme.unknown' does not exist",
    ),
    "a model that runtime serves by Converse alone": (
        "/openai/v1",
        CONVERSE,
        404,
        "model_not_found",
        "doesn't support this API",
    ),
    "a model without its profile": (
        "/openai/v1",
        FRONTIER,
        400,
        "validation_error",
        "with on-demand throughput isn",
    ),
}


@pytest.mark.parametrize("case", UNSERVED)
def test_a_model_that_aws_does_not_serve_there_is_refused_in_its_words(surfaces: Emulator, case: str) -> None:
    path, model, status, code, words = UNSERVED[case]
    response = surfaces.post(f"{path}/chat/completions", {"model": model, "messages": MESSAGES})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert words in error["message"]


def test_messages_refuses_a_model_of_another_format(surfaces: Emulator) -> None:
    body = {"model": OPEN, "messages": MESSAGES, "max_tokens": 20}
    for path, status in (("/anthropic", 404), ("/bedrock-mantle/anthropic", 400)):
        response = surfaces.post(f"{path}/v1/messages", body)
        assert response.status_code == status
        assert response.json()["type"] == "error"


def test_mantle_lists_its_models_by_one_path_alone(openai_client: Any) -> None:
    listed = openai_client("/bedrock-mantle/v1").models.list().data
    ids = {model.id for model in listed}
    assert {FRONTIER, OPEN, CLAUDE} <= ids
    assert CONVERSE not in ids
    assert openai_client("/v1").models.retrieve(OPEN).owned_by == "acme"
    with pytest.raises(openai.NotFoundError):
        openai_client("/v1").models.retrieve(CONVERSE)
    for path in ("/bedrock-mantle/openai/v1", "/openai/v1"):
        with pytest.raises(openai.NotFoundError):
            openai_client(path).models.list()


def test_what_neither_endpoint_has_is_refused_in_the_shape_of_its_path(surfaces: Emulator) -> None:
    for path in ("/v1/embeddings", "/openai/v1/files", "/bedrock-mantle/v1/batches"):
        response = surfaces.post(path, {})
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found_error")
    assert surfaces.post("/anthropic/v1/files", {}).json()["error"]["type"] == "not_found_error"


# --- who may call -----------------------------------------------------------------------------------------------------


def sign(url: str, body: bytes, service: str, secret: str = SECRET) -> dict[str, str]:
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
    SigV4Auth(Credentials(KEY, secret), service, "us-east-1").add_auth(request)
    return dict(request.headers)


CALL = json.dumps({"model": OPEN, "messages": MESSAGES}).encode()
CALLERS = {
    "no key": ("/openai/v1", {}, 403),
    "a bearer key": ("/openai/v1", {"authorization": f"Bearer {SECRET}"}, 200),
    "a wrong bearer key": ("/openai/v1", {"authorization": "Bearer wrong"}, 401),
    "an empty bearer key": ("/openai/v1", {"authorization": "Bearer "}, 401),
    "a bearer key on mantle": ("/bedrock-mantle/v1", {"authorization": f"Bearer {SECRET}"}, 200),
    "a wrong bearer key on mantle": ("/bedrock-mantle/v1", {"authorization": "Bearer wrong"}, 401),
    "a key in Anthropic's header": ("/bedrock-mantle/v1", {"x-api-key": SECRET}, 200),
    "a wrong key in Anthropic's header": ("/bedrock-mantle/v1", {"x-api-key": "wrong"}, 401),
}
SIGNERS = {
    "runtime's service": ("/openai/v1", "bedrock", SECRET, 200),
    "mantle's service": ("/bedrock-mantle/v1", "bedrock-mantle", SECRET, 200),
    "runtime's service on mantle": ("/bedrock-mantle/v1", "bedrock", SECRET, 200),
    "another service": ("/openai/v1", "s3", SECRET, 403),
    "another service on mantle": ("/bedrock-mantle/v1", "s3", SECRET, 403),
    "a wrong secret": ("/bedrock-mantle/v1", "bedrock-mantle", "wrong", 403),
}


@pytest.mark.parametrize("case", CALLERS)
def test_a_key_is_checked(locked: Emulator, case: str) -> None:
    path, headers, status = CALLERS[case]
    response = locked.post(f"{path}/chat/completions", CALL, headers=headers)
    assert response.status_code == status
    if status == 401:
        assert response.json()["error"]["code"] == "invalid_api_key"
    if status == 403:
        assert response.json()["error"]["code"] == "access_denied"


@pytest.mark.parametrize("case", SIGNERS)
def test_a_signature_is_checked_with_its_service(locked: Emulator, case: str) -> None:
    path, service, secret, status = SIGNERS[case]
    url = f"{locked.url}{path}/chat/completions"
    response = locked.post(f"{path}/chat/completions", CALL, headers=sign(url, CALL, service, secret))
    assert response.status_code == status, response.text


def test_sdks_with_keys_are_let_in_and_without_are_not(locked: Emulator) -> None:
    with anthropic.AnthropicBedrockMantle(
        base_url=f"{locked.url}/bedrock-mantle/anthropic",
        aws_region="us-east-1",
        aws_access_key=KEY,
        aws_secret_key=SECRET,
        max_retries=0,
    ) as mantle:
        assert mantle.messages.create(model=CLAUDE, messages=MESSAGES, max_tokens=20).content
    with (
        anthropic.Anthropic(base_url=f"{locked.url}/anthropic", api_key="wrong", max_retries=0) as claude,
        pytest.raises(anthropic.AuthenticationError),
    ):
        claude.messages.create(model=CLAUDES_PROFILE, messages=MESSAGES, max_tokens=20)


def test_no_key_is_kept_in_the_log(locked: Emulator) -> None:
    locked.post("/openai/v1/chat/completions", CALL, headers={"x-api-key": SECRET})
    assert SECRET not in json.dumps(locked.calls())
    assert datetime.fromisoformat(locked.calls()[-1]["at"]) <= datetime.now(UTC)
