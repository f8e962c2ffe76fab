"""Every member of OpenAI's requests is translated, a hint, an option or refused; a new one in the SDK is noticed."""

import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import pytest
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params

from tests.dialects.openai_members import APIS, COLUMNS, NOTHING, Api, list_fates, write_page

CHAT, RESPONSES = APIS
PARAMETERS = {
    "Chat Completions": completion_create_params.CompletionCreateParamsBase,
    "Responses": response_create_params.ResponseCreateParamsBase,
}
# Objects that share one fate, and what only OpenAI's servers make and read: their members are not told apart.
WHOLE = {
    "prompt_cache_breakpoint",
    "annotations",
    "logprobs",
    "voice",
    "cyber",
    "policy",
    "summary",
    "caller",
    "filters",
}
WHOLE |= {"user_location", "web_search_options", "prompt", "conversation", "moderation", "context_management"}
WHOLE |= {"prediction", "image", "background_options", "access_programs", "functions", "function_call"}
# Not about the model, or what the whole request is.
ENVELOPE = {"model", "stream", "stream_options", "stream_options.include_usage", "messages", "messages(user)", "input"}
ENVELOPE |= {"input(message)", "input(message).id", "input(message).status", "text", "reasoning"}
ENVELOPE |= {"format(text)", "response_format(text)"}
ENVELOPE |= {"parallel_tool_calls: false, without tools", "frequency_penalty: 0, n: 1 …, of Chat Completions"}


def is_typed_dict(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "__required_keys__")


def list_options(hint: Any) -> Iterator[Any]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        for each in get_args(hint):
            yield from list_options(each)
    elif origin in (Required, NotRequired, Annotated):
        yield from list_options(get_args(hint)[0])
    elif origin in (list, Iterable) or str(origin).startswith("<class 'collections.abc."):
        for each in get_args(hint):
            yield from list_options(each)
    else:
        yield hint


def find_kind(hint: Any) -> str:
    """What tells this object from others in its place: the value of its `type` or `role`."""
    hints = get_type_hints(hint)
    for name in ("type", "role"):
        values = [
            value for each in list_options(hints.get(name)) if get_origin(each) is Literal for value in get_args(each)
        ]
        if len(values) == 1:
            return str(values[0])
        if values:
            return str(hint.__name__)
    return ""


def list_paths(hint: Any, path: str = "", seen: tuple[Any, ...] = ()) -> Iterator[str]:
    """The paths of the optional members, and of each kind of object."""
    for each in list_options(hint):
        if not is_typed_dict(each) or each in seen:
            continue
        kind = find_kind(each)
        # The output of a tool is content too, and tools are the same wherever they stand.
        holder = {"output": "content"}.get(path.rpartition(".")[2], path.rpartition(".")[2])
        here = f"{holder}({kind})" if kind and path else path
        if kind and path:
            yield here
        if kind in SERVED_BY_OPENAI:
            continue
        for name, inner in get_type_hints(each, include_extras=True).items():
            if name in ("type", "role"):
                continue
            member = f"{here}.{name}" if here else name
            if get_origin(inner) is not Required or not here:
                yield member
            if name not in WHOLE:
                yield from list_paths(inner, member, (*seen, each))


SERVED_BY_OPENAI = {
    path[path.index("(") + 1 : -1]
    for path in RESPONSES.members
    if path.startswith(("input(", "tools(", "tool_choice(")) and path.endswith(")")
} - {"function", "custom", "namespace", "message", "reasoning", "additional_tools", "allowed_tools"}
SERVED_BY_OPENAI -= {"function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.title)
def test_every_member_of_the_sdk_is_listed(api: Api) -> None:
    paths = set(list_paths(PARAMETERS[api.title]))
    assert len(paths) > 60
    assert {path.partition(": ")[0].partition(",")[0] for path in api.members} >= paths


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.title)
def test_only_what_asks_for_nothing_is_left_out_without_a_word(api: Api) -> None:
    silent = {path for path in api.members if NOTHING in list_fates(api, path)}
    unexplained = {path for path in silent - ENVELOPE if ": " not in path}
    assert unexplained <= {"prompt_cache_options"}


def test_the_page_has_a_row_for_each() -> None:
    page = write_page()
    assert page.count("\n| `") == sum(len(api.members) for api in APIS)
    assert f"| member | {' | '.join(COLUMNS)} |" in page
