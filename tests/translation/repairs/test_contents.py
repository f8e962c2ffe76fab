"""A repair runs only where there is something for it, and nothing else depends on that."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import DeadlineExceeded, InvalidBody
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation import repairs
from bedrock_flask.translation.repairs import RepairResult, apply_repairs
from bedrock_flask.translation.repairs.contents import NO_MESSAGES, find_contents
from bedrock_flask.translation.repairs.record import Repair
from tests.translation.repairs.test_repairs import REGISTRY, capabilities, requests

Json = dict[str, Any]

MEDIUM = {"format": "pdf", "name": "a", "source": {"bytes": "aGk="}}
BLOCKS = st.sampled_from(
    [
        {"text": "Hi"},
        {"text": " "},
        {"text": ""},
        {"image": {"format": "jpg", "source": {"bytes": "R0lGODlhAQABAAAAACw="}}},
        {"document": {**MEDIUM, "format": "txt", "source": {"text": "x"}}},
        {"document": MEDIUM},
        {"video": {**MEDIUM, "format": "mp4"}},
        {"audio": {**MEDIUM, "format": "wav"}},
        {"toolUse": {"toolUseId": "a", "name": "a.b", "input": "broken"}},
        {"toolUse": {"toolUseId": "a:", "name": "a", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "a", "content": []}},
        {"toolResult": {"toolUseId": "a:", "content": [{"text": "\n"}, {"image": {"format": "png", "source": {}}}]}},
        {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
        {"cachePoint": {"type": "default"}},
        {"toolAddition": {"tool": {"name": "b c"}}},
    ]
)
TURNS = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", "system"]),
    st.lists(BLOCKS, max_size=3),
)
SCHEMA = {"type": "json_schema", "structure": {"jsonSchema": {"name": "a", "schema": '{"type": "object"}'}}}
TOOLS = st.sampled_from(
    [
        {"toolSpec": {"name": "a", "inputSchema": {"json": {}}}},
        {"toolSpec": {"name": "a b", "description": " ", "inputSchema": {"json": {"anyOf": [{}]}}, "strict": True}},
        {"toolSpec": {"name": "b", "strict": False, "inputSchema": {"json": {"properties": {"$": {}}}}}},
        {"cachePoint": {"type": "default"}},
        {"systemTool": {"name": "search"}},
    ]
)
WILD = st.fixed_dictionaries(
    {"messages": st.lists(TURNS, max_size=4)},
    optional={
        "system": st.lists(st.sampled_from([{"text": "Be brief."}, {"text": ""}, {"cachePoint": {}}]), max_size=2),
        "toolConfig": st.fixed_dictionaries(
            {"tools": st.lists(TOOLS, max_size=3)},
            optional={"toolChoice": st.sampled_from([{"any": {}}, {"tool": {"name": "a b"}}, {"auto": {}}])},
        ),
        "inferenceConfig": st.fixed_dictionaries(
            {},
            optional={
                "maxTokens": st.sampled_from([1, 100, 10**6]),
                "temperature": st.sampled_from([0, 1]),
                "topP": st.sampled_from([0.5, 1]),
                "stopSequences": st.lists(st.sampled_from(["", " ", "END"]), max_size=2),
            },
        ),
        "outputConfig": st.sampled_from([{"textFormat": SCHEMA}, {"effort": "low"}]),
        "extras": st.fixed_dictionaries(
            {},
            optional={
                "json_object": st.just(True),
                "effort": st.sampled_from(["none", "low", "most"]),
                "thinking": st.sampled_from([{"type": "enabled", "budget_tokens": 2000}, {"type": "disabled"}, 1]),
                "top_k": st.just(5),
                "tool_choice": st.just({"type": "none"}),
                "seed": st.just(1),
            },
        ),
    },
)
MODELS = [able for adapter in REGISTRY.adapters.values() for able in adapter.models.values()]


def repair(request: Json, able: Capabilities) -> Any:
    """What comes of a request: the result, or its faults with what is left, or the kind of a crash."""
    try:
        return apply_repairs(request, able)
    except InvalidBody as error:
        return type(error), error.fields, error.rest
    except (LookupError, ValueError) as error:
        return type(error)


def apply_all(request: Json, able: Capabilities) -> Any:
    """The same, with every repair run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repairs, "find_contents", lambda request: frozenset({NO_MESSAGES}))
        return repair(request, able)


@settings(max_examples=1000)
@given(requests | WILD, capabilities | st.sampled_from(MODELS))
def test_with_and_without_the_repairs_that_have_nothing_to_do_the_result_is_the_same(
    request: Json, able: Capabilities
) -> None:
    before = copy.deepcopy(request)
    assert repair(request, able) == apply_all(request, able)
    assert request == before


@settings(max_examples=300)
@given(requests | WILD, st.sampled_from(MODELS))
def test_places_change_neither(request: Json, able: Capabilities) -> None:
    marked = mark_places(request)
    assert repair(marked, able) == apply_all(marked, able)


def test_a_plain_request_runs_no_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: Json, able: Capabilities) -> RepairResult:
        raise AssertionError(request)

    monkeypatch.setattr(repairs, "REPAIRS", tuple(Repair(fail, each.looks_for) for each in repairs.REPAIRS))
    turns = [{"role": role, "content": [{"text": "Hi"}]} for role in ("user", "assistant", "user")]
    plain = {"messages": turns, "extras": {"seed": 1}, "requestMetadata": {"a": "b"}}
    assert apply_repairs(plain, Capabilities()).request is plain


def test_a_repair_is_left_out_for_a_model_that_never_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: Json, able: Capabilities) -> RepairResult:
        raise AssertionError(request)

    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "system": [{"text": "Be brief."}]}
    monkeypatch.setattr(repairs, "REPAIRS", (Repair(fail, ("system",), lambda able: not able.system),))
    assert apply_repairs(request, Capabilities(system=True)).request is request
    with pytest.raises(AssertionError):
        apply_repairs(request, Capabilities())


def test_contents_are_found_at_every_depth() -> None:
    result = {"toolResult": {"toolUseId": "a", "content": [{"image": {}}, {"text": "\t"}]}}
    request = {
        "messages": [{"role": "user", "content": [result]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "a"}}]},
        "extras": {"top_k": 5},
    }
    assert find_contents(request) == {
        *("messages", "toolConfig", "extras", "top_k", "toolSpec", "toolResult", "image", "text"),
        "a blank text, or a message without content",
    }


def test_work_ends_between_two_repairs_where_the_time_is_used_up() -> None:
    tools = [{"toolSpec": {"name": "a", "inputSchema": {"json": {"type": "object"}}}}]
    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "toolConfig": {"tools": tools}}
    assert apply_repairs(request, Capabilities(tools=True), lambda: None).request == request
    calls: list[None] = []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise DeadlineExceeded

    with pytest.raises(DeadlineExceeded):
        apply_repairs(request, Capabilities(tools=True), check)
    assert len(calls) == 3
