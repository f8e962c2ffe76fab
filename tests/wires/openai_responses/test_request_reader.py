"""The Responses wire, requests: read to Converse and written back."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.bodies import converse_body
from bedrock_flask.bodies.openai_responses_body import Body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.wires.openai_responses import (
    HINTS,
    WIRE,
    find_custom_tools,
    find_namespaced_tools,
    read_request,
    write_request,
)

Json = dict[str, Any]

PNG = "data:image/png;base64,iVBORw0KGgo="
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
# The list of that one block, as the wire puts it into `encrypted_content`.
ENCRYPTED = "bf1.W3sicmVhc29uaW5nQ29udGVudCI6eyJyZWFzb25pbmdUZXh0Ijp7InNpZ25hdHVyZSI6ImMybG4iLCJ0ZXh0IjoiSG0uIn19fV0="


def body(given: Any = "2+2?", **members: Any) -> Json:
    return {"model": "m", "input": given, **members}


def read(given: Any = "2+2?", **members: Any) -> Json:
    """The Converse request of a body that fits the schema, which is a request that Converse takes."""
    payload = body(given, **members)
    before = json.dumps(payload)
    assert find_faults(Body(), payload) == []
    request = read_request(payload)
    assert json.dumps(payload) == before
    converse = {name: value for name, value in request.items() if name != "extras"}
    assert find_faults(converse_body.Body(), converse) == []
    return request


def turns(*items: Json) -> list[Json]:
    return list(read(list(items))["messages"])


def extras(given: Any = "2+2?", **members: Any) -> Json:
    return dict(read(given, **members).get("extras", {}))


def wrong(given: Any = "2+2?", **members: Any) -> str:
    """The path of what a body that fits the schema asks for in vain."""
    payload = body(given, **members)
    assert find_faults(Body(), payload) == []
    with pytest.raises(InvalidBody) as caught:
        read_request(payload)
    return caught.value.fields[0].path


def user(*parts: Any) -> Json:
    return {"type": "message", "role": "user", "content": list(parts)}


def says(role: str, text: str) -> Json:
    return {"role": role, "content": text}


def text(words: str, **members: Any) -> Json:
    return {"type": "input_text", "text": words, **members}


def call(number: str, arguments: str | None = "{}", **members: Any) -> Json:
    return {"type": "function_call", "call_id": number, "name": "add", "arguments": arguments, **members}


def output(number: str, words: Any, **members: Any) -> Json:
    return {"type": "function_call_output", "call_id": number, "output": words, **members}


def use(number: str, given: Json, name: str = "add") -> Json:
    return {"toolUse": {"toolUseId": number, "name": name, "input": given}}


def result(number: str, *content: Json) -> Json:
    return {"toolResult": {"toolUseId": number, "content": list(content)}}


# --- a request --------------------------------------------------------------------------------------------------------


def test_a_plain_request_is_read() -> None:
    assert read(instructions="Be terse.", max_output_tokens=64, temperature=0.5, top_p=0.9) == {
        "system": [{"text": "Be terse."}],
        "messages": [{"role": "user", "content": [{"text": "2+2?"}]}],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9},
    }


NOTHING_ASKED: Json = {
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "store": False,
    "background": False,
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "text"}, "verbosity": None},
    "reasoning": {"effort": None, "context": "auto", "mode": "standard"},
    "include": ["reasoning.encrypted_content"],
    "truncation": "disabled",
    "top_logprobs": 0,
    "metadata": {},
    "client_metadata": {},
    "context_management": [],
    "prompt_cache_options": {},
    "service_tier": "auto",
}


@pytest.mark.parametrize("name", sorted(NOTHING_ASKED))
def test_a_member_that_asks_for_what_happens_anyway_leaves_nothing(name: str) -> None:
    assert read(**{name: NOTHING_ASKED[name]}) == read()


@pytest.mark.parametrize("name", sorted(set(Body().fields) - {"model", "input"}))
def test_a_member_that_is_null_says_nothing(name: str) -> None:
    assert read(**{name: None}) == read()


OWN: Json = {
    "background_options": {"completion_window": "2h"},
    "truncation": "auto",
    "top_logprobs": 3,
    "parallel_tool_calls": False,
    "context_management": [{"type": "compaction"}],
    "client_metadata": {"session_id": "s"},
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "max_tool_calls": 4,
    "stream_options": {"include_obfuscation": True},
    "service_tier": "ultrafast",
    "access_programs": {"cyber": "standard"},
    "image": {"context_compression": "enabled"},
    "moderation": {"model": "omni-moderation-latest"},
}


@pytest.mark.parametrize("name", sorted(OWN))
def test_what_converse_cannot_say_is_an_extra_of_its_own_name(name: str) -> None:
    assert extras(**{name: OWN[name]}) == {name: OWN[name]}


def test_no_member_of_the_schema_is_forgotten() -> None:
    placed = {"max_output_tokens", "temperature", "top_p", "text", "reasoning", "include", "tool_choice", "tools"}
    named = {"metadata", "user", "safety_identifier", "service_tier"}
    kept = {"store", "background", "previous_response_id", "conversation", "prompt"}
    ignored = {"model", "stream"}
    assert set(Body().fields) == {"input", "instructions"} | placed | named | kept | ignored | set(OWN)


def test_extras_have_the_names_that_all_wires_give_them() -> None:
    assert extras(
        reasoning={"effort": "low", "summary": "auto", "mode": "pro"},
        text={"format": {"type": "json_object"}, "verbosity": "low"},
        include=["file_search_call.results", "reasoning.encrypted_content", "message.output_text.logprobs"],
        top_logprobs=2,
    ) == {
        "effort": "low",
        "reasoning.summary": "auto",
        "reasoning.mode": "pro",
        "json_object": True,
        "text.verbosity": "low",
        "include": ["file_search_call.results"],
        "logprobs": True,
        "top_logprobs": 2,
    }


def test_a_json_schema_is_read() -> None:
    form = {"type": "json_schema", "name": "sum", "schema": {"type": "object"}, "strict": True, "description": "A sum."}
    schema = {"schema": '{"type": "object"}', "name": "sum", "description": "A sum."}
    assert read(text={"format": form})["outputConfig"] == {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}
    }


@pytest.mark.parametrize(("tier", "there"), [("flex", "flex"), ("priority", "priority"), ("fast", "priority")])
def test_tiers_that_bedrock_has_are_read(tier: str, there: str) -> None:
    assert read(service_tier=tier)["serviceTier"] == {"type": there}


def test_names_of_the_user_and_metadata_become_request_metadata() -> None:
    request = read(metadata={"team": "a-1"}, user="u@x.org", safety_identifier="s")
    assert request["requestMetadata"] == {"team": "a-1", "user": "u@x.org", "safety_identifier": "s"}
    assert "extras" not in request


def test_metadata_that_converse_does_not_take_is_an_extra() -> None:
    assert extras(metadata={"team": "ä"}, user="x" * 257) == {"metadata": {"team": "ä"}, "user": "x" * 257}
    many = {f"name{index}": "" for index in range(16)}
    request = read(metadata=many, user="u")
    assert (request["requestMetadata"], request["extras"]) == (many, {"user": "u"})
    assert extras(metadata={"user": "a"}, user="b") == {"user": "b"}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"store": True}, "store"),
        ({"background": True}, "background"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"temperature": 1.5}, "temperature"),
        ({"prompt_cache_options": {"prewarm": True}}, "prompt_cache_options.prewarm"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "sub"}}, "tool_choice.name"),
    ],
)
def test_what_no_model_could_be_asked_is_refused_by_name(members: Json, path: str) -> None:
    assert wrong(**members) == path


# --- the conversation -------------------------------------------------------------------------------------------------


def test_the_first_system_and_developer_messages_join_the_instructions() -> None:
    request = read(
        [
            says("developer", "Use metres."),
            says("user", "How far?"),
            says("system", "Be kind."),
            says("developer", " "),
        ],
        instructions="Be terse.",
    )
    assert request["system"] == [{"text": "Be terse."}, {"text": "Use metres."}]
    assert request["messages"] == [
        {"role": "user", "content": [{"text": "How far?"}]},
        {"role": "system", "content": [{"text": "Be kind."}]},
    ]


def test_parallel_calls_are_one_turn_and_their_outputs_another() -> None:
    assert turns(
        says("user", "Add."),
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": ENCRYPTED},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Well."}]},
        call("a", '{"x": 1}'),
        call("b"),
        output("a", "1"),
        output("b", "2"),
        says("user", "go on"),
    ) == [
        {"role": "user", "content": [{"text": "Add."}]},
        {"role": "assistant", "content": [THOUGHT, {"text": "Well."}, use("a", {"x": 1}), use("b", {})]},
        {"role": "user", "content": [result("a", {"text": "1"}), result("b", {"text": "2"}), {"text": "go on"}]},
    ]


def test_outputs_stand_first_in_their_turn() -> None:
    [_, turn] = turns(call("a"), says("user", "Stop!"), output("a", "1"))
    assert turn["content"] == [result("a", {"text": "1"}), {"text": "Stop!"}]


def test_a_turn_that_reasons_begins_with_its_reasoning_and_else_keeps_its_order() -> None:
    thought = {"type": "reasoning", "summary": [], "encrypted_content": ENCRYPTED}
    [turn] = turns(says("assistant", "Well."), thought, call("a"))
    assert turn["content"] == [THOUGHT, {"text": "Well."}, use("a", {})]
    [turn] = turns(thought, says("assistant", "Well."), thought, call("a"))
    assert turn["content"] == [THOUGHT, {"text": "Well."}, THOUGHT, use("a", {})]


def test_blank_text_is_dropped_wherever_it_stands() -> None:
    image = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
    assert turns(
        user(text(""), {"type": "input_image", "image_url": PNG}),
        says("assistant", " \n"),
        call("a"),
        output("a", ""),
        output("b", [text("\t", prompt_cache_breakpoint={"mode": "explicit"}), text("2")]),
    ) == [
        {"role": "user", "content": [image]},
        {"role": "assistant", "content": [use("a", {})]},
        {"role": "user", "content": [result("a"), result("b", {"text": "2"})]},
    ]


def test_a_turn_of_blanks_is_no_turn() -> None:
    assert turns(says("user", "a"), says("assistant", ""), says("user", "b")) == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]}
    ]


@pytest.mark.parametrize("arguments", ["", " ", "null", None, "{}"])
def test_a_call_without_arguments_has_none(arguments: str | None) -> None:
    assert turns(call("a", arguments))[0]["content"] == [use("a", {})]


@pytest.mark.parametrize("arguments", ["{", "[1]", '"s"', '{"x": NaN}', "[" * 100_000])
def test_arguments_that_are_no_object_are_left_to_the_repairs(arguments: str) -> None:
    assert turns(call("a", arguments))[0]["content"] == [use("a", arguments)]


def test_an_output_that_is_json_stays_the_text_it_is() -> None:
    for words in ("[1,2]", '"s"', "3", "null", '{"a": 1}'):
        assert turns(output("a", words))[0]["content"] == [result("a", {"text": words})]


def test_calls_of_custom_tools_are_calls_with_one_argument() -> None:
    assert turns(
        {"type": "custom_tool_call", "call_id": "a", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "a", "output": [text("done")]},
    ) == [
        {"role": "assistant", "content": [use("a", {"input": "*** Begin"}, "patch")]},
        {"role": "user", "content": [result("a", {"text": "done"})]},
    ]


def test_refusals_are_text() -> None:
    words = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert turns(words) == [{"role": "assistant", "content": [{"text": "No."}]}]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "input_image", "image_url": "data:image/jpg;base64,AAAA", "detail": "auto"},
            {"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}},
        ),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
            {"document": {"format": "pdf", "name": "a.pdf", "source": {"bytes": "AAAA"}}},
        ),
        (
            {"type": "input_file", "filename": "a.MD", "file_data": "AAAA"},
            {"document": {"format": "md", "name": "a.MD", "source": {"bytes": "AAAA"}}},
        ),
        (
            {"type": "input_file", "file_data": "data:text/plain;charset=utf-8,hi"},
            {"document": {"format": "txt", "name": "document", "source": {"bytes": "aGk="}}},
        ),
    ],
)
def test_images_and_files_are_read(part: Json, block: Json) -> None:
    assert turns(user(part)) == [{"role": "user", "content": [block]}]
    assert turns(output("a", [part])) == [{"role": "user", "content": [result("a", block)]}]


def test_breakpoints_are_cache_points_behind_what_they_mark() -> None:
    mark, hour = {"mode": "explicit"}, {"mode": "explicit", "ttl": "30m"}
    request = read(
        [
            {"role": "developer", "content": [text("S", prompt_cache_breakpoint=mark)]},
            user(text("a", prompt_cache_breakpoint=hour), text("b")),
            output("c", [text("1", prompt_cache_breakpoint=mark), text("2", prompt_cache_breakpoint=hour)]),
        ]
    )
    point, longer = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert request["system"] == [{"text": "S"}, point]
    assert request["messages"][0]["content"] == [
        result("c", {"text": "1"}, {"text": "2"}),
        point,
        {"text": "a"},
        longer,
        {"text": "b"},
    ]
    assert "extras" not in request


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (" ", "input"),
        ([], "input"),
        ([says("user", "a"), says("user", " ")], "input[1]"),
        ([user()], "input[0]"),
        ([{"type": "item_reference", "id": "msg_1"}], "input[0]"),
        ([user(text("a"), {"type": "input_image", "file_id": "f"})], "input[0].content[1].file_id"),
        ([user({"type": "input_image"})], "input[0].content[0].image_url"),
        ([user({"type": "input_image", "image_url": "https://x.org/a.png"})], "input[0].content[0].image_url"),
        ([user({"type": "input_image", "image_url": "data:image/bmp;base64,AAAA"})], "input[0].content[0].image_url"),
        ([user({"type": "input_file", "file_id": "f"})], "input[0].content[0].file_id"),
        ([user({"type": "input_file", "file_url": "https://x.org"})], "input[0].content[0].file_url"),
        ([user({"type": "input_file"})], "input[0].content[0].file_data"),
        ([user({"type": "input_file", "file_data": "AAAA"})], "input[0].content[0].file_data"),
        ([user({"type": "input_file", "filename": "a.pdf", "file_data": "?"})], "input[0].content[0].file_data"),
        ([output("a", [{"type": "input_image"}])], "input[0].output[0].image_url"),
        (
            [{"role": "system", "content": [text("a"), {"type": "input_image", "image_url": PNG}]}],
            "input[0].content[1]",
        ),
    ],
)
def test_an_item_that_no_model_could_be_told_is_refused_by_its_place(given: Any, path: str) -> None:
    assert wrong(given) == path


def test_items_and_parts_of_unknown_kinds_are_told_by_the_schema_and_no_failure_without_it() -> None:
    strange: Json = {"type": "dream", "of": "sheep"}
    assert [(fault.path, fault.unknown) for fault in find_faults(Body(), body([strange]))] == [("input[0].type", True)]
    assert read_request(body([strange, says("user", "a")]))["extras"] == {"input[0]": strange}
    with pytest.raises(InvalidBody) as caught:
        read_request(body([user(strange)]))
    assert caught.value.fields[0].path == "input[0].content[0].type"
    assert read_request(body(tools=[strange]))["extras"] == {"tools[0]": strange}
    assert read_request(body(text={"format": strange}))["extras"] == {"text.format": strange}
    custom = {"type": "custom", "name": "x", "format": strange}
    assert read_request(body(tools=[custom]))["extras"] == {"tools[0].format": strange}
    assert read_request(body([{**says("user", "a"), "mood": 1}], later=2))["extras"] == {"input[0].mood": 1, "later": 2}


def test_items_that_only_openai_understands_are_extras_by_their_place() -> None:
    shell = {"type": "local_shell_call", "call_id": "a", "action": {"type": "exec", "command": ["ls"]}}
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    assert extras([says("user", "a"), shell, search]) == {"input[1]": shell, "input[2]": search}


def test_what_a_call_says_besides_is_an_extra_by_its_place() -> None:
    program = {"type": "program", "caller_id": "p"}
    payload = [call("a", caller=program, **{"async": True}), call("b", caller={"type": "direct"}, **{"async": False})]
    assert extras(payload) == {"input[0].caller": program, "input[0].async": True}


def test_what_only_a_client_needs_is_one_extra_for_the_whole_request_and_a_hint() -> None:
    note = {"turn_id": "t"}
    payload = extras(
        [
            {"role": "assistant", "content": "Well.", "phase": "commentary", "id": "msg_1", "status": "completed"},
            call("a", internal_chat_message_metadata_passthrough=note),
            output("a", [{"type": "input_image", "image_url": PNG, "detail": "high"}]),
            user(text("b", prompt_cache_breakpoint={"mode": "explicit", "ttl": "12h"})),
        ]
    )
    assert payload == {
        "input.phase": {"input[0].phase": "commentary"},
        "input.internal_chat_message_metadata_passthrough": {
            "input[1].internal_chat_message_metadata_passthrough": note
        },
        "input.detail": {"input[2].output[0].detail": "high"},
        "input.prompt_cache_breakpoint": {
            "input[3].content[0].prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}
        },
    }
    assert set(payload) <= HINTS


# --- reasoning --------------------------------------------------------------------------------------------------------


def thought(**members: Any) -> Json:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], **members}


def test_reasoning_comes_back_as_the_blocks_that_it_was() -> None:
    for blocks in (
        [THOUGHT],
        [{"reasoningContent": {"redactedContent": "QUJD"}}],
        [{"reasoningContent": {"reasoningText": {"text": "", "signature": "S"}}}, THOUGHT],
    ):
        written = write_request({"messages": [{"role": "assistant", "content": blocks}]})
        assert turns(*written["input"]) == [{"role": "assistant", "content": blocks}]


def test_a_summary_alone_is_for_people() -> None:
    assert read([says("user", "a"), thought()]) == read([says("user", "a")])
    assert read([says("user", "a"), thought(encrypted_content=None, content=[])]) == read([says("user", "a")])


def test_reasoning_in_plain_text_is_reasoning_without_a_signature() -> None:
    plain = thought(content=[{"type": "reasoning_text", "text": "One."}, {"type": "text", "text": "Two."}])
    assert turns(plain, says("assistant", "a")) == [
        {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "One.Two."}}}, {"text": "a"}]}
    ]


FOREIGN = [
    "gAAAAABo",
    "bf2.W10=",
    "bf1.",
    "bf1.?",
    "bf1.W10?=",
    "bf1.W10",
    "bf1.Ww==",
    "bf1.bnVsbA==",
    "bf1.WzFd",
    # [{"text": "a"}], then reasoning with a text that is a number, then with a member too many
    "bf1.W3sidGV4dCI6ICJhIn1d",
    "bf1.W3sicmVhc29uaW5nQ29udGVudCI6IHsicmVhc29uaW5nVGV4dCI6IHsidGV4dCI6IDF9fX1d",
    "bf1.W3sicmVhc29uaW5nQ29udGVudCI6IHsicmVkYWN0ZWRDb250ZW50IjogIkEifSwgImEiOiAxfV0=",
]


@pytest.mark.parametrize("encrypted", FOREIGN)
def test_the_reasoning_of_another_is_told_and_left_out(encrypted: str) -> None:
    request = read([says("user", "a"), thought(encrypted_content=encrypted), says("assistant", "b")])
    assert [len(turn["content"]) for turn in request["messages"]] == [1, 1]
    held = {"input[1]": thought(encrypted_content=encrypted)}
    assert request["extras"] == {"input.reasoning.encrypted_content": held}
    assert "input.reasoning.encrypted_content" in HINTS


@given(st.text())
def test_no_encrypted_content_is_a_failure(encrypted: str) -> None:
    read([says("user", "a"), thought(encrypted_content=encrypted)])
    read([says("user", "a"), thought(encrypted_content="bf1." + encrypted)])


# --- tools ------------------------------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
ADD: Json = {"type": "function", "name": "add", "description": "Adds.", "parameters": SCHEMA, "strict": True}
SUB: Json = {"type": "function", "name": "sub", "parameters": None, "strict": False}
PATCH: Json = {
    "type": "custom",
    "name": "patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
}
CRM: Json = {
    "type": "namespace",
    "name": "crm",
    "description": "The customers.",
    "tools": [
        {"type": "function", "name": "find", "description": "Finds.", "parameters": SCHEMA},
        {"type": "custom", "name": "note", "format": {"type": "text"}},
    ],
}
SEARCH: Json = {"type": "web_search", "external_web_access": False}


def spec(name: str, description: str | None, schema: Json, **members: Any) -> Json:
    payload = {"description": description} if description else {}
    return {"toolSpec": {"name": name, **payload, "inputSchema": {"json": schema}, **members}}


NONE = {"type": "object", "properties": {}}
INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as free text."}},
    "required": ["input"],
}
ADD_SPEC = spec("add", "Adds.", SCHEMA, strict=True)
SUB_SPEC = spec("sub", None, NONE)
PATCH_SPEC = spec("patch", "Edits files.\n\nThe text in `input` must fit this lark grammar:\n\nstart: x", INPUT)


def test_functions_and_custom_tools_are_read() -> None:
    assert read(tools=[ADD, SUB, PATCH])["toolConfig"] == {"tools": [ADD_SPEC, SUB_SPEC, PATCH_SPEC]}


def test_the_tools_of_a_namespace_are_told_apart_by_their_names() -> None:
    about = "Of all tools whose names begin with crm__: The customers."
    assert read(tools=[CRM])["toolConfig"]["tools"] == [
        spec("crm__find", f"Finds.\n\n{about}", SCHEMA),
        spec("crm__note", None, INPUT),
    ]
    assert turns(call("a", namespace="crm"))[0]["content"] == [use("a", {}, "crm__add")]


def test_tools_that_stand_in_the_conversation_are_tools() -> None:
    more = {"type": "additional_tools", "role": "developer", "tools": [PATCH, {"type": "mcp", "server_label": "s"}]}
    request = read([more, says("user", "a")], tools=[ADD])
    assert request["toolConfig"]["tools"] == [ADD_SPEC, PATCH_SPEC]
    assert request["extras"] == {"input[0].tools[1]": {"type": "mcp", "server_label": "s"}}
    assert find_custom_tools(body([more])) == {"patch"}


def test_an_answer_is_told_which_tools_are_custom_and_which_have_a_namespace() -> None:
    payload = body(tools=[ADD, PATCH, CRM, SEARCH])
    assert find_custom_tools(payload) == {"patch", "crm__note"}
    assert find_namespaced_tools(payload) == {"crm__find": ("crm", "find"), "crm__note": ("crm", "note")}
    assert (find_custom_tools(body()), find_namespaced_tools(body())) == (frozenset(), {})


def test_tools_that_openai_runs_are_extras_by_their_place_and_a_search_that_is_offered_is_a_hint() -> None:
    own: Json = {"type": "file_search", "vector_store_ids": ["v"]}
    payload = read(tools=[ADD, own, SEARCH])
    assert payload["toolConfig"] == {"tools": [ADD_SPEC]}
    assert payload["extras"] == {"tools[1]": own, "tools.web_search": {"tools[2]": SEARCH}}
    assert "tools.web_search" in HINTS


def test_how_a_tool_is_found_is_a_hint_and_what_it_does_besides_an_extra() -> None:
    payload = {**ADD, "defer_loading": True, "allowed_callers": ["direct", "programmatic"], "output_schema": SCHEMA}
    assert extras(tools=[{**payload, "async": True}]) == {
        "tools.defer_loading": {"tools[0].defer_loading": True},
        "tools.allowed_callers": {"tools[0].allowed_callers": ["direct", "programmatic"]},
        "tools.output_schema": {"tools[0].output_schema": SCHEMA},
        "tools[0].async": True,
    }
    assert extras(tools=[{**ADD, "defer_loading": False, "allowed_callers": ["direct"], "async": False}]) == {}


def test_two_tools_of_one_name_must_be_the_same() -> None:
    assert read(tools=[ADD, ADD])["toolConfig"] == {"tools": [ADD_SPEC]}
    assert wrong(tools=[ADD, {**ADD, "description": "Adds more."}]) == "tools[1].name"
    assert wrong(tools=[{**SUB, "name": "crm__find"}, CRM]) == "tools[1].tools[0].name"


@pytest.mark.parametrize(
    ("choice", "there"),
    [
        ("required", {"any": {}}),
        ({"type": "function", "name": "add"}, {"tool": {"name": "add"}}),
        ({"type": "custom", "name": "patch"}, {"tool": {"name": "patch"}}),
    ],
)
def test_the_choice_of_a_tool_is_read(choice: Any, there: Json) -> None:
    assert read(tools=[ADD, PATCH], tool_choice=choice)["toolConfig"] == {
        "tools": [ADD_SPEC, PATCH_SPEC],
        "toolChoice": there,
    }


def test_no_tool_means_no_tools_unless_the_history_has_used_some() -> None:
    assert read(tools=[ADD, SEARCH], tool_choice="none") == read()
    request = read([call("a"), output("a", "1")], tools=[ADD, SEARCH], tool_choice="none")
    assert request["toolConfig"] == {"tools": [ADD_SPEC]}
    assert request["extras"] == {"tool_choice": {"type": "none"}}
    assert "tool_choice" in HINTS


def test_tools_that_are_not_allowed_are_not_there() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "patch"}]}
    assert read(tools=[ADD, PATCH, SEARCH], tool_choice=choice) == read(tools=[PATCH])
    must = {**choice, "mode": "required", "tools": [{"type": "function", "name": "add"}, {"type": "web_search"}]}
    request = read(tools=[ADD, PATCH, SEARCH], tool_choice=must)
    assert request["toolConfig"] == {"tools": [ADD_SPEC], "toolChoice": {"any": {}}}
    assert request["extras"] == {"tool_choice.tools": [{"type": "web_search"}]}
    spaces = {**choice, "tools": [{"type": "namespace", "name": "crm"}]}
    assert read(tools=[ADD, CRM], tool_choice=spaces) == read(tools=[CRM])
    stranger = {**choice, "tools": [{"type": "custom", "name": "patch"}, {"type": "function", "name": "mul"}]}
    assert wrong(tools=[ADD, PATCH], tool_choice=stranger) == "tool_choice.tools[1].name"


def test_the_choice_of_a_tool_that_openai_runs_is_an_extra() -> None:
    choice = {"type": "mcp", "server_label": "s"}
    payload = extras(tools=[ADD], tool_choice=choice)
    assert payload == {"tool_choice.type": "mcp", "tool_choice.server_label": "s"}
    assert not HINTS & payload.keys()


# What the Codex CLI sends in the second turn of a session, shortened.
CODEX: Json = {
    "model": "claude",
    "instructions": "You are a coding agent.",
    "input": [
        {"type": "message", "role": "developer", "content": [text("<permissions>")]},
        {"type": "message", "role": "user", "content": [text("<environment_context>")]},
        {"type": "message", "role": "user", "content": [text("Fix it."), {"type": "input_image", "image_url": PNG}]},
        {"type": "reasoning", "summary": [], "content": None, "encrypted_content": ENCRYPTED},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "name": "exec_command", "arguments": '{"cmd": "ls"}', "call_id": "c1"},
        {"type": "custom_tool_call", "status": "completed", "call_id": "c2", "name": "patch", "input": "*** Begin"},
        {"type": "function_call", "name": "find", "namespace": "crm", "arguments": "", "call_id": "c3"},
        {"type": "function_call_output", "call_id": "c1", "output": "a.py"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "Done."},
        {"type": "function_call_output", "call_id": "c3", "output": [text("none")]},
    ],
    "tools": [
        {"type": "function", "name": "exec_command", "description": "Runs.", "strict": False, "parameters": SCHEMA},
        PATCH,
        SEARCH,
        CRM,
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0199",
    "text": {"verbosity": "low"},
    "client_metadata": {"x-codex-installation-id": "i"},
}


def test_all_that_codex_always_asks_for_is_said_or_is_a_hint() -> None:
    request = read(CODEX["input"], **{name: value for name, value in CODEX.items() if name != "input"})
    assert set(request["extras"]) <= HINTS
    assert [(turn["role"], [next(iter(block)) for block in turn["content"]]) for turn in request["messages"]] == [
        ("user", ["text", "text", "image"]),
        ("assistant", ["reasoningContent", "text", "toolUse", "toolUse", "toolUse"]),
        ("user", ["toolResult", "toolResult", "toolResult"]),
    ]
    names = [tool["toolSpec"]["name"] for tool in request["toolConfig"]["tools"]]
    assert names == ["exec_command", "patch", "crm__find", "crm__note"]


# --- written ----------------------------------------------------------------------------------------------------------


def test_a_request_is_written_as_it_would_be_sent() -> None:
    request = read(
        [user(text("Hi."), {"type": "input_image", "image_url": PNG})], instructions="Be terse.", tools=[SUB]
    )
    assert {**WIRE.envelope, **write_request(request)} == {
        "instructions": "Be terse.",
        "input": [user(text("Hi."), {"type": "input_image", "image_url": PNG, "detail": "auto"})],
        "tools": [{"type": "function", "name": "sub", "parameters": NONE, "strict": False}],
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }


def test_a_custom_tool_and_its_calls_are_written_as_such() -> None:
    request = read(CODEX["input"], tools=CODEX["tools"])
    written = write_request(request)
    assert find_custom_tools(written) == find_custom_tools(CODEX)
    kinds = [item["type"] for item in written["input"]]
    assert kinds.count("custom_tool_call") == kinds.count("custom_tool_call_output") == 1


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "name": "add"},
        {"type": "custom", "name": "patch"},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "add"}]},
        {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "custom", "name": "patch"}, {"type": "web_search"}],
        },
    ],
)
def test_a_choice_that_is_written_reads_as_it_did(choice: Any) -> None:
    request = read(tools=[ADD, PATCH], tool_choice=choice)
    written = write_request(request)
    assert find_faults(Body(), {"model": "m", **written}) == []
    assert read_request(written) == request


@pytest.mark.parametrize(
    "members",
    [
        *({name: value} for name, value in OWN.items()),
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
        {"reasoning": {"effort": "high", "mode": "pro"}},
        {"include": ["message.output_text.logprobs", "file_search_call.results"]},
        {"metadata": {"a": "b", "user": "u"}, "user": "ü"},
        {"service_tier": "flex"},
    ],
)
def test_a_wish_that_is_written_reads_as_it_did(members: Json) -> None:
    request = read(**members)
    assert request != read()
    assert read_request(write_request(request)) == request


def test_a_call_of_a_custom_tool_that_gives_more_than_text_loses_nothing() -> None:
    more = {"role": "assistant", "content": [use("a", {"input": "x", "why": "y"}, "patch")]}
    [item] = write_request({"messages": [more], "toolConfig": {"tools": [PATCH_SPEC]}})["input"]
    assert item == {**call("a", '{"input": "x", "why": "y"}'), "name": "patch"}


def test_what_only_converse_has_is_written_under_its_own_name() -> None:
    guardrail = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    turn = {"role": "user", "content": [{"text": "a"}]}
    written = write_request(
        {
            "messages": [turn],
            "guardrailConfig": guardrail,
            "inferenceConfig": {"stopSequences": ["END"]},
            "outputConfig": {"effort": "low"},
            "extras": {"top_k": 5, "thinking": {"type": "adaptive"}},
        }
    )
    assert (written["guardrailConfig"], written["stop"], written["top_k"]) == (guardrail, ["END"], 5)
    assert (written["reasoning"], written["thinking"]) == ({"effort": "low"}, {"type": "adaptive"})


def test_blocks_of_other_wires_are_written_where_they_can_be() -> None:
    cited = {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": []}}
    document = {"document": {"name": "n", "source": {"text": "hi"}, "format": "txt"}}
    failed = {"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}], "status": "error"}}
    point = {"cachePoint": {"type": "default", "ttl": "5m"}}
    written = write_request(
        {
            "system": [point, {"text": "S"}, point, {"text": "T"}],
            "messages": [
                {"role": "assistant", "content": [cited, use("t", {}), point]},
                {"role": "user", "content": [failed, point, document]},
            ],
            "toolConfig": {"tools": [ADD_SPEC, point], "toolChoice": {"tool": {"name": "add"}}},
        }
    )
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    file = {"type": "input_file", "filename": "n", "file_data": "data:text/plain;base64,aGk="}
    assert written["input"] == [
        {"type": "message", "role": "developer", "content": [text("S", **mark), text("T")]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "ab", "annotations": []}],
        },
        call("t"),
        output("t", [text('{"a": 1}', **mark)]),
        user(file),
    ]
    assert written["tool_choice"] == {"type": "function", "name": "add"}


RAN = {"toolUseId": "t", "name": "nova_grounding", "input": {}}
VIDEO = {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}}


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"messages": [{"role": "user", "content": [{"text": "a"}, VIDEO]}]}, "messages[0].content[1].video"),
        (
            {"messages": [{"role": "user", "content": [result("t", VIDEO)]}]},
            "messages[0].content[0].toolResult.content[0].video",
        ),
        (
            {"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"s3Location": {}}}}]}]},
            "messages[0].content[0].image.source",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"toolUse": {**RAN, "type": "server_tool_use"}}]}]},
            "messages[0].content[0].toolUse.type",
        ),
        ({"messages": [], "toolConfig": {"tools": [{"systemTool": {"name": "n"}}]}}, "toolConfig.tools[0]"),
        ({"messages": [], "system": [{"guardContent": {}}]}, "system[0].guardContent"),
    ],
)
def test_what_the_format_cannot_say_is_refused_and_never_left_out(request_: Json, path: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        write_request(request_)
    assert caught.value.fields[0].path == path


def test_an_extra_whose_place_is_gone_is_left_out() -> None:
    request = {"messages": [{"role": "user", "content": [{"text": "a"}]}]}
    gone = {"input[0].content[0].detail": "high", "input[7].caller": {}, "include[0].x": 1, "text.a.b.c": 1}
    assert write_request({**request, "extras": gone})["input"] == write_request(request)["input"]


# --- laws -------------------------------------------------------------------------------------------------------------

calm = settings(deadline=None, max_examples=60)

words = st.text(min_size=1).filter(lambda text: not text.isspace())
blank = st.sampled_from(["", " ", "\n"])
names = st.from_regex(r"\A[a-z]{1,8}\Z")
numbers = st.from_regex(r"\A[a-z0-9]{1,8}\Z")
schemas = st.sampled_from([SCHEMA, NONE])
marks = st.fixed_dictionaries({"mode": st.just("explicit")}, optional={"ttl": st.sampled_from(["30m", None])})
values = st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=2)


def parts(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    data = st.sampled_from(["data:image/gif;base64,R0lG", PNG])
    files = st.sampled_from(["data:text/csv;base64,YQ==", "data:text/html,%3Cp%3E"])
    marked = {"prompt_cache_breakpoint": marks}
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("input_text"), "text": texts}, optional=marked),
        st.fixed_dictionaries(
            {"type": st.just("input_image"), "image_url": data},
            optional={**marked, "detail": st.sampled_from(["low", "auto", "original"])},
        ),
        st.fixed_dictionaries({"type": st.just("input_file"), "file_data": files}, optional={"filename": names}),
    )


calls = st.one_of(
    st.builds(lambda number, name, given: {**call(number, json.dumps(given)), "name": name}, numbers, names, values),
    st.builds(
        lambda number, name, given: {"type": "custom_tool_call", "call_id": number, "name": name, "input": given},
        numbers,
        names | st.just("patch"),
        st.text(),
    ),
)
outputs = st.builds(output, numbers, words | st.just("") | st.lists(parts(words), max_size=3))
blank_outputs = st.builds(output, numbers, st.lists(parts(words | blank), max_size=3))
thoughts = st.builds(
    lambda block: {"type": "reasoning", **block},
    st.sampled_from(
        [
            {"summary": [], "encrypted_content": ENCRYPTED},
            {"summary": [], "encrypted_content": "gAAA"},
            {"summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        ]
    ),
)
answers = st.builds(
    lambda texts, more: {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": each} for each in texts],
        **more,
    },
    st.lists(words, min_size=1, max_size=2),
    st.sampled_from([{}, {"phase": "commentary"}]),
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "instructions": words | st.just(""),
        "max_output_tokens": st.integers(1, 9),
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0, 1),
        "parallel_tool_calls": st.booleans(),
        "text": st.sampled_from(
            [
                {"verbosity": "low"},
                {"format": {"type": "json_object"}},
                {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
            ]
        ),
        "reasoning": st.sampled_from([{"effort": "high", "summary": "auto"}, {"context": "all_turns"}]),
        "include": st.sampled_from([["file_search_call.results", "reasoning.encrypted_content"], []]),
        "metadata": st.sampled_from([{"a": "b"}, {"a": "ä"}, {"user": "u"}]),
        "user": st.sampled_from(["u", "ü"]),
        "service_tier": st.sampled_from(["auto", "flex", "scale"]),
        "prompt_cache_key": names,
        "truncation": st.just("auto"),
    },
)
functions = st.builds(
    lambda name, schema, more: {"type": "function", "name": name, "parameters": schema, **more},
    names,
    schemas,
    st.sampled_from([{}, {"strict": True}, {"description": "D.", "defer_loading": True}, {"async": True}]),
)
offered = st.lists(functions | st.sampled_from([PATCH, SEARCH, {"type": "mcp"}]), max_size=4, unique_by=str)
choices = st.sampled_from(["auto", "none", {"type": "mcp"}, {"type": "allowed_tools", "mode": "auto", "tools": []}])


@st.composite
def tidy(draw: st.DrawFn) -> list[Json]:
    """A conversation whose turns consist of as few items as they can."""
    items: list[Json] = []
    for _ in range(draw(st.integers(1, 3))):
        items += draw(st.lists(outputs, max_size=2))
        items.append(user(*draw(st.lists(parts(words), min_size=1, max_size=3))))
        items += draw(st.lists(thoughts, max_size=2))
        items += [draw(answers), *draw(st.lists(calls, max_size=2))]
    return items


# Of items in any order, and blank ones: some are put together, so that their places change.
untidy = st.lists(
    st.one_of(
        st.builds(lambda text: says("user", text), words),
        st.builds(lambda text: says("developer", text), words | blank),
        st.builds(lambda text: says("assistant", text), words | blank),
        st.sampled_from([thought(), thought(encrypted_content=ENCRYPTED)]),
        calls,
        outputs,
        blank_outputs,
    ),
    max_size=8,
).map(lambda items: [*items, says("user", "?")])


def normal(payload: Json) -> Json:
    """A request without the extras whose places can change."""
    return {
        **payload,
        "extras": {name: value for name, value in payload.get("extras", {}).items() if "input" not in name},
    }


@calm
@given(tidy(), wishes, offered, choices)
def test_a_request_that_is_written_reads_as_it_did(
    given_: list[Json], more: Json, tools: list[Json], choice: Any
) -> None:
    unique = [
        tool for index, tool in enumerate(tools) if tool.get("name") not in [t.get("name") for t in tools[:index]]
    ]
    request = read(given_, tools=unique, tool_choice=choice, **more)
    written = write_request(request)
    assert find_faults(Body(), {"model": "m", **written}) == []
    assert read_request(written) == request


@calm
@given(untidy, wishes)
def test_items_that_are_put_together_read_as_they_did(given_: list[Json], more: Json) -> None:
    request = read(given_, **more)
    written = write_request(request)
    assert find_faults(Body(), {"model": "m", **written}) == []
    assert normal(read_request(written)) == normal(request)


@calm
@given(untidy)
def test_turns_alternate_and_none_is_empty(given_: list[Json]) -> None:
    request = read(given_)
    roles = [turn["role"] for turn in request["messages"]]
    assert all(one != other for one, other in pairwise(roles))
    assert all(turn["content"] for turn in request["messages"])


def test_it_stands_under_its_name() -> None:
    assert (WIRE.name, WIRE.read_request, WIRE.write_request, WIRE.hints) == (
        "openai_responses",
        read_request,
        write_request,
        HINTS,
    )


def test_an_item_of_no_kind_is_no_message() -> None:
    nameless = {"type": "", "call_id": "c", "output": "x"}
    payload = body([{"role": "user", "content": "x"}, nameless])
    assert [(fault.path, fault.unknown) for fault in find_faults(Body(), payload)] == [("input[1].type", False)]
    assert read_request(payload)["extras"] == {"input[1]": nameless}
    assert turns({"type": None, "role": "user", "content": "x"}) == turns({"role": "user", "content": "x"})


def test_a_number_of_calls_is_a_hint_that_is_told() -> None:
    assert "max_tool_calls" in HINTS
