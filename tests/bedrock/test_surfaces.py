"""The table of AWS's surfaces agrees with the clients that OpenAI and Anthropic publish for them."""

import anthropic
import pytest
from anthropic.lib.bedrock._mantle import DEFAULT_SERVICE_NAME
from openai.lib.bedrock import BedrockOpenAI

from bedrock_flask.bedrock import surfaces
from bedrock_flask.bedrock.operations import OPERATIONS, RUNTIME
from bedrock_flask.bedrock.surfaces import COUNTERS, MANTLE, MANTLE_HOST, SIGNING_NAMES, SURFACES

REGION = "us-east-2"


def test_anthropics_client_calls_the_same_addresses() -> None:
    client = anthropic.AnthropicBedrockMantle(api_key="k", aws_region=REGION)
    base = f"https://{MANTLE_HOST.format(region=REGION)}"
    assert f"{client.base_url}".rstrip("/") + "/v1/messages" == base + SURFACES["mantle/messages"].path
    assert base + COUNTERS["mantle/messages/count_tokens"].path == (
        f"{client.base_url}".rstrip("/") + "/v1/messages/count_tokens"
    )
    assert SIGNING_NAMES[SURFACES["mantle/messages"].endpoint] == DEFAULT_SERVICE_NAME


@pytest.mark.parametrize(("resource", "path"), [("chat", "/chat/completions"), ("responses", "/responses")])
def test_openais_client_calls_the_same_addresses(resource: str, path: str) -> None:
    client = BedrockOpenAI(api_key="k", aws_region=REGION)
    base = f"https://{MANTLE_HOST.format(region=REGION)}"
    assert f"{client.base_url}".rstrip("/") + path == base + SURFACES[f"mantle/openai/{resource}"].path


def test_each_surface_is_signed_for_its_endpoint() -> None:
    names = {(surface.endpoint, SIGNING_NAMES[surface.endpoint]) for surface in SURFACES.values()}
    assert names == {(RUNTIME, "bedrock"), (MANTLE, MANTLE)}


def test_a_call_names_an_operation_or_a_surface() -> None:
    assert not OPERATIONS.keys() & surfaces.CALLED.keys()
    assert [surfaces.name_surface(name) for name in ("Converse", "InvokeModel", "runtime/chat", "CountTokens")] == [
        *("converse", "invoke", "runtime/chat", "")
    ]
