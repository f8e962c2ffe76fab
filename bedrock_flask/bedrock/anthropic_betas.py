"""What Bedrock's InvokeModel refuses of Anthropic's own API: values of `anthropic-beta`, and members of the body.

The two belong together: a member that a beta unlocks is refused without it ("Extra inputs are not permitted"), and an
unknown beta fails the whole request ("invalid beta flag"). So both go by these tables. Which of the betas a model
knows differs from model to model; the tables hold what some model on Bedrock takes.

A member is written as in `tools[].defer_loading` (of every tool), `tools[]:web_search_*` (every tool whose `type` fits)
or `thinking.display=updates` (only with this value).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bedrock_flask.bedrock.model_ids import matches

# AWS user guide, "Anthropic Claude Messages API": "Request and Response", "Tool use", "Compaction".
_AWS = "AWS"
# LiteLLM 1.109.1: anthropic_beta_headers_config.json (column `bedrock`), anthropic_beta_gated_fields.py and the
# transformation of /v1/messages to InvokeModel, which cite the errors that Bedrock answers with.
_LITELLM = "LiteLLM"
# The types of Anthropic's own SDK 2.12.0, which name the beta that a member needs; Bedrock documents neither.
_SDK = "SDK"


@dataclass(frozen=True)
class Beta:
    """One row: a pattern of betas, whether Bedrock takes them and by which name, and the members they unlock.

    `needs` is the member without which Bedrock refuses the beta itself.
    """

    pattern: str
    source: str
    members: tuple[str, ...] = ()
    taken: bool = True
    renamed: str = ""
    needs: str = ""


def _refused(pattern: str, source: str, *members: str) -> Beta:
    return Beta(pattern, source, members, taken=False)


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
    Beta("computer-use-2025-*", f"{_AWS}, {_LITELLM}", ("tools[]:computer_2025*",)),
    Beta("context-1m-2025-08-07", f"{_AWS}, {_LITELLM}"),
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
    Beta("effort-2025-11-24", f"{_AWS}, {_LITELLM}"),
    Beta("fine-grained-tool-streaming-2025-05-14", f"{_AWS}, {_LITELLM}"),
    # LiteLLM leaves these three out, AWS documents them.
    Beta("interleaved-thinking-2025-05-14", _AWS),
    Beta("output-128k-2025-02-19", _AWS),
    Beta("token-efficient-tools-2025-02-19", _AWS),
    Beta("tool-examples-2025-10-29", _AWS, ("tools[].input_examples",)),
    Beta(
        "tool-search-tool-2025-10-19",
        f"{_AWS}, {_LITELLM}",
        ("tools[].defer_loading", "tools[]:tool_search_tool_*"),
    ),
    Beta("advanced-tool-use-2025-11-20", _LITELLM, renamed="tool-search-tool-2025-10-19"),
    Beta("thinking-binding-controls-2026-08-01", _LITELLM, ("thinking.block_binding",)),
    Beta("thinking-display-updates-2026-08-18", _LITELLM, ("thinking.display=updates",)),
    Beta("mid-conversation-output-config-2026-07-01", _LITELLM, ("messages[].output_config",)),
    Beta("mid-conversation-tool-changes-2026-07-01", _LITELLM, _TOOL_CHANGES),
    # "invalid beta flag" where the request has no safeguards.
    Beta("dangerous-tool-use-2026-09-03", _LITELLM, ("safeguards",), needs="safeguards"),
    _refused("advisor-tool-*", _LITELLM, "tools[]:advisor_*", "messages[].content[]:advisor_tool_result"),
    _refused("cache-diagnosis-*", _SDK, "diagnostics"),
    _refused("code-execution-*", _LITELLM, "tools[]:code_execution_*", "tools[].allowed_callers", "container"),
    _refused("compact-2026-09-04", _LITELLM, "compaction"),
    _refused("fallback-credit-*", _SDK, "fallback_credit_token"),
    _refused("fast-mode-*", _LITELLM, "speed"),
    _refused("files-api-*", _LITELLM, "messages[].content[]:container_upload"),
    _refused("inline-tools-*", _LITELLM, "messages[].content[].tool.definition"),
    _refused("mcp-*", _LITELLM, "mcp_servers", "tools[]:mcp_toolset", "messages[].content[]:mcp_*"),
    _refused("message-threads-*", _SDK, "thread"),
    _refused("mid-conversation-system-clear-at-*", _LITELLM, "messages[].clear_at"),
    _refused("prompt-caching-scope-*", _LITELLM, *_SCOPES),
    _refused("server-side-fallback-*", _SDK, "fallbacks", "messages[].content[]:fallback"),
    _refused("skills-*", _LITELLM, "container"),
    # The form of the answer stands in `output_config.format`, which needs no beta.
    _refused("structured-outputs-*", _LITELLM, "output_format"),
    _refused("task-budgets-*", _SDK, "output_config.task_budget"),
    _refused("user-profiles-*", _SDK, "billing_policy"),
    _refused("web-fetch-*", _LITELLM, "tools[]:web_fetch_*"),
    _refused("web-search-*", _LITELLM, "tools[]:web_search_*"),
)

# Nested members that Bedrock refuses whatever the betas.
_NEVER = (
    # LiteLLM: what Claude Code sends beside `defer_loading`, "tools.0.custom: Extra inputs are not permitted".
    "tools[].custom",
    "tools[].eager_input_streaming",
    # LiteLLM: this edit makes Bedrock refuse the whole of context_management.
    "context_management.edits[]:clear_thinking_*",
)

# Every top-level member that Bedrock takes (LiteLLM's BedrockInvokeAnthropicMessagesRequest, after AWS's user guide);
# any other, such as `model`, `stream`, `service_tier` or `inference_geo`, is an extra input.
ACCEPTED_MEMBERS = frozenset(
    {"anthropic_version", "anthropic_beta", "max_tokens", "messages", "system", "stop_sequences", "temperature"}
    | {"top_p", "top_k", "tools", "tool_choice", "thinking", "output_config", "metadata", "context_management"}
    | {"safeguards"}
)

# Claude Code's first system block, which changes with every request. Bedrock refuses it: "x-anthropic-billing-header
# is a reserved keyword and may not be used in the system prompt" (anthropics/claude-code-action#928).
_BILLING = "x-anthropic-billing-header:"


def select_betas(betas: Iterable[str], body: Mapping[str, Any] | None = None) -> tuple[list[str], list[str]]:
    """The betas to send, by Bedrock's names, and those to leave out; a beta that no row knows is left out."""
    sent: dict[str, None] = {}
    left_out: dict[str, None] = {}
    for beta in betas:
        row = next((row for row in BETAS if matches(row.pattern, beta)), None)
        if row is None or not row.taken or (row.needs and row.needs not in (body or {})):
            left_out[beta] = None
        else:
            sent[row.renamed or beta] = None
    return list(sent), list(left_out)


def find_refused_members(body: Mapping[str, Any], betas: Iterable[str]) -> list[str]:
    """The paths of what must leave the body: what Bedrock never takes, and what none of the betas sent unlocks."""
    sent, _ = select_betas(betas, body)
    unlocked = {member for row in BETAS if any(matches(row.pattern, beta) for beta in sent) for member in row.members}
    locked = [*_NEVER, *(member for row in BETAS for member in row.members if member not in unlocked)]
    found = dict.fromkeys(_found(body, locked))
    found |= dict.fromkeys(_emptied(body, found))
    extra = [name for name in body if name not in ACCEPTED_MEMBERS]
    gone = {*found, *extra}
    return list(dict.fromkeys([*extra, *(path for path in found if gone.isdisjoint(_outer(path)))]))


def find_billing_blocks(body: Mapping[str, Any]) -> list[int]:
    """The indexes of the blocks of `system` that say nothing but how Claude Code is billed."""
    system = body.get("system")
    return [
        index
        for index, block in enumerate(system if isinstance(system, list) else ())
        if isinstance(block, Mapping) and isinstance(block.get("text"), str) and _is_billing(block["text"])
    ]


def split_billing_line(text: str) -> tuple[str, str]:
    """The line that says how Claude Code is billed, if the text begins with one, and the text without it."""
    if not text.startswith(_BILLING):
        return "", text
    line, _, rest = text.partition("\n")
    return line, rest


# A value, what it stands in, and how that is written: `[3]`, `.name`. Only few of them are ever asked for their path.
_Place = tuple[Any, Any, str]


def _found(body: Mapping[str, Any], members: Iterable[str]) -> Iterator[str]:
    """The paths of those members that are there."""
    known: dict[tuple[str, ...], list[_Place]] = {(): [(body, None, "")]}

    def places(steps: tuple[str, ...]) -> list[_Place]:
        if steps not in known:
            known[steps] = [inner for place in places(steps[:-1]) for inner in _step(place, steps[-1])]
        return known[steps]

    for member in members:
        yield from map(_path, places(tuple(member.split("."))))


def _step(place: _Place, step: str) -> Iterator[_Place]:
    named, _, kind = step.partition(":")
    named, _, value = named.partition("=")
    name, holder = named.removesuffix("[]"), place[0]
    if not isinstance(holder, (dict, Mapping)) or name not in holder:
        return
    inner = holder[name]
    here = (inner, place, f".{name}")
    if name == named:
        if not value or inner == value:
            yield here
    elif isinstance(inner, list):
        for index, item in enumerate(inner):
            if not kind or (isinstance(item, dict) and _is_kind(kind, str(item.get("type"))[:64])):
                yield item, here, f"[{index}]"


# A conversation has the same few kinds of blocks over and over.
_is_kind = lru_cache(maxsize=1024)(matches)


def _path(place: _Place) -> str:
    written: list[str] = []
    while place[1] is not None:
        _, outer, step = place
        written.append(step)
        place = outer
    return "".join(reversed(written)).removeprefix(".")


def _emptied(body: Mapping[str, Any], found: Collection[str]) -> Iterator[str]:
    """What says nothing more when all of its items leave: no tools, then no choice of one; no edits of the context."""
    for path, members in _EMPTIED.items():
        items = [*_found(body, [f"{path}[]"])]
        if items and all(item in found for item in items):
            yield from (member for member in members if member in body)
    choice, tools = body.get("tool_choice"), body.get("tools")
    # A list, not a set: in a body that no schema has checked a name can be any JSON value.
    leaving = [
        tool.get("name")
        for index, tool in enumerate(tools if isinstance(tools, list) else ())
        if f"tools[{index}]" in found and isinstance(tool, Mapping)
    ]
    if isinstance(choice, Mapping) and choice.get("type") == "tool" and choice.get("name") in leaving:
        yield "tool_choice"


_EMPTIED = {"tools": ("tools", "tool_choice"), "context_management.edits": ("context_management",)}


def _outer(path: str) -> Iterator[str]:
    """The paths of everything around this: `tools[0].custom` stands in `tools[0]` and in `tools`."""
    return (path[:at] for at, mark in enumerate(path) if mark in ".[")


def _is_billing(text: str) -> bool:
    line, rest = split_billing_line(text)
    return bool(line) and not rest.strip()
