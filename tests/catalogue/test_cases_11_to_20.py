"""Cases 11 to 20 of the catalogue: schemas, streamed arguments, reasoning and its signatures, cache points."""

import base64
import json
import socket
import threading
from typing import Any

import pytest

from tests.catalogue.harness import Harness
from tests.catalogue.received import Received

Json = dict[str, Any]

GENERIC = "newvendor.model-of-tomorrow"
NOVA = "amazon.nova-lite-v1:0"
CLAUDE_3 = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
OPUS_4_5 = "anthropic.claude-opus-4-5-20251101-v1:0"
OPUS_4_6 = "anthropic.claude-opus-4-6-v1"
OPUS_4_7 = "anthropic.claude-opus-4-7"
PATIENCE = 20

# --- 11: schemas ------------------------------------------------------------------------------------------------------

A: Json = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
B: Json = {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}
SCHEMAS: list[Json] = [
    {"anyOf": [A, B]},
    {"oneOf": [A, B], "type": "object"},
    {"allOf": [A, B]},
    {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
    {"$ref": "#/$defs/it", "$defs": {"it": {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}}},
]


@pytest.mark.parametrize("model", [OPUS_4_5, NOVA, GENERIC])
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: next(iter(schema)))
def test_case_11_the_root_of_a_schema_is_an_object_in_one_piece(harness: Harness, model: str, schema: Json) -> None:
    """For every family and not for Claude alone: which others take a union at the root is not documented."""
    harness.says({"text": "Hi"})
    harness.ask("chat", harness.body("chat", model, "Hi", tools=[("it", schema)])).ok()
    [tool] = harness.sent()["toolConfig"]["tools"]
    sent = tool["toolSpec"]["inputSchema"]["json"]
    assert sent["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf", "$ref"} & sent.keys()
    assert sent["properties"].keys() == {"a", "b"}


def test_case_11_the_same_in_every_dialect(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"text": "Hi"})
    schema = {"type": "object", "anyOf": [A, B]}
    response = harness.ask(
        dialect, harness.body(dialect, GENERIC, "Hi", tools=[("it", schema)], streamed=streamed)
    ).ok()
    [tool] = harness.sent()["toolConfig"]["tools"]
    sent = tool["toolSpec"]["inputSchema"]["json"]
    assert sent == {"type": "object", "properties": {**A["properties"], **B["properties"]}}
    places = {"chat": "function.parameters", "responses": "parameters", "anthropic": "input_schema"}
    assert response.dropped == f"tools[0].{places[dialect]}"


def test_case_11_anthropics_api_wants_the_type_said(harness: Harness) -> None:
    """Other than the catalogue has it: a schema without a type is refused by Anthropic's own API, and so it is here."""
    harness.refused(
        "anthropic", harness.body("anthropic", GENERIC, "Hi", tools=[("it", {"anyOf": [A, B]})]), "input_schema"
    )


# --- 12 to 14: calls in streams ---------------------------------------------------------------------------------------

START: Json = {"messageStart": {"role": "assistant"}}
STOP: Json = {"messageStop": {"stopReason": "tool_use"}}
USAGE: Json = {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}}}


def begun(index: int, use_id: str, name: str) -> Json:
    use = {"toolUse": {"toolUseId": use_id, "name": name}}
    return {"contentBlockStart": {"contentBlockIndex": index, "start": use}}


def given(index: int, text: str) -> Json:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": {"toolUse": {"input": text}}}}


def ended(index: int) -> Json:
    return {"contentBlockStop": {"contentBlockIndex": index}}


@pytest.mark.parametrize("deltas", [[], [""]], ids=["no delta", "an empty delta"])
def test_case_12_a_call_without_deltas_has_an_empty_object(harness: Harness, dialect: str, deltas: list[str]) -> None:
    harness.plays(START, begun(0, "a", "now"), *(given(0, text) for text in deltas), ended(0), STOP, USAGE)
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", tools=["now"], streamed=True)).ok()
    assert response.calls == [{"id": "a", "name": "now", "arguments": "{}"}]


def test_case_12_a_model_that_cannot_stream_does_the_same(harness: Harness, dialect: str, streamed: bool) -> None:
    harness.says({"toolUse": {"toolUseId": "a", "name": "now", "input": {}}}, stop="tool_use")
    response = harness.ask(dialect, harness.body(dialect, "acme.mute-1", "Hi", tools=["now"], streamed=streamed)).ok()
    assert harness.target().endswith("/converse")
    assert response.calls == [{"id": "a", "name": "now", "arguments": "{}"}]


def test_case_13_arguments_are_forwarded_as_they_come(harness: Harness, dialect: str) -> None:
    heard = threading.Event()

    def rest(client: socket.socket) -> None:
        # The second piece comes only when the client has the first.
        assert heard.wait(PATIENCE)
        for frame in harness.frames(given(0, ' "Paris"}'), ended(0), STOP, USAGE):
            client.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")

    harness.plays(START, begun(0, "a", "weather"), given(0, '{"city":'), then=rest)
    path = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}[dialect]
    body = harness.body(dialect, GENERIC, "Hi", tools=["weather"], streamed=True)
    response = harness.gateway.post(path, body, stream=True)
    data = b""
    for piece in response.iter_content(None):
        data += piece
        if rb"{\"city\":" in data:
            heard.set()
    assert heard.is_set(), data
    assert rb" \"Paris\"}" in data


def test_case_13_joined_arguments_are_those_of_a_whole_answer(harness: Harness, dialect: str) -> None:
    use = {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "Paris"}}}
    found = []
    for streamed in (False, True):
        harness.says(use, stop="tool_use")
        found.append(
            harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", tools=["weather"], streamed=streamed)).ok()
        )
    assert found[0].calls == found[1].calls == [{"id": "a", "name": "weather", "arguments": '{"city": "Paris"}'}]


def test_case_14_calls_are_counted_from_nought_and_named_once(harness: Harness) -> None:
    text = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Well."}}}
    first, second = ([begun(i, f"id{i}", f"f{i}"), given(i, "{"), given(i, "}"), ended(i)] for i in (1, 2))
    harness.plays(START, text, ended(0), *first, *second, STOP, USAGE)
    response = harness.ask("chat", harness.body("chat", GENERIC, "Hi", tools=["f1", "f2"], streamed=True)).ok()
    assert [call["id"] for call in response.calls] == ["id1", "id2"]
    chunks = [
        call for each in response.events for choice in each["choices"] for call in choice["delta"].get("tool_calls", ())
    ]
    for index in (0, 1):
        named, *rest = [chunk for chunk in chunks if chunk["index"] == index]
        assert (named["id"], named["function"]["name"]) == (f"id{index + 1}", f"f{index + 1}")
        assert all("id" not in chunk and "name" not in chunk["function"] for chunk in rest)
        assert "".join(chunk["function"]["arguments"] for chunk in (named, *rest)) == "{}"


def test_case_14_a_call_may_be_the_first_block(harness: Harness, dialect: str) -> None:
    harness.plays(START, begun(0, "a", "f"), given(0, "{}"), ended(0), STOP, USAGE)
    response = harness.ask(dialect, harness.body(dialect, GENERIC, "Hi", tools=["f"], streamed=True)).ok()
    assert response.calls == [{"id": "a", "name": "f", "arguments": "{}"}]


# --- 15 to 18: reasoning ----------------------------------------------------------------------------------------------

SIGNED = {"reasoningContent": {"reasoningText": {"text": "", "signature": "S"}}}
SECRET = base64.b64encode(bytes(range(256))).decode()
REDACTED = {"reasoningContent": {"redactedContent": SECRET}}
CALL = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
# What switches reasoning on in each dialect.
REASONS: dict[str, Json] = {
    "chat": {"reasoning_effort": "high"},
    "responses": {"reasoning": {"effort": "high"}},
    "anthropic": {"output_config": {"effort": "high"}},
}


def again(dialect: str, received: Received) -> list[Json]:
    """The turn of the model's as a client of the dialect sends it back."""
    if dialect == "responses":
        return list(received.document["output"] if received.document else received.events[-1]["response"]["output"])
    if dialect == "anthropic":
        uses = [{"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}} for call in received.calls]
        return [{"role": "assistant", "content": [*received.thoughts, *uses]}]
    calls = [{"id": call["id"], "type": "function", "function": {"name": call["name"]}} for call in received.calls]
    return [{"role": "assistant", "content": None, "tool_calls": calls, "reasoning_details": received.thoughts}]


def test_case_15_and_16_a_signature_without_text_comes_and_goes_back(
    harness: Harness, dialect: str, streamed: bool
) -> None:
    """To Claude by Anthropic's API goes Anthropic's own body; so this dialect has the generic model here."""
    model = GENERIC if dialect == "anthropic" else OPUS_4_6
    more = {} if dialect == "anthropic" else REASONS[dialect]
    harness.says(SIGNED, REDACTED, CALL, stop="tool_use")
    body = harness.body(dialect, model, "Hi", tools=["f"], streamed=streamed, **more)
    response = harness.ask(dialect, body).ok()
    if dialect == "chat":
        assert [thought.get("signature") for thought in response.thoughts] == ["S", None]
        assert response.thoughts[1]["data"] == SECRET
    elif dialect == "anthropic":
        assert response.thoughts[0] == {"type": "thinking", "thinking": "", "signature": "S"}
        assert response.thoughts[1] == {"type": "redacted_thinking", "data": SECRET}
    else:
        assert len(response.thoughts) == 2
        assert all(thought["encrypted_content"] for thought in response.thoughts)
    harness.says({"text": "Done."})
    member = "input" if dialect == "responses" else "messages"
    [answered] = harness.body(dialect, model, ("a", "ok"))[member]
    body[member] += [*again(dialect, response), answered]
    assert harness.ask(dialect, body).ok().text == "Done."
    sent = harness.sent()
    assert sent["messages"][1]["content"] == [SIGNED, REDACTED, CALL]
    if model == OPUS_4_6:
        assert sent["additionalModelRequestFields"]["thinking"] == {"type": "adaptive"}


def test_case_15_and_16_claudes_own_reasoning_goes_back_as_it_came(harness: Harness, streamed: bool) -> None:
    harness.says(SIGNED, {"text": "Hello."})
    body = harness.body("anthropic", OPUS_4_6, "Hi", streamed=streamed, thinking={"type": "adaptive"})
    response = harness.ask("anthropic", body).ok()
    thinking = {"type": "thinking", "thinking": "", "signature": "S"}
    assert response.thoughts == [thinking]
    redacted = {"type": "redacted_thinking", "data": SECRET}
    content = [thinking, redacted, {"type": "text", "text": response.text}]
    body["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": "Go on."}]
    harness.says({"text": "Well."})
    harness.ask("anthropic", body).ok()
    assert harness.sent()["messages"] == body["messages"]


UNSIGNED: dict[str, list[Json]] = {
    "chat": [{"role": "assistant", "content": "Hello.", "reasoning_content": "Hm."}],
    "responses": [
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
    ],
}


@pytest.mark.parametrize("dialect_", UNSIGNED)
def test_case_17_reasoning_without_a_signature_is_not_sent_to_claude(
    harness: Harness, dialect_: str, streamed: bool
) -> None:
    """By Anthropic's API the body is Claude's own and goes up as it came: Claude says itself what it thinks of it."""
    harness.says({"text": "Well."})
    body = harness.body(dialect_, OPUS_4_5, "Hi", "again", streamed=streamed)
    member = "input" if dialect_ == "responses" else "messages"
    body[member][1:1] = UNSIGNED[dialect_]
    response = harness.ask(dialect_, body).ok()
    assert harness.sent()["messages"][1] == {"role": "assistant", "content": [{"text": "Hello."}]}
    assert response.dropped == {"chat": "messages[1].reasoning_content", "responses": "input[1]"}[dialect_]


def test_case_17_a_summary_alone_is_for_people(harness: Harness) -> None:
    """It is what a client of the responses API has kept of an aborted stream; no model takes it back."""
    harness.says({"text": "Well."})
    body = harness.body("responses", OPUS_4_5, "Hi", ["Hello."], "again")
    summary = [{"type": "summary_text", "text": "Hm."}]
    body["input"].insert(1, {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": None})
    harness.ask("responses", body).ok()
    assert harness.sent()["messages"][1] == {"role": "assistant", "content": [{"text": "Hello."}]}


def test_case_17_thinking_of_another_model_is_not_sent_where_none_is_known(harness: Harness, streamed: bool) -> None:
    """An Anthropic client that goes on with Nova, which has no reasoning, after an aborted stream of another model."""
    harness.says({"text": "Well."})
    body = harness.body("anthropic", NOVA, "Hi", ["Hello."], "again", streamed=streamed)
    body["messages"][1]["content"].insert(0, {"type": "thinking", "thinking": "Hm.", "signature": ""})
    response = harness.ask("anthropic", body).ok()
    assert harness.sent()["messages"][1] == {"role": "assistant", "content": [{"text": "Hello."}]}
    assert response.dropped == "messages[1].content[0]"


FORCED: dict[str, list[Any]] = {
    "chat": ["required", {"type": "function", "function": {"name": "f"}}],
    "responses": ["required", {"type": "function", "name": "f"}],
    "anthropic": [{"type": "any"}, {"type": "tool", "name": "f"}],
}


@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
@pytest.mark.parametrize("dialect_", ["chat", "responses"])
def test_case_18_reasoning_and_a_forced_tool_are_both_named_and_refused(
    harness: Harness, dialect_: str, kind: int, streamed: bool
) -> None:
    more = {**REASONS[dialect_], "tool_choice": FORCED[dialect_][kind]}
    body = harness.body(dialect_, SONNET_4, "Hi", tools=["f"], streamed=streamed, **more)
    error = harness.refused(dialect_, body, "effort", "reasoning and a forced tool exclude each other")
    assert error["param"] == {"chat": "reasoning_effort", "responses": "reasoning.effort"}[dialect_]


@pytest.mark.parametrize("model", [SONNET_4, OPUS_4_6, OPUS_4_7])
@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
def test_case_18_so_is_claudes_own_thinking_with_a_forced_tool(harness: Harness, model: str, kind: int) -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    more = {"thinking": thinking, "tool_choice": FORCED["chat"][kind]}
    harness.refused("chat", harness.body("chat", model, "Hi", tools=["f"], **more), "thinking")


@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
def test_case_18_by_anthropics_api_both_are_named_too(harness: Harness, kind: int, streamed: bool) -> None:
    more = {"thinking": {"type": "adaptive"}, "tool_choice": FORCED["anthropic"][kind]}
    body = harness.body("anthropic", OPUS_4_6, "Hi", tools=["f"], streamed=streamed, **more)
    error = harness.refused("anthropic", body, "thinking")
    assert [each["path"] for each in error["errors"]] == ["thinking", "tool_choice"]


@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
def test_case_18_where_an_effort_alone_does_not_reason_the_tool_is_forced(harness: Harness, kind: int) -> None:
    """Claude 4.6 and later take an effort without thinking: it then goes alone, and thinking is not switched on."""
    harness.says(CALL, stop="tool_use")
    more = {**REASONS["chat"], "tool_choice": FORCED["chat"][kind]}
    harness.ask("chat", harness.body("chat", OPUS_4_6, "Hi", tools=["f"], **more)).ok()
    sent = harness.sent()
    assert sent["additionalModelRequestFields"] == {"output_config": {"effort": "high"}}
    assert sent["toolConfig"]["toolChoice"] == [{"any": {}}, {"tool": {"name": "f"}}][kind]


# --- 19 and 20: cache points ------------------------------------------------------------------------------------------

MARK = {"type": "ephemeral", "ttl": "1h"}
SYSTEM = [
    {"type": "text", "text": "one", "cache_control": MARK},
    *({"type": "text", "text": t} for t in ("two", "three")),
]
POINT = {"cachePoint": {"type": "default", "ttl": "1h"}}


def with_system(body: Json, dialect: str) -> Json:
    if dialect == "anthropic":
        return {**body, "system": SYSTEM}
    return {**body, "messages": [{"role": "system", "content": SYSTEM}, *body["messages"]]}


def find_mark(dialect: str) -> str:
    """The path of the mark in the system prompt."""
    return "system[0].cache_control" if dialect == "anthropic" else "messages[0].content[0].cache_control"


@pytest.mark.parametrize("dialect_", ["chat", "anthropic"])
def test_case_19_a_cache_mark_stands_where_it_was_set(harness: Harness, dialect_: str, streamed: bool) -> None:
    harness.says({"text": "Hi"})
    response = harness.ask(dialect_, with_system(harness.body(dialect_, NOVA, "Hi", streamed=streamed), dialect_)).ok()
    # Nova has no longer lifetime.
    point = {"cachePoint": {"type": "default"}}
    assert harness.sent()["system"] == [{"text": "one"}, point, {"text": "two"}, {"text": "three"}]
    assert response.dropped == f"{find_mark(dialect_)}.ttl"


def test_case_19_each_system_message_is_kept(harness: Harness) -> None:
    harness.says({"text": "Hi"})
    body = harness.body("chat", OPUS_4_5, "Hi")
    body["messages"][:0] = [{"role": "system", "content": [part]} for part in SYSTEM]
    harness.ask("chat", body).ok()
    assert harness.sent()["system"] == [{"text": "one"}, POINT, {"text": "two"}, {"text": "three"}]


# To Claude by Anthropic's API goes Claude's own body, as it came.
@pytest.mark.parametrize(("dialect_", "model"), [("chat", GENERIC), ("chat", CLAUDE_3), ("anthropic", GENERIC)])
def test_case_19_a_model_without_a_cache_gets_none_and_the_mark_is_reported(
    harness: Harness, dialect_: str, model: str, streamed: bool
) -> None:
    harness.says({"text": "Hi"})
    body = with_system(harness.body(dialect_, model, "Hi", tools=["f"], streamed=streamed), dialect_)
    body["tools"][0]["cache_control"] = {"type": "ephemeral"}
    response = harness.ask(dialect_, body).ok()
    assert "cachePoint" not in json.dumps(harness.sent())
    assert harness.sent()["system"] == [{"text": "one"}, {"text": "two"}, {"text": "three"}]
    assert set(response.dropped.split(", ")) == {find_mark(dialect_), "tools[0].cache_control"}


PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n").decode()


def results_with_marks(harness: Harness, dialect: str, model: str, streamed: bool) -> Json:
    body: Json = harness.body(dialect, model, "Hi", [("a", "f", {})], ("a", "ok"), tools=["f"], streamed=streamed)
    last = body["messages"][-1]
    if dialect == "anthropic":
        last["content"][0]["cache_control"] = MARK
        document = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
    else:
        last["content"] = [{"type": "text", "text": "ok", "cache_control": MARK}]
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        document = {"type": "file", "file": file}
    payload = {"role": "user", "content": [{**document, "cache_control": MARK}, {"type": "text", "text": "Read."}]}
    return {**body, "messages": [*body["messages"], payload]}


@pytest.mark.parametrize("dialect_", ["chat", "anthropic"])
def test_case_20_nova_gets_no_cache_point_behind_a_tool_result(harness: Harness, dialect_: str, streamed: bool) -> None:
    harness.says({"text": "Hi"})
    response = harness.ask(dialect_, results_with_marks(harness, dialect_, NOVA, streamed)).ok()
    last = harness.sent()["messages"][-1]["content"]
    assert [next(iter(block)) for block in last] == ["toolResult", "document", "text"]
    assert all(len(block) == 1 for block in last)
    assert last[0]["toolResult"]["content"] == [{"text": "ok"}]
    # Nor behind a document: one point is behind the last text before them, and has no longer lifetime.
    assert sum("cachePoint" in block for turn in harness.sent()["messages"] for block in turn["content"]) == 1
    assert {each.rpartition("].")[2] for each in response.dropped.split(", ")} <= {"cache_control", "cache_control.ttl"}


def test_case_20_claude_takes_one_there_in_a_block_of_its_own(harness: Harness, streamed: bool) -> None:
    harness.says({"text": "Hi"})
    response = harness.ask("chat", results_with_marks(harness, "chat", OPUS_4_5, streamed)).ok()
    last = harness.sent()["messages"][-1]["content"]
    assert next(iter(last[0])) == "toolResult"
    assert sum("cachePoint" in block for block in last) == 2
    assert all(len(block) == 1 for block in last)
    assert "cachePoint" not in json.dumps(last[0])
    assert response.dropped == ""
