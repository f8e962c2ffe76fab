"""The wires that the gateway knows, and the wire of any adapter."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import Usage, from_members, from_metrics
from bedrock_flask.converse import Json, Response, member
from bedrock_flask.wires import anthropic, completeness, converse, nova, openai_chat, openai_responses
from bedrock_flask.wires.wire import Wire, has_metrics

WIRES: Mapping[str, Wire] = MappingProxyType(
    {
        wire.name: wire
        for wire in (
            anthropic.WIRE,
            converse.WIRE,
            nova.WIRE,
            openai_chat.WIRE,
            openai_responses.WIRE,
            completeness.COUNT_TOKENS,
            completeness.OPAQUE,
        )
    }
)

# What a plugin's `decode` raises at a document that is not what it expects.
_FOREIGN = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def find_wire(adapter: Adapter, name: str = "") -> Wire:
    """The wire of that name; without one, that of the adapter's native body and replies."""
    name = name or adapter.wire
    if name in WIRES:
        return WIRES[name]
    return _decoding(name, adapter.decode) if adapter.decode and name == adapter.wire else Wire(name=name)


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
