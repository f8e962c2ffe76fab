"""The wires that the gateway knows, and the wire of any adapter."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bedrock_flask.adapter import Adapter
from bedrock_flask.converse import Json, Response, member
from bedrock_flask.usage import Usage, from_members, from_metrics
from bedrock_flask.wire import Wire, has_metrics
from bedrock_flask.wires import anthropic, converse, nova

WIRES: Mapping[str, Wire] = MappingProxyType({wire.name: wire for wire in (anthropic.WIRE, converse.WIRE, nova.WIRE)})

# What a plugin's `decode` raises at a document that is not what it expects.
_FOREIGN = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def wire_of(adapter: Adapter) -> Wire:
    """The wire that an adapter's native body and replies are written in."""
    if adapter.wire in WIRES:
        return WIRES[adapter.wire]
    return _decoding(adapter.wire, adapter.decode) if adapter.decode else Wire(name=adapter.wire)


def _decoding(name: str, decode: Callable[[Json], Response]) -> Wire:
    """A wire that knows of its format what the adapter's `decode` can read."""

    def part(told: Json) -> Response:
        try:
            return decode(told)
        except _FOREIGN:
            return {}

    def complete(reply: Json) -> bool:
        response = part(reply)
        vectors = member(response, "embeddings")
        return bool(member(response, "output", "message") or (isinstance(vectors, list) and vectors and all(vectors)))

    def finished(chunk: Json) -> bool:
        return has_metrics(chunk) or member(part(chunk), "stopReason") is not None

    def usage(told: Json) -> Usage:
        return from_members(member(part(told), "usage")).updated(from_metrics(told))

    return Wire(name=name, complete=complete, finished=finished, usage=usage)
