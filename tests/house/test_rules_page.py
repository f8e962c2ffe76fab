"""Every rule of Bedrock's has its source."""

from bedrock_flask.capabilities import RULES, Capabilities
from bedrock_flask.models import loading


def test_every_rule_of_a_built_in_adapter_names_its_source() -> None:
    loaded = loading.load_registry()
    own = [each for each in loaded.adapters.values() if loaded.sources[each.name].startswith("built in")]
    default = Capabilities()
    missing = {
        (adapter.name, name)
        for adapter in own
        for able in adapter.models.values()
        for name in RULES
        if getattr(able, name) != getattr(default, name) and not adapter.sources.get(name)
    }
    assert missing == set()
    assert all(
        pattern in adapter.models
        for adapter in own
        for each in adapter.sources.values()
        for pattern in [source.models for source in each if source.models]
    )
