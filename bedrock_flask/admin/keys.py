"""Keys over the admin API."""

from collections.abc import Sequence
from typing import Any

from bedrock_flask.admin.pages import answer_page
from bedrock_flask.admin.route import AdminRequest, Answer
from bedrock_flask.admin.rules import change_rules
from bedrock_flask.errors import FieldError, InvalidDocument
from bedrock_flask.governance.key_text import NewKey, compute_digest, derive_aws_secret
from bedrock_flask.governance.store import views
from bedrock_flask.governance.times import parse_time

_DAY = 86_400


def list_keys(request: AdminRequest) -> Answer:
    """The keys that the operator may see, or those of the team in the address."""
    directory, after, team = request.directory, request.query.get("after", ""), request.labels.get("team", "")
    within = None if team else request.list_visible()

    def describe(rows: Sequence[Any]) -> list[dict[str, Any]]:
        secrets = directory.list_secrets(*(row.id for row in rows))
        return [views.describe_key(row, secrets) for row in rows]

    return answer_page(request, "keys", lambda most: directory.list_keys(team, after, most, within), describe)


def create_key(request: AdminRequest) -> Answer:
    """Create a key with its rules, and show its secret."""
    team, body = request.labels["team"], request.body
    expires = _read_time(body.get("expires"))
    new = request.directory.create_key(request.pepper, team, body["name"], expires)
    key = f"{team}/{body['name']}"
    change_rules(request, f"key:{key}", _describe(request, key), body)
    location = f"/admin/v1/teams/{team}/keys/{body['name']}"
    return _answer_secret(request, key, new, location)


def show_key(request: AdminRequest) -> Answer:
    """One key."""
    return Answer(_describe(request, request.key), has_tag=True)


def change_key(request: AdminRequest) -> Answer:
    """Change the rules of a key."""
    change_rules(request, f"key:{request.key}", _check(request), request.body)
    return show_key(request)


def rotate_key(request: AdminRequest) -> Answer:
    """Give a key a new secret, and show it."""
    _check(request)
    overlap = request.body.get("overlap", _DAY)
    return _answer_secret(request, request.key, request.directory.rotate_key(request.pepper, request.key, overlap))


def revoke_key(request: AdminRequest) -> Answer:
    """Revoke a key."""
    _check(request)
    request.directory.revoke_key(request.key)
    return show_key(request)


def revoke_secret(request: AdminRequest) -> Answer:
    """Revoke one secret of a key."""
    _check(request)
    request.directory.revoke_secret(request.key, request.labels["secret"])
    return show_key(request)


def _check(request: AdminRequest) -> dict[str, Any]:
    """The key of the address, which is what the client has seen."""
    current = _describe(request, request.key)
    request.check_match(current)
    return current


def _describe(request: AdminRequest, key: str) -> dict[str, Any]:
    return views.describe_key(request.directory.find_key(key), request.directory.list_secrets(key))


def _answer_secret(request: AdminRequest, key: str, new: NewKey, location: str = "") -> Answer:
    aws_secret = derive_aws_secret(request.pepper, new.id, compute_digest(request.pepper, new.text))
    secret = {"api_key": new.text, "aws_access_key_id": new.id, "aws_secret_access_key": aws_secret}
    return Answer({**_describe(request, key), "secret": secret}, 201, location=location)


def _read_time(text: str | None) -> int | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise InvalidDocument([FieldError("expires", str(error))]) from None
