"""The surface of a model: by its id, the client's format, the plugin's order and what is enabled."""

from pathlib import Path

import pytest

from bedrock_flask.models import loading, models_file
from bedrock_flask.models.resolver import Models
from bedrock_flask.models.surfaces import Way, choose_native_way, choose_way, serve_by

REGISTRY = loading.load_registry()


def load(tmp_path: Path, *enabled: str) -> Models:
    return Models(REGISTRY, models_file.read_models_file("", REGISTRY), enabled=frozenset(enabled))


@pytest.mark.parametrize(
    ("model", "wire", "surface"),
    [
        ("us.openai.gpt-5.6-sol", "openai_responses", "runtime/responses"),
        ("us.openai.gpt-5.6-sol", "openai_chat", "runtime/chat"),
        ("us.openai.gpt-5.6-sol", "anthropic", "converse"),
        ("openai.gpt-5.6-sol", "openai_chat", "mantle/openai/chat"),
        ("openai.gpt-5.5", "openai_responses", "mantle/openai/responses"),
        ("us.openai.gpt-5.5", "openai_chat", "converse"),
        ("google.gemma-4-31b", "anthropic", "mantle/openai/chat"),
        ("google.gemma-4-31b", "openai_responses", "mantle/openai/responses"),
        ("xai.grok-4.3", "openai_chat", "mantle/openai/chat"),
        ("us.xai.grok-4.7", "openai_chat", "runtime/chat"),
        ("us.xai.grok-4.7", "openai_responses", "converse"),
        ("openai.gpt-oss-120b-1:0", "openai_chat", "converse"),
        ("openai.gpt-oss-120b", "openai_responses", "mantle/responses"),
        ("us.anthropic.claude-opus-4-8", "anthropic", "invoke"),
        ("us.anthropic.claude-opus-4-8", "openai_chat", "converse"),
    ],
)
def test_each_client_has_its_surface(tmp_path: Path, model: str, wire: str, surface: str) -> None:
    way = choose_way(load(tmp_path).resolve(model, "us-east-1").ways, wire)
    assert way is not None
    assert way.name == surface


def test_what_is_not_enabled_is_not_chosen(tmp_path: Path) -> None:
    models = load(tmp_path, "converse", "mantle/openai/responses")
    by_profile = models.resolve("us.openai.gpt-5.6-sol", "us-east-1")
    assert by_profile.surfaces == ("converse",)
    assert models.resolve("openai.gpt-5.6-sol", "us-east-1").surfaces == ("mantle/openai/responses",)
    assert models.resolve("us.xai.grok-4.3", "us-east-1").surfaces == ()
    # Bedrock names the profile to use.
    assert models.resolve("anthropic.claude-sonnet-5-5", "us-east-1").surfaces == ("converse",)


def test_the_native_route_has_the_body_of_the_adapter_or_of_the_first_surface(tmp_path: Path) -> None:
    for name, surface in (("google.gemma-4-31b", "mantle/openai/chat"), ("google.gemma-3-27b-it", "invoke")):
        model = load(tmp_path).resolve(name, "us-east-1")
        way = choose_native_way(model.ways, model.adapter)
        assert way is not None
        assert way.name == surface


def test_a_model_that_is_served_one_way_speaks_that_alone(tmp_path: Path) -> None:
    model = load(tmp_path, "mantle/openai/responses").resolve("openai.gpt-5.5", "us-east-1")
    [way] = model.ways
    served = model.serve_by(way)
    assert dict(served.adapter.speaks) == {"openai_responses": "mantle/openai/responses"}
    assert served is model.serve_by(way)
    assert served.adapter.find_faults(dict(served.adapter.sample)) == []


def test_a_surface_that_takes_no_schema_for_the_answer_takes_none_of_any_model() -> None:
    adapter, able = REGISTRY.pick("anthropic.claude-opus-4-6-v1")
    assert able.structured
    for name, structured in (("runtime/messages", True), ("mantle/messages", False)):
        assert serve_by(adapter, able, Way(name, name, "anthropic"))[1].structured is structured


def test_a_surface_takes_neither_body_of_a_models_own() -> None:
    adapter, able = REGISTRY.pick("meta.llama3-3-70b-instruct-v1:0")
    prompt = dict(adapter.sample)
    assert [form.has_members(prompt) for form in adapter.forms] == [True, False]
    served, _ = serve_by(adapter, able, Way("runtime/chat", "runtime/chat", "openai_chat"))
    assert served.forms == (served,)
    assert served.for_body(prompt) is served
