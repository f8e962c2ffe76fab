"""Texts of SQL, of templates and of no form at all are data, or are refused: in every part of every request."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from bedrock_flask.admin.route import Route
from bedrock_flask.admin.routes import ROUTES
from tests.admin.operators import Administered

TEXTS = ("' OR 1=1 --", '"; DROP TABLE teams; --', "{{7*7}}${7*7}%s%n", "\0", "\u202e\u00e9" * 150, "%", "")
REFUSED = {400, 403, 404, 409, 412}


def put(value: Any, text: str) -> Any:
    """The value with this text in place of each of its texts."""
    if isinstance(value, dict):
        return {name: put(each, text) for name, each in value.items()}
    return [put(each, text) for each in value] if isinstance(value, list) else text if isinstance(value, str) else value


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_hostile_text_is_data_or_refused(administered: Administered, route: Route) -> None:
    def send(path: str, body: Any, **headers: str) -> None:
        answer = administered.send(route.method, path, body, **headers)
        assert answer.ok or answer.status_code in REFUSED, answer.text
        assert "49" not in answer.json().get("detail", "")

    plain = route.path.replace("<team>", "other").replace("<name>", "nightly").replace("<secret>", "x")
    sample = json.loads(json.dumps(dict(route.sample)))
    for text in TEXTS:
        # A segment that is empty is another address.
        written = quote(text or "-", safe="")
        for label in ("<team>", "<name>", "<secret>"):
            if label in route.path:
                path = route.path.replace(label, written)
                send(path.replace("<team>", "other").replace("<name>", "nightly").replace("<secret>", "x"), sample)
        for parameter in route.query:
            send(f"{plain}?{parameter}={written}", None)
        if route.body:
            send(plain, put(sample, text), if_match='"other"')
            send(plain, put({"tags": {"a": ""}, "policy": {"models": [""], "metadata": {"a": ""}}}, text))
    for text in TEXTS[:3]:
        send(plain, sample, if_match=text, x_request_id=text, user_agent=text)
    assert len(administered.succeed("GET", "teams?limit=1000")["teams"]) >= 4


def test_nothing_was_unforeseen(administered: Administered) -> None:
    assert "unexpected error" not in administered.server.log.read_text()
