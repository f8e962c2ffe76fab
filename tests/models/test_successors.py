"""An alias may name its successor, which is called from a day on, or from the end of its model's life."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bedrock_flask.bedrock.offers import Offer, OfferedModel
from bedrock_flask.errors import ModelsFileError
from bedrock_flask.models import loading, models_file, resolver
from bedrock_flask.models.discovery import Discovery
from bedrock_flask.models.lifecycle import find_today
from bedrock_flask.models.resolver import Models

REGISTRY = loading.load_registry()
OLD, NEW = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"


def make_models(folder: Path, text: str) -> Models:
    path = folder / "models.toml"
    path.write_text(text)
    return Models(REGISTRY, models_file.read_models_file(path, REGISTRY), region="us-east-1")


def offer(ends_on: date) -> Discovery:
    listed = Offer({OLD: OfferedModel(id=OLD, is_legacy=True, ends_on=str(ends_on))})
    return Discovery(lambda region: listed, run=lambda function: function())


@pytest.mark.parametrize(("days", "called"), [(-1, NEW), (0, NEW), (1, OLD)])
def test_it_is_called_from_its_day_on(tmp_path: Path, days: int, called: str) -> None:
    day = find_today() + timedelta(days=days)
    for written in (f'"{day}"', str(day)):
        text = f'[models.fast]\nid = "{OLD}"\nsuccessor = "{NEW}"\nsuccessor_from = {written}\nvalidate = "warn"\n'
        model = make_models(tmp_path, text).resolve("fast")
        assert (model.name, model.id, model.validate) == ("fast", called, "warn")
        assert model.replaces == (OLD if called == NEW else "")


def test_a_gateway_that_runs_meanwhile_calls_it_from_that_day_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow = find_today() + timedelta(days=1)
    models = make_models(tmp_path, f'[models.fast]\nid = "{OLD}"\nsuccessor = "{NEW}"\nsuccessor_from = {tomorrow}\n')
    assert models.resolve("fast").id == OLD
    monkeypatch.setattr(resolver, "find_today", lambda: tomorrow)
    assert models.resolve("fast").id == NEW


@pytest.mark.parametrize(("days", "called"), [(0, NEW), (1, OLD)])
def test_it_is_called_once_the_account_is_not_served_the_model_any_more(tmp_path: Path, days: int, called: str) -> None:
    models = make_models(tmp_path, f'[models.fast]\nid = "{OLD}"\nsuccessor = "{NEW}"\n')
    assert models.resolve("fast").id == OLD
    models = replace(models, discovery=offer(find_today() + timedelta(days=days)))
    assert models.resolve("fast").id == called


def test_a_successor_may_be_any_name(tmp_path: Path) -> None:
    text = f"""
    [models.a]
    id = "{OLD}"
    successor = "b"
    successor_from = 2026-01-01
    [models.b]
    id = "{NEW}"
    region = "eu-west-1"
    [models.c]
    id = "{OLD}"
    successor = "claude-haiku-4-5"
    successor_from = 2026-01-01
    """
    models = make_models(tmp_path, text)
    assert (models.resolve("a").id, models.resolve("a").region) == (NEW, "eu-west-1")
    assert models.resolve("c").id == "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert models.resolve("c").adapter.name == "claude"


def test_a_successor_by_its_id_is_called_by_the_surfaces_that_take_its_profile(tmp_path: Path) -> None:
    text = f'[models.a]\nid = "{OLD}"\nsuccessor = "anthropic.claude-sonnet-5-5"\nsuccessor_from = 2026-01-01\n'
    models = make_models(tmp_path, text)
    model = models.resolve("a")
    assert model.id == "us.anthropic.claude-sonnet-5-5"
    assert model.surfaces == models.resolve(model.id).surfaces
    assert model.is_profile


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[models.a]\nid = "x.y"\nsuccessor = "a"\n', "successor: the names lead in a loop, a → a"),
        (
            '[models.a]\nid = "x.y"\nsuccessor = "b"\n[models.b]\nid = "x.y"\nsuccessor = "a"\n',
            "[models.b] successor: the names lead in a loop, b → a → b",
        ),
        ('[models.a]\nid = "x.y"\nsuccessor = "nowa"\n', "'nowa' is not an alias, an adapter or a Bedrock id"),
        ('[models.a]\nid = "x.y"\nsuccessor_from = 2027-01-31\n', "successor_from: needs a successor"),
        ('[models.a]\nid = "x.y"\nsuccessor = "nova"\nsuccessor_from = "soon"\n', "is not a day such as 2027-01-31"),
    ],
)
def test_a_bad_one_is_refused_when_the_file_is_read(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ModelsFileError) as caught:
        make_models(tmp_path, text)
    assert fault in caught.value.detail
