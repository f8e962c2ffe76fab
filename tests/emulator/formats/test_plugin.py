"""Models in a plugin's own format: scripted replies, errors and guardrails, whatever the format is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from bedrock_flask.bedrock.usage import METRICS
from bedrock_flask.emulator.app import create_emulator
from bedrock_flask.emulator.engines.scripted import ScriptedEngine
from bedrock_flask.emulator.settings import EmulatorSettings
from bedrock_flask.models.loading import Plugin, find_built_in, load_plugins
from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl
from bedrock_flask.protocol import eventstream

Json = dict[str, Any]

INSTEAD = "Sorry, the model cannot answer this question."
NAMED = {"X-Amzn-Bedrock-GuardrailIdentifier": "gr1", "X-Amzn-Bedrock-GuardrailVersion": "1"}
ACTION = "amazon-bedrock-guardrailAction"


class Turn(Schema):
    who = fields.String(required=True)
    words = fields.String(required=True)


class Body(Schema):
    turns = fields.List(fields.Nested(Turn), required=True)
    style = fields.String()


def decode(part: Json) -> Json:
    """The talker's format: the text is nested deeply, the end is beside it or in a separate chunk."""
    document: Json = {}
    if "talk" in part:
        document = {"output": {"message": {"role": "assistant", "content": [{"text": part["talk"]["parts"][0]["t"]}]}}}
    if "why" in part:
        document |= {"stopReason": {"full": "end_turn"}[part["why"]], "usage": {"inputTokens": 12, "outputTokens": 3}}
    return document


def split(part: Json) -> Json:
    """A format with the text in two places, so that it cannot be replaced."""
    return {"output": {"message": {"content": [{"text": part["a"] + part["b"]}]}}, "stopReason": "end_turn"}


def talk(text: str, **more: Any) -> Json:
    return {"talk": {"id": "quite", "parts": [{"kind": "quite", "t": text}]}, **more}


def adapter(name: str, capabilities: Capabilities | None = None, **more: Any) -> Adapter:
    models = {f"acme.{name}-*": capabilities or Capabilities()}
    return Adapter(name=name, body=Body, speaks={name: "InvokeModel"}, models=models, sample={"turns": []}, **more)


TALKER = adapter(
    "talker",
    decode=decode,
    reply=talk("Quite sure.", why="full"),
    chunks=[{"ev": "begin"}, talk("Quite "), talk("sure."), {"why": "full"}],
)
ADAPTERS = {
    "talker": TALKER,
    # The end comes with the last words.
    "brief": adapter(
        "brief", decode=decode, reply=talk("Yes.", why="full"), chunks=[talk("Y"), talk("es.", why="full")]
    ),
    "single": adapter("single", decode=decode, reply=talk("Yes.", why="full")),
    "maker": adapter("maker", decode=decode, emulate=lambda body, engine: talk("Made.", why="full")),
    "split": adapter("split", decode=split, reply={"a": "No ", "b": "place."}),
    "mute": adapter("mute", reply={"says": "nothing"}),
    "plain": adapter("plain"),
    "vector": adapter(
        "vector",
        Capabilities(output="embedding", streaming=False),
        decode=lambda document: {"embeddings": [document["v"]]},
        emulate=lambda body, engine: {"v": engine.embed("x", 3)},
    ),
}


@hookimpl
def register_adapters(register: Any) -> None:
    for each in ADAPTERS.values():
        register(each)


class Here:
    """The hook of these adapters, as a module would have it."""

    register_adapters = staticmethod(register_adapters)


class Caller:
    """A caller of an emulator in this process."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def script(self, *replies: Json) -> None:
        response = self.client.post("/_emulator/replies", json=list(replies))
        assert response.status_code == 200, response.json

    def whole(self, name: str, *words: str, style: str = "plain", headers: Json | None = None) -> Any:
        return self.client.post(f"/model/acme.{name}-v1/invoke", json=body(words, style), headers=headers)

    def chunks(self, name: str, *words: str, headers: Json | None = None) -> list[Any]:
        """The chunks; an error that ends the stream, or comes instead of it, is its name."""
        path = f"/model/acme.{name}-v1/invoke-with-response-stream"
        answer = self.client.post(path, json=body(words, "plain"), headers=headers)
        if answer.status_code != 200:
            return [answer.headers["x-amzn-ErrorType"].partition(":")[0]]
        return list(map(decode_frame, eventstream.Decoder().feed(answer.data)))


def body(words: tuple[str, ...], style: str) -> Json:
    return {"turns": [{"who": "human", "words": each} for each in words], "style": style}


def decode_frame(frame: eventstream.Frame) -> Any:
    if frame.headers[":message-type"] != "event":
        return frame.headers.get(":exception-type") or frame.headers[":error-code"]
    return json.loads(eventstream.chunk_bytes(frame))


def read_text(parts: list[Any]) -> str:
    contents = [decode(part).get("output", {}).get("message", {}).get("content", []) for part in parts]
    return "".join(block["text"] for content in contents for block in content)


@pytest.fixture
def caller() -> Iterator[Caller]:
    registry = load_plugins([*find_built_in(), Plugin("here", "here", Here)])
    with create_emulator(registry, ScriptedEngine()).test_client() as client:
        yield Caller(client)


# --- what is scripted ------------------------------------------------------------------------------------------------


def test_a_text_takes_the_place_of_the_samples_whole_and_in_pieces(caller: Caller) -> None:
    caller.script({"text": "Scripted words, three.", "model": "acme.*"})
    assert caller.whole("talker", "Hi").json == talk("Scripted words, three.", why="full")
    first, *pieces, last = caller.chunks("talker", "Hi")
    assert (first, last["why"]) == ({"ev": "begin"}, "full")
    assert pieces == [talk("Scripted"), talk(" words,"), talk(" three.")]
    assert last[METRICS]["inputTokenCount"] == 12


@pytest.mark.parametrize("name", ["brief", "single", "maker"])
def test_so_it_does_wherever_the_end_stands(caller: Caller, name: str) -> None:
    caller.script({"text": "Scripted words."})
    assert read_text([caller.whole(name, "Hi").json]) == "Scripted words."
    parts = caller.chunks(name, "Hi")
    assert read_text(parts) == "Scripted words."
    assert [part.get("why") for part in parts][-1] == "full"


def test_any_text_of_the_body_may_be_the_prompt(caller: Caller) -> None:
    caller.script({"prompt": "Hi", "text": "Greeted."}, {"matches": "^bye$", "text": "Gone."})
    assert read_text([caller.whole("talker", "A long story of before.", "Hi").json]) == "Greeted."
    assert read_text([caller.whole("talker", "bye", "A long story of after.").json]) == "Gone."
    assert read_text([caller.whole("talker", "Hi there").json]) == "Quite sure."
    assert caller.whole("plain", "A long story of before.", "Hi").json["text"] == "Greeted."


def test_what_cannot_be_written_is_refused_and_not_ignored(caller: Caller) -> None:
    cases = [
        ("split", {"text": "x"}),
        ("mute", {"text": "x"}),
        ("talker", {"tool": "look"}),
        ("talker", {"text": "x", "stop_reason": "max_tokens"}),
        ("talker", {"text": "x", "usage": {"inputTokens": 1}}),
        ("talker", {"response": {"output": {"message": {"content": [{"text": "x"}]}}}}),
        ("vector", {"text": "x", "model": "acme.vector-*"}),
    ]
    seen = []
    for name, reply in cases:
        caller.script(reply)
        answer = caller.whole(name, "Hi")
        caller.client.delete("/_emulator/replies")
        parts = (f"cannot be written in the format of '{name}'", "Script the model's own body instead")
        if answer.status_code != 400 or not all(part in answer.json["message"] for part in parts):
            seen.append((name, reply, answer.status_code, answer.json))
    assert seen == []


def test_a_model_that_does_not_speak_is_not_meant_by_a_text_for_all(caller: Caller) -> None:
    caller.script({"text": "Scripted words."}, {"body": {"v": [1.0]}})
    assert caller.whole("vector", "Hi").json == {"v": [1.0]}
    assert read_text([caller.whole("talker", "Hi").json]) == "Scripted words."


def test_a_native_body_comes_as_it_was_told(caller: Caller) -> None:
    caller.script({"body": {"x": 1}, "chunks": [{"x": 1}, {"x": 2}]})
    assert caller.whole("talker", "Hi").json == {"x": 1}
    assert [chunk["x"] for chunk in caller.chunks("talker", "Hi")] == [1, 2]


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["talker", "mute", "plain", "maker"])
def test_an_error_comes_for_its_prompt(caller: Caller, name: str) -> None:
    caller.script({"prompt": "Hi", "error": "ThrottlingException", "message": "Slow down."})
    answer = caller.whole(name, "A longer text than that.", "Hi")
    assert (answer.status_code, answer.json["message"]) == (429, "Slow down.")
    assert caller.chunks(name, "Hi") == ["ThrottlingException"]


@pytest.mark.parametrize("name", ["talker", "mute", "plain", "vector"])
def test_an_error_comes_where_a_text_orders_it(caller: Caller, name: str) -> None:
    assert caller.whole(name, "[[error ModelErrorException]]", "And a much longer text than that.").status_code == 424


def test_an_error_comes_after_as_many_chunks_as_are_ordered(caller: Caller) -> None:
    words = "[[error modelStreamErrorException after 2]]"
    assert caller.chunks("talker", words) == [{"ev": "begin"}, talk("Quite "), "modelStreamErrorException"]
    assert caller.whole("talker", words).status_code == 424
    caller.script({"text": "It begins", "error": "ThrottlingException"})
    assert caller.chunks("talker", "Hi") == [{"ev": "begin"}, talk("It"), talk(" begins"), "throttlingException"]


# --- guardrails ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["talker", "brief", "single", "maker"])
def test_a_blocked_question_is_answered_by_the_guardrail(caller: Caller, name: str) -> None:
    answer = caller.whole(name, "[[blocked]]", "And a much longer text.", headers=NAMED).json
    assert (answer[ACTION], read_text([answer])) == ("INTERVENED", INSTEAD)
    parts = caller.chunks(name, "[[blocked]]", headers=NAMED)
    assert (parts[-1][ACTION], read_text(parts)) == ("INTERVENED", INSTEAD)


@pytest.mark.parametrize("name", ["split", "mute", "vector"])
def test_where_it_cannot_speak_the_model_does_not_either(caller: Caller, name: str) -> None:
    assert caller.whole(name, "[[blocked]]", headers=NAMED).json == {ACTION: "INTERVENED"}


def test_an_answer_is_looked_at_too(caller: Caller) -> None:
    caller.script({"prompt": "one", "text": "So [[blocked]]."}, {"prompt": "two", "text": "Write to a@b.example."})
    for words, expected in (("one", INSTEAD), ("two", "Write to {EMAIL}.")):
        answer = caller.whole("talker", words, headers=NAMED).json
        assert (answer[ACTION], read_text([answer])) == ("INTERVENED", expected)
        assert read_text(caller.chunks("talker", words, headers=NAMED)) == expected


@pytest.mark.parametrize("name", ["talker", "plain", "mute", "vector"])
def test_a_harmless_one_passes(caller: Caller, name: str) -> None:
    guarded = caller.whole(name, "Hi", headers=NAMED | {"X-Amzn-Bedrock-Trace": "ENABLED"}).json
    assert guarded.pop(ACTION) == "NONE"
    assert guarded.pop("amazon-bedrock-trace")["guardrail"]["input"]["gr1"]
    assert guarded == caller.whole(name, "Hi").json


def test_a_format_of_which_nothing_is_known_is_guarded_too(caller: Caller) -> None:
    answer = caller.whole("plain", "[[blocked]]", "And a much longer text.", headers=NAMED).json
    assert (answer[ACTION], answer["text"]) == ("INTERVENED", INSTEAD)
    parts = caller.chunks("plain", "Write to a@b.example", headers=NAMED)
    assert 'You said: "Write to {EMAIL}"' in "".join(part["text"] for part in parts)
    assert parts[-1][ACTION] == "INTERVENED"


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_what_decode_tells_is_what_it_cost(caller: Caller) -> None:
    headers = caller.whole("talker", "Hi").headers
    assert headers["x-amzn-bedrock-input-token-count"] == "12"
    assert int(caller.whole("mute", "one two three").headers["x-amzn-bedrock-input-token-count"]) == 3


def test_only_replies_means_every_format(caller: Caller) -> None:
    registry = load_plugins([*find_built_in(), Plugin("here", "here", Here)])
    settings = EmulatorSettings(replies_only=True)
    with create_emulator(registry, ScriptedEngine(), settings).test_client() as client:
        answer = Caller(client).whole("talker", "Who is it?", style="s")
        assert answer.status_code == 400
        assert 'No reply is scripted for acme.talker-v1 and the prompt "Who is it?"' in answer.json["message"]
