"""Edits of Claude's own body: what Anthropic's API takes and Bedrock does not, in the form that Bedrock takes.

One idea a file. An edit leaves what it does not concern as the same object, so that its text goes up as it came.
"""

from collections.abc import Callable
from functools import lru_cache

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.translation.messages.add_betas import add_betas, translate_eager_streaming
from bedrock_flask.translation.messages.check_forced_tool import check_forced_tool
from bedrock_flask.translation.messages.constrain_strict_tools import constrain_strict_tools
from bedrock_flask.translation.messages.contents import EMPTY_TURN, SYSTEM_TURN, find_contents
from bedrock_flask.translation.messages.drop_billing_line import drop_billing_line
from bedrock_flask.translation.messages.drop_defaults import drop_defaults
from bedrock_flask.translation.messages.drop_empty_turns import drop_empty_turns
from bedrock_flask.translation.messages.drop_strict import drop_strict
from bedrock_flask.translation.messages.drop_unsigned_thinking import drop_unsigned_thinking
from bedrock_flask.translation.messages.move_format import move_format
from bedrock_flask.translation.messages.place_cache_marks import place_cache_marks, shorten_cache
from bedrock_flask.translation.messages.place_system_turns import place_system_turns
from bedrock_flask.translation.messages.record import Body, Edit, Edited
from bedrock_flask.translation.messages.require_json import require_json
from bedrock_flask.translation.messages.write_tools_as_text import SERVED, write_tools_as_text

__all__ = ["Edited", "edit_members", "edit_turns"]

Edits = tuple[Edit, ...]
_SAMPLING = ("temperature", "top_p")

# These keep the positions of blocks and turns, so that what is found after them has the caller's paths.
MEMBERS: Edits = (
    Edit(check_forced_tool, ("thinking",)),
    Edit(write_tools_as_text, SERVED),
    Edit(move_format, ("output_format",)),
    Edit(drop_strict, ("tools",)),
    Edit(constrain_strict_tools, ("tools",)),
    Edit(drop_defaults, ("thinking", *_SAMPLING)),
    Edit(drop_billing_line, ("system",)),
    Edit(place_cache_marks, ("cache_control",)),
    Edit(shorten_cache, ("cache_control",)),
    Edit(translate_eager_streaming, ("tools",)),
    Edit(add_betas, ("messages",)),
)
# These change the turns, or add a tool behind the caller's.
TURNS: Edits = (
    Edit(place_system_turns, (SYSTEM_TURN,)),
    Edit(drop_unsigned_thinking, ("thinking",)),
    Edit(drop_empty_turns, (EMPTY_TURN,)),
    Edit(require_json, ("output_config",)),
)


def edit_members(body: Body, capabilities: Capabilities, check: Callable[[], object] = lambda: None) -> Edited:
    """Edit the members of a body in their places; `check` is called before each edit, and may raise an error."""
    return _apply(MEMBERS, body, capabilities, check)


def edit_turns(body: Body, capabilities: Capabilities, check: Callable[[], object] = lambda: None) -> Edited:
    """Edit the turns of a body; `check` is called before each edit, and may raise an error."""
    return _apply(TURNS, body, capabilities, check)


def _apply(edits: Edits, body: Body, capabilities: Capabilities, check: Callable[[], object]) -> Edited:
    result, needed = Edited(body), _find_needed(edits, body)
    while needed:
        edit, needed = needed[0], needed[1:]
        check()
        before = result.body
        result = result.then(edit.apply(before, capabilities))
        if result.body is not before:
            needed = _find_needed(edits[edits.index(edit) + 1 :], result.body)
    return result


def _find_needed(edits: Edits, body: Body) -> Edits:
    """Those of the edits that may have something to do for a body."""
    return _select_needed(edits, find_contents(body) & _LOOKED_FOR)


# Requests are much alike.
@lru_cache(maxsize=1024)
def _select_needed(edits: Edits, contents: frozenset[str]) -> Edits:
    return tuple(edit for edit in edits if not contents.isdisjoint(edit.looks_for))


_LOOKED_FOR = frozenset().union(*(edit.looks_for for edit in (*MEMBERS, *TURNS)))
