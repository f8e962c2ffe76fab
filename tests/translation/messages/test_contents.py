"""An edit of Claude's own body runs only where there is something for it, and nothing else depends on that."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import DeadlineExceeded
from bedrock_flask.models.loading import load_registry
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation import messages
from bedrock_flask.translation.messages import edit_members, edit_turns
from bedrock_flask.translation.messages.contents import EMPTY_TURN, SYSTEM_TURN, find_contents
from bedrock_flask.translation.messages.record import Edited

Json = dict[str, Any]

MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
LINE = "x-anthropic-billing-header: a\n"
TEXTS = [{"type": "text", "text": text, **mark} for text in ("Hi", "", " ") for mark in ({}, MARK, HOUR)]
BLOCKS = st.sampled_from(
    [
        *TEXTS,
        {"type": "thinking", "thinking": "Hm.", "signature": "S"},
        {"type": "thinking", "thinking": "Hm."},
        {"type": "tool_use", "id": "a", "name": "a", "input": {"cache_control": {"ttl": "1h"}}},
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1", **HOUR}]},
        {"type": "mcp_tool_use", "id": "b", "name": "b", "server_name": "s", "input": {}},
        {"type": "mcp_tool_result", "tool_use_id": "b", "content": "1"},
        {"type": "advisor_tool_result", "tool_use_id": "c", "content": {"type": "advisor_result", "text": "2"}},
        {"type": "server_tool_use", "id": "c", "name": "advisor", "input": {}},
    ]
)
TURNS = st.builds(
    lambda role, content: {"role": role, **content},
    st.sampled_from(["user", "assistant", "system"]),
    st.sampled_from([{}, {"content": ""}, {"content": "Hi"}])
    | st.lists(BLOCKS, max_size=3).map(lambda blocks: {"content": blocks}),
)
TOOLS = st.sampled_from(
    [
        {"name": "a", "input_schema": {"type": "object"}},
        {"name": "b", "input_schema": {"type": "object", "properties": {"q": {"minimum": 1}}}, "strict": True, **HOUR},
        {"name": "c", "input_schema": {"type": "object"}, "strict": False, "eager_input_streaming": True},
        {"name": "d", "input_schema": {"type": "object"}, "defer_loading": True, "input_examples": []},
    ]
)
SCHEMA = {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
BODIES = st.fixed_dictionaries(
    {"messages": st.lists(TURNS, max_size=4)},
    optional={
        "system": st.sampled_from(["", "Be brief.", LINE, f"{LINE}Be brief."])
        | st.lists(st.sampled_from([*TEXTS, {"type": "text", "text": f"{LINE}x"}]), max_size=2),
        "tools": st.lists(TOOLS, max_size=2),
        "tool_choice": st.sampled_from([{"type": "any"}, {"type": "auto"}, {"type": "none"}]),
        "thinking": st.sampled_from([{"type": "adaptive"}, {"type": "disabled"}]),
        "temperature": st.sampled_from([0.5, 1]),
        "top_p": st.just(1),
        "output_format": st.just(SCHEMA),
        "output_config": st.sampled_from([{"format": SCHEMA}, {"effort": "low"}]),
        "context_management": st.just({"edits": [{"type": "compact_20260112"}]}),
        **{name: st.just(mark[name]) for mark in (MARK,) for name in mark},
    },
)
MODELS = list(load_registry().adapters["claude"].models.values())
ABLE = st.sampled_from(MODELS) | st.builds(
    replace,
    st.sampled_from(MODELS),
    strict_tools=st.booleans(),
    closed_schemas=st.booleans(),
    structured=st.booleans(),
    long_cache=st.booleans(),
    system_turns=st.booleans(),
    signs_reasoning=st.booleans(),
    sampling=st.sampled_from(["both", "one", "none"]),
    thinking=st.sampled_from(["either", "adaptive"]),
    thinking_off=st.sampled_from(["absent", "disabled"]),
)


def edit(body: Json, able: Capabilities) -> Any:
    """What comes of a body in both steps, or the kind of a crash."""
    try:
        edited = edit_members(body, able)
        return edited, edit_turns(edited.body, able)
    except (LookupError, ValueError) as error:
        return type(error)


@settings(max_examples=1000)
@given(BODIES, ABLE)
def test_with_and_without_the_edits_that_have_nothing_to_do_the_body_is_the_same(
    body: Json, able: Capabilities
) -> None:
    before = copy.deepcopy(body)
    for each in (body, mark_places(body)):
        edited = edit(each, able)
        with pytest.MonkeyPatch.context() as patch:
            for table in ("MEMBERS", "TURNS"):
                always = tuple(replace(step, looks_for=("messages",)) for step in getattr(messages, table))
                patch.setattr(messages, table, always)
            assert edited == edit(each, able)
    assert body == before


def test_a_plain_body_is_edited_by_nobody_but_who_looks_for_betas(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(body: Json, able: Capabilities) -> Edited:
        raise AssertionError(body)

    edits = (*messages.MEMBERS, *messages.TURNS)
    others = tuple(replace(each, apply=fail) for each in edits if each.apply is not messages.add_betas)
    monkeypatch.setattr(messages, "MEMBERS", others)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [{"type": "text", "text": "Ho"}]}]
    plain = {"model": "claude", "max_tokens": 9, "messages": turns, "stream": True, "top_k": 5}
    assert edit_members(plain, Capabilities()).body is plain


def test_contents_are_found_at_every_depth() -> None:
    body = {
        "messages": [
            {"role": "system"},
            {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", **MARK}]}]},
        ],
    }
    assert find_contents(body) == {"messages", "tool_result", "cache_control", EMPTY_TURN, SYSTEM_TURN}
    assert find_contents({"messages": [{"role": "user", "content": "Hi", **MARK}]}) == {"messages", "cache_control"}


def test_work_ends_between_two_edits_where_the_time_is_used_up() -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "system": "x", "tools": []}
    assert edit_members(body, MODELS[0], lambda: None).body == body
    with pytest.raises(DeadlineExceeded):
        edit_members(body, MODELS[0], raise_deadline)


def raise_deadline() -> None:
    raise DeadlineExceeded()
