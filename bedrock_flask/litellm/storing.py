"""The plan in the directory: what it has already, and what is created, in its one transaction."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.key_text import pepper_hash
from bedrock_flask.litellm.owners import TAG, Owners, Present
from bedrock_flask.litellm.rules import Rules

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory


def read_present(directory: "Directory", pepper: ServerSecret) -> Present:
    """What the directory has already."""
    teams, keys = directory.list_teams(), directory.list_keys()
    digests = directory.list_digests()
    return Present(
        teams={team.tags[TAG]: team.id for team in teams if TAG in team.tags},
        policies={team.id: team.policy for team in teams},
        parents={team.id: team.parent or "" for team in teams},
        revoked=frozenset(team.id for team in teams if team.revoked is not None),
        keys=frozenset(key.id for key in keys),
        knows=lambda key_hash: pepper_hash(pepper, key_hash) in digests,
    )


def store_owners(directory: "Directory", owners: Owners, pepper: ServerSecret) -> None:
    """Create the teams and keys of a plan; what is blocked is revoked, when all below it is there."""
    for team in owners.teams:
        directory.create_team(team.name, team.parent, team.rules.tags)
        _set_rules(directory, f"team:{team.name}", team.rules)
    for key in owners.keys:
        name, digest = f"{key.team}/{key.name}", pepper_hash(pepper, key.key_hash)
        directory.import_key(key.team, key.name, digest, key.expires, key.rules.tags)
        _set_rules(directory, f"key:{name}", key.rules)
        if key.is_blocked:
            directory.revoke_key(name)
    for team in owners.teams:
        if team.is_blocked:
            directory.revoke_team(team.name)


def _set_rules(directory: "Directory", scope: str, rules: Rules) -> None:
    setters: Mapping[str, Any] = {
        "policy": directory.set_policy,
        "limits": directory.replace_limits,
        "budgets": directory.replace_budgets,
    }
    for name, set_rule in setters.items():
        if value := getattr(rules, name):
            set_rule(scope, value)
