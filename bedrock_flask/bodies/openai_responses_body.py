"""The body of OpenAI's Responses API, and the members that its clients send besides.

Source: the parameter types of the `openai` package for Python, 3.54 (`types/responses`), and the requests of the Codex
CLI (openai/codex, `codex-rs/codex-api` and `codex-rs/protocol`). A member that may be left out may be null, since
clients send it so. Items and tools that only OpenAI's own servers understand are open: their insides are not read.
"""

from typing import Any

from bedrock_flask import fields
from bedrock_flask.fields import Field, Open, Schema

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _tag(what: str) -> Field:
    return fields.String(required=True, description=what)


def _text(what: str, *one_of: str, **more: Any) -> Field:
    return fields.String(one_of=one_of, allow_none=True, description=what, **more)


def _flag(what: str) -> Field:
    return fields.Boolean(allow_none=True, description=what)


def _async() -> Field:
    # The member's own name is a word of Python's.
    return fields.Boolean(
        data_key="async", allow_none=True, description="Whether the model goes on while the tool works."
    )


def _object(what: str) -> Field:
    return fields.Object(allow_none=True, description=what)


def _nested(schema: type[Schema], what: str) -> Field:
    return fields.Nested(schema, allow_none=True, description=what)


# --- what messages and outputs consist of ----------------------------------------------------------------------------


class Breakpoint(Schema):
    """The end of a prefix that should be cached."""

    mode = fields.String(required=True, one_of=("explicit",), description="The kind of mark.")
    ttl = _text("How long the prefix is kept at least.", "30m", "12h")


class Part(Schema):
    """A part of a message, or of what a tool gave."""

    type = _tag("The kind of part.")
    prompt_cache_breakpoint = _nested(Breakpoint, "Caches everything up to here.")


class InputText(Part):
    """Text."""

    text = fields.String(required=True, description="The text.")


class InputImage(Part):
    """An image."""

    image_url = _text("The image as a `data:` URI; the gateway fetches no addresses.")
    file_id = _text("An uploaded file; the gateway keeps none.")
    detail = _text("How closely the model looks.", "auto", "low", "high", "original")


class InputFile(Part):
    """A document."""

    file_data = _text("The document: a `data:` URI, or base64 beside a filename.")
    filename = _text("The document's name.")
    file_url = _text("The document's address; the gateway fetches none.")
    file_id = _text("An uploaded file; the gateway keeps none.")
    detail = _text("How closely the model looks.", "auto", "low", "high")


class OutputText(Part):
    """Text that the model has written."""

    text = fields.String(required=True, description="The text.")
    annotations = fields.List(fields.Object(), allow_none=True, description="What the text cited.")
    logprobs = fields.List(fields.Object(), allow_none=True, description="How likely its tokens were.")


class Refusal(Part):
    """What the model said when it refused."""

    refusal = fields.String(required=True, description="The text.")


INPUTS: dict[str, type[Schema]] = {"input_text": InputText, "input_image": InputImage, "input_file": InputFile}
PARTS: dict[str, type[Schema]] = {**INPUTS, "output_text": OutputText, "refusal": Refusal}


def _content(parts: dict[str, type[Schema]], what: str) -> Field:
    return fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", parts)),
        required=True,
        description=f"{what}: text, or parts.",
    )


# --- items -----------------------------------------------------------------------------------------------------------


class Item(Schema):
    """An item of the conversation."""

    type = fields.String(allow_none=True, description="The kind of item; a message where nothing is said.")
    id = _text("The item's own name.")
    status = _text("How far the item had come.")
    internal_chat_message_metadata_passthrough = _object("What a client notes about the item.")


class Message(Item):
    """A message."""

    role = fields.String(
        required=True, one_of=("user", "assistant", "system", "developer"), description="Whose message it is."
    )
    content = _content(PARTS, "What is said")
    phase = _text("Whether the model was still at work.", "commentary", "final_answer")


class Called(Item):
    """A call of a tool, or what the tool gave."""

    call_id = fields.String(required=True, min_length=1, description="Ties a tool's output to its call.")
    namespace = _text("The namespace of the tool.")
    caller = _object("Whether the model called the tool itself.")


class FunctionCall(Called):
    """A call of a function."""

    name = fields.String(required=True, min_length=1, description="The function's name.")
    arguments = _text("Its arguments: a JSON object as a string.")
    is_async = _async()
    encrypted_function_args = fields.List(
        fields.String(), allow_none=True, description="The arguments that OpenAI has encrypted."
    )


class CustomToolCall(Called):
    """A call of a tool that takes text instead of arguments."""

    name = fields.String(required=True, min_length=1, description="The tool's name.")
    is_async = _async()
    input = fields.String(required=True, description="What the model gave it.")


class ToolOutput(Called):
    """What a tool gave."""

    name = _text("The tool's name.")
    output = _content(INPUTS, "The output")


class SummaryText(Schema):
    """A piece of a summary."""

    type = _tag("`summary_text`.")
    text = fields.String(required=True, description="The text.")


class ReasoningText(Schema):
    """A piece of reasoning."""

    type = fields.String(required=True, one_of=("reasoning_text", "text"), description="The kind of piece.")
    text = fields.String(required=True, description="The text.")


class Reasoning(Item):
    """The model's reasoning; send it back unchanged."""

    summary = fields.List(fields.Nested(SummaryText), allow_none=True, description="What the reasoning came to.")
    content = fields.List(fields.Nested(ReasoningText), allow_none=True, description="The reasoning in plain text.")
    encrypted_content = _text("The reasoning as it must be sent back.")


class OwnItem(Open):
    """An item that only OpenAI's own servers understand."""

    type = _tag("The kind of item.")


_OWN_ITEMS = (
    *("file_search_call", "web_search_call", "computer_call", "computer_call_output", "image_generation_call"),
    *("code_interpreter_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output"),
    *("apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request"),
    *("mcp_approval_response", "mcp_call", "tool_search_call", "tool_search_output", "configuration_update"),
    *("compaction", "compaction_summary", "compaction_trigger", "context_compaction", "agent_message"),
    *("item_reference", "program", "program_output"),
)


# --- tools -----------------------------------------------------------------------------------------------------------


class Tool(Schema):
    """A tool of the caller's."""

    type = _tag("The kind of tool.")
    name = fields.String(required=True, min_length=1, description="The tool's name.")
    description = _text("What it does and when to call it.")
    defer_loading = _flag("Whether the model first has to search for it.")
    is_async = _async()
    allowed_callers = fields.List(fields.String(), allow_none=True, description="Whether programs may call it.")


class FunctionTool(Tool):
    """A function."""

    parameters = _object("The arguments' JSON Schema.")
    strict = _flag("Whether the arguments are forced to fit the schema.")
    output_schema = _object("The JSON Schema of what it gives.")


class AnyFormat(Schema):
    """A form without settings."""

    type = _tag("The kind of form.")


class Grammar(AnyFormat):
    """Text that fits a grammar."""

    syntax = fields.String(required=True, one_of=("lark", "regex"), description="What the grammar is written in.")
    definition = fields.String(required=True, description="The grammar.")


class CustomTool(Tool):
    """A tool that takes text instead of arguments."""

    format = fields.Tagged(
        "type", {"text": AnyFormat, "grammar": Grammar}, allow_none=True, description="The form of its input."
    )


_CALLERS: dict[str, type[Schema]] = {"function": FunctionTool, "custom": CustomTool}


class Namespace(Schema):
    """Tools under one name."""

    type = _tag("`namespace`.")
    name = fields.String(required=True, min_length=1, description="The namespace's name.")
    description = _text("What its tools are for.")
    tools = fields.List(fields.Tagged("type", _CALLERS), required=True, description="Its tools.")


class OwnTool(Open):
    """A tool that OpenAI's own servers run."""

    type = _tag("The kind of tool.")


_OWN_TOOLS = (
    *("file_search", "computer", "computer_use", "computer_use_preview", "web_search", "web_search_2025_08_26"),
    *("web_search_preview", "web_search_preview_2025_03_11", "mcp", "code_interpreter", "image_generation"),
    *("programmatic_tool_calling", "local_shell", "shell", "tool_search", "apply_patch"),
)
TOOLS: dict[str, type[Schema]] = {**_CALLERS, "namespace": Namespace, **dict.fromkeys(_OWN_TOOLS, OwnTool)}


class AdditionalTools(Item):
    """Tools that stand in the conversation."""

    role = _text("`developer`.")
    tools = fields.List(fields.Tagged("type", TOOLS), required=True, description="The tools.")


ITEMS: dict[str, type[Schema]] = {
    "message": Message,
    "function_call": FunctionCall,
    "function_call_output": ToolOutput,
    "custom_tool_call": CustomToolCall,
    "custom_tool_call_output": ToolOutput,
    "reasoning": Reasoning,
    "additional_tools": AdditionalTools,
    **dict.fromkeys(_OWN_ITEMS, OwnItem),
}


class NamedTool(Schema):
    """One tool."""

    type = _tag("The kind of tool.")
    name = fields.String(required=True, description="The tool's name.")


class OwnToolChoice(Open):
    """A tool that OpenAI's own servers run."""

    type = _tag("The kind of tool.")


_NAMED: dict[str, type[Schema]] = {
    "function": NamedTool,
    "custom": NamedTool,
    **dict.fromkeys(_OWN_TOOLS, OwnToolChoice),
}


class AllowedTools(Schema):
    """Only some of the tools."""

    type = _tag("`allowed_tools`.")
    mode = fields.String(required=True, one_of=("auto", "required"), description="Whether one of them must be called.")
    tools = fields.List(
        fields.Tagged("type", {**_NAMED, "namespace": NamedTool}), required=True, description="The tools."
    )


# --- the answer ------------------------------------------------------------------------------------------------------


class JsonSchemaFormat(AnyFormat):
    """JSON that fits a schema."""

    name = fields.String(required=True, description="The form's name.")
    description = _text("What the form is for.")
    schema = fields.Object(required=True, description="The JSON Schema.")
    strict = _flag("Whether the answer is forced to fit; Bedrock always does.")


class Text(Schema):
    """What the answer's text is like."""

    format = fields.Tagged(
        "type",
        {"text": AnyFormat, "json_object": AnyFormat, "json_schema": JsonSchemaFormat},
        allow_none=True,
        description="The form that the answer must have.",
    )
    verbosity = _text("How much the model says.", "low", "medium", "high")


class ReasoningConfig(Schema):
    """How the model reasons."""

    effort = _text("How much the model reasons before it answers.", *EFFORTS)
    summary = _text("How much of its reasoning it tells.", "auto", "concise", "detailed", "none")
    generate_summary = _text("Of old: how much of its reasoning it tells.", "auto", "concise", "detailed")
    context = _text("Which of its former reasoning the model sees.", "auto", "current_turn", "all_turns")
    mode = _text("How the model reasons: `standard` or `pro`.")


class StreamOptions(Open):
    """What else a stream tells."""

    include_obfuscation = _flag("Whether events are padded.")


class CacheOptions(Schema):
    """How OpenAI caches prefixes."""

    mode = _text("Who sets the marks.", "implicit", "explicit")
    ttl = _text("How long prefixes are kept at least.", "30m", "12h")
    comparison_response_id = _text("The answer whose use of the cache this one's is compared with.")
    prewarm = _flag("Whether the prefix is cached and nothing answered.")


class Body(Schema):
    """A Responses request."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    input = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", ITEMS, absent="message")),
        required=True,
        description="The conversation so far: what the user says, or items.",
    )
    instructions = _text("Instructions that stand before the conversation.")
    stream = _flag("Whether the answer comes piece by piece.")
    stream_options = _nested(StreamOptions, "What else a stream tells.")
    max_output_tokens = fields.Integer(min=1, allow_none=True, description="Most tokens to write, reasoning included.")
    temperature = fields.Number(
        min=0, max=2, allow_none=True, description="How freely the model chooses; Bedrock takes no more than 1."
    )
    top_p = fields.Number(min=0, max=1, allow_none=True, description="The share of likely tokens to choose from.")
    top_logprobs = fields.Integer(
        min=0, max=20, allow_none=True, description="How many other tokens are told for each token."
    )
    tools = fields.List(fields.Tagged("type", TOOLS), allow_none=True, description="The tools that the model may call.")
    tool_choice = fields.Either(
        fields.String(one_of=("none", "auto", "required")),
        fields.Tagged("type", {**_NAMED, "allowed_tools": AllowedTools}),
        allow_none=True,
        description="Whether the model must call a tool, and which.",
    )
    parallel_tool_calls = _flag("Whether the model may call several tools at once.")
    max_tool_calls = fields.Integer(
        min=0, allow_none=True, description="How often tools may be called that OpenAI runs itself."
    )
    text = _nested(Text, "What the answer's text is like.")
    reasoning = _nested(ReasoningConfig, "How the model reasons.")
    include = fields.List(fields.String(), allow_none=True, description="What else the answer tells.")
    store = _flag("Whether the answer is kept; this gateway keeps none.")
    previous_response_id = _text("An answer that was kept.")
    conversation = fields.Either(
        fields.String(), fields.Object(), allow_none=True, description="A conversation that is kept."
    )
    prompt = _object("A prompt that is kept.")
    background = _flag("Whether the answer is fetched later.")
    background_options = _object("When the answer is fetched later.")
    truncation = _text("Whether old items are left out when there are too many.", "auto", "disabled")
    context_management = fields.List(
        fields.Object(), allow_none=True, description="When old items are put into fewer words."
    )
    metadata = fields.Object(
        fields.String(max_length=512), max_items=16, allow_none=True, description="Names and values for the log."
    )
    client_metadata = _object("What a client notes about the request.")
    user = _text("An opaque name of the end user.")
    safety_identifier = _text("An opaque name of the end user, against abuse.")
    prompt_cache_key = _text("Leads similar requests to the same cache.")
    prompt_cache_options = _nested(CacheOptions, "How prefixes are cached.")
    prompt_cache_retention = _text("How long prefixes are kept at most.", "in_memory", "in-memory", "24h")
    service_tier = _text(
        "How quickly the request is served.", *("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
    )
    access_programs = _object("The programs that the caller takes part in.")
    image = _object("How images are compressed.")
    moderation = _object("How question and answer are moderated.")
