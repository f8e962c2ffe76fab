"""What Bedrock refuses of Claude's own body: the emulator refuses it too, in Bedrock's words, whole and streamed."""

import base64
import json
from typing import Any

import pytest

from tests.doubles import Emulator, StartEmulator

SONNET_3_7 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
SONNET_4 = "us.anthropic.claude-sonnet-4-20250514-v1:0"
SONNET_4_5, OPUS_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-4-5-20251101-v1:0"
OPUS_4_6, OPUS_4_7, OPUS_4_8 = (
    "anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
)
OPUS_5, OPUS_5_5, HAIKU_3 = (
    "anthropic.claude-opus-5",
    "anthropic.claude-opus-5-5",
    "anthropic.claude-3-haiku-20240307-v1:0",
)
SAYS = [{"role": "user", "content": "Tell me something."}]
TOOL = {"name": "f", "input_schema": {"type": "object"}}
SEARCH = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
MARK = {"type": "ephemeral"}
ADAPTIVE, BUDGET = {"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024}
EFFORT = ["effort-2025-11-24"]


def invoke(emulator: Emulator, model: str, more: dict[str, Any], stream: bool = False) -> tuple[int, str]:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 2000, "messages": SAYS, **more}
    path = "invoke-with-response-stream" if stream else "invoke"
    response = emulator.post(f"/model/{model}/{path}", body)
    return response.status_code, response.json()["message"] if response.status_code == 400 else ""


def text(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": each} for each in texts]


UNSIGNED = [*SAYS, {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""}]}, *SAYS]

REFUSED = [
    (OPUS_4_6, {"messages": UNSIGNED}, "messages.1.content.0.thinking.signature: Field required"),
    (OPUS_4_6, {"anthropic_beta": ["a-beta-2031-01-01"]}, "invalid beta flag"),
    (OPUS_4_6, {"anthropic_beta": ["advanced-tool-use-2025-11-20"]}, "invalid beta flag"),
    (OPUS_4_6, {"anthropic_beta": ["dangerous-tool-use-2026-09-03"]}, "invalid beta flag"),
    (OPUS_4_7, {"anthropic_beta": ["interleaved-thinking-2025-05-14"]}, "invalid beta flag"),
    (SONNET_4_5, {"anthropic_beta": ["thinking-binding-controls-2026-08-01"]}, "invalid beta flag"),
    (
        OPUS_4_6,
        {"tools": [{**TOOL, "defer_loading": True}]},
        "tools.0.custom.defer_loading: Extra inputs are not permitted",
    ),
    (
        OPUS_4_6,
        {"tools": [TOOL, {**TOOL, "name": "g", "eager_input_streaming": True}]},
        "tools.1.custom.eager_input_streaming: Extra inputs are not permitted",
    ),
    (OPUS_4_6, {"tools": [SEARCH]}, "tools.0: Input tag 'tool_search_tool_regex_20251119' found using 'type' does not"),
    (
        OPUS_5,
        {"thinking": {**ADAPTIVE, "block_binding": {}}},
        "thinking.adaptive.block_binding: Extra inputs are not permitted",
    ),
    (
        OPUS_4_6,
        {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
        "context_management: Extra inputs are not permitted",
    ),
    (OPUS_4_6, {"messages": [{"role": "assistant", "content": "a"}]}, 'first message must use the "user" role'),
    (
        OPUS_4_6,
        {"messages": [*SAYS, {"role": "assistant", "content": "a"}]},
        "does not support assistant message prefill",
    ),
    (
        OPUS_5_5,
        {"messages": [*SAYS, {"role": "assistant", "content": "a"}]},
        "does not support assistant message prefill",
    ),
    (
        OPUS_4_6,
        {"messages": [{"role": "user", "content": text("a", "")}]},
        "messages: text content blocks must be non-e",
    ),
    (OPUS_4_6, {"messages": [{"role": "user", "content": text(" \n")}]}, "must contain non-whitespace text"),
    (OPUS_4_6, {"system": text("")}, "system: text content blocks must be non-empty"),
    (SONNET_4_5, {"temperature": 0.5, "top_p": 0.9}, "`temperature` and `top_p` cannot both be specified"),
    (OPUS_4_6, {"temperature": 0.5, "top_p": 0.9}, "`temperature` and `top_p` cannot both be specified"),
    (OPUS_4_7, {"temperature": 0.5}, "`temperature` is deprecated for this model."),
    (OPUS_4_8, {"top_p": 0.5}, "`top_p` is deprecated for this model."),
    (OPUS_5_5, {"top_k": 5}, "`top_k` is deprecated for this model."),
    (SONNET_4_5, {"thinking": BUDGET, "temperature": 0.5}, "`temperature` may only be set to 1 when thinking"),
    (SONNET_4_5, {"thinking": BUDGET, "top_k": 5}, "`top_k` must be unset when thinking"),
    (OPUS_4_6, {"thinking": ADAPTIVE, "top_p": 0.5}, "`top_p` must be greater than or equal to 0.95"),
    (OPUS_4_7, {"thinking": BUDGET}, '"thinking.type.enabled" is not supported for this model'),
    (SONNET_4_5, {"thinking": ADAPTIVE}, "adaptive thinking is not supported on this model"),
    (HAIKU_3, {"thinking": BUDGET}, "thinking: Extra inputs are not permitted"),
    (OPUS_4_7, {"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model'),
    (OPUS_5_5, {"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model'),
    (SONNET_4_5, {"thinking": BUDGET, "max_tokens": 1024}, "must be greater than `thinking.budget_tokens`"),
    (SONNET_4_5, {"output_config": {"effort": "low"}}, "This model does not support the effort parameter."),
    (SONNET_3_7, {"output_config": {"effort": "low"}}, "This model does not support the effort parameter."),
    (
        OPUS_4_5,
        {"output_config": {"effort": "max"}, "anthropic_beta": EFFORT},
        "output_config.effort: Input should be 'low', 'medium' or 'high'",
    ),
    (OPUS_4_5, {"output_config": {"effort": "low"}}, "output_config.effort: Extra inputs are not permitted"),
    (
        OPUS_4_6,
        {"output_config": {"effort": "xhigh"}},
        "output_config.effort: Input should be 'low', 'medium', 'high' or",
    ),
    (
        OPUS_4_6,
        {"thinking": ADAPTIVE, "tools": [TOOL], "tool_choice": {"type": "any"}},
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    (
        OPUS_4_7,
        {"thinking": ADAPTIVE, "tools": [TOOL], "tool_choice": {"type": "any"}},
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    (
        OPUS_5_5,
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}},
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    (
        OPUS_4_6,
        {"system": [{**each, "cache_control": MARK} for each in text(*"abcde")]},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (
        SONNET_4,
        {"system": [{"type": "text", "text": "a", "cache_control": {**MARK, "ttl": "1h"}}]},
        "system.0.cache_control.ephemeral.ttl: Extra inputs are not permitted",
    ),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "more", "words"), REFUSED)
def test_what_the_model_refuses_is_refused_in_bedrocks_words(
    emulator: Emulator, model: str, more: dict[str, Any], words: str, stream: bool
) -> None:
    status, message = invoke(emulator, model, more, stream)
    assert (status, words in message) == (400, True), message


ACCEPTED = [
    (OPUS_5, {"thinking": ADAPTIVE, "tools": [TOOL], "tool_choice": {"type": "any"}}),
    (OPUS_4_6, {"anthropic_beta": ["interleaved-thinking-2025-05-14", "context-1m-2025-08-07"]}),
    (OPUS_5, {"anthropic_beta": ["thinking-binding-controls-2026-08-01"]}),
    (
        OPUS_4_7,
        {"anthropic_beta": ["tool-search-tool-2025-10-19"], "tools": [SEARCH, {**TOOL, "defer_loading": True}]},
    ),
    (SONNET_4_5, {"messages": [*SAYS, {"role": "assistant", "content": "a"}]}),
    (SONNET_4_5, {"temperature": 0.5}),
    (SONNET_4, {"temperature": 0.5, "top_p": 0.9}),
    (OPUS_4_7, {"temperature": 1, "top_p": 1}),
    (OPUS_4_6, {"thinking": BUDGET}),
    (OPUS_4_6, {"thinking": ADAPTIVE, "output_config": {"effort": "max"}}),
    (OPUS_4_7, {"thinking": ADAPTIVE, "output_config": {"effort": "xhigh"}}),
    (OPUS_4_5, {"output_config": {"effort": "high"}, "anthropic_beta": EFFORT}),
    (SONNET_4_5, {"thinking": {"type": "disabled"}}),
    (OPUS_5, {"thinking": {"type": "disabled"}}),
    (
        SONNET_4_5,
        {"thinking": BUDGET, "max_tokens": 1024, "anthropic_beta": ["interleaved-thinking-2025-05-14"]},
    ),
    (OPUS_5, {"tools": [TOOL], "tool_choice": {"type": "any"}}),
    (SONNET_4_5, {"system": [{"type": "text", "text": "a", "cache_control": {**MARK, "ttl": "1h"}}]}),
]


@pytest.mark.parametrize(("model", "more"), ACCEPTED)
def test_what_the_model_takes_is_taken(emulator: Emulator, model: str, more: dict[str, Any]) -> None:
    assert invoke(emulator, model, more) == (200, "")


def test_a_lenient_emulator_takes_what_the_rules_refuse(start_emulator: StartEmulator) -> None:
    lenient = start_emulator("--lenient")
    for more in ({"anthropic_beta": ["a-beta-2031-01-01"]}, {"temperature": 0.5}, {"thinking": BUDGET}):
        assert invoke(lenient, OPUS_4_7, more)[0] == 200, more


@pytest.mark.parametrize("path", ["converse", "converse-stream"])
def test_converse_refuses_the_same_betas(emulator: Emulator, path: str) -> None:
    for model, beta, status in (
        (OPUS_4_6, "a-beta-2031-01-01", 400),
        (OPUS_4_7, "interleaved-thinking-2025-05-14", 400),
        (OPUS_4_6, "context-1m-2025-08-07", 200),
    ):
        turn = {"role": "user", "content": [{"text": "hi"}]}
        body = {"messages": [turn], "additionalModelRequestFields": {"anthropic_beta": [beta]}}
        response = emulator.post(f"/model/{model}/{path}", body)
        assert response.status_code == status, response.text
        assert ("invalid beta flag" in response.text) == (status == 400)


def test_a_count_of_tokens_is_refused_alike(emulator: Emulator) -> None:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": SAYS, "anthropic_beta": ["b"]}
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    response = emulator.post(f"/model/{OPUS_4_6}/count-tokens", {"input": {"invokeModel": {"body": encoded}}})
    assert (response.status_code, "invalid beta flag" in response.text) == (400, True)
