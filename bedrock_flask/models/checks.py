"""What is asked of an adapter when it is registered, so that a plugin's mistake stops the start and not a call."""

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
    """What a function of a plugin's own has raised, and which one it was (`by`)."""

    def __init__(self, by: str, error: BaseException) -> None:
        super().__init__(f"{by} raises {type(error).__name__}: {error}")
        self.by, self.error = by, error


def check_adapter(adapter: Adapter) -> Iterator[str]:
    """What is wrong with an adapter, by its own samples; Raised tells which of its functions raised what at them."""
    told = {"sample": adapter.sample, "reply": adapter.reply, "chunks": adapter.chunks}
    for name, value in {**told, "schema": json_schema.to_json_schema(adapter.schema)}.items():
        yield from _no_json(name, value)
    yield from _default(adapter)
    yield from _sampled(adapter)
    functions: dict[str, Any] = {"encode": adapter.encode, "decode": adapter.decode, "emulate": adapter.emulate}
    wrong = [name for name, function in functions.items() if function is not None and not callable(function)]
    yield from (f"its {name} is no function" for name in wrong)
    if adapter.decode is not None and adapter.reply is not None and "decode" not in wrong:
        yield from _decoded(adapter, adapter.decode, adapter.reply)


def _no_json(name: str, value: object) -> Iterator[str]:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield f"its {name} is no JSON: {error}"


def _default(adapter: Adapter) -> Iterator[str]:
    default = adapter.default
    named = (default, default.partition(".")[2])
    known = any(matches(pattern, each) for pattern in adapter.models for each in named)
    if default and not known and not default.startswith("arn:"):
        yield f"its default '{default}' fits none of its patterns: {', '.join(adapter.models)}"


def _sampled(adapter: Adapter) -> Iterator[str]:
    sample = dict(adapter.sample)
    with _answering("its schema, given its sample,"):
        found = [(fault.path, fault.message) for fault in replace(adapter, rules=()).find_faults(sample)]
    rules: Iterable[Any] = () if found else adapter.rules
    for rule in rules:
        name = f"its rule '{getattr(rule, '__name__', rule)}'"
        if not callable(rule):
            yield f"{name} is no function"
            continue
        with _answering(f"{name}, given its sample,"):
            given: Any = rule(sample)
            pairs = None if given is None else list(given)
        if pairs is None or not all(map(_is_pair, pairs)):
            yield f"{name} gives {pairs!r:.100}{_defined(rule)}: give (path, message) pairs, or yield them"
        else:
            found += pairs
    for path, message in found:
        yield f"its sample does not fit its own body: {path or 'the body'}: {message}"


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(each, str) for each in value)


def _defined(function: Callable[..., object]) -> str:
    code = getattr(function, "__code__", None)
    return f" (line {code.co_firstlineno})" if code else ""


def _decoded(adapter: Adapter, decode: Callable[[Json], Response], reply: Mapping[str, Any]) -> Iterator[str]:
    # Called as it is, so that what it raises is told in its own words.
    with _answering("its decode, given its reply,"):
        decoded = decode(dict(reply))
    wire = find_wire(adapter)
    if not wire.complete(dict(reply)):
        if wire.name in WIRES and member(decoded, "output", "message"):
            yield (
                f"its reply is none in the format '{wire.name}', which the gateway knows and reads without decode: "
                "call the model's own format something else in speaks"
            )
            return
        yield f"its decode finds no answer in its reply: it gives {decoded!r:.200}"
    parts = []
    for number, chunk in enumerate(adapter.chunks or (), 1):
        with _answering(f"its decode, given chunk {number} of {len(adapter.chunks or ())},"):
            parts.append(decode(dict(chunk)))
    if parts and member(parts[-1], "stopReason") is None:
        yield "the last of its chunks decodes to no stopReason, so no stream of it would ever end"


@contextmanager
def _answering(by: str) -> Iterator[None]:
    """Say who it was, whatever a stranger's function raises, an exit included."""
    try:
        yield
    except BaseException as error:
        raise PluginRaised(by, error) from error
