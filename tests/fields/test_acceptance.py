"""The fast verdict on a body is marshmallow's own, for every schema and every value."""

import copy
from collections.abc import Callable
from random import Random
from typing import Any

import marshmallow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import validate

from bedrock_flask import fields
from bedrock_flask.bodies import (
    anthropic_body,
    anthropic_messages_body,
    converse_body,
    openai_chat_body,
    openai_embeddings_body,
    openai_responses_body,
)
from bedrock_flask.contract import samples
from bedrock_flask.fields import Extensible, Open, Schema, find_faults
from bedrock_flask.fields.acceptance import accepts
from bedrock_flask.models.loading import load_registry


class Inner(Schema):
    name = fields.String(required=True)
    inner = fields.Nested(lambda: Inner, allow_none=True)


class Kinds(Schema):
    """One field of each kind, with and without its options."""

    text = fields.String()
    short = fields.String(one_of=("a", "bc"))
    sized = fields.String(min_length=1, max_length=2)
    formed = fields.String(pattern="^a+$")
    number = fields.Number(above=0, max=9)
    chosen = fields.Integer(one_of=(1, 64))
    flag = fields.Boolean(allow_none=True)
    anything = fields.Anything()
    something = fields.Anything(allow_none=False)
    texts = fields.List(fields.String(), min_items=1, max_items=2)
    names = fields.Object(fields.Integer(), max_items=2)
    free = fields.Object()
    inner = fields.Nested(Inner)
    either = fields.Either(fields.String(max_length=2), fields.List(fields.Either(fields.Boolean(), fields.String())))
    tagged = fields.Tagged("type", {"text": Inner, "": Open}, absent="text")
    others = fields.Tagged("type", {"text": Inner}, others=Open)
    one = fields.OneKey({"text": fields.String(), "name": fields.Nested(Inner)}, beside={"mark": fields.Integer()})
    renamed = fields.String(data_key="async")


KINDS = [
    anthropic_body.Body,
    anthropic_messages_body.Body,
    anthropic_messages_body.CountTokensBody,
    converse_body.Body,
    openai_chat_body.Body,
    openai_embeddings_body.Body,
    openai_responses_body.Body,
    *(adapter.body for adapter in load_registry().adapters.values()),
    Kinds,
]
VALUES = st.sampled_from([None, "", "64", "text", 1, -1, 64.0, 64.9, 10**400, True, [], [None], {}, {"type": "text"}])


def changed(value: Any, chance: Random, new: Any) -> Any:
    """The value with something else somewhere in it, a member fewer, or a member more."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        way = chance.random()
        if way < 0.1:
            return {key: item for key, item in value.items() if key != name}
        if way < 0.2:
            return {**value, "no_such_field": new}
        return {**value, name: changed(value[name], chance, new)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        index = chance.randrange(len(value))
        return [*value[:index], changed(value[index], chance, new), *value[index + 1 :]]
    return new


@given(kind=st.sampled_from(KINDS), chance=st.randoms(use_true_random=False), new=VALUES, changes=st.integers(0, 2))
def test_the_verdict_on_any_body_is_marshmallows(kind: type[Schema], chance: Random, new: Any, changes: int) -> None:
    schema = kind()
    body = samples.make_body(schema, chance)
    for _ in range(changes):
        body = changed(body, chance, new)
    before = copy.deepcopy(body)
    assert accepts(schema, body) is (isinstance(body, dict) and not schema.validate(body))
    assert body == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 65) | st.floats() | st.sampled_from(["", "a", "bc", "text", "xyz"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "name", "inner", "text", "mark", "z"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(body=st.dictionaries(st.sampled_from([*Kinds().fields, "async", "z"]), JSON, max_size=3))
def test_the_verdict_on_any_value_of_any_field_is_marshmallows(body: dict[str, Any]) -> None:
    assert accepts(Kinds(), body) is (not Kinds().validate(body))


def test_a_value_that_is_not_an_object_does_not_fit() -> None:
    assert [accepts(Inner(), value) for value in (None, "x", [], [{"name": "x"}], 1)] == [False] * 5


def test_a_body_without_a_required_member_does_not_fit_at_any_depth() -> None:
    assert [accepts(Kinds(), {"inner": inner}) for inner in ({"name": "x"}, {"name": "x", "inner": {}}, {})] == [
        True,
        False,
        False,
    ]


class Shouted(fields.String):
    """A plugin's own field, stricter than its parent."""

    def check(self, value: Any) -> None:
        super().check(value)
        if not value.isupper():
            raise marshmallow.ValidationError("must be upper case")


class WithOwnField(Schema):
    a = Shouted()


class WithValidator(Schema):
    a = fields.String(validate=validate.Equal("A"))


class WithPreLoad(Schema):
    a = fields.String(pre_load=lambda value: {"a": 1, "A": "A"}.get(value))


class WithPostLoad(Schema):
    a = fields.String(post_load=validate.Equal("A"))


class WithHook(Schema):
    a = fields.String()

    @marshmallow.validates_schema
    def is_upper(self, data: Any, **kwargs: Any) -> None:
        if data.get("a") == "a":
            raise marshmallow.ValidationError("must be upper case", "a")


class WithInit(Schema):
    a = fields.String()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields["a"] = Shouted()
        self.load_fields["a"] = self.fields["a"]


class HookAbove(Open, WithHook):
    """The hook is that of a parent, behind Open."""


class WithStockField(Schema):
    a = marshmallow.fields.String(validate=validate.Equal("A"))


class WithDumpOnly(Schema):
    a = fields.String(dump_only=True)
    b = fields.Nested(WithHook)


class StockSchema(marshmallow.Schema):
    a = marshmallow.fields.Nested(WithHook)


@pytest.mark.parametrize(
    "kind",
    [WithOwnField, WithValidator, WithPreLoad, WithPostLoad, WithHook, WithInit, HookAbove, WithStockField],
)
def test_what_is_not_a_plain_field_is_left_to_marshmallow(kind: type[Schema]) -> None:
    class Outer(Schema):
        inner = fields.List(fields.Nested(kind))

    for schema, wrap in ((kind(), lambda each: each), (Outer(), lambda each: {"inner": [each]})):
        verdicts = [accepts(schema, wrap(each)) for each in ({"a": "A"}, {"a": "a"}, {"a": 1}, {})]
        assert verdicts == [not schema.validate(wrap(each)) for each in ({"a": "A"}, {"a": "a"}, {"a": 1}, {})]
        assert verdicts[:2] == [True, False]


@pytest.mark.parametrize(
    "make",
    [
        lambda: WithDumpOnly(),
        lambda: StockSchema(),
        lambda: Kinds(only=("text",)),
        lambda: Kinds(exclude=("text",)),
        lambda: Kinds(unknown=marshmallow.INCLUDE),
        lambda: Kinds(unknown=marshmallow.EXCLUDE),
        lambda: Inner(partial=True),
        lambda: Inner(many=True),
        lambda: Kinds(dump_only=("text",)),
    ],
)
def test_options_of_a_schema_are_kept(make: Callable[[], marshmallow.Schema]) -> None:
    bodies: list[Any] = [{"text": "x"}, {"short": "a"}, {"z": 1}, {}, {"a": "x"}, {"b": {"a": "a"}}, [{"name": "x"}]]
    for body in bodies:
        assert accepts(make(), body) is (not make().validate(body))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Kinds], ids=lambda kind: kind.__module__)
def test_a_body_that_fits_never_reaches_marshmallow(kind: type[Schema], monkeypatch: pytest.MonkeyPatch) -> None:
    schema = kind()
    find_faults(schema, {})

    def fail(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("marshmallow is slow")

    bodies = [samples.make_body(schema, Random(seed)) for seed in range(60)]
    monkeypatch.setattr(marshmallow.Schema, "_do_load", fail)
    monkeypatch.setattr(marshmallow.fields.Field, "deserialize", fail)
    for body in bodies:
        assert find_faults(schema, body) == []


class Growing(Extensible):
    type = fields.String(required=True)
    input_schema = fields.Object()
    id = fields.String()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("input_schem", "input_schema"),
        ("input_schemma", "input_schema"),
        ("input_shcema", "input_schema"),
        ("inputSchema", "input_schema"),
        ("input_shema", "input_schema"),
        # Two letters differ, or the member is so short that any other resembles it.
        ("input_sema", ""),
        ("input_examples", ""),
        ("ip", ""),
        ("x" * 100_000, ""),
    ],
)
def test_a_misspelt_member_of_an_object_that_grows_is_refused(name: str, meant: str) -> None:
    value = {"type": "t", name: {}}
    faults = find_faults(Growing(), value)
    assert accepts(Growing(), value) is not bool(meant)
    assert [(each.path, each.unknown) for each in faults] == ([(name, True)] if meant else [])
    assert all(f"did you mean '{meant}'?" in each.message for each in faults)
    # What stands beside the member that it resembles is another one.
    assert find_faults(Growing(), {**value, "input_schema": {}}) == []


def test_a_misspelt_member_is_refused_beside_what_is_missing() -> None:
    assert {each.path for each in find_faults(Growing(), {"typ": "t"})} == {"typ", "type"}
