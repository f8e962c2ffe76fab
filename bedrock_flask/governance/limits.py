"""Limits: how often, how much and how many at a time a team or a key may call, and what a call takes of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.config.limits import CALLS, KINDS, MOST, REQUESTS, TOKENS

# Seconds for which what was taken counts. Each second has a counter of its own.
WINDOW = 60
_MODEL = re.compile(r"[\x21-\x7e]{1,2048}")
WORDS: Mapping[str, str] = MappingProxyType(
    {REQUESTS: "requests a minute", TOKENS: "tokens a minute", CALLS: "calls at a time"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most requests and tokens in any minute, and calls at a time; None where there is no limit."""

    requests: int | None = None
    tokens: int | None = None
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class ScopedLimits:
    """Limits of a team or a key, on all models or on those that a pattern of ids or the name of an adapter names."""

    scope: str
    limits: Limits
    model: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one call takes of limits: of all of them, or of none.

    tree    the top team, which all principals have in common that share a limit; without teams their only scope
    tokens  those of the request and of the longest answer
    """

    tree: str
    limits: Sequence[ScopedLimits]
    tokens: int


class Level(NamedTuple):
    """What is left of one limit, and in how many seconds all of it is free again."""

    kind: str
    scope: str
    limit: int
    remaining: int
    reset: int


class Counted(NamedTuple):
    """What a scope has taken within the window, how many calls it has now, and in how many seconds that is free."""

    requests: int = 0
    tokens: int = 0
    calls: int = 0
    requests_reset: int = 0
    tokens_reset: int = 0


class Excess(NamedTuple):
    """The limit that a claim exceeds, the place of its scope in the claim, and by how much; None if it never fits."""

    level: Level
    place: int
    amount: int | None


class Admission(NamedTuple):
    """Whether a call may be made.

    levels    what is left of each limit after it
    refused   the limit that it exceeds; None if it may be made
    wait      seconds until it may be tried again; None if it takes more than that limit
    second    the second in which it was counted
    lease     names it among the calls at a time, where they have names
    is_local  whether it is counted by this box although boxes share their counters
    """

    levels: Sequence[Level]
    refused: Level | None = None
    wait: int | None = None
    second: int = 0
    lease: str = ""
    is_local: bool = False


class _Rate(NamedTuple):
    """One limit beside what is taken of it, what a claim needs of it, and in how many seconds all is free."""

    place: int
    kind: str
    scope: str
    limit: int
    taken: int
    needed: int
    reset: int


def decide(claim: Claim, counted: Sequence[Counted]) -> tuple[Sequence[Level], Excess | None]:
    """What is left of each limit, after the claim if it fits into all; and the first that it exceeds."""
    rates = [*_list_rates(claim, counted)]
    for rate in rates:
        if 0 < rate.needed > rate.limit - rate.taken:
            levels = [
                Level(each.kind, each.scope, each.limit, max(each.limit - each.taken, 0), each.reset) for each in rates
            ]
            amount = rate.taken + rate.needed - rate.limit if rate.needed <= rate.limit else None
            return levels, Excess(levels[rates.index(rate)], rate.place, amount)
    return [
        Level(kind, scope, limit, max(limit - taken - needed, 0), WINDOW + 1 if needed else reset)
        for _, kind, scope, limit, taken, needed, reset in rates
    ], None


def _list_rates(claim: Claim, counted: Sequence[Counted]) -> Iterator[_Rate]:
    for place, (scoped, taken) in enumerate(zip(claim.limits, counted, strict=True)):
        scope, limits = scoped.scope, scoped.limits
        if limits.requests is not None:
            yield _Rate(place, REQUESTS, scope, limits.requests, taken.requests, 1, taken.requests_reset)
        if limits.tokens is not None:
            yield _Rate(place, TOKENS, scope, limits.tokens, taken.tokens, claim.tokens, taken.tokens_reset)
        if limits.calls is not None:
            yield _Rate(place, CALLS, scope, limits.calls, taken.calls, 1, 0)


def refuse(levels: Sequence[Level], excess: Excess, ages: Mapping[int, int]) -> Admission:
    """The refusal of a claim; `ages` are what was taken of that limit, by the age of its second."""
    wait = None if excess.amount is None else _compute_wait(ages, excess.amount)
    return Admission(levels, excess.level, wait)


def _compute_wait(ages: Mapping[int, int], amount: int) -> int:
    """Seconds until the oldest of what was taken has freed that much; one second for calls at a time."""
    for age in sorted(ages, reverse=True):
        amount -= ages[age]
        if amount <= 0:
            return max(WINDOW + 1 - age, 1)
    return 1


def select_limits(limits: Sequence[ScopedLimits], adapter: str, model: str) -> Sequence[ScopedLimits]:
    """Those that hold for a call of this model."""
    return [each for each in limits if not each.model or each.model == adapter or matches(each.model, model)]


def read_limits(scope: str, row: Mapping[str, Any]) -> Iterator[ScopedLimits]:
    """The limits of a row of the database: `{"requests": 60, "models": {"claude": {"tokens": 100000}}}`."""
    if any(kind in row for kind in KINDS):
        yield ScopedLimits(scope, _read(row))
    for model, limits in row.get("models", {}).items():
        yield ScopedLimits(f"{scope}:{model}", _read(limits), model)


def change_limits(row: Mapping[str, Any], model: str, changes: Mapping[str, int | None]) -> dict[str, Any]:
    """The limits of a row of the database after a change of some of them, for all models or one; None removes."""
    if not model:
        return _drop_empty({**row, **changes})
    models: Mapping[str, Any] = row.get("models", {})
    changed = {**models, model: _drop_empty({**models.get(model, {}), **changes})}
    return _drop_empty({**row, "models": _drop_empty(changed)})


def find_limits_fault(row: Mapping[str, Any]) -> str:
    """What is wrong with the limits that a row of the database is to have, in words; empty if nothing."""
    models = row.get("models", {})
    if not isinstance(models, dict) or not all(isinstance(limits, dict) for limits in models.values()):
        return "models is an object of limits by the names of models"
    if wrong := [model for model in models if not _MODEL.fullmatch(model)]:
        return f"'{wrong[0][:100]}' is not a model's name or a pattern of names"
    for kind, limit in (
        (kind, limit) for limits in (_drop_models(row), *models.values()) for kind, limit in limits.items()
    ):
        if kind not in KINDS:
            return f"'{kind[:50]}' is not a limit: {', '.join(KINDS)}"
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit <= MOST:
            return f"'{str(limit)[:50]}' is not a limit: a number up to {MOST:,}, or none"
    return ""


def tidy_limits(row: Mapping[str, Any]) -> dict[str, Any]:
    """The limits of a row without models that have none."""
    return _drop_empty({**row, "models": _drop_empty(row.get("models", {}))})


def describe_limits(row: Mapping[str, Any]) -> str:
    """The limits of a row in one line; a hyphen for none."""
    scoped = [(each.model, each.limits) for each in read_limits("", row)]
    texts = [
        f"{f'{model}: ' if model else ''}{getattr(limits, kind)} {WORDS[kind]}"
        for model, limits in scoped
        for kind in KINDS
        if getattr(limits, kind) is not None
    ]
    return ", ".join(texts) or "-"


def _drop_models(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "models"}


def _drop_empty(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and value != {}}


def _read(row: Mapping[str, Any]) -> Limits:
    return Limits(row.get(REQUESTS), row.get(TOKENS), row.get(CALLS))
