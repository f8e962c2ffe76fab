"""Whose an asynchronous job is: the `clientRequestToken` with which a team's key starts one begins with the team.

Bedrock returns the token with each job, so that no store is needed. A caller without a team, which is one with a static
key or without any, starts and sees the jobs of the account as Bedrock has them.
"""

import hashlib

from bedrock_flask.converse import Json
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import JobNotFound

TOKEN = "clientRequestToken"  # noqa: S105 - the name of a member
_MOST_TOKEN = 256


def mark_token(exchange: Exchange, token: str) -> str:
    """The token by which Bedrock knows a request of this caller's: two teams may have chosen the same."""
    prefix = _make_prefix(exchange)
    if len(prefix + token) <= _MOST_TOKEN:
        return prefix + token
    return prefix + hashlib.sha256(token.encode()).hexdigest()


def is_own(exchange: Exchange, job: Json) -> bool:
    """Whether the caller may see a job; one without a token is nobody's."""
    return str(job.get(TOKEN) or "").startswith(_make_prefix(exchange))


def reject_foreign(exchange: Exchange, job: Json) -> None:
    """Raise JobNotFound for a job that the caller may not see."""
    if not is_own(exchange, job):
        raise JobNotFound(f"The team '{exchange.principal.team}' has no job of this id.")


def show_own_token(exchange: Exchange, job: Json) -> Json:
    """A job of the caller's with the token that the caller knows."""
    prefix = _make_prefix(exchange)
    return {**job, TOKEN: job[TOKEN].removeprefix(prefix)} if prefix else job


def _make_prefix(exchange: Exchange) -> str:
    # The names of teams have no slash.
    return f"{exchange.principal.team}/" if exchange.principal.team else ""
