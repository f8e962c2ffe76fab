"""Every fault of a body has the path of the caller's own body, whatever the gateway has made of it by then."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_flask.protocol.json_path import get_at, parse_path
from tests.doubles import Emulator, Gateway

Json = dict[str, Any]
TEXT = base64.b64encode(b"this is not an image").decode()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
OBJECT = {"type": "object", "properties": {}}


@dataclass
class Chat:
    """A conversation in Chat Completions; each method adds one thing and returns the path that may be wrong in it."""

    path = "/v1/chat/completions"
    list_name = "messages"
    body: Json = field(default_factory=lambda: {"messages": [], "tools": []})

    def add(self, *messages: Json) -> str:
        self.body[self.list_name] += messages
        return f"{self.list_name}[{len(self.body[self.list_name]) - 1}]"

    def say(self, role: str, *texts: str) -> str:
        return self.add({"role": role, "content": [self.text(role, text) for text in texts]})

    def text(self, role: str, text: str) -> Json:
        return {"type": "text", "text": text}

    def image(self, data: str) -> str:
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
        return self.add({"role": "user", "content": [self.text("user", "look"), part]}) + ".content[1].image_url.url"

    def call(self, name: str, arguments: str = "{}") -> str:
        called = {"id": name, "type": "function", "function": {"name": "f", "arguments": arguments}}
        return self.add({"role": "assistant", "content": "", "tool_calls": [called]}) + ".tool_calls[0]"

    arguments = ".function.arguments"

    def result(self, name: str) -> str:
        return self.add({"role": "tool", "tool_call_id": name, "content": "done"}) + ".tool_call_id"

    def tool(self, name: str, schema: Json) -> str:
        function = {"name": name, "parameters": schema}
        self.body["tools"].append({"type": "function", "function": function})
        return f"tools[{len(self.body['tools']) - 1}]"

    tool_name, tool_schema = ".function.name", ".function.parameters"


class Responses(Chat):
    path = "/v1/responses"
    list_name = "input"

    def __init__(self) -> None:
        super().__init__({"input": [], "tools": []})

    def text(self, role: str, text: str) -> Json:
        return {"type": "output_text" if role == "assistant" else "input_text", "text": text}

    def image(self, data: str) -> str:
        part = {"type": "input_image", "image_url": f"data:image/png;base64,{data}"}
        return self.add({"role": "user", "content": [self.text("user", "look"), part]}) + ".content[1].image_url"

    def call(self, name: str, arguments: str = "{}") -> str:
        return self.add({"type": "function_call", "call_id": name, "name": "f", "arguments": arguments})

    arguments = ".arguments"

    def result(self, name: str) -> str:
        return self.add({"type": "function_call_output", "call_id": name, "output": "done"}) + ".call_id"

    def tool(self, name: str, schema: Json) -> str:
        self.body["tools"].append({"type": "function", "name": name, "parameters": schema})
        return f"tools[{len(self.body['tools']) - 1}]"

    tool_name, tool_schema = ".name", ".parameters"


class Messages(Chat):
    path = "/v1/messages"

    def __init__(self) -> None:
        super().__init__({"max_tokens": 20, "messages": [], "tools": []})

    def image(self, data: str) -> str:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        content = [self.text("user", "look"), {"type": "image", "source": source}]
        return self.add({"role": "user", "content": content}) + ".content[1].source.data"

    def call(self, name: str, arguments: str = "{}") -> str:
        use = {"type": "tool_use", "id": name, "name": "f", "input": json.loads(arguments)}
        return self.add({"role": "assistant", "content": [use]}) + ".content[0]"

    def result(self, name: str) -> str:
        block = {"type": "tool_result", "tool_use_id": name, "content": "done"}
        return self.add({"role": "user", "content": [block]}) + ".content[0].tool_use_id"

    def tool(self, name: str, schema: Json) -> str:
        self.body["tools"].append({"name": name, "input_schema": schema})
        return f"tools[{len(self.body['tools']) - 1}]"

    tool_name, tool_schema = ".name", ".input_schema"


DIALECTS: list[type[Chat]] = [Chat, Responses, Messages]

# What is right, and moves what is behind it: turns that are joined, texts that are dropped, instructions, tools.
RIGHT: dict[str, Callable[[Chat, str], object]] = {
    "a text": lambda talk, name: talk.say("user", "one"),
    "texts and a blank one": lambda talk, name: talk.say("user", " ", "one", "two"),
    "an answer": lambda talk, name: (talk.say("user", "one"), talk.say("assistant", "two")),
    "instructions": lambda talk, name: talk.say("system", "be brief"),
    "an image": lambda talk, name: talk.image(PNG),
    "a call": lambda talk, name: (talk.call(name), talk.result(name)),
    "a tool": lambda talk, name: talk.tool(name, OBJECT),
}
# What is wrong: each returns the path that the error must name.
WRONG: dict[str, Callable[[Chat, str], str]] = {
    "a text as an image": lambda talk, name: talk.image(TEXT),
    "a blank turn": lambda talk, name: talk.say("user", " "),
    "a result without its call": lambda talk, name: talk.result(name),
    "a call without its result": lambda talk, name: talk.call(name),
    "arguments that are no JSON": lambda talk, name: (
        (talk.call(name, "{no") + talk.arguments, talk.result(name))[0]
        if not isinstance(talk, Messages)
        else talk.image(TEXT)
    ),
    "a schema that is a list": lambda talk, name: talk.tool(name, {"type": "array"}) + talk.tool_schema + ".type",
    "a second tool of a name": lambda talk, name: talk.tool("f", {**OBJECT, "title": name}) + talk.tool_name,
    "an unknown member": lambda talk, name: (
        talk.add({"role": "user", "content": [talk.text("user", "one")], "zzz": 1}) + ".zzz"
    ),
}

steps = st.lists(st.sampled_from(sorted(RIGHT)), max_size=6)
models = st.sampled_from(["nova", "claude", "newvendor.model-of-tomorrow"])


def converse(dialect: type[Chat], *parts: list[str]) -> tuple[Chat, list[str]]:
    """A conversation of these steps, and the paths of what is wrong in it."""
    talk, places = dialect(), []
    talk.tool("f", OBJECT)
    talk.say("user", "begin")
    for number, name in enumerate(step for part in parts for step in part):
        if name in WRONG:
            # A call's neighbours must not be taken for its result or its turn.
            talk.say("assistant", "go on")
            places.append(WRONG[name](talk, f"wrong_{number}"))
            talk.say("assistant", "go on")
        else:
            RIGHT[name](talk, f"right_{number}")
    talk.say("user", "end")
    return talk, places


def choose(talk: Chat, model: str) -> str:
    """The model, unless the dialect is its own: then the body goes up as it is."""
    return "nova" if isinstance(talk, Messages) and model == "claude" else model


def find_paths(response: Any) -> list[str]:
    document = response.json()
    assert response.status_code == 400, document
    return [each["path"] for each in document["error"]["errors"]]


calm = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.timeout(300)
@calm
@given(before=steps, after=steps, model=models)
def test_one_wrong_thing_anywhere_is_named_by_its_place(
    gateway: Gateway,
    emulator: Emulator,
    dialect: type[Chat],
    wrong: str,
    before: list[str],
    after: list[str],
    model: str,
) -> None:
    talk, [place] = converse(dialect, before, [wrong], after)
    assert find_paths(gateway.post(talk.path, {"model": choose(talk, model), **talk.body})) == [place]
    assert get_at(talk.body, parse_path(place)) is not None


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.timeout(300)
@calm
@given(steps=st.lists(st.sampled_from([*sorted(RIGHT), *sorted(WRONG)]), max_size=8), model=models)
def test_all_that_is_wrong_is_named_at_once(
    gateway: Gateway, emulator: Emulator, dialect: type[Chat], steps: list[str], model: str
) -> None:
    # What is wrong with the form of a body is named first, and Anthropic's format says what form a schema has.
    steps = [step for step in steps if dialect is not Messages or step != "a schema that is a list"]
    talk, places = converse(dialect, steps)
    response = gateway.post(talk.path, {"model": choose(talk, model), **talk.body})
    if places:
        assert sorted(find_paths(response)) == sorted(places)
        assert all(place in response.json()["error"]["message"] for place in places[:3])
    else:
        assert response.status_code == 200, response.text


def mark(text: str) -> Json:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("empty", [{"role": "assistant", "content": ""}, {"role": "system", "content": "Be brief."}])
def test_a_fault_of_claudes_own_body_has_the_callers_path_although_turns_have_moved(
    gateway: Gateway, emulator: Emulator, empty: Json, stream: bool
) -> None:
    turns = [
        {"role": "user", "content": [mark("a")]},
        empty,
        {"role": "user", "content": [mark("b"), mark("c")]},
        {"role": "assistant", "content": "d"},
        {"role": "user", "content": [mark("e"), mark("f")]},
    ]
    body = {"model": "anthropic.claude-opus-4-6-v1", "max_tokens": 9, "messages": turns, "stream": stream}
    assert find_paths(gateway.post("/v1/messages", body)) == ["messages[4].content[1].cache_control"]
    counted = {"model": body["model"], "messages": turns}
    assert find_paths(gateway.post("/v1/messages/count_tokens", counted)) == ["messages[4].content[1].cache_control"]


def test_what_an_embedder_refuses_has_the_callers_name(gateway: Gateway) -> None:
    for texts in ("a", ["a", "b", "c"]):
        body = {"model": "titan-embed", "input": texts, "dimensions": 300}
        assert find_paths(gateway.post("/v1/embeddings", body)) == ["dimensions"]
