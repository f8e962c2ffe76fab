"""The families with a prompt, or a body of their own: what their bodies take, and what their answers say."""

from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.wires import find_wire

Json = dict[str, Any]
REGISTRY = load_registry()
LLAMA_PROMPT = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
CLAUDE_PROMPT = "\n\nHuman: Hi\n\nAssistant:"
TOOL = {"name": "price", "description": "Looks up.", "parameter_definitions": {"id": {"type": "str", "required": True}}}
RESULT = {"call": {"name": "price", "parameters": {"id": "7"}}, "outputs": [{"text": "12"}]}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta.llama3-8b-instruct-v1:0", "llama"),
        ("us.meta.llama4-scout-17b-instruct-v1:0", "llama"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral-instruct"),
        ("mistral.mixtral-8x7b-instruct-v0:1", "mistral-instruct"),
        ("mistral.mistral-large-2402-v1:0", "mistral-instruct"),
        ("mistral.mistral-small-2402-v1:0", "mistral-instruct"),
        ("mistral.mistral-large-2407-v1:0", "mistral"),
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


# Bodies in the forms that AWS's pages and samples show.
BODIES: list[tuple[str, Json]] = [
    ("llama", {"prompt": LLAMA_PROMPT, "max_gen_len": 512, "temperature": 0.5}),
    ("llama", {"prompt": LLAMA_PROMPT, "max_gen_len": 128, "temperature": 0.1, "top_p": 0.9}),
    ("llama", {"prompt": "What is in it? <|image|>", "images": ["iVBORw0KGgo="]}),
    ("llama", {"prompt": "Hi", "max_gen_len": 8192}),
    ("mistral-instruct", {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 400, "temperature": 0.7, "top_p": 0.7}),
    ("mistral-instruct", {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 200, "top_k": 50, "stop": []}),
    (
        "deepseek-r1",
        {
            "prompt": "<\uff5cbegin▁of▁sentence\uff5c><\uff5cUser\uff5c>Hi<\uff5cAssistant\uff5c><think>\n",
            "max_tokens": 512,
        },
    ),
    ("deepseek-r1", {"prompt": "Hi", "temperature": 0.5, "top_p": 0.9, "max_tokens": 32768, "stop": ["x"] * 10}),
    ("titan-text", {"inputText": "User: Hi\nBot:"}),
    (
        "titan-text",
        {
            "inputText": "Hi",
            "textGenerationConfig": {"maxTokenCount": 3072, "stopSequences": [], "temperature": 0, "topP": 0.9},
        },
    ),
    ("claude-text", {"prompt": CLAUDE_PROMPT, "max_tokens_to_sample": 4000, "temperature": 0.1, "top_p": 0.9}),
    (
        "claude-text",
        {
            "prompt": f"You are terse.{CLAUDE_PROMPT} Sure,",
            "max_tokens_to_sample": 200,
            "top_k": 250,
            "stop_sequences": ["\n\nHuman:"],
            "anthropic_version": "bedrock-2023-05-31",
        },
    ),
    ("command-r", {"message": "Hi", "max_tokens": 200, "temperature": 0.6, "p": 0.5, "k": 0}),
    (
        "command-r",
        {
            "message": "Hi",
            "chat_history": [{"role": "USER", "message": "Who?"}, {"role": "CHATBOT", "message": "Newton."}],
            "documents": [{"title": "Tall penguins", "snippet": "Emperor penguins are the tallest."}],
            "tools": [TOOL],
            "tool_results": [RESULT],
            "preamble": "Be terse.",
            "prompt_truncation": "AUTO_PRESERVE_ORDER",
            "stop_sequences": ["END"],
            "return_prompt": False,
            "raw_prompting": False,
            "seed": 3,
        },
    ),
    (
        "command",
        {
            "prompt": "Hi",
            "max_tokens": 400,
            "temperature": 0.75,
            "p": 0.01,
            "k": 0,
            "stop_sequences": [],
            "return_likelihoods": "NONE",
            "num_generations": 1,
            "logit_bias": {"3": -9.5},
            "truncate": "END",
            "stream": True,
        },
    ),
]


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_a_body_in_awss_form_is_taken(name: str, body: Json) -> None:
    assert REGISTRY.adapters[name].find_faults(body) == []


@pytest.mark.parametrize(
    ("name", "change", "path"),
    [
        ("llama", {"max_gen_length": 64}, "max_gen_length"),
        ("llama", {"max_gen_len": 0}, "max_gen_len"),
        ("llama", {"max_gen_len": "512"}, "max_gen_len"),
        ("llama", {"temperature": 1.1}, "temperature"),
        ("llama", {"top_p": -0.1}, "top_p"),
        ("llama", {"images": "iVBORw0KGgo="}, "images"),
        ("llama", {"images": [1]}, "images[0]"),
        ("llama", {"prompt": ["Hi"]}, "prompt"),
        ("llama", {"max_tokens": 64}, "max_tokens"),
        ("mistral-instruct", {"max_token": 64}, "max_token"),
        ("mistral-instruct", {"max_tokens": 8193}, "max_tokens"),
        ("mistral-instruct", {"top_k": 0}, "top_k"),
        ("mistral-instruct", {"stop": "END"}, "stop"),
        ("mistral-instruct", {"stop": ["x"] * 11}, "stop"),
        ("mistral-instruct", {"temperature": 2}, "temperature"),
        ("deepseek-r1", {"max_tokens": 32769}, "max_tokens"),
        ("deepseek-r1", {"max_tokens": 0}, "max_tokens"),
        ("deepseek-r1", {"stop": ["x"] * 11}, "stop"),
        ("deepseek-r1", {"temperature": 1.5}, "temperature"),
        ("deepseek-r1", {"messages": []}, "messages"),
        ("titan-text", {"textGenerationConfig": {"maxTokenCount": 8193}}, "textGenerationConfig.maxTokenCount"),
        ("titan-text", {"textGenerationConfig": {"maxTokens": 5}}, "textGenerationConfig.maxTokens"),
        ("titan-text", {"textGenerationConfig": {"topP": 1.1}}, "textGenerationConfig.topP"),
        ("titan-text", {"textGenerationConfig": {"stopSequences": ["a", 1]}}, "textGenerationConfig.stopSequences[1]"),
        ("titan-text", {"textGenerationConfig": []}, "textGenerationConfig"),
        ("titan-text", {"inputText": None}, "inputText"),
        ("claude-text", {"max_tokens": 64}, "max_tokens"),
        ("claude-text", {"max_tokens_to_sample": 1.5}, "max_tokens_to_sample"),
        ("claude-text", {"temperature": 1.01}, "temperature"),
        ("claude-text", {"stop_sequences": "x"}, "stop_sequences"),
        ("claude-text", {"prompt": "Hi"}, "prompt"),
        ("claude-text", {"prompt": "\n\nAssistant: a\n\nHuman: b"}, "prompt"),
        ("command-r", {"p": 1}, "p"),
        ("command-r", {"k": 501}, "k"),
        ("command-r", {"prompt_truncation": "AUTO"}, "prompt_truncation"),
        ("command-r", {"chat_history": [{"role": "user", "message": "x"}]}, "chat_history[0].role"),
        ("command-r", {"tools": [{"name": "x"}]}, "tools[0].description"),
        (
            "command-r",
            {"tools": [{**TOOL, "parameter_definitions": {"id": {"kind": "str", "type": "str"}}}]},
            "tools[0].parameter_definitions.id.kind",
        ),
        ("command-r", {"tool_results": [{"call": RESULT["call"]}]}, "tool_results[0].outputs"),
        ("command-r", {"prompt": "x"}, "prompt"),
        ("command", {"temperature": 5.1}, "temperature"),
        ("command", {"num_generations": 6}, "num_generations"),
        ("command", {"logit_bias": {"3": 11}}, "logit_bias.3"),
        ("command", {"return_likelihoods": "generation"}, "return_likelihoods"),
        ("command", {"message": "x"}, "message"),
    ],
)
def test_an_altered_body_is_refused_at_its_path(name: str, change: Json, path: str) -> None:
    body = next(body for each, body in BODIES if each == name)
    assert [fault.path for fault in REGISTRY.adapters[name].find_faults(body | change)] == [path]


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
