"""Extras of OpenAI's formats that change no promise to the caller: where no model takes them, they are dropped."""

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
    # What concerns only tools that OpenAI runs, none of which run here.
    | {"tools.web_search", "max_tool_calls"}
    # The model sees all tools, so it need not search among them.
    | {"tools.tool_search", "input.tool_search"}
)
