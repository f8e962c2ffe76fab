"""What Converse refuses by the model, in Bedrock's words."""

from typing import Any

import pytest

from tests.doubles import Emulator

SAYS: Any = [{"role": "user", "content": [{"text": "Tell me something."}]}]
ANSWERED = [*SAYS, {"role": "assistant", "content": [{"text": "I"}]}]
TOOLS = [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]
SIGNED = {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "I", "signature": "s"}}}]}
UNIONS = [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object", "anyOf": [{"type": "object"}]}}}}]
CALLED = [
    *SAYS,
    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}]},
]
CALLS, NAMED, ANY = {"tools": TOOLS}, {"tool": {"name": "f"}}, {"any": {}}
POINT = [*SAYS[0]["content"], {"cachePoint": {"type": "default"}}]

LLAMA, MIXTRAL, R1 = (
    "us.meta.llama3-3-70b-instruct-v1:0",
    "mistral.mixtral-8x7b-instruct-v0:1",
    "us.deepseek.r1-v1:0",
)
MISTRAL, GPT_OSS, GPT = "mistral.mistral-large-2407-v1:0", "openai.gpt-oss-120b-1:0", "us.openai.gpt-5.6-sol"
GROK, GLM, NOVA, NOVA_2 = "us.xai.grok-4.6", "zai.glm-5", "amazon.nova-pro-v1:0", "us.amazon.nova-2-lite-v1:0"
SONNET_4_5, OPUS_4_6 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-4-6-v1"
NEW = "newvendor.model-of-tomorrow"
SYSTEM = {"system": [{"text": "Be terse."}]}


def converse(emulator: Emulator, model: str, *, stream: bool = False, **more: Any) -> tuple[int, str]:
    response = emulator.post(
        f"/model/{model}/{'converse-stream' if stream else 'converse'}", {"messages": SAYS, **more}
    )
    return response.status_code, response.text


def config(**members: Any) -> Any:
    return {"inferenceConfig": members}


def fields(**members: Any) -> Any:
    return {"additionalModelRequestFields": members}


REFUSED = [
    (MIXTRAL, SYSTEM, "This model doesn't support system messages. Try again without a system message"),
    ("amazon.titan-text-express-v1", SYSTEM, "This model doesn't support system messages."),
    (R1, {"toolConfig": CALLS}, "This model doesn't support tool use."),
    (
        LLAMA,
        {"toolConfig": {**CALLS, "toolChoice": ANY}},
        "This model doesn't support the toolConfig.toolChoice.any field.",
    ),
    (
        "anthropic.claude-opus-5-5",
        {"toolConfig": {**CALLS, "toolChoice": ANY}},
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    (MISTRAL, {"toolConfig": {**CALLS, "toolChoice": NAMED}}, "Remove toolConfig.toolChoice.tool and try again."),
    (GPT_OSS, config(stopSequences=["END"]), "This model doesn't support the stopSequences field."),
    (GPT, config(temperature=1), "This model doesn't support the temperature field. Remove temperature and try again."),
    (GROK, config(topP=0.5), "This model doesn't support the topP field."),
    (
        SONNET_4_5,
        config(temperature=0.5, topP=0.5),
        "`temperature` and `top_p` cannot both be specified for this model.",
    ),
    ("us.anthropic.claude-opus-4-7", config(topP=0.5), "`top_p` is deprecated for this model."),
    (NOVA, config(maxTokens=32_000), "The maximum tokens you requested exceeds the model limit of 10000."),
    (NOVA, fields(max_tokens=5), "#: extraneous key [max_tokens] is not permitted"),
    (SONNET_4_5, fields(seed=5), "seed: Extra inputs are not permitted"),
    (
        SONNET_4_5,
        {"toolConfig": {"tools": UNIONS}},
        "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",
    ),
    (GPT, config(maxTokens=1), "Expected a value >= 16, but got 1 instead."),
    (GPT, fields(reasoning={"effort": "minimal"}), "reasoning.effort"),
    (GPT, fields(reasoning_effort="low"), "Unknown parameter: 'reasoning_effort'."),
    (GPT, fields(thinking={"type": "adaptive"}), "Unknown parameter: 'thinking'."),
    (GLM, fields(reasoning_effort="max"), "Input should be one of 'low', 'medium', 'high'"),
    (GPT_OSS, fields(reasoning={"effort": "low"}), "Unknown parameter: 'reasoning'."),
    (
        SONNET_4_5,
        {"toolConfig": {**CALLS, "toolChoice": NAMED}, **fields(tool_choice={"type": "tool", "name": "f"})},
        "The additional field tool_choice/type conflicts with the existing field toolConfig.toolChoice.tool. Remove "
        "tool_choice/type and try again.",
    ),
    (
        SONNET_4_5,
        {**config(maxTokens=5), **fields(max_tokens=5)},
        "The additional field max_tokens conflicts with the existing field inferenceConfig.maxTokens.",
    ),
    (
        NOVA,
        {**config(topP=0.5), **fields(inferenceConfig={"topP": 0.5})},
        "The additional field inferenceConfig/topP conflicts with the existing field inferenceConfig.topP.",
    ),
    (
        "qwen.qwen3-32b-v1:0",
        {"messages": [SAYS[0], SIGNED, SAYS[0]]},
        "This model doesn't support the reasoningContent.reasoningText.signature field.",
    ),
    (
        MISTRAL,
        {"messages": CALLED, "toolConfig": CALLS},
        "Tool call id was a but must be a-z, A-Z, 0-9, with a length of 9.",
    ),
    (OPUS_4_6, {"messages": ANSWERED}, "This model does not support assistant message prefill."),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "more", "words"), REFUSED)
def test_converse_refuses_what_the_model_does_not_take(
    emulator: Emulator, model: str, more: Any, words: str, stream: bool
) -> None:
    status, text = converse(emulator, model, stream=stream, **more)
    assert status == 400, text
    assert words in text.replace('\\"', '"')


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (NEW, SYSTEM),
        (NEW, {"toolConfig": {**CALLS, "toolChoice": NAMED}}),
        (NEW, config(stopSequences=["END"], temperature=0.5, topP=0.5, maxTokens=1)),
        (NEW, fields(reasoning_effort="ultra")),
        (MISTRAL, {"toolConfig": {**CALLS, "toolChoice": ANY}}),
        (SONNET_4_5, {"messages": [SAYS[0], SIGNED, SAYS[0]]}),
        ("qwen.qwen3-32b-v1:0", {"toolConfig": {"tools": UNIONS}}),
        (R1, config(stopSequences=["END"], temperature=0.5, topP=0.5)),
        (GPT_OSS, {**config(temperature=0.5), **fields(reasoning_effort="low")}),
        (GPT, {**config(maxTokens=16), **fields(reasoning={"effort": "xhigh"})}),
        (GROK, {"toolConfig": {**CALLS, "toolChoice": NAMED}}),
        (SONNET_4_5, {"toolConfig": CALLS, **fields(tool_choice={"type": "auto", "disable_parallel_tool_use": True})}),
        ("us.anthropic.claude-opus-4-7", config(temperature=1, topP=1)),
        (SONNET_4_5, {"messages": ANSWERED, **config(topP=0.5)}),
        (NOVA, {**config(maxTokens=5), **fields(inferenceConfig={"topK": 5})}),
    ],
)
def test_converse_takes_what_is_not_known_to_be_refused(emulator: Emulator, model: str, more: Any) -> None:
    status, text = converse(emulator, model, **more)
    assert status == 200, text


def test_tools_in_a_stream_are_refused_by_models_that_stream_none(emulator: Emulator) -> None:
    assert converse(emulator, LLAMA, toolConfig=CALLS)[0] == 200
    status, text = converse(emulator, LLAMA, stream=True, toolConfig=CALLS)
    assert (status, "This model doesn't support tool use in streaming mode." in text) == (400, True)
    assert converse(emulator, NOVA, stream=True, toolConfig=CALLS)[0] == 200


def test_a_cache_point_is_denied_to_models_that_cache_nothing(emulator: Emulator) -> None:
    for model in (LLAMA, GPT_OSS, "anthropic.claude-3-haiku-20240307-v1:0"):
        response = emulator.post(f"/model/{model}/converse", {"messages": [{"role": "user", "content": POINT}]})
        assert response.status_code == 403, model
        assert response.headers["x-amzn-errortype"].startswith("AccessDeniedException")
        assert "did not allow prompt caching" in response.text
    assert converse(emulator, NOVA, messages=[{"role": "user", "content": POINT}])[0] == 200


def test_nova_2_takes_no_limit_beside_its_highest_effort(emulator: Emulator) -> None:
    for effort, status in (("high", 400), ("medium", 200)):
        config_ = {"type": "enabled", "maxReasoningEffort": effort}
        assert converse(emulator, NOVA_2, **config(maxTokens=50), **fields(reasoningConfig=config_))[0] == status
        assert converse(emulator, NOVA_2, **fields(reasoningConfig=config_))[0] == 200
