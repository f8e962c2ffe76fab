"""The laws of wires that are read back as Converse: what a format can express survives the way there and back."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.converse import fold, replay
from bedrock_flask.errors import UpstreamError, UpstreamProtocolError
from bedrock_flask.wires import WIRES
from tests.contract.test_foreign_answers import EVENTS, RESPONSE, changes, mutated
from tests.contract.test_wire_laws import SAID, calm, citations, responses, text

Json = dict[str, Any]
BRIDGES = sorted(name for name, wire in WIRES.items() if wire.is_bridge)

web_citations = st.fixed_dictionaries(
    {"title": st.text(), "location": st.builds(lambda url: {"web": {"url": f"https://{url}"}}, st.text())}
)
cited = st.builds(
    lambda words, each: {"citationsContent": {"content": [words], "citations": each}},
    text,
    st.lists(web_citations | citations, min_size=1, max_size=2),
)
answers = responses(*SAID, cited)


def read_back(name: str, response: Json) -> Json:
    """The response, written as this format's reply and read again."""
    wire = WIRES[name]
    assert wire.write_reply
    assert wire.read_reply
    return wire.read_reply(json.loads(json.dumps(wire.write_reply(response, "m"))))


def stream_back(name: str, response: Json) -> Json:
    """The response, written as this format's stream, read again and folded."""
    wire = WIRES[name]
    return fold(wire.read_chunks(json.loads(json.dumps(list(wire.write_chunks(replay(response), "m"))))))


def blocks(response: Json, kind: str) -> list[Any]:
    return [block[kind] for block in response["output"]["message"]["content"] if kind in block]


def calls(response: Json) -> list[Json]:
    """The calls that a client is to make, without those that Bedrock has made itself."""
    return [use for use in blocks(response, "toolUse") if "type" not in use]


def sayings(response: Json) -> list[str]:
    content = response["output"]["message"]["content"]
    return [
        block["text"] if "text" in block else "".join(each["text"] for each in block["citationsContent"]["content"])
        for block in content
        if "text" in block or "citationsContent" in block
    ]


def web(response: Json) -> list[Json]:
    each = [citation for block in blocks(response, "citationsContent") for citation in block["citations"]]
    return [
        {"title": citation["title"], "location": citation["location"]}
        for citation in each
        if (citation["location"].get("web") or {}).get("url")
    ]


def rest(response: Json, *kept: str) -> Json:
    return {name: value for name, value in response.items() if name in ("stopReason", "usage", *kept)}


def claude(response: Json) -> Json:
    """What Claude's format can express.

    It has one word for both kinds of refusal, names the call of a tool where Bedrock names a plain end, has no tier,
    metrics, trace or fields of other models. A citation of it always has a text, which is left out where it is empty.
    """
    content = json.loads(json.dumps(response["output"]["message"]["content"]))
    for block in content:
        for citation in block.get("citationsContent", {}).get("citations", ()):
            source = citation.get("sourceContent", [])
            citation["sourceContent"] = [piece for piece in source if piece["text"]]
    expected = rest(response) | {"output": {"message": {"role": "assistant", "content": content}}}
    if response["stopReason"] == "guardrail_intervened":
        expected["stopReason"] = "content_filtered"
    if response["stopReason"] == "end_turn" and any(
        "toolUse" in block and block["toolUse"].get("type") != "server_tool_use" for block in content
    ):
        expected["stopReason"] = "tool_use"
    sequence = response.get("additionalModelResponseFields", {}).get("stop_sequence")
    return expected if sequence is None else expected | {"additionalModelResponseFields": {"stop_sequence": sequence}}


def chat(response: Json) -> Json:
    """What Chat Completions can express.

    A message has one text, and calls and reasoning beside it in no order. It cites only pages of the web, and has no
    tools that Bedrock runs itself, metrics, trace or fields of other models.
    """
    return rest(response, "serviceTier") | {
        "reasoning": blocks(response, "reasoningContent"),
        "text": "".join(sayings(response)),
        "citations": web(response),
        "calls": calls(response),
    }


_ONE_WORD = {
    "stop_sequence": "end_turn",
    "model_context_window_exceeded": "max_tokens",
    "guardrail_intervened": "content_filtered",
    "malformed_tool_use": "malformed_model_output",
}


def invoke_chat(response: Json) -> Json:
    """What a chat completion of InvokeModel can express.

    Its reasoning is one text without a signature, it has no citations, and one word for several stop reasons.
    """
    thoughts = [(each.get("reasoningText") or {}).get("text") or "" for each in blocks(response, "reasoningContent")]
    reason = _ONE_WORD.get(response["stopReason"], response["stopReason"])
    return rest(response, "serviceTier") | {
        "stopReason": "tool_use" if calls(response) and reason == "end_turn" else reason,
        "reasoning": "".join(thoughts),
        "text": "".join(sayings(response)),
        "calls": calls(response),
    }


def responses_api(response: Json) -> Json:
    """What OpenAI's Responses API can express.

    It drops empty texts and citations, and has no tools that Bedrock runs itself, metrics, trace or fields of other
    models.
    """
    content = []
    for block in response["output"]["message"]["content"]:
        if "text" in block or "citationsContent" in block:
            [words] = sayings({"output": {"message": {"content": [block]}}})
            content += [{"text": words}] if words else []
        elif "type" not in block.get("toolUse", {}):
            content.append(block)
    return rest(response, "serviceTier") | {"output": {"message": {"role": "assistant", "content": content}}}


EXPRESSED: dict[str, Callable[[Json], Json]] = {
    "anthropic": claude,
    "invoke_chat": invoke_chat,
    "openai_chat": chat,
    "openai_responses": responses_api,
}


def test_each_format_with_a_request_writer_can_be_read_back() -> None:
    assert sorted(EXPRESSED) == BRIDGES
    assert [name for name, wire in WIRES.items() if wire.write_request and not wire.is_bridge] == []


@pytest.mark.parametrize("name", BRIDGES)
@calm
@given(answers)
def test_a_reply_is_read_back_up_to_what_its_format_cannot_express(name: str, response: Json) -> None:
    expressed = EXPRESSED[name]
    before = json.dumps(response)
    assert expressed(read_back(name, response)) == expressed(response)
    assert json.dumps(response) == before


@pytest.mark.parametrize("name", ["anthropic", "openai_responses"])
@calm
@given(answers)
def test_a_reply_that_is_read_has_nothing_more_than_its_format_expresses(name: str, response: Json) -> None:
    assert read_back(name, response) == EXPRESSED[name](response)


@pytest.mark.parametrize("name", BRIDGES)
@calm
@given(answers)
def test_a_stream_is_read_back_as_its_reply_is(name: str, response: Json) -> None:
    # Chat Completions has one text in a message, and may have several in a stream.
    expressed = EXPRESSED[name] if name in ("invoke_chat", "openai_chat") else lambda each: each
    assert expressed(stream_back(name, response)) == expressed(read_back(name, response))


@pytest.mark.parametrize("name", BRIDGES)
@calm
@given(answers, st.data())
def test_a_stream_has_one_end_and_one_that_is_cut_has_none(name: str, response: Json, data: st.DataObject) -> None:
    wire = WIRES[name]
    chunks: list[Any] = list(wire.write_chunks(replay(response), "m"))
    at = data.draw(st.integers(0, len(chunks) - 1))
    whole = list(wire.read_chunks(chunks))
    assert [kind for event in whole for kind in event if kind in ("messageStart", "messageStop", "metadata")] == [
        "messageStart",
        "messageStop",
        "metadata",
    ]
    cut = next(number for number, chunk in enumerate(chunks) if wire.is_terminal(chunk))
    assert not any("metadata" in event for event in wire.read_chunks(chunks[: min(at, cut)]))


@pytest.mark.parametrize("name", BRIDGES)
@calm
@given(answers)
def test_blocks_are_numbered_in_order_and_closed_before_the_next_begins(name: str, response: Json) -> None:
    wire = WIRES[name]
    events = list(wire.read_chunks(list(wire.write_chunks(replay(response), "m"))))
    stops = [event["contentBlockStop"]["contentBlockIndex"] for event in events if "contentBlockStop" in event]
    indexes = [
        document["contentBlockIndex"]
        for event in events
        for document in event.values()
        if "contentBlockIndex" in document
    ]
    assert stops == list(range(len(stops)))
    assert indexes == sorted(indexes)


@pytest.mark.parametrize("name", BRIDGES)
@calm
@given(changes)
def test_an_odd_reply_is_read_or_is_a_protocol_error(name: str, changed: list[tuple[float, str, Any]]) -> None:
    wire = WIRES[name]
    assert wire.write_reply
    assert wire.read_reply
    try:
        read = wire.read_reply(mutated(wire.write_reply(RESPONSE, "m"), changed))
    except (UpstreamProtocolError, UpstreamError):
        return
    assert json.loads(json.dumps(read)) == read


@pytest.mark.parametrize("name", BRIDGES)
@calm
@given(changes)
def test_an_odd_stream_is_read_or_is_a_protocol_error(name: str, changed: list[tuple[float, str, Any]]) -> None:
    wire = WIRES[name]
    chunks = mutated(list(wire.write_chunks(EVENTS, "m")), changed)
    try:
        read = list(wire.read_chunks(chunks))
    except (UpstreamProtocolError, UpstreamError):
        return
    assert json.loads(json.dumps(read)) == read
