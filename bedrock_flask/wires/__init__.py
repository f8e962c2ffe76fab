"""The wires that the gateway knows, and the wire of any adapter."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import Usage, from_members, from_metrics
from bedrock_flask.converse import Json, Response, member
from bedrock_flask.wires import anthropic, completeness, converse, nova, openai_chat, openai_responses
from bedrock_flask.wires.openai_chat import invoke
from bedrock_flask.wires.wire import Wire, find_reported_error, has_metrics

WIRES: Mapping[str, Wire] = MappingProxyType(
    {
        wire.name: wire
        for wire in (
            anthropic.WIRE,
            converse.WIRE,
            nova.WIRE,
            openai_chat.WIRE,
            invoke.WIRE,
            openai_responses.WIRE,
            completeness.COUNT_TOKENS,
            completeness.COUNT_MESSAGES,
            completeness.OPAQUE,
            *completeness.ACCOUNT.values(),
        )
    }
)

# What a plugin's `decode` raises for a document that it does not expect.
_UNEXPECTED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def find_wire(adapter: Adapter, name: str = "") -> Wire:
    """The wire of that name, or without a name the wire of the adapter's native body and replies."""
    name = name or adapter.wire
    if name in WIRES:
        return WIRES[name]
    if adapter.decode and name == adapter.wire:
        return _build_wire(name, adapter, adapter.decode)
    # The adapter has a schema of the body, and nothing that reads an answer.
    return Wire(name=name, is_opaque=True)


def find_written_wire(adapter: Adapter) -> Wire:
    """The wire of the adapter's native body, which writes its answers in the family's own form, for the emulator."""
    return invoke.shape_wire(adapter.chat_form) if adapter.wire == invoke.WIRE.name else find_wire(adapter)


def _build_wire(name: str, adapter: Adapter, decode: Callable[[Json], Response]) -> Wire:
    """A wire for the adapter's own format, which it reads with the adapter's `decode`."""

    def decode_part(document: Json) -> Response:
        try:
            return decode(document)
        except _UNEXPECTED:
            return {}

    def is_complete(reply: Json) -> bool:
        response = decode_part(reply)
        if member(response, "error"):
            return False
        vectors = member(response, "embeddings")
        return bool(
            member(response, "output", "message")
            or member(response, "ranking")
            or (isinstance(vectors, list) and vectors and all(vectors))
        )

    def is_terminal(chunk: Json) -> bool:
        return has_metrics(chunk) or member(decode_part(chunk), "stopReason") is not None

    def read_usage(document: Json) -> Usage:
        return from_members(member(decode_part(document), "usage")).merge(from_metrics(document))

    def find_error(document: Json) -> Any:
        return member(decode_part(document), "error") or find_reported_error(document)

    return Wire(
        name=name,
        is_complete=is_complete,
        is_terminal=is_terminal,
        find_error=find_error,
        read_usage=read_usage,
        read_request=adapter.read_request,
    )
