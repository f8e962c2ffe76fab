"""Every route of the admin API, with the right that it needs: an address without a row here does not exist."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bedrock_flask.admin import audit, bodies, keys, spending, teams, usage
from bedrock_flask.admin.route import AdminRequest, Answer, Route
from bedrock_flask.governance.operator import CHANGE_KEYS, CHANGE_TEAMS, READ
from bedrock_flask.governance.store.errors import MissingError

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory

PREFIX = "/admin/v1"
_TEAM, _KEY = f"{PREFIX}/teams/<team>", f"{PREFIX}/teams/<team>/keys/<name>"
_PAGE = ("limit", "after")


def find_team(directory: "Directory", labels: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[str]:
    """The team in the address; none if it does not exist, so that only who may see all teams learns that."""
    return _list_chain(directory, labels["team"])


def find_new_team(directory: "Directory", labels: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[str]:
    """The team that is to be created."""
    parent = body.get("parent")
    return (*(_list_chain(directory, parent) if parent else ()), body["team"])


def _list_chain(directory: "Directory", team: str) -> Sequence[str]:
    try:
        return directory.list_chain(team)
    except MissingError:
        return ()


def show_me(request: AdminRequest) -> Answer:
    """Who the operator is."""
    operator = request.operator
    return Answer({"name": operator.name, "roles": sorted(operator.roles), "teams": sorted(operator.teams)})


ROUTES: Sequence[Route] = (
    Route(
        name="show_me",
        method="GET",
        path=f"{PREFIX}/me",
        summary="Who calls, and in which roles.",
        respond=show_me,
        answer=bodies.Me,
    ),
    Route(
        name="list_teams",
        method="GET",
        path=f"{PREFIX}/teams",
        summary="List teams.",
        respond=teams.list_teams,
        right=READ,
        query=_PAGE,
        answer=bodies.Teams,
    ),
    Route(
        name="create_team",
        method="POST",
        path=f"{PREFIX}/teams",
        summary="Create a team.",
        respond=teams.create_team,
        right=CHANGE_TEAMS,
        find_chain=find_new_team,
        body=bodies.NewTeam,
        answer=bodies.Team,
        status=201,
        sample={"team": "research", "parent": "acme", "budgets": {"month": {"usd": "250"}}},
    ),
    Route(
        name="show_team",
        method="GET",
        path=_TEAM,
        summary="Show a team.",
        respond=teams.show_team,
        right=READ,
        find_chain=find_team,
        answer=bodies.Team,
    ),
    Route(
        name="change_team",
        method="PATCH",
        path=_TEAM,
        summary="Change the policy, limits, budgets or tags of a team.",
        respond=teams.change_team,
        right=CHANGE_TEAMS,
        find_chain=find_team,
        body=bodies.Rules,
        answer=bodies.Team,
        sample={"limits": {"requests": 600, "models": {"claude": {"tokens": 100_000}}}, "tags": {"centre": "7"}},
    ),
    Route(
        name="revoke_team",
        method="POST",
        path=f"{_TEAM}/revoke",
        summary="Revoke a team: no key of it, or of a team below it, is valid.",
        respond=teams.revoke_team,
        right=CHANGE_TEAMS,
        find_chain=find_team,
        answer=bodies.Team,
    ),
    Route(
        name="show_team_spending",
        method="GET",
        path=f"{_TEAM}/spending",
        summary="Show what is spent of the budgets of a team.",
        respond=spending.show_spending,
        right=READ,
        find_chain=find_team,
        answer=bodies.Spending,
    ),
    Route(
        name="list_keys",
        method="GET",
        path=f"{PREFIX}/keys",
        summary="List the keys of all teams.",
        respond=keys.list_keys,
        right=READ,
        query=_PAGE,
        answer=bodies.Keys,
    ),
    Route(
        name="list_team_keys",
        method="GET",
        path=f"{_TEAM}/keys",
        summary="List the keys of a team.",
        respond=keys.list_keys,
        right=READ,
        find_chain=find_team,
        query=_PAGE,
        answer=bodies.Keys,
    ),
    Route(
        name="create_key",
        method="POST",
        path=f"{_TEAM}/keys",
        summary="Create a key, whose secret is shown once.",
        respond=keys.create_key,
        right=CHANGE_KEYS,
        find_chain=find_team,
        body=bodies.NewKey,
        answer=bodies.CreatedKey,
        status=201,
        sample={"name": "nightly", "expires": "2099-01-31T00:00:00Z", "policy": {"models": ["claude"]}},
    ),
    Route(
        name="show_key",
        method="GET",
        path=_KEY,
        summary="Show a key.",
        respond=keys.show_key,
        right=READ,
        find_chain=find_team,
        answer=bodies.Key,
    ),
    Route(
        name="change_key",
        method="PATCH",
        path=_KEY,
        summary="Change the policy, limits, budgets or tags of a key.",
        respond=keys.change_key,
        right=CHANGE_KEYS,
        find_chain=find_team,
        body=bodies.Rules,
        answer=bodies.Key,
        sample={"budgets": {"day": {"usd": "5"}}, "limits": {"calls": 10}},
    ),
    Route(
        name="rotate_key",
        method="POST",
        path=f"{_KEY}/rotate",
        summary="Give a key a new secret, which is shown once.",
        respond=keys.rotate_key,
        right=CHANGE_KEYS,
        find_chain=find_team,
        body=bodies.Rotation,
        answer=bodies.CreatedKey,
        status=201,
        sample={"overlap": 3600},
    ),
    Route(
        name="revoke_key",
        method="POST",
        path=f"{_KEY}/revoke",
        summary="Revoke a key with all its secrets.",
        respond=keys.revoke_key,
        right=CHANGE_KEYS,
        find_chain=find_team,
        answer=bodies.Key,
    ),
    Route(
        name="revoke_secret",
        method="POST",
        path=f"{_KEY}/secrets/<secret>/revoke",
        summary="Revoke one secret of a key.",
        respond=keys.revoke_secret,
        right=CHANGE_KEYS,
        find_chain=find_team,
        answer=bodies.Key,
    ),
    Route(
        name="show_key_spending",
        method="GET",
        path=f"{_KEY}/spending",
        summary="Show what is spent of the budgets of a key.",
        respond=spending.show_spending,
        right=READ,
        find_chain=find_team,
        answer=bodies.Spending,
    ),
    Route(
        name="show_usage",
        method="GET",
        path=f"{PREFIX}/usage",
        summary="Sum up what was used and spent, by whole days in UTC; by default of the last 30.",
        respond=usage.show_usage,
        right=READ,
        query=("by", "since", "team", "key", "model", "tag"),
        answer=bodies.Usage,
    ),
    Route(
        name="list_audit",
        method="GET",
        path=f"{PREFIX}/audit",
        summary="List who has changed what, the newest change first.",
        respond=audit.list_audit,
        right=READ,
        query=(*_PAGE, "object", "who", "action", "since", "until"),
        answer=bodies.Audit,
    ),
)
