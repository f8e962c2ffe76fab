"""Values that know their places: equal to the plain ones, and traced through what is made of them."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.json_path import get_at
from bedrock_flask.protocol.json_places import find_place, keep_place, mark_places, place_at

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def list_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, inner in pairs for found in list_paths(inner, (*path, step)))]


@given(documents)
def test_a_document_with_places_is_the_same_document(document: Any) -> None:
    marked = mark_places(document)
    assert marked == document
    assert json.dumps(marked) == json.dumps(document)
    assert json.dumps(copy.deepcopy(marked)) == json.dumps(document)


@given(documents)
def test_each_value_is_found_at_its_place(document: Any) -> None:
    marked = mark_places({"a": [document]})
    for path in list_paths(marked)[1:]:
        assert find_place({"moved": get_at(marked, ("a",))}, ("moved", *path[1:])) == path


BODY = mark_places({"messages": [{"role": "user", "content": [{"text": "one", "strict": True}, {"text": "two"}]}]})
ONE, TWO = BODY["messages"][0]["content"]


@pytest.mark.parametrize(
    ("made", "path", "place"),
    [
        # A text is moved, what is around it is new.
        ({"a": [{"b": ONE["text"]}]}, ("a", 0, "b"), ("messages", 0, "content", 0, "text")),
        ({"a": [{"b": ONE["text"]}]}, ("a", 0), ("messages", 0, "content", 0, "text")),
        ({"a": [{"b": ONE["text"]}, {"b": TWO["text"]}]}, ("a",), ("messages", 0, "content")),
        # What has no place of its own has that of the nearest object.
        ({"a": [ONE]}, ("a", 0, "strict"), ("messages", 0, "content", 0, "strict")),
        ({"a": [place_at({"b": {"strict": True}}, ONE)]}, ("a", 0, "b"), ("messages", 0, "content", 0)),
        (
            {"a": [place_at({"b": {"strict": True}}, ONE)]},
            ("a", 0, "b", "strict"),
            ("messages", 0, "content", 0, "strict"),
        ),
        # A member that is missing is missing in the caller's object.
        ({"a": TWO}, ("a", "strict"), ("messages", 0, "content", 1, "strict")),
        ({"a": "new"}, ("a",), None),
        ({"messages": [ONE]}, ("messages", "system"), None),
    ],
)
def test_what_is_made_of_a_document_is_traced_back(made: Any, path: Any, place: Any) -> None:
    assert find_place(made, path) == place


def test_a_value_made_of_one_without_a_place_has_none() -> None:
    assert type(place_at("made", "plain")) is str


def test_what_replaces_a_value_keeps_its_place() -> None:
    replaced = keep_place({**ONE, "text": "new"}, ONE)
    assert find_place({"a": [replaced]}, ("a", 0, "strict")) == ("messages", 0, "content", 0, "strict")
    again = keep_place({"b": {"text": "newer"}}, replaced)
    assert find_place({"a": [again]}, ("a", 0, "b", "text")) == ("messages", 0, "content", 0, "text")
    assert type(keep_place({}, {"plain": 1})) is dict
