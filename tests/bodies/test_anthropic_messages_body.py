"""The bodies of Anthropic's own API: what they take beyond Bedrock's, and how they say where something is wrong."""

import warnings
from typing import Any, get_type_hints

import jsonschema
import pytest
from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.beta import message_count_tokens_params as beta_count_tokens_params
from anthropic.types.beta import message_create_params as beta_create_params

from bedrock_flask.bodies.anthropic_body import check_cache_controls
from bedrock_flask.bodies.anthropic_messages_body import Body, CountTokensBody
from bedrock_flask.fields import find_faults
from bedrock_flask.json_schema import to_json_schema

Json = dict[str, Any]

with warnings.catch_warnings():
    # Two schemas of one name raise a warning.
    warnings.simplefilter("error")
    PUBLISHED = {kind: jsonschema.Draft202012Validator(to_json_schema(kind())) for kind in (Body, CountTokensBody)}

# Of the SDK's parameters, those that travel in headers.
HEADERS = {"betas", "user_profile_id", "workspace_id"}
# What the SDK has no longer, or only Bedrock's body: sampling, the older form of an answer, Bedrock's envelope.
OLDER = {"temperature", "top_p", "top_k", "output_format"}
BEDROCKS = {"anthropic_version", "anthropic_beta", "safeguards"}


def body(**members: Any) -> Json:
    return {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "2+2?"}], **members}


def counted(**members: Any) -> Json:
    return {name: value for name, value in body(**members).items() if name != "max_tokens"}


def saying(*blocks: Any) -> Json:
    return body(messages=[{"role": "user", "content": list(blocks)}])


def faulty(document: Json, kind: type[Body] | type[CountTokensBody] = Body) -> list[str]:
    """The paths of the faults; the published JSON Schema agrees on whether there are any."""
    found = [fault.path for fault in find_faults(kind(), document)]
    assert PUBLISHED[kind].is_valid(document) is not bool(found)
    return found


def names(*params: Any) -> set[str]:
    return {name for each in params for name in get_type_hints(each)} - HEADERS


def test_it_has_the_members_that_the_sdk_sends() -> None:
    sent = names(message_create_params.MessageCreateParamsStreaming, beta_create_params.MessageCreateParamsStreaming)
    assert set(Body().fields) == sent | OLDER | BEDROCKS
    sent = names(
        message_count_tokens_params.MessageCountTokensParams, beta_count_tokens_params.MessageCountTokensParams
    )
    # A Messages request is counted as it is: `max_tokens` and the like do no harm.
    assert set(CountTokensBody().fields) == sent | set(Body().fields)


def test_the_documented_example_fits_without_a_version() -> None:
    assert faulty(body(system="Be terse.", stream=True, metadata={"user_id": "u"})) == []
    assert faulty(body(anthropic_version="2023-06-01")) == []


@pytest.mark.parametrize("name", ["model", "max_tokens", "messages"])
def test_what_is_missing_field_is_refused_by_name(name: str) -> None:
    assert faulty({each: value for each, value in body().items() if each != name}) == [name]


@pytest.mark.parametrize(
    "members",
    [
        {"max_tokens": 0},
        {"service_tier": "standard_only", "speed": "fast", "inference_geo": "us"},
        {"container": "c", "mcp_servers": [{"type": "url", "name": "n", "url": "https://example.com"}]},
        {"container": {"skills": []}, "context_management": {"edits": []}},
        {"output_format": {"type": "json_schema", "schema": {}}},
        {"output_config": {"effort": "xhigh", "format": None, "task_budget": {"type": "tokens", "total": 9}}},
        {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"fallbacks": "default", "thread": {"type": "create"}, "diagnostics": {"previous_message_id": None}},
        {"speed": None, "container": None, "cache_control": None, "inference_geo": None, "fallbacks": None},
        {"thinking": {"type": "adaptive", "display": "updates", "block_binding": None}},
        {"tools": [{"name": "add", "input_schema": {"type": "object"}, "eager_input_streaming": True}]},
        {"tools": [{"type": "web_search_20260318", "name": "web_search", "max_uses": 3}]},
    ],
)
def test_members_that_bedrock_has_not_are_taken(members: Json) -> None:
    assert faulty(body(**members)) == []


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"stream": "true"}, "stream"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"speed": "slow"}, "speed"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"cache_control": {"type": "ephemeral", "ttl": "2h"}}, "cache_control.ttl"),
        ({"metadata": {"session": "s"}}, "metadata.session"),
        ({"fallbacks": "others"}, "fallbacks"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x", "clear_at": "never"}]}, "messages[0].clear_at"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is_wrong(members: Json, path: str) -> None:
    assert faulty(body(**members)) == [path]


URL = {"type": "url", "url": "https://example.com/a"}
MARK = {"type": "ephemeral", "scope": "global"}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "x", "cache_control": MARK},
        {"type": "image", "source": URL},
        {"type": "image", "source": {"type": "file", "file_id": "f"}, "transformations": None},
        {"type": "document", "source": URL, "cache_control": MARK},
        {"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": URL}]}},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document", "source": URL}]},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}, "caller": {"type": "direct"}},
        {"type": "mcp_tool_listing", "mcp_server_name": "s", "tools": [], "cache_control": MARK},
        {"type": "web_search_tool_result", "tool_use_id": "t", "content": [], "cache_control": MARK},
    ],
)
def test_blocks_of_every_kind_are_taken(block: Json) -> None:
    assert faulty(saying(block)) == []


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"type": "image", "source": {"type": "url"}}, "source.url"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": ""}}, "source.media_type"),
        ({"type": "document", "source": {"type": "s3"}}, "source.type"),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image"}]}, "content[0].source"),
        ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "until": "x"}}, "cache_control.until"),
        ({"type": "thinking", "thinking": "hm"}, "signature"),
    ],
)
def test_a_wrong_block_is_refused_where_it_is_wrong(block: Json, path: str) -> None:
    assert faulty(saying(block)) == [f"messages[0].content[0].{path}"]


def test_instructions_in_the_middle_have_members_of_their_own() -> None:
    turn = {"role": "system", "content": "x", "clear_at": "next_user_message", "output_config": {"effort": "low"}}
    assert faulty(body(messages=[turn, {"role": "system", "output_config": {"effort": None}}])) == []
    assert faulty(body(messages=[{**turn, "output_config": {"format": {}}}])) == ["messages[0].output_config.format"]


def test_tokens_are_counted_without_a_limit() -> None:
    assert faulty(counted(system="x", tools=[], thinking={"type": "disabled"}), CountTokensBody) == []
    # Members that are not counted are validated all the same.
    assert faulty(body(), CountTokensBody) == []
    assert faulty(counted(stream=True), CountTokensBody) == []
    assert sorted(faulty(body(stream="yes", max_tokens="many"), CountTokensBody)) == ["max_tokens", "stream"]
    assert faulty({"model": "m"}, CountTokensBody) == ["messages"]


def test_the_mark_of_the_whole_request_counts_among_the_four() -> None:
    document = saying(*[{"type": "text", "text": "x", "cache_control": MARK}] * 4)
    assert list(check_cache_controls(document)) == []
    [(path, _)] = check_cache_controls({**document, "cache_control": MARK})
    assert path == "messages[0].content[3].cache_control"
