"""The text of one member of a JSON object, read from pieces that are cut anywhere."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bedrock_flask.wires.member_text import MemberText, replace_lone_surrogates

Json = dict[str, Any]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("input"), inner, max_size=3),
    max_leaves=6,
)
others = st.dictionaries(st.text().filter(lambda name: name != "input"), anything, max_size=2)
# Many escapes, and surrogates that make up pairs and that do not.
texts = st.text() | st.text(st.sampled_from('ab"\\/\n\t\b\f\r\ud83d\ude00\udc00{}[]:,é😀u0'))


def fed(raw: str, cuts: list[int]) -> tuple[MemberText, list[str]]:
    reader = MemberText("input")
    places = sorted({min(cut, len(raw)) for cut in cuts})
    pieces = [raw[start:end] for start, end in zip([0, *places], [*places, len(raw)], strict=True)]
    return reader, [reader.feed(piece) for piece in pieces]


@settings(deadline=None, max_examples=150)
@given(others, texts, others, st.booleans(), st.lists(st.integers(0, 200)))
@example({}, "\ud83d\ude00", {}, True, [15, 20])
@example({"input2": {"input": "no"}}, '"\\', {}, True, list(range(60)))
def test_the_text_is_the_same_however_its_json_is_cut(
    before: Json, text: str, after: Json, ascii_only: bool, cuts: list[int]
) -> None:
    raw = json.dumps({**before, "input": text, **after}, ensure_ascii=ascii_only)
    reader, read = fed(raw, cuts)
    assert "".join(read) == replace_lone_surrogates(json.loads(raw)["input"])
    assert (reader.found, reader.raw) == (True, raw)


@settings(deadline=None, max_examples=100)
@given(others | st.builds(lambda value: {"input": value}, anything.filter(lambda value: not isinstance(value, str))))
def test_an_object_without_the_text_has_none(document: Json) -> None:
    reader, read = fed(json.dumps(document), [1, 5, 9])
    assert (reader.found, "".join(read)) == (False, "")


@settings(deadline=None, max_examples=100)
@given(st.text(), st.lists(st.integers(0, 60)))
def test_no_text_that_is_no_json_is_a_failure(raw: str, cuts: list[int]) -> None:
    fed(raw, cuts)
    fed('{"input":"' + raw, cuts)


def test_each_piece_tells_all_that_is_certain() -> None:
    reader = MemberText("input")
    pieces = ['{"inp', 'ut": "a', "b\\", "n\\u00e", '9\\ud83d"'[:-1], "\\ude00c", '\\q"', ', "input": "again"}']
    assert [reader.feed(piece) for piece in pieces] == ["", "a", "b", "\n", "é", "😀c", "q", ""]


def test_a_lone_surrogate_is_replaced_so_that_the_text_is_utf8() -> None:
    assert MemberText("input").feed('{"input": "a\\ud83d"}') == "a\ufffd"
    assert replace_lone_surrogates("\ude00\ud83d\ude00") == "\ufffd😀"


def test_a_text_that_is_cut_is_what_has_come_of_it() -> None:
    assert MemberText("input").feed('{"input": "one\\ntw') == "one\ntw"
