"""Every rule of Bedrock's has its source."""

from collections.abc import Iterator

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.model_ids import patterns_overlap
from bedrock_flask.bedrock_rules import RULES
from bedrock_flask.models import loading
from bedrock_flask.models.registry import GENERIC


def list_built_in() -> list[Adapter]:
    loaded = loading.load_registry()
    return [each for each in loaded.adapters.values() if loaded.sources[each.name].startswith("built in")]


def find_missing(adapters: list[Adapter]) -> Iterator[tuple[str, str]]:
    """The patterns and rules that say more than is known of any model, without a source that covers the pattern."""
    [anything] = [each.models[GENERIC] for each in adapters if GENERIC in each.models]
    for adapter in adapters:
        for pattern, able in adapter.models.items():
            for name in RULES:
                if able.output != "text" or getattr(able, name) == getattr(anything, name):
                    continue
                sources = adapter.sources.get(name, ())
                if not any(not source.models or patterns_overlap(source.models, pattern) for source in sources):
                    yield pattern, name


def test_every_rule_of_a_built_in_adapter_names_its_source() -> None:
    assert list(find_missing(list_built_in())) == []


def test_every_source_covers_a_pattern_of_its_adapter() -> None:
    for adapter in list_built_in():
        for sources in adapter.sources.values():
            for source in sources:
                covers = not source.models or any(patterns_overlap(source.models, each) for each in adapter.models)
                assert covers, (adapter.name, source)
