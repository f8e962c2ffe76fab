"""Media beside tool results."""

from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]
REGISTRY = load_registry()
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}
PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"}}}
PDF = {"document": {"format": "pdf", "name": "a", "source": {"bytes": "JVBERi0="}}}
POINT = {"cachePoint": {"type": "default"}}


def talk(results: list[list[Json]], *more: Json) -> Json:
    names = [f"t{number}" for number in range(len(results))]
    uses = [{"toolUse": {"toolUseId": name, "name": "look", "input": {}}} for name in names]
    answers = [
        {"toolResult": {"toolUseId": name, "content": content}} for name, content in zip(names, results, strict=True)
    ]
    return {
        "messages": [
            {"role": "user", "content": [{"text": "Hi"}]},
            {"role": "assistant", "content": uses},
            {"role": "user", "content": [*answers, *more]},
        ],
        "toolConfig": TOOLS,
    }


@pytest.mark.parametrize("model", ["mistral.pixtral-large-2502-v1:0", "acme.new-1"])
def test_the_media_of_results_are_behind_all_results_in_order_with_a_number_each(model: str) -> None:
    repaired = apply_repairs(talk([[{"text": "shot"}, PNG], [PDF, PNG]], {"text": "go on"}), REGISTRY.pick(model)[1])
    first, second, *rest = repaired.request["messages"][2]["content"]
    assert first["toolResult"]["content"] == [{"text": "shot"}, {"text": "[image 1: see below]"}]
    assert second["toolResult"]["content"] == [{"text": "[document 2: see below]"}, {"text": "[image 3: see below]"}]
    assert rest == [
        *({"text": "[image 1]"}, PNG),
        *({"text": "[document 2]"}, PDF, {"text": "[image 3]"}, PNG),
        {"text": "go on"},
    ]
    assert repaired.reported == (
        "messages[2].content[0].toolResult.content[1].image",
        "messages[2].content[1].toolResult.content[0].document",
        "messages[2].content[1].toolResult.content[1].image",
    )


@pytest.mark.parametrize(
    "model",
    ["anthropic.claude-opus-4-6-v1", "amazon.nova-pro-v1:0", "us.meta.llama4-maverick-17b-instruct-v1:0"],
)
def test_a_model_that_takes_them_inside_gets_them_there(model: str) -> None:
    given = talk([[{"text": "shot"}, PNG, PDF]])
    repaired = apply_repairs(given, REGISTRY.pick(model)[1])
    assert (repaired.request, repaired.reported) == (given, ())


def test_a_point_behind_the_result_stays_behind_its_image() -> None:
    able = REGISTRY.pick("acme.new-1")[1].but(cache=True)
    content = apply_repairs(talk([[PNG]], POINT, {"text": "go on"}), able).request["messages"][2]["content"]
    assert [next(iter(block)) for block in content] == ["toolResult", "text", "image", "cachePoint", "text"]


def test_without_tools_the_image_follows_the_text_of_its_result() -> None:
    given = talk([[{"text": "shot"}, PNG]])
    del given["toolConfig"]
    content = apply_repairs(given, REGISTRY.pick("acme.new-1")[1]).request["messages"][2]["content"]
    assert content == [{"text": "[Tool result t0: shot]"}, PNG]
