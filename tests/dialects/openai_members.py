"""Every member of OpenAI's two requests with a value that is no default, and what becomes of it.

The page docs/reference/openai-members.md is generated from it; a test compares it with the types of the `openai`
package, so that a new member is noticed. Paths begin anew at each kind of message, part, item or tool.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask.bodies import openai_chat_body, openai_responses_body
from bedrock_flask.errors import InvalidBody, RefusedSafeguard, Unsupported
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.models import loading
from bedrock_flask.models.models_file import ERROR
from bedrock_flask.models.resolver import Models
from bedrock_flask.translation.request import build_bedrock_request
from bedrock_flask.wires import openai_chat, openai_responses
from bedrock_flask.wires.reading.openai_hints import find_wanted
from bedrock_flask.wires.wire import Wire

Json = dict[str, Any]

MODELS = Models(loading.load_registry())
# One for each column of the page.
COLUMNS = {
    "Claude": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "Nova": "amazon.nova-pro-v1:0",
    "any other": "newvendor.model-of-tomorrow",
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)
TEXT_FILE = "data:text/plain;base64,SGk="
MARK = {"mode": "explicit"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
# What every model takes of a tool's schema.
ARGUMENTS = {name: value for name, value in SCHEMA.items() if name != "additionalProperties"}
USER = {"role": "user", "content": "Hi"}
TRANSLATED, NOTHING, HINT, OPTION, REFUSED = "translated", "nothing to send", "hint", "option", "refused"


def say(*messages: Json) -> Json:
    return {"messages": [*messages]}


def part(kind: str, value: Any, **more: Any) -> Json:
    return say({"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": kind, kind: value, **more}]})


def answer(**more: Any) -> Json:
    return say(USER, {"role": "assistant", "content": "Hello", **more}, USER)


def function(**more: Any) -> Json:
    return {"type": "function", "function": {"name": "f", "parameters": ARGUMENTS, **more}}


def called(kind: str, **more: Any) -> Json:
    call = {"id": "c1", "type": kind, kind: more}
    tools = [function()] if kind == "function" else []
    result = {"role": "tool", "tool_call_id": "c1", "content": "3"}
    return say(USER, {"role": "assistant", "tool_calls": [call]}, result) | {"tools": tools}


# --- Chat Completions -------------------------------------------------------------------------------------------------

TOOLS = {"tools": [function()]}


def custom(**more: Any) -> Json:
    return {"tools": [{"type": "custom", "custom": {"name": "f", **more}}]}


CHAT: Mapping[str, Json] = {
    "audio": {"audio": {"format": "wav", "voice": "alloy"}},
    "frequency_penalty": {"frequency_penalty": 1},
    "frequency_penalty: 0": {"frequency_penalty": 0},
    "function_call": {"function_call": {"name": "f"}, "functions": [{"name": "f"}]},
    'function_call: "none"': {"function_call": "none"},
    "functions": {"functions": [{"name": "f"}]},
    "logit_bias": {"logit_bias": {"50256": -100}},
    "logit_bias: {}": {"logit_bias": {}},
    "logprobs": {"logprobs": True},
    "logprobs: false": {"logprobs": False},
    "max_completion_tokens": {"max_completion_tokens": 100},
    "max_tokens": {"max_tokens": 100},
    "metadata": {"metadata": {"team": "blue"}},
    "metadata, with values that Bedrock does not take": {"metadata": {"team": "bl!e"}},
    "modalities": {"modalities": ["text", "audio"]},
    'modalities: ["text"]': {"modalities": ["text"]},
    "model": {"model": "m"},
    "moderation": {"moderation": {"model": "omni"}},
    "n": {"n": 2},
    "n: 1": {"n": 1},
    "parallel_tool_calls": {"parallel_tool_calls": False} | TOOLS,
    "parallel_tool_calls: false, without tools": {"parallel_tool_calls": False},
    "parallel_tool_calls: true": {"parallel_tool_calls": True} | TOOLS,
    "prediction": {"prediction": {"type": "content", "content": "Hi"}},
    "presence_penalty": {"presence_penalty": 1},
    "presence_penalty: 0": {"presence_penalty": 0},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "prompt_cache_options": {"prompt_cache_options": {"mode": "implicit"}},
    "prompt_cache_options.mode": {"prompt_cache_options": {"mode": "explicit"}},
    "prompt_cache_options.ttl": {"prompt_cache_options": {"ttl": "30m"}},
    "prompt_cache_retention": {"prompt_cache_retention": "24h"},
    "reasoning_effort": {"reasoning_effort": "high"},
    'reasoning_effort: "none"': {"reasoning_effort": "none"},
    "response_format": {"response_format": {"type": "json_object"}},
    "response_format(json_object)": {"response_format": {"type": "json_object"}},
    "response_format(text)": {"response_format": {"type": "text"}},
    "response_format(json_schema)": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    },
    "response_format(json_schema).json_schema.description": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": SCHEMA, "description": "d"},
        }
    },
    "response_format(json_schema).json_schema.schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    },
    "response_format(json_schema).json_schema.strict": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    },
    "safety_identifier": {"safety_identifier": "u1"},
    "seed": {"seed": 7},
    "service_tier": {"service_tier": "flex"},
    'service_tier: "auto", "default"': {"service_tier": "auto"},
    'service_tier: "scale"': {"service_tier": "scale"},
    "stop": {"stop": ["END"]},
    "store": {"store": True},
    "store: false": {"store": False},
    "stream": {"stream": True},
    "stream_options": {"stream": True, "stream_options": {}},
    "stream_options.include_obfuscation": {"stream": True, "stream_options": {"include_obfuscation": True}},
    "stream_options.include_usage": {"stream": True, "stream_options": {"include_usage": True}},
    "temperature": {"temperature": 0.5},
    "tool_choice": {"tool_choice": "required"} | TOOLS,
    'tool_choice: "auto"': {"tool_choice": "auto"} | TOOLS,
    'tool_choice: "none"': {"tool_choice": "none"} | TOOLS,
    "tool_choice(allowed_tools)": {
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
        }
    }
    | TOOLS,
    "tool_choice(function)": {"tool_choice": {"type": "function", "function": {"name": "f"}}} | TOOLS,
    "tool_choice(custom)": {"tool_choice": {"type": "custom", "custom": {"name": "f"}}, **custom()},
    "tools": TOOLS,
    "tools(function)": TOOLS,
    "tools(function).function.description": {"tools": [function(description="d")]},
    "tools(function).function.parameters": TOOLS,
    "tools(function).function.strict": {"tools": [function(strict=True)]},
    "tools(function).function.strict: false": {"tools": [function(strict=False)]},
    "tools(custom)": custom(),
    "tools(custom).custom.description": custom(description="d"),
    "tools(custom).custom.format": custom(format={"type": "text"}),
    "format(grammar)": custom(format={"type": "grammar", "grammar": {"definition": "a", "syntax": "regex"}}),
    "format(text)": custom(format={"type": "text"}),
    "top_logprobs": {"top_logprobs": 3},
    "top_logprobs: 0": {"top_logprobs": 0},
    "top_p": {"top_p": 0.5},
    "user": {"user": "u1"},
    "verbosity": {"verbosity": "low"},
    'verbosity: "medium"': {"verbosity": "medium"},
    "web_search_options": {"web_search_options": {}},
    "messages": say(USER),
    "messages(developer)": say({"role": "developer", "content": "Be terse."}, USER),
    "messages(developer).name": say({"role": "developer", "content": "Be terse.", "name": "n"}, USER),
    "messages(system)": say({"role": "system", "content": "Be terse."}, USER),
    "messages(system).name": say({"role": "system", "content": "Be terse.", "name": "n"}, USER),
    "messages(user)": say(USER),
    "messages(user).name": say(USER | {"name": "n"}),
    "messages(assistant)": answer(),
    "messages(assistant).audio": answer(audio={"id": "a"}),
    "messages(assistant).content": answer(),
    "messages(assistant).function_call": answer(function_call={"name": "f", "arguments": "{}"}),
    "messages(assistant).name": answer(name="n"),
    "messages(assistant).refusal": answer(refusal="No."),
    "messages(assistant).tool_calls": called("function", name="f", arguments="{}"),
    "messages(tool)": called("function", name="f", arguments="{}"),
    "messages(function)": answer() | say(USER, {"role": "function", "name": "f", "content": "3"}),
    "tool_calls(function)": called("function", name="f", arguments="{}"),
    "tool_calls(custom)": called("custom", name="f", input="a"),
    "content(text)": part("text", "More"),
    "content(text).prompt_cache_breakpoint": part("text", "More", prompt_cache_breakpoint=MARK),
    "content(image_url)": part("image_url", {"url": PIXEL}),
    "content(image_url).image_url.detail": part("image_url", {"url": PIXEL, "detail": "low"}),
    'content(image_url).image_url.detail: "auto"': part("image_url", {"url": PIXEL, "detail": "auto"}),
    "content(image_url).image_url.url, of the web": part("image_url", {"url": "https://example.com/a.png"}),
    "content(image_url).prompt_cache_breakpoint": part("image_url", {"url": PIXEL}, prompt_cache_breakpoint=MARK),
    "content(input_audio)": part("input_audio", {"data": "SGk=", "format": "wav"}),
    "content(input_audio).prompt_cache_breakpoint": part(
        "input_audio", {"data": "SGk=", "format": "wav"}, prompt_cache_breakpoint=MARK
    ),
    "content(file)": part("file", {"file_data": TEXT_FILE, "filename": "a.txt"}),
    "content(file).file.file_data": part("file", {"file_data": TEXT_FILE}),
    "content(file).file.file_id": part("file", {"file_id": "file-1"}),
    "content(file).file.filename": part("file", {"file_data": TEXT_FILE, "filename": "a.txt"}),
    "content(file).prompt_cache_breakpoint": part("file", {"file_data": TEXT_FILE}, prompt_cache_breakpoint=MARK),
    "content(refusal)": answer(content=[{"type": "refusal", "refusal": "No."}]),
}

# --- Responses --------------------------------------------------------------------------------------------------------


def items(*each: Json) -> Json:
    return {"input": [USER, *each]}


def piece(kind: str, **members: Any) -> Json:
    text = {"type": "input_text", "text": "Hi"}
    return {"input": [{"role": "user", "content": [text, {"type": kind, **members}]}]}


def written(kind: str, **members: Any) -> Json:
    return {"input": [USER, {"role": "assistant", "content": [{"type": kind, **members}]}, USER]}


def message(**more: Any) -> Json:
    return {"input": [{"type": "message", **USER, **more}]}


def call(kind: str = "function_call", **more: Any) -> Json:
    own = {"arguments": "{}"} if kind == "function_call" else {"input": "a"}
    return result(kind, call=more, **own)


def result(kind: str = "function_call", call: Json | None = None, output: Json | None = None, **own: Any) -> Json:
    asked = {"type": kind, "call_id": "c1", "name": "f", **own, **(call or {})}
    return {
        "input": [USER, asked, {"type": f"{kind}_output", "call_id": "c1", "output": "3", **(output or {})}],
        "tools": [tool("function" if kind == "function_call" else "custom")],
    }


def tool(kind: str = "function", **more: Any) -> Json:
    return {"type": kind, "name": "f", **({"parameters": ARGUMENTS} if kind == "function" else {}), **more}


def with_tool(kind: str = "function", **more: Any) -> Json:
    return {"tools": [tool(kind, **more)]}


def hosted(kind: str, **more: Any) -> Json:
    """A tool that OpenAI runs, among others."""
    return {"tools": [tool(), {"type": kind, **more}]}


def text_format(**more: Any) -> Json:
    return {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, **more}}}


OWN = {"tools": [tool()]}
RESPONSES: Mapping[str, Json] = {
    "access_programs": {"access_programs": {"cyber": True}},
    "background": {"background": True},
    "background: false": {"background": False},
    "background_options": {"background_options": {"completion_window": "24h"}},
    "context_management": {"context_management": [{"type": "compaction", "compact_threshold": 1000}]},
    "conversation": {"conversation": "conv_1"},
    "image": {"image": {"context_compression": "auto"}},
    'include: "reasoning.encrypted_content"': {"include": ["reasoning.encrypted_content"]},
    'include: "message.output_text.logprobs"': {"include": ["message.output_text.logprobs"]},
    "include": {"include": ["web_search_call.action.sources"]},
    "frequency_penalty: 0, n: 1 …, of Chat Completions": {"frequency_penalty": 0, "presence_penalty": 0, "n": 1},
    "input": {"input": "Hi"},
    "instructions": {"instructions": "Be terse."},
    "max_output_tokens": {"max_output_tokens": 100},
    "max_tool_calls": {"max_tool_calls": 3},
    "metadata": {"metadata": {"team": "blue"}},
    "model": {"model": "m"},
    "moderation": {"moderation": {"model": "omni"}},
    "parallel_tool_calls": {"parallel_tool_calls": False} | OWN,
    "parallel_tool_calls: false, without tools": {"parallel_tool_calls": False},
    "parallel_tool_calls: true": {"parallel_tool_calls": True} | OWN,
    "previous_response_id": {"previous_response_id": "resp_1"},
    "prompt": {"prompt": {"id": "p"}},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "prompt_cache_options": {"prompt_cache_options": {}},
    "prompt_cache_options.comparison_response_id": {"prompt_cache_options": {"comparison_response_id": "resp_1"}},
    "prompt_cache_options.mode": {"prompt_cache_options": {"mode": "explicit"}},
    "prompt_cache_options.prewarm": {"prompt_cache_options": {"prewarm": True}},
    "prompt_cache_options.ttl": {"prompt_cache_options": {"ttl": "30m"}},
    "prompt_cache_retention": {"prompt_cache_retention": "24h"},
    "reasoning": {"reasoning": {}},
    "reasoning.context": {"reasoning": {"context": "all_turns"}},
    "reasoning.effort": {"reasoning": {"effort": "high"}},
    "reasoning.generate_summary": {"reasoning": {"generate_summary": "auto"}},
    "reasoning.mode": {"reasoning": {"mode": "pro"}},
    "reasoning.summary": {"reasoning": {"summary": "auto"}},
    "safety_identifier": {"safety_identifier": "u1"},
    "service_tier": {"service_tier": "flex"},
    'service_tier: "auto", "default"': {"service_tier": "default"},
    "store": {"store": True},
    "store: false": {"store": False},
    "stream": {"stream": True},
    "stream_options": {"stream": True, "stream_options": {}},
    "stream_options.include_obfuscation": {"stream": True, "stream_options": {"include_obfuscation": True}},
    "temperature": {"temperature": 0.5},
    "text": {"text": {}},
    "text.format": {"text": {"format": {"type": "json_object"}}},
    "format(grammar)": with_tool("custom", format={"type": "grammar", "definition": "a", "syntax": "regex"}),
    "format(json_object)": {"text": {"format": {"type": "json_object"}}},
    "format(json_schema)": text_format(),
    "format(json_schema).description": text_format(description="d"),
    "format(json_schema).strict": text_format(strict=True),
    "format(text)": {"text": {"format": {"type": "text"}}},
    "text.verbosity": {"text": {"verbosity": "low"}},
    'text.verbosity: "medium"': {"text": {"verbosity": "medium"}},
    "tool_choice": {"tool_choice": "required"} | OWN,
    'tool_choice: "none"': {"tool_choice": "none"} | OWN,
    "tool_choice(allowed_tools)": {
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
    }
    | OWN,
    "tool_choice(function)": {"tool_choice": {"type": "function", "name": "f"}} | OWN,
    "tool_choice(custom)": {"tool_choice": {"type": "custom", "name": "f"}} | with_tool("custom"),
    "tool_choice(mcp)": {"tool_choice": {"type": "mcp", "server_label": "s"}} | OWN,
    "tool_choice(programmatic_tool_calling)": {"tool_choice": {"type": "programmatic_tool_calling"}} | OWN,
    "tool_choice(apply_patch)": {"tool_choice": {"type": "apply_patch"}} | OWN,
    "tool_choice(shell)": {"tool_choice": {"type": "shell"}} | OWN,
    "tool_choice(ToolChoiceTypesParam)": {"tool_choice": {"type": "file_search"}} | OWN,
    "tools": OWN,
    "tools(function)": OWN,
    "tools(function).allowed_callers": with_tool(allowed_callers=["programmatic"]),
    "tools(function).async": with_tool(**{"async": True}),
    "tools(function).defer_loading": with_tool(defer_loading=True),
    "tools(function).description": with_tool(description="d"),
    "tools(function).output_schema": with_tool(output_schema={"type": "object"}),
    "tools(function).parameters": OWN,
    "tools(function).strict": with_tool(strict=True),
    "tools(function).strict: false": with_tool(strict=False),
    "tools(custom)": with_tool("custom"),
    "tools(custom).allowed_callers": with_tool("custom", allowed_callers=["programmatic"]),
    "tools(custom).async": with_tool("custom", **{"async": True}),
    "tools(custom).defer_loading": with_tool("custom", defer_loading=True),
    "tools(custom).description": with_tool("custom", description="d"),
    "tools(custom).format": with_tool("custom", format={"type": "grammar", "definition": "a", "syntax": "regex"}),
    "tools(namespace)": {"tools": [{"type": "namespace", "name": "n", "description": "d", "tools": [tool()]}]},
    **{
        f"tools({kind})": hosted(kind)
        for kind in (
            *("apply_patch", "code_interpreter", "computer", "computer_use_preview", "file_search"),
            *("image_generation", "local_shell", "mcp", "programmatic_tool_calling", "shell", "tool_search"),
        )
    },
    "tools(WebSearchToolParam)": hosted("web_search"),
    "tools(WebSearchPreviewToolParam)": hosted("web_search_preview"),
    "tools: web_search, without another tool": {"tools": [{"type": "web_search"}]},
    "input(message)": message(),
    "input(message).id": message(id="msg_1"),
    "input(message).phase": items(
        {"type": "message", "role": "assistant", "content": "Hello", "phase": "commentary"}, USER
    ),
    "input(message).status": message(status="completed"),
    "input(function_call)": call(),
    "input(function_call).async": call(**{"async": True}),
    "input(function_call).caller": call(caller={"type": "program", "caller_id": "p"}),
    "input(function_call).id": call(id="fc_1"),
    "input(function_call).namespace": result(
        "function_call", call={"namespace": "n"}, output={"namespace": "n"}, arguments="{}"
    ),
    "input(function_call).status": call(status="completed"),
    "input(function_call_output)": call(),
    "input(function_call_output).call_id": call(),
    "input(function_call_output).caller": result(
        output={"caller": {"type": "program", "caller_id": "p"}}, arguments="{}"
    ),
    "input(function_call_output).id": result(output={"id": "fco_1"}, arguments="{}"),
    "input(function_call_output).name": result(output={"name": "f"}, arguments="{}"),
    "input(function_call_output).namespace": result(output={"namespace": "n"}, arguments="{}"),
    "input(function_call_output).status": result(output={"status": "completed"}, arguments="{}"),
    "input(custom_tool_call)": call("custom_tool_call"),
    "input(custom_tool_call).async": call("custom_tool_call", **{"async": True}),
    "input(custom_tool_call).caller": call("custom_tool_call", caller={"type": "program", "caller_id": "p"}),
    "input(custom_tool_call).id": call("custom_tool_call", id="ctc_1"),
    "input(custom_tool_call).namespace": call("custom_tool_call", namespace="n"),
    "input(custom_tool_call_output)": call("custom_tool_call"),
    "input(custom_tool_call_output).caller": result(
        "custom_tool_call", output={"caller": {"type": "program", "caller_id": "p"}}, input="a"
    ),
    "input(custom_tool_call_output).id": result("custom_tool_call", output={"id": "o"}, input="a"),
    "input(reasoning)": items({"type": "reasoning", "id": "rs_1", "summary": []}, USER),
    "input(reasoning).content": items(
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "So."}]},
        {"role": "assistant", "content": "Hello"},
        USER,
    ),
    "input(reasoning).encrypted_content": items(
        {"type": "reasoning", "summary": [], "encrypted_content": "of another provider"}, USER
    ),
    "input(reasoning).status": items({"type": "reasoning", "summary": [], "status": "completed"}, USER),
    "input(additional_tools)": items({"type": "additional_tools", "role": "developer", "tools": [tool()]}),
    "input(additional_tools).id": items({"type": "additional_tools", "id": "at_1", "tools": [tool()]}),
    **{
        f"input({kind})": items({"type": kind, "id": "x"})
        for kind in (
            *("apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "compaction"),
            *("compaction_trigger", "computer_call", "computer_call_output", "configuration_update"),
            *("file_search_call", "image_generation_call", "item_reference", "local_shell_call"),
            *("local_shell_call_output", "mcp_approval_request", "mcp_approval_response", "mcp_call"),
            *("mcp_list_tools", "program", "program_output", "shell_call", "shell_call_output"),
            *("tool_search_call", "web_search_call"),
        )
    },
    "input(tool_search_output)": items({"type": "tool_search_output", "tools": []}),
    "content(input_text)": piece("input_text", text="More"),
    "content(input_text).prompt_cache_breakpoint": piece("input_text", text="More", prompt_cache_breakpoint=MARK),
    "content(input_image)": piece("input_image", image_url=PIXEL),
    "content(input_image).detail": piece("input_image", image_url=PIXEL, detail="high"),
    "content(input_image).file_id": piece("input_image", file_id="file-1"),
    "content(input_image).image_url": piece("input_image", image_url=PIXEL),
    "content(input_image).image_url, of the web": piece("input_image", image_url="https://example.com/a.png"),
    "content(input_image).prompt_cache_breakpoint": piece("input_image", image_url=PIXEL, prompt_cache_breakpoint=MARK),
    "content(input_file)": piece("input_file", file_data=TEXT_FILE),
    "content(input_file).detail": piece("input_file", file_data=TEXT_FILE, detail="low"),
    "content(input_file).file_data": piece("input_file", file_data=TEXT_FILE),
    "content(input_file).file_id": piece("input_file", file_id="file-1"),
    "content(input_file).file_url": piece("input_file", file_url="https://example.com/a.pdf"),
    "content(input_file).filename": piece("input_file", file_data=TEXT_FILE, filename="a.txt"),
    "content(input_file).prompt_cache_breakpoint": piece(
        "input_file", file_data=TEXT_FILE, prompt_cache_breakpoint=MARK
    ),
    "content(output_text)": written("output_text", text="Hello"),
    "content(output_text).logprobs": written("output_text", text="Hello", logprobs=[{"token": "a"}]),
    "content(reasoning_text)": items(
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "So."}]},
        {"role": "assistant", "content": "Hello"},
        USER,
    ),
    "content(refusal)": written("refusal", refusal="No."),
    "top_logprobs": {"top_logprobs": 3},
    "top_p": {"top_p": 0.5},
    "truncation": {"truncation": "auto"},
    'truncation: "disabled"': {"truncation": "disabled"},
    "user": {"user": "u1"},
}

# --- what becomes of them ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Api:
    """One of the two APIs: its schema, its wire, the smallest request, and its members."""

    title: str
    schema: Schema
    wire: Wire
    smallest: Json
    members: Mapping[str, Json]


APIS = (
    Api("Chat Completions", openai_chat_body.Body(), openai_chat.WIRE, say(USER), CHAT),
    Api("Responses", openai_responses_body.Body(), openai_responses.WIRE, {"input": [USER]}, RESPONSES),
)


def find_fate(api: Api, model: str, members: Json) -> str:
    """What becomes of these members for a model."""
    body = {"model": model, **api.smallest, **members}
    assert all(fault.unknown for fault in find_faults(api.schema, body)), find_faults(api.schema, body)
    try:
        sent, dropped = _send(api, model, body)
    except RefusedSafeguard:
        return REFUSED
    except Unsupported:
        return OPTION
    except InvalidBody:
        return REFUSED
    if dropped:
        return HINT
    return NOTHING if sent == _send_smallest(api, model) else TRANSLATED


def _send(api: Api, model: str, body: Json) -> tuple[bytes, tuple[str, ...]]:
    assert api.wire.read_request is not None
    request = api.wire.read_request(body)
    unknown = find_wanted(body, [fault.path for fault in find_faults(api.schema, body)])
    request = {**request, "extras": {**dict.fromkeys(unknown), **request.get("extras", {})}}
    prepared = build_bedrock_request(MODELS.resolve(model), request, hints=api.wire.hints, policy=ERROR)
    # What travels in headers is sent, too.
    return prepared.body + json.dumps(dict(prepared.safeguards)).encode(), prepared.dropped


@functools.cache
def _send_smallest(api: Api, model: str) -> bytes:
    return _send(api, model, {"model": model, **api.smallest})[0]


@functools.cache
def list_fates(api: Api, path: str) -> list[str]:
    """What becomes of one member, for each column of the page."""
    return [find_fate(api, model, api.members[path]) for model in COLUMNS.values()]


# --- the page ---------------------------------------------------------------------------------------------------------


def write_page() -> str:
    """The reference page of all members."""
    return f"""# The members of OpenAI's requests

Every member of `chat.completions.create` and `responses.create`, of their messages, parts, items and tools, and what
the gateway does with it: for Claude (`{COLUMNS["Claude"]}`), Nova (`{COLUMNS["Nova"]}`) and a model that no plugin
claims. A path begins anew at each kind of message, part, item or tool, which stands in parentheses. Where it matters,
the value stands behind the path.

- **{TRANSLATED}**: the model gets it.
- **{NOTHING}**: it equals the default, or it is not about the model.
- **{HINT}**: the model is called without it, and the answer lists it in `x-bedrock-flask-dropped`. Its absence changes
  no promise.
- **{OPTION}**: refused by its name with code `unsupported`, or left out and reported if the caller says
  `x-bedrock-flask-unsupported: drop` ([what a model cannot take](../how-to/clients.md#what-a-model-cannot-take)).
- **{REFUSED}**: refused by its name, whatever the policy.

A member that stands in neither table is an option that no model takes. In either API the defaults and hints of the
other are defaults and hints too.

{chr(10).join(map(_write_table, APIS))}"""


def _write_table(api: Api) -> str:
    rows = "\n".join(f"| `{path}` | {' | '.join(list_fates(api, path))} |" for path in sorted(api.members))
    columns = list(COLUMNS)
    head = f"| member | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}"
    return f"## {api.title}\n\n{head}\n{rows}\n"
