"""The body of OpenAI's Responses API, with members that clients add to it.

Source: the parameter types of the `openai` package for Python, 3.54 (`types/responses`), and the requests of the Codex
CLI (openai/codex, `codex-rs/codex-api` and `codex-rs/protocol`). Items and tools that only OpenAI's servers
understand are open: their members are not checked.
"""

from bedrock_flask import fields
from bedrock_flask.bodies.openai_fields import (
    EFFORTS,
    Breakpoint,
    CacheControl,
    Grammar,
    Typed,
    make_flag,
    make_nested,
    make_object,
    make_string,
    make_tag,
)
from bedrock_flask.fields import Field, Open, Schema


def _make_async() -> Field:
    # The member's name, `async`, is a keyword in Python.
    return fields.Boolean(
        data_key="async", allow_none=True, description="Whether the model continues while the tool runs."
    )


# --- parts of messages and outputs -----------------------------------------------------------------------------------


class Part(Schema):
    """A part of a message or of a tool's result."""

    type = make_tag("The part type.")
    prompt_cache_breakpoint = make_nested(Breakpoint, "Caches everything up to this point.")
    cache_control = make_nested(CacheControl, "Caches everything up to this point; not OpenAI's.")


class InputText(Part):
    """Text."""

    text = fields.String(required=True, description="The text.")


class InputImage(Part):
    """An image."""

    image_url = make_string(
        "The image as a `data:` URI; the gateway fetches URLs only of the hosts that its operator lists."
    )
    file_id = make_string("The id of an uploaded file; the gateway stores no files.")
    detail = make_string("The resolution at which the model sees it.", "auto", "low", "high", "original")


class InputFile(Part):
    """A document."""

    file_data = make_string("The document: a `data:` URI, or base64 with a filename.")
    filename = make_string("The document's name.")
    file_url = make_string("The document's URL; the gateway does not fetch URLs.")
    file_id = make_string("The id of an uploaded file; the gateway stores no files.")
    detail = make_string("The resolution at which the model sees it.", "auto", "low", "high")


class OutputText(Part):
    """Text that the model generated."""

    text = fields.String(required=True, description="The text.")
    annotations = fields.List(fields.Object(), allow_none=True, description="The citations of the text.")
    logprobs = fields.List(fields.Object(), allow_none=True, description="The log probabilities of the tokens.")


class Refusal(Part):
    """The model's refusal."""

    refusal = fields.String(required=True, description="The text.")


INPUTS: dict[str, type[Schema]] = {"input_text": InputText, "input_image": InputImage, "input_file": InputFile}
PARTS: dict[str, type[Schema]] = {**INPUTS, "output_text": OutputText, "refusal": Refusal}


def _make_content(parts: dict[str, type[Schema]], subject: str) -> Field:
    return fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", parts, elsewhere=lambda: PARTS)),
        required=True,
        description=f"{subject}: text or parts.",
    )


# --- items -----------------------------------------------------------------------------------------------------------


class Item(Schema):
    """An item of the conversation."""

    type = make_tag("The item type.")
    id = make_string("The id of the item.")
    status = make_string("The status of the item.")
    internal_chat_message_metadata_passthrough = make_object("Metadata of the client about the item.")
    cache_control = make_nested(CacheControl, "Caches everything up to this point; not OpenAI's.")


class Message(Item):
    """A message."""

    type = fields.String(one_of=("message",), allow_none=True, description="Always `message`; optional.")
    role = fields.String(required=True, one_of=("user", "assistant", "system", "developer"), description="The author.")
    content = _make_content(PARTS, "The content")
    phase = make_string("Whether the message is commentary or the final answer.", "commentary", "final_answer")


class CallItem(Item):
    """A call of a tool, or its result."""

    call_id = fields.String(required=True, min_length=1, description="The call's id, which its output shares.")
    namespace = make_string("The namespace of the tool.")
    caller = make_object("Whether the model or a program called the tool.")


class FunctionCall(CallItem):
    """A call of a function."""

    name = fields.String(required=True, min_length=1, description="The function's name.")
    arguments = make_string("The arguments: a JSON object as a string.")
    is_async = _make_async()
    encrypted_function_args = fields.List(
        fields.String(), allow_none=True, description="The arguments that OpenAI encrypted."
    )


class CustomToolCall(CallItem):
    """A call of a tool that takes text instead of JSON arguments."""

    name = fields.String(required=True, min_length=1, description="The tool's name.")
    is_async = _make_async()
    input = fields.String(required=True, description="The input from the model.")


class ToolOutput(CallItem):
    """The result of a tool call."""

    name = make_string("The tool's name.")
    output = _make_content(INPUTS, "The output")


class ToolSearchCall(Item):
    """A search for further tools, run by the client or by OpenAI."""

    call_id = make_string("The call's id, which its output shares.")
    execution = make_string("Who runs the search.", "client", "server")
    arguments = fields.Anything(description="The arguments of the search.")
    created_by = make_string("Who created the item.")


class SummaryText(Schema):
    """A part of a summary."""

    type = make_tag("`summary_text`.")
    text = fields.String(required=True, description="The text.")


class ReasoningText(Schema):
    """A part of the reasoning."""

    type = fields.String(required=True, one_of=("reasoning_text", "text"), description="The type of the part.")
    text = fields.String(required=True, description="The text.")


class Reasoning(Item):
    """The model's reasoning; send it back unchanged."""

    summary = fields.List(fields.Nested(SummaryText), allow_none=True, description="A summary of the reasoning.")
    content = fields.List(fields.Nested(ReasoningText), allow_none=True, description="The reasoning in plain text.")
    encrypted_content = make_string("The encrypted reasoning; send it back unchanged.")


class ServerItem(Open):
    """An item that only OpenAI's servers understand."""

    type = make_tag("The item type.")


_SERVER_ITEMS = (
    *("file_search_call", "web_search_call", "computer_call", "computer_call_output", "image_generation_call"),
    *("code_interpreter_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output"),
    *("apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request"),
    *("mcp_approval_response", "mcp_call", "configuration_update"),
    *("compaction", "compaction_summary", "compaction_trigger", "context_compaction", "agent_message"),
    *("item_reference", "program", "program_output"),
)


# --- tools -----------------------------------------------------------------------------------------------------------


class Tool(Schema):
    """A tool that the caller defines."""

    type = make_tag("The tool type.")
    name = fields.String(required=True, min_length=1, description="The tool's name.")
    description = make_string("What the tool does and when to call it.")
    defer_loading = make_flag("Whether the model must find the tool by search first.")
    is_async = _make_async()
    allowed_callers = fields.List(
        fields.String(), allow_none=True, description="Who may call the tool: the model or programs."
    )


class FunctionTool(Tool):
    """A function."""

    parameters = make_object("The arguments' JSON Schema.")
    strict = make_flag("Whether the arguments must conform to the schema.")
    output_schema = make_object("The JSON Schema of the result.")


class GrammarInput(Typed, Grammar):
    """Input that conforms to a grammar."""


class CustomTool(Tool):
    """A tool that takes text instead of JSON arguments."""

    format = fields.Tagged(
        "type", {"text": Typed, "grammar": GrammarInput}, allow_none=True, description="The format of the tool's input."
    )


_CALLER_TOOLS: dict[str, type[Schema]] = {"function": FunctionTool, "custom": CustomTool}


class Namespace(Schema):
    """Tools grouped under one name."""

    type = make_tag("`namespace`.")
    # It is a part of the name of each of its tools.
    name = fields.String(required=True, min_length=1, max_length=1000, description="The namespace's name.")
    description = make_string("What the tools are for.")
    tools = fields.List(
        fields.Tagged("type", _CALLER_TOOLS, elsewhere=lambda: TOOLS),
        required=True,
        description="The tools of the namespace.",
    )


class ToolSearch(Schema):
    """A search for further tools, which the client runs or OpenAI."""

    type = make_tag("`tool_search`.")
    execution = make_string("Who runs the search.", "client", "server")
    description = make_string("What the search finds and when to call it.")
    parameters = make_object("The arguments' JSON Schema.")


class ServerTool(Open):
    """A tool that OpenAI's servers run."""

    type = make_tag("The tool type.")


_SERVER_TOOLS = (
    *("file_search", "computer", "computer_use", "computer_use_preview", "web_search", "web_search_2025_08_26"),
    *("web_search_preview", "web_search_preview_2025_03_11", "mcp", "code_interpreter", "image_generation"),
    *("programmatic_tool_calling", "local_shell", "shell", "apply_patch"),
)
TOOLS: dict[str, type[Schema]] = {
    **_CALLER_TOOLS,
    "namespace": Namespace,
    "tool_search": ToolSearch,
    **dict.fromkeys(_SERVER_TOOLS, ServerTool),
}


class AdditionalTools(Item):
    """Tools declared within the conversation."""

    role = make_string("`developer`.")
    tools = fields.List(fields.Tagged("type", TOOLS), required=True, description="The tools.")


class ToolSearchOutput(Item):
    """The tools that a search found; the model may call them from here on."""

    call_id = make_string("The id of the search.")
    execution = make_string("Who ran the search.", "client", "server")
    tools = fields.List(fields.Tagged("type", TOOLS), required=True, description="The tools.")
    created_by = make_string("Who created the item.")


ITEMS: dict[str, type[Schema]] = {
    "message": Message,
    "function_call": FunctionCall,
    "function_call_output": ToolOutput,
    "custom_tool_call": CustomToolCall,
    "custom_tool_call_output": ToolOutput,
    "reasoning": Reasoning,
    "additional_tools": AdditionalTools,
    "tool_search_call": ToolSearchCall,
    "tool_search_output": ToolSearchOutput,
    **dict.fromkeys(_SERVER_ITEMS, ServerItem),
}


class NamedTool(Schema):
    """One tool."""

    type = make_tag("The tool type.")
    name = fields.String(required=True, description="The tool's name.")


class ServerToolChoice(Open):
    """A tool that OpenAI's servers run."""

    type = make_tag("The tool type.")


_NAMED_TOOLS: dict[str, type[Schema]] = {
    "function": NamedTool,
    "custom": NamedTool,
    "tool_search": ServerToolChoice,
    **dict.fromkeys(_SERVER_TOOLS, ServerToolChoice),
}


class AllowedTools(Schema):
    """A restriction to some of the tools."""

    type = make_tag("`allowed_tools`.")
    mode = fields.String(
        required=True, one_of=("auto", "required"), description="Whether the model must call one of them."
    )
    tools = fields.List(
        fields.Tagged("type", {**_NAMED_TOOLS, "namespace": NamedTool}), required=True, description="The tools."
    )


# --- the answer ------------------------------------------------------------------------------------------------------


class JsonSchemaFormat(Typed):
    """JSON that conforms to a schema."""

    name = fields.String(required=True, description="The format's name.")
    description = make_string("What the format is for.")
    schema = fields.Object(required=True, description="The JSON Schema of the answer.")
    strict = make_flag("Whether the answer must conform to the schema; on Bedrock it always does.")


class Text(Schema):
    """Text output settings."""

    format = fields.Tagged(
        "type",
        {"text": Typed, "json_object": Typed, "json_schema": JsonSchemaFormat},
        allow_none=True,
        description="The required output format.",
    )
    verbosity = make_string("How detailed the answer is.", "low", "medium", "high")


class ReasoningConfig(Schema):
    """Reasoning settings."""

    effort = make_string("How much effort the model puts into reasoning.", *EFFORTS)
    summary = make_string("How detailed the reasoning summary is.", "auto", "concise", "detailed", "none")
    generate_summary = make_string("Deprecated: how detailed the reasoning summary is.", "auto", "concise", "detailed")
    context = make_string("Which earlier reasoning the model sees.", "auto", "current_turn", "all_turns")
    mode = make_string("The reasoning mode: `standard` or `pro`.")


class StreamOptions(Open):
    """Options of the stream."""

    include_obfuscation = make_flag("Whether events are padded against traffic analysis.")


class CacheOptions(Schema):
    """Settings of OpenAI's prefix cache."""

    mode = make_string("Whether breakpoints are set by OpenAI or by the caller.", "implicit", "explicit")
    ttl = make_string("The minimum time for which prefixes are cached.", "30m", "12h")
    comparison_response_id = make_string("The answer with which cache usage is compared.")
    prewarm = make_flag("Whether to cache the prefix without answering.")


class Body(Schema):
    """A Responses request."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    input = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", ITEMS, absent="message")),
        required=True,
        description="The conversation so far: a text of the user, or items.",
    )
    instructions = make_string("The system prompt.")
    stream = make_flag("Whether the answer is streamed as server-sent events.")
    stream_options = make_nested(StreamOptions, "Options of the stream.")
    max_output_tokens = fields.Integer(
        min=1, allow_none=True, description="Maximum number of output tokens, reasoning included."
    )
    temperature = fields.Number(
        min=0, max=2, allow_none=True, description="Sampling temperature; Bedrock accepts at most 1."
    )
    top_p = fields.Number(
        min=0, max=1, allow_none=True, description="Nucleus sampling: the probability mass to sample from."
    )
    top_logprobs = fields.Integer(
        min=0, max=20, allow_none=True, description="The number of most likely tokens to return for each output token."
    )
    tools = fields.List(fields.Tagged("type", TOOLS), allow_none=True, description="The tools that the model may call.")
    tool_choice = fields.Either(
        fields.String(one_of=("none", "auto", "required")),
        fields.Tagged("type", {**_NAMED_TOOLS, "allowed_tools": AllowedTools}),
        allow_none=True,
        description="Whether the model must call a tool, and which one.",
    )
    parallel_tool_calls = make_flag("Whether the model may call several tools in one turn.")
    max_tool_calls = fields.Integer(
        min=0, allow_none=True, description="The maximum number of calls of tools that OpenAI runs."
    )
    text = make_nested(Text, "Text output settings.")
    reasoning = make_nested(ReasoningConfig, "Reasoning settings.")
    include = fields.List(fields.String(), allow_none=True, description="Additional data to include in the answer.")
    store = make_flag("Whether the answer is stored; this gateway stores none.")
    previous_response_id = make_string("The id of a stored answer.")
    conversation = fields.Either(
        fields.String(), fields.Object(), allow_none=True, description="A stored conversation."
    )
    prompt = make_object("A stored prompt.")
    background = make_flag("Whether the answer is generated in the background and fetched later.")
    background_options = make_object("Options for answers that are fetched later.")
    truncation = make_string("Whether old items are dropped if the input is too long.", "auto", "disabled")
    context_management = fields.List(fields.Object(), allow_none=True, description="When earlier items are compacted.")
    metadata = fields.Object(
        fields.String(max_length=512),
        max_items=16,
        allow_none=True,
        description="Names and values attached to the request.",
    )
    client_metadata = make_object("Metadata of the client about the request.")
    user = make_string("An opaque id of the end user.")
    safety_identifier = make_string("An opaque id of the end user, for abuse detection.")
    prompt_cache_key = make_string("Routes similar requests to the same cache.")
    prompt_cache_options = make_nested(CacheOptions, "Settings of OpenAI's prefix cache.")
    prompt_cache_retention = make_string(
        "The maximum time for which prefixes are cached.", "in_memory", "in-memory", "24h"
    )
    service_tier = make_string(
        "How quickly the request is served.", *("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
    )
    access_programs = make_object("The access programs that the caller is enrolled in.")
    image = make_object("Image compression settings.")
    moderation = make_object("Moderation settings.")


class InputTokensBody(Body):
    """A request whose tokens are counted: any Responses request, of which most members are not counted."""

    input = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", ITEMS, absent="message")),
        allow_none=True,
        description="The conversation so far: a text of the user, or items.",
    )
    personality = make_string("A preset of the model's style; it is not counted.")
