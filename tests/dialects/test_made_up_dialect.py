"""A dialect is one file: a made-up one, dropped into the folder of dialects, is served without another edit."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from bedrock_flask import dialects
from bedrock_flask.app import create_app
from bedrock_flask.config.settings import Settings
from bedrock_flask.edge.cors import exposed_headers

MORSE = '''
"""Morse: one line of text in, its length out."""

from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.fields import Schema, String, find_faults
from bedrock_flask.pipeline.request import parse_json, reject_faults


class Line(Schema):
    text = String(required=True, description="What to send.")


def key(exchange: Exchange) -> Response:
    body = parse_json(read_body(exchange))
    reject_faults(find_faults(Line(), body))
    return make_json_response({"dots": len(body["text"])})


DIALECT = Dialect(
    title="Morse",
    mounts=("/morse", "/telegraph"),
    error_prefixes=("/morse/", "/telegraph/"),
    render_error=render_as(lambda error, request_id: {"stop": error.code, "id": request_id}),
    routes=(Route(path="/key", respond=key, summary="Key a line", body=Line, sample={"text": "sos"}),),
    request_headers=("x-morse-speed",),
    response_headers=("x-morse-noise",),
)
'''
ORIGIN = "https://app.example.com"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    (tmp_path / "morse.py").write_text(MORSE)
    monkeypatch.setattr(dialects, "__path__", [*dialects.__path__, str(tmp_path)])
    with create_app(Settings(cors_origins=(ORIGIN,))).test_client() as client:
        yield client


def test_its_routes_are_served_below_each_of_its_mounts(client: FlaskClient) -> None:
    for mount in ("/morse", "/telegraph"):
        response = client.post(f"{mount}/key", json={"text": "sos"})
        assert (response.status_code, response.json) == (200, {"dots": 3}), mount


def test_its_errors_are_in_its_own_words_with_or_without_a_route(client: FlaskClient) -> None:
    for path, body, status, code in (
        ("/morse/key", {"text": 3}, 400, "invalid_body"),
        ("/telegraph/nothing", {}, 404, "not_found"),
    ):
        response = client.post(path, json=body, headers={"x-request-id": "abc"})
        assert (response.status_code, response.json) == (status, {"stop": code, "id": "abc"}), path


def test_it_has_its_rows_in_the_openapi_document(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    operation = document["paths"]["/morse/key"]["post"]
    assert operation["tags"] == ["Morse"]
    content = operation["requestBody"]["content"]["application/json"]
    assert content["example"] == {"text": "sos"}
    assert {"name": "Morse"} in document["tags"]
    body = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert body["required"] == ["text"]


def test_a_page_may_send_and_read_its_headers(client: FlaskClient) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "x-morse-speed"}
    response = client.options("/morse/key", headers={"origin": ORIGIN, **asks})
    assert "x-morse-speed" in response.headers["access-control-allow-headers"].lower()
    response = client.post("/morse/key", data=json.dumps({"text": "e"}), headers={"origin": ORIGIN})
    assert "x-morse-noise" in response.headers["access-control-expose-headers"].lower()


def test_without_its_file_nothing_of_it_is_there() -> None:
    assert "x-morse-noise" not in exposed_headers(dialects.load_dialects())
