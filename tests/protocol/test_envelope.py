"""The splicer edits top-level members as a dict would and leaves every other character as the caller wrote it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.envelope import Member, extract_member, find_members, splice
from bedrock_flask.protocol.json import parse

BLANKS = st.text(alphabet=" \t\r\n", max_size=3)
NAMES = st.sampled_from(["model", "stream", "é", "", 'a"b', "{", "\U0001f600"]) | st.text(max_size=4)
SOURCES = st.sampled_from(
    [
        "0.10",
        "12345678901234567890123",
        "-0",
        "1E5",
        '"\\u00e9"',
        '"é"',
        '",}{:"',
        '"\\"\\\\"',
        '[1 ,{ "x":[] } ]',
        "{ }",
    ]
) | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps)


@st.composite
def written_names(draw, name):
    """A name as JSON may write it: plainly or with any of its characters escaped."""
    escaped = "".join(
        draw(st.sampled_from([json.dumps(c)[1:-1], json.dumps(c, ensure_ascii=False)[1:-1]])) for c in name
    )
    if name and name[0] < "\x80" and draw(st.booleans()):
        escaped = f"\\u{ord(name[0]):04X}" + json.dumps(name[1:])[1:-1]
    return f'"{escaped}"'


@st.composite
def objects(draw):
    """An object's text with odd white space, and the source of each of its values."""
    values = draw(st.dictionaries(NAMES, SOURCES, max_size=6))
    written = [
        "".join(map(draw, (BLANKS, written_names(name), BLANKS))) + ":" + draw(BLANKS) + source + draw(BLANKS)
        for name, source in values.items()
    ]
    inside = ",".join(written) if written else draw(BLANKS)
    return draw(BLANKS) + "{" + inside + "}" + draw(BLANKS), values


@given(objects())
def test_cut_gives_each_value_as_it_was_written(written):
    text, values = written
    assert {name: extract_member(text, name) for name in values} == values
    assert list(find_members(text)) == list(values) == list(parse(text.encode()))


@given(objects())
def test_members_cover_their_names_and_values_exactly(written):
    text, _ = written
    for member in find_members(text).values():
        assert text[member.start] == '"'
        assert json.loads("{" + text[member.start : member.end] + "}").keys() == {member.name}
        assert text[member.start : member.value_start].rstrip().endswith(":")


@given(written=objects(), data=st.data())
def test_splice_does_what_a_dict_would_do(written, data):
    text, values = written
    names = st.sampled_from([*values, "new"]) | NAMES
    take_out = data.draw(st.sets(names, max_size=7))
    put_in = data.draw(st.dictionaries(names, SOURCES, max_size=3))
    result = splice(text, take_out, put_in)

    before = json.loads(text)
    new = {name: json.loads(source) for name, source in put_in.items()}
    first = {name: value for name, value in new.items() if name not in before}
    rest = {name: new.get(name, before[name]) for name in before if name in new or name not in take_out}
    assert json.dumps(json.loads(result)) == json.dumps({**first, **rest})  # the order counts
    assert parse(result.encode()) == json.loads(result)  # no name is there twice

    found = find_members(text)
    untouched = [text[found[name].start : found[name].end] for name in before if name not in take_out | put_in.keys()]
    position = 0
    for piece in untouched:
        position = result.index(piece, position) + len(piece)
    kept = {name: source for name, source in values.items() if name not in take_out} | put_in
    assert {name: extract_member(result, name) for name in kept} == kept


@given(written=objects(), name=NAMES)
def test_splice_with_nothing_to_do_changes_nothing(written, name):
    text, values = written
    assert splice(text, (), {}) == text
    assert splice(text, {name} - values.keys(), {}) == text


@given(objects())
def test_putting_each_value_back_changes_nothing(written):
    text, values = written
    assert splice(text, (), values) == text
    assert splice(text, values.keys(), values) == text  # what is both taken out and put in stays in its place


@pytest.mark.parametrize(
    ("text", "take_out", "put_in", "result"),
    [
        (' { "a" : 1 , "b" : 0.10 }\n', {"a"}, {}, ' { "b" : 0.10 }\n'),
        (' { "a" : 1 , "b" : 0.10 }\n', {"b"}, {}, ' { "a" : 1 }\n'),
        ('{"a": 1,\n "b": 2,\n "c": 3}', {"b"}, {}, '{"a": 1,\n "c": 3}'),
        ('{"a": 1,\n "b": 2,\n "c": 3}', {"a", "b"}, {}, '{"c": 3}'),
        ('{ "a":1 }', {"a"}, {}, "{  }"),
        ('{ "a":1 }', {"a"}, {"v": '"x"'}, '{ "v":"x" }'),
        ("{ }", {"a"}, {"v": "1", "w": "2"}, '{"v":1,"w":2 }'),
        ('{"a": 1}', (), {"v": "[ ]"}, '{"v":[ ],"a": 1}'),
        ('{"\\u0061": 1, "b": 2}', (), {"a": "3"}, '{"\\u0061": 3, "b": 2}'),
        ('{"\\u0061": 1, "b": 2}', {"a"}, {}, '{"b": 2}'),
        ('{"x": {"model": 1}, "model": "m"}', {"model"}, {}, '{"x": {"model": 1}}'),
    ],
)
def test_splice_leaves_all_other_text_alone(text, take_out, put_in, result):
    assert splice(text, take_out, put_in) == result


def test_a_member_is_found_by_its_decoded_name():
    assert find_members('{ "\\u0069nput" :\t[1]}') == {"input": Member("input", start=2, value_start=17, end=20)}
    assert extract_member('{ "\\u0069nput" :\t[1]}', "input") == "[1]"


def test_cutting_what_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        extract_member('{"a": {"b": 1}}', "b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "[]",
        "1",
        "null",
        '"{}"',
        "{",
        '{"a"',
        '{"a":',
        '{"a":1',
        '{"a":1,',
        '{"a":1,}',
        '{,"a":1}',
        '{"a" 1}',
        '{"a":1 "b":2}',
        "{a:1}",
        "{1:1}",
        '{"a":1}}',
        '{"a":1} x',
        '{"a":1,"\\u0061":2}',
        '{"a":{"b":1,"b":2}}',
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":"\\x"}',
        "\ufeff{}",
        '\xa0{"a":1}',
        '{"a":' + "[" * 200_000,
    ],
)
def test_what_is_not_a_strict_object_is_a_value_error(text):
    for read in (find_members, lambda text: extract_member(text, "a"), lambda text: splice(text, {"a"}, {})):
        with pytest.raises(ValueError, match=r"."):
            read(text)


@given(written=objects(), data=st.data())
def test_a_damaged_object_is_a_value_error_or_still_an_object(written, data):
    text, _ = written
    place = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 2))
    damaged = text[:place] + data.draw(st.text(alphabet='{}[]",:\\u0 1eN\n\x00', max_size=3)) + text[place + gone :]
    try:
        found = find_members(damaged)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            splice(damaged, {"model"}, {"stream": "true"})
        return
    assert list(json.loads(damaged)) == list(found)
    assert {name: json.loads(extract_member(damaged, name)) for name in found} == json.loads(damaged)


@given(st.text(alphabet='{}[]",:\\uD8 1eNa-\n\x00é', max_size=30))
def test_any_text_is_an_object_or_a_value_error(text):
    try:
        found = find_members(text)
    except ValueError:
        return
    assert list(found) == list(json.loads(text))
