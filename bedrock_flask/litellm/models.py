"""LiteLLM's models as entries of the models file: its list, and its aliases of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bedrock_flask.errors import ModelsFileError
from bedrock_flask.litellm.config_file import read_list, read_mapping, resolve
from bedrock_flask.litellm.deployments import Entry, format_entry, read_deployment
from bedrock_flask.litellm.guardrails import list_left_guardrails
from bedrock_flask.litellm.left import UNKNOWN, Left, Reason, is_set
from bedrock_flask.models.models_file import Alias, parse_models_file
from bedrock_flask.models.registry import Registry


@dataclass(frozen=True)
class Models:
    """The entries by their names, the names that each of LiteLLM's access groups or models has, and what is left."""

    entries: Mapping[str, Entry]
    groups: Mapping[str, Sequence[str]]
    left: Sequence[Left]


_FALLBACK: Reason = (
    "nothing replaces a model unnoticed",
    "an inference profile for capacity, and `successor` in the models file for its end",
)
# Settings that have something near here; all others are listed without.
_SETTINGS: Mapping[str, Reason] = MappingProxyType(
    {
        **dict.fromkeys(
            ("fallbacks", "default_fallbacks", "context_window_fallbacks", "content_policy_fallbacks"), _FALLBACK
        ),
        **dict.fromkeys(
            ("num_retries", "max_retries", "retry_policy"), ("AWS's errors decide", "BEDROCK_FLASK_MAX_ATTEMPTS")
        ),
        **dict.fromkeys(
            ("request_timeout", "timeout", "stream_timeout"),
            ("is a setting", "BEDROCK_FLASK_READ_TIMEOUT, BEDROCK_FLASK_DEADLINE"),
        ),
        **dict.fromkeys(
            ("callbacks", "success_callback", "failure_callback"),
            ("usage is in the log and the ledger", "bedrock-flask usage"),
        ),
        "master_key": ("operators of the admin API have secrets of their own", "BEDROCK_FLASK_ADMIN_KEYS"),
        "database_url": ("the gateway has a database of its own", "BEDROCK_FLASK_DATABASE_URL"),
        "include": ("further files are not read", "import each of them"),
        "max_request_size_mb": ("is a setting", "BEDROCK_FLASK_MAX_BODY_BYTES"),
    }
)
_READ = {
    "": ("general_settings", "guardrails", "litellm_settings", "model_list", "router_settings"),
    "router_settings": ("model_group_alias",),
    "litellm_settings": ("drop_params", "model_alias_map"),
    "general_settings": (),
}


def read_models(config: Mapping[str, Any], registry: Registry, environ: Mapping[str, str]) -> Models:
    """The entries of a configuration, and what of it is left."""
    settings = read_mapping(config.get("litellm_settings"))
    drops = resolve(settings.get("drop_params"), environ).lower() == "true"
    entries: dict[str, Entry] = {}
    groups: dict[str, list[str]] = {}
    left: list[Left] = []
    aliases = {
        **_read_aliases(settings, "model_alias_map"),
        **_read_aliases(config.get("router_settings"), "model_group_alias"),
    }
    for name, deployment in _list_deployments(config, aliases):
        entry, not_carried = read_deployment(name, deployment, registry, environ, drops=drops)
        left += not_carried
        if entry is not None and entries.setdefault(name, entry) != entry:
            left.append(_leave_deployment(entry))
        for group in read_list(read_mapping(deployment.get("model_info")).get("access_groups")):
            groups.setdefault(str(group), []).append(name)
    left += _add_aliases(aliases, entries, groups, registry)
    return Models(entries, groups, [*left, *_list_settings(config), *list_left_guardrails(config)])


def add_entries(text: str, path: str, entries: Mapping[str, Entry], registry: Registry) -> tuple[str, Sequence[Entry]]:
    """The text of a models file with the entries that it lacks at its end, and these; what it has is not changed."""
    present = parse_models_file(text, path, registry)
    missing = [entry for entry in entries.values() if entry.name not in present]
    if not missing:
        return text, ()
    before = [f"{text.rstrip()}\n"] if text.strip() else []
    joined = "\n".join([*before, *map(format_entry, missing)])
    parse_models_file(joined, path, registry)
    return joined, missing


def list_present(aliases: Mapping[str, Alias], entries: Mapping[str, Entry]) -> tuple[list[str], list[Left]]:
    """The models that a models file has already, and those that it has otherwise, which stay as they are."""
    both = [(entry, aliases[name]) for name, entry in entries.items() if name in aliases]
    same = [f"model {entry.name}" for entry, alias in both if alias.model == entry.called]
    return same, [
        Left(f"model {entry.name}", entry.called, f"the models file has {alias.model} by this name")
        for entry, alias in both
        if alias.model != entry.called
    ]


def _read_aliases(section: Any, member: str) -> Mapping[str, str]:
    """The names that stand for others, with the names that they stand for."""
    aliases = read_mapping(read_mapping(section).get(member))
    return {name: str(value.get("model", "") if isinstance(value, dict) else value) for name, value in aliases.items()}


def _list_deployments(config: Mapping[str, Any], aliases: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rows = [read_mapping(row) for row in read_list(config.get("model_list"))]
    yield from ((str(row.get("model_name", "")), row) for row in rows)
    # An alias may also stand for what a deployment calls.
    named = {row.get("model_name") for row in rows}
    for name, model in aliases.items():
        if model not in named and "/" in model:
            yield name, {"litellm_params": {"model": model}}


def _leave_deployment(entry: Entry) -> Left:
    where = f" in {entry.region}" if entry.region else ""
    reason = "a name has one deployment, and the first is taken"
    return Left(
        f"model {entry.name}", f"{entry.called}{where}", reason, "an inference profile spreads calls over regions"
    )


def _add_aliases(
    aliases: Mapping[str, str], entries: dict[str, Entry], groups: dict[str, list[str]], registry: Registry
) -> Iterator[Left]:
    """Add an entry for each alias of a name; who may call the name may call the alias."""
    for name, target in aliases.items():
        if name in entries:
            continue
        if target not in entries:
            yield Left(f"alias {name}", target[:200], "the model that it stands for is not carried over")
            continue
        entry = replace(entries[target], name=name)
        try:
            parse_models_file(format_entry(entry), "", registry)
        except ModelsFileError as error:
            yield Left(f"alias {name}", target[:200], str(error).partition(" is invalid: ")[2])
        else:
            entries[name] = entry
            for names in [names for names in groups.values() if target in names]:
                names.append(name)
            groups.setdefault(target, [target]).append(name)


def _list_settings(config: Mapping[str, Any]) -> Iterator[Left]:
    for section, read in _READ.items():
        values = read_mapping(config.get(section)) if section else config
        for name, value in values.items():
            if name not in read and is_set(value):
                yield Left(section or "config", name, *_SETTINGS.get(name, UNKNOWN))
