"""The laws of all repairs together, over generated requests and every kind of model."""

import contextlib
import copy
import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.request_parts import walk_blocks

Json = dict[str, Any]

# A busy machine is no failure.
calm = settings(deadline=None, max_examples=150)
FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")
REGISTRY = load_registry()
PNG = "iVBORw0KGgoAAAANSUhEUg=="
GIF = "R0lGODlhAQABAAAAACw="

names = st.sampled_from(["look", "a.b", "a@b", "a_b", "mcp__" + 80 * "x", "$READ", ""]) | st.text(max_size=5)
ids = st.sampled_from(["t1", "t2", "call:3", 65 * "y"])
text = st.builds(lambda value: {"text": value}, st.sampled_from(["", " ", "Hi", "Well, ", "\n"]))
point = st.builds(
    lambda ttl: {"cachePoint": {"type": "default", **ttl}}, st.sampled_from([{}, {}, {"ttl": "5m"}, {"ttl": "1h"}])
)
marked = st.just({"text": "Hi", "cachePoint": {"type": "default"}})
image = st.builds(
    lambda form, data: {"image": {"format": form, "source": {"bytes": data}}},
    st.sampled_from(["png", "jpg", "gif"]),
    st.sampled_from([PNG, GIF]),
)
document = st.builds(
    lambda name: {"document": {"format": "txt", "name": name, "source": {"text": "x"}}},
    st.sampled_from(["a", "a", "a (2)", "é_ b", ""]),
)
tool_use = st.builds(lambda name, tie: {"toolUse": {"toolUseId": tie, "name": name, "input": {"q": [1]}}}, names, ids)
tool_result = st.builds(
    lambda tie, content: {"toolResult": {"toolUseId": tie, "content": content}},
    ids,
    st.lists(text | image | document | point | marked | st.just({"json": {"a": 1}}), max_size=3),
)
reasoning = st.sampled_from(
    [
        {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}},
        {"reasoningContent": {"reasoningText": {"signature": "S"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
    ]
)
words = st.builds(lambda name: {"text": name}, st.sampled_from(["Hi", "go on"]))
user = st.builds(
    lambda content: {"role": "user", "content": content},
    st.lists(words | text | image | document | tool_result | point | marked, min_size=1, max_size=4),
)
assistant = st.builds(
    lambda content: {"role": "assistant", "content": content},
    st.lists(words | text | tool_use | reasoning | point, min_size=1, max_size=4),
)
schemas = st.sampled_from(
    [
        {},
        {"type": "object"},
        {
            "anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"$ref": "#/$defs/x"}],
            "$defs": {"x": {}},
        },
    ]
)
tools = st.builds(lambda name, schema: {"toolSpec": {"name": name, "inputSchema": {"json": schema}}}, names, schemas)
configs = st.builds(
    lambda each, choice, last: {"tools": [*each, *last], **choice},
    st.lists(tools, max_size=3),
    st.sampled_from([{}, {}, {}, {"toolChoice": {"auto": {}}}, {"toolChoice": {"any": {}}}]),
    st.lists(point, max_size=1),
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "effort": st.sampled_from(["none", "minimal", "low", "high", "max"]),
        "thinking": st.sampled_from(
            [{"type": "enabled", "budget_tokens": 2000}, {"type": "adaptive"}, {"type": "disabled"}]
        ),
        "top_k": st.just(5),
        "seed": st.just(1),
    },
)
requests = st.fixed_dictionaries(
    {"messages": st.builds(lambda first, rest: [first, *rest], user, st.lists(user | assistant, max_size=5))},
    optional={
        "system": st.lists(text | point, max_size=3),
        "toolConfig": configs,
        "extras": extras,
        "inferenceConfig": st.fixed_dictionaries(
            {},
            optional={
                "maxTokens": st.sampled_from([4000, 64000]),
                "temperature": st.sampled_from([0.5, 1]),
                "topP": st.sampled_from([0.5, 0.96, 1]),
            },
        ),
    },
)
models = st.sampled_from([able for adapter in REGISTRY.adapters.values() for able in adapter.models.values()])
# Models as they are, and as none is yet.
capabilities = models.map(lambda able: able.but(tools=True, system=True, images=True, documents=True)) | st.builds(
    Capabilities,
    tools=st.just(True),
    system=st.just(True),
    images=st.just(True),
    documents=st.just(True),
    reasoning=st.booleans(),
    cache=st.booleans(),
    results_with_text=st.booleans(),
    prefill=st.booleans(),
    forced_tools=st.booleans(),
    root_unions=st.booleans(),
    shortest_call_id=st.sampled_from([1, 9]),
    cache_tools=st.booleans(),
    cache_after_results=st.booleans(),
    cache_after_media=st.booleans(),
    media_in_results=st.booleans(),
    empty_results=st.sampled_from(["unknown", "accepted", "refused"]),
    signs_reasoning=st.booleans(),
    signatures=st.booleans(),
    thinking=st.sampled_from(["", "budget", "either", "adaptive"]),
    thinking_off=st.sampled_from(["absent", "disabled", "between_tools", "never"]),
    sampling=st.sampled_from(["both", "one", "none"]),
)


def kinds(request: Json, kind: str) -> list[Any]:
    return [block[kind] for _, block in walk_blocks(request) if kind in block]


@calm
@given(requests, capabilities)
def test_what_is_repaired_needs_no_repair_and_what_came_is_as_it_was(request: Json, able: Capabilities) -> None:
    before = copy.deepcopy(request)
    with contextlib.suppress(InvalidBody):
        repaired = apply_repairs(request, able)
        event("repaired")
        again = apply_repairs(repaired.request, able)
        assert again.request == repaired.request
        assert again.reported == ()
        assert again.names == {}
    assert request == before


@calm
@given(requests, capabilities)
def test_a_repaired_request_is_one_that_bedrock_takes(request: Json, able: Capabilities) -> None:
    with contextlib.suppress(InvalidBody):
        is_taken(apply_repairs(request, able).request, able)


def is_taken(request: Json, able: Capabilities) -> None:
    assert find_faults(Body(), {name: value for name, value in request.items() if name != "extras"}) == []
    messages = request["messages"]
    roles = [message["role"] for message in messages]
    assert roles[0] == "user"
    assert all(one != other for one, other in pairwise(roles))
    assert all(message["content"] for message in messages)
    assert all(len(block) == 1 for _, block in walk_blocks(request))
    assert all(block["text"].strip() for _, block in walk_blocks(request) if "text" in block)
    for message in messages:
        order = ["toolResult" in block for block in message["content"]]
        assert order == sorted(order, reverse=True)
        held = {kind for block in message["content"] for kind in block}
        assert "document" not in held or "text" in held
        assert able.results_with_text or not {"toolResult", "text"} <= held
    named = [spec["name"] for spec in kinds(request, "toolSpec")] + [use["name"] for use in kinds(request, "toolUse")]
    ties = [each["toolUseId"] for kind in ("toolUse", "toolResult") for each in kinds(request, kind)]
    assert all(FITS.fullmatch(name) for name in (*named, *ties))
    assert bool(kinds(request, "toolSpec")) or not ties
    documents = [each["name"] for each in kinds(request, "document")]
    assert len(set(documents)) == len(documents)
    assert len(kinds(request, "cachePoint")) <= (4 if able.cache else 0)
    assert able.reasoning or not kinds(request, "reasoningContent")


@calm
@given(requests, capabilities)
def test_every_alias_stands_for_a_name_of_its_own(request: Json, able: Capabilities) -> None:
    with contextlib.suppress(InvalidBody):
        repaired = apply_repairs(request, able)
        originals = {spec["name"] for spec in kinds(request, "toolSpec")} | {
            use["name"] for use in kinds(request, "toolUse")
        }
        seen = {spec["name"] for spec in kinds(repaired.request, "toolSpec")}
        assert set(repaired.names.values()) <= originals
        assert len(set(repaired.names.values())) == len(repaired.names)
        assert seen == {alias for alias in seen if repaired.names.get(alias, alias) in originals}
        assert not repaired.names.keys() & originals


def test_a_request_that_needs_nothing_comes_back_as_it_is() -> None:
    request = {
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "extras": {"seed": 1},
        "requestMetadata": {},
    }
    repaired = apply_repairs(request, Capabilities())
    assert (repaired.request, repaired.reported, repaired.names) == (request, (), {})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prefill": "no"}, "the capability 'prefill' must be true or false, not 'no'"),
        ({"sampling": True}, "the capability 'sampling' must be a string, not True"),
        (
            {"thinking": "much"},
            "the capability 'thinking' must be one of ('', 'budget', 'either', 'adaptive'), not 'much'",
        ),
    ],
)
def test_a_capability_that_does_not_hold_is_named(wrong: Json, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        Capabilities(**wrong)


@pytest.mark.parametrize(
    ("model", "thinking", "sampling", "prefill"),
    [
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "", "both", True),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "budget", "both", True),
        ("anthropic.claude-opus-4-20250514-v1:0", "budget", "both", True),
        ("anthropic.claude-opus-4-1-20250805-v1:0", "budget", "one", True),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "budget", "one", True),
        ("anthropic.claude-sonnet-4-6", "either", "one", False),
        ("anthropic.claude-opus-4-6-v1", "either", "one", False),
        ("anthropic.claude-opus-4-8", "adaptive", "none", False),
        ("anthropic.claude-sonnet-5", "adaptive", "none", False),
        ("global.anthropic.claude-haiku-5-5", "adaptive", "none", False),
        ("anthropic.claude-fable-5-1", "adaptive", "none", False),
        ("anthropic.claude-novel-7", "adaptive", "none", False),
    ],
)
def test_each_generation_of_claude_is_asked_in_its_own_way(
    model: str, thinking: str, sampling: str, prefill: bool
) -> None:
    able = REGISTRY.pick(model)[1]
    assert (able.thinking, able.sampling, able.prefill) == (thinking, sampling, prefill)


def test_a_fault_in_the_tool_for_the_answer_is_one_of_its_format() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema)}}}}
    request = {"messages": [{"role": "user", "content": [{"text": "x"}]}], "outputConfig": form}
    able = Capabilities(tools=True, structured=False)
    tool = apply_repairs(request, able).answer_tool
    assert tool is not None
    assert tool.rename_path("toolConfig.tools[0].toolSpec.inputSchema") == "outputConfig.textFormat"
    assert tool.rename_path("toolConfig.tools[0]") == "outputConfig.textFormat"
    assert tool.rename_path("toolConfig.tools[01]") == "toolConfig.tools[01]"
    assert tool.rename_path("messages[0]") == "messages[0]"
