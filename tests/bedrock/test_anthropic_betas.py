"""What Bedrock refuses of Anthropic's API leaves by the tables, a beta together with its members."""

import copy
import re
import time
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bedrock_flask.bedrock import anthropic_betas
from bedrock_flask.bedrock.anthropic_betas import (
    ACCEPTED_MEMBERS,
    BETAS,
    find_billing_blocks,
    select_betas,
    split_billing_line,
)
from bedrock_flask.bedrock.model_ids import patterns_overlap
from bedrock_flask.bodies.anthropic_body import Body
from bedrock_flask.bodies.anthropic_messages_body import Body as MessagesBody
from bedrock_flask.protocol.json_path import format_path

Json = dict[str, Any]
PLAIN: Json = {"max_tokens": 64, "messages": [{"role": "user", "content": [{"type": "text", "text": "2+2?"}]}]}
# What Claude Code sends, with each release more.
CLAUDE_CODE = [
    *("claude-code-20250219", "oauth-2025-04-20", "interleaved-thinking-2025-05-14", "context-1m-2025-08-07"),
    *("fine-grained-tool-streaming-2025-05-14", "context-management-2025-06-27", "prompt-caching-scope-2026-01-05"),
    *("advanced-tool-use-2025-11-20", "effort-2025-11-24", "extended-cache-ttl-2025-04-11"),
]


def refused_members(body: Json, betas: Iterable[str]) -> list[str]:
    return [format_path(path) for path in anthropic_betas.find_refused_members(body, betas)]


def test_of_claude_codes_betas_those_are_sent_that_bedrock_takes() -> None:
    assert select_betas(CLAUDE_CODE) == (
        [
            *("interleaved-thinking-2025-05-14", "context-1m-2025-08-07", "fine-grained-tool-streaming-2025-05-14"),
            *("context-management-2025-06-27", "tool-search-tool-2025-10-19", "effort-2025-11-24"),
        ],
        [
            *("claude-code-20250219", "oauth-2025-04-20"),
            *("prompt-caching-scope-2026-01-05", "extended-cache-ttl-2025-04-11"),
        ],
    )


@pytest.mark.parametrize(
    "beta",
    [
        *("computer-use-2024-10-22", "computer-use-2025-01-24", "computer-use-2025-11-24", "compact-2026-01-12"),
        *("dev-full-thinking-2025-05-14", "output-128k-2025-02-19", "token-efficient-tools-2025-02-19"),
        *("tool-examples-2025-10-29", "tool-search-tool-2025-10-19", "thinking-binding-controls-2026-08-01"),
        *("mid-conversation-output-config-2026-07-01", "mid-conversation-tool-changes-2026-07-01"),
    ],
)
def test_a_beta_that_bedrock_takes_is_sent_as_it_is(beta: str) -> None:
    assert select_betas([beta]) == ([beta], [])


@pytest.mark.parametrize(
    "beta",
    [
        *("files-api-2025-04-14", "mcp-client-2025-11-20", "skills-2025-10-02", "code-execution-2025-08-25"),
        *("web-search-2025-03-05", "web-fetch-2025-09-10", "structured-outputs-2025-11-13", "fast-mode-2026-02-01"),
        *("mid-conversation-system-clear-at-2026-08-21", "compact-2026-09-04", "of-tomorrow-2027-01-01", ""),
    ],
)
def test_a_beta_that_bedrock_refuses_or_nobody_knows_is_left_out(beta: str) -> None:
    assert select_betas([beta]) == ([], [beta])


def test_a_beta_that_needs_a_member_is_sent_with_it_only() -> None:
    beta = "dangerous-tool-use-2026-09-03"
    assert select_betas([beta], {"safeguards": []}) == ([beta], [])
    assert select_betas([beta], PLAIN) == select_betas([beta]) == ([], [beta])


names = st.sampled_from([*CLAUDE_CODE, "tool-search-tool-2025-10-19", "files-api-2025-04-14"]) | st.text(max_size=5)


@given(st.lists(names, max_size=8))
def test_each_beta_is_told_once_in_the_callers_order(betas: list[str]) -> None:
    sent, left_out = select_betas(betas)
    assert len(set(sent)) == len(sent)
    assert left_out == [beta for beta in dict.fromkeys(betas) if beta in left_out]
    renamed = {"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19"}
    assert sent == [*dict.fromkeys(renamed.get(beta, beta) for beta in betas if beta not in left_out)]
    assert select_betas(sent) == (sent, [])


def test_no_two_rows_are_about_the_same_beta_and_each_names_its_source() -> None:
    patterns = [row.pattern for row in BETAS]
    assert [(a, b) for n, a in enumerate(patterns) for b in patterns[n + 1 :] if patterns_overlap(a, b)] == []
    assert all(re.fullmatch(r"(AWS|LiteLLM|SDK)(, LiteLLM)?", row.source) for row in BETAS)
    assert all(select_betas([row.renamed]) == ([row.renamed], []) for row in BETAS if row.renamed)


def test_bedrocks_own_body_has_every_member_that_is_taken() -> None:
    assert set(Body().fields) == ACCEPTED_MEMBERS


def test_of_anthropics_body_every_other_member_leaves() -> None:
    body = dict.fromkeys(MessagesBody().fields, "x")
    assert set(refused_members(body, ())) == {*(set(body) - ACCEPTED_MEMBERS), "context_management", "safeguards"}
    assert {"model", "stream", "service_tier", "mcp_servers", "container", "speed", "inference_geo"} <= set(
        body
    ) - ACCEPTED_MEMBERS
    assert "metadata" not in refused_members(body, ())


def test_a_plain_body_stays_whole() -> None:
    assert refused_members(PLAIN, CLAUDE_CODE) == []


CLEAR = {"type": "clear_tool_uses_20250919"}
COMPACT = {"type": "compact_20260112"}
THOUGHTS = {"type": "clear_thinking_20251015", "keep": "all"}
MANAGEMENT, COMPACTION = "context-management-2025-06-27", "compact-2026-01-12"


@pytest.mark.parametrize(
    ("edits", "betas", "gone"),
    [
        ([CLEAR], [MANAGEMENT], []),
        ([CLEAR], [], ["context_management"]),
        ([CLEAR, COMPACT], [MANAGEMENT, COMPACTION], []),
        ([CLEAR, COMPACT], [COMPACTION], ["context_management.edits[0]"]),
        ([THOUGHTS, CLEAR], [MANAGEMENT], ["context_management.edits[0]"]),
        ([THOUGHTS], [MANAGEMENT], ["context_management"]),
    ],
)
def test_edits_of_the_context_stay_with_their_beta(edits: list[Json], betas: list[str], gone: list[str]) -> None:
    assert refused_members({**PLAIN, "context_management": {"edits": edits}}, betas) == gone


ADD = {"name": "add", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("tool", "betas", "gone"),
    [
        ({**ADD, "eager_input_streaming": True}, CLAUDE_CODE, ["tools[1].eager_input_streaming"]),
        ({**ADD, "custom": {"defer_loading": True}}, CLAUDE_CODE, ["tools[1].custom"]),
        ({**ADD, "defer_loading": True}, [], ["tools[1].defer_loading"]),
        ({**ADD, "defer_loading": True}, ["advanced-tool-use-2025-11-20"], []),
        ({**ADD, "input_examples": []}, ["tool-search-tool-2025-10-19"], ["tools[1].input_examples"]),
        ({**ADD, "input_examples": []}, ["tool-examples-2025-10-29"], []),
        ({**ADD, "allowed_callers": []}, ["code-execution-2025-08-25"], ["tools[1].allowed_callers"]),
        ({"type": "web_search_20260318", "name": "w", "custom": {}}, ["web-search-2025-03-05"], ["tools[1]"]),
        ({"type": "computer_20250124", "name": "c"}, ["computer-use-2025-01-24"], []),
        ({"type": "computer_20250124", "name": "c"}, [], ["tools[1]"]),
        ({"type": "memory_20250818", "name": "memory"}, [MANAGEMENT], []),
        ({"type": "bash_20250124", "name": "bash"}, [], []),
    ],
)
def test_tools_and_their_members_stay_with_their_beta(tool: Json, betas: list[str], gone: list[str]) -> None:
    assert refused_members({**PLAIN, "tools": [ADD, tool]}, betas) == gone


def test_with_the_last_tool_leaves_the_choice_of_one() -> None:
    body = {**PLAIN, "tools": [{"type": "web_search_20260318", "name": "w"}] * 2, "tool_choice": {"type": "any"}}
    assert refused_members(body, ()) == ["tools", "tool_choice"]


@pytest.mark.parametrize(
    ("members", "beta", "path"),
    [
        (
            {"thinking": {"type": "adaptive", "block_binding": {}}},
            "thinking-binding-controls-2026-08-01",
            "block_binding",
        ),
        ({"thinking": {"type": "adaptive", "display": "updates"}}, "thinking-display-updates-2026-08-18", "display"),
    ],
)
def test_a_member_of_reasoning_stays_with_its_beta(members: Json, beta: str, path: str) -> None:
    assert refused_members({**PLAIN, **members}, [beta]) == []
    assert refused_members({**PLAIN, **members}, ()) == [f"thinking.{path}"]
    assert refused_members({**PLAIN, "thinking": {"type": "adaptive", "display": "omitted"}}, ()) == []


def test_in_messages_is_found_what_leaves() -> None:
    mark = {"cache_control": {"type": "ephemeral", "scope": "global"}}
    text = {"type": "text", "text": "x", **mark}
    body = {
        **PLAIN,
        "system": [text],
        "messages": [
            {"role": "user", "content": [text, {"type": "tool_result", "tool_use_id": "t", "content": [text]}]},
            {"role": "user", "content": "x"},
            {
                "role": "system",
                "content": [{"type": "tool_addition", "tool": {}}],
                "output_config": {},
                "clear_at": "never",
            },
            {"role": "user", "content": [{"type": "container_upload", "file_id": "f", **mark}]},
        ],
    }
    assert sorted(refused_members(body, ["mid-conversation-tool-changes-2026-07-01"])) == [
        "messages[0].content[0].cache_control.scope",
        "messages[0].content[1].content[0].cache_control.scope",
        "messages[2].clear_at",
        "messages[2].output_config",
        "messages[3].content[0]",
        "system[0].cache_control.scope",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ACCEPTED_MEMBERS, "type", "name", "text", "content", "edits", "a.b", "[0]"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*ACCEPTED_MEMBERS, "model", "a.b", "a"]), json_values, max_size=5))
@example({"tools": True})
@example({"tools": [{"type": "web_search_1", "name": {}}], "tool_choice": {"type": "tool", "name": []}})
def test_whatever_stands_in_a_body_the_tables_are_asked_without_harm(body: Json) -> None:
    before = copy.deepcopy(body)
    gone = refused_members(body, CLAUDE_CODE)
    assert body == before
    assert len(set(gone)) == len(gone)
    assert {name for name in body if name not in ACCEPTED_MEMBERS} <= set(gone)
    assert isinstance(find_billing_blocks(body), list)


@pytest.mark.parametrize("value", [True, 1, "tools", {"custom": {}}, {}, None, [True], [[]], [{"type": ["x"]}]])
@pytest.mark.parametrize("member", ["tools", "tool_choice", "system", "messages", "thinking", "context_management"])
def test_a_member_of_the_wrong_type_has_nothing_to_refuse(member: str, value: Any) -> None:
    assert refused_members({member: value}, [MANAGEMENT]) == []


def test_names_of_any_type_choose_the_tool_that_leaves() -> None:
    body = {"tools": [ADD, {"type": "web_search_1", "name": {"a": []}}], "tool_choice": {"type": "tool"}}
    chosen = {**body, "tool_choice": {"type": "tool", "name": {"a": []}}}
    assert refused_members(body, []) == ["tools[1]"]
    assert refused_members(chosen, []) == ["tools[1]", "tool_choice"]
    assert refused_members({**body, "tool_choice": {"type": "tool", "name": [1]}}, []) == ["tools[1]"]


def test_many_refused_items_are_found_in_no_time() -> None:
    block = {"type": "container_upload", "file_id": "f", "cache_control": {"scope": "global"}}
    body = {**PLAIN, "messages": [{"role": "user", "content": [block] * 50_000}]}
    began = time.monotonic()
    assert len(refused_members(body, ())) == 50_000
    assert time.monotonic() - began < 20


LINE = "x-anthropic-billing-header: cc_version=2.1.38.x; cc_entrypoint=cli; cch=00000;"


def test_the_blocks_that_tell_billing_are_found() -> None:
    text, billing = {"type": "text", "text": "Be terse."}, {"type": "text", "text": LINE}
    assert find_billing_blocks({"system": [billing, text, {**billing, "text": f"{LINE}\n"}]}) == [0, 2]
    assert find_billing_blocks({"system": [text, {**billing, "text": f"{LINE}\nBe terse."}]}) == []
    assert (
        find_billing_blocks({"system": LINE}) == find_billing_blocks({"system": None}) == find_billing_blocks({}) == []
    )


def test_a_text_is_parted_from_its_line_of_billing() -> None:
    assert split_billing_line(LINE) == (LINE, "")
    assert split_billing_line(f"{LINE}\nBe terse.\n") == (LINE, "Be terse.\n")
    assert split_billing_line(f" {LINE}") == ("", f" {LINE}")
