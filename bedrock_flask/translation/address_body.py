"""The envelope of a body that a surface takes: the model and whether it streams are members, not parts of an address.

The text is kept, except for these members. Sources: OpenAI's and Anthropic's API references; `bedrock/surfaces.py`.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.surfaces import COUNTERS, Surface
from bedrock_flask.bodies import anthropic_body
from bedrock_flask.protocol import envelope

# What Anthropic's count of tokens takes of a body. Source: the anthropic package, MessageCountTokensParams.
_COUNTED = frozenset(
    {"messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "context_management"}
)


@dataclass(frozen=True)
class Addressed:
    """A body as a surface takes it, and the headers beside it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def address_body(surface: Surface, body: bytes, model: str, *, stream: bool) -> Addressed:
    """The body for a call of this model; `model`, `stream` and what follows from it are set, whatever the body says."""
    return _BY_WIRE[surface.wire](surface, body.decode(), model, stream)


def _address_chat(surface: Surface, text: str, model: str, stream: bool) -> Addressed:
    # Without it a stream does not say how many tokens it took.
    given = _read(text, envelope.find_members(text).get("stream_options"))
    options = {"stream_options": json.dumps({**given, "include_usage": True})} if stream else {}
    return Addressed(_put(text, ("stream_options",), model, stream, options))


def _address_responses(surface: Surface, text: str, model: str, stream: bool) -> Addressed:
    # Without it the APIs store the answer, and others could fetch it.
    return Addressed(_put(text, (), model, stream, {"store": "false"}))


def _address_messages(surface: Surface, text: str, model: str, stream: bool) -> Addressed:
    # The version and the betas are members for InvokeModel, and headers here; Bedrock's own version has another name.
    members = envelope.find_members(text)
    betas, version = (_read(text, members.get(name)) for name in ("anthropic_beta", "anthropic_version"))
    headers = dict(surface.headers)
    if version and version != anthropic_body.VERSION:
        headers["anthropic-version"] = version
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    lost = {"anthropic_version", "anthropic_beta"}
    if surface.name in COUNTERS:
        lost |= members.keys() - _COUNTED
    return Addressed(_put(text, lost, model, stream, {}), headers)


_BY_WIRE: Mapping[str, Callable[[Surface, str, str, bool], Addressed]] = MappingProxyType(
    {"openai_chat": _address_chat, "openai_responses": _address_responses, "anthropic": _address_messages}
)


def _put(text: str, lost: Collection[str], model: str, stream: bool, more: Mapping[str, str]) -> bytes:
    streamed = {"stream": "true"} if stream else {}
    members = {"model": json.dumps(model, ensure_ascii=False), **streamed, **more}
    return envelope.splice(text, {"stream", *lost}, members).encode()


def _read(text: str, member: envelope.Member | None) -> Any:
    """The value of a member, or an empty object."""
    return (json.loads(text[member.value_start : member.end]) if member else None) or {}
