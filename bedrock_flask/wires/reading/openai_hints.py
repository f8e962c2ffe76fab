"""What clients of OpenAI's formats send that changes no promise: hints, and values that equal an absent member."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.converse import Json

# One list for Chat Completions and Responses. Clients send most of them by default: Zed, opencode and the Codex CLI
# `prompt_cache_key`, n8n and langchain `parallel_tool_calls`, AutoGen and langchain's agents `name`. An extra that
# collects values from several positions has a name of its own, such as `messages.name`.
HINTS = frozenset(
    # Who asks, and for what.
    {"user", "safety_identifier", "metadata", "client_metadata", "messages.name"}
    | {"input.phase", "input.internal_chat_message_metadata_passthrough"}
    # How a prefix is cached.
    | {"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"}
    | {"input.prompt_cache_breakpoint", "messages.prompt_cache_breakpoint"}
    # How much is written, shown, streamed and looked at.
    | {
        "verbosity",
        "personality",
        "text.verbosity",
        "reasoning.summary",
        "reasoning.generate_summary",
        "reasoning.context",
    }
    | {"stream_options", "input.detail", "messages.detail", "input.reasoning.encrypted_content"}
    # How tools are called. `tool_choice: none` is an extra only where the history has used tools, because Bedrock then
    # needs them in the request, and not every model can be kept from calling one.
    | {"parallel_tool_calls", "tool_choice", "tools.defer_loading", "tools.allowed_callers", "tools.output_schema"}
    # What concerns only tools that OpenAI runs, none of which run here, and images that the caller has itself.
    | {"tools.web_search", "max_tool_calls", "include"}
    # How fast an answer comes, and how a conversation is shortened that is too long: then Bedrock refuses it.
    | {"prediction", "truncation", "image"}
    # The model sees all tools, so it need not search among them.
    | {"tools.tool_search", "input.tool_search"}
)

# What an answer shall include about tools that OpenAI runs, or repeat of the request.
INCLUDED_HINTS = frozenset(
    {"code_interpreter_call.outputs", "computer_call_output.output.image_url", "file_search_call.results"}
    | {"message.input_image.image_url", "web_search_call.action.sources", "web_search_call.results"}
)

# Values of top-level members that mean the same as an absent member, in either format: clients that have one set of
# parameters for both send them to both.
DEFAULTS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "n": (1,),
        "logprobs": (False,),
        "top_logprobs": (0,),
        "logit_bias": ({},),
        "presence_penalty": (0,),
        "frequency_penalty": (0,),
        "parallel_tool_calls": (True,),
        "store": (False,),
        "background": (False,),
        "truncation": ("disabled",),
        "context_management": ([],),
        "client_metadata": ({},),
        "modalities": ([], ["text"]),
        "verbosity": ("medium",),
        "prompt_cache_options": ({},),
        "functions": ([],),
        "function_call": ("none", "auto"),
    }
)


def find_wanted(body: Json, unknown: list[str]) -> Iterator[str]:
    """Of the paths that a format's schema does not know, those whose value differs from an absent member."""
    for path in unknown:
        value = body.get(path)
        if path not in body or (value is not None and value not in DEFAULTS.get(path, ())):
            yield path
