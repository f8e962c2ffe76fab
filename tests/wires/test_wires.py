"""Converse's wire, and the wires of formats that only a plugin knows."""

from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import METRICS, Usage
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import fold
from bedrock_flask.errors import read_reported_error
from bedrock_flask.fields import Schema, String
from bedrock_flask.wires import WIRES, find_wire
from bedrock_flask.wires.wire import find_stated_error

Json = dict[str, Any]


class RhymeBody(Schema):
    prompt = String(required=True)


def decode(document: Json) -> Json:
    part: Json = {"output": {"message": {"role": "assistant", "content": [{"text": document["outputs"][0]["text"]}]}}}
    if document["outputs"][0].get("stop_reason"):
        part["stopReason"] = "end_turn"
    if "counts" in document:
        part["usage"] = {"inputTokens": document["counts"][0], "outputTokens": document["counts"][1]}
    return part


def adapter(**members: Any) -> Adapter:
    return Adapter(
        **{
            "name": "rhyme",
            "body": RhymeBody,
            "speaks": {"rhyme": "InvokeModel"},
            "models": {"acme.rhyme-*": Capabilities()},
            "sample": {"prompt": "orange"},
            **members,
        }
    )


OWN = find_wire(adapter(decode=decode, reply={"outputs": [{"text": "door hinge"}]}))


def test_a_built_in_wire_is_found_by_the_adapters_first_word() -> None:
    for name, wire in WIRES.items():
        assert wire.name == name
        operation = "Converse" if name == "converse" else "InvokeModel"
        assert find_wire(adapter(speaks={name: operation}, decode=decode, reply={})) is wire


def test_a_plain_format_is_complete_when_it_says_anything_and_finished_with_the_metrics() -> None:
    wire = find_wire(adapter())
    assert wire.name == "rhyme"
    assert wire.is_complete({"anything": 1})
    assert not wire.is_complete({})
    assert [wire.is_terminal(chunk) for chunk in ({"x": 1}, {"x": 1, METRICS: {}})] == [False, True]
    assert wire.read_usage({METRICS: {"inputTokenCount": 2, "outputTokenCount": 3}}) == Usage(2, 3)


def test_a_format_with_decode_is_complete_when_it_decodes_to_a_message() -> None:
    assert OWN.is_complete({"outputs": [{"text": "x"}]})
    assert OWN.read_usage({"outputs": [{"text": "x"}], "counts": [4, 5]}) == Usage(4, 5)


@pytest.mark.parametrize("foreign", [{}, {"outputs": []}, {"outputs": None}, {"outputs": [5]}, {"message": "no"}])
def test_a_document_that_does_not_decode_is_not_complete_and_no_end(foreign: Json) -> None:
    assert not OWN.is_complete(foreign)
    assert not OWN.is_terminal(foreign)
    assert OWN.read_usage(foreign) == Usage()


@pytest.mark.parametrize("error", [KeyError, IndexError, TypeError, ValueError, AttributeError])
def test_whatever_decode_raises_means_not_complete(error: type[Exception]) -> None:
    def refuse(document: Json) -> Json:
        raise error

    assert not find_wire(adapter(decode=refuse, reply={})).is_complete({"x": 1})


def test_a_decoded_stream_is_finished_with_a_stop_reason_or_the_metrics() -> None:
    assert not OWN.is_terminal({"outputs": [{"text": "x"}]})
    assert OWN.is_terminal({"outputs": [{"text": "x", "stop_reason": "stop"}]})
    assert OWN.is_terminal({"outputs": [{"text": "x"}], METRICS: {"inputTokenCount": 1}})
    assert OWN.read_usage({"outputs": [{"text": "x"}], "counts": [9, 9], METRICS: {"inputTokenCount": 1}}) == Usage(
        1, 9
    )


def test_an_embedding_is_complete_when_it_has_vectors() -> None:
    wire = find_wire(
        adapter(decode=lambda document: {"embeddings": document["vectors"], "usage": {"inputTokens": 3}}, reply={})
    )
    assert wire.is_complete({"vectors": [[0.1]]})
    assert not wire.is_complete({"vectors": []})
    assert not wire.is_complete({"vectors": [[0.1], []]})
    assert wire.read_usage({"vectors": [[0.1]]}) == Usage(3)


def test_a_decode_that_gives_nothing_is_not_complete() -> None:
    assert not find_wire(adapter(decode=lambda document: None, reply={})).is_complete({"x": 1})


CONVERSE = WIRES["converse"]
RESPONSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "4"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 30, "outputTokens": 628, "totalTokens": 658},
    "metrics": {"latencyMs": 1275},
}


def test_a_converse_response_is_complete_with_message_and_stop_reason() -> None:
    assert CONVERSE.is_complete(RESPONSE)
    assert CONVERSE.read_usage(RESPONSE) == Usage(30, 628)
    for member in ("output", "stopReason"):
        assert not CONVERSE.is_complete({name: value for name, value in RESPONSE.items() if name != member})
    assert not CONVERSE.is_complete({"message": "no", "output": "text", "stopReason": "x"})


def test_a_converse_stream_ends_with_metadata_not_with_message_stop() -> None:
    stop, metadata = {"messageStop": {"stopReason": "end_turn"}}, {"metadata": {"usage": RESPONSE["usage"]}}
    assert [CONVERSE.is_terminal(chunk) for chunk in (stop, metadata)] == [False, True]
    assert CONVERSE.read_usage(metadata) == Usage(30, 628)
    assert CONVERSE.read_usage(stop) == Usage()


def test_converse_is_its_own_wire() -> None:
    assert CONVERSE.read_request is not None
    assert CONVERSE.write_reply is not None
    request: Json = {"messages": []}
    assert CONVERSE.read_request(request) is request
    assert CONVERSE.write_reply(RESPONSE, "m") is RESPONSE
    assert list(CONVERSE.write_chunks([{"metadata": {}}], "m")) == [{"metadata": {}}]


def delta(**document: Any) -> Json:
    return {"contentBlockDelta": {"delta": document, "contentBlockIndex": 0}}


def content(*events: Json) -> list[Json]:
    return list(fold(events)["output"]["message"]["content"])


def test_a_tool_use_without_deltas_has_no_arguments() -> None:
    start = {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "t", "name": "n"}}, "contentBlockIndex": 0}}
    assert content(start) == [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}]
    assert content(start, delta(toolUse={"input": '{"city":'}), delta(toolUse={"input": ' "Paris"}'})) == [
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"city": "Paris"}}}
    ]


def test_arguments_that_the_token_limit_cut_stay_the_text_they_are() -> None:
    start = {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "t", "name": "n"}}, "contentBlockIndex": 0}}
    assert content(start, delta(toolUse={"input": '{"ci'})) == [
        {"toolUse": {"toolUseId": "t", "name": "n", "input": '{"ci'}}
    ]


def test_text_after_a_citation_stays_with_it() -> None:
    assert content(delta(citation={"title": "T"}), delta(text="said")) == [
        {"citationsContent": {"content": [{"text": "said"}], "citations": [{"title": "T"}]}}
    ]


def test_events_and_deltas_that_nobody_knows_yet_do_no_harm() -> None:
    assert fold([{"newEvent": {"x": 1}}])["output"]["message"]["content"] == []
    assert content(delta(newKind={"a": 1}), delta(newKind={"b": 2})) == [{"newKind": {"a": 1, "b": 2}}]
    assert content(delta(newKind="word")) == [{"newKind": "word"}]


@pytest.mark.parametrize(
    "document",
    [
        {"error": "A text."},
        {"error": {"code": "server_error"}},
        {"error": {"type": "overloaded_error", "message": "no"}},
        {"__type": "ThrottlingException", "message": "slow down"},
        {"type": "response.failed", "response": None},
        {"type": "response.failed", "response": {"status": "failed", "error": None}},
        {"type": "response.completed", "response": {"status": "completed", "error": {"message": "no"}}},
        {"object": "response", "status": "failed", "error": None},
    ],
)
def test_an_error_of_any_form_is_found(document: dict[str, Any]) -> None:
    assert find_stated_error(document)
    assert find_stated_error({"choices": [], **document})


@pytest.mark.parametrize(
    "document", [{}, {"error": None}, {"error": {}}, {"status": "completed"}, {"response": {"error": None}}]
)
def test_no_error_is_found_in_an_answer(document: dict[str, Any]) -> None:
    assert find_stated_error(document) is None


def test_the_kind_of_an_error_of_awss_is_known() -> None:
    error = read_reported_error({"__type": "ThrottlingException", "message": "slow down"})
    assert (error.status, error.code) == (429, "throttled")
