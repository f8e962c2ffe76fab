"""OpenAI's clients mark nothing: the gateway marks what the model caches, where the caller or the operator wants it."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway, StartGateway
from tests.sse_decoder import Decoder

Json = dict[str, Any]

CLAUDE, OLDER = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"
NOVA, TOMORROW = "amazon.nova-pro-v1:0", "newvendor.model-of-tomorrow"
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HEADER = "x-bedrock-flask-cache"


def chat(server: Gateway, model: str, turns: int = 1, headers: dict[str, str] | None = None, **more: Any) -> Any:
    tools = [{"type": "function", "function": {"name": "look", "description": "d", "parameters": SCHEMA}}]
    messages = [{"role": "system", "content": "Be brief."}, *talk(turns)]
    body = {"model": model, "messages": messages, "tools": tools, **more}
    return server.post("/v1/chat/completions", body, headers=headers or {})


def respond(server: Gateway, model: str, turns: int = 1, headers: dict[str, str] | None = None, **more: Any) -> Any:
    tools = [{"type": "function", "name": "look", "description": "d", "parameters": SCHEMA}]
    body = {"model": model, "instructions": "Be brief.", "input": talk(turns), "tools": tools, **more}
    return server.post("/v1/responses", body, headers=headers or {})


def talk(turns: int) -> list[Json]:
    asked = [{"role": "user", "content": f"Question {number}"} for number in range(turns)]
    answered = [{"role": "assistant", "content": f"Answer {number}"} for number in range(turns)]
    return [each for pair in zip(asked, answered, strict=True) for each in pair][:-1]


def sent(emulator: Emulator) -> Any:
    """The body of the last call."""
    return json.loads(emulator.calls()[-1]["body"])


def places(body: Json) -> list[str]:
    """Where the points of a request are."""
    heads = [("tools", body.get("toolConfig", {}).get("tools", [])), ("system", body.get("system", []))]
    turns = [(f"messages[{index}]", turn["content"]) for index, turn in enumerate(body["messages"])]
    return [name for name, content in heads + turns for block in content if "cachePoint" in block]


both = pytest.mark.parametrize("ask", [chat, respond])


@both
@pytest.mark.parametrize("stream", [False, True])
def test_where_a_key_is_sent_the_model_caches(gateway: Gateway, emulator: Emulator, ask: Any, stream: bool) -> None:
    response = ask(gateway, CLAUDE, 3, prompt_cache_key="s1", stream=stream)
    assert response.status_code == 200, response.text
    assert places(sent(emulator)) == ["tools", "system", "messages[2]", "messages[4]"]
    assert sent(emulator)["messages"][4]["content"][-1] == POINT
    assert response.headers[HEADER] == "tools, system, messages"
    # The key itself goes to no model.
    assert response.headers["x-bedrock-flask-dropped"] == "prompt_cache_key"


@both
def test_nova_gets_the_points_that_it_takes(gateway: Gateway, emulator: Emulator, ask: Any) -> None:
    response = ask(gateway, NOVA, 2, prompt_cache_key="s1")
    assert response.headers[HEADER] == "system, messages"
    assert places(sent(emulator)) == ["system", "messages[0]", "messages[2]"]


@both
@pytest.mark.parametrize("model", [OLDER, TOMORROW])
def test_a_model_without_a_cache_gets_no_points(gateway: Gateway, emulator: Emulator, ask: Any, model: str) -> None:
    response = ask(gateway, model, prompt_cache_key="s1")
    assert (response.status_code, places(sent(emulator))) == (200, [])
    assert HEADER not in response.headers
    # An order is not lost in silence.
    response = ask(gateway, model, headers={HEADER: "on"})
    assert (response.status_code, places(sent(emulator))) == (200, [])
    assert response.headers["x-bedrock-flask-dropped"] == HEADER


@both
def test_without_a_wish_nothing_is_marked_and_the_header_decides(
    gateway: Gateway, emulator: Emulator, ask: Any
) -> None:
    for headers, more, count in (
        ({}, {}, 0),
        ({HEADER: "on"}, {}, 3),
        ({HEADER: "ON "}, {"prompt_cache_options": {"mode": "explicit"}}, 3),
        ({HEADER: "auto"}, {}, 0),
        ({HEADER: "auto"}, {"prompt_cache_key": "s1"}, 3),
        ({HEADER: "off"}, {"prompt_cache_key": "s1"}, 0),
        ({}, {"prompt_cache_key": ""}, 0),
        ({}, {"prompt_cache_retention": "24h"}, 3),
        ({}, {"prompt_cache_options": {"mode": "implicit"}}, 3),
        ({}, {"prompt_cache_key": "s1", "prompt_cache_options": {"mode": "explicit"}}, 0),
    ):
        response = ask(gateway, CLAUDE, headers=headers, **more)
        assert response.status_code == 200, response.text
        assert len(places(sent(emulator))) == count, (headers, more)
        assert (HEADER in response.headers) is (count > 0)
    assert ask(gateway, CLAUDE, headers={HEADER: "perhaps"}).status_code == 400


@both
def test_a_promised_lifetime_becomes_an_hour_where_the_model_has_one(
    gateway: Gateway, emulator: Emulator, ask: Any
) -> None:
    options = {"mode": "implicit", "ttl": "30m"}
    response = ask(gateway, CLAUDE, prompt_cache_options=options)
    assert response.status_code == 200, response.text
    assert sent(emulator)["messages"][0]["content"][-1] == HOUR
    assert response.headers[HEADER] == "tools, system, messages, ttl=1h"
    assert "x-bedrock-flask-dropped" not in response.headers
    response = ask(gateway, NOVA, prompt_cache_options=options)
    assert sent(emulator)["messages"][0]["content"][-1] == POINT
    assert response.headers["x-bedrock-flask-dropped"] == "prompt_cache_options"
    # A retention is a limit and no promise.
    response = ask(gateway, CLAUDE, prompt_cache_retention="24h")
    assert sent(emulator)["messages"][0]["content"][-1] == POINT
    assert response.headers["x-bedrock-flask-dropped"] == "prompt_cache_retention"


def test_a_request_with_marks_of_its_own_is_not_touched(gateway: Gateway, emulator: Emulator) -> None:
    marked = [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "you"}]
    own = {"messages": [{"role": "user", "content": marked}], "prompt_cache_key": "s1"}
    response = chat(gateway, CLAUDE, headers={HEADER: "on"}, **own)
    assert (response.status_code, HEADER in response.headers) == (200, False)
    assert sent(emulator)["messages"][0]["content"] == [{"text": "Hi"}, POINT, {"text": "you"}]
    part = {"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}
    response = respond(gateway, CLAUDE, input=[{"role": "user", "content": [part]}], prompt_cache_key="s1")
    assert (response.status_code, len(places(sent(emulator)))) == (200, 1), response.text
    # In Anthropic's API the client can say so.
    body = {"model": NOVA, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    response = gateway.post("/v1/messages", body, headers={HEADER: "on"})
    assert (response.status_code, places(sent(emulator))) == (200, [])


def usage_of(response: requests.Response) -> Json:
    if response.headers["content-type"].startswith("application/json"):
        return dict(response.json()["usage"])
    events = [json.loads(event.data) for event in Decoder().feed(response.content) if event.data != "[DONE]"]
    return dict(next(event.get("usage") or event["response"]["usage"] for event in events[-1:]))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("ask", "details"), [(chat, "prompt_tokens_details"), (respond, "input_tokens_details")])
def test_what_is_cached_is_counted(gateway: Gateway, ask: Any, details: str, stream: bool) -> None:
    more: Json = {"stream": stream}
    if ask is chat and stream:
        more["stream_options"] = {"include_usage": True}
    written = usage_of(ask(gateway, CLAUDE, 1, prompt_cache_key="s1", **more))[details]
    read = usage_of(ask(gateway, CLAUDE, 2, prompt_cache_key="s1", **more))[details]
    assert written["cache_write_tokens"] > 0 == written["cached_tokens"]
    assert read["cached_tokens"] > 0
    plain = usage_of(ask(gateway, CLAUDE, 2, **more))[details]
    assert (plain["cached_tokens"], plain["cache_write_tokens"]) == (0, 0)


@both
@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_the_prefix_is_the_same_to_the_byte_from_turn_to_turn(
    gateway: Gateway, emulator: Emulator, ask: Any, model: str
) -> None:
    bodies = []
    for turns in range(1, 5):
        assert ask(gateway, model, turns, prompt_cache_key="s1").status_code == 200
        bodies.append(sent(emulator))
    assert len({json.dumps([body["toolConfig"], body["system"]]) for body in bodies}) == 1
    plain = [
        [[block for block in turn["content"] if "cachePoint" not in block] for turn in body["messages"]]
        for body in bodies
    ]
    for before, after in itertools.pairwise(plain):
        assert json.dumps(after).startswith(json.dumps(before)[:-1])
    # Each request ends its cache where the next one reads it.
    for before, after in itertools.pairwise(bodies):
        assert set(places(before)[-1:]) <= set(places(after))


# --- who decides ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keyed(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    models = tmp_path_factory.mktemp("models") / "models.toml"
    lines = [f'[models.{name}]\nid = "{CLAUDE}"\n{more}' for name, more in ALIASES.items()]
    Path(models).write_text("\n".join(lines))
    return start_gateway(
        BEDROCK_FLASK_API_KEYS=",".join(f"{name}:{name[0] * 20}" for name in ("alice", "bob", "carol")),
        BEDROCK_FLASK_CACHE="on",
        BEDROCK_FLASK_CACHE_KEYS="bob:off, carol:on",
        BEDROCK_FLASK_MODELS_FILE=str(models),
    )


ALIASES = {"plain": "", "cached": 'cache = "on"', "uncached": 'cache = "off"', "asked": 'cache = "auto"'}


@pytest.mark.parametrize(
    ("key", "alias", "header", "cached"),
    [
        ("alice", "plain", "", True),
        ("bob", "plain", "", False),
        ("carol", "plain", "", True),
        ("bob", "cached", "", True),
        ("carol", "uncached", "", False),
        ("alice", "asked", "", False),
        ("carol", "uncached", "on", True),
        ("alice", "cached", "off", False),
    ],
)
def test_the_header_decides_before_the_alias_the_alias_before_the_key_and_the_key_before_the_setting(
    keyed: Gateway, emulator: Emulator, key: str, alias: str, header: str, cached: bool
) -> None:
    headers = {"authorization": f"Bearer {key[0] * 20}"} | ({HEADER: header} if header else {})
    response = chat(keyed, alias, headers=headers)
    assert response.status_code == 200, response.text
    assert bool(places(sent(emulator))) is cached


@both
@pytest.mark.parametrize("alias", ["plain", "cached"])
def test_a_caller_that_counts_only_its_own_marks_decides_before_the_operator(
    keyed: Gateway, emulator: Emulator, ask: Any, alias: str
) -> None:
    headers = {"authorization": f"Bearer {20 * 'a'}"}
    response = ask(keyed, alias, headers=headers, prompt_cache_options={"mode": "explicit"})
    assert (response.status_code, places(sent(emulator))) == (200, []), response.text
    response = ask(keyed, alias, headers=headers | {HEADER: "on"}, prompt_cache_options={"mode": "explicit"})
    assert places(sent(emulator)) == ["tools", "system", "messages[0]"]
