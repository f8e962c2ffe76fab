"""Names that a model has in its provider's own API, and suffixes that name a context window."""

from pathlib import Path

import pytest

from bedrock_flask.adapter import KnownModel
from bedrock_flask.errors import UnknownModel
from bedrock_flask.models import loading, models_file
from bedrock_flask.models.context_suffix import split_suffix
from bedrock_flask.models.profiles import choose_id
from bedrock_flask.models.resolver import Models

REGISTRY = loading.load_registry()
NO_ALIASES: dict[str, models_file.Alias] = {}


def make_models(region: str = "us-east-1") -> Models:
    return Models(REGISTRY, NO_ALIASES, "any", region)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-opus-4-6", "anthropic.claude-opus-4-6-v1"),
        ("claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("claude-sonnet-4-5-20250929", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-opus-5-5", "anthropic.claude-opus-5-5"),
        ("claude-3-7-sonnet-latest", "anthropic.claude-3-7-sonnet-20250219-v1:0"),
    ],
)
@pytest.mark.parametrize("region", ["us-west-2", "eu-central-1", "ap-southeast-1", ""])
def test_a_providers_own_name_calls_the_model_from_the_region(name: str, model: str, region: str) -> None:
    found = make_models(region).resolve(name)
    assert REGISTRY.strip_profile_prefix(found.id) == model
    assert (found.name, found.adapter.name) == (name, "claude")
    assert found.capabilities == make_models().resolve(model).capabilities


@pytest.mark.parametrize(
    ("region", "called"),
    [
        ("us-east-1", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("ca-central-1", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("eu-north-1", "eu.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("ap-northeast-1", "jp.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("ap-northeast-2", "global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("ap-southeast-2", "au.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("sa-east-1", "global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("", "global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        # No profile of another partition: Bedrock says what is wrong.
        ("us-gov-west-1", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    ],
)
def test_a_model_that_needs_a_profile_is_called_by_the_narrowest_one(region: str, called: str) -> None:
    assert make_models(region).resolve("claude-haiku-4-5").id == called
    # The region of the call counts.
    assert make_models("eu-west-1").resolve("claude-haiku-4-5", region).id == (
        called if region else "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
    )


def test_a_model_is_called_by_its_own_id_where_it_can_be() -> None:
    known = KnownModel(name="A", profiles=("us", "global"), regions=("us-east-1",))
    assert choose_id("a.b", known, "us-east-1") == "a.b"
    assert choose_id("a.b", known, "us-west-2") == "us.a.b"
    assert choose_id("a.b", KnownModel(name="A", profiles=("us",)), "us-west-2") == "a.b"


def test_an_adapters_name_is_called_by_the_profile_too() -> None:
    assert make_models("us-east-1").resolve("claude").id == "us.anthropic.claude-opus-4-6-v1"
    assert make_models("eu-west-2").resolve("claude").id == "anthropic.claude-opus-4-6-v1"
    listed = [each.id for each in make_models("eu-west-1").list_models()]
    assert {"eu.anthropic.claude-opus-4-6-v1", "amazon.nova-lite-v1:0"} < {*listed}
    # A Bedrock id is the caller's own.
    assert make_models().resolve("anthropic.claude-opus-4-6-v1").id == "anthropic.claude-opus-4-6-v1"


def test_an_alias_of_that_name_wins(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(
        '[models."claude-opus-4-6"]\nid = "amazon.nova-lite-v1:0"\n'
        '[models."claude-opus-4-6[1m]"]\nid = "anthropic.claude-opus-4-7"\n'
    )
    models = Models(REGISTRY, models_file.read_models_file(path, REGISTRY), "listed", "us-east-1")
    assert models.resolve("claude-opus-4-6").id == "amazon.nova-lite-v1:0"
    assert models.resolve("claude-opus-4-6[1m]").id == "anthropic.claude-opus-4-7"
    assert [each.id for each in models.list_named() if each.name == "claude-opus-4-6"] == ["amazon.nova-lite-v1:0"]


def test_a_name_that_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(UnknownModel, match="claude-opus-4-7"):
        make_models().resolve("claude-opus-4-77")


def test_the_list_to_choose_from_has_names_and_titles() -> None:
    listed = {model.name: model for model in make_models().list_named()}
    assert listed["claude-haiku-5-5"].title == "Claude Haiku 5.5"
    assert listed["claude-haiku-5-5"].id == "us.anthropic.claude-haiku-5-5"
    assert listed["claude"].title == "Claude Opus 4.6 (claude)"
    # Legacy models can be called, but are not offered.
    assert "claude-sonnet-4-20250514" not in listed
    assert make_models().resolve("claude-sonnet-4-20250514").id == "us.anthropic.claude-sonnet-4-20250514-v1:0"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("claude[1m]", "us.anthropic.claude-opus-4-6-v1"),
        ("us.anthropic.claude-opus-4-7[1m]", "us.anthropic.claude-opus-4-7"),
        ("global.anthropic.claude-opus-5-5[1M]", "global.anthropic.claude-opus-5-5"),
        ("claude-opus-4-8[200k]", "anthropic.claude-opus-4-8"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0[200k]", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    ],
)
def test_a_suffix_that_names_a_context_window_is_not_sent(name: str, called: str) -> None:
    found = make_models().resolve(name)
    assert (found.id, found.name, found.needs_long_context, found.dropped) == (called, name, False, ())


@pytest.mark.parametrize("name", ["claude-sonnet-4-5[1m]", "eu.anthropic.claude-sonnet-4-20250514-v1:0[1m]"])
def test_a_model_that_needs_a_beta_for_the_window_is_marked(name: str) -> None:
    assert make_models().resolve(name).needs_long_context


@pytest.mark.parametrize(
    "name", ["claude-haiku-4-5[1m]", "us.anthropic.claude-opus-4-5-20251101-v1:0[1m]", "claude-opus-4-7[2m]"]
)
def test_a_model_without_such_a_window_is_refused(name: str) -> None:
    with pytest.raises(UnknownModel, match="has no context window of"):
        make_models().resolve(name)


def test_a_suffix_of_a_model_whose_window_is_not_known_is_reported() -> None:
    assert make_models().resolve("nova[1m]").dropped == ("model: [1m]",)
    assert make_models().resolve("nova[200k]").dropped == ()


@pytest.mark.parametrize("name", ["claude", "[1m]", "claude[]", "claude[m]", "claude[0m]", "claude[1g]", "claude[1m]x"])
def test_other_brackets_are_no_suffix(name: str) -> None:
    assert split_suffix(name) is None
