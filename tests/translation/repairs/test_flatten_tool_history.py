"""Tool calls as text, where the request has no tools."""

import re
from typing import Any

from hypothesis import strategies as st

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.translation.repairs import (
    apply_repairs,
)

Json = dict[str, Any]
ABLE = Capabilities(tools=True, images=True, cache=True)
FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PNG = "iVBORw0KGgoAAAANSUhEUg=="


def tool(name: str, schema: Json | None = None) -> Json:
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"} if schema is None else schema}}}


def talk(*names: str, tools: tuple[str, ...] = (), **config: Any) -> Json:
    """A conversation in which some tools have been used."""
    uses = [{"toolUse": {"toolUseId": f"id-{at}", "name": name, "input": {"q": 1}}} for at, name in enumerate(names)]
    results = [{"toolResult": {"toolUseId": f"id-{at}", "content": [{"text": "x"}]}} for at in range(len(names))]
    messages = [{"role": "user", "content": [{"text": "Hi"}]}]
    if names:
        messages += [{"role": "assistant", "content": uses}, {"role": "user", "content": results}]
    return {
        "messages": messages,
        **({"toolConfig": {"tools": [tool(name) for name in tools], **config}} if tools else {}),
    }


names = st.one_of(
    st.text(max_size=100), st.from_regex(FITS, fullmatch=True), st.sampled_from(["a.b", "a@b", "a_b", ""])
)


def test_calls_in_a_request_without_tools_are_told_as_text_in_their_turns() -> None:
    request = talk("a.b")
    request["messages"][2]["content"][0]["toolResult"] |= {
        "status": "error",
        "content": [{"text": "none"}, {"json": {"n": "é"}}, {"image": {"format": "png", "source": {"bytes": PNG}}}],
    }
    repaired = apply_repairs(request, ABLE)
    assert repaired.request["messages"] == [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": [{"text": '[Tool call id-0: a.b({"q": 1})]'}]},
        {
            "role": "user",
            "content": [
                {"text": '[Tool error id-0: none\n{"n": "é"}]'},
                {"image": {"format": "png", "source": {"bytes": PNG}}},
            ],
        },
    ]
    assert "toolConfig" not in repaired.request
    assert repaired.reported == ("toolConfig",)
    assert repaired.names == {}


def test_a_tool_configuration_without_a_tool_is_none() -> None:
    request = {**talk(), "toolConfig": {"tools": [{"cachePoint": {"type": "default"}}]}}
    assert apply_repairs(request, ABLE).request == talk()
    assert apply_repairs({**talk(), "toolConfig": {"tools": []}}, ABLE).request == talk()


def test_a_conversation_without_calls_needs_no_tools() -> None:
    assert apply_repairs(talk(), ABLE).reported == ()


SERVED = [
    {"toolUse": {"toolUseId": "s", "name": "web_search", "input": {"query": "x"}, "type": "server_tool_use"}},
    {
        "toolResult": {
            "toolUseId": "s",
            "content": [{"json": {"content": [{"url": "https://e.example/", "encrypted_content": "abc"}]}}],
            "type": "web_search_tool_result",
        }
    },
]


def test_a_call_that_another_provider_ran_itself_is_told_as_text() -> None:
    request = talk("f", tools=("f",))
    request["messages"][1]["content"][:0] = SERVED
    repaired = apply_repairs(request, ABLE)
    call, result, own = repaired.request["messages"][1]["content"]
    assert call == {"text": '[Tool call s: web_search({"query": "x"})]'}
    assert result == {"text": '[Tool result s: {"content": [{"url": "https://e.example/"}]}]'}
    assert "toolUse" in own
    assert repaired.reported == ("messages[1].content[0]", "messages[1].content[1]")


def test_a_call_of_a_tool_that_bedrock_runs_is_kept_beside_the_tool() -> None:
    request = talk("f", tools=("f",))
    request["toolConfig"]["tools"].append({"systemTool": {"name": "nova_grounding"}})
    request["messages"][1]["content"][:0] = SERVED
    assert apply_repairs(request, ABLE).request["messages"][1]["content"][:2] == SERVED
