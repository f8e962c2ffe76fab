"""A text with long strings of base64 has the value, or the fault, that it has without cutting them out."""

import json
import re
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol import envelope, long_strings
from bedrock_flask.protocol import json as strict
from bedrock_flask.protocol.long_strings import LONG

BASE64 = "QUJD" * (LONG // 2)
# What is written in the place of a letter: long strings of all sorts, and things that look like one.
LONG_TEXTS = {
    "A": BASE64,
    "B": BASE64[4:] + "==",
    "C": BASE64 + "\u00e9",
    "D": BASE64 + '\\"',
    "E": '\\"' + BASE64,
    "F": "\\\\" + BASE64,
    "G": " " * 3 * LONG,
    "H": BASE64 + "\n",
}


def write(text: str) -> str:
    """A text with the long ones in the places of their letters."""
    return re.sub("[A-H]", lambda letter: LONG_TEXTS[letter[0]], text)


def outcome(parse: Any, data: bytes) -> Any:
    try:
        return parse(data)
    except strict.MalformedJSON as error:
        return type(error), error.message, error.path


def parse_plainly(data: bytes) -> Any:
    return strict._parse(data, 64)


def compare(text: str) -> Any:
    data = write(text).encode()
    with mock.patch.object(strict, "LARGE", 0):
        expected, found = outcome(parse_plainly, data), outcome(strict.parse, data)
    assert found == expected
    return found


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "A"}',
        '"A"',
        '["A", "B", "A"]',
        '{"a": {"b": ["A", 1, null, {"c": "B"}]}, "d": "short"}',
        '{"A": "A"}',
        '{"a": "A", "a": "B"}',
        '{"a": "A"',
        '{"a": "A" "b"}',
        '{"a": A}',
        '["A",]',
        '["C", "D", "E", "F", "G", "H"]',
        '["D"]',
        '["E"]',
        '["F", "A"]',
        '["A\\u0041", "x A", "A x"]',
        '"A',
        "A",
        'A"',
        '"a"A"b"',
        '{"a": 1, "b": "AA", "c": NaN}',
        '["\\ud800", "A"]',
        "[" * 70 + '"A"' + "]" * 70,
    ],
)
def test_these_are_read_alike(text: str) -> None:
    compare(text)


def test_a_long_string_is_cut_out_and_put_back() -> None:
    data = json.dumps({"a": [BASE64, "short", {"b": BASE64}]}).encode()
    lengths: list[int] = []
    value = long_strings.parse(data, lambda shorter: lengths.append(len(shorter)) or json.loads(shorter))
    assert (value, lengths[0] < 300) == (json.loads(data), True)


VALUES = st.recursive(
    st.sampled_from(["A", "B", "AB", "x", "", 1, None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "A"]), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, st.integers(0, 40), st.sampled_from(["", '"', "A", "\\", ",", "]", "C"]))
def test_any_text_is_read_alike(value: Any, position: int, change: str) -> None:
    text = json.dumps(value)
    compare(text[:position] + change + text[position:])


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES), st.data())
def test_an_edited_text_has_its_strings_again(value: dict[str, Any], data: st.DataObject) -> None:
    document = {name: json.loads(write(json.dumps(member))) for name, member in value.items()}
    taken_out = data.draw(st.sets(st.sampled_from(["a", "b"])))
    put_in = data.draw(st.sampled_from([{}, {"c": '"new"'}, {"d": "1", "a": "null"}]))
    whole = json.dumps(document).encode()
    shorter, put_back = long_strings.shorten(whole)
    assert len(shorter) < 3 * LONG
    edited = put_back(envelope.splice(shorter, taken_out, put_in))
    assert edited.decode() == envelope.splice(whole.decode(), taken_out, put_in)


def test_strings_that_an_edit_has_moved_are_put_back() -> None:
    first, second = BASE64 + "AAAA", BASE64 + "BBBB"
    shorter, put_back = long_strings.shorten(json.dumps([first, second, {"a": first}]).encode())
    moved = json.dumps(json.loads(shorter)[::-1])
    assert json.loads(put_back(moved)) == [{"a": first}, second, first]
    assert put_back("[]") == b"[]"


def test_a_long_string_that_is_quoted_within_another_leaves_the_text_whole() -> None:
    whole = json.dumps({"arguments": json.dumps({"data": BASE64 + "AAAA", "name": "a"}), "b": 1})
    shorter, put_back = long_strings.shorten(whole.encode())
    assert put_back(envelope.splice(shorter, {"b"}, {})).decode() == envelope.splice(whole, {"b"}, {})


def test_numbers_between_two_strings_stay() -> None:
    numbers = json.dumps({"a": "x", "b": [1] * LONG, "c": "y"})
    assert long_strings.shorten(numbers.encode())[0] == numbers
    assert compare(numbers) == json.loads(numbers)


def test_a_text_that_has_a_mark_is_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_strings, "_MARK", "mark")
    for text in ('["mark0x", "A"]', '["A", "mark0x"]', '{"mark0x": "A"}', '["mark0x"]'):
        compare(text)
