"""Strict JSON: what is refused, where it says so, and that all else is read as the standard library reads it."""

import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.protocol.json import MAX_PARTS, MalformedJSON, TooManyParts, parse, write
from bedrock_flask.protocol.json_path import describe_path
from bedrock_flask.protocol.json_places import mark_places

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
PLAIN = st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=3).map(json.dumps)
# What is wrong, and the steps from there to the path of the fault.
ODD = [
    *((constant, []) for constant in ("NaN", "Infinity", "-Infinity")),
    *((number, []) for number in ("1e999", "-1e309", "9" * 5000, "-" + "9" * 4301)),
    *((half, []) for half in ('"\\ud83d"', '"\\uDE00"', '"a\\udc00\\ud800"', '"\ud800"')),
    *((syntax, []) for syntax in ("01", "+1", ".5", "1.", "1e", "'a'", '"\t"', '"\\x"', "nul", "True")),
    ('{"k": 1, "l": 2, "k": 3}', ["k"]),
    ('{"é": 1, "\\u00e9": 1}', ["é"]),
]


def fault(data: bytes, **options: int) -> MalformedJSON:
    with pytest.raises(MalformedJSON) as raised:
        parse(data, **options)
    return raised.value


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_any_value_is_read_as_the_standard_library_reads_it(value, ascii_only, indent):
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert parse(data) == value
    assert repr(parse(data)) == repr(json.loads(data))  # 1, 1.0 and True are equal, and the order counts


@given(data=st.binary(max_size=40) | st.text(alphabet='{}[]",:\\ud8c0 1eN-\n\x00é', max_size=40).map(str.encode))
def test_any_bytes_are_a_value_or_a_malformed_json(data):
    try:
        value = parse(data)
    except MalformedJSON:
        return
    assert json.loads(data) == value


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        (b"", "", "empty"),
        (b" \r\n\t", "", "empty"),
        (b'\xef\xbb\xbf{"a":1}', "", "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "", "UTF-16"),
        ('{"a":1}'.encode("utf-16-le"), "", "UTF-16"),
        ('{"a":1}'.encode("utf-16-be"), "", "UTF-16"),
        ('{"a":1}'.encode("utf-32"), "", "UTF-16"),
        (b'{"a":["ok","\xff"]}', "a[1]", "not UTF-8 (byte 12)"),
        (b'{"a":"\xed\xa0\x80"}', "a", "not UTF-8"),
        (b"]]\xff", "", "not UTF-8"),
        (b'{1.5"\xff', "", "not UTF-8"),
        (b'{"a":1} x', "", "line 1, column 9"),
        (b'{"a":1}{"a":1}', "", "column 8"),
        (b'{"a":{"b":[1 2]}}', "a.b[0]", "column 14"),
        (b'{"a":{"b":[1,oops]}}', "a.b[1]", "column 14"),
        (b'{"a":\n{"b":"\\x"}}', "a.b", "line 2"),
        (b'{"a":"tab\there"}', "a", "control character"),
        (b'{"messages":[{"content":"cut', "messages[0].content", "Unterminated"),
        (b'{"a":1', "a", "ends too early"),
        (b"{'a':1}", "", "double quotes"),
        (b'{"a":01}', "a", ""),
        (b'{"a":+1}', "a", ""),
        (b'{"a":1.}', "a", ""),
        (b'{"a":[0,NaN]}', "a[1]", "NaN is not JSON"),
        (b'{"a":Infinity}', "a", "Infinity is not JSON"),
        (b'{"a":-Infinity}', "a", "-Infinity is not JSON"),
        (b'{"a":{"t":1e999}}', "a.t", "too large"),
        (b"[-1e999]", "[0]", "too large"),
        (b'{"a":1,"a":1}', "a", "twice"),
        (b'{"a":1,"\\u0061":2}', "a", "twice"),
        (b'{"l":[{"x":{"k":1}},{"x":{"k":[],"j":{},"k":{}}}]}', "l[1].x.k", "twice"),
        (b'{"messages":[{"content":"\\ud800"}]}', "messages[0].content", "surrogate"),
        (b'["\\udc00"]', "[0]", "surrogate"),
        (b'["\\udc00\\ud83d"]', "[0]", "surrogate"),
        (b'["\\\\ud83d\\ude00"]', "[0]", "surrogate"),  # the first is an escaped backslash, so the second is alone
        (b'["\\uD83Dx"]', "[0]", "surrogate"),
        (b'{"a":{"\\ud800":1}}', "a", "surrogate"),
    ],
)
def test_a_fault_is_named_with_its_place(data, path, says):
    refused = fault(data)
    assert refused.path == path
    assert says in refused.message
    assert str(refused) == (f"{path}: {refused.message}" if path else refused.message)


@st.composite
def oddities(draw):
    """A strict value but for one thing, put at a place in it: the bytes, and the path to that thing."""
    odd, in_name = draw(st.sampled_from(ODD))
    text, path = odd, []
    for _ in range(draw(st.integers(0, 6))):
        before, after = draw(st.lists(PLAIN, max_size=3)), draw(st.lists(PLAIN, max_size=3))
        if draw(st.booleans()):
            text = "[" + ", ".join([*before, text, *after]) + "]"
            path.insert(0, len(before))
        else:
            name = draw(st.text(max_size=4))
            members = [f"{json.dumps(f'{name}_{at}')}: {value}" for at, value in enumerate([*before, *after])]
            members.insert(len(before), f"{json.dumps(name)}:{text}")
            text = "{" + " ,".join(members) + "}"
            path.insert(0, name)
    return text.encode("utf-8", "surrogatepass"), describe_path([*path, *in_name])


@given(oddities())
def test_an_oddity_anywhere_is_refused_at_its_place(written):
    data, path = written
    assert fault(data).path == path


def test_the_first_of_two_faults_is_told():
    assert fault(b'{"a":NaN,"b":1,"b":2}').path == "a"
    assert fault(b'{"b":1,"b":2,"a":NaN}').path == "b"


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '"\\\\ud800"', '"\\uac00 \\ud7ff \\ue000"'])
def test_whole_surrogate_pairs_and_what_only_looks_like_one_are_read(text):
    assert parse(text.encode()) == json.loads(text)


@pytest.fixture(params=[sys.int_info.default_max_str_digits, 0], ids=["as usual", "lifted"])
def interpreter_limit(request):
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(request.param)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("interpreter_limit")
def test_integers_keep_every_digit_up_to_4300_whatever_the_interpreter_allows():
    assert parse(b"12345678901234567890123") == 12345678901234567890123
    assert parse(b"-" + b"9" * 4300) == -(10**4300 - 1)
    for sign in (b"", b"-"):
        refused = fault(b'{"n":[' + sign + b"9" * 4301 + b"]}")
        assert (refused.path, "4300 digits" in refused.message) == ("n[0]", True)


@pytest.mark.parametrize(("opening", "closing", "step"), [("[", "]", "[0]"), ('{"a":', "}", ".a")])
def test_depth_64_is_read_and_65_is_refused_at_its_place(opening, closing, step):
    assert parse((opening * 64 + "1" + closing * 64).encode()) is not None
    refused = fault((opening * 65 + "1" + closing * 65).encode())
    assert "more than 64 deep" in refused.message
    assert refused.path == (step * 64).removeprefix(".")


def test_many_brackets_side_by_side_are_not_deep():
    assert parse(json.dumps([{"a": [{}]}] * 500).encode()) == [{"a": [{}]}] * 500
    assert parse(b"[[1]]", max_depth=2) == [[1]]
    assert fault(b"[[[1]]]", max_depth=2).path == "[0][0]"


@pytest.mark.parametrize("deep", [5_000, 200_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_thousands_of_levels_are_malformed_closed_or_not(deep, opening):
    closing = opening.translate(bytes.maketrans(b"[{", b"]}"), b'"a:')[::-1]
    for data in (opening * deep, opening * deep + b"1" + closing * deep):
        assert "more than 64 deep" in fault(data).message


def test_a_fault_behind_a_hostile_number_of_values_is_refused_without_a_long_search():
    refused = fault(b"[" + b"0," * 1_000_000 + b"NaN]")
    assert (refused.message, refused.path) == ("NaN is not JSON", "")


def test_a_large_text_is_held_to_the_same_rules():
    image = b'{"image":"' + b"QUJD" * 300_000 + b'","more":'
    assert parse(image + b'["\\ud83d\\ude00",' + b"[" * 62 + b"]" * 62 + b"]}")["more"][0] == "\U0001f600"
    assert fault(image + b"[" * 64 + b"]" * 64 + b"}").path == "more" + "[0]" * 63
    assert fault(image + b'["\\ud83d"]}').path == "more[0]"
    assert fault(image + b'"\xff"}').path == "more"
    assert fault(image + b'1,"more":1}').path == "more"


def test_a_parse_that_failed_leaves_nothing_to_the_next():
    fault(b'{"a":{"b":NaN}}')
    assert parse(b'{"a":{"b":1}}') == {"a": {"b": 1}}


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters())
        | st.sampled_from(
            [2**63, -(2**64), 10**400, math.nan, -math.inf, 1e16, -0.0, 1e-7, "null", "\ud800", "\u2028"]
        ),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["\udfff", "a"]), inner),
        max_leaves=20,
    )
)
def test_what_is_written_is_read_as_what_json_writes(value):
    assert repr(json.loads(write(value))) == repr(json.loads(json.dumps(value)))


def test_values_with_places_are_written_as_their_values():
    value = {"a": ["x", 1, 1.5, None, True, {"b": []}]}
    assert json.loads(write(mark_places(value))) == value


def test_what_is_no_json_is_not_written():
    for value in ({1, 2}, {"a": object()}):
        with pytest.raises(TypeError):
            write(value)


def test_a_text_has_at_most_so_many_objects_and_arrays():
    most = b"[" + b"{}," * (MAX_PARTS - 2) + b"[]]"
    assert len(parse(most)) == MAX_PARTS - 1
    with pytest.raises(TooManyParts, match="more than 250,000 objects and arrays"):
        parse(b"[" + most + b"]")
    # Brackets in a text are not counted.
    assert len(parse(b'["' + b"{[" * MAX_PARTS + b'"]')[0]) == 2 * MAX_PARTS
