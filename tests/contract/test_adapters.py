"""The laws that every adapter keeps, whoever wrote it."""

import copy
import hashlib
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema
import pytest

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter
from bedrock_flask.converse import replay
from bedrock_flask.json_schema import document
from bedrock_flask.registry import load
from bedrock_flask.usage import from_members
from bedrock_flask.wires import WIRES, wire_of

ADAPTERS = {adapter.name: adapter for adapter in load().adapters.values()}
Path = tuple[str, ...]

RESPONSE = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Zürich", "days": 2}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 14,
        "outputTokens": 5,
        "totalTokens": 29,
        "cacheReadInputTokens": 7,
        "cacheWriteInputTokens": 3,
    },
    "metrics": {"latencyMs": 12},
}


class Engine:
    """A model that answers with RESPONSE, and embeds by a hash."""

    def converse(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        return replay(RESPONSE)

    def embed(self, text: str, dimensions: int) -> list[float]:
        numbers = hashlib.shake_256(text.encode()).digest(dimensions)
        length = math.sqrt(sum((number - 127.5) ** 2 for number in numbers))
        return [(number - 127.5) / length for number in numbers]

    def count(self, text: str) -> int:
        return len(text.split())


def every(adapter: Adapter) -> Iterator[tuple[Path, fields.Field]]:
    """Every field of the adapter's body down to any depth of nested objects, with its path."""

    def walk(schema: Any, path: Path) -> Iterator[tuple[Path, fields.Field]]:
        for name, field in schema.fields.items():
            yield (*path, name), field
            if isinstance(field, fields.Nested):
                yield from walk(field.schema, (*path, name))

    return walk(adapter.schema, ())


def sample(adapter: Adapter) -> dict[str, Any]:
    return copy.deepcopy(dict(adapter.sample))


def having(body: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """The body with a value at a path, objects made on the way."""
    holder = body
    for name in path[:-1]:
        holder = holder.setdefault(name, {})
    holder[path[-1]] = value
    return body


def refused_at(adapter: Adapter, body: Any) -> set[str]:
    """The paths of all faults; the published JSON Schema refuses the body, too."""
    found = {fault.path for fault in adapter.faults(body)}
    assert found
    assert not valid_by_json_schema(adapter, body)
    return found


def valid_by_json_schema(adapter: Adapter, body: Any) -> bool:
    return bool(published(adapter.name).is_valid(body))


@lru_cache
def published(name: str) -> jsonschema.Draft202012Validator:
    """The validator that a caller would make of the adapter's JSON Schema."""
    return jsonschema.Draft202012Validator(document(ADAPTERS[name].schema))


def ends(field: fields.Field) -> Iterator[tuple[Any, bool]]:
    """Values at the ends of a field's range, and whether they are in it."""
    if isinstance(field, fields.Number):
        step = 1 if field.kind == "integer" else 0.001
        inside = {"minimum": step, "maximum": -step, "exclusiveMinimum": step, "exclusiveMaximum": -step}
        for keyword, _, limit, _ in field.bounds:
            if keyword.startswith("exclusive"):
                yield from ((limit + inside[keyword], True), (limit, False))
            else:
                yield from ((limit, True), (limit - inside[keyword], False))
    if isinstance(field, fields.Number | fields.String) and field.one_of:
        yield from ((value, True) for value in field.one_of)
        yield "no such value" if isinstance(field, fields.String) else max(field.one_of) + 1, False
    if isinstance(field, fields.List) and isinstance(field.item, fields.String) and field.max_items:
        word = field.item.one_of[0] if field.item.one_of else "/x"
        yield from (([word] * field.max_items, True), ([word] * (field.max_items + 1), False))
    if isinstance(field, fields.String) and field.max_length and not field.pattern:
        yield from (("x" * field.max_length, True), ("x" * (field.max_length + 1), False))


WRONG: list[Any] = ["64", 64.9, 1, "yes", True, [], {}]
each_adapter = pytest.mark.parametrize("name", sorted(ADAPTERS))


@each_adapter
def test_the_sample_fits_and_the_published_schema_agrees(name: str) -> None:
    adapter = ADAPTERS[name]
    assert adapter.faults(sample(adapter)) == []
    assert valid_by_json_schema(adapter, sample(adapter))


@each_adapter
def test_every_field_is_described(name: str) -> None:
    undescribed = [".".join(path) for path, field in every(ADAPTERS[name]) if not field.metadata.get("description")]
    assert undescribed == []


@each_adapter
def test_each_required_field_is_missed_by_name(name: str) -> None:
    adapter = ADAPTERS[name]
    for field_name, field in adapter.schema.fields.items():
        if field.required:
            body = sample(adapter)
            del body[field_name]
            assert refused_at(adapter, body) == {field_name}


@each_adapter
def test_an_unknown_field_is_refused_by_name(name: str) -> None:
    adapter = ADAPTERS[name]
    body = sample(adapter) | {"no_such_field": 1}
    assert refused_at(adapter, body) == {"no_such_field"}
    assert [fault.unknown for fault in adapter.faults(body)] == [True]


@each_adapter
def test_both_ends_of_a_range_are_in_and_what_is_just_outside_is_out(name: str) -> None:
    adapter = ADAPTERS[name]
    for path, field in every(adapter):
        for value, fits in ends(field):
            body = having(sample(adapter), path, value)
            told = {fault.path for fault in adapter.faults(body)}
            assert (".".join(path) not in told) is fits, (path, str(value)[:40])


@each_adapter
def test_a_range_that_nobody_has_verified_refuses_nothing(name: str) -> None:
    adapter = ADAPTERS[name]
    for path, field in every(adapter):
        if "x-unverified-maximum" in field.metadata:
            body = having(sample(adapter), path, int(field.metadata["x-unverified-maximum"]) + 1)
            assert adapter.faults(body) == []


@each_adapter
def test_a_value_of_another_json_type_is_refused_where_it_stands(name: str) -> None:
    adapter = ADAPTERS[name]
    for path, field in every(adapter):
        for value in WRONG:
            if not field.accepts_type(value):
                assert ".".join(path) in refused_at(adapter, having(sample(adapter), path, value)), (path, value)


@each_adapter
def test_null_is_refused_unless_the_field_says_otherwise(name: str) -> None:
    adapter = ADAPTERS[name]
    for path, field in every(adapter):
        if not field.allow_none:
            assert ".".join(path) in refused_at(adapter, having(sample(adapter), path, None))


@each_adapter
@pytest.mark.parametrize("body", [None, [], "text", 5])
def test_a_body_that_is_no_object_is_refused(name: str, body: Any) -> None:
    [fault] = ADAPTERS[name].faults(body)
    assert fault.path == ""
    assert fault.message.startswith("must be an object")


@each_adapter
def test_the_model_that_its_name_stands_for_is_its_own(name: str) -> None:
    adapter = ADAPTERS[name]
    if "*" not in adapter.models:
        assert load().pick(adapter.model)[0].name == name


@each_adapter
def test_the_emulators_reply_is_whole_and_its_usage_is_read_back(name: str) -> None:
    adapter = ADAPTERS[name]
    wire = wire_of(adapter)
    if adapter.emulate is not None:
        reply, expected = adapter.emulate(sample(adapter), Engine()), None
    else:
        assert wire.write_reply is not None
        reply, expected = wire.write_reply(RESPONSE, adapter.model), from_members(RESPONSE["usage"])
    assert wire.complete(reply)
    assert not wire.complete({})
    assert wire.usage(reply).input is not None
    assert expected is None or wire.usage(reply) == expected


@pytest.mark.parametrize("name", [name for name, adapter in ADAPTERS.items() if wire_of(adapter).write_chunks])
def test_the_emulators_stream_ends_with_its_one_terminal_chunk(name: str) -> None:
    adapter = ADAPTERS[name]
    wire = wire_of(adapter)
    assert wire.write_chunks is not None
    chunks = list(wire.write_chunks(replay(RESPONSE), adapter.model))
    assert [wire.finished(chunk) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


@each_adapter
def test_its_own_body_reads_as_a_converse_request(name: str) -> None:
    adapter = ADAPTERS[name]
    wire = wire_of(adapter)
    if wire.read_request is None:
        assert adapter.encode is not None
        request = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
        assert adapter.faults(adapter.encode(request)) == []
    else:
        generic = ADAPTERS["converse"]
        assert generic.faults(wire.read_request(sample(adapter))) == []


def test_every_built_in_wire_is_spoken_by_some_adapter() -> None:
    assert {adapter.wire for adapter in ADAPTERS.values()} >= set(WIRES)
