"""Scripted replies: which prompt gets which answer, whole and streamed, in every family's own format."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from bedrock_flask.emulator.replies.reply import InvalidReply, Reply, parse_replies, read_replies
from bedrock_flask.errors import StartupError
from tests.doubles import Emulator, StartEmulator

NOVA, CLAUDE, TITAN = (
    "amazon.nova-lite-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "amazon.titan-embed-text-v2:0",
)


@pytest.fixture
def script(emulator: Emulator) -> Any:
    """Script replies for this test."""

    def script(*replies: dict[str, Any]) -> None:
        response = emulator.post("/_emulator/replies", list(replies))
        assert response.ok, response.text

    yield script
    emulator.ask("DELETE", "/_emulator/replies")


def converse(bedrock: Any, text: str, model: str = NOVA) -> dict[str, Any]:
    return dict(bedrock.converse(modelId=model, messages=[{"role": "user", "content": [{"text": text}]}]))


def collect_stream(bedrock: Any, text: str, model: str = NOVA) -> list[dict[str, Any]]:
    stream = bedrock.converse_stream(modelId=model, messages=[{"role": "user", "content": [{"text": text}]}])["stream"]
    return list(stream)


def read_text(response: dict[str, Any]) -> str:
    return str(response["output"]["message"]["content"][0]["text"])


@pytest.mark.parametrize(
    ("condition", "prompt", "other"),
    [
        ({"prompt": "How are you?"}, "How are you?", "How are you"),
        ({"contains": "weather"}, "What is the weather?", "What is the time?"),
        ({"matches": r"^add \d+ to \d+$"}, "add 17 to 4", "add one to 4"),
        ({"model": "amazon.nova-*"}, "anything", None),
        ({"contains": "a", "matches": "b"}, "ab", "a"),
    ],
)
def test_a_reply_comes_for_the_prompt_that_it_is_meant_for(
    script: Any, bedrock: Any, condition: dict[str, str], prompt: str, other: str | None
) -> None:
    script({**condition, "text": "As scripted."})
    assert read_text(converse(bedrock, prompt)) == "As scripted."
    if other is not None:
        assert read_text(converse(bedrock, other)) != "As scripted."


def test_a_pattern_of_models_leaves_other_models_alone(script: Any, bedrock: Any) -> None:
    script({"model": "*claude*", "text": "As Claude."})
    assert read_text(converse(bedrock, "Hi", CLAUDE)) == "As Claude."
    assert read_text(converse(bedrock, "Hi")) != "As Claude."


def test_the_first_that_fits_wins_and_one_with_times_is_used_up(script: Any, bedrock: Any, emulator: Emulator) -> None:
    script({"contains": "a", "times": 2, "text": "first"}, {"contains": "b", "text": "second"}, {"text": "last"})
    assert [read_text(converse(bedrock, each)) for each in ("ab", "a", "ab", "a")] == [
        "first",
        "first",
        "second",
        "last",
    ]
    assert [reply["text"] for reply in emulator.get("/_emulator/replies").json()] == ["second", "last"]
    emulator.ask("DELETE", "/_emulator/replies")
    assert read_text(converse(bedrock, "a")) not in ("first", "second", "last")


def test_a_text_comes_alike_whole_and_in_pieces(script: Any, bedrock: Any) -> None:
    text = "Two lines:\n one\n  two "
    script({"text": text, "stop_reason": "max_tokens", "usage": {"inputTokens": 7, "outputTokens": 5}})
    whole, events = converse(bedrock, "Hi"), collect_stream(bedrock, "Hi")
    assert read_text(whole) == text
    pieces = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert len(pieces) > 3
    assert "".join(pieces) == text
    assert whole["stopReason"] == "max_tokens"
    assert whole["usage"] == events[-1]["metadata"]["usage"] == {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}


def test_a_tool_is_called_and_its_result_is_a_prompt_again(script: Any, bedrock: Any) -> None:
    script(
        {"contains": "weather", "tool": "get_weather", "input": {"city": "Zürich", "days": 3}},
        {"contains": "sunny", "text": "Take a hat."},
    )
    whole = converse(bedrock, "How is the weather?")
    use = whole["output"]["message"]["content"][0]["toolUse"]
    assert (use["name"], use["input"], whole["stopReason"]) == (
        "get_weather",
        {"city": "Zürich", "days": 3},
        "tool_use",
    )
    deltas = [
        event["contentBlockDelta"]["delta"]
        for event in collect_stream(bedrock, "weather")
        if "contentBlockDelta" in event
    ]
    assert json.loads("".join(delta["toolUse"]["input"] for delta in deltas)) == use["input"]
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "It is sunny."}]}}
    question = {"role": "user", "content": [{"text": "How is the weather?"}]}
    conversation = [question, whole["output"]["message"], {"role": "user", "content": [result]}]
    tools = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": {"type": "object"}}}}]}
    answer = bedrock.converse(modelId=NOVA, messages=conversation, toolConfig=tools)
    assert read_text(dict(answer)) == "Take a hat."


def test_an_error_comes_at_once_or_behind_a_text(script: Any, bedrock: Any) -> None:
    script(
        {"prompt": "now", "error": "ThrottlingException", "message": "Slow down."},
        {"prompt": "later", "error": "ModelStreamErrorException", "text": "It begins"},
    )
    for ask in (converse, collect_stream):
        with pytest.raises(ClientError, match=r"ThrottlingException.*Slow down\."):
            ask(bedrock, "now")
    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        collect_stream(bedrock, "later")


def test_a_whole_converse_response_comes_as_it_was_told(script: Any, bedrock: Any) -> None:
    content = [{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}, {"text": "Yes."}]
    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}
    response = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn",
        "usage": usage,
    }
    script({"response": response})
    whole = converse(bedrock, "Hi")
    assert {name: whole[name] for name in response} == response
    kinds = [next(iter(event)) for event in collect_stream(bedrock, "Hi")]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]


def test_a_reply_comes_in_the_models_own_format(script: Any, bedrock: Any) -> None:
    script(
        {"contains": "weather", "text": "Fine weather."}, {"contains": "tool", "tool": "look", "input": {"at": "sky"}}
    )

    def ask(text: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": messages}

    whole = json.loads(bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(ask("weather")))["body"].read())
    assert whole["content"] == [{"type": "text", "text": "Fine weather."}]
    called = json.loads(bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(ask("tool")))["body"].read())
    assert (called["content"][0]["name"], called["content"][0]["input"]) == ("look", {"at": "sky"})
    stream = bedrock.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps(ask("weather")))["body"]
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert (
        "".join(chunk["delta"]["text"] for chunk in chunks if chunk["type"] == "content_block_delta") == "Fine weather."
    )


def test_a_native_body_comes_as_it_was_told_and_only_where_it_is_asked_for(script: Any, bedrock: Any) -> None:
    embedding = {"embedding": [0.5, -0.5], "inputTextTokenCount": 3}
    script({"contains": "vector", "body": embedding})
    response = bedrock.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "a vector"}))
    assert json.loads(response["body"].read()) == embedding
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "3"
    other = json.loads(bedrock.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "no"}))["body"].read())
    assert len(other["embedding"]) > 2
    assert "vector" in read_text(converse(bedrock, "a vector"))


def test_a_native_body_streams_as_its_chunks(script: Any, bedrock: Any) -> None:
    chunks = [{"messageStart": {"role": "assistant"}}, {"messageStop": {"stopReason": "end_turn"}}]
    script({"body": {"output": {}}, "chunks": chunks})
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]})
    stream = bedrock.invoke_model_with_response_stream(modelId=NOVA, body=body)["body"]
    found = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert found[0] == chunks[0]
    assert found[1]["messageStop"] == chunks[1]["messageStop"]
    assert "amazon-bedrock-invocationMetrics" in found[1]


def test_an_error_comes_for_a_model_of_any_kind(script: Any, bedrock: Any) -> None:
    script({"model": "amazon.titan-*", "error": "ModelTimeoutException"})
    with pytest.raises(ClientError, match="ModelTimeoutException"):
        bedrock.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "Hi"}))


def test_a_file_is_read_in_toml_and_in_json_and_what_tests_add_comes_before_it(
    start_emulator: StartEmulator, tmp_path: Path
) -> None:
    toml, result = tmp_path / "replies.toml", tmp_path / "replies.json"
    toml.write_text('[[replies]]\ncontains = "capital"\ntimes = 1\ntext = "Paris."\n\n[[replies]]\ntext = "Pardon?"\n')
    result.write_text(json.dumps([{"contains": "capital", "times": 1, "text": "Paris."}, {"text": "Pardon?"}]))
    assert read_replies(toml) == read_replies(result)
    emulator = start_emulator("--replies", str(toml))
    bedrock = emulator.client()
    emulator.post("/_emulator/replies", {"contains": "Swiss", "text": "Bern."})
    questions = ("Swiss capital", "French capital", "French capital")
    assert [read_text(converse(bedrock, each)) for each in questions] == ["Bern.", "Paris.", "Pardon?"]
    emulator.ask("DELETE", "/_emulator/replies")
    assert read_text(converse(bedrock, "Swiss capital")) == "Paris."


def test_a_prompt_that_is_not_scripted_is_refused_where_only_replies_are_wanted(
    start_emulator: StartEmulator, tmp_path: Path
) -> None:
    (tmp_path / "replies.toml").write_text('[[replies]]\nprompt = "Hi"\ntext = "Hello."\n')
    bedrock = start_emulator("--replies", str(tmp_path / "replies.toml"), "--replies-only").client()
    assert read_text(converse(bedrock, "Hi")) == "Hello."
    for ask in (converse, collect_stream):
        with pytest.raises(ClientError, match=r'ValidationException.*No reply is scripted for amazon.*"Who\?"'):
            ask(bedrock, "Who?")
    with pytest.raises(ClientError, match="No reply is scripted"):
        bedrock.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "Hi there"}))


def test_a_reply_that_does_not_fit_is_refused_by_its_place(emulator: Emulator) -> None:
    cases = [
        ({"contians": "x", "text": "y"}, r"replies\[0\]\.contians: .*contains"),
        ({"contains": "x"}, r"replies\[0\]: has no answer"),
        ({"text": "x", "input": {}}, r"replies\[0\]\.input: needs tool"),
        ({"matches": "(", "text": "x"}, r"replies\[0\]\.matches: is not a regular expression"),
        ({"text": "x", "body": {}}, r"replies\[0\]\.body: cannot be combined with text"),
        ({"error": "ThrottlingException", "tool": "x"}, r"replies\[0\]\.error: cannot be combined with tool"),
        ({"error": "Oops"}, r"replies\[0\]\.error: must be one of"),
        ({"text": "x", "stop_reason": "tired"}, r"replies\[0\]\.stop_reason: must be one of"),
        ({"text": "x", "usage": {"inputTokens": -1}}, r"replies\[0\]\.usage\.inputTokens"),
        ({"text": "x", "times": 0}, r"replies\[0\]\.times"),
        ({"response": {"output": {}}}, r"replies\[0\]\.response: is not a Converse response"),
        ("text", r"replies\[0\]: must be an object"),
    ]
    seen = []
    for entry, wrong in cases:
        with pytest.raises(InvalidReply) as caught:
            parse_replies(json.dumps([entry]).encode())
        answer = emulator.post("/_emulator/replies", [entry])
        if not re.search(wrong, str(caught.value)) or (answer.status_code, answer.json()["message"]) != (
            400,
            str(caught.value),
        ):
            seen.append((entry, str(caught.value), answer.text))
    assert seen == []
    assert emulator.get("/_emulator/replies").json() == []


def test_a_file_that_does_not_hold_is_one_line(tmp_path: Path) -> None:
    cases = [
        ("replies.toml", "[[replies]\n", "cannot be read"),
        ("replies.toml", "[[reply]]\ntext = 'x'\n", r"unknown member reply; write each reply under \[\[replies\]\]"),
        ("replies.toml", "replies = 3\n", "replies is not a list"),
        ("replies.toml", "[[replies]]\ntool = 'x'\ninput = {day = 2026-01-01}\n", "a date or a time"),
        ("replies.toml", "[[replies]]\ntext = 'x'\n\n[[replies]]\n", r"replies\[1\]: has no answer"),
        ("replies.json", "[{]", "cannot be read"),
        ("none.toml", None, "No such file"),
    ]
    seen = []
    for name, text, wrong in cases:
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(StartupError) as caught:
            read_replies(tmp_path / name)
        message = str(caught.value)
        if not re.search(wrong, message) or name not in message or "\n" in message:
            seen.append((text, message))
    assert seen == []


def test_claude_tells_the_input_tokens_at_the_start_as_at_the_end(bedrock: Any) -> None:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "system": "Be brief."}
    body |= {"messages": [{"role": "user", "content": "How many words are these?"}]}
    stream = bedrock.invoke_model_with_response_stream(modelId=CLAUDE, body=json.dumps(body))["body"]
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream]
    started = chunks[0]["message"]["usage"]["input_tokens"]
    assert started == chunks[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] > 0


def test_the_examples_of_the_docs_hold(repository: Path, emulator: Emulator, script: Any, tmp_path: Path) -> None:
    text = (repository / "docs/reference/emulator.md").read_text()
    [block] = [each for each in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "[[replies]]" in each]
    (tmp_path / "replies.toml").write_text(block)
    assert [reply.times for reply in read_replies(tmp_path / "replies.toml")] == [None, None, 1]
    posted = re.findall(r"/_emulator/replies -d '(.*?)'", text)
    assert posted
    for each in posted:
        script(json.loads(each))


def test_the_docs_tell_every_member(repository: Path) -> None:
    text = (repository / "docs/reference/emulator.md").read_text()
    assert [name for name in Reply.__dataclass_fields__ if f"`{name}`" not in text] == []
