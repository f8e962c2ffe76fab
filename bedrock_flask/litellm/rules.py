"""What a row of LiteLLM's keys, teams or organizations may do and spend, as policy, limits, budgets and tags."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bedrock_flask.config.limits import CALLS, MOST, REQUESTS, TOKENS
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.budgets import find_budgets_fault
from bedrock_flask.governance.tags import find_tags_fault
from bedrock_flask.litellm.config_file import read_list, read_mapping
from bedrock_flask.litellm.deployments import Entry
from bedrock_flask.litellm.export import Row
from bedrock_flask.litellm.left import UNKNOWN, Left, Reason, is_set

# Periods of ours by LiteLLM's `budget_duration`.
_PERIODS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("1d", "24h", "daily"), "day"),
        **dict.fromkeys(("7d", "1w", "weekly"), "week"),
        **dict.fromkeys(("30d", "1mo", "monthly"), "month"),
    }
)
_LIMITS = MappingProxyType({"rpm_limit": REQUESTS, "tpm_limit": TOKENS, "max_parallel_requests": CALLS})
_MODEL_LIMITS = MappingProxyType({"model_rpm_limit": REQUESTS, "model_tpm_limit": TOKENS})
_ALL, _NONE = ("*", "all-proxy-models", "all-team-models"), "no-default-models"
# The dialects that LiteLLM's routes are, by how the routes begin; a name of routes stands for several.
_DIALECTS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "openai_routes": ("openai_chat", "openai_embeddings", "openai_images", "openai_responses", "cohere_rerank"),
        "anthropic_routes": ("anthropic",),
        "/chat/completions": ("openai_chat",),
        "/embeddings": ("openai_embeddings",),
        "/images": ("openai_images",),
        "/responses": ("openai_responses",),
        "/rerank": ("cohere_rerank",),
        "/messages": ("anthropic",),
        "/anthropic": ("anthropic",),
        "/bedrock": ("bedrock",),
    }
)
_BUDGET: Reason = (
    "budgets are of a day, a week or a month",
    "bedrock-flask teams budget TEAM or keys budget TEAM/NAME",
)
_SHARED: Reason = ("budgets are for all models", "bedrock-flask teams limit TEAM --model ID")
_PEOPLE: Reason = ("keys belong to teams, and people have none", "")
_COLUMNS: Mapping[str, Reason] = MappingProxyType(
    {
        **dict.fromkeys(("model_max_budget", "budget_limits", "budget_fallbacks"), _SHARED),
        **dict.fromkeys(("admins", "members", "members_with_roles", "default_team_member_models"), _PEOPLE),
        "soft_budget": ("a budget has one amount", "bedrock-flask teams budget TEAM --warn-at PERCENT"),
        "tpd_limit": ("limits are those of a minute", "a budget of a day"),
        "aliases": ("names are the same for all keys", "the models file"),
        "auto_rotate": ("keys are rotated by the operator", "bedrock-flask keys rotate"),
        **dict.fromkeys(
            (
                *("access_group_ids", "agent_id", "allowed_cache_controls", "config", "model_id"),
                *("object_permission_id", "permissions", "policies", "project_id", "router_settings"),
                "team_member_permissions",
            ),
            UNKNOWN,
        ),
    }
)
# Without them a key may do more here than there.
_OPENING = ("budget_limits", "model_max_budget", "policies", "tpd_limit")


@dataclass(frozen=True)
class Rules:
    """The rules of a team or a key as the directory stores them, what is left, and words on what was changed."""

    policy: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    budgets: Sequence[Mapping[str, str]] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    left: Sequence[Left] = ()


@dataclass(frozen=True)
class Context:
    """What the configuration says of names: its models, access groups, and guardrails of Bedrock as `ID:VERSION`."""

    entries: Mapping[str, Entry]
    groups: Mapping[str, Sequence[str]]
    guardrails: Mapping[str, str]


def read_rules(subject: str, row: Row, budget: Row, context: Context) -> Rules:
    """The rules of a row; what it does not say itself its budget says."""
    own = {**row, **{name: value for name, value in budget.items() if row.get(name) is None}}
    if row.get("max_budget") is not None:
        # The period of another amount.
        own["budget_duration"] = row.get("budget_duration")
    metadata = read_mapping(own.get("metadata"))
    left = [*_list_columns(subject, own)]
    policy = {
        "models": _read_models(own, context),
        "dialects": _read_dialects(own),
        "guardrail": _read_guardrail(subject, metadata, context, left),
    }
    return Rules(
        policy={name: value for name, value in policy.items() if value is not None},
        limits=_read_limits(subject, own, metadata, context, left),
        budgets=_read_budgets(subject, own, left),
        tags=_read_tags(subject, metadata, left),
        left=left,
    )


def _list_columns(subject: str, row: Row) -> Iterable[Left]:
    for name, reason in _COLUMNS.items():
        if is_set(row.get(name)):
            yield Left(subject, name, *reason, opens=name in _OPENING)


def read_time(value: Any) -> int | None:
    """Milliseconds of a time such as `2027-01-31T00:00:00`, which is UTC if it does not say otherwise."""
    if not value:
        return None
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        raise StartupError(f"'{str(value)[:50]}' is not a time") from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _read_models(row: Row, context: Context) -> list[str] | None:
    """The patterns of the models that may be called; None for all."""
    listed = [str(each) for each in read_list(row.get("models"))]
    if not listed:
        # The models of an access group are not in the export: nothing is opened by that.
        return [] if row.get("access_group_ids") else None
    if any(each in _ALL for each in listed):
        return None
    named = [name for each in listed if each != _NONE for name in context.groups.get(each, [each])]
    patterns = dict.fromkeys(re.sub(r"^bedrock/((converse|invoke)/)?", "", name) for name in named)
    return [pattern for pattern in patterns if re.fullmatch(r"[\x21-\x7e]{1,2048}", pattern)]


def _read_dialects(row: Row) -> list[str] | None:
    """The dialects of the routes that may be called; None for all, and an empty list where none is a model's."""
    routes = [str(each) for each in read_list(row.get("allowed_routes"))]
    if not routes or "llm_api_routes" in routes:
        return None
    found = [name for route in routes for name in _find_dialects(route.removeprefix("/v1").removeprefix("/v2"))]
    return sorted(set(found))


def _find_dialects(route: str) -> Sequence[str]:
    return next((names for begins, names in _DIALECTS.items() if route.startswith(begins)), ())


def _read_guardrail(subject: str, metadata: Row, context: Context, left: list[Left]) -> str | None:
    named = [str(each) for each in read_list(metadata.get("guardrails"))]
    found = [context.guardrails[name] for name in named if name in context.guardrails]
    for name in named:
        if context.guardrails.get(name) not in found[:1]:
            reason = "a call has one guardrail" if name in context.guardrails else "it is not a guardrail of Bedrock's"
            left.append(
                Left(subject, f"guardrail {name}", reason, "bedrock-flask keys policy guardrail=ID:VERSION", opens=True)
            )
    return found[0] if found else None


def _read_limits(subject: str, row: Row, metadata: Row, context: Context, left: list[Left]) -> Mapping[str, Any]:
    limits: dict[str, Any] = {
        kind: min(int(row[name]), MOST) for name, kind in _LIMITS.items() if _is_limit(row.get(name))
    }
    models: dict[str, dict[str, int]] = {}
    for name, kind in _MODEL_LIMITS.items():
        for model, limit in read_mapping(metadata.get(name)).items():
            if model in context.entries and context.entries[model].id and _is_limit(limit):
                models.setdefault(context.entries[model].id, {})[kind] = min(int(limit), MOST)
            else:
                # What is in the models file can be called, without this limit.
                opens = model in context.entries
                reason = "the model's id is not known" if opens else "the model is not carried over"
                left.append(Left(subject, f"{name} of {model}", reason, opens=opens))
    return {**limits, "models": models} if models else limits


def _is_limit(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_budgets(subject: str, row: Row, left: list[Left]) -> Sequence[Mapping[str, str]]:
    limit, duration = row.get("max_budget"), row.get("budget_duration")
    if limit is None:
        return ()
    period = _PERIODS.get(str(duration).strip().lower())
    budgets = [{"period": period or "", "usd": f"{Decimal(str(limit)):f}"}]
    if period is None or find_budgets_fault(budgets):
        left.append(Left(subject, f"max_budget for {duration or 'ever'}", *_BUDGET, opens=True))
        return ()
    return budgets


def _read_tags(subject: str, metadata: Row, left: list[Left]) -> Mapping[str, str]:
    tags: dict[str, str] = {}
    for name, value in metadata.items():
        if name in _MODEL_LIMITS or name == "guardrails" or value in (None, "", [], {}):
            continue
        listed = value if isinstance(value, list) else [value]
        tag = {name: ",".join(_format(each) for each in listed)}
        if any(isinstance(each, dict | list) for each in listed) or find_tags_fault(tag):
            left.append(
                Left(subject, f"metadata {name[:64]}", "a tag has a short name and a text of up to 256 characters")
            )
        else:
            tags |= tag
    return tags


def _format(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
