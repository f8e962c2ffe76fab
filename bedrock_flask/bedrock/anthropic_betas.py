"""What Bedrock's InvokeModel rejects of Anthropic's API: values of `anthropic-beta`, and members of the body.

The two belong together: a member that a beta unlocks is rejected without it ("Extra inputs are not permitted"), and an
unknown beta fails the whole request ("invalid beta flag"). Models differ in the betas that they know; the tables list
what at least one model on Bedrock accepts.

A member is written as `tools[].defer_loading` (of every tool), `tools[]:web_search_*` (every tool whose `type` matches)
or `thinking.display=updates` (only with this value).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_flask.bedrock.model_ids import matches

# AWS user guide, "Anthropic Claude Messages API": "Request and Response", "Tool use", "Compaction".
_AWS = "AWS"
# LiteLLM 1.109.1: anthropic_beta_headers_config.json (column `bedrock`), anthropic_beta_gated_fields.py and the
# transformation of /v1/messages to InvokeModel, which quote Bedrock's errors.
_LITELLM = "LiteLLM"
# The types of Anthropic's SDK 2.12.0, which name the beta that a member needs; Bedrock documents neither.
_SDK = "SDK"

# The beta of a context window of a million tokens, for models that do not have one by themselves.
LONG_CONTEXT = "context-1m-2025-08-07"

# The beta of `output_config.effort`, for the first model that had it.
EFFORT = "effort-2025-11-24"

# The steps to a value: names of members and indexes of items.
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Beta:
    """A pattern of betas, whether Bedrock accepts them and by which name, and the members that they unlock.

    `needs` is the member without which Bedrock rejects the beta.
    """

    pattern: str
    source: str
    members: tuple[str, ...] = ()
    accepted: bool = True
    renamed: str = ""
    needs: str = ""


def _reject(pattern: str, source: str, *members: str) -> Beta:
    return Beta(pattern, source, members, accepted=False)


_SCOPES = (
    "cache_control.scope",
    "tools[].cache_control.scope",
    "system[].cache_control.scope",
    "messages[].content[].cache_control.scope",
    "messages[].content[].content[].cache_control.scope",
)
_TOOL_CHANGES = ("messages[].content[]:tool_addition", "messages[].content[]:tool_removal")

BETAS = (
    Beta("computer-use-2024-10-22", _AWS, ("tools[]:*_20241022",)),
    Beta("computer-use-2025-01-24", f"{_AWS}, {_LITELLM}", ("tools[]:computer_20250124",)),
    Beta("computer-use-2025-11-24", f"{_AWS}, {_LITELLM}", ("tools[]:computer_20251124",)),
    Beta(LONG_CONTEXT, f"{_AWS}, {_LITELLM}"),
    Beta(
        "context-management-2025-06-27",
        f"{_AWS}, {_LITELLM}",
        ("context_management", "context_management.edits[]:clear_tool_uses_*", "tools[]:memory_*"),
    ),
    Beta(
        "compact-2026-01-12",
        f"{_AWS}, {_LITELLM}",
        ("context_management", "context_management.edits[]:compact_*", "messages[].content[]:compaction"),
    ),
    Beta("dev-full-thinking-*", _AWS),
    Beta(EFFORT, f"{_AWS}, {_LITELLM}"),
    Beta("fine-grained-tool-streaming-2025-05-14", f"{_AWS}, {_LITELLM}"),
    # LiteLLM omits these three, AWS documents them.
    Beta("interleaved-thinking-2025-05-14", _AWS),
    Beta("output-128k-2025-02-19", _AWS),
    Beta("token-efficient-tools-2025-02-19", _AWS),
    Beta("tool-examples-2025-10-29", _AWS, ("tools[].input_examples",)),
    Beta(
        "tool-search-tool-2025-10-19",
        f"{_AWS}, {_LITELLM}",
        (
            *("tools[].defer_loading", "tools[]:tool_search_tool_*"),
            # Without the beta the history of a session cannot be sent again (anthropics/claude-code#25212).
            "messages[].content[].content[]:tool_reference",
        ),
    ),
    Beta("advanced-tool-use-2025-11-20", _LITELLM, renamed="tool-search-tool-2025-10-19"),
    Beta("thinking-binding-controls-2026-08-01", _LITELLM, ("thinking.block_binding",)),
    Beta("thinking-display-updates-2026-08-18", _LITELLM, ("thinking.display=updates",)),
    Beta("mid-conversation-output-config-2026-07-01", _LITELLM, ("messages[].output_config",)),
    Beta("mid-conversation-tool-changes-2026-07-01", _LITELLM, _TOOL_CHANGES),
    # "invalid beta flag" where the request has no safeguards.
    Beta("dangerous-tool-use-2026-09-03", _LITELLM, ("safeguards",), needs="safeguards"),
    _reject("advisor-tool-*", _LITELLM, "tools[]:advisor_*", "messages[].content[]:advisor_tool_result"),
    _reject("cache-diagnosis-*", _SDK, "diagnostics"),
    _reject("code-execution-*", _LITELLM, "tools[]:code_execution_*", "tools[].allowed_callers", "container"),
    _reject("compact-2026-09-04", _LITELLM, "compaction"),
    _reject("fallback-credit-*", _SDK, "fallback_credit_token"),
    _reject("fast-mode-*", _LITELLM, "speed"),
    _reject("files-api-*", _LITELLM, "messages[].content[]:container_upload"),
    _reject("inline-tools-*", _LITELLM, "messages[].content[].tool.definition"),
    _reject("mcp-*", _LITELLM, "mcp_servers", "tools[]:mcp_toolset", "messages[].content[]:mcp_*"),
    _reject("message-threads-*", _SDK, "thread"),
    _reject("mid-conversation-system-clear-at-*", _LITELLM, "messages[].clear_at"),
    _reject("prompt-caching-scope-*", _LITELLM, *_SCOPES),
    _reject("server-side-fallback-*", _SDK, "fallbacks", "messages[].content[]:fallback"),
    _reject("skills-*", _LITELLM, "container"),
    # The answer's format is set by `output_config.format`, which needs no beta.
    _reject("structured-outputs-*", _LITELLM, "output_format"),
    _reject("task-budgets-*", _SDK, "output_config.task_budget"),
    _reject("user-profiles-*", _SDK, "billing_policy"),
    _reject("web-fetch-*", _LITELLM, "tools[]:web_fetch_*"),
    _reject("web-search-*", _LITELLM, "tools[]:web_search_*"),
)

# By LiteLLM, Bedrock rejects all of context_management with this edit; a program of AWS's sends it to Claude Sonnet 4.5
# (aws-samples/anthropic-on-aws).
_DISPUTED = ("context_management.edits[]:clear_thinking_*",)
# Nested members that Bedrock rejects with any beta.
_NEVER = (
    # LiteLLM: Claude Code sends it beside `defer_loading`, "tools.0.custom: Extra inputs are not permitted".
    "tools[].custom",
    "tools[].eager_input_streaming",
    *_DISPUTED,
)

# Every top-level member that Bedrock accepts (LiteLLM's BedrockInvokeAnthropicMessagesRequest, after AWS's user guide);
# any other, such as `model`, `stream`, `service_tier` or `inference_geo`, is an extra input.
ACCEPTED_MEMBERS = frozenset(
    {"anthropic_version", "anthropic_beta", "max_tokens", "messages", "system", "stop_sequences", "temperature"}
    | {"top_p", "top_k", "tools", "tool_choice", "thinking", "output_config", "metadata", "context_management"}
    | {"safeguards"}
)

# Claude Code's first system block, which changes with every request. Bedrock rejects it: "x-anthropic-billing-header
# is a reserved keyword and may not be used in the system prompt" (anthropics/claude-code-action#928).
_BILLING = "x-anthropic-billing-header:"


def select_betas(
    betas: Iterable[str], body: Mapping[str, Any] | None = None, refused: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """The betas to send, by Bedrock's names, and those to drop.

    A beta without a row is dropped, and so is one that matches a pattern of `refused`: the model does not take it.
    """
    sent: dict[str, None] = {}
    dropped: dict[str, None] = {}
    patterns = tuple(refused)
    for beta in betas:
        row = next((row for row in BETAS if matches(row.pattern, beta)), None)
        name = (row.renamed if row else "") or beta
        if (
            row is None
            or not row.accepted
            or (row.needs and row.needs not in (body or {}))
            or any(matches(pattern, name) for pattern in patterns)
        ):
            dropped[beta] = None
        else:
            sent[name] = None
    return list(sent), list(dropped)


def find_needed_betas(body: Mapping[str, Any]) -> Iterator[str]:
    """The betas that unlock members of the body, where one name is known for them."""
    found = _find_members(body)
    if found.keys().isdisjoint(_NEEDING):
        return
    for pattern, members in _NEEDED_FOR.items():
        if not found.keys().isdisjoint(members):
            yield pattern


def find_refused_members(body: Mapping[str, Any], betas: Iterable[str]) -> list[Path]:
    """The paths of what must be removed: what Bedrock refuses, and what would be empty without it."""
    found = dict.fromkeys(find_locked_members(body, betas))
    if not found:
        return []
    found |= dict.fromkeys(_find_emptied(body, found))
    return [path for path in found if found.keys().isdisjoint(_enclosing_paths(path))]


def find_locked_members(body: Mapping[str, Any], betas: Iterable[str], *, disputed: bool = True) -> list[Path]:
    """The paths of what Bedrock refuses: what it never accepts, and what none of these betas unlocks.

    It accepts any JSON object: a member of a wrong type holds nothing to refuse. With `disputed` the paths of what
    sources disagree on are among them.
    """
    extra: list[Path] = [(name,) for name in body if name not in ACCEPTED_MEMBERS]
    found = _find_members(body)
    if found.keys().isdisjoint(_LOCKED):
        return extra
    sent, _ = select_betas(betas, body)
    unlocked = {member for row in BETAS if any(matches(row.pattern, beta) for beta in sent) for member in row.members}
    if not disputed:
        unlocked.update(_DISPUTED)
    locked = (path for member in _LOCKED if member not in unlocked for path in found.get(member, ()))
    return list(dict.fromkeys([*extra, *locked]))


def find_billing_blocks(body: Mapping[str, Any]) -> list[int]:
    """The indexes of the blocks of `system` that hold only Claude Code's billing line."""
    system = body.get("system")
    return [
        index
        for index, block in enumerate(system if isinstance(system, list) else ())
        if isinstance(block, Mapping) and isinstance(block.get("text"), str) and _is_billing(block["text"])
    ]


def split_billing_line(text: str) -> tuple[str, str]:
    """Claude Code's billing line, if the text begins with one, and the text without it."""
    if not text.startswith(_BILLING):
        return "", text
    line, _, rest = text.partition("\n")
    return line, rest


class _Part:
    """A part of a body that rows name members of: the rows' members that end here, and the parts within."""

    def __init__(self) -> None:
        self.members: list[str] = []
        self.names: set[str] = set()
        # By name: a member's value, the same with one value alone, and the items of an array, by their kind.
        self.values: dict[str, _Part] = {}
        self.expected: dict[str, list[tuple[str, _Part]]] = {}
        self.items: dict[str, dict[str, _Part]] = {}
        self._kinds: dict[tuple[str, str | None], tuple[_Part, ...]] = {}

    def add(self, steps: Sequence[str], member: str) -> None:
        """Add a row's member, such as `tools[]:web_search_*` or `thinking.display=updates`."""
        if not steps:
            self.members.append(member)
            return
        step, _, kind = steps[0].partition(":")
        step, _, expected = step.partition("=")
        name = step.removesuffix("[]")
        self.names.add(name)
        if name != step:
            part = self.items.setdefault(name, {}).setdefault(kind, _Part())
        elif expected:
            part = _Part()
            self.expected.setdefault(name, []).append((expected, part))
        else:
            part = self.values.setdefault(name, _Part())
        part.add(steps[1:], member)

    def find_kinds(self, name: str, kind: str | None) -> tuple["_Part", ...]:
        """The parts that an item of an array is, by its `type`; a conversation repeats a few kinds of blocks."""
        found = self._kinds.get((name, kind))
        if found is None:
            every = self.items[name].items()
            found = tuple(part for pattern, part in every if not pattern or (kind and matches(pattern, kind)))
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            self._kinds[name, kind] = found
        return found


# Callers choose the kinds.
_MOST_KINDS = 1024


def _find_members(body: Mapping[str, Any]) -> dict[str, list[Path]]:
    """The paths of all members of rows that the body has, by what the row calls it."""
    found: dict[str, list[Path]] = {}
    _collect(body, _BODY, (), found)
    return found


def _collect(value: Any, part: _Part, path: Path, found: dict[str, list[Path]]) -> None:
    """Collect the paths of all members of rows in a part of the body, in one walk."""
    for member in part.members:
        found.setdefault(member, []).append(path)
    if not isinstance(value, (dict, Mapping)):
        return
    for name in part.names.intersection(value):
        held = value[name]
        if name in part.values:
            _collect(held, part.values[name], (*path, name), found)
        for expected, inner in part.expected.get(name, ()):
            if held == expected:
                _collect(held, inner, (*path, name), found)
        if name in part.items and isinstance(held, list):
            for index, item in enumerate(held):
                kind = str(item.get("type"))[:64] if isinstance(item, dict) else None
                for inner in part.find_kinds(name, kind):
                    _collect(item, inner, (*path, name, index), found)


def _build_tree(members: Iterable[str]) -> _Part:
    body = _Part()
    for member in members:
        body.add(member.split("."), member)
    return body


# What no beta unlocks, then the rows' members in their order; and the members for which one beta is known, by that.
# `context_management` alone does not say what it holds.
_LOCKED = tuple(dict.fromkeys([*_NEVER, *(member for row in BETAS for member in row.members)]))
_NEEDED_FOR = {
    row.pattern: [member for member in row.members if member != "context_management"]
    for row in BETAS
    if row.accepted and "*" not in row.pattern
}
_NEEDING = frozenset().union(*_NEEDED_FOR.values())
_BODY = _build_tree(_LOCKED)


def _find_emptied(body: Mapping[str, Any], found: Collection[Path]) -> Iterator[Path]:
    """The members that are empty without what was found: no tools, then no choice of one; no edits of the context."""
    for steps, members in _EMPTIED.items():
        items = _get_at(body, steps)
        if isinstance(items, list) and items and all((*steps, index) in found for index in range(len(items))):
            yield from ((member,) for member in members if member in body)
    choice, tools = body.get("tool_choice"), body.get("tools")
    # A list, not a set: in a body that no schema has checked a name can be any JSON value.
    dropped_names = [
        tool.get("name")
        for index, tool in enumerate(tools if isinstance(tools, list) else ())
        if ("tools", index) in found and isinstance(tool, Mapping)
    ]
    if isinstance(choice, Mapping) and choice.get("type") == "tool" and choice.get("name") in dropped_names:
        yield ("tool_choice",)


# The items of an array, and the members that are removed with the last of them.
_EMPTIED: Mapping[Path, tuple[str, ...]] = {
    ("tools",): ("tools", "tool_choice"),
    ("context_management", "edits"): ("context_management",),
}


def _get_at(value: Any, steps: Path) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _enclosing_paths(path: Path) -> Iterator[Path]:
    """The paths of everything around a value: `tools[0].custom` is in `tools[0]` and in `tools`."""
    return (path[:end] for end in range(1, len(path)))


def _is_billing(text: str) -> bool:
    line, rest = split_billing_line(text)
    return bool(line) and not rest.strip()
