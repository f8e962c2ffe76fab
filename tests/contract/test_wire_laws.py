"""The laws of Converse streams and of the wires that are written from them, over generated answers."""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.bedrock.stop_reasons import STOP_REASONS
from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.converse import fold, replay
from bedrock_flask.fields import find_faults
from bedrock_flask.wires import WIRES

Json = dict[str, Any]

# Those that an answer can be written in; the others are only read.
WRITTEN = sorted(name for name, wire in WIRES.items() if wire.write_reply)

# A busy machine is no failure.
calm = settings(deadline=None, max_examples=60)

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.from_regex(r"\A[a-zA-Z0-9_-]{1,64}\Z")
base64 = st.from_regex(r"\A[A-Za-z0-9+/]{4,40}\Z")

text = st.builds(lambda text: {"text": text}, st.text())
tool_use = st.builds(
    lambda use: {"toolUse": use},
    st.fixed_dictionaries(
        {"toolUseId": names, "name": names, "input": st.dictionaries(st.text(), anything, max_size=3)},
        optional={"type": st.just("server_tool_use")},
    ),
)
reasoning = st.builds(
    lambda reasoning: {"reasoningContent": reasoning},
    st.fixed_dictionaries({"reasoningText": st.fixed_dictionaries({"text": st.text()}, optional={"signature": base64})})
    | st.fixed_dictionaries({"redactedContent": base64}),
)
ranges = st.fixed_dictionaries(
    {"documentIndex": st.integers(0, 9), "start": st.integers(0, 9), "end": st.integers(0, 9)}
)
citations = st.fixed_dictionaries(
    {
        "title": st.text(),
        "sourceContent": st.lists(text, max_size=1),
        "location": st.builds(
            lambda kind, where: {kind: where},
            st.sampled_from(["documentChar", "documentPage", "documentChunk"]),
            ranges,
        ),
    }
)
cited = st.builds(
    lambda text, each: {"citationsContent": {"content": [text], "citations": each}},
    text,
    st.lists(citations, min_size=1, max_size=2),
)
image = st.builds(
    lambda form, data: {"image": {"format": form, "source": {"bytes": data}}}, st.sampled_from(["png", "webp"]), base64
)
tool_result = st.builds(
    lambda result: {"toolResult": result},
    st.fixed_dictionaries(
        {
            "toolUseId": names,
            "content": st.lists(text | st.builds(lambda value: {"json": value}, anything), max_size=2),
        },
        optional={"status": st.sampled_from(["success", "error"]), "type": names},
    ),
)
counts = st.integers(0, 10**6)
usages = st.builds(
    lambda i, o, r, w: {
        "inputTokens": i,
        "outputTokens": o,
        "totalTokens": i + o + r + w,
        "cacheReadInputTokens": r,
        "cacheWriteInputTokens": w,
    },
    counts,
    counts,
    counts,
    counts,
)


def responses(*blocks: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "output": st.builds(
                lambda content: {"message": {"role": "assistant", "content": content}},
                st.lists(st.one_of(*blocks), max_size=5),
            ),
            "stopReason": st.sampled_from(STOP_REASONS),
            "usage": usages,
            "metrics": st.builds(lambda ms: {"latencyMs": ms}, counts),
        },
        optional={
            "additionalModelResponseFields": st.dictionaries(st.text(), anything, max_size=2),
            "trace": st.just({"promptRouter": {"invokedModelId": "arn:aws:bedrock:us-east-1::foundation-model/a.b"}}),
            "serviceTier": st.just({"type": "flex"}),
        },
    )


SAID = (text, tool_use, reasoning, cited)


@calm
@given(responses(*SAID, image, tool_result))
def test_an_answer_survives_being_streamed_and_folded(response: Json) -> None:
    before = json.dumps(response)
    assert fold(replay(response)) == response
    assert json.dumps(response) == before


@calm
@given(responses(*SAID, image, tool_result))
def test_an_answer_can_be_sent_back_as_history(response: Json) -> None:
    assert find_faults(Body(), {"messages": [response["output"]["message"]]}) == []


@calm
@given(responses(*SAID), st.sampled_from(WRITTEN))
def test_a_reply_written_is_whole_and_its_usage_is_read_back(response: Json, name: str) -> None:
    wire = WIRES[name]
    assert wire.write_reply is not None
    reply = wire.write_reply(fold(replay(response)), "anthropic.claude-opus-4-6-v1")
    assert json.loads(json.dumps(reply)) == reply
    # Responses has failures among its answers, with their usage.
    assert wire.is_complete(reply) != (reply.get("status") == "failed")
    assert wire.read_usage(reply) == from_members(response["usage"])


@calm
@given(responses(*SAID), st.sampled_from(WRITTEN))
def test_a_stream_written_says_what_the_reply_says_and_ends_once(response: Json, name: str) -> None:
    wire = WIRES[name]
    assert wire.write_reply is not None
    reply = wire.write_reply(response, "m")
    chunks = list(wire.write_chunks(replay(response), "m"))
    assert [wire.is_terminal(chunk) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    read = Usage()
    for chunk in chunks:
        read = read.merge(wire.read_usage(chunk))
    assert read == wire.read_usage(reply)
    assert SAYS[name](reply) == READS[name](chunks)


@calm
@given(responses(text, tool_use, image, tool_result))
def test_blocks_that_claude_has_not_leave_no_gap_in_its_stream(response: Json) -> None:
    wire = WIRES["anthropic"]
    assert wire.write_reply is not None
    chunks = list(wire.write_chunks(replay(response), "m"))
    starts = [chunk["index"] for chunk in chunks if chunk["type"] == "content_block_start"]
    assert starts == list(range(len(starts)))
    assert READS["anthropic"](chunks) == SAYS["anthropic"](wire.write_reply(response, "m"))


def read_claude(chunks: Iterable[Json]) -> tuple[Any, ...]:
    """What a client of Claude's stream puts together."""
    content: list[Json] = []
    stop: Json = {}
    for chunk in chunks:
        match chunk["type"]:
            case "content_block_start":
                assert chunk["index"] == len(content)
                content.append(dict(chunk["content_block"]))
            case "content_block_delta":
                grow(content[chunk["index"]], chunk["delta"])
            case "message_delta":
                stop = chunk["delta"]
    for block in content:
        if "partial" in block:
            block["input"] = json.loads(block.pop("partial"))
    return content, stop["stop_reason"], stop["stop_sequence"]


def grow(block: Json, delta: Json) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "input_json_delta":
            block["partial"] = block.get("partial", "") + delta["partial_json"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] += delta["signature"]
        case "citations_delta":
            block["citations"] = [*block.get("citations", ()), delta["citation"]]


def said_by_converse(response: Json) -> tuple[Any, ...]:
    return response["output"], response["stopReason"]


def read_nova(chunks: Iterable[Json]) -> tuple[Any, ...]:
    return said_by_converse(fold(chunks))


def said_by_chat(reply: Json) -> tuple[Any, ...]:
    choice = reply["choices"][0]
    calls = [(call["id"], call["function"]) for call in choice["message"].get("tool_calls", ())]
    return choice["message"]["content"] or "", calls, choice["finish_reason"]


def read_chat(chunks: Iterable[Json]) -> tuple[Any, ...]:
    """What a client of OpenAI's stream puts together."""
    content, reason = "", None
    calls: dict[int, tuple[str, Json]] = {}
    for choice in (chunk["choices"][0] for chunk in chunks if chunk["choices"]):
        content += choice["delta"].get("content") or ""
        reason = choice["finish_reason"] or reason
        for call in choice["delta"].get("tool_calls", ()):
            function = call["function"]
            _, held = calls.setdefault(call["index"], (call.get("id"), {"name": function.get("name"), "arguments": ""}))
            held["arguments"] += function["arguments"]
    return content, [calls[index] for index in sorted(calls)], reason


def said_by_responses(reply: Json) -> tuple[Any, ...]:
    return [{name: item[name] for name in item if name != "id"} for item in reply["output"]], reply["status"]


def read_responses(chunks: list[Json]) -> tuple[Any, ...]:
    return said_by_responses(chunks[-1]["response"])


SAYS = {
    "anthropic": lambda reply: (reply["content"], reply["stop_reason"], reply["stop_sequence"]),
    "converse": said_by_converse,
    "nova": said_by_converse,
    "invoke_chat": said_by_chat,
    "openai_chat": said_by_chat,
    "openai_responses": said_by_responses,
}
READS: dict[str, Any] = {
    "anthropic": read_claude,
    "converse": read_nova,
    "nova": read_nova,
    "invoke_chat": read_chat,
    "openai_chat": read_chat,
    "openai_responses": read_responses,
}
