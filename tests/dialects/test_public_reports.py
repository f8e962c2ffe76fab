"""What users of other gateways and of Bedrock reported in public and what works here, so that it stays so.

The reports are named by repository and number. The gateway stands before the emulator; `sent` is what Bedrock gets.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway
from tests.sse_decoder import Decoder

Json = dict[str, Any]

SONNET_4_5, OPUS_4_6 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-4-6-v1"
NOVA, NOVA_2 = "amazon.nova-pro-v1:0", "us.amazon.nova-2-lite-v1:0"
KIMI, TOMORROW = "moonshot.kimi-k2-thinking", "newvendor.model-of-tomorrow"
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(autouse=True)
def forget_replies(emulator: Emulator) -> Iterator[None]:
    yield
    emulator.ask("DELETE", "/_emulator/replies")


def user(content: Any) -> Json:
    return {"role": "user", "content": content}


def claude(model: str, *messages: Json, **members: Any) -> Json:
    return {"model": model, "max_tokens": 200, "messages": [*messages], **members}


def sent(emulator: Emulator) -> Json:
    """The body of the last call."""
    body: Json = json.loads(emulator.calls()[-1]["body"])
    return body


def read_events(response: Any) -> list[Json]:
    assert response.status_code == 200, response.text
    found = [event.data for event in Decoder().feed(response.content) if event.data not in ("", "[DONE]")]
    return [json.loads(data) for data in found]


def script(emulator: Emulator, **reply: Any) -> None:
    answer = emulator.post("/_emulator/replies", reply)
    assert answer.ok, answer.text


def respond(*content: Json, stop: str = "end_turn", **members: Any) -> Json:
    """A Converse response, for the emulator."""
    return {"output": {"message": {"role": "assistant", "content": [*content]}}, "stopReason": stop, **members}


# --- Anthropic's API, for Claude --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["refusal", "pause_turn", "model_context_window_exceeded", "compaction"])
@pytest.mark.parametrize("content", [[], [{"type": "text", "text": "So far"}]], ids=["empty", "text"])
def test_laravel_ai_881_a_stop_reason_of_claudes_is_kept(
    gateway: Gateway, emulator: Emulator, reason: str, content: list[Json]
) -> None:
    details = {"type": "refusal", "category": None, "explanation": "No."} if reason == "refusal" else None
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-6",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "stop_details": details,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    script(emulator, contains="Why", body=body)
    assert gateway.post(MESSAGES, claude(OPUS_4_6, user("Why?"))).json() == body


def test_crmne_ruby_llm_763_every_event_of_claudes_stream_is_handed_on(gateway: Gateway, emulator: Emulator) -> None:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": None}
    iterations = [{"type": "compaction", "input_tokens": 9, "output_tokens": 4}]
    chunks = [
        {"type": "message_start", "message": {**message, "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "compaction", "content": None}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "compaction_delta", "content": "So far: …"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "thinking_delta", "thinking": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "name": "f"}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 7, "iterations": iterations},
        },
        {"type": "message_stop"},
    ]
    script(emulator, contains="Why", body=message, chunks=chunks)
    events = read_events(gateway.post(MESSAGES, claude(OPUS_4_6, user("Why?"), stream=True)))
    # Bedrock's own addition to the last one.
    del events[-1]["amazon-bedrock-invocationMetrics"]
    assert events == chunks


@pytest.mark.parametrize(
    ("thinking", "model"),
    [
        ({"type": "adaptive", "display": "summarized"}, OPUS_4_6),
        ({"type": "enabled", "budget_tokens": 1024}, SONNET_4_5),
    ],
)
def test_claude_code_67729_thinking_is_sent_as_it_came(
    gateway: Gateway, emulator: Emulator, thinking: Json, model: str
) -> None:
    answer = gateway.post(MESSAGES, claude(model, user("Hi"), thinking=thinking, max_tokens=4000))
    assert answer.status_code == 200, answer.text
    assert sent(emulator)["thinking"] == thinking


def test_litellm_32154_marks_keep_their_lifetime_everywhere(gateway: Gateway, emulator: Emulator) -> None:
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}, **mark}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "21", **mark}
    body = claude(
        SONNET_4_5,
        user("Weather?"),
        {"role": "assistant", "content": [use]},
        user([result]),
        system=[{"type": "text", "text": "Be brief.", **mark}],
        tools=[{"name": "f", "input_schema": WEATHER, **mark}],
    )
    assert gateway.post(MESSAGES, body).status_code == 200
    went = sent(emulator)
    assert went["messages"][1]["content"] == [use]
    assert went["messages"][2]["content"] == [result]
    assert (went["system"], went["tools"]) == (body["system"], body["tools"])


@pytest.mark.parametrize("text", [r'"\ud83d"', r'"\udc00 \ud83d\ude00"', r'"a\ud83d"'])
@pytest.mark.parametrize("more", ["", ', "context_management": {"edits": []}'], ids=["plain", "edited"])
@pytest.mark.parametrize("model", [SONNET_4_5, NOVA])
def test_claude_code_44230_half_a_surrogate_pair_is_a_400(gateway: Gateway, model: str, more: str, text: str) -> None:
    body = f'{{"model": "{model}", "max_tokens": 9, "messages": [{{"role": "user", "content": {text}}}]{more}}}'
    answer = gateway.post(MESSAGES, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


# --- Anthropic's API, for other models --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [NOVA_2, KIMI])
def test_pi_anthropic_auth_66_interleaved_thoughts_keep_their_order(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    content = [
        {"type": "thinking", "thinking": "First.", "signature": "c2ln"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"city": "A"}},
        {"type": "thinking", "thinking": "Then.", "signature": "c2ln"},
        {"type": "text", "text": "And"},
        {"type": "tool_use", "id": "t2", "name": "f", "input": {"city": "B"}},
    ]
    results = [{"type": "tool_result", "tool_use_id": name, "content": "x"} for name in ("t1", "t2")]
    tools = [{"name": "f", "input_schema": WEATHER}]
    body = claude(model, user("Weather?"), {"role": "assistant", "content": content}, user(results), tools=tools)
    response = gateway.post(MESSAGES, body)
    assert response.status_code == 200, response.text
    kinds = ["reasoningContent", "toolUse", "reasoningContent", "text", "toolUse"]
    blocks = sent(emulator)["messages"][1]["content"]
    # Nova 2 takes no reasoning back, and Kimi signs none.
    kept, suffix = (kinds, ".signature") if model == KIMI else (["toolUse", "text", "toolUse"], "")
    assert [next(iter(block)) for block in blocks] == kept
    dropped = ", ".join(f"messages[1].content[{index}]{suffix}" for index in (0, 2))
    assert response.headers["x-bedrock-flask-dropped"] == dropped


@whole_and_streamed
def test_hebo_gateway_187_all_counts_are_in_the_answer(gateway: Gateway, emulator: Emulator, stream: bool) -> None:
    counts = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 122, "cacheReadInputTokens": 100}
    script(emulator, contains="Count", response=respond({"text": "x"}, usage={**counts, "cacheWriteInputTokens": 17}))
    answer = gateway.post(MESSAGES, claude(NOVA, user("Count."), stream=stream))
    usage = read_events(answer)[-2]["usage"] if stream else answer.json()["usage"]
    wanted = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 17,
        "cache_read_input_tokens": 100,
        "output_tokens": 2,
    }
    assert {name: usage[name] for name in wanted} == wanted


def test_maximhq_bifrost_5097_a_foreign_call_id_is_the_same_in_both_places(
    gateway: Gateway, emulator: Emulator
) -> None:
    name = "functions.Bash:0"
    body = claude(
        NOVA,
        user("ls"),
        {"role": "assistant", "content": [{"type": "tool_use", "id": name, "name": "f", "input": {"city": "A"}}]},
        user([{"type": "tool_result", "tool_use_id": name, "content": "x"}]),
        tools=[{"name": "f", "input_schema": WEATHER}],
    )
    assert gateway.post(MESSAGES, body).status_code == 200
    _, call, result = sent(emulator)["messages"]
    found = call["content"][0]["toolUse"]["toolUseId"]
    assert found == result["content"][0]["toolResult"]["toolUseId"]
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@pytest.mark.parametrize(
    ("messages", "path"),
    [
        ([user([{"type": "tool_result", "tool_use_id": "t9", "content": "x"}])], "messages[0].content[0]"),
        (
            [
                user("a"),
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
                user("b"),
            ],
            "messages[1].content[0]",
        ),
    ],
    ids=["a result without a call", "a call without a result"],
)
def test_openclaw_8525_a_broken_pair_is_a_400_with_its_place(gateway: Gateway, messages: list[Json], path: str) -> None:
    answer = gateway.post(MESSAGES, claude(NOVA, *messages, tools=[{"name": "f", "input_schema": WEATHER}]))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(path)


def test_claude_code_50082_the_mark_of_a_blank_text_moves_to_what_is_before_it(
    gateway: Gateway, emulator: Emulator
) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    blank = {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}
    look = {"type": "text", "text": "Look."}
    assert gateway.post(MESSAGES, claude(NOVA, user([image, look, blank]))).status_code == 200
    assert [next(iter(block)) for block in sent(emulator)["messages"][0]["content"]] == ["image", "text", "cachePoint"]
    assert gateway.post(MESSAGES, claude(NOVA, user([blank]))).status_code == 400


@pytest.mark.parametrize("kind", ["image", "document"])
@pytest.mark.parametrize(
    "source",
    [{"type": "url", "url": "https://example.com/a"}, {"type": "file", "file_id": "file_1"}],
    ids=["url", "file"],
)
@pytest.mark.parametrize("inside", [False, True], ids=["turn", "result"])
def test_pollinations_5862_media_that_are_elsewhere_are_refused_with_what_to_send(
    gateway: Gateway, kind: str, source: Json, inside: bool
) -> None:
    block = {"type": kind, "source": source}
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"city": "A"}}
    result = [{"type": "tool_result", "tool_use_id": "t1", "content": [block]}]
    turns = [user("a"), {"role": "assistant", "content": [use]}, user(result)] if inside else [user([block])]
    answer = gateway.post(MESSAGES, claude(NOVA, *turns, tools=[{"name": "f", "input_schema": WEATHER}]))
    assert answer.status_code == 400
    assert "base64" in answer.json()["error"]["message"]


def test_bifrost_3537_a_search_result_in_a_tool_result_is_kept(gateway: Gateway, emulator: Emulator) -> None:
    found = {
        "type": "search_result",
        "source": "https://e.example/",
        "title": "T",
        "content": [{"type": "text", "text": "x"}],
    }
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"city": "A"}}
    turns = [user("a"), {"role": "assistant", "content": [use]}]
    result = user([{"type": "tool_result", "tool_use_id": "t1", "content": [found]}])
    tools = [{"name": "f", "input_schema": WEATHER}]
    assert gateway.post(MESSAGES, claude(NOVA, *turns, result, tools=tools)).status_code == 200
    [block] = sent(emulator)["messages"][2]["content"][0]["toolResult"]["content"]
    assert (block["searchResult"]["title"], block["searchResult"]["content"]) == ("T", [{"text": "x"}])


@whole_and_streamed
def test_stdapi_229_citations_are_the_same_whole_and_streamed_and_come_back(
    gateway: Gateway, emulator: Emulator, stream: bool
) -> None:
    location = {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}
    cited = {"title": "D", "sourceContent": [{"text": "The sky is blue."}], "location": location}
    block = {"citationsContent": {"content": [{"text": "Blue."}], "citations": [cited]}}
    script(emulator, contains="Colour", response=respond(block))
    answer = gateway.post(MESSAGES, claude(NOVA, user("Colour?"), stream=stream))
    if stream:
        events = read_events(answer)
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        text = "".join(delta.get("text", "") for delta in deltas)
        citations = [delta["citation"] for delta in deltas if delta["type"] == "citations_delta"]
    else:
        [found] = answer.json()["content"]
        text, citations = found["text"], found["citations"]
    assert text == "Blue."
    [citation] = citations
    assert (citation["type"], citation["cited_text"]) == ("page_location", "The sky is blue.")
    replay = {"role": "assistant", "content": [{"type": "text", "text": text, "citations": citations}]}
    assert gateway.post(MESSAGES, claude(NOVA, user("Colour?"), replay, user("Sure?"))).status_code == 200
    [again] = sent(emulator)["messages"][1]["content"]
    assert again["citationsContent"]["citations"][0]["sourceContent"] == [{"text": "The sky is blue."}]


@pytest.mark.parametrize("tools", [[], [{"name": "f", "input_schema": WEATHER}]], ids=["alone", "with tools"])
@pytest.mark.parametrize("model", [NOVA, TOMORROW])
def test_a_web_search_of_claudes_is_text_for_another_model(
    gateway: Gateway, emulator: Emulator, model: str, tools: list[Json]
) -> None:
    found = {"type": "web_search_result", "title": "T", "url": "https://e.example/", "encrypted_content": "abc"}
    location = {"type": "web_search_result_location", "url": "https://e.example/", "title": "T", "cited_text": "c"}
    content = [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [found]},
        {"type": "text", "text": "So.", "citations": [{**location, "encrypted_index": "xx"}]},
    ]
    body = claude(model, user("q"), {"role": "assistant", "content": content}, user("next"), tools=tools)
    answer = gateway.post(MESSAGES, body)
    assert answer.status_code == 200, answer.text
    assert "citations.encrypted_index" in answer.headers["x-bedrock-flask-dropped"]
    first, second, third = sent(emulator)["messages"][1]["content"]
    assert (first["text"], "https://e.example/" in second["text"]) == (
        '[Tool call srvtoolu_1: web_search({"query": "x"})]',
        True,
    )
    assert "abc" not in second["text"]
    assert third["citationsContent"]["content"] == [{"text": "So."}]


# --- OpenAI's API -----------------------------------------------------------------------------------------------------

FUNCTION = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}


@pytest.mark.parametrize("model", [SONNET_4_5, OPUS_4_6])
def test_litellm_32605_one_call_at_a_time_has_a_type_of_choice(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    body = {"model": model, "messages": [user("Hi")], "tools": [FUNCTION], "parallel_tool_calls": False}
    assert gateway.post(CHAT, body).status_code == 200
    choice = sent(emulator)["additionalModelRequestFields"]["tool_choice"]
    assert choice == {"type": "auto", "disable_parallel_tool_use": True}


NEUTRAL = {"n": 1, "logprobs": False, "logit_bias": {}, "presence_penalty": 0, "frequency_penalty": 0, "store": False}
WANTED = {
    "n": 2,
    "seed": 1,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"50256": -100},
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "mp3"},
    "web_search_options": {},
}


@pytest.mark.parametrize("model", [SONNET_4_5, NOVA, TOMORROW])
@pytest.mark.parametrize("name", WANTED)
def test_langwatch_6290_a_parameter_without_a_place_is_refused_by_name(gateway: Gateway, model: str, name: str) -> None:
    answer = gateway.post(CHAT, {"model": model, "messages": [user("Hi")], name: WANTED[name]})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(name)


@pytest.mark.parametrize("model", [SONNET_4_5, NOVA, TOMORROW])
@pytest.mark.parametrize("name", NEUTRAL)
def test_langwatch_6290_a_value_that_asks_for_nothing_passes(gateway: Gateway, model: str, name: str) -> None:
    answer = gateway.post(CHAT, {"model": model, "messages": [user("Hi")], name: NEUTRAL[name]})
    assert answer.status_code == 200, answer.text
    assert "x-bedrock-flask-dropped" not in answer.headers


@pytest.mark.parametrize(
    ("path", "members"),
    [
        (RESPONSES, {"store": True}),
        (RESPONSES, {"previous_response_id": "resp_1"}),
        (RESPONSES, {"background": True}),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}),
        (RESPONSES, {"conversation": "conv_1"}),
    ],
)
@pytest.mark.parametrize("policy", ["error", "drop"])
def test_gradient_python_96_what_must_be_stored_is_refused_whatever_the_policy(
    gateway: Gateway, path: str, members: Json, policy: str
) -> None:
    body = {"model": NOVA, "messages": [user("Hi")]} if path == CHAT else {"model": NOVA, "input": "Hi"}
    answer = gateway.post(path, {**body, **members}, headers={"x-bedrock-flask-unsupported": policy})
    assert answer.status_code == 400
    [name] = members
    assert name in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_litellm_16195_an_image_in_a_result_stays_in_it(gateway: Gateway, emulator: Emulator, path: str) -> None:
    url = f"data:image/png;base64,{PNG}"
    if path == CHAT:
        call = {"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        messages = [
            user("Look."),
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "t1", "content": [{"type": "image_url", "image_url": {"url": url}}]},
        ]
        body: Json = {"model": SONNET_4_5, "messages": messages, "tools": [FUNCTION]}
    else:
        items = [
            user("Look."),
            {"type": "function_call", "call_id": "t1", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "t1", "output": [{"type": "input_image", "image_url": url}]},
        ]
        tools = [{"type": "function", "name": "get_weather", "parameters": WEATHER}]
        body = {"model": SONNET_4_5, "input": items, "tools": tools}
    answer = gateway.post(path, body)
    assert answer.status_code == 200, answer.text
    [block] = sent(emulator)["messages"][2]["content"][0]["toolResult"]["content"]
    assert block["image"]["source"]["bytes"] == PNG


@whole_and_streamed
@pytest.mark.parametrize(
    ("model", "short"),
    [
        ("us.mistral.pixtral-large-2502-v1:0", False),
        ("mistral.mistral-small-2402-v1:0", False),
        ("mistral.mistral-large-2407-v1:0", False),
        ("mistral.mistral-large-3-675b-instruct", True),
        (NOVA, True),
    ],
)
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_opencode_48843_short_ids_of_calls_reach_mistral_as_longer_ones(
    gateway: Gateway, emulator: Emulator, path: str, model: str, short: bool, stream: bool
) -> None:
    ids = ("a", "b", "tooluse_0sYk-1")
    if path == CHAT:
        function = {"name": "get_weather", "arguments": "{}"}
        calls: Json = {
            "role": "assistant",
            "tool_calls": [{"id": each, "type": "function", "function": function} for each in ids],
        }
        results = [{"role": "tool", "tool_call_id": each, "content": each} for each in ids]
        body: Json = {"messages": [user("Hi"), calls, *results], "tools": [FUNCTION]}
    else:
        called = [{"type": "function_call", "call_id": each, "name": "get_weather", "arguments": "{}"} for each in ids]
        results = [{"type": "function_call_output", "call_id": each, "output": each} for each in ids]
        tool = {"type": "function", "name": "get_weather", "parameters": WEATHER}
        body = {"input": [user("Hi"), *called, *results], "tools": [tool]}
    answer = gateway.post(path, {"model": model, "stream": stream, **body})
    assert answer.status_code == 200, answer.text
    _, turn, answered = sent(emulator)["messages"]
    given = [block["toolUse"]["toolUseId"] for block in turn["content"]]
    assert given == [block["toolResult"]["toolUseId"] for block in answered["content"]]
    assert len({*given}) == 3
    assert given[:2] == ["a", "b"] if short else all(len(each) == 9 and each.isalnum() for each in given[:2])
    assert given[2] == ids[2]


@whole_and_streamed
@pytest.mark.parametrize("model", [SONNET_4_5, NOVA, KIMI, TOMORROW])
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_openclaw_125873_broken_arguments_do_not_end_a_conversation(
    gateway: Gateway, emulator: Emulator, path: str, model: str, stream: bool
) -> None:
    broken = '{"city": "Ro'
    if path == CHAT:
        call = {"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": broken}}
        answered = {"role": "tool", "tool_call_id": "t1", "content": "This is no JSON."}
        history: Json = {"messages": [user("Hi"), {"role": "assistant", "tool_calls": [call]}, answered]}
        where = "messages[1].tool_calls[0].function.arguments"
    else:
        call = {"type": "function_call", "call_id": "t1", "name": "get_weather", "arguments": broken}
        answered = {"type": "function_call_output", "call_id": "t1", "output": "This is no JSON."}
        history, where = {"input": [user("Hi"), call, answered]}, "input[1].arguments"
    tool: Json = FUNCTION if path == CHAT else {"type": "function", "name": "get_weather", "parameters": WEATHER}
    body = {"model": model, "stream": stream, "tools": [tool], **history}
    refusal = gateway.post(path, body)
    assert refusal.status_code == 400
    [fault] = refusal.json()["error"]["errors"]
    assert fault == {"path": where, "message": f"'{model}' cannot take this: it must be a JSON object in a string"}
    answer = gateway.post(path, body, headers={"x-bedrock-flask-unsupported": "drop"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-bedrock-flask-dropped"] == where
    [block] = sent(emulator)["messages"][1]["content"]
    assert block["toolUse"]["input"] == {"invalid_arguments": broken}


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("max_tokens", "incomplete", "max_output_tokens"),
        ("content_filtered", "incomplete", "content_filter"),
        ("guardrail_intervened", "incomplete", "content_filter"),
        ("malformed_model_output", "failed", None),
        ("end_turn", "completed", None),
    ],
)
@whole_and_streamed
def test_bifrost_4679_a_cut_response_does_not_look_whole(
    gateway: Gateway, emulator: Emulator, reason: str, status: str, why: str | None, stream: bool
) -> None:
    script(emulator, contains="Tell", response=respond({"text": "Once"}, stop=reason))
    answer = gateway.post(RESPONSES, {"model": NOVA, "input": "Tell me.", "stream": stream})
    response = read_events(answer)[-1]["response"] if stream else answer.json()
    assert response["status"] == status
    assert (response["incomplete_details"] or {}).get("reason") == why
    assert response["output"][-1]["status"] == ("completed" if status == "completed" else "incomplete")


@whole_and_streamed
def test_llmgateway_1845_cached_tokens_are_in_streams_too(gateway: Gateway, emulator: Emulator, stream: bool) -> None:
    counts = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 12, "cacheReadInputTokens": 5}
    script(emulator, contains="Count", response=respond({"text": "x"}, usage={**counts, "cacheWriteInputTokens": 2}))
    options = {"stream_options": {"include_usage": True}} if stream else {}
    answer = gateway.post(CHAT, {"model": NOVA, "messages": [user("Count.")], "stream": stream, **options})
    usage = read_events(answer)[-1]["usage"] if stream else answer.json()["usage"]
    assert (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]) == (10, 5)


@pytest.mark.parametrize("name", ["gpt-4o", "jp.", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_ironclaw_6109_an_unknown_name_never_becomes_another_model(
    gateway: Gateway, emulator: Emulator, path: str, name: str
) -> None:
    body = {"input": "Hi"} if path == RESPONSES else {"max_tokens": 9, "messages": [user("Hi")]}
    before = len(emulator.calls())
    answer = gateway.post(path, {"model": name, **body})
    assert answer.status_code == 404
    assert name in answer.json()["error"]["message"]
    assert len(emulator.calls()) == before


@pytest.mark.parametrize("parameters", [None, {}, "absent"])
def test_litellm_24668_a_function_without_parameters_or_description_passes(
    gateway: Gateway, emulator: Emulator, parameters: Any
) -> None:
    function = {"name": "f", "description": "", **({} if parameters == "absent" else {"parameters": parameters})}
    body = {"model": NOVA, "messages": [user("Hi")], "tools": [{"type": "function", "function": function}]}
    assert gateway.post(CHAT, body).status_code == 200
    [tool] = sent(emulator)["toolConfig"]["tools"]
    assert tool["toolSpec"] == {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    function["name"] = ""
    assert gateway.post(CHAT, body).status_code == 400


# --- Bedrock's own routes ---------------------------------------------------------------------------------------------

HELLO = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"


@pytest.mark.parametrize(
    "model",
    [
        *(
            f"{prefix}.anthropic.claude-opus-4-6-v1"
            for prefix in ("us", "eu", "jp", "au", "ca", "in", "us-gov", "global")
        ),
        "apac.amazon.nova-lite-v1:0",
        "amazon.nova-pro-v1:0:24k",
        "anthropic.claude-3-haiku-20240307-v1:0:200k",
        f"{ACCOUNT}:inference-profile/us.anthropic.claude-opus-4-6-v1",
        f"{ACCOUNT}:application-inference-profile/a1b2c3d4e5f6",
        f"{ACCOUNT}:provisioned-model/a1b2c3d4e5f6",
        f"{ACCOUNT}:custom-model-deployment/a1b2c3d4e5f6",
        f"{ACCOUNT}:default-prompt-router/anthropic.claude:1",
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/example",
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-opus-4-6-v1",
        "arn:aws-cn:bedrock:cn-north-1::foundation-model/amazon.nova-lite-v1:0",
    ],
)
def test_opencode_6916_each_form_of_an_id_reaches_bedrock_unchanged(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    gateway.post(f"/model/{model.replace('/', '%2F')}/converse", HELLO)
    assert emulator.calls()[-1]["model"] == model


@pytest.mark.parametrize(
    "path",
    [
        "/model/..%2F..%2Ffoundation-models/converse",
        "/model/../../foundation-models/converse",
        "/model/%2e%2e/converse",
    ],
)
def test_headroom_3309_no_id_leaves_its_place_in_the_path(gateway: Gateway, emulator: Emulator, path: str) -> None:
    before = len(emulator.calls())
    answer = gateway.post(path, HELLO)
    called = emulator.calls()[before:]
    assert answer.status_code in (400, 403, 404, 405)
    assert all(call["operation"] == "Converse" for call in called)


BLOCKS: dict[str, Json] = {
    "document content": {
        "document": {"name": "d", "source": {"content": [{"text": "x"}]}, "citations": {"enabled": True}}
    },
    "document text": {"document": {"format": "txt", "name": "d", "source": {"text": "x"}}},
    "document s3": {"document": {"format": "pdf", "name": "d", "source": {"s3Location": {"uri": "s3://b/k.pdf"}}}},
    "video s3": {
        "video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/k", "bucketOwner": "123456789012"}}}
    },
    "search result": {"searchResult": {"source": "https://e.example/", "title": "T", "content": [{"text": "x"}]}},
    "guard content": {"guardContent": {"text": {"text": "x", "qualifiers": ["guard_content"]}}},
    "cache point": {"cachePoint": {"type": "default", "ttl": "1h"}},
}


@pytest.mark.parametrize("kind", BLOCKS)
@pytest.mark.parametrize("operation", ["converse", "converse-stream"])
def test_langchain_aws_770_every_block_goes_up_unchanged(
    gateway: Gateway, emulator: Emulator, kind: str, operation: str
) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}, BLOCKS[kind]]}]}
    gateway.post(f"/model/{OPUS_4_6}/{operation}", body)
    assert sent(emulator) == body


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/octet-stream",
        "application/x-amz-json-1.1",
        None,
    ],
)
def test_aws_sdk_ruby_3033_whatever_type_an_sdk_names_is_passed_on(
    gateway: Gateway, emulator: Emulator, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [user("Hi")]}
    answer = gateway.post(f"/model/{OPUS_4_6}/invoke", body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert json.loads(emulator.calls()[-1]["body"]) == body


def test_spring_ai_6845_reasoning_and_an_empty_call_survive_a_stream(gateway: Gateway, emulator: Emulator) -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
    call = {"toolUse": {"toolUseId": "t1", "name": "now", "input": {}}}
    script(emulator, contains="Time", response=respond(thought, call, stop="tool_use"))
    tools = [{"type": "function", "function": {"name": "now"}}]
    body = {"model": NOVA_2, "messages": [user("Time?")], "tools": tools, "stream": True}
    chunks = read_events(gateway.post(CHAT, body))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "Hm."
    calls = [each for delta in deltas for each in delta.get("tool_calls") or ()]
    assert "".join(each["function"].get("arguments", "") for each in calls) == "{}"
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_harness_sdk_3019_a_document_has_a_name_that_bedrock_takes(gateway: Gateway, emulator: Emulator) -> None:
    data = base64.b64encode(b"# Hello").decode()
    file = {"filename": "/tmp/my_notes (1).md", "file_data": f"data:text/markdown;base64,{data}"}
    body = {"model": NOVA, "messages": [user([{"type": "text", "text": "Read."}, {"type": "file", "file": file}])]}
    assert gateway.post(CHAT, body).status_code == 200
    document = sent(emulator)["messages"][0]["content"][1]["document"]
    assert document["format"] == "md"
    assert set(document["name"]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -()[]")


# --- 2026: agents behind gateways -------------------------------------------------------------------------------------

BILLING = "x-anthropic-billing-header: cc_version=2.1.38.X; cc_entrypoint=cli; cch=00000;"


@whole_and_streamed
@pytest.mark.parametrize("model", [SONNET_4_5, OPUS_4_6, NOVA])
@pytest.mark.parametrize(
    "system",
    [
        f"{BILLING}\nBe brief.",
        [{"type": "text", "text": BILLING}, {"type": "text", "text": "Be brief."}],
        [{"type": "text", "text": f"{BILLING}\nBe brief."}],
    ],
    ids=["string", "block", "with text"],
)
def test_claude_code_action_928_the_billing_line_does_not_go_up(
    gateway: Gateway, emulator: Emulator, system: Any, model: str, stream: bool
) -> None:
    response = gateway.post(MESSAGES, claude(model, user("hi"), system=system, stream=stream))
    assert response.status_code == 200, response.text
    assert "Be brief." in json.dumps(sent(emulator)["system"])
    assert "billing" not in emulator.calls()[-1]["body"]
    assert "system" in response.headers["x-bedrock-flask-dropped"]


@pytest.mark.parametrize(
    ("path", "members"),
    [
        (CHAT, {"messages": [{"role": "system", "content": f"{BILLING}\nBe brief."}, user("hi")]}),
        (RESPONSES, {"instructions": f"{BILLING}\nBe brief.", "input": "hi"}),
    ],
)
def test_claude_code_router_1161_nor_does_it_in_openais_formats(
    gateway: Gateway, emulator: Emulator, path: str, members: Json
) -> None:
    response = gateway.post(path, {"model": OPUS_4_6, **members})
    assert response.status_code == 200, response.text
    assert sent(emulator)["system"] == [{"text": "Be brief."}]
    assert "x-bedrock-flask-dropped" in response.headers


@whole_and_streamed
@pytest.mark.parametrize("model", [SONNET_4_5, NOVA])
def test_twenty_26227_marks_that_pile_up_do_not_end_a_chat(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    marked = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    turns = [turn for _ in range(6) for turn in (user(marked), {"role": "assistant", "content": "b"})]
    messages = [{"role": "system", "content": marked}, *turns, user(marked)]
    response = gateway.post(CHAT, {"model": model, "messages": messages, "stream": stream})
    assert response.status_code == 200, response.text
    up = sent(emulator)
    assert [list(block) for block in up["system"]] == [["text"], ["cachePoint"]]
    assert ["cachePoint" in turn["content"][-1] for turn in up["messages"][::2]] == [False] * 4 + [True] * 3
    assert response.headers["x-bedrock-flask-dropped"].count("cache_control") == 4


@pytest.mark.parametrize("description", ["", " \n"])
@pytest.mark.parametrize("model", [SONNET_4_5, NOVA, TOMORROW])
def test_librechat_13209_a_tool_of_an_mcp_server_without_description_passes(
    gateway: Gateway, emulator: Emulator, model: str, description: str
) -> None:
    function = {"name": "f", "description": description, "parameters": WEATHER}
    tools = [{"type": "function", "function": function}]
    response = gateway.post(CHAT, {"model": model, "messages": [user("hi")], "tools": tools})
    assert response.status_code == 200, response.text
    assert "description" not in sent(emulator)["toolConfig"]["tools"][0]["toolSpec"]


FORCES = {"type": "function", "function": {"name": "f", "parameters": WEATHER}}
USES = {"name": "f", "description": "d", "input_schema": WEATHER}
newer_models = pytest.mark.parametrize(
    "model", ["us.anthropic.claude-opus-4-8", "us.anthropic.claude-sonnet-5", "anthropic.claude-fable-5"]
)


@whole_and_streamed
@newer_models
def test_langchain_aws_1141_newer_models_think_beside_a_forced_tool(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    body = {"model": model, "messages": [user("hi")], "reasoning_effort": "high", "stream": stream}
    response = gateway.post(CHAT, {**body, "tools": [FORCES], "tool_choice": "required"})
    assert response.status_code == 200, response.text
    up = sent(emulator)
    assert up["additionalModelRequestFields"]["thinking"] == {"type": "adaptive"}
    assert up["toolConfig"]["toolChoice"] == {"any": {}}


@whole_and_streamed
@newer_models
def test_langchain_aws_1141_nor_are_they_kept_from_it_in_their_own_format(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    members = {"thinking": {"type": "adaptive"}, "tools": [USES], "tool_choice": {"type": "any"}}
    response = gateway.post(MESSAGES, claude(model, user("hi"), stream=stream, **members))
    assert response.status_code == 200, response.text
    assert {name: sent(emulator)[name] for name in members} == members


@newer_models
def test_langchain_aws_1141_an_answer_in_json_keeps_its_thinking(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    form = {"format": {"type": "json_schema", "schema": {**WEATHER, "additionalProperties": False}}}
    members = {"thinking": {"type": "adaptive"}, "output_config": form}
    response = gateway.post(MESSAGES, claude(model, user("hi"), **members))
    assert response.status_code == 200, response.text
    up = sent(emulator)
    assert up["thinking"] == {"type": "adaptive"}
    assert up["tool_choice"]["type"] == "any"


@pytest.mark.parametrize("model", [SONNET_4_5, OPUS_4_6, "us.anthropic.claude-opus-4-7"])
def test_langchain_aws_925_older_models_do_not_and_bedrock_says_so(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    thinking = {"type": "adaptive"} if model != SONNET_4_5 else {"type": "enabled", "budget_tokens": 1024}
    members = {"thinking": thinking, "tools": [USES], "tool_choice": {"type": "any"}, "max_tokens": 2000}
    response = gateway.post(MESSAGES, {**claude(model, user("hi")), **members})
    assert response.status_code == 400
    assert "tool_choice" in response.json()["error"]["message"]
    spec = {"toolSpec": {"name": "f", "inputSchema": {"json": WEATHER}}}
    converse = {
        "messages": [user([{"text": "hi"}])],
        "toolConfig": {"tools": [spec], "toolChoice": {"any": {}}},
        "additionalModelRequestFields": {"thinking": thinking},
    }
    direct = emulator.post(f"/model/{model}/converse", converse)
    assert direct.status_code == 400
    assert "tool_choice forces tool use" in direct.json()["message"]
