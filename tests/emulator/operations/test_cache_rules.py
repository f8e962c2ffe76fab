"""What Converse refuses of cache points, in Bedrock's words."""

from typing import Any

import pytest

from tests.doubles import Emulator

CLAUDE, NOVA = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0"
Json = dict[str, Any]
HI, POINT = {"text": "Hi"}, {"cachePoint": {"type": "default"}}
PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"}}}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}
SPEC = {"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}
USE = {"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [HI]}}


def document(form: str) -> Json:
    return {"document": {"format": form, "name": "a", "source": {"bytes": "eA=="}}}


def user(*content: Json) -> Json:
    return {"role": "user", "content": list(content)}


def assistant(*content: Json) -> Json:
    return {"role": "assistant", "content": list(content)}


def refuse(emulator: Emulator, model: str, *messages: Json, stream: bool = False, **more: Any) -> str:
    """Bedrock's words, or nothing if the request is answered."""
    path = f"/model/{model}/{'converse-stream' if stream else 'converse'}"
    response = emulator.post(path, {"messages": list(messages), **more})
    assert response.status_code in (200, 400), response.text
    return "" if response.ok else str(response.json()["message"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_point_after_reasoning_or_after_nothing(emulator: Emulator, stream: bool) -> None:
    words = "Cache point cannot be inserted after reasoning block. Please remove the invalid cache point and try again."
    assert refuse(emulator, CLAUDE, user(HI), assistant(THOUGHT, POINT), user(HI), stream=stream) == words
    assert refuse(emulator, CLAUDE, user(HI), assistant(THOUGHT, HI, POINT), user(HI), stream=stream) == ""
    nothing = "There is nothing available to cache."
    assert refuse(emulator, CLAUDE, user(HI), assistant(HI), user(POINT, HI), stream=stream).startswith(nothing)


@pytest.mark.parametrize("form", ["csv", "txt", "md", "html", "docx", "xlsx"])
def test_a_point_after_a_document_that_is_no_pdf(emulator: Emulator, form: str) -> None:
    assert refuse(emulator, CLAUDE, user(HI, document(form), POINT)).endswith(
        "messages.0.content.2.type: Field required"
    )
    assert refuse(emulator, CLAUDE, user(document(form), HI, POINT)) == ""
    assert refuse(emulator, CLAUDE, user(HI, document("pdf"), POINT)) == ""
    assert refuse(emulator, CLAUDE, user(HI, PNG, POINT)) == ""


@pytest.mark.parametrize("stream", [False, True])
def test_where_nova_takes_no_point(emulator: Emulator, stream: bool) -> None:
    words = "extraneous key [cachePoint] is not permitted"
    tools = {"toolConfig": {"tools": [SPEC]}}
    exchange = [user(HI), assistant(USE)]
    assert words in refuse(emulator, NOVA, *exchange, user(RESULT, POINT), stream=stream, **tools)
    assert words in refuse(emulator, NOVA, user(HI, PNG, POINT), stream=stream)
    marked = refuse(emulator, NOVA, user(HI), stream=stream, toolConfig={"tools": [SPEC, POINT]})
    assert "#/toolConfig/tools/1: " in marked
    assert refuse(emulator, NOVA, *exchange, user(RESULT, HI, POINT), system=[HI, POINT], stream=stream, **tools) == ""
    assert refuse(emulator, CLAUDE, *exchange, user(RESULT, POINT), toolConfig={"tools": [SPEC, POINT]}) == ""


@pytest.mark.parametrize("stream", [False, True])
def test_an_hour_where_the_model_has_only_minutes(emulator: Emulator, stream: bool) -> None:
    hour = {"cachePoint": {"type": "default", "ttl": "1h"}}
    words = "Extended TTL prompt caching is only supported for Anthropic models"
    for model in (NOVA, "us.anthropic.claude-sonnet-4-20250514-v1:0"):
        assert refuse(emulator, model, user(HI, hour), stream=stream) == words
        assert refuse(emulator, model, user(HI), system=[HI, hour], stream=stream) == words
    assert refuse(emulator, CLAUDE, user(HI, hour), stream=stream) == ""


def test_more_than_four_points(emulator: Emulator) -> None:
    system = [HI, POINT, HI, POINT]
    tools = {"tools": [SPEC, POINT]}
    assert refuse(emulator, CLAUDE, user(HI, POINT), system=system, toolConfig=tools) == ""
    said = refuse(emulator, CLAUDE, user(HI, POINT, HI, POINT), system=system, toolConfig=tools)
    assert said.endswith("A maximum of 4 blocks with cache_control may be provided. Found 5.")
