"""Paths of values: what is written reads back, and a value is found, replaced and dropped by its path."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.json_path import (
    Path,
    copy_without,
    describe_path,
    drop_at,
    extend_path,
    format_path,
    get_at,
    parse_path,
    put_at,
)
from bedrock_flask.protocol.json_places import find_place, mark_places

names = st.text(st.characters(exclude_characters=".[]", exclude_categories=["Cs"]), min_size=1, max_size=8)
paths = st.lists(names | st.integers(0, 10**9), max_size=6).map(tuple)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def paths_within(value: Any) -> Iterator[Path]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in members:
        yield (step,)
        yield from ((step, *path) for path in paths_within(inner))


@given(paths)
def test_a_path_reads_back_as_it_was_written(path: Path) -> None:
    text = format_path(path)
    assert parse_path(text) == path
    assert format_path(parse_path(text)) == text


@given(paths, names | st.integers(0, 99))
def test_a_path_is_extended_by_a_step(path: Path, step: str | int) -> None:
    assert extend_path(format_path(path), step) == format_path((*path, step))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("messages", 0, "content"), "messages[0].content"),
        ((0, 1, "a"), "[0][1].a"),
        (("a", "0"), "a.0"),
        (("amazon-bedrock-guardrailConfig", "$ref"), "amazon-bedrock-guardrailConfig.$ref"),
    ],
)
def test_a_path_is_written_as_a_person_writes_it(path: Path, text: str) -> None:
    assert format_path(path) == describe_path(path) == text
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("path", "text", "read"),
    [
        (("a.b", "c"), "a.b.c", ("a", "b", "c")),
        (("a[0]",), "a[0]", ("a", 0)),
        (("", "a"), "a", ("a",)),
        (("a", ""), "a.", ("a",)),
    ],
)
def test_names_with_marks_of_the_notation_are_written_as_they_are_and_read_as_other_steps(
    path: Path, text: str, read: Path
) -> None:
    assert format_path(path) == text
    assert parse_path(text) == read


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a.b", "", "c d"), '["a.b"][""]["c d"]'),
        (("a", 'x"]\n', "é"), 'a["x\\"]\\n"].é'),
        (("x" * 101,), "x" * 100 + "…"),
    ],
)
def test_a_described_path_quotes_strange_names_and_shortens_long_ones(path: Path, text: str) -> None:
    assert describe_path(path) == text


@given(documents, documents)
def test_a_value_is_replaced_in_a_copy(document: Any, value: Any) -> None:
    before = copy.deepcopy(document)
    for path in paths_within(document):
        changed = put_at(document, path, value)
        assert get_at(changed, path) == value
        assert put_at(changed, path, get_at(document, path)) == before == document


@given(documents, st.data())
def test_every_value_but_the_dropped_ones_stays_in_its_order(document: Any, data: st.DataObject) -> None:
    dropped = data.draw(st.sets(st.sampled_from(found))) if (found := [*paths_within(document)]) else set()
    leaves = [
        get_at(document, path) for path in found if all(path[:end] not in dropped for end in range(len(path) + 1))
    ]
    drop_at(document, dropped)
    after = [get_at(document, path) for path in paths_within(document)]
    assert len(after) == len(leaves)
    assert [leaf for leaf in after if not isinstance(leaf, dict | list)] == [
        leaf for leaf in leaves if not isinstance(leaf, dict | list)
    ]


def test_items_are_dropped_by_the_indexes_that_they_had() -> None:
    document = {"tools": [{"name": each, "custom": {}} for each in "abcd"], "system": "x"}
    drop_at(document, [("tools", 0), ("system",), ("tools", 2, "custom"), ("tools", 2), ("tools", 3, "custom")])
    assert document == {"tools": [{"name": "b", "custom": {}}, {"name": "d"}]}


@given(documents, st.data())
def test_a_copy_without_values_is_like_one_that_they_are_dropped_from(document: Any, data: st.DataObject) -> None:
    dropped = data.draw(st.lists(st.sampled_from(found))) if (found := [*paths_within(document)]) else []
    before, changed = copy.deepcopy(document), copy_without(document, dropped)
    outer = {path for path in dropped if not any(path[:end] in dropped for end in range(1, len(path)))}
    expected = copy.deepcopy(document)
    drop_at(expected, outer)
    assert changed == expected
    assert document == before


def test_a_copy_shares_what_nothing_is_dropped_from() -> None:
    document = mark_places({"a": [{"b": 1, "c": [1]}, {"d": [2]}], "e": {}})
    changed = copy_without(document, [("a", 0, "b")])
    assert changed == {"a": [{"c": [1]}, {"d": [2]}], "e": {}}
    assert changed["a"][1] is document["a"][1]
    assert changed["a"][0]["c"] is document["a"][0]["c"]
    assert find_place(changed, ("a", 0)) == ("a", 0)


@pytest.mark.parametrize("path", [("b",), ("a", 3), ("a", "b"), ("a", 0, "c")])
def test_a_path_that_leads_nowhere_raises(path: Path) -> None:
    with pytest.raises((KeyError, IndexError, TypeError)):
        get_at({"a": [1]}, path)
    with pytest.raises((KeyError, IndexError, TypeError)):
        drop_at({"a": [1]}, [path])
