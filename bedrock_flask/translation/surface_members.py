"""What a model refuses of a body in OpenAI's formats that goes to it as it came: refused by name, dropped, or renamed.

Everything else is left to AWS. Sources: the capabilities of each model, which name theirs. GPT-5 and later take
sampling parameters with the effort `none` (live calls: BerriAI/litellm 1.109, `bedrock/chat/chat_completions`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.chat_tools import takes_tools
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.translation.repairs.name_effort import find_nearest


@dataclass(frozen=True)
class Edits:
    """The members to take out of a body and to put in, and the paths of what is refused and what was changed."""

    refused: tuple[str, ...] = ()
    put_in: Mapping[str, Any] = field(default_factory=dict)
    take_out: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Names:
    """What a format calls these things; an empty name is of what it does not have."""

    effort: tuple[str, ...]
    limit: str
    stop: str
    old_limit: str


_NAMES = MappingProxyType(
    {
        "openai_chat": _Names(("reasoning_effort",), "max_completion_tokens", "stop", "max_tokens"),
        "openai_responses": _Names(("reasoning", "effort"), "max_output_tokens", "", ""),
    }
)
_NO_EFFORT = "none"
# Their defaults: to drop one changes nothing.
_SAMPLING = MappingProxyType({"temperature": 1, "top_p": 1})
_DEFAULTS = MappingProxyType({**_SAMPLING, "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}})


def edit_members(wire: str, body: Json, capabilities: Capabilities) -> Edits:
    """What to change of a body in this format for a model with these capabilities."""
    names = _NAMES[wire]
    effort = member(body, *names.effort)
    untaken = [*capabilities.refused_in_chat] if wire == "openai_chat" else []
    if capabilities.sampling == "none" and effort != _NO_EFFORT:
        untaken += _SAMPLING
    given = [name for name in untaken if body.get(name) is not None and name != names.old_limit]
    refused = [name for name in given if name not in _DEFAULTS or body[name] != _DEFAULTS[name]]
    defaults = [name for name in given if name not in refused]
    if not capabilities.stop_sequences and names.stop and body.get(names.stop):
        refused.append(names.stop)
    put_in = dict(_rename(names, body, capabilities))
    taken = [names.old_limit] if names.old_limit in body and names.limit in put_in else []
    return Edits(tuple(refused), put_in, (*refused, *defaults, *taken), tuple(_list_changed(names, body, put_in)))


def _rename(names: _Names, body: Json, capabilities: Capabilities) -> Iterator[tuple[str, Any]]:
    effort = member(body, *names.effort)
    if isinstance(effort, str) and capabilities.efforts and effort not in capabilities.efforts:
        nearest = find_nearest(effort, capabilities.efforts)
        top, *inner = names.effort
        yield top, {**body[top], inner[0]: nearest} if inner else nearest
    own = body.get(names.limit)
    limit = own if own is not None else body.get(names.old_limit)
    if limit is not None and (own is None or limit < capabilities.least_tokens):
        yield names.limit, max(limit, capabilities.least_tokens)


def _list_changed(names: _Names, body: Json, put_in: Json) -> Iterator[str]:
    if names.effort[0] in put_in:
        yield ".".join(names.effort)
    if names.limit in put_in:
        given = names.limit if body.get(names.limit) is not None else names.old_limit
        if put_in[names.limit] != body[given]:
            yield given


def choose_format(wire: str, body: Json, capabilities: Capabilities) -> str:
    """The wire for a body of this wire: another where the model refuses in this one what it takes in the other."""
    refuses = (
        wire == "openai_chat"
        and body.get("tools")
        and not takes_tools(capabilities.tools_in_chat, body.get("reasoning_effort"))
    )
    return "openai_responses" if refuses else wire
