"""The generated pages about families of models: one for each, an index of them, and an index of all models."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from markdown_tables import code, escape, format_members, format_table

from bedrock_flask.adapter import Adapter, KnownModel
from bedrock_flask.bedrock.operations import STREAMING
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.json_schema import to_json_schema
from bedrock_flask.models.listing import list_spoken
from bedrock_flask.models.registry import GENERIC, Registry

# What models take; docs/reference/bedrock-rules.md has what each refuses.
_TAKEN = ("tools", "system", "images", "documents", "video", "audio", "reasoning", "structured", "cache")


def list_built_in(registry: Registry) -> list[Adapter]:
    """The adapters that come with the gateway, the generic one last."""
    own = [each for each in registry.adapters.values() if registry.sources[each.name].startswith("built in")]
    return sorted(own, key=lambda each: (GENERIC in each.models, each.name))


def write_index(registry: Registry) -> str:
    """The page that lists the families."""
    rows = [
        (
            f"[{adapter.name}](families/{adapter.name}.md)",
            escape(adapter.description),
            ", ".join(dict.fromkeys(each.output for each in adapter.models.values())),
            _join_codes(_list_surfaces(adapter)),
            str(len(adapter.known_models) or ""),
        )
        for adapter in list_built_in(registry)
    ]
    return f"""# Families of models

The adapters that come with the gateway, one for each family. `GET /v1/models` also lists those of your plugins, and
`GET /v1/models/NAME/schema` returns the JSON Schema that the tables of their pages are made from.
[All models](all-models.md) lists every id.

```{{toctree}}
:hidden:
:glob:

families/*
```

{format_table(("family", "what it is", "writes", "surfaces", "known ids"), rows)}"""


def write_all_models(registry: Registry) -> str:
    """The index of all models, which the site filters in the browser."""
    rows = [
        (
            f"{escape(known.name)}<br>{code(model)}",
            f"[{adapter.name}](families/{adapter.name}.md)",
            able.output,
            ", ".join(_list_taken(able)),
            ", ".join(able.surfaces or list_spoken(adapter)),
            _describe_stage(known),
            ", ".join(_list_ways(known)),
            _format_count(known.context),
        )
        for model, known, adapter, able in _list_known(registry)
    ]
    head = ("model", "family", "writes", "takes", "surfaces", "life cycle", "called by", "context")
    return f"""# All models

Every id that the plugins of the gateway know by name: {len(rows)} of them. A model that is not listed is called by its
id, its inference profile or its ARN all the same ([name models](models.md)), and `bedrock-flask models` lists what your
account is offered.

*Writes* is the output, *takes* what it accepts besides text, *surfaces* the APIs of AWS that serve it. *Called by*
lists the geographies of its inference profiles, and `on demand` if its own id can be called. *Context* is its window in
tokens, where it is known. A model whose family has no list of ids is not here; its patterns are on
[the page of the family](adapters.md).

{format_table(head, rows)}"""


def write_family(registry: Registry, adapter: Adapter) -> str:
    """The page of one family."""
    parts = (
        f"# {adapter.name}",
        adapter.description,
        _describe_calls(adapter),
        _write_patterns(adapter),
        _write_known(adapter),
        _write_body(registry, adapter),
        *(_write_answer(form, title) for form, title in zip(adapter.forms, _ANSWERS, strict=False)),
        _write_sources(adapter),
    )
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _describe_calls(adapter: Adapter) -> str:
    named = "" if GENERIC in adapter.models else f" `{adapter.name}` calls `{adapter.model}`."
    streams = any(able.streaming for able in adapter.models.values())
    speaks = [
        (code(wire), code(operation), code(STREAMING[operation]) if streams else "")
        for wire, operation in adapter.speaks.items()
    ]
    table = format_table(("wire", "operation", "streaming operation"), speaks)
    return f"The body is sent with `{adapter.operation}`.{named}\n\n{table}"


def _write_patterns(adapter: Adapter) -> str:
    rows = [
        (
            code(pattern),
            able.output,
            ", ".join(_list_taken(able)),
            _join_codes(able.surfaces or list_spoken(adapter)),
            _format_count(able.most_tokens),
        )
        for pattern, able in adapter.models.items()
    ]
    head = ("pattern of ids", "writes", "takes", "surfaces", "most output tokens")
    return f"## Capabilities\n\n{format_table(head, rows)}"


def _write_known(adapter: Adapter) -> str:
    if not adapter.known_models:
        return ""
    rows = [
        (
            code(model),
            escape(known.name),
            _describe_stage(known),
            code(known.successor) if known.successor else "",
            ", ".join(_list_ways(known)),
            _format_count(known.context),
            _format_count(known.output),
            _join_codes(known.names),
        )
        for model, known in adapter.known_models.items()
    ]
    head = ("id", "model", "life cycle", "successor", "called by", "context", "output", "other names")
    return f"## Known ids\n\n{format_table(head, rows)}"


def _write_body(registry: Registry, adapter: Adapter) -> str:
    valid = _write_sample(adapter)
    generic = registry.generic
    if adapter.body is generic.body and adapter is not generic:
        return f"## Body\n\nThe body is that of Converse: [its members]({generic.name}.md#body).\n\n{valid}"
    schema = to_json_schema(adapter.schema)
    bounds = "A bound that AWS does not clearly document is marked *unverified*; the gateway does not enforce it."
    members = f"## Body\n\n{format_members(schema)}\n{bounds}"
    written = (members, valid, _write_parts("Parts of the body", schema), _write_second_body(adapter))
    return "\n\n".join(filter(None, written))


def _write_second_body(adapter: Adapter) -> str:
    if adapter.also is None:
        return ""
    schema = to_json_schema(adapter.also.schema)
    members = (
        f"The models also take a body with these members.\n\n{format_members(schema)}\n{_write_sample(adapter.also)}"
    )
    return f"## Second body\n\n{members}\n\n{_write_parts('Parts of the second body', schema)}"


def _write_sample(adapter: Adapter) -> str:
    sample = json.dumps(adapter.sample, indent=2, ensure_ascii=False)
    return f"A valid body:\n\n```json\n{sample}\n```"


_ANSWERS = ("Answer", "Answer to the second body")


def _write_answer(adapter: Adapter, title: str) -> str:
    if adapter.answer is None:
        return ""
    schema = to_json_schema(adapter.answer())
    return f"## {title}\n\n{format_members(schema)}\n{_write_parts(f'Parts of the {title.lower()}', schema)}"


def _write_parts(title: str, schema: dict[str, Any]) -> str:
    parts = {name: part for name, part in schema["$defs"].items() if name != schema["title"]}
    tables = "\n".join(f"### {name}\n\n{format_members(parts[name])}" for name in sorted(parts))
    return f"## {title}\n\n{tables}" if parts else ""


def _write_sources(adapter: Adapter) -> str:
    if not adapter.sources:
        return ""
    rows = [
        (code(name), code(source.models) if source.models else "all", source.basis, escape(source.text))
        for name, sources in adapter.sources.items()
        for source in sources
    ]
    refused = "[What Bedrock refuses](../bedrock-rules.md) has the words of each rule."
    return f"## Sources\n\n{format_table(('fact', 'models', 'basis', 'source'), rows)}\n{refused}"


def _list_known(registry: Registry) -> Iterator[tuple[str, KnownModel, Adapter, Capabilities]]:
    for model, known in sorted(registry.known_models.items()):
        claim = registry.find_claim(model)
        if claim is not None:
            yield model, known, claim.adapter, claim.capabilities


def _list_surfaces(adapter: Adapter) -> list[str]:
    return list(
        dict.fromkeys(name for able in adapter.models.values() for name in able.surfaces or list_spoken(adapter))
    )


def _list_taken(able: Capabilities) -> list[str]:
    return [name for name in _TAKEN if getattr(able, name) and (name != "structured" or able.output == "text")]


def _list_ways(known: KnownModel) -> list[str]:
    regions = f" in {', '.join(known.regions)}" if known.regions else ""
    return [*([f"on demand{regions}"] if known.on_demand else []), *known.profiles]


def _describe_stage(known: KnownModel) -> str:
    """The life cycle in words that do not change from day to day."""
    since = f"legacy from {known.legacy_on}" if known.active else f"since {known.legacy_on}"
    dates = [since if known.legacy_on else "", f"ends {known.ends_on}" if known.ends_on else ""]
    return ", ".join(["active" if known.active else "legacy", *filter(None, dates)])


def _format_count(count: int) -> str:
    return f"{count:,}" if count else ""


def _join_codes(names: Iterable[str]) -> str:
    return ", ".join(map(code, names))
