"""The laws of Chat Completions: over bodies made from its schema, and over generated answers."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import marshmallow
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from bedrock_flask import fields
from bedrock_flask.bodies import converse_body
from bedrock_flask.bodies.openai_chat_body import Body
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.wires.openai_chat import read_request, write_request

Json = dict[str, Any]

# A busy machine is not a failure.
calm = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))

# --- bodies made from the schema -------------------------------------------------------------------------------------

words = st.sampled_from(["a", "b c", " d\n", "aa", "", " \n"])
names = st.sampled_from(["add", "look_up", "a.b"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=5,
)
objects = st.dictionaries(words, anything, max_size=2)
base64 = st.sampled_from(["AAAA", "QUJD", "QQ=="])
# Members that must be more than any text, or what is asked for is refused.
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "url": st.builds("data:image/{};base64,{}".format, st.sampled_from(["png", "jpeg", "jpg", "gif"]), base64),
    "file_data": st.builds("data:{};base64,{}".format, st.sampled_from(["application/pdf", "text/csv"]), base64),
    "file_id": st.none(),
    "data": base64,
    "arguments": st.sampled_from(["", "null", None]) | st.builds(json.dumps, objects),
    "temperature": st.none() | st.floats(0, 1),
    "name": names,
    "user": st.sampled_from(["u1", "a\u00e4", "x" * 300]),
}


def build_bodies(schema: marshmallow.Schema) -> st.SearchStrategy[Json]:
    """Bodies that fit a schema."""
    fitting = {name: value(name, field) for name, field in schema.fields.items()}
    required = {name: each for name, each in fitting.items() if schema.fields[name].required}
    return st.fixed_dictionaries(
        required, optional={name: each for name, each in fitting.items() if name not in required}
    )


def value(name: str, field: Any) -> st.SearchStrategy[Any]:
    """Values that fit a field."""
    fitting = st.deferred(lambda: SPECIAL[name] if name in SPECIAL else of_kind(name, field))
    return st.none() | fitting if field.allow_none and not isinstance(field, fields.Anything) else fitting


def tagged(tag: str, name: str, schema: marshmallow.Schema) -> st.SearchStrategy[Json]:
    return build_bodies(schema).map(lambda body: {**body, tag: name})


def of_kind(name: str, field: Any) -> st.SearchStrategy[Any]:
    match field:
        case fields.Anything():
            return anything
        case fields.Tagged():
            document = [
                build_bodies(each.schema).map(lambda body, tag=tag: {**body, field.tag: tag})
                for tag, each in field.choices.items()
            ]
            return st.one_of(document)
        case fields.Either():
            return st.one_of(value(name, each) for each in field.choices)
        case fields.Nested():
            return build_bodies(field.schema)
        case fields.List():
            return st.lists(value(name, field.item), min_size=field.min_items or 0, max_size=3)
        case fields.Object():
            return st.dictionaries(words, value("", field.values), max_size=3) if field.values else objects
        case fields.Boolean():
            return st.booleans()
        case fields.Number():
            bounds = {word: limit for word, _, limit, _ in field.bounds}
            low, high = bounds.get("minimum"), bounds.get("maximum")
            return st.integers(low, high) if isinstance(field, fields.Integer) else st.floats(low, high)
        case fields.String():
            least = field.min_length or 0
            return st.sampled_from(field.one_of) if field.one_of else words.map(lambda text: text or "e" * least)
    raise TypeError(field)


def read(body: Json) -> Json:
    """The request of a body, which says something in each message."""
    try:
        return read_request(body)
    except InvalidBody as error:
        event(f"refused: {error.fields[0].message[:20]}")
        assume(False)
        raise


bodies = build_bodies(Body())


@calm
@given(bodies)
def test_a_body_made_from_the_schema_fits_it(body: Json) -> None:
    assert find_faults(Body(), body) == []


@calm
@given(bodies)
def test_what_was_read_and_written_reads_the_same(body: Json) -> None:
    before = copy.deepcopy(body)
    request = read(body)
    assert body == before
    written = write_request(request)
    assert json.loads(json.dumps(written)) == written
    assert read_request(written) == request


@calm
@given(bodies)
def test_what_is_written_without_extras_is_a_body_again(body: Json) -> None:
    request = read(body)
    assume(request["messages"])
    request.pop("extras", None)
    assert find_faults(Body(), {"model": "m", **write_request(request)}) == []


@calm
@given(bodies)
def test_what_is_read_is_a_converse_request(body: Json) -> None:
    request = read(body)
    request.pop("extras", None)
    strange = [
        fault for fault in find_faults(converse_body.Body(), request) if not fault.path.endswith(("name", "toolUseId"))
    ]
    assert strange == []


# Members that ask for no more than their absence does, by their path without numbers: for every value, or for some.
NEUTRAL: dict[str, Any] = {
    "model": any,
    "stream": any,
    "stream_options": any,
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "parallel_tool_calls": (True,),
    "store": (False,),
    "modalities": ([], ["text"]),
    "verbosity": ("medium",),
    "service_tier": ("auto", "default"),
    "prompt_cache_options": ({},),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "metadata": ({},),
    "tools": ([],),
    "response_format": ({"type": "text"},),
    "response_format.json_schema.strict": any,
    "response_format.json_schema.schema": ({},),
    "messages.tool_calls": ([],),
    "messages.tool_calls.type": ("function",),
    "messages.tool_calls.index": any,
    "messages.tool_calls.function.parsed_arguments": any,
    "messages.tool_calls.function.arguments": ("", "null", "{}"),
    "messages.annotations": any,
    "messages.parsed": any,
    "messages.reasoning_details": ([],),
    "messages.reasoning_details.id": any,
    "messages.reasoning_details.format": any,
    "messages.reasoning_details.index": any,
    "messages.reasoning_details.signature": ("",),
    "messages.content": ([],),
    "messages.content.image_url.detail": ("auto",),
    "messages.content.file.filename": ("", "document"),
    "tools.function.description": ("",),
    "tools.function.parameters": ({}, {"type": "object", "properties": {}}),
}
# Where one stands for another: what is said is said once, in the first of them.
INSTEAD = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}


@calm
@given(bodies)
def test_no_member_of_a_body_is_dropped_in_silence(body: Json) -> None:
    request = read(body)
    for holder, name, path in members(body):
        rest = {key: inner for key, inner in holder.items() if key != name}
        lesser = without(body, holder, name)
        silent = says_nothing(path, holder[name], rest) or is_hidden(path, body)
        if not silent and find_faults(Body(), lesser) == []:
            try:
                assert read_request(lesser) != request, path
            except InvalidBody:
                event("needed")


def says_nothing(path: str, document: Any, rest: Json) -> bool:
    """Whether a member may be read as if it were not there."""
    neutral = NEUTRAL.get(path, ())
    if NEUTRAL.get(path.rpartition(".")[0]) is any:
        return True
    if (
        document is None
        or (path.rpartition(".")[2] in SAID and is_blank(document))
        or neutral is any
        or document in neutral
    ):
        return True
    if path == "stop":
        return not any(document)
    if path == "tool_choice":
        return document in ("none", "auto")
    if path == "messages.name":
        return rest["role"] == "tool"
    if "cache_control" in path or "prompt_cache_breakpoint" in path:
        # A mark on a blank instruction or a hidden tool, or where there is another; the cases tell what the others do.
        return True
    if path in ("messages.reasoning_content", "messages.reasoning"):
        other = rest.get("reasoning_content") or rest.get("reasoning")
        return bool(rest.get("reasoning_details") or rest.get("reasoning_content") or other == document)
    if path == "messages.reasoning_details":
        return bool(rest.get("reasoning_content") or rest.get("reasoning"))
    return bool(rest.get(INSTEAD.get(path, "")))


def is_hidden(path: str, body: Json) -> bool:
    """Whether it may be part of a tool that is not allowed, or of a choice among no functions."""
    choice = body.get("tool_choice")
    if path.startswith("tool_choice"):
        return all(tool["type"] != "function" for tool in body.get("tools") or ())
    # Case 9 of the catalogue: where none may be used, and none was, no tool is told.
    unused = choice == "none" or (isinstance(choice, dict) and choice["type"] == "allowed_tools")
    return path.startswith("tools") and unused


# Members that are text, or parts, to be read, of which blank ones are left out.
SAID = ("content", "text", "refusal", "summary", "reasoning", "reasoning_content", "reasoning_details")


def is_blank(document: Any) -> bool:
    """Whether a text, or each part of a content or of a reasoning, is blank."""
    if isinstance(document, list):
        return all(is_blank(each.get(each["type"].rpartition(".")[2], each.get("data"))) for each in document)
    return not isinstance(document, dict) and not (document or "").strip()


def members(value: Any, path: str = "") -> Iterator[tuple[Json, str, str]]:
    """Each member of the objects in a value, but for those of free ones, with its path."""
    if isinstance(value, list):
        for item in value:
            yield from members(item, path)
    elif isinstance(value, dict) and not path.endswith(FREE):
        for name, inner in value.items():
            here = f"{path}.{name}".lstrip(".")
            yield value, name, here
            yield from members(inner, here)


FREE = (
    "parameters",
    "schema",
    "logit_bias",
    "metadata",
    "annotations",
    "policy",
    "user_location",
    "voice",
    "parsed",
    "parsed_arguments",
)


def without(value: Any, holder: Json, name: str) -> Any:
    """The value with one member of one of its objects left out."""
    if isinstance(value, dict):
        return {key: without(inner, holder, name) for key, inner in value.items() if value is not holder or key != name}
    return [without(item, holder, name) for item in value] if isinstance(value, list) else value
