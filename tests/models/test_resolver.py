"""What a model's name in a request means."""

from pathlib import Path

import pytest

from bedrock_flask.errors import ModelNotListed, ModelsFileError, UnknownModel
from bedrock_flask.models import loading, models_file
from bedrock_flask.models.resolver import Models

FILE = """
[models.fast]
id = "amazon.nova-lite-v1:0"
profile = "eu.amazon.nova-lite-v1:0"
region = "eu-west-1"
description = "For drafts."

[models.team]
id = "anthropic.claude-opus-4-6-v1"
arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
validate = "warn"

[models.hidden]
arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/def456"
adapter = "nova"

[models.other]
id = "acme.verse-4.7"
"""


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return make_models(tmp_path, FILE)


def make_models(folder: Path, text: str, policy: str = "any") -> Models:
    path = folder / "models.toml"
    path.write_text(text)
    loaded = loading.load_registry()
    return Models(loaded, models_file.read_models_file(path, loaded), policy)


def test_an_alias_stands_for_its_profile_and_region(models: Models) -> None:
    model = models.resolve("fast")
    assert (model.id, model.region, model.adapter.name) == ("eu.amazon.nova-lite-v1:0", "eu-west-1", "nova")
    assert model.description == "For drafts."


def test_an_arn_hides_its_model_so_the_id_chooses_the_adapter(models: Models) -> None:
    model = models.resolve("team")
    assert model.id.endswith("application-inference-profile/abc123")
    assert (model.adapter.name, model.validate) == ("claude", "warn")
    assert model.capabilities == models.resolve("anthropic.claude-opus-4-6-v1").capabilities


def test_an_alias_may_name_its_adapter(models: Models) -> None:
    assert models.resolve("hidden").adapter.name == "nova"


def test_an_alias_that_names_its_models_own_adapter_keeps_the_models_capabilities(tmp_path: Path) -> None:
    own = make_models(tmp_path, '[models.own]\nid = "anthropic.claude-opus-4-6-v1"\nadapter = "claude"\n').resolve(
        "own"
    )
    assert own.adapter.name == "claude"
    assert own.capabilities != next(iter(own.adapter.models.values()))
    assert own.capabilities == make_models(tmp_path, "").resolve("anthropic.claude-opus-4-6-v1").capabilities


def test_an_adapters_name_calls_its_default_model(models: Models) -> None:
    model = models.resolve("nova")
    assert model.id == model.adapter.model
    assert models.resolve(model.id).adapter.name == "nova"


@pytest.mark.parametrize("name", ["amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0", "deepseek.v3.2", "a.b"])
def test_an_id_is_called_as_it_is(models: Models, name: str) -> None:
    assert models.resolve(name).id == name


@pytest.mark.parametrize("name", ["gpt-4.1", "claude-3.5-sonnet", "nope", "", "a b.c", "arn:aws:s3:::bucket", "../x"])
def test_anything_else_is_unknown(models: Models, name: str) -> None:
    with pytest.raises(UnknownModel):
        models.resolve(name)


def test_a_name_longer_than_any_id_is_unknown(models: Models) -> None:
    assert models.resolve("acme." + "x" * 2043).id
    with pytest.raises(UnknownModel) as refused:
        models.resolve("acme." + "x" * 2044)
    assert len(str(refused.value)) < 1000


def test_an_unknown_name_is_told_the_nearest(models: Models) -> None:
    with pytest.raises(UnknownModel, match=r"Nearest: fast"):
        models.resolve("fsat")
    with pytest.raises(UnknownModel, match=r"Nearest: nova"):
        models.resolve("Novaa")


def test_the_generic_adapters_name_is_no_model(models: Models) -> None:
    with pytest.raises(UnknownModel, match="takes any Bedrock id"):
        models.resolve("converse")


def test_listed_closes_ids_that_nobody_claims_and_the_file_does_not_name(tmp_path: Path) -> None:
    models = make_models(tmp_path, FILE, "listed")
    assert models.resolve("acme.verse-4.7").adapter.name == "converse"
    assert models.resolve("other").id == "acme.verse-4.7"
    assert models.resolve("amazon.nova-lite-v1:0").adapter.name == "nova"
    with pytest.raises(ModelNotListed):
        models.resolve("acme.verse-4.6")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[models.x]\nid = 1", "[models.x] id:"),
        ("[models.x]\nid = 'a.b\u00fc'", "[models.x] id:"),
        ("[models.'a b/c']\nid = 'a.b'", "a name consists of letters"),
        ("[models.x]\nidd = 'a.b'", "[models.x] idd:"),
        ("[models.x]\ndescription = 'x'", "give the Bedrock id"),
        ("[models.x]\nid = 'a.b'\nadapter = 'none'", "no plugin registers 'none'"),
        ("[models.nova]\nid = 'a.b'", "is the name of an adapter"),
        ("[models.nova]\nid = 'amazon.nova-lite-v1:0'\nadapter = 'claude'", "is the name of an adapter"),
        ("[models.x]\nid = 'a.b'\nvalidate = 'no'", "validate:"),
        ("[models.x]\nid = 'a.b'\nregion = 'mars'", "region:"),
        ("[model.x]\nid = 'a.b'", "'model' is not known"),
        ("models = 1", "[models.NAME]"),
        ("[models]\nx = 1", "[models.x]"),
        ("[models.x]\nid = 'a.b'\narn = 'arn:aws:x'\nprofile = 'us.a.b'", "arn: cannot be combined with a profile"),
        ('[models.x]\nid = "a.b\\n"', "[models.x] id:"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_models_file_that_does_not_hold_says_where(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ModelsFileError) as refused:
        make_models(tmp_path, text)
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_is_resolved_once_for_each_region(models: Models) -> None:
    assert models.resolve("fast") is models.resolve("fast")
    assert models.resolve("claude", "eu-west-1").id != models.resolve("claude", "us-east-1").id


def test_the_names_of_callers_do_not_pile_up(models: Models) -> None:
    for number in range(2_500):
        assert models.resolve(f"amazon.nova-lite-v{number}").name == f"amazon.nova-lite-v{number}"
    assert len(models._resolved) <= 1_000
