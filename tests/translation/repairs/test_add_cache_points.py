"""Cache points that the gateway adds: few, where the model takes them, and nothing else of the request changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.add_cache_points import add_cache_points, has_cache_points

Json = dict[str, Any]

REGISTRY = load_registry()
CLAUDE = REGISTRY.pick("anthropic.claude-opus-4-6-v1")[1]
OLDER = REGISTRY.pick("anthropic.claude-3-7-sonnet-20250219-v1:0")[1]
NOVA = REGISTRY.pick("amazon.nova-lite-v1:0")[1]
POINT: Json = {"cachePoint": {"type": "default"}}
HOUR: Json = {"cachePoint": {"type": "default", "ttl": "1h"}}
TOOL = {"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}
SYSTEM = {"text": "Be brief."}
ASK = {"role": "user", "content": [{"text": "Hi"}]}
SAY = {"role": "assistant", "content": [{"text": "Hello"}]}


def is_point(block: Json) -> bool:
    return "cachePoint" in block


def count_points(request: Json) -> int:
    return json.dumps(request).count('"cachePoint"')


def without_points(request: Json) -> Json:
    kept = {**request, "messages": [drop(turn) for turn in request["messages"]]}
    if "system" in request:
        kept["system"] = [each for each in request["system"] if not is_point(each)]
    if "toolConfig" in request:
        kept["toolConfig"] = {"tools": [each for each in request["toolConfig"]["tools"] if not is_point(each)]}
    return kept


def drop(turn: Json) -> Json:
    return {**turn, "content": [block for block in turn["content"] if not is_point(block)]}


def test_tools_system_and_the_last_two_turns_of_the_user_get_a_point() -> None:
    request = {
        "messages": [ASK, SAY, ASK, SAY, ASK],
        "system": [SYSTEM],
        "toolConfig": {"tools": [TOOL], "toolChoice": {"auto": {}}},
    }
    cached = add_cache_points(request, CLAUDE)
    marked = {"role": "user", "content": [{"text": "Hi"}, POINT]}
    assert cached.request == {
        "messages": [ASK, SAY, marked, SAY, marked],
        "system": [SYSTEM, POINT],
        "toolConfig": {"tools": [TOOL, POINT], "toolChoice": {"auto": {}}},
    }
    assert cached.parts == ("tools", "system", "messages")
    assert not has_cache_points(request)
    assert has_cache_points(cached.request)


def test_a_model_gets_only_the_points_that_it_takes() -> None:
    request = {"messages": [ASK], "system": [SYSTEM], "toolConfig": {"tools": [TOOL]}}
    assert add_cache_points(request, NOVA).parts == ("system", "messages")
    assert add_cache_points(request, NOVA).request["toolConfig"] == {"tools": [TOOL]}
    for without in (CLAUDE.but(cache=False), Capabilities()):
        assert add_cache_points(request, without).request == request
        assert add_cache_points(request, without).parts == ()
    assert add_cache_points({"messages": [ASK]}, CLAUDE).parts == ("messages",)


@pytest.mark.parametrize(("capabilities", "point"), [(CLAUDE, HOUR), (OLDER, POINT), (NOVA, POINT)])
def test_an_hour_is_asked_for_where_the_model_has_it(capabilities: Capabilities, point: Json) -> None:
    cached = add_cache_points({"messages": [ASK], "system": [SYSTEM]}, capabilities, "1h")
    assert cached.request == {
        "messages": [{"role": "user", "content": [{"text": "Hi"}, point]}],
        "system": [SYSTEM, point],
    }
    assert ("ttl=1h" in cached.parts) is (point is HOUR)


def test_an_answer_that_the_model_is_to_continue_has_no_point() -> None:
    cached = add_cache_points({"messages": [ASK, SAY]}, OLDER)
    assert cached.request["messages"] == [{"role": "user", "content": [{"text": "Hi"}, POINT]}, SAY]


# --- the law ----------------------------------------------------------------------------------------------------------

WORDS = st.text("abc xyz", min_size=1, max_size=8).filter(lambda text: not text.isspace())
TEXT = st.builds(lambda text: {"text": text}, WORDS)
USE = {"toolUse": {"toolUseId": "t", "name": "look", "input": {}}}
RESULT = st.builds(lambda text: {"toolResult": {"toolUseId": "t", "content": [{"text": text}]}}, WORDS)
EXCHANGES = st.one_of(
    st.tuples(
        st.just({"role": "assistant", "content": [USE]}), st.builds(lambda r: {"role": "user", "content": [r]}, RESULT)
    ),
    st.tuples(
        st.builds(lambda block: {"role": "assistant", "content": [block]}, TEXT),
        st.builds(lambda block: {"role": "user", "content": [block]}, TEXT),
    ),
)
HEADS = st.fixed_dictionaries(
    {"toolConfig": st.just({"tools": [TOOL]})}, optional={"system": st.lists(TEXT, min_size=1, max_size=2)}
)


@given(
    head=HEADS,
    first=st.builds(lambda block: {"role": "user", "content": [block]}, TEXT),
    exchanges=st.lists(EXCHANGES, min_size=1, max_size=5),
    capabilities=st.sampled_from([CLAUDE, OLDER, NOVA]),
)
def test_another_turn_keeps_the_prefix_and_moves_only_the_points_of_the_turns(
    head: Json, first: Json, exchanges: list[tuple[Json, Json]], capabilities: Capabilities
) -> None:
    before: Json | None = None
    turns = [first]
    for exchange in [(), *exchanges]:
        turns += exchange
        repaired = apply_repairs({**head, "messages": turns}, capabilities).request
        cached = add_cache_points(repaired, capabilities).request
        assert without_points(cached) == repaired
        assert 1 <= count_points(cached) <= 4
        # A model that takes none behind a tool's result gets none there.
        for turn in cached["messages"]:
            for block, after in zip(turn["content"], turn["content"][1:], strict=False):
                assert not is_point(after) or not is_point(block)
                assert not is_point(after) or capabilities.cache_after_results or "toolResult" not in block
        if before is not None:
            same = len(before["messages"])
            assert {name: cached.get(name) for name in ("toolConfig", "system")} == {
                name: before.get(name) for name in ("toolConfig", "system")
            }
            assert [drop(turn) for turn in cached["messages"][:same]] == [drop(turn) for turn in before["messages"]]
            # What the request before ended with ends at a point again: the model reads it from the cache.
            last = before["messages"][-1]
            if is_point(last["content"][-1]):
                assert cached["messages"][same - 1] == last
        before = cached
