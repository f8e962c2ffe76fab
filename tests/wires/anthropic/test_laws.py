"""The laws of Messages requests, over bodies that fit the schema: nothing is lost, and what is read can be written."""

import copy
import json
import re
from typing import Any

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from bedrock_flask.bodies.anthropic_messages_body import Body as MessagesBody
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.wires.anthropic import read_request, write_request

Json = dict[str, Any]

# A busy machine is not a failure.
calm = settings(deadline=None, max_examples=60)

# Every text is a word of its own kind, so that one that is lost is found out.
WORD = re.compile(r"w\d+w")
words = st.integers(0, 10**6).map(lambda number: f"w{number}w")
blanks = st.sampled_from(["", " ", "\n\t"])
flags = st.booleans()
nothing = st.none()
data = st.sampled_from(["QUJD", "AAAA"])
anything = st.recursive(
    st.none() | flags | st.integers() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(words, anything, max_size=2)


def shaped(required: dict[str, Any], /, **optional: Any) -> st.SearchStrategy[Json]:
    """Objects with these members; a plain value is one that never changes."""
    strategies = {
        name: each if isinstance(each, st.SearchStrategy) else st.just(each) for name, each in required.items()
    }
    return st.fixed_dictionaries(strategies, optional=optional)


marks = nothing | shaped({"type": "ephemeral"}, ttl=st.sampled_from(["5m", "1h"]), scope=st.just("global") | nothing)
MORE: dict[str, Any] = {"cache_control": marks, "later": anything}
citing = nothing | shaped({}, enabled=flags)
citations = st.lists(
    st.one_of(
        shaped(
            {"type": "char_location", "cited_text": words, "document_index": st.integers(0, 9)},
            document_title=words | nothing,
            start_char_index=st.integers(0, 9),
            end_char_index=st.integers(0, 9),
            file_id=words | nothing,
        ),
        shaped({"type": "web_search_result_location", "cited_text": words, "url": words, "encrypted_index": words}),
        shaped({"type": "search_result_location", "source": words, "title": nothing, "search_result_index": 0}),
        shaped({"type": "star_location", "star": words}),
    ),
    max_size=3,
)
texts = shaped({"type": "text", "text": words}, citations=nothing | citations, **MORE)
blank_texts = shaped({"type": "text", "text": blanks}, cache_control=marks)
images = shaped(
    {
        "type": "image",
        "source": shaped({"type": "base64", "media_type": st.sampled_from(["image/png", "image/jpeg"]), "data": data}),
    },
    transformations=nothing | objects,
    **MORE,
)


pieces = st.lists(texts | blank_texts | images, max_size=3)
documents = shaped(
    {
        "type": "document",
        "source": st.one_of(
            shaped({"type": "base64", "media_type": "application/pdf", "data": data}),
            shaped({"type": "text", "media_type": "text/plain", "data": words}),
            shaped({"type": "content", "content": words | pieces}),
        ),
    },
    title=words | nothing,
    context=words | nothing,
    citations=citing,
    **MORE,
)
found = shaped(
    {"type": "search_result", "source": words, "title": words, "content": st.lists(texts, max_size=2)},
    citations=citing,
    **MORE,
)
calls = shaped(
    {
        "type": st.sampled_from(["tool_use", "server_tool_use", "mcp_tool_use"]),
        "id": words,
        "name": words,
        "input": objects,
    },
    caller=st.sampled_from([{"type": "direct"}, {"type": "w0w"}]),
    **MORE,
)
references = shaped({"type": st.sampled_from(["tool_reference", "browser_state"])}, **MORE)
results = shaped(
    {"type": "tool_result", "tool_use_id": words},
    content=nothing
    | words
    | blanks
    | st.lists(st.one_of(texts, blank_texts, images, documents, found, references), max_size=4),
    is_error=flags | nothing,
    **MORE,
)
server_results = shaped(
    {
        "type": st.sampled_from(["web_search_tool_result", "mcp_tool_result", "code_execution_tool_result"]),
        "tool_use_id": words,
    },
    content=anything,
    is_error=flags,
    **MORE,
)
reasoning = shaped({"type": "thinking", "thinking": words | blanks, "signature": words | st.just("")}, **MORE) | shaped(
    {"type": "redacted_thinking", "data": words}, **MORE
)
compactions = shaped({"type": "compaction", "content": words}, signature=words | nothing, **MORE) | shaped(
    {"type": "compaction", "content": nothing}
)
changes = shaped(
    {
        "type": st.sampled_from(["tool_addition", "tool_removal"]),
        "tool": shaped({"type": "tool_reference"}, name=words, server_name=words)
        | shaped({"type": "tool_definition", "definition": shaped({"name": words})}),
    },
    **MORE,
)
others = shaped({"type": st.sampled_from(["container_upload", "mcp_tool_listing", "fallback"])}, file_id=words, **MORE)
turns = shaped(
    {
        "role": st.sampled_from(["user", "assistant"]),
        "content": words
        | st.lists(
            st.one_of(
                *(texts, blank_texts, images, documents, found, calls, results, server_results),
                *(reasoning, compactions, changes, others),
            ),
            min_size=1,
            max_size=6,
        ),
    }
)
effort = st.sampled_from(["low", "max"]) | nothing
instructions = shaped(
    {"role": "system", "content": words | st.lists(texts | changes, min_size=1, max_size=2)},
    clear_at=st.sampled_from(["never", "next_user_message"]) | nothing,
    output_config=nothing | shaped({}, effort=effort),
) | shaped({"role": "system", "output_config": shaped({"effort": "low"})})
BILLING = {"type": "text", "text": "x-anthropic-billing-header: cc_version=w7w;"}
systems = words | blanks | st.lists(texts | blank_texts | st.just(BILLING), max_size=4)
schemas = shaped({"type": "object"}, properties=objects, required=st.lists(words, max_size=1))
tools = shaped(
    {"name": words, "input_schema": schemas},
    type=st.sampled_from([None, "custom"]),
    description=words,
    strict=flags,
    defer_loading=flags,
    eager_input_streaming=flags | nothing,
    allowed_callers=st.sampled_from([["direct"], ["w1w"]]),
    **MORE,
) | shaped({"type": st.sampled_from(["bash_20250124", "web_search_20260318"])}, name=words, **MORE)
forms = shaped({"type": "json_schema", "schema": objects})


@st.composite
def bodies(draw: Any) -> Json:
    """A Messages body; what it asks of the tools is among those that it has."""
    drawn: Json = draw(
        shaped(
            {
                "model": "m",
                "max_tokens": st.integers(0, 9),
                "messages": st.lists(turns | instructions, min_size=1, max_size=4),
            },
            system=systems,
            tools=st.lists(tools, max_size=4),
            temperature=st.floats(0, 1),
            top_p=st.floats(0, 1),
            top_k=st.integers(0, 9),
            stop_sequences=st.lists(words, max_size=2),
            stream=flags,
            thinking=st.sampled_from([{"type": "disabled"}, {"type": "enabled", "budget_tokens": 1024}]),
            output_config=shaped({}, effort=effort, format=nothing | forms, task_budget=nothing | objects),
            metadata=shaped({}, user_id=nothing | words | st.sampled_from(["", '{"w3w"}', "é"])),
            cache_control=marks,
            service_tier=st.sampled_from(["auto", "standard_only"]),
            speed=st.sampled_from(["standard", "fast", None]),
            container=nothing | words | objects,
            context_management=nothing | objects,
            mcp_servers=st.lists(objects, max_size=1),
            anthropic_beta=st.lists(words, max_size=2),
            thread=nothing | objects,
        )
    )
    offered = [tool["name"] for tool in drawn.get("tools", []) if "name" in tool]
    kinds = [*(["auto", "any"] if offered else []), *(["tool"] if offered else []), "none", ""]
    kind = draw(st.sampled_from(kinds))
    if kind:
        name = {"name": draw(st.sampled_from(offered))} if kind == "tool" else {}
        drawn["tool_choice"] = {"type": kind, **name, **draw(shaped({}, disable_parallel_tool_use=flags))}
    return drawn


def read(body: Json) -> Json:
    """The request of a body that says something in each message."""
    assert find_faults(MessagesBody(), body) == []
    try:
        return read_request(body)
    except InvalidBody as error:
        refused = error
    assert {fault.message for fault in refused.fields} == {"must have content that is not blank"}
    reject()


@calm
@given(bodies())
def test_what_is_read_is_a_converse_request_with_extras(body: Json) -> None:
    before = copy.deepcopy(body)
    request = read(body)
    assert body == before
    assert json.loads(json.dumps(request)) == request
    converse = {name: value for name, value in request.items() if name != "extras"}
    assert find_faults(Body(), converse) == []
    for message in converse["messages"]:
        assert any("cachePoint" not in block for block in message["content"])
        assert "cachePoint" not in message["content"][0]


@calm
@given(bodies())
def test_nothing_that_is_said_is_lost(body: Json) -> None:
    request = read(body)
    # Tools that must not be called, and have not been, say nothing.
    silent = body.get("tool_choice", {}).get("type") == "none" and "toolConfig" not in request
    wording = {name: value for name, value in body.items() if not (silent and name == "tools")}
    assert set(WORD.findall(json.dumps(wording))) <= set(WORD.findall(json.dumps(request)))


def is_silent(item: Any) -> bool:
    """Whether a block leaves no trace: blank text, or a compaction that has failed."""
    if not isinstance(item, dict) or item.get("type") not in ("text", "compaction"):
        return False
    return not (item["text" if item["type"] == "text" else "content"] or "").strip()


def silent_last(value: Any) -> Any:
    """The same with what leaves no trace behind all else, for extras are found by the caller's indexes."""
    if isinstance(value, dict):
        return {
            name: silent_last(inner) for name, inner in value.items() if name != "cache_control" or not is_silent(value)
        }
    if isinstance(value, list):
        return sorted(map(silent_last, value), key=lambda item: (is_silent(item), item != BILLING))
    return value


@calm
@given(bodies().map(silent_last))
def test_what_is_read_is_written_and_read_the_same(body: Json) -> None:
    request = read(body)
    before = copy.deepcopy(request)
    written = write_request(request)
    assert request == before
    assert read_request(written) == request
    assert write_request(read_request(written)) == written
