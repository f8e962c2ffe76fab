"""Items leave an array as text: a list would lose the same ones, and nobody sees a difference anywhere else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.json_items import remove_items

BLANKS = st.text(alphabet=" \t\r\n", max_size=3)
SOURCES = st.sampled_from(
    [
        "0.10",
        "12345678901234567890123",
        "-0",
        "1E5",
        '"\\u00e9"',
        '"é"',
        '",]["',
        '"\\"\\\\"',
        '[1 ,{ "x":[] } ]',
        "{ }",
    ]
) | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps)


@st.composite
def arrays(draw):
    """An object with an array in it and odd white space: head, pieces (blanks, source, blanks), tail."""
    pieces = draw(st.lists(st.tuples(BLANKS, SOURCES, BLANKS), max_size=6))
    head = draw(BLANKS) + '{"a":[1,2],' + draw(BLANKS) + '"\\u0073ystem"' + draw(BLANKS) + ":" + draw(BLANKS) + "["
    tail = ("" if pieces else draw(BLANKS)) + "]" + draw(BLANKS) + ',"b":["x",' + draw(BLANKS) + "0.10]}" + draw(BLANKS)
    return head, pieces, tail


def written(head, pieces, tail):
    return head + ",".join(map("".join, pieces)) + tail


@given(parts=arrays(), data=st.data())
def test_a_list_would_lose_the_same_items(parts, data):
    text, count = written(*parts), len(parts[1])
    gone = data.draw(st.sets(st.integers(0, count - 1)) if count else st.just(set()))
    before, after = json.loads(text), json.loads(remove_items(text, "system", gone))
    assert after["system"] == [item for index, item in enumerate(before["system"]) if index not in gone]
    assert {**after, "system": 0} == {**before, "system": 0}
    assert list(after) == list(before)


@given(parts=arrays(), data=st.data())
def test_nothing_leaves_but_the_items_and_one_comma_each(parts, data):
    head, pieces, tail = parts
    gone = data.draw(st.sets(st.integers(0, len(pieces) - 1)) if pieces else st.just(set()))
    kept = [index for index in range(len(pieces)) if index not in gone]
    commas = set(kept[1:])
    inside = "".join(
        ("," if index in commas else "") + before + (source if index in kept else "") + after
        for index, (before, source, after) in enumerate(pieces)
    )
    assert remove_items(written(*parts), "system", gone) == head + inside + tail


@given(arrays())
def test_with_nothing_to_take_out_nothing_changes(parts):
    assert remove_items(written(*parts), "system", ()) == written(*parts)


@pytest.mark.parametrize(
    ("text", "indexes", "result"),
    [
        ('{"system": [1, 0.10, 3]}', {0}, '{"system": [ 0.10, 3]}'),
        ('{"system": [1, 0.10, 3]}', {1}, '{"system": [1 , 3]}'),
        ('{"system": [1, 0.10, 3]}', {2}, '{"system": [1, 0.10 ]}'),
        ('{"system": [1, 0.10, 3]}', [0, 1, 1], '{"system": [  3]}'),
        ('{"system": [1 ,0.10]}', (0, 1), '{"system": [ ]}'),
        ('{"x": {"system": [1]}, "system":[1]}', {0}, '{"x": {"system": [1]}, "system":[]}'),
    ],
)
def test_an_item_leaves_with_its_comma(text, indexes, result):
    assert remove_items(text, "system", indexes) == result


@pytest.mark.parametrize("index", [-1, 2])
def test_an_item_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError, match=rf"'system' has no item {index}"):
        remove_items('{"system": [1, 2]}', "system", {index})


def test_a_member_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        remove_items('{"a": {"system": [1]}}', "system", {0})


@pytest.mark.parametrize(
    "text", ['{"system": "[1]"}', '{"system": {"0": 1}}', "[1]", '{"system": [1]', '{"system":[1,]}']
)
def test_what_is_no_array_of_an_object_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        remove_items(text, "system", {0})
