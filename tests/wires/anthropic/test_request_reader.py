"""Claude's wire: what a Messages request becomes in Converse, and what is left beside it."""

from typing import Any

import pytest

from bedrock_flask.bodies.anthropic_messages_body import Body as MessagesBody
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.wires import WIRES
from bedrock_flask.wires.anthropic import HINTS, read_request, write_reply, write_request

Json = dict[str, Any]


def body(**members: Any) -> Json:
    """A Messages body, which is a valid one."""
    complete_body = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "2+2?"}], **members}
    assert find_faults(MessagesBody(), complete_body) == []
    return complete_body


def read(**members: Any) -> Json:
    """The Converse request of a body, which is a valid one but for the extras, and says the same again."""
    request = read_request(body(**members))
    assert find_faults(Body(), {name: value for name, value in request.items() if name != "extras"}) == []
    assert read_request(write_request(request)) == request
    return request


def saying(*content: Json) -> Json:
    return read(messages=[{"role": "user", "content": list(content)}])


def blocks(*content: Json) -> list[Json]:
    request = saying(*content)
    assert "extras" not in request
    return list(request["messages"][0]["content"])


def extras(**members: Any) -> Json:
    return dict(read(**members).get("extras", {}))


def wrong(**members: Any) -> tuple[str, str]:
    """The path and the fault of a body that fits its schema and says what no model could be asked."""
    with pytest.raises(InvalidBody) as caught:
        read_request(body(**members))
    [fault] = caught.value.fields
    return fault.path, fault.message


def test_a_plain_request_is_read() -> None:
    assert read(
        system="Be terse.",
        messages=[{"role": "user", "content": "2+2?"}],
        temperature=0.5,
        top_p=0.9,
        stop_sequences=["END"],
    ) == {
        "system": [{"text": "Be terse."}],
        "messages": [{"role": "user", "content": [{"text": "2+2?"}]}],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
    }


FORM = {"type": "json_schema", "schema": {"type": "object"}}
READ_FORM = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}'}}}


def test_what_converse_cannot_say_is_left_as_extras() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2048}
    budget = {"type": "tokens", "total": 9}
    request = read(
        top_k=5,
        thinking=thinking,
        anthropic_beta=["context-1m-2025-08-07"],
        output_config={"effort": "low", "format": FORM, "task_budget": budget},
        speed="fast",
        mcp_servers=[{"type": "url", "name": "n", "url": "https://example.com"}],
        container="c",
        service_tier="standard_only",
    )
    assert "additionalModelRequestFields" not in request
    assert request["extras"] == {
        "top_k": 5,
        "thinking": thinking,
        "anthropic_beta": ["context-1m-2025-08-07"],
        "effort": "low",
        "output_config.task_budget": budget,
        "speed": "fast",
        "mcp_servers": [{"type": "url", "name": "n", "url": "https://example.com"}],
        "container": "c",
        "service_tier": "standard_only",
    }
    assert request["outputConfig"] == {"textFormat": READ_FORM}


def test_what_asks_for_what_happens_anyway_is_no_extra() -> None:
    assert (
        extras(
            stream=True,
            anthropic_version="2023-06-01",
            service_tier="auto",
            speed="standard",
            inference_geo=None,
            container=None,
            mcp_servers=[],
            context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            output_config={"effort": None, "format": None},
            metadata={"user_id": None},
        )
        == {}
    )


def test_the_older_name_of_the_form_says_the_same() -> None:
    assert read(output_format=FORM)["outputConfig"] == {"textFormat": READ_FORM}
    assert wrong(output_format=FORM, output_config={"format": FORM})[0] == "output_format"


def test_no_tokens_at_all_is_beyond_converse() -> None:
    request = read(max_tokens=0)
    assert "inferenceConfig" not in request
    assert request["extras"] == {"max_tokens": 0}


@pytest.mark.parametrize("user", ["", "u_1", "user_x_account__session_0b-1", "a" * 256])
def test_the_user_is_told_to_the_invocation_logs(user: str) -> None:
    request = read(metadata={"user_id": user})
    assert request["requestMetadata"] == {"user_id": user}
    assert "extras" not in request


@pytest.mark.parametrize("user", ['{"device_id":"x"}', "é", "a" * 257])
def test_a_user_whom_the_logs_do_not_take_is_a_hint(user: str) -> None:
    request = read(metadata={"user_id": user})
    assert "requestMetadata" not in request
    assert request["extras"] == {"metadata": {"user_id": user}}
    assert "metadata" in HINTS


def test_metadata_that_nothing_has_checked_is_an_extra() -> None:
    for metadata in (["x"], True, "x", {"user_id": ["x"]}, {"user_id": {}}):
        request = read_request({"messages": [{"role": "user", "content": "Hi"}], "metadata": metadata})
        assert request["extras"] == {"metadata": metadata}, metadata


LINE = "x-anthropic-billing-header: cc_version=2.1.38.x; cc_entrypoint=cli; cch=00000;"


def test_the_block_that_tells_claude_codes_billing_is_no_part_of_the_prompt() -> None:
    payload = {"type": "text", "text": LINE}
    request = read(system=[payload, {"type": "text", "text": "Be terse.", "cache_control": {"type": "ephemeral"}}])
    assert request["system"] == [{"text": "Be terse."}, {"cachePoint": {"type": "default"}}]
    assert request["extras"] == {"system.billing": [LINE]}
    assert "system.billing" in HINTS
    assert "system" not in read(system=[payload])


def test_instructions_behind_the_line_of_billing_are_kept() -> None:
    assert read(system=f"{LINE}\nBe terse.")["system"] == [{"text": "Be terse."}]
    assert read(system=f"Not {LINE}")["system"] == [{"text": f"Not {LINE}"}]


def test_blank_text_is_dropped_wherever_it_stands() -> None:
    blank = {"type": "text", "text": " \n"}
    text = {"type": "text", "text": "x"}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [blank, text]}
    document = {"type": "document", "source": {"type": "content", "content": [blank, text]}, "title": "T"}
    search = {"type": "search_result", "source": "s", "title": "t", "content": [text, blank]}
    request = read(system=[blank], messages=[{"role": "user", "content": [blank, text, result, document, search]}])
    assert "system" not in request
    words, used, read_document, found = request["messages"][0]["content"]
    assert words == {"text": "x"}
    assert used["toolResult"]["content"] == [{"text": "x"}]
    assert read_document["document"]["source"] == {"content": [{"text": "x"}]}
    assert found["searchResult"]["content"] == [{"text": "x"}]


@pytest.mark.parametrize(
    "content",
    [
        "",
        " \n",
        [],
        [{"type": "text", "text": ""}],
        [{"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}],
    ],
)
def test_a_message_that_says_nothing_is_refused_by_its_place_in_the_callers_body(content: Any) -> None:
    turns = [{"role": "user", "content": "x"}, {"role": "user", "content": content}]
    assert wrong(messages=turns)[0] == "messages[1]"


def test_a_mark_on_blank_text_marks_what_stands_before_it_or_is_left() -> None:
    blank = {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}
    text = {"type": "text", "text": "x"}
    point = {"cachePoint": {"type": "default"}}
    assert blocks(text, blank) == [{"text": "x"}, point]
    assert blocks({**text, "cache_control": {"type": "ephemeral"}}, blank) == [{"text": "x"}, point]
    first = read_request(body(messages=[{"role": "user", "content": [blank, text]}]))
    assert first["messages"][0]["content"] == [{"text": "x"}]
    assert first["extras"] == {"messages[0].content[0].cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({"type": "url", "url": "https://example.com/a.png"}, "source.url"),
        ({"type": "file", "file_id": "f"}, "source.file_id"),
    ],
)
@pytest.mark.parametrize("kind", ["image", "document"])
def test_a_medium_that_is_elsewhere_is_refused(kind: str, source: Json, path: str) -> None:
    block = {"type": kind, "source": source}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    text = {"type": "text", "text": "x"}
    found, message = wrong(messages=[{"role": "user", "content": [text, block]}])
    assert found == f"messages[0].content[1].{path}"
    is_image = (kind, path) == ("image", "source.url")
    assert message.startswith("is a URL, which" if is_image else "is not supported: send the medium as base64")
    assert wrong(messages=[{"role": "user", "content": [result]}])[0] == f"messages[0].content[0].content[0].{path}"


def test_what_a_lenient_alias_lets_pass_is_left_or_refused_by_its_place() -> None:
    picture = {"type": "picture", "data": "x"}
    text = {"type": "text", "text": "x"}
    payload = {"max_tokens": 9, "system": [picture], "messages": [{"role": "user", "content": [text, picture]}]}
    assert read_request(payload)["extras"] == {"system[0]": picture, "messages[0].content[1]": picture}
    with pytest.raises(InvalidBody) as caught:
        read_request({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "s3"}}]}]})
    assert [fault.path for fault in caught.value.fields] == ["messages[0].content[0].source.type"]


def test_blocks_without_a_like_in_converse_are_left_by_path() -> None:
    upload = {"type": "container_upload", "file_id": "f", "cache_control": {"type": "ephemeral"}}
    listing = {"type": "mcp_tool_listing", "mcp_server_name": "s", "tools": []}
    picture = {"type": "browser_state"}
    text = {"type": "text", "text": "x"}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text, picture]}
    request = saying(upload, text, result, listing)
    assert request["messages"] == [
        {"role": "user", "content": [{"text": "x"}, {"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}]}
    ]
    assert request["extras"] == {
        "messages[0].content[0]": upload,
        "messages[0].content[2].content[1]": picture,
        "messages[0].content[3]": listing,
    }


def test_a_tool_that_a_search_has_found_is_a_text() -> None:
    reference = {"type": "tool_reference", "tool_name": "add"}
    request = saying({"type": "tool_result", "tool_use_id": "t", "content": [reference]})
    [block] = request["messages"][0]["content"]
    assert block["toolResult"]["content"] == [{"text": "Found the tool: add"}]
    assert "extras" not in request


def test_a_message_of_nothing_else_is_left_whole() -> None:
    uploading = {"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}
    setting = {"role": "system", "output_config": {"effort": "low"}}
    plain = {"role": "user", "content": "x"}
    request = read(messages=[uploading, plain, setting, plain])
    assert request["messages"] == [{"role": "user", "content": [{"text": "x"}]}] * 2
    assert request["extras"] == {"messages[0]": uploading, "messages[2]": setting}


def test_members_that_converse_has_not_are_left_by_path_and_nulls_are_not() -> None:
    tool = {**ADD, "defer_loading": True, "input_examples": [{}], "allowed_callers": ["direct"], "custom": None}
    use = {"type": "tool_use", "id": "t", "name": "add", "input": {}, "caller": {"type": "direct"}, "toolset_name": "s"}
    words = {"role": "system", "content": "Be terse.", "clear_at": "next_user_message"}
    request = read(
        tools=[tool], messages=[{"role": "assistant", "content": [use]}, words, {**words, "clear_at": "never"}]
    )
    assert request["toolConfig"] == {"tools": [SPEC]}
    assert request["extras"] == {
        "tools[0].defer_loading": True,
        "tools[0].input_examples": [{}],
        "messages[0].content[0].toolset_name": "s",
        "messages[1].clear_at": "next_user_message",
    }


def test_a_failed_compaction_says_nothing_and_another_is_text() -> None:
    compacted = {"type": "compaction", "content": "So far: nothing.", "signature": "S", "encrypted_content": None}
    request = saying(compacted, {"type": "compaction", "content": None, "signature": None})
    assert request["messages"][0]["content"] == [{"text": "So far: nothing."}]
    assert request["extras"] == {"messages[0].content[0].signature": "S"}


def test_who_shares_a_prefix_and_how_finely_arguments_come_are_hints() -> None:
    mark = {"cache_control": {"type": "ephemeral", "scope": "global"}}
    eager = {**ADD, "eager_input_streaming": True}
    request = read(
        system=[{"type": "text", "text": "x", **mark}], tools=[{**ADD, "eager_input_streaming": False}, eager]
    )
    assert request["system"] == [{"text": "x"}, {"cachePoint": {"type": "default"}}]
    assert request["extras"] == {"cache_control.scope": "global", "tools.eager_input_streaming": [1]}
    assert set(request["extras"]) <= HINTS


def test_a_mark_of_the_whole_request_is_behind_its_last_block() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert read(cache_control=mark)["messages"][0]["content"] == [{"text": "2+2?"}, point]
    marked = {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": mark}]}
    assert read(cache_control=mark, messages=[marked])["messages"][0]["content"] == [{"text": "x"}, point]


def test_the_tokens_of_a_request_are_counted_without_a_limit() -> None:
    request = read_request({"model": "m", "messages": [{"role": "user", "content": "x"}]})
    assert request == {"messages": [{"role": "user", "content": [{"text": "x"}]}]}


def test_images_are_read() -> None:
    source = {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}
    assert blocks({"type": "image", "source": source}) == [{"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}}]


def test_documents_are_read_in_all_their_forms() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
    text = {"type": "text", "media_type": "text/plain", "data": "words"}
    pieces = {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    read_pdf, read_text, read_pieces, read_string = blocks(
        {"type": "document", "source": pdf, "title": "Q3_report: v1.pdf", "context": "old", "citations": None},
        {"type": "document", "source": text, "citations": {"enabled": True}},
        {"type": "document", "source": pieces, "title": "T"},
        {"type": "document", "source": {"type": "content", "content": "c"}, "title": "T"},
    )
    assert read_pdf["document"] == {
        "format": "pdf",
        "name": "Q3 report v1 pdf",
        "source": {"bytes": "AAAA"},
        "context": "old",
    }
    assert read_text["document"]["source"] == {"text": "words"}
    assert read_text["document"]["citations"] == {"enabled": True}
    assert read_text["document"]["name"].startswith("document-")
    assert read_pieces["document"]["source"] == {"content": [{"text": "a"}, {"text": "b"}]}
    assert read_string["document"]["source"] == {"content": [{"text": "c"}]}


def test_tool_use_and_its_result_are_read() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    assert blocks(
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "2"}, image]},
        {"type": "tool_result", "tool_use_id": "t2", "content": "boom", "is_error": True},
        {"type": "tool_result", "tool_use_id": "t3"},
    ) == [
        {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}},
        {
            "toolResult": {
                "toolUseId": "t1",
                "content": [{"text": "2"}, {"image": {"format": "png", "source": {"bytes": "AAAA"}}}],
            }
        },
        {"toolResult": {"toolUseId": "t2", "content": [{"text": "boom"}], "status": "error"}},
        {"toolResult": {"toolUseId": "t3", "content": []}},
    ]


def test_thinking_is_read_with_its_signature_if_it_has_one() -> None:
    assert blocks(
        {"type": "thinking", "thinking": "", "signature": "S"},
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "redacted_thinking", "data": "QUJD"},
    ) == [
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "S"}}},
        {"reasoningContent": {"reasoningText": {"text": "hm"}}},
        {"reasoningContent": {"redactedContent": "QUJD"}},
    ]


def test_search_results_server_tools_and_changes_of_tools_are_read() -> None:
    piece = {"type": "text", "text": "p"}
    assert blocks(
        {"type": "search_result", "source": "s", "title": "t", "content": [piece], "citations": {"enabled": True}},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
        {"type": "mcp_tool_result", "tool_use_id": "s2", "content": "no", "is_error": True},
        {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "add"}},
        {"type": "compaction", "content": "So far: nothing."},
    ) == [
        {"searchResult": {"source": "s", "title": "t", "content": [{"text": "p"}], "citations": {"enabled": True}}},
        {"toolUse": {"toolUseId": "s1", "name": "web_search", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s1", "content": [{"json": {"content": []}}], "type": "web_search_tool_result"}},
        {
            "toolResult": {
                "toolUseId": "s2",
                "content": [{"json": {"content": "no"}}],
                "type": "mcp_tool_result",
                "status": "error",
            }
        },
        {"toolAddition": {"tool": {"type": "tool_reference", "name": "add"}}},
        {"text": "So far: nothing."},
    ]


def test_the_definition_of_an_added_tool_is_left() -> None:
    definition = {"name": "add", "input_schema": {"type": "object"}}
    request = saying({"type": "tool_addition", "tool": {"type": "tool_definition", "definition": definition}})
    assert request["messages"][0]["content"] == [{"toolAddition": {"tool": {"type": "tool_definition", "name": "add"}}}]
    assert request["extras"] == {"messages[0].content[0].tool.definition": definition}


def test_cache_marks_become_cache_points_behind_what_they_mark() -> None:
    mark: Json = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    plain: Json = {"cache_control": {"type": "ephemeral"}}
    point, hour = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    request = read(
        system=[{"type": "text", "text": "S", **mark}],
        tools=[{"name": "add", "input_schema": {"type": "object"}, **plain}],
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a", **plain},
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "2", **mark}]},
                    {"type": "text", "text": "b", "cache_control": None},
                ],
            }
        ],
    )
    assert request["system"] == [{"text": "S"}, hour]
    assert request["toolConfig"]["tools"][1] == point
    assert request["messages"][0]["content"] == [
        {"text": "a"},
        point,
        {"toolResult": {"toolUseId": "t", "content": [{"text": "2"}]}},
        hour,
        {"text": "b"},
    ]


ADD = {"name": "add", "description": "Adds.", "input_schema": {"type": "object"}, "strict": True}
SPEC = {
    "toolSpec": {"name": "add", "description": "Adds.", "inputSchema": {"json": {"type": "object"}}, "strict": True}
}


@pytest.mark.parametrize(
    ("choice", "read_choice"),
    [
        ({"type": "auto"}, {"auto": {}}),
        ({"type": "any", "disable_parallel_tool_use": False}, {"any": {}}),
        ({"type": "tool", "name": "add"}, {"tool": {"name": "add"}}),
    ],
)
def test_tools_and_their_choice_are_read(choice: Json, read_choice: Json) -> None:
    request = read(tools=[ADD], tool_choice=choice)
    assert request["toolConfig"] == {"tools": [SPEC], "toolChoice": read_choice}
    assert "extras" not in request


USED = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "add", "input": {}}]}
BASH = {"type": "bash_20250124", "name": "bash"}


def test_no_tool_means_no_tools_unless_the_history_has_used_some() -> None:
    assert read(tools=[ADD, BASH], tool_choice={"type": "none"}) == read()
    request = read(tools=[ADD], tool_choice={"type": "none"}, messages=[USED])
    assert request["toolConfig"] == {"tools": [SPEC]}
    assert request["extras"] == {"tool_choice": {"type": "none"}}
    assert "tool_choice" in HINTS


@pytest.mark.parametrize("kind", ["auto", "any"])
def test_one_tool_at_a_time_is_an_extra(kind: str) -> None:
    choice = {"type": kind, "disable_parallel_tool_use": True}
    request = read(tools=[ADD], tool_choice=choice)
    assert request["toolConfig"] == {"tools": [SPEC], "toolChoice": {kind: {}}}
    assert request["extras"] == {"parallel_tool_calls": False}
    assert "extras" not in read(tool_choice={**choice, "type": "auto"})


def test_tools_that_the_provider_has_defined_are_left_by_path() -> None:
    request = read(tools=[BASH, ADD, BASH], tool_choice={"type": "any"})
    assert request["toolConfig"] == {"tools": [SPEC], "toolChoice": {"any": {}}}
    assert request["extras"] == {"tools[0]": BASH, "tools[2]": BASH}


@pytest.mark.parametrize("choice", [{"type": "tool", "name": "bash"}, {"type": "any"}])
def test_the_choice_of_such_a_tool_is_left_with_it(choice: Json) -> None:
    request = read(tools=[BASH], tool_choice={**choice, "disable_parallel_tool_use": True})
    assert "toolConfig" not in request
    assert request["extras"] == {"tools[0]": BASH, "tool_choice": choice, "parallel_tool_calls": False}
    assert extras(tools=[BASH], tool_choice={"type": "auto"}) == {"tools[0]": BASH}


@pytest.mark.parametrize("choice", [{"type": "tool", "name": "sub"}, {"type": "any"}])
def test_the_choice_of_a_tool_that_is_not_there_is_refused(choice: Json) -> None:
    assert wrong(tools=[] if choice["type"] == "any" else [ADD], tool_choice=choice)[0] == "tool_choice"


LOCATIONS: list[tuple[Json, Json]] = [
    (
        {"type": "char_location", "document_index": 0, "start_char_index": 1, "end_char_index": 2},
        {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}},
    ),
    (
        {"type": "page_location", "document_index": 0, "start_page_number": 1, "end_page_number": 2},
        {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}},
    ),
    (
        {"type": "content_block_location", "document_index": 0, "start_block_index": 1, "end_block_index": 2},
        {"documentChunk": {"documentIndex": 0, "start": 1, "end": 2}},
    ),
]


def written(*content: Json) -> list[Json]:
    """The content of a reply that says this."""
    message = {"role": "assistant", "content": list(content)}
    return list(write_reply({"output": {"message": message}, "stopReason": "end_turn"}, "m")["content"])


@pytest.mark.parametrize(("claude", "converse"), LOCATIONS)
def test_citations_go_both_ways(claude: Json, converse: Json) -> None:
    payload = {**claude, "cited_text": "words", "document_title": "T"}
    text = {"type": "text", "text": "said", "citations": [payload]}
    cited = {"title": "T", "sourceContent": [{"text": "words"}], "location": converse}
    [block] = blocks(text)
    assert block == {"citationsContent": {"content": [{"text": "said"}], "citations": [cited]}}
    assert written(block) == [text]


def test_citations_of_search_results_and_pages_go_both_ways() -> None:
    search = {
        "type": "search_result_location",
        "cited_text": "w",
        "title": "T",
        "source": "S",
        "search_result_index": 0,
        "start_block_index": 1,
        "end_block_index": 2,
    }
    web = {"type": "web_search_result_location", "cited_text": "w", "title": "T", "url": "https://example.com"}
    text = {"type": "text", "text": "said", "citations": [search, web]}
    assert written(*blocks(text)) == [text]


def test_of_citations_is_left_what_converse_has_not() -> None:
    web = {"type": "web_search_result_location", "title": None, "url": "https://example.com", "encrypted_index": "E"}
    star = {"type": "star_location", "star": 1}
    request = saying(
        {"type": "text", "text": "said", "citations": [star, web]}, {"type": "text", "text": "x", "citations": []}
    )
    cited, plain = request["messages"][0]["content"]
    location = {"web": {"url": "https://example.com"}}
    assert cited["citationsContent"]["citations"] == [{"sourceContent": [], "location": location}]
    assert plain == {"text": "x"}
    assert request["extras"] == {
        "messages[0].content[0].citations[0]": star,
        "citations.encrypted_index": {"messages[0].content[0].citations[1].encrypted_index": "E"},
    }


def test_an_answer_of_claudes_own_sdk_can_be_replayed_with_its_nulls() -> None:
    assert blocks({"type": "text", "text": "4", "citations": None}) == [{"text": "4"}]


def test_it_stands_under_its_name() -> None:
    wire = WIRES["anthropic"]
    assert (wire.read_request, wire.write_request, wire.hints) == (read_request, write_request, HINTS)


def test_a_message_of_an_unknown_role_is_left_whole() -> None:
    strange = {"role": "x", "content": "Hi", "cache_control": 5}
    request = read_request({"model": "m", "messages": [{"role": "user", "content": "x"}, strange]})
    assert request["messages"] == [{"role": "user", "content": [{"text": "x"}]}]
    assert request["extras"] == {"messages[1]": strange}
