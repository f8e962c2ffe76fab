"""Cache points."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]

REGISTRY = load_registry()
CLAUDE = REGISTRY.pick("anthropic.claude-opus-4-6-v1")[1]
NOVA = REGISTRY.pick("amazon.nova-lite-v1:0")[1]
WITHOUT = CLAUDE.but(cache=False)

POINT: Json = {"cachePoint": {"type": "default"}}
LONG: Json = {"cachePoint": {"type": "default", "ttl": "1h"}}
TEXTS = [{"text": "a"}, {"text": "b"}, {"text": "c"}]
SPEC = {"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}
USE = {"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}


def request(*last: Json, system: list[Json] | None = None, tools: list[Json] | None = None) -> Json:
    return {
        "messages": [
            {"role": "user", "content": [{"text": "Hi"}]},
            {"role": "assistant", "content": [USE]},
            {"role": "user", "content": list(last) or [RESULT]},
        ],
        "toolConfig": {"tools": tools or [SPEC]},
        **({"system": system} if system else {}),
    }


def refused(given: Json, able: Capabilities) -> list[str]:
    with pytest.raises(InvalidBody) as error:
        apply_repairs(given, able)
    return [fault.path for fault in error.value.fields]


def test_marks_stay_where_the_model_takes_them_with_their_time() -> None:
    system = [TEXTS[0], LONG, *TEXTS[1:]]
    given = request(RESULT, POINT, {"text": "go on"}, system=system, tools=[SPEC, LONG])
    repaired = apply_repairs(given, CLAUDE)
    assert repaired.request == given
    assert repaired.reported == ()


def test_a_model_that_does_not_cache_gets_none_and_each_is_told() -> None:
    given = request(RESULT, POINT, system=[TEXTS[0], POINT, *TEXTS[1:]], tools=[SPEC, POINT])
    repaired = apply_repairs(given, WITHOUT)
    assert repaired.request == request(RESULT, system=TEXTS)
    assert repaired.reported == (
        "toolConfig.tools[1].cachePoint",
        "system[1].cachePoint",
        "messages[2].content[1].cachePoint",
    )


def test_nova_takes_none_among_tools_and_those_after_a_result_move_behind_the_last_text() -> None:
    given = request(RESULT, POINT, POINT, {"text": "go on"}, POINT, system=[TEXTS[0], POINT], tools=[SPEC, POINT])
    repaired = apply_repairs(given, NOVA)
    expected = request(RESULT, {"text": "go on"}, POINT, system=[TEXTS[0], POINT])
    expected["messages"][0]["content"].append(POINT)
    assert repaired.request == expected
    assert repaired.reported == (
        "toolConfig.tools[1].cachePoint",
        "messages[2].content[1].cachePoint",
        "messages[2].content[2].cachePoint",
    )


def test_one_that_comes_to_follow_a_result_moves_too() -> None:
    repaired = apply_repairs(request({"text": " "}, POINT, RESULT), NOVA)
    assert repaired.request["messages"][0]["content"] == [{"text": "Hi"}, POINT]
    assert repaired.request["messages"][2]["content"] == [RESULT]


def test_one_moves_into_the_system_prompt_and_is_dropped_where_nothing_is_before_it() -> None:
    alone: Json = {"messages": [{"role": "user", "content": [POINT, {"text": "Hi"}]}]}
    for able in (CLAUDE, NOVA):
        repaired = apply_repairs({**alone, "system": [TEXTS[0]]}, able)
        assert repaired.request["system"] == [TEXTS[0], POINT]
        assert repaired.reported == ("messages[0].content[0].cachePoint",)
        repaired = apply_repairs(alone, able)
        assert repaired.request["messages"] == [{"role": "user", "content": [{"text": "Hi"}]}]
        assert repaired.reported == ("messages[0].content[0].cachePoint",)


MD = {"document": {"format": "md", "name": "a", "source": {"bytes": "eA=="}}}
PDF = {"document": {"format": "pdf", "name": "b", "source": {"bytes": "JVBERi0="}}}
PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"}}}


@pytest.mark.parametrize(
    ("able", "given", "expected"),
    [
        (CLAUDE, [TEXTS[0], MD, POINT], [TEXTS[0], POINT, MD]),
        (CLAUDE, [TEXTS[0], MD, PDF, POINT], [TEXTS[0], MD, PDF, POINT]),
        (CLAUDE, [MD, TEXTS[0], POINT], [MD, TEXTS[0], POINT]),
        (NOVA, [TEXTS[0], PNG, POINT], [TEXTS[0], POINT, PNG]),
        (NOVA, [TEXTS[0], PDF, POINT], [TEXTS[0], POINT, PDF]),
    ],
)
def test_one_after_a_document_that_is_no_pdf_or_after_media_of_nova_moves_before_it(
    able: Capabilities, given: list[Json], expected: list[Json]
) -> None:
    assert apply_repairs(request(RESULT, *given), able).request["messages"][2]["content"][1:] == expected


def test_a_lone_document_has_its_point_behind_the_text_that_it_gets() -> None:
    content = apply_repairs({"messages": [{"role": "user", "content": [MD, POINT]}]}, CLAUDE).request["messages"][0]
    assert content["content"] == [MD, {"text": "Document."}, POINT]


def test_one_after_reasoning_moves_before_it() -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}}
    given = {
        "messages": [
            {"role": "user", "content": [{"text": "Hi"}]},
            {"role": "assistant", "content": [thought, POINT]},
            {"role": "user", "content": [{"text": "go on"}]},
        ]
    }
    repaired = apply_repairs(given, CLAUDE)
    contents = [turn["content"] for turn in repaired.request["messages"]]
    assert contents == [[{"text": "Hi"}, POINT], [thought], [{"text": "go on"}]]
    assert repaired.reported == ("messages[1].content[1].cachePoint",)


def test_one_in_the_block_of_a_text_or_a_tool_gets_a_block_of_its_own() -> None:
    repaired = apply_repairs(request(RESULT, {"text": "go on", **POINT}, tools=[{**SPEC, **POINT}]), CLAUDE)
    assert repaired.request == request(RESULT, {"text": "go on"}, POINT, tools=[SPEC, POINT])


def test_none_stands_inside_a_result() -> None:
    inside = {"toolResult": {"toolUseId": "a", "content": [{"text": "x", **POINT}, POINT]}}
    repaired = apply_repairs(request(inside), CLAUDE)
    assert repaired.request == request(RESULT)
    assert len(repaired.reported) == 2


def test_of_five_the_first_of_the_messages_is_dropped_and_told() -> None:
    parts = [part for text in TEXTS for part in (text, POINT)]
    repaired = apply_repairs(request(RESULT, *parts, system=[TEXTS[0], POINT], tools=[SPEC, POINT]), CLAUDE)
    assert repaired.reported == ("messages[2].content[2].cachePoint",)
    assert repaired.request == request(RESULT, TEXTS[0], *parts[2:], system=[TEXTS[0], POINT], tools=[SPEC, POINT])


def test_the_last_point_stays_whatever_the_system_prompt_has() -> None:
    system = [part for text in TEXTS for part in (text, POINT)]
    repaired = apply_repairs(request(RESULT, POINT, system=system, tools=[SPEC, POINT]), CLAUDE)
    assert repaired.reported == ("toolConfig.tools[1].cachePoint",)
    assert repaired.request == request(RESULT, POINT, system=system, tools=[SPEC])


def test_a_long_one_behind_a_short_one_is_refused_by_name() -> None:
    assert refused(request(RESULT, LONG, system=[*TEXTS, POINT]), CLAUDE) == ["messages[2].content[1].cachePoint.ttl"]
    assert apply_repairs(request(RESULT, POINT, system=[*TEXTS, LONG]), CLAUDE).reported == ()
