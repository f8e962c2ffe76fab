"""Checks of an adapter when it is registered, so that a plugin's fault stops the start instead of failing a call."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bedrock_flask import json_schema
from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.converse import Json, Response, member
from bedrock_flask.wires import WIRES, find_wire


class PluginRaised(Exception):
    """An exception from a plugin's function; `by` says which function raised it."""

    def __init__(self, by: str, error: BaseException) -> None:
        super().__init__(f"{by} raises {type(error).__name__}: {error}")
        self.by, self.error = by, error


def check_adapter(adapter: Adapter) -> Iterator[str]:
    """Yield the faults of an adapter, found with its own samples; raise PluginRaised if one of its functions raises."""
    yield from _check_form(adapter)
    if adapter.also is not None:
        yield from (f"in also: {fault}" for fault in _check_form(adapter.also))


def _check_form(adapter: Adapter) -> Iterator[str]:
    samples = {"sample": adapter.sample, "reply": adapter.reply, "chunks": adapter.chunks}
    for name, value in {**samples, "schema": json_schema.to_json_schema(adapter.schema)}.items():
        yield from _check_json(name, value)
    yield from _check_default(adapter)
    yield from _check_sample(adapter)
    functions: dict[str, Any] = {"encode": adapter.encode, "decode": adapter.decode, "emulate": adapter.emulate}
    wrong = [name for name, function in functions.items() if function is not None and not callable(function)]
    yield from (f"its {name} is not a function" for name in wrong)
    if adapter.decode is not None and adapter.reply is not None and "decode" not in wrong:
        yield from _check_decode(adapter, adapter.decode, adapter.reply)


def _check_json(name: str, value: object) -> Iterator[str]:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield f"its {name} is not JSON: {error}"


def _check_default(adapter: Adapter) -> Iterator[str]:
    default = adapter.default
    names = (default, default.partition(".")[2])
    is_claimed = any(matches(pattern, each) for pattern in adapter.models for each in names)
    if default and not is_claimed and not default.startswith("arn:"):
        yield f"its default '{default}' matches none of its patterns: {', '.join(adapter.models)}"


def _check_sample(adapter: Adapter) -> Iterator[str]:
    sample = dict(adapter.sample)
    with _name_function("its schema, given its sample,"):
        found = [(fault.path, fault.message) for fault in replace(adapter, rules=()).find_faults(sample)]
    rules: Iterable[Any] = () if found else adapter.rules
    for rule in rules:
        name = f"its rule '{getattr(rule, '__name__', rule)}'"
        if not callable(rule):
            yield f"{name} is not a function"
            continue
        with _name_function(f"{name}, given its sample,"):
            result: Any = rule(sample)
            pairs = None if result is None else list(result)
        if pairs is None or not all(map(_is_pair, pairs)):
            yield f"{name} returns {pairs!r:.100}{_describe_line(rule)}: return (path, message) pairs, or yield them"
        else:
            found += pairs
    for path, message in found:
        yield f"its sample does not fit its own body: {path or 'the body'}: {message}"


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(each, str) for each in value)


def _describe_line(function: Callable[..., object]) -> str:
    code = getattr(function, "__code__", None)
    return f" (line {code.co_firstlineno})" if code else ""


def _check_decode(adapter: Adapter, decode: Callable[[Json], Response], reply: Mapping[str, Any]) -> Iterator[str]:
    # Called directly, so that the message quotes what it raises.
    with _name_function("its decode, given its reply,"):
        decoded = decode(dict(reply))
    wire = find_wire(adapter)
    if not wire.is_complete(dict(reply)):
        if wire.name in WIRES and member(decoded, "output", "message"):
            yield (
                f"its reply is not valid in the format '{wire.name}', which the gateway reads without decode: "
                "choose another name for the model's format in speaks"
            )
            return
        yield f"its decode finds no answer in its reply: it returns {decoded!r:.200}"
    parts = []
    for number, chunk in enumerate(adapter.chunks or (), 1):
        with _name_function(f"its decode, given chunk {number} of {len(adapter.chunks or ())},"):
            parts.append(decode(dict(chunk)))
    if parts and member(parts[-1], "stopReason") is None:
        yield "the last of its chunks decodes without a stopReason, so no stream would ever end"


@contextmanager
def _name_function(by: str) -> Iterator[None]:
    """Name the plugin's function that raised an exception, an exit included."""
    try:
        yield
    except BaseException as error:
        raise PluginRaised(by, error) from error
