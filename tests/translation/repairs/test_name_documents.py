"""Names of documents, and the text beside them."""

from typing import Any

import pytest

from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.fields import find_faults
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.name_documents import TEXT

Json = dict[str, Any]
ABLE = Capabilities(tools=True, images=True, documents=True)


def document(name: str) -> Json:
    return {"document": {"format": "txt", "name": name, "source": {"bytes": "eA=="}}}


def content(*blocks: Json) -> list[Json]:
    request = {"messages": [{"role": "user", "content": list(blocks)}]}
    repaired = apply_repairs(request, ABLE)
    assert repaired.reported == ()
    assert find_faults(Body(), repaired.request) == []
    return list(repaired.request["messages"][0]["content"])


def names(*given: str) -> list[str]:
    return [block["document"]["name"] for block in content({"text": "Read"}, *map(document, given))[1:]]


def test_a_lone_document_has_a_text_beside_it() -> None:
    point = {"cachePoint": {"type": "default"}}
    assert content(document("a"), document("b")) == [document("a"), document("b"), {"text": TEXT}]
    able = ABLE.but(cache=True)
    request = {"messages": [{"role": "user", "content": [document("a"), point]}]}
    assert apply_repairs(request, able).request["messages"][0]["content"] == [document("a"), {"text": TEXT}, point]


def test_a_text_in_the_same_turn_is_enough() -> None:
    request = {
        "messages": [{"role": "user", "content": [document("a")]}, {"role": "user", "content": [{"text": "Sum up"}]}]
    }
    assert apply_repairs(request, ABLE).request["messages"] == [
        {"role": "user", "content": [document("a"), {"text": "Sum up"}]}
    ]


def test_documents_of_one_name_get_numbers() -> None:
    assert names("a", "a", "b", "a") == ["a", "a (2)", "b", "a (3)"]
    assert names("Report", "report", "REPORT") == ["Report", "report (2)", "REPORT (3)"]
    assert names("a", "a", "a (2)") == ["a", "a (2)", "a (2) (2)"]
    assert names(200 * "a", 200 * "a") == [200 * "a", f"{196 * 'a'} (2)"]


def test_documents_of_one_name_in_several_turns_and_results_get_numbers() -> None:
    result = {"toolResult": {"toolUseId": "t", "content": [document("a")]}}
    request = {
        "messages": [
            {"role": "user", "content": [document("a"), {"text": "x"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}]},
            {"role": "user", "content": [result]},
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "n", "inputSchema": {"json": {"type": "object"}}}}]},
    }
    last = apply_repairs(request, ABLE).request["messages"][2]["content"][0]
    assert last["toolResult"]["content"][0]["document"]["name"] == "a (2)"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Résumé_2026.pdf", "Resume 2026 pdf"),
        ("a  b\tc", "a b c"),
        ("報告", "document"),
        ("", "document"),
        ("[x] (y) - z", "[x] (y) - z"),
        (f"{199 * 'a'}  b", 199 * "a"),
    ],
)
def test_a_name_has_the_letters_that_bedrock_takes(name: str, plain: str) -> None:
    assert names(name) == [plain]


def test_thousands_of_documents_of_one_name_are_numbered_at_once() -> None:
    assert names(*(5000 * ["a"]))[-1] == "a (5000)"
