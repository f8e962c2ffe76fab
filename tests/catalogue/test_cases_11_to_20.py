"""Cases 11 to 20 of the catalogue: schemas, streamed arguments, reasoning and its signatures, cache points."""

import base64
import json
import socket
import threading
from typing import Any

import pytest

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
def test_case_11_the_root_of_a_schema_is_an_object_in_one_piece(house: Any, model: str, schema: Json) -> None:
    """For every family and not for Claude alone: which others take a union at the root is not documented."""
    house.says({"text": "Hi"})
    house.ask("chat", house.body("chat", model, "Hi", tools=[("it", schema)])).ok()
    [tool] = house.sent()["toolConfig"]["tools"]
    sent = tool["toolSpec"]["inputSchema"]["json"]
    assert sent["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf", "$ref"} & sent.keys()
    assert sent["properties"].keys() == {"a", "b"}


def test_case_11_the_same_in_every_dialect(house: Any, dialect: str, streamed: bool) -> None:
    house.says({"text": "Hi"})
    schema = {"type": "object", "anyOf": [A, B]}
    told = house.ask(dialect, house.body(dialect, GENERIC, "Hi", tools=[("it", schema)], streamed=streamed)).ok()
    [tool] = house.sent()["toolConfig"]["tools"]
    sent = tool["toolSpec"]["inputSchema"]["json"]
    assert sent == {"type": "object", "properties": {**A["properties"], **B["properties"]}}
    assert told.dropped == "tools[0].toolSpec.inputSchema"


def test_case_11_anthropics_api_wants_the_type_said(house: Any) -> None:
    """Other than the catalogue has it: a schema without a type is refused by Anthropic's own API, and so it is here."""
    house.refused(
        "anthropic", house.body("anthropic", GENERIC, "Hi", tools=[("it", {"anyOf": [A, B]})]), "input_schema"
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
def test_case_12_a_call_without_deltas_has_an_empty_object(house: Any, dialect: str, deltas: list[str]) -> None:
    house.plays(START, begun(0, "a", "now"), *(given(0, text) for text in deltas), ended(0), STOP, USAGE)
    told = house.ask(dialect, house.body(dialect, GENERIC, "Hi", tools=["now"], streamed=True)).ok()
    assert told.calls == [{"id": "a", "name": "now", "arguments": "{}"}]


def test_case_12_a_model_that_cannot_stream_does_the_same(house: Any, dialect: str, streamed: bool) -> None:
    house.says({"toolUse": {"toolUseId": "a", "name": "now", "input": {}}}, stop="tool_use")
    told = house.ask(dialect, house.body(dialect, "acme.mute-1", "Hi", tools=["now"], streamed=streamed)).ok()
    assert house.target().endswith("/converse")
    assert told.calls == [{"id": "a", "name": "now", "arguments": "{}"}]


def test_case_13_arguments_are_forwarded_as_they_come(house: Any, dialect: str) -> None:
    heard = threading.Event()

    def rest(client: socket.socket) -> None:
        # The second piece comes only when the client has the first.
        assert heard.wait(PATIENCE)
        for frame in house.frames(given(0, ' "Paris"}'), ended(0), STOP, USAGE):
            client.sendall(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")

    house.plays(START, begun(0, "a", "weather"), given(0, '{"city":'), then=rest)
    path = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}[dialect]
    body = house.body(dialect, GENERIC, "Hi", tools=["weather"], streamed=True)
    response = house.gateway.post(path, body, stream=True)
    data = b""
    for piece in response.iter_content(None):
        data += piece
        if rb"{\"city\":" in data:
            heard.set()
    assert heard.is_set(), data
    assert rb" \"Paris\"}" in data


def test_case_13_joined_arguments_are_those_of_a_whole_answer(house: Any, dialect: str) -> None:
    use = {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "Paris"}}}
    told = []
    for streamed in (False, True):
        house.says(use, stop="tool_use")
        told.append(house.ask(dialect, house.body(dialect, GENERIC, "Hi", tools=["weather"], streamed=streamed)).ok())
    assert told[0].calls == told[1].calls == [{"id": "a", "name": "weather", "arguments": '{"city": "Paris"}'}]


def test_case_14_calls_are_counted_from_nought_and_named_once(house: Any) -> None:
    text = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Well."}}}
    first, second = ([begun(i, f"id{i}", f"f{i}"), given(i, "{"), given(i, "}"), ended(i)] for i in (1, 2))
    house.plays(START, text, ended(0), *first, *second, STOP, USAGE)
    told = house.ask("chat", house.body("chat", GENERIC, "Hi", tools=["f1", "f2"], streamed=True)).ok()
    assert [call["id"] for call in told.calls] == ["id1", "id2"]
    chunks = [
        call for each in told.events for choice in each["choices"] for call in choice["delta"].get("tool_calls", ())
    ]
    for index in (0, 1):
        named, *rest = [chunk for chunk in chunks if chunk["index"] == index]
        assert (named["id"], named["function"]["name"]) == (f"id{index + 1}", f"f{index + 1}")
        assert all("id" not in chunk and "name" not in chunk["function"] for chunk in rest)
        assert "".join(chunk["function"]["arguments"] for chunk in (named, *rest)) == "{}"


def test_case_14_a_call_may_be_the_first_block(house: Any, dialect: str) -> None:
    house.plays(START, begun(0, "a", "f"), given(0, "{}"), ended(0), STOP, USAGE)
    told = house.ask(dialect, house.body(dialect, GENERIC, "Hi", tools=["f"], streamed=True)).ok()
    assert told.calls == [{"id": "a", "name": "f", "arguments": "{}"}]


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


def again(dialect: str, told: Any) -> list[Json]:
    """The turn of the model's as a client of the dialect sends it back."""
    if dialect == "responses":
        return list(told.document["output"] if told.document else told.events[-1]["response"]["output"])
    if dialect == "anthropic":
        uses = [{"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}} for call in told.calls]
        return [{"role": "assistant", "content": [*told.thoughts, *uses]}]
    calls = [{"id": call["id"], "type": "function", "function": {"name": call["name"]}} for call in told.calls]
    return [{"role": "assistant", "content": None, "tool_calls": calls, "reasoning_details": told.thoughts}]


def test_case_15_and_16_a_signature_without_text_comes_and_goes_back(house: Any, dialect: str, streamed: bool) -> None:
    """To Claude by Anthropic's API goes Anthropic's own body; so this dialect has the generic model here."""
    model = GENERIC if dialect == "anthropic" else OPUS_4_6
    more = {} if dialect == "anthropic" else REASONS[dialect]
    house.says(SIGNED, REDACTED, CALL, stop="tool_use")
    body = house.body(dialect, model, "Hi", tools=["f"], streamed=streamed, **more)
    told = house.ask(dialect, body).ok()
    if dialect == "chat":
        assert [thought.get("signature") for thought in told.thoughts] == ["S", None]
        assert told.thoughts[1]["data"] == SECRET
    elif dialect == "anthropic":
        assert told.thoughts[0] == {"type": "thinking", "thinking": "", "signature": "S"}
        assert told.thoughts[1] == {"type": "redacted_thinking", "data": SECRET}
    else:
        assert len(told.thoughts) == 2
        assert all(thought["encrypted_content"] for thought in told.thoughts)
    house.says({"text": "Done."})
    member = "input" if dialect == "responses" else "messages"
    [answered] = house.body(dialect, model, ("a", "ok"))[member]
    body[member] += [*again(dialect, told), answered]
    assert house.ask(dialect, body).ok().text == "Done."
    sent = house.sent()
    assert sent["messages"][1]["content"] == [SIGNED, REDACTED, CALL]
    if model == OPUS_4_6:
        assert sent["additionalModelRequestFields"]["thinking"] == {"type": "adaptive"}


def test_case_15_and_16_claudes_own_reasoning_goes_back_as_it_came(house: Any, streamed: bool) -> None:
    house.says(SIGNED, {"text": "Hello."})
    body = house.body("anthropic", OPUS_4_6, "Hi", streamed=streamed, thinking={"type": "adaptive"})
    told = house.ask("anthropic", body).ok()
    thinking = {"type": "thinking", "thinking": "", "signature": "S"}
    assert told.thoughts == [thinking]
    redacted = {"type": "redacted_thinking", "data": SECRET}
    content = [thinking, redacted, {"type": "text", "text": told.text}]
    body["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": "Go on."}]
    house.says({"text": "Well."})
    house.ask("anthropic", body).ok()
    assert house.sent()["messages"] == body["messages"]


UNSIGNED: dict[str, list[Json]] = {
    "chat": [{"role": "assistant", "content": "Hello.", "reasoning_content": "Hm."}],
    "responses": [
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
    ],
}


@pytest.mark.parametrize("dialect_", UNSIGNED)
def test_case_17_reasoning_without_a_signature_is_not_sent_to_claude(house: Any, dialect_: str, streamed: bool) -> None:
    """By Anthropic's API the body is Claude's own and goes up as it came: Claude says itself what it thinks of it."""
    house.says({"text": "Well."})
    body = house.body(dialect_, OPUS_4_5, "Hi", "again", streamed=streamed)
    member = "input" if dialect_ == "responses" else "messages"
    body[member][1:1] = UNSIGNED[dialect_]
    told = house.ask(dialect_, body).ok()
    assert house.sent()["messages"][1] == {"role": "assistant", "content": [{"text": "Hello."}]}
    assert told.dropped == "messages[1].content[0].reasoningContent"


def test_case_17_a_summary_alone_is_for_people(house: Any) -> None:
    """It is what a client of the responses API has kept of an aborted stream; no model takes it back."""
    house.says({"text": "Well."})
    body = house.body("responses", OPUS_4_5, "Hi", ["Hello."], "again")
    summary = [{"type": "summary_text", "text": "Hm."}]
    body["input"].insert(1, {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": None})
    house.ask("responses", body).ok()
    assert house.sent()["messages"][1] == {"role": "assistant", "content": [{"text": "Hello."}]}


def test_case_17_thinking_of_another_model_is_not_sent_where_none_is_known(house: Any, streamed: bool) -> None:
    """An Anthropic client that goes on with Nova, which has no reasoning, after an aborted stream of another model."""
    house.says({"text": "Well."})
    body = house.body("anthropic", NOVA, "Hi", ["Hello."], "again", streamed=streamed)
    body["messages"][1]["content"].insert(0, {"type": "thinking", "thinking": "Hm.", "signature": ""})
    told = house.ask("anthropic", body).ok()
    assert house.sent()["messages"][1] == {"role": "assistant", "content": [{"text": "Hello."}]}
    assert told.dropped == "messages[1].content[0].reasoningContent"


FORCED: dict[str, list[Any]] = {
    "chat": ["required", {"type": "function", "function": {"name": "f"}}],
    "responses": ["required", {"type": "function", "name": "f"}],
    "anthropic": [{"type": "any"}, {"type": "tool", "name": "f"}],
}


@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
@pytest.mark.parametrize("dialect_", ["chat", "responses"])
def test_case_18_reasoning_and_a_forced_tool_are_both_named_and_refused(
    house: Any, dialect_: str, kind: int, streamed: bool
) -> None:
    more = {**REASONS[dialect_], "tool_choice": FORCED[dialect_][kind]}
    body = house.body(dialect_, SONNET_4, "Hi", tools=["f"], streamed=streamed, **more)
    error = house.refused(dialect_, body, "effort", "reasoning and a forced tool exclude each other")
    assert error["param"] == {"chat": "reasoning_effort", "responses": "reasoning.effort"}[dialect_]


@pytest.mark.parametrize("model", [SONNET_4, OPUS_4_6, OPUS_4_7])
@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
def test_case_18_so_is_claudes_own_thinking_with_a_forced_tool(house: Any, model: str, kind: int) -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    more = {"thinking": thinking, "tool_choice": FORCED["chat"][kind]}
    house.refused("chat", house.body("chat", model, "Hi", tools=["f"], **more), "thinking")


@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
def test_case_18_by_anthropics_api_both_are_named_too(house: Any, kind: int, streamed: bool) -> None:
    more = {"thinking": {"type": "adaptive"}, "tool_choice": FORCED["anthropic"][kind]}
    body = house.body("anthropic", OPUS_4_6, "Hi", tools=["f"], streamed=streamed, **more)
    error = house.refused("anthropic", body, "thinking")
    assert [each["path"] for each in error["errors"]] == ["thinking", "tool_choice"]


@pytest.mark.parametrize("kind", [0, 1], ids=["any", "tool"])
def test_case_18_where_an_effort_alone_does_not_reason_the_tool_is_forced(house: Any, kind: int) -> None:
    """Claude 4.6 and later take an effort without thinking: it then goes alone, and thinking is not switched on."""
    house.says(CALL, stop="tool_use")
    more = {**REASONS["chat"], "tool_choice": FORCED["chat"][kind]}
    house.ask("chat", house.body("chat", OPUS_4_6, "Hi", tools=["f"], **more)).ok()
    sent = house.sent()
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


@pytest.mark.parametrize("dialect_", ["chat", "anthropic"])
def test_case_19_a_cache_mark_stands_where_it_was_set(house: Any, dialect_: str, streamed: bool) -> None:
    house.says({"text": "Hi"})
    told = house.ask(dialect_, with_system(house.body(dialect_, NOVA, "Hi", streamed=streamed), dialect_)).ok()
    assert house.sent()["system"] == [{"text": "one"}, POINT, {"text": "two"}, {"text": "three"}]
    assert told.dropped == ""


def test_case_19_each_system_message_is_kept(house: Any) -> None:
    house.says({"text": "Hi"})
    body = house.body("chat", OPUS_4_5, "Hi")
    body["messages"][:0] = [{"role": "system", "content": [part]} for part in SYSTEM]
    house.ask("chat", body).ok()
    assert house.sent()["system"] == [{"text": "one"}, POINT, {"text": "two"}, {"text": "three"}]


# To Claude by Anthropic's API goes Claude's own body, as it came.
@pytest.mark.parametrize(("dialect_", "model"), [("chat", GENERIC), ("chat", CLAUDE_3), ("anthropic", GENERIC)])
def test_case_19_a_model_without_a_cache_gets_none_and_the_mark_is_reported(
    house: Any, dialect_: str, model: str, streamed: bool
) -> None:
    house.says({"text": "Hi"})
    body = with_system(house.body(dialect_, model, "Hi", tools=["f"], streamed=streamed), dialect_)
    body["tools"][0]["cache_control"] = {"type": "ephemeral"}
    told = house.ask(dialect_, body).ok()
    assert "cachePoint" not in json.dumps(house.sent())
    assert house.sent()["system"] == [{"text": "one"}, {"text": "two"}, {"text": "three"}]
    assert set(told.dropped.split(", ")) == {"system[1].cachePoint", "tools[1].cachePoint"}


PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n").decode()


def results_with_marks(house: Any, dialect: str, model: str, streamed: bool) -> Json:
    body: Json = house.body(dialect, model, "Hi", [("a", "f", {})], ("a", "ok"), tools=["f"], streamed=streamed)
    last = body["messages"][-1]
    if dialect == "anthropic":
        last["content"][0]["cache_control"] = MARK
        document = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
    else:
        last["content"] = [{"type": "text", "text": "ok", "cache_control": MARK}]
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        document = {"type": "file", "file": file}
    told = {"role": "user", "content": [{**document, "cache_control": MARK}, {"type": "text", "text": "Read."}]}
    return {**body, "messages": [*body["messages"], told]}


@pytest.mark.parametrize("dialect_", ["chat", "anthropic"])
def test_case_20_nova_gets_no_cache_point_behind_a_tool_result(house: Any, dialect_: str, streamed: bool) -> None:
    house.says({"text": "Hi"})
    told = house.ask(dialect_, results_with_marks(house, dialect_, NOVA, streamed)).ok()
    last = house.sent()["messages"][-1]["content"]
    assert [next(iter(block)) for block in last] == ["toolResult", "document", "cachePoint", "text"]
    assert all(len(block) == 1 for block in last)
    assert last[0]["toolResult"]["content"] == [{"text": "ok"}]
    assert ".cachePoint" in told.dropped
    assert "," not in told.dropped


def test_case_20_claude_takes_one_there_in_a_block_of_its_own(house: Any, streamed: bool) -> None:
    house.says({"text": "Hi"})
    told = house.ask("chat", results_with_marks(house, "chat", OPUS_4_5, streamed)).ok()
    last = house.sent()["messages"][-1]["content"]
    assert next(iter(last[0])) == "toolResult"
    assert sum("cachePoint" in block for block in last) == 2
    assert all(len(block) == 1 for block in last)
    assert "cachePoint" not in json.dumps(last[0])
    assert told.dropped == ""
