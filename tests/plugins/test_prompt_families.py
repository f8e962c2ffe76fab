"""The families with a prompt, or a body of their own: what their bodies take, and what their answers say."""

from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.wires import find_wire
from tests.plugins.prompt_bodies import ALTERED, BODIES

Json = dict[str, Any]
REGISTRY = load_registry()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta.llama3-8b-instruct-v1:0", "llama"),
        ("us.meta.llama4-scout-17b-instruct-v1:0", "llama"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral-instruct"),
        ("mistral.mixtral-8x7b-instruct-v0:1", "mistral-instruct"),
        ("mistral.mistral-large-2402-v1:0", "mistral-instruct"),
        ("mistral.mistral-small-2402-v1:0", "mistral-instruct"),
        ("mistral.mistral-large-2407-v1:0", "mistral-large"),
        ("mistral.mistral-large-3-675b-instruct", "mistral"),
        ("us.deepseek.r1-v1:0", "deepseek-r1"),
        ("deepseek.v3.2", "deepseek"),
        ("amazon.titan-text-express-v1", "titan-text"),
        ("amazon.titan-text-premier-v1:0", "titan-text"),
        ("anthropic.claude-v2", "claude-text"),
        ("anthropic.claude-v2:1", "claude-text"),
        ("anthropic.claude-instant-v1", "claude-text"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "claude"),
        ("cohere.command-r-plus-v1:0", "command-r"),
        ("cohere.command-text-v14", "command"),
        ("cohere.command-light-text-v14", "command"),
    ],
)
def test_each_id_has_the_body_of_its_family(model: str, name: str) -> None:
    assert REGISTRY.pick(model)[0].name == name


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_a_body_in_awss_form_is_taken(name: str, body: Json) -> None:
    assert REGISTRY.adapters[name].for_body(body).find_faults(body) == []


@pytest.mark.parametrize(("name", "change", "path"), ALTERED)
def test_an_altered_body_is_refused_at_its_path(name: str, change: Json, path: str) -> None:
    body = next(body for each, body in BODIES if each == name)
    adapter = REGISTRY.adapters[name].for_body(body | change)
    assert [fault.path for fault in adapter.find_faults(body | change)] == [path]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("llama", "prompt"),
        ("mistral-instruct", "prompt"),
        ("deepseek-r1", "prompt"),
        ("titan-text", "inputText"),
        ("claude-text", "prompt"),
        ("claude-text", "max_tokens_to_sample"),
        ("command-r", "message"),
        ("command", "prompt"),
    ],
)
def test_what_is_required_is_missed_by_name(name: str, member: str) -> None:
    body = next(body for each, body in BODIES if each == name)
    rest = {key: value for key, value in body.items() if key != member}
    assert [fault.path for fault in REGISTRY.adapters[name].find_faults(rest)] == [member]


# What Bedrock was recorded to answer, and a part of it: the text, the stop reason, and the tokens.
ANSWERS: list[tuple[str, Json, tuple[str, str | None, Json | None]]] = [
    (
        "llama",
        {"generation": "Hi", "prompt_token_count": 9, "generation_token_count": 2, "stop_reason": "length"},
        ("Hi", "max_tokens", {"inputTokens": 9, "outputTokens": 2}),
    ),
    (
        "llama",
        {"generation": "H", "prompt_token_count": None, "generation_token_count": 1, "stop_reason": None},
        ("H", None, {"outputTokens": 1}),
    ),
    ("mistral-instruct", {"outputs": [{"text": " Hi", "stop_reason": "stop"}]}, (" Hi", "end_turn", None)),
    ("mistral-instruct", {"outputs": [{"text": " H", "stop_reason": None}]}, (" H", None, None)),
    ("deepseek-r1", {"choices": [{"text": "a</think>b", "stop_reason": "length"}]}, ("a</think>b", "max_tokens", None)),
    ("deepseek-r1", {"choices": [{"text": "", "finish_reason": "eos_token"}]}, ("", "end_turn", None)),
    ("deepseek-r1", {"generation": "a", "stop_reason": None}, ("a", None, None)),
    ("deepseek-r1", {"generation": "", "stop_reason": "stop"}, ("", "end_turn", None)),
    (
        "titan-text",
        {
            "inputTextTokenCount": 5,
            "results": [{"tokenCount": 9, "outputText": "Hi", "completionReason": "CONTENT_FILTERED"}],
        },
        ("Hi", "content_filtered", {"inputTokens": 5, "outputTokens": 9}),
    ),
    (
        "titan-text",
        {"outputText": "H", "index": 0, "totalOutputTextTokenCount": None, "completionReason": None},
        ("H", None, None),
    ),
    (
        "titan-text",
        {"outputText": "", "totalOutputTextTokenCount": 12, "completionReason": "FINISH", "inputTextTokenCount": 4},
        ("", "end_turn", {"inputTokens": 4, "outputTokens": 12}),
    ),
    ("claude-text", {"completion": " Hi", "stop_reason": "max_tokens", "stop": None}, (" Hi", "max_tokens", None)),
    ("claude-text", {"completion": "", "stop_reason": "stop_sequence", "stop": "END"}, ("", "stop_sequence", None)),
    ("claude-text", {"completion": "", "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}, ("", "end_turn", None)),
    ("command", {"generations": [{"text": "Hi", "finish_reason": "MAX_TOKENS"}]}, ("Hi", "max_tokens", None)),
    ("command", {"text": "H", "is_finished": False}, ("H", None, None)),
    ("command", {"text": "<EOS_TOKEN>", "is_finished": True, "finish_reason": "COMPLETE"}, ("", "end_turn", None)),
    (
        "command-r",
        {
            "text": "Hi",
            "finish_reason": "COMPLETE",
            "citations": [{"start": 0, "end": 2, "text": "Hi", "document_ids": ["doc_0"]}],
            "meta": {"billed_units": {"input_tokens": 3, "output_tokens": 4}},
        },
        ("Hi", "end_turn", {"inputTokens": 3, "outputTokens": 4}),
    ),
    ("command-r", {"event_type": "stream-start", "generation_id": "x", "is_finished": False}, ("", None, None)),
    ("command-r", {"event_type": "citation-generation", "citations": []}, ("", None, None)),
    ("command-r", {"event_type": "text-generation", "text": "H", "is_finished": False}, ("H", None, None)),
    (
        "command-r",
        {"event_type": "stream-end", "is_finished": True, "response": {"text": "Hi"}, "finish_reason": "MAX_TOKENS"},
        ("", "max_tokens", None),
    ),
]


@pytest.mark.parametrize(("name", "answer", "expected"), ANSWERS)
def test_an_answer_is_read(name: str, answer: Json, expected: tuple[str, str | None, Json | None]) -> None:
    adapter = REGISTRY.adapters[name]
    assert adapter.decode is not None
    read = adapter.decode(answer)
    content = read.get("output", {}).get("message", {}).get("content", [])
    assert ("".join(block["text"] for block in content), read.get("stopReason"), read.get("usage")) == expected
    assert find_wire(adapter).is_terminal(answer) is (expected[1] is not None)


def test_command_rs_calls_are_tool_uses() -> None:
    adapter = REGISTRY.adapters["command-r"]
    assert adapter.decode is not None
    calls = [{"name": "price", "parameters": {"id": "7"}}, {"name": "price", "parameters": {"id": "8"}}]
    uses = [
        {"toolUse": {"toolUseId": f"call_{number}", "name": "price", "input": call["parameters"]}}
        for number, call in enumerate(calls, 1)
    ]
    whole = adapter.decode({"text": "", "tool_calls": calls, "finish_reason": "COMPLETE"})
    assert whole["output"]["message"]["content"] == [{"text": ""}, *uses]
    assert whole["stopReason"] == "tool_use"
    part = adapter.decode({"event_type": "tool-calls-generation", "tool_calls": calls})
    assert part["output"]["message"]["content"] == uses


def test_llama_4s_prompt_is_read_as_a_conversation() -> None:
    prompt = (
        "<|begin_of_text|><|header_start|>system<|header_end|>\n\nBe terse.<|eot|>"
        "<|header_start|>user<|header_end|>\n\nHi<|eot|><|header_start|>assistant<|header_end|>\n\n"
    )
    read = REGISTRY.adapters["llama"].read_request
    assert read is not None
    assert read({"prompt": prompt, "max_gen_len": 5}) == {
        "system": [{"text": "Be terse."}],
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "inferenceConfig": {"maxTokens": 5},
    }
