"""LiteLLM's organizations, teams and keys as teams and keys of the directory: what is to be created."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.litellm.export import Export, Row
from bedrock_flask.litellm.left import Left, is_set
from bedrock_flask.litellm.rules import Context, Rules, read_rules, read_time

# The tag by which a team is known again, with the id that LiteLLM has for it.
TAG = "litellm"
# The team of keys without one.
_NOBODY = "none"
_LONGEST = 64
_DIGITS = 8
_DASHBOARD = "litellm-dashboard"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Team:
    """A team to create, with the id of LiteLLM's team or organization."""

    name: str
    source: str
    parent: str
    rules: Rules
    is_blocked: bool = False


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key to create: `TEAM/NAME`, and the SHA-256 of its text."""

    team: str
    name: str
    key_hash: bytes
    expires: int | None
    rules: Rules
    is_blocked: bool = False


@dataclass(frozen=True)
class Present:
    """What the directory has.

    teams     those that were imported, by LiteLLM's ids
    policies  the policy of each team
    parents   the team above each
    revoked   the teams that are revoked
    keys      the names of all keys
    knows     whether there is a secret of a key with this SHA-256
    """

    teams: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    knows: Callable[[bytes], bool] = lambda key_hash: False


@dataclass(frozen=True)
class Owners:
    """What is to be created, the names of what is there already, and what is left."""

    teams: Sequence[Team]
    keys: Sequence[Key]
    present: Sequence[str]
    left: Sequence[Left]


def plan_owners(export: Export, context: Context, present: Present) -> Owners:
    """What is to be created of an export; what the directory has already is not planned again."""
    plan = _Plan(export, context, present)
    plan.add_teams()
    for row in export.keys:
        plan.add_key(row)
    left = [*plan.left, *_list_rest(export)]
    return Owners(plan.teams, plan.keys, plan.known, left)


class _Plan:
    """The plan while it is made."""

    def __init__(self, export: Export, context: Context, present: Present) -> None:
        self._export, self._context, self._present = export, context, present
        self._names, self._parents = dict(present.teams), dict(present.parents)
        self._policies = dict(present.policies)
        self._taken = {*present.policies, *present.keys}
        self.teams: list[Team] = []
        self.keys: list[Key] = []
        self.known: list[str] = []
        self.left: list[Left] = []

    def add_teams(self) -> None:
        """Add the organizations, and the teams below them."""
        for row in self._export.organizations:
            self._add_team(row, str(row.get("organization_id")), row.get("organization_alias"), "")
        for row in self._export.teams:
            self._add_team(row, str(row.get("team_id")), row.get("team_alias"), str(row.get("organization_id") or ""))

    def add_key(self, row: Row) -> None:
        """Add a key, unless it is there already or cannot be one."""
        text = str(row.get("token") or "")
        token = hashlib.sha256(text.encode()).hexdigest() if text.startswith("sk-") else text
        label = str(row.get("key_alias") or f"key-{token[:_DIGITS]}")
        subject = f"key {label}"
        if refusal := _find_refusal(row, token):
            self.left.append(Left(subject, *refusal))
            return
        if self._present.knows(bytes.fromhex(token)):
            self.known.append(subject)
            return
        team = self._find_team(row)
        if not team or team in self._present.revoked:
            reason = f"its team {team} is revoked here" if team else "its team is not in the export"
            self.left.append(Left(subject, "the key", reason))
            return
        rules = self._read_rules(subject, row, team)
        if rules.policy.get("dialects") == []:
            self.left.append(Left(subject, "the key", "its routes call no model", "bedrock-flask for administrators"))
            return
        name = self._choose_name(label, token, f"{team}/")
        tags = {**rules.tags, **({"user": user} if (user := _read_user(row)) else {})}
        self.keys.append(
            Key(
                team=team,
                name=name,
                key_hash=bytes.fromhex(token),
                expires=read_time(row.get("expires")),
                rules=replace(rules, tags=tags),
                is_blocked=bool(row.get("blocked")),
            )
        )

    def _add_team(self, row: Row, source: str, alias: Any, above: str) -> None:
        label = str(alias or source)
        if source in self._names:
            self.known.append(f"team {self._names[source]}")
            return
        parent = self._names.get(above, "")
        if above and not parent:
            self.left.append(Left(f"team {label}", "its organization", "it is not in the export", opens=True))
        rules = self._read_rules(f"team {label}", row, parent)
        name = self._choose_name(label, source, "")
        self._names[source], self._policies[name], self._parents[name] = name, rules.policy, parent
        tagged = replace(rules, tags={**rules.tags, TAG: source})
        team = Team(name=name, source=source, parent=parent, rules=tagged, is_blocked=bool(row.get("blocked")))
        self.teams.append(team)

    def _find_team(self, row: Row) -> str:
        """The team of a key: its own, its organization's, or that of keys without one; empty if it is not known."""
        if source := row.get("team_id") or row.get("organization_id"):
            return self._names.get(str(source), "")
        if _NOBODY not in self._names:
            self._add_team({}, _NOBODY, "litellm", "")
        return self._names[_NOBODY]

    def _read_rules(self, subject: str, row: Row, above: str) -> Rules:
        budget = self._export.budgets.get(str(row.get("budget_id")), {})
        rules = read_rules(subject, row, budget, self._context)
        outer = [self._policies[team] for team in self._list_chain(above)]
        policy, left = _narrow(subject, rules.policy, outer)
        self.left += [*rules.left, *left]
        return replace(rules, policy=policy)

    def _list_chain(self, team: str) -> Iterator[str]:
        while team:
            yield team
            team = self._parents.get(team, "")

    def _choose_name(self, label: str, source: str, before: str) -> str:
        """A name that is free, after what LiteLLM shows."""
        plain = re.sub(r"[^\w.-]+", "-", label, flags=re.ASCII).strip("-")[:_LONGEST] or source[:_DIGITS]
        name = plain
        if f"{before}{name}" in self._taken:
            short = re.sub(r"[^\w.-]", "-", source[:_DIGITS], flags=re.ASCII)
            name = f"{plain[: _LONGEST - _DIGITS - 1]}-{short}"
        self._taken.add(f"{before}{name}")
        return name


def _find_refusal(row: Row, token: str) -> tuple[str, str, str] | None:
    if row.get("team_id") == _DASHBOARD:
        return "the key", "it is a session of LiteLLM's dashboard", ""
    if not _HASH.fullmatch(token):
        return "the key", "its token is not a SHA-256", "bedrock-flask keys create"
    if row.get("key_type") in ("management", "read_only"):
        return "the key", "it calls no model", "bedrock-flask for administrators"
    return None


def _read_user(row: Row) -> str:
    user = str(row.get("user_id") or "")
    return user if len(user) <= 256 and user.isprintable() else ""


def _narrow(
    subject: str, policy: Mapping[str, Any], outer: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], list[Left]]:
    """A policy without what those above it do not allow, which is refused in either case."""
    left: list[Left] = []
    narrow = dict(policy)
    for above in outer:
        if "models" in narrow and "models" in above:
            covered = [name for name in narrow["models"] if any(matches(one, name) for one in above["models"])]
            left += [
                Left(subject, f"model {name}", "the team above it does not allow it")
                for name in narrow["models"]
                if name not in covered
            ]
            narrow["models"] = covered
        if above.get("guardrail") and narrow.get("guardrail") not in (None, above["guardrail"]):
            left.append(Left(subject, "its guardrail", "the team above it prescribes another one"))
            del narrow["guardrail"]
    return narrow, left


def _list_rest(export: Export) -> Iterator[Left]:
    for row in export.models:
        reason = "models in LiteLLM's database are encrypted"
        yield Left(f"model {row.get('model_name')}", "the model", reason, "write it into config.yaml before the import")
    for row in export.users:
        for name in ("max_budget", "rpm_limit", "tpm_limit", "max_parallel_requests"):
            if is_set(row.get(name)):
                nearest = "a rule of the person's keys"
                yield Left(f"user {row.get('user_id')}", name, "people have no limits here", nearest, opens=True)
