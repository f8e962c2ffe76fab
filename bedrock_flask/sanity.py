"""What is asked of an adapter when it is registered, so that a plugin's mistake stops the start and not a call."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bedrock_flask import json_schema
from bedrock_flask.adapter import Adapter
from bedrock_flask.converse import Json, Response, member
from bedrock_flask.patterns import fits
from bedrock_flask.wires import wire_of


def mistakes(adapter: Adapter) -> Iterator[str]:
    """What is wrong with an adapter, by its own samples; whatever its functions raise at them is raised."""
    told = {"sample": adapter.sample, "reply": adapter.reply, "chunks": adapter.chunks}
    for name, value in {**told, "schema": json_schema.document(adapter.schema)}.items():
        yield from _no_json(name, value)
    for fault in adapter.faults(dict(adapter.sample)):
        yield f"its sample does not fit its own body: {fault.path or 'the body'}: {fault.message}"
    yield from _default(adapter)
    if adapter.decode is not None and adapter.reply is not None:
        yield from _decoded(adapter, adapter.decode, adapter.reply)


def _no_json(name: str, value: object) -> Iterator[str]:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield f"its {name} is no JSON: {error}"


def _default(adapter: Adapter) -> Iterator[str]:
    default = adapter.default
    named = (default, default.partition(".")[2])
    known = any(fits(pattern, each) for pattern in adapter.models for each in named)
    if default and not known and not default.startswith("arn:"):
        yield f"its default '{default}' fits none of its patterns: {', '.join(adapter.models)}"


def _decoded(adapter: Adapter, decode: Callable[[Json], Response], reply: Mapping[str, Any]) -> Iterator[str]:
    # Called as it is, so that what it raises is told in its own words.
    decoded = decode(dict(reply))
    if not wire_of(adapter).complete(dict(reply)):
        yield f"its decode finds no answer in its reply: it gives {decoded!r:.200}"
    parts = [decode(dict(chunk)) for chunk in adapter.chunks or ()]
    if parts and member(parts[-1], "stopReason") is None:
        yield "the last of its chunks decodes to no stopReason, so no stream of it would ever end"
