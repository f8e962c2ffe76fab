"""Requests of Chat Completions, read; cases are those of the catalogue of what gateways for Bedrock get wrong."""

from typing import Any

import pytest

from bedrock_flask.bodies.converse_body import Body as ConverseBody
from bedrock_flask.bodies.openai_chat_body import Body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.wires import openai_responses
from bedrock_flask.wires.openai_chat import HINTS, WIRE, read_request, write_request

Json = dict[str, Any]

USER: Json = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64,AAAA"
POINT, HOUR = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
MARK: Json = {"cache_control": {"type": "ephemeral"}}
HOUR_MARK: Json = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def body(*messages: Json, **members: Any) -> Json:
    return {"model": "m", "messages": list(messages or [USER]), **members}


def read(*messages: Json, **members: Any) -> Json:
    """The request of a body that fits the schema; it fits Converse's, and survives being written."""
    request_body = body(*messages, **members)
    assert find_faults(Body(), request_body) == []
    request = read_request(request_body)
    assert find_faults(ConverseBody(), {name: each for name, each in request.items() if name != "extras"}) == []
    assert read_request(write_request(request)) == request
    return request


def extras(*messages: Json, **members: Any) -> Json:
    return dict(read(*messages, **members).get("extras", {}))


def turns(*messages: Json) -> list[Json]:
    request = read(*messages)
    assert "extras" not in request
    return list(request["messages"])


def wording(*parts: Json) -> list[Json]:
    return list(turns({"role": "user", "content": list(parts)})[0]["content"])


def wrong(*messages: Json, **members: Any) -> tuple[str, str]:
    """Where and why a body that fits the schema is refused."""
    request_body = body(*messages, **members)
    assert find_faults(Body(), request_body) == []
    with pytest.raises(InvalidBody) as caught:
        read_request(request_body)
    [fault] = caught.value.fields
    return fault.path, fault.message


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def image(url: str = PNG, **more: Any) -> Json:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(**payload: Any) -> Json:
    return {"type": "file", "file": payload}


def call(name: str, arguments: str | None = "{}", **more: Any) -> Json:
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def calling(*calls: Json, **more: Any) -> Json:
    return {"role": "assistant", "tool_calls": list(calls), **more}


def gave(name: str, content: Any, **more: Any) -> Json:
    return {"role": "tool", "tool_call_id": f"call_{name}", "content": content, **more}


def used(name: str, **arguments: Any) -> Json:
    return {"toolUse": {"toolUseId": f"call_{name}", "name": name, "input": arguments}}


def result(name: str, *content: Json) -> Json:
    return {"toolResult": {"toolUseId": f"call_{name}", "content": list(content)}}


FUNCTION: Json = {"type": "function", "function": {"name": "add"}}
SPEC: Json = {"toolSpec": {"name": "add", "inputSchema": {"json": {"type": "object", "properties": {}}}}}


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_plain_request_is_read() -> None:
    assert read(
        {"role": "system", "content": "Be terse."},
        {"role": "developer", "content": [text("No jokes."), text(" ")]},
        {"role": "user", "content": "2+2?"},
        max_completion_tokens=64,
        temperature=0.5,
        top_p=0.9,
        stop="END",
        stream=True,
        stream_options={"include_usage": True},
    ) == {
        "system": [{"text": "Be terse."}, {"text": "No jokes."}],
        "messages": [{"role": "user", "content": [{"text": "2+2?"}]}],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
    }


def test_case_1_results_of_parallel_calls_stand_in_one_turn() -> None:
    assert turns(USER, calling(call("a"), call("b")), gave("a", "1"), gave("b", "2")) == [
        {"role": "user", "content": [{"text": "hi"}]},
        {"role": "assistant", "content": [used("a"), used("b")]},
        {"role": "user", "content": [result("a", {"text": "1"}), result("b", {"text": "2"})]},
    ]


def test_case_2_what_the_user_adds_stands_behind_the_results_in_the_same_turn() -> None:
    *_, last = turns(USER, calling(call("a")), gave("a", "1"), {"role": "user", "content": "go on"})
    assert last == {"role": "user", "content": [result("a", {"text": "1"}), {"text": "go on"}]}


def test_instructions_between_results_do_not_part_them() -> None:
    system = {"role": "system", "content": "Be terse."}
    request = read(USER, calling(call("a"), call("b")), gave("a", "1"), system, gave("b", "2"))
    # The repairs join what has become neighbours.
    assert [turn["role"] for turn in request["messages"]] == ["user", "assistant", "user", "system", "user"]
    assert request["messages"][3]["content"] == [{"text": "Be terse."}]


@pytest.mark.parametrize("content", ["", None, " \n", [text("")]])
def test_case_3_blank_text_beside_calls_is_left_out(content: Any) -> None:
    assert turns(USER, calling(call("a"), content=content))[1]["content"] == [used("a")]


def test_case_4_a_blank_part_is_left_out() -> None:
    assert wording(text(""), image()) == [{"image": {"format": "png", "source": {"bytes": "AAAA"}}}]


@pytest.mark.parametrize("content", [[text(" ")], "", " "])
def test_case_4_a_message_that_says_nothing_is_named_in_the_callers_counting(content: Any) -> None:
    assert wrong({"role": "system", "content": "S"}, USER, {"role": "user", "content": content})[0] == "messages[2]"


def test_an_empty_answer_is_left_to_the_repairs() -> None:
    assert read(USER, {"role": "assistant", "content": ""}, USER)["messages"][1] == {"role": "assistant", "content": []}


def test_blank_instructions_instruct_nothing() -> None:
    assert "system" not in read({"role": "system", "content": "", **MARK}, USER)


@pytest.mark.parametrize("arguments", ["", "null", " \n", None])
def test_case_5_no_arguments_are_an_empty_object(arguments: Any) -> None:
    assert turns(USER, calling(call("a", arguments)))[1]["content"] == [used("a")]


def test_case_5_missing_arguments_are_an_empty_object() -> None:
    assert turns(USER, calling({"id": "call_a", "function": {"name": "a"}}))[1]["content"] == [used("a")]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", '"s"', '{"a": NaN}', "[" * 100_000])
def test_arguments_that_are_no_object_are_left_to_the_repairs(arguments: str) -> None:
    [block] = turns(USER, calling(call("a", arguments)))[1]["content"]
    assert block["toolUse"]["input"] == arguments


def test_of_two_arguments_with_one_name_the_last_counts() -> None:
    [block] = turns(USER, calling(call("a", '{"a": 1, "a": 2}')))[1]["content"]
    assert block["toolUse"]["input"] == {"a": 2}


def test_case_6_what_a_tool_gave_in_parts_is_read_in_blocks() -> None:
    gave_parts = gave("a", [text("one"), text(""), image(), text("two")])
    png = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
    assert turns(USER, calling(call("a")), gave_parts)[2]["content"] == [
        result("a", {"text": "one"}, png, {"text": "two"})
    ]


@pytest.mark.parametrize("output", ["[1,2]", '"s"', "3", "null", '{"a": 1}'])
def test_case_7_what_a_tool_gave_is_text_be_it_json(output: str) -> None:
    assert turns(USER, calling(call("a")), gave("a", output))[2]["content"] == [result("a", {"text": output})]


def test_a_tool_may_give_nothing() -> None:
    assert turns(USER, calling(call("a")), gave("a", ""))[2]["content"] == [result("a")]


def test_what_the_model_refused_with_is_what_it_said() -> None:
    refused = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "refusal": "Never."}
    assert turns(USER, refused)[1]["content"] == [{"text": "No."}, {"text": "Never."}]


def test_an_answer_of_openais_own_sdk_can_be_replayed_with_its_nulls() -> None:
    answer = {"role": "assistant", "content": "4", "refusal": None, "annotations": [], "audio": None}
    assert turns(USER, {**answer, "function_call": None, "tool_calls": None})[1]["content"] == [{"text": "4"}]


def test_an_answer_that_openais_own_sdk_has_parsed_can_be_replayed() -> None:
    changed = call("a", index=0)
    changed["function"]["parsed_arguments"] = {}
    assert turns(USER, calling(changed, content="4", parsed=4))[1]["content"] == [{"text": "4"}, used("a")]


def test_a_call_of_a_custom_tool_in_the_history_is_read_as_one_with_one_argument() -> None:
    custom = {"id": "call_a", "type": "custom", "custom": {"name": "a", "input": "x = 1"}}
    assert turns(USER, calling(custom))[1]["content"] == [used("a", input="x = 1")]


# --- media -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "form"), [("jpg", "jpeg"), ("jpeg", "jpeg"), ("PNG", "png"), ("gif", "gif"), ("webp", "webp")]
)
def test_case_29_images_are_read_by_their_media_type(kind: str, form: str) -> None:
    assert wording(image(f"data:image/{kind};base64,AAAA")) == [
        {"image": {"format": form, "source": {"bytes": "AAAA"}}}
    ]


@pytest.mark.parametrize("kind", ["image/bmp", "image/svg+xml", "application/pdf"])
def test_case_29_other_images_are_refused_by_path_with_those_that_are_not(kind: str) -> None:
    path, message = wrong({"role": "user", "content": [text("see"), image(f"data:{kind};base64,AAAA")]})
    assert path == "messages[0].content[1].image_url.url"
    assert kind in message
    assert "image/png, image/jpeg, image/gif, image/webp" in message


def test_an_address_is_refused_with_what_to_send_instead() -> None:
    path, message = wrong({"role": "user", "content": [image("https://example.com/a.png")]})
    assert path == "messages[0].content[0].image_url.url"
    assert "send it as a data: URI" in message


@pytest.mark.parametrize("detail", ["low", "high", "original"])
def test_a_detail_that_is_asked_for_is_an_extra(detail: str) -> None:
    message = {"role": "user", "content": [text("see"), image(detail=detail)]}
    assert extras(message) == {"messages.detail": {"messages[0].content[1].image_url.detail": detail}}
    assert "messages.detail" in HINTS


@pytest.mark.parametrize("detail", ["auto", None])
def test_a_detail_that_is_left_open_is_none(detail: str | None) -> None:
    assert extras({"role": "user", "content": [image(detail=detail)]}) == {}


OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("kind", "form"),
    [("application/pdf", "pdf"), ("text/plain", "txt"), ("text/markdown", "md"), ("text/csv", "csv"), (OFFICE, "docx")],
)
def test_documents_are_read_by_their_media_type(kind: str, form: str) -> None:
    assert wording(file(filename="a", file_data=f"data:{kind};base64,AAAA")) == [
        {"document": {"format": form, "name": "a", "source": {"bytes": "AAAA"}}}
    ]


def test_a_document_may_be_plain_base64_beside_a_name_that_tells_its_format() -> None:
    document = {"format": "pdf", "name": "Report.PDF", "source": {"bytes": "AAAA"}}
    assert wording(file(filename="Report.PDF", file_data="AA\nAA")) == [{"document": document}]


def test_a_document_without_a_name_gets_one() -> None:
    assert wording(file(file_data="data:application/pdf;base64,AAAA"))[0]["document"]["name"] == "document"


@pytest.mark.parametrize(
    ("payload", "path", "why"),
    [
        (
            {"file_id": "file-1"},
            "file_id",
            "is not supported: the gateway stores no files. Send the file in file_data.",
        ),
        (
            {"file_id": "file-1", "file_data": "data:application/pdf;base64,AAAA"},
            "file_id",
            "is not supported: the gateway stores no files. Send the file in file_data.",
        ),
        ({"filename": "a.pdf"}, "file_data", "is required"),
        ({"file_data": "AAAA"}, "file_data", "send it as a data: URI"),
        ({"file_data": "AAA", "filename": "a.pdf"}, "file_data", "not base64"),
        ({"file_data": "data:video/mp4;base64,AAAA"}, "file_data", "application/pdf, text/csv"),
    ],
)
def test_a_document_that_is_not_there_is_refused_by_path(payload: Json, path: str, why: str) -> None:
    where, message = wrong({"role": "user", "content": [file(**payload)]})
    assert where == f"messages[0].content[0].file.{path}"
    assert why in message


def test_sounds_are_read() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    assert wording(sound) == [{"audio": {"format": "wav", "source": {"bytes": "AAAA"}}}]


# --- reasoning -------------------------------------------------------------------------------------------------------


def thought(*details: Json, **more: Any) -> list[Json]:
    answer = {"role": "assistant", "content": "4", "reasoning_details": list(details), **more}
    *reasoning, last = turns(USER, answer)[1]["content"]
    assert last == {"text": "4"}
    return [block["reasoningContent"] for block in reasoning]


def test_case_16_a_signature_without_text_is_kept_and_redacted_reasoning_is_the_same() -> None:
    assert thought(
        {"type": "reasoning.text", "text": "", "signature": "S", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "Q+/=", "id": "r1", "index": 1},
        {"type": "reasoning.text", "text": "hm", "signature": "T", "index": 2},
    ) == [
        {"reasoningText": {"text": "", "signature": "S"}},
        {"redactedContent": "Q+/="},
        {"reasoningText": {"text": "hm", "signature": "T"}},
    ]


def test_reasoning_stands_in_front_of_the_calls() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "S"}]
    content = turns(USER, calling(call("a"), content="so", reasoning_details=details))[1]["content"]
    assert [*map(next, map(iter, content))] == ["reasoningContent", "text", "toolUse"]


def test_reasoning_without_a_signature_is_kept_for_whoever_knows_the_model() -> None:
    assert thought({"type": "reasoning.text", "text": "hm"}) == [{"reasoningText": {"text": "hm"}}]
    assert thought({"type": "reasoning.summary", "summary": "hm"}) == [{"reasoningText": {"text": "hm"}}]
    assert thought(reasoning_content="hm") == [{"reasoningText": {"text": "hm"}}]
    assert thought(reasoning="hm") == [{"reasoningText": {"text": "hm"}}]


def test_beside_its_details_plain_reasoning_is_the_same_once_more() -> None:
    detail = {"type": "reasoning.text", "text": "hm", "signature": "S"}
    assert thought(detail, reasoning_content="hm", reasoning="hm") == thought(detail)


def test_reasoning_that_was_kept_in_pieces_is_whole_again() -> None:
    kind: Json = {"type": "reasoning.text", "index": 0}
    assert thought(
        {**kind, "text": "h"},
        {**kind, "text": "m"},
        {**kind, "signature": "S"},
        {"type": "reasoning.encrypted", "data": "QU", "index": 1},
        {"type": "reasoning.encrypted", "data": "JD", "index": 1},
    ) == [{"reasoningText": {"text": "hm", "signature": "S"}}, {"redactedContent": "QUJD"}]


def test_details_that_are_whole_stay_apart() -> None:
    one, two = ({"type": "reasoning.text", "text": each, "signature": each, "index": 0} for each in "ab")
    assert [each["reasoningText"]["text"] for each in thought(one, two)] == ["a", "b"]
    one, two = ({"type": "reasoning.text", "text": each} for each in "ab")
    assert [each["reasoningText"]["text"] for each in thought(one, two)] == ["a", "b"]


# --- cache marks -----------------------------------------------------------------------------------------------------


def test_case_19_a_mark_among_instructions_is_a_cache_point_behind_its_text() -> None:
    system = {"role": "system", "content": [{**text("a"), **HOUR_MARK}, text("b"), text("c")]}
    assert read(system, USER)["system"] == [{"text": "a"}, HOUR, {"text": "b"}, {"text": "c"}]


def test_case_20_a_mark_of_or_in_a_tool_result_is_one_cache_point_behind_it() -> None:
    inside = [{**text("1"), **MARK}, {**text("2"), **HOUR_MARK}]
    marked = [gave("a", "1", **HOUR_MARK), gave("b", inside, **HOUR_MARK), gave("c", "3")]
    assert turns(USER, calling(call("a"), call("b"), call("c")), *marked)[2]["content"] == [
        result("a", {"text": "1"}),
        HOUR,
        result("b", {"text": "1"}, {"text": "2"}),
        POINT,
        result("c", {"text": "3"}),
    ]


def test_marks_of_parts_messages_and_documents_stand_behind_them() -> None:
    pdf = file(filename="a", file_data="data:application/pdf;base64,AAAA")
    message = {"role": "user", "content": [{**pdf, **MARK}, text("b")], **HOUR_MARK}
    document = {"document": {"format": "pdf", "name": "a", "source": {"bytes": "AAAA"}}}
    answer = calling(call("a"), content=[{**text("c"), **MARK}], **HOUR_MARK)
    assert [turn["content"] for turn in turns(message, answer)] == [
        [document, POINT, {"text": "b"}, HOUR],
        [{"text": "c"}, POINT, used("a"), HOUR],
    ]


def test_a_message_and_its_last_part_are_marked_once() -> None:
    assert turns({"role": "user", "content": [{**text("a"), **MARK}], **HOUR_MARK})[0]["content"] == [
        {"text": "a"},
        POINT,
    ]


def test_a_mark_of_a_blank_part_marks_what_stands_before_it() -> None:
    assert wording(text("a"), {**text(""), **MARK}, text("b")) == [{"text": "a"}, POINT, {"text": "b"}]


def test_a_mark_of_a_tool_is_a_cache_point_behind_it() -> None:
    assert read(tools=[{**FUNCTION, **MARK}])["toolConfig"] == {"tools": [SPEC, POINT]}


@pytest.mark.parametrize(
    ("mark", "point"),
    [
        ({"mode": "explicit"}, {"type": "default"}),
        ({"mode": "explicit", "ttl": "30m"}, {"type": "default", "ttl": "1h"}),
        ({"mode": "explicit", "ttl": "12h"}, {"type": "default", "ttl": "1h"}),
    ],
)
def test_openais_own_mark_is_a_cache_point(mark: Json, point: Json) -> None:
    part = {**text("a"), "prompt_cache_breakpoint": mark}
    request = read({"role": "user", "content": [part, text("b")]})
    assert request["messages"][0]["content"] == [{"text": "a"}, {"cachePoint": point}, {"text": "b"}]
    longest = {"messages.prompt_cache_breakpoint": {"messages[0].content[0].prompt_cache_breakpoint": mark}}
    assert request.get("extras", {}) == (longest if mark.get("ttl") == "12h" else {})
    both = {**part, "cache_control": {"type": "ephemeral"}}
    assert extras({"role": "user", "content": [both]}).keys() == {"messages.prompt_cache_breakpoint"}


# --- tools -----------------------------------------------------------------------------------------------------------


def test_functions_are_read() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    function = {"name": "add", "description": "Adds.", "parameters": schema, "strict": True}
    spec = {"name": "add", "description": "Adds.", "inputSchema": {"json": schema}, "strict": True}
    assert read(tools=[{"type": "function", "function": function}])["toolConfig"] == {"tools": [{"toolSpec": spec}]}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "add"}}, {"tool": {"name": "add"}}),
    ],
)
def test_the_choice_of_a_tool_is_read(choice: Any, wanted: Json) -> None:
    assert read(tools=[FUNCTION], tool_choice=choice)["toolConfig"] == {"tools": [SPEC], "toolChoice": wanted}


def test_case_9_no_tool_means_no_tools_where_none_was_used() -> None:
    request = read(tools=[FUNCTION], tool_choice="none")
    assert "toolConfig" not in request
    assert "extras" not in request


def test_case_9_where_tools_were_used_they_stay_without_a_choice_and_the_wish_is_told() -> None:
    history = [USER, calling(call("add")), gave("add", "1")]
    request = read(*history, tools=[FUNCTION], tool_choice="none")
    assert request["toolConfig"] == {"tools": [SPEC]}
    assert request["extras"] == {"tool_choice": {"type": "none"}}
    assert "tool_choice" in HINTS


def allowed(mode: str, *names: str) -> Json:
    payload = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": payload}}


def test_to_the_model_a_tool_that_is_not_allowed_is_not_there() -> None:
    other = {"type": "function", "function": {"name": "other"}, **MARK}
    assert read(tools=[other, FUNCTION, other], tool_choice=allowed("required", "add"))["toolConfig"] == {
        "tools": [SPEC],
        "toolChoice": {"any": {}},
    }


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "add"}}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": allowed("auto", "add", "x")}, "tool_choice.allowed_tools.tools[1]"),
    ],
)
def test_a_choice_of_what_is_not_there_is_refused_by_path(members: Json, path: str) -> None:
    assert wrong(**members)[0] == path


@pytest.mark.parametrize(
    ("form", "description"),
    [
        (None, "Runs it."),
        ({"type": "text"}, "Runs it."),
        (
            {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a/"}},
            "Runs it.\n\nThe text in `input` must fit this lark grammar:\n\nstart: /a/",
        ),
    ],
)
def test_a_custom_tool_is_one_with_a_text_as_its_only_argument(form: Json | None, description: str) -> None:
    custom = {"name": "run", "description": "Runs it.", "format": form}
    choice = {"type": "custom", "custom": {"name": "run"}}
    config = read(tools=[FUNCTION, {"type": "custom", "custom": custom}], tool_choice=choice)["toolConfig"]
    spec = config["tools"][1]["toolSpec"]
    assert (spec["name"], spec["description"]) == ("run", description)
    assert spec["inputSchema"]["json"]["required"] == ["input"]
    assert config["toolChoice"] == {"tool": {"name": "run"}}
    assert extras(tools=[FUNCTION, {"type": "custom", "custom": custom}], tool_choice=choice) == {}


def test_a_custom_tool_may_be_one_of_those_allowed() -> None:
    custom = {"type": "custom", "custom": {"name": "run"}}
    choice = allowed("required", "run")
    choice["allowed_tools"]["tools"][0] = {"type": "custom", "custom": {"name": "run"}}
    config = read(tools=[FUNCTION, custom], tool_choice=choice)["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["run"]


# --- how the model writes --------------------------------------------------------------------------------------------


def test_a_temperature_over_1_is_refused_and_never_changed() -> None:
    path, message = wrong(temperature=1.5)
    assert path == "temperature"
    assert "at most 1" in message
    assert read(temperature=1)["inferenceConfig"] == {"temperature": 1}


def test_both_names_of_the_token_limit_are_read_if_they_agree() -> None:
    assert read(max_tokens=5)["inferenceConfig"] == {"maxTokens": 5}
    assert read(max_tokens=5, max_completion_tokens=5)["inferenceConfig"] == {"maxTokens": 5}
    assert wrong(max_tokens=5, max_completion_tokens=6)[0] == "max_tokens"


def test_stops_are_read_one_or_many() -> None:
    assert read(stop=["a", "\n", ""])["inferenceConfig"] == {"stopSequences": ["a", "\n"]}
    assert "inferenceConfig" not in read(stop="")


def test_a_schema_for_the_answer_is_read() -> None:
    form = {"name": "sum", "description": "A sum.", "schema": {"type": "object"}, "strict": True}
    schema = {"name": "sum", "description": "A sum.", "schema": '{"type": "object"}'}
    assert read(response_format={"type": "json_schema", "json_schema": form})["outputConfig"] == {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}
    }


def test_json_of_any_form_is_an_extra_and_text_is_nothing() -> None:
    assert extras(response_format={"type": "json_object"}) == {"json_object": True}
    assert extras(response_format={"type": "text"}) == {}


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "high", "max"])
def test_effort_is_an_extra_under_its_canonical_name(effort: str) -> None:
    assert extras(reasoning_effort=effort) == {"effort": effort}
    # An unknown member of that name does not replace it, whichever comes first.
    for members in ({"effort": "x", "reasoning_effort": effort}, {"reasoning_effort": effort, "effort": "x"}):
        request = read_request({"messages": [{"role": "user", "content": "Hi"}], **members})
        assert request["extras"] == {"effort": effort}


@pytest.mark.parametrize(("tier", "type_"), [("flex", "flex"), ("priority", "priority"), ("fast", "priority")])
def test_a_tier_that_bedrock_has_is_read(tier: str, type_: str) -> None:
    assert read(service_tier=tier)["serviceTier"] == {"type": type_}


# --- what Converse cannot say ----------------------------------------------------------------------------------------

ASKING: Json = {
    "n": 2,
    "seed": 7,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"50256": -100},
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "parallel_tool_calls": False,
    "store": True,
    "service_tier": "scale",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "mp3"},
    "prediction": {"type": "content", "content": "x"},
    "web_search_options": {},
    "verbosity": "low",
    "moderation": {"model": "omni-moderation-latest"},
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "functions": [{"name": "f"}],
    "function_call": {"name": "f"},
}


# What clients send unasked, and what changes no promise.
UNASKED = {
    "parallel_tool_calls",
    "prediction",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
}


@pytest.mark.parametrize(("name", "value"), ASKING.items())
def test_what_converse_cannot_say_is_an_extra_by_its_name(name: str, value: Any) -> None:
    assert extras(**{name: value}) == {name: value}
    assert (name in HINTS) == (name in UNASKED)


ANYWAY: Json = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "presence_penalty": 0,
    "frequency_penalty": 0.0,
    "parallel_tool_calls": True,
    "store": False,
    "service_tier": "auto",
    "modalities": ["text"],
    "verbosity": "medium",
    "tools": [],
    "metadata": {},
    "stream": False,
}


@pytest.mark.parametrize(("name", "value"), ANYWAY.items())
def test_what_asks_for_what_happens_anyway_is_no_extra(name: str, value: Any) -> None:
    assert read(**{name: value}) == read()


@pytest.mark.parametrize("name", [name for name, field in Body().fields.items() if field.allow_none])
def test_null_asks_for_nothing(name: str) -> None:
    assert read(**{name: None}) == read()


@pytest.mark.parametrize("name", ["retryTimes", "context_management", "prompt_cache_key", "top_k"])
def test_case_28_unknown_members_are_extras_by_name_and_nowhere_else(name: str) -> None:
    request = read_request(body(**{name: "x"}))
    assert request.pop("extras") == {name: "x"}
    assert request == read()


def test_members_of_messages_are_extras_by_path() -> None:
    named = {"role": "user", "content": "hi", "name": "Ann"}
    answered = {"role": "assistant", "content": "4", "audio": {"id": "a"}, "name": "Bot"}
    of_old = {"role": "function", "name": "f", "content": "1"}
    assert extras(named, answered, of_old) == {
        "messages.name": {"messages[0].name": "Ann", "messages[1].name": "Bot"},
        "messages[1].audio": {"id": "a"},
        "messages[2]": of_old,
    }


def test_the_name_of_a_tool_that_answers_is_told_by_its_call() -> None:
    assert extras(USER, calling(call("a")), {**gave("a", "1"), "name": "a"}) == {}


def test_what_is_unknown_deep_inside_is_an_extra_by_path() -> None:
    strange = {"type": "video_url", "video_url": {"url": "x"}}
    parts = [{**text("a"), "x": 1}, strange, image(zoom=2)]
    tools = [{"type": "function", "function": {"name": "add", "y": 2}, "z": 3}, {"type": "mcp"}]
    calls = calling({**call("add"), "w": 4}, {"id": "c", "type": "mcp"}, reasoning_details=[{"type": "reasoning.new"}])
    messages = [{"role": "user", "content": parts}, calls, {"role": "narrator"}]
    assert read_request(body(*messages, tools=tools))["extras"] == {
        "messages[0].content[0].x": 1,
        "messages[0].content[1]": strange,
        "messages[0].content[2].image_url.zoom": 2,
        "messages[1].reasoning_details[0]": {"type": "reasoning.new"},
        "messages[1].tool_calls[0].w": 4,
        "messages[1].tool_calls[1]": {"id": "c", "type": "mcp"},
        "messages[2]": {"role": "narrator"},
        "tools[0].z": 3,
        "tools[0].function.y": 2,
        "tools[1]": {"type": "mcp"},
    }


# --- about the request -----------------------------------------------------------------------------------------------


def test_metadata_and_the_users_names_are_request_metadata() -> None:
    assert read(metadata={"team": "a b"}, user="u-1", safety_identifier="s@x") == {
        **read(),
        "requestMetadata": {"team": "a b", "user": "u-1", "safety_identifier": "s@x"},
    }


@pytest.mark.parametrize("value", ["x" * 257, "\u00e4", "a&b"])
def test_what_does_not_fit_request_metadata_is_a_hint(value: str) -> None:
    assert extras(metadata={"a": value}, user=value, safety_identifier=value) == {
        "metadata": {"a": value},
        "user": value,
        "safety_identifier": value,
    }
    assert {"user", "safety_identifier", "metadata"} <= HINTS


def test_request_metadata_has_sixteen_pairs_and_no_name_twice() -> None:
    fifteen = {f"k{number}": "v" for number in range(15)}
    request = read(metadata=fifteen, user="u", safety_identifier="s")
    assert request["requestMetadata"] == {**fifteen, "user": "u"}
    assert request["extras"] == {"safety_identifier": "s"}
    request = read(metadata={"user": "other"}, user="u")
    assert request["requestMetadata"] == {"user": "other"}
    assert request["extras"] == {"user": "u"}
    assert read(metadata={"a": "\u00e4"}, user="u")["requestMetadata"] == {"user": "u"}


def test_the_wire_has_its_functions_and_hints() -> None:
    assert WIRE.name == "openai_chat"
    assert WIRE.read_request is read_request
    assert WIRE.write_request is write_request
    assert WIRE.hints is HINTS is openai_responses.HINTS


# --- calls of a kind that nobody knows -------------------------------------------------------------------------------

SHELL: Json = {"id": "s", "type": "shell", "shell": {"command": "ls"}}
LOOK: Json = {"id": "t", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def test_a_result_is_left_with_its_call() -> None:
    results: list[Json] = [{"role": "tool", "tool_call_id": tie, "content": "x"} for tie in ("s", "t")]
    request = read_request(body(USER, {"role": "assistant", "tool_calls": [SHELL, LOOK]}, *results))
    assert request["extras"] == {"messages[1].tool_calls[0]": SHELL, "messages[2]": results[0]}
    ties = [next(iter(block.values()))["toolUseId"] for turn in request["messages"][1:] for block in turn["content"]]
    assert ties == ["t", "t"]


def test_an_answer_that_only_calls_what_nobody_knows_is_left_whole() -> None:
    answer: Json = {"role": "assistant", "content": None, "tool_calls": [SHELL]}
    request = read_request(body(USER, answer, {"role": "tool", "tool_call_id": "s", "content": "x"}, USER))
    assert [turn["role"] for turn in request["messages"]] == ["user", "user"]
    assert request["extras"].keys() == {"messages[1].tool_calls[0]", "messages[1]", "messages[2]"}


@pytest.mark.parametrize("role", ["x", ""])
def test_members_of_an_unknown_role_are_not_looked_at(role: str) -> None:
    strange: Json = {"role": role, "tool_calls": 5}
    assert read_request(body(USER, strange))["extras"] == {"messages[1]": strange}


def test_no_kind_is_no_kind_that_may_have_come_since() -> None:
    payload = body({"role": "assistant", "tool_calls": [{"id": "t", "type": "", "function": {}}]})
    assert [(fault.path, fault.unknown) for fault in find_faults(Body(), payload)] == [
        ("messages[0].tool_calls[0].type", False)
    ]
    assert [fault.unknown for fault in find_faults(Body(), body({**USER, "role": ""}))] == [False]
    assert [fault.unknown for fault in find_faults(Body(), body({**USER, "role": "x"}))] == [True]


def test_the_wish_for_padding_is_a_hint_that_is_told() -> None:
    assert extras(stream_options={"include_usage": True, "include_obfuscation": False}) == {}
    wished = {"include_obfuscation": True}
    assert extras(stream_options={"include_usage": True, **wished}) == {"stream_options": wished}
    assert "stream_options" in HINTS
