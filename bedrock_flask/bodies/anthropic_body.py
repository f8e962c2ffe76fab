"""The body of Claude's Messages format as Bedrock's InvokeModel takes it.

Source: "Anthropic Claude Messages API request and response" (AWS user guide) and the types of Anthropic's own SDK.
Blocks and tools are open, since they grow with every release, apart from what looks misspelt; the top level and the
small configuration objects are closed, since Bedrock refuses what it does not know ("Extra inputs are not permitted").
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_flask import fields
from bedrock_flask.fields import Extensible, Open, Schema

VERSION = "bedrock-2023-05-31"
MAX_CACHE_CONTROLS = 4

DOCUMENT_CONTENT = "The document as text, or as text and image blocks."
RESULT_CONTENT = "The result: text or content blocks."
TURN_CONTENT = "The content: text or content blocks."
SYSTEM_CONTENT = "The instructions: text or content blocks; optional beside `output_config`."
SYSTEM_PROMPT = "The system prompt: text or text blocks."


def make_content(kinds: Mapping[str, type[Schema]], description: str, **options: bool) -> fields.Either:
    """Make a member that is text, or a list of blocks of these kinds."""
    # Apart from its cache control, a block is the same in Anthropic's API and on Bedrock.
    blocks = fields.List(fields.Tagged("type", kinds, elsewhere=lambda: CONTENT))
    return fields.Either(fields.String(), blocks, description=description, **options)


class CacheControl(Schema):
    """A cache breakpoint: the end of a cached prefix."""

    type = fields.String(required=True, one_of=("ephemeral",), description="The cache type.")
    ttl = fields.String(one_of=("5m", "1h"), description="How long the prefix is cached.")


def _make_cache_control() -> fields.Nested:
    return fields.Nested(CacheControl, allow_none=True, description="Caches everything up to this point.")


class Block(Extensible):
    """A content block; members that are not listed here are passed on unchanged."""

    type = fields.String(required=True, description="The block type.")
    cache_control = _make_cache_control()


class Citations(Schema):
    """Citation settings."""

    enabled = fields.Boolean(description="Whether the model cites this content.")


class TextBlock(Block):
    """Text."""

    text = fields.String(required=True, description="The text.")
    citations = fields.List(
        fields.Object(), allow_none=True, description="Citations that support the text; in responses."
    )


class ImageSource(Schema):
    """A base64-encoded image."""

    type = fields.String(required=True, one_of=("base64",), description="Bedrock accepts base64 only, not a URL.")
    media_type = fields.String(
        required=True,
        one_of=("image/jpeg", "image/png", "image/gif", "image/webp"),
        description="The image's media type.",
    )
    data = fields.String(required=True, description="The base64-encoded image; at most 3.75 MB and 8000 px per side.")


class ImageBlock(Block):
    """An image."""

    source = fields.Tagged("type", {"base64": ImageSource}, required=True, description="The image data.")


class PdfSource(Schema):
    """A base64-encoded PDF."""

    type = fields.String(required=True, one_of=("base64",), description="Bedrock accepts base64 only, not a URL.")
    media_type = fields.String(required=True, one_of=("application/pdf",), description="The document's media type.")
    data = fields.String(required=True, description="The base64-encoded document.")


class TextSource(Schema):
    """A plain-text document."""

    type = fields.String(required=True, one_of=("text",), description="Plain text.")
    media_type = fields.String(required=True, one_of=("text/plain",), description="The document's media type.")
    data = fields.String(required=True, description="The text.")


class ContentSource(Schema):
    """A document made of content blocks, which can be cited."""

    type = fields.String(required=True, one_of=("content",), description="Content blocks.")
    content = make_content({"text": TextBlock, "image": ImageBlock}, DOCUMENT_CONTENT, required=True)


class DocumentBlock(Block):
    """A document."""

    source = fields.Tagged(
        "type",
        {"base64": PdfSource, "text": TextSource, "content": ContentSource},
        required=True,
        description="The document data.",
    )
    title = fields.String(allow_none=True, description="The document's title.")
    context = fields.String(allow_none=True, description="Context about the document, which is not cited.")
    citations = fields.Nested(Citations, allow_none=True, description="Citation settings for the document.")


class SearchResultBlock(Block):
    """A search result that the model can cite."""

    source = fields.String(required=True, description="The result's source: a URL or another identifier.")
    title = fields.String(required=True, description="The result's title.")
    content = fields.List(
        fields.Tagged("type", {"text": TextBlock}), required=True, description="The result's text blocks."
    )
    citations = fields.Nested(Citations, allow_none=True, description="Citation settings for the result.")


class ToolUseBlock(Block):
    """A tool call by the model."""

    id = fields.String(required=True, description="The call's id, to which the tool's result refers.")
    name = fields.String(required=True, description="The tool's name.")
    input = fields.Object(required=True, description="The arguments of the call.")


class ToolReferenceBlock(Block):
    """A tool that a search of tools found."""

    tool_name = fields.String(required=True, description="The tool's name.")


class ToolResultBlock(Block):
    """The result of a tool call."""

    tool_use_id = fields.String(required=True, description="The id of the tool call.")
    content = make_content(
        {
            "text": TextBlock,
            "image": ImageBlock,
            "document": DocumentBlock,
            "search_result": SearchResultBlock,
            "tool_reference": ToolReferenceBlock,
            "browser_state": Block,
        },
        RESULT_CONTENT,
        allow_none=True,
    )
    is_error = fields.Boolean(allow_none=True, description="Whether the tool call failed.")


class ThinkingBlock(Block):
    """The model's reasoning."""

    thinking = fields.String(required=True, description="The reasoning text; may be empty.")
    signature = fields.String(required=True, description="The signature of the reasoning; send it back unchanged.")


class RedactedThinkingBlock(Block):
    """Reasoning that the provider encrypted."""

    data = fields.String(required=True, description="The encrypted reasoning; send it back unchanged.")


class ServerToolResultBlock(Block):
    """The result of a tool that the provider ran."""

    tool_use_id = fields.String(required=True, description="The id of the tool call.")
    content = fields.Anything(description="The result, in the format of the tool.")


class ToolChangeBlock(Block):
    """A change of the tools in mid-conversation."""

    tool = fields.Object(required=True, description="The tool: a reference to it or its definition.")


_SERVER_TOOL_RESULTS = (
    "advisor_tool_result",
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "mcp_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
)

# Every block of any release of the Messages format; the model decides which of them it accepts.
CONTENT: dict[str, type[Schema]] = {
    "text": TextBlock,
    "image": ImageBlock,
    "document": DocumentBlock,
    "search_result": SearchResultBlock,
    "tool_use": ToolUseBlock,
    "tool_result": ToolResultBlock,
    "thinking": ThinkingBlock,
    "redacted_thinking": RedactedThinkingBlock,
    "server_tool_use": ToolUseBlock,
    "mcp_tool_use": ToolUseBlock,
    **dict.fromkeys(_SERVER_TOOL_RESULTS, ServerToolResultBlock),
    "tool_addition": ToolChangeBlock,
    "tool_removal": ToolChangeBlock,
    "tool_reference": ToolReferenceBlock,
    "compaction": Block,
    "container_upload": Block,
    "fallback": Block,
    "mcp_tool_listing": Block,
}


EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Message(Schema):
    """One turn of a conversation."""

    role = fields.String(required=True, description="The author: `user` or `assistant`.")
    content = make_content(CONTENT, TURN_CONTENT, required=True)


class TurnConfig(Schema):
    """Output settings from this turn on."""

    effort = fields.String(
        one_of=EFFORTS, allow_none=True, description="How much effort the model puts into its answers."
    )


class SystemMessage(Message):
    """Instructions in mid-conversation."""

    role = fields.String(required=True, description="`system`.")
    content = make_content(CONTENT, SYSTEM_CONTENT)
    output_config = fields.Nested(TurnConfig, allow_none=True, description="Output settings from this turn on (beta).")


class InputSchema(Open):
    """The JSON Schema of a tool's arguments."""

    type = fields.String(required=True, one_of=("object",), description="Always `object`.")
    properties = fields.Object(allow_none=True, description="The arguments' schemas by name.")
    required = fields.List(fields.String(), allow_none=True, description="The names of the required arguments.")


class CustomTool(Extensible):
    """A tool that the caller defines."""

    type = fields.String(one_of=("custom",), allow_none=True, description="Always `custom`; optional.")
    name = fields.String(required=True, min_length=1, description="The tool's name.")
    description = fields.String(description="What the tool does and when to use it.")
    input_schema = fields.Nested(InputSchema, required=True, description="The JSON Schema of the arguments.")
    cache_control = _make_cache_control()
    strict = fields.Boolean(description="Whether the arguments must conform to the schema.")
    defer_loading = fields.Boolean(description="Whether the tool is only found by a search of tools (beta).")
    input_examples = fields.List(fields.Object(), description="Examples of the arguments (beta).")


class TypedTool(Extensible):
    """A tool that the provider defines, such as `bash_20250124` or `tool_search_tool_regex`."""

    type = fields.String(required=True, description="The tool with its version.")
    name = fields.String(description="The tool's name; each version has a fixed one.")
    display_width_px = fields.Integer(min=1, description="The width of the computer's display in pixels.")
    display_height_px = fields.Integer(min=1, description="The height of the computer's display in pixels.")
    display_number = fields.Integer(min=0, allow_none=True, description="The number of the display, for X11.")
    max_characters = fields.Integer(
        min=1, allow_none=True, description="The characters of a file beyond which the text editor cuts it."
    )
    cache_control = _make_cache_control()


class ToolChoice(Schema):
    """How the model chooses among the tools."""

    type = fields.String(required=True, description="`auto`, `any`, `tool` or `none`.")
    disable_parallel_tool_use = fields.Boolean(description="Whether the model may call at most one tool per turn.")


class NamedToolChoice(ToolChoice):
    """The tool that the model must call."""

    name = fields.String(required=True, description="The tool's name.")


def _make_display() -> fields.String:
    return fields.String(
        one_of=("summarized", "omitted", "updates"),
        allow_none=True,
        description="How the reasoning is returned; `updates` is a beta.",
    )


def _make_block_binding() -> fields.Object:
    return fields.Object(allow_none=True, description="How reasoning from another conversation is handled (beta).")


class ThinkingEnabled(Schema):
    """Reasoning with a token budget."""

    type = fields.String(required=True, description="`enabled`.")
    budget_tokens = fields.Integer(
        required=True, min=1024, description="Maximum number of reasoning tokens; less than max_tokens."
    )
    display = _make_display()
    block_binding = _make_block_binding()


class ThinkingAdaptive(Schema):
    """Reasoning as much as the model decides."""

    type = fields.String(required=True, description="`adaptive`.")
    display = _make_display()
    block_binding = _make_block_binding()


class ThinkingPlain(Schema):
    """A reasoning mode without settings."""

    type = fields.String(required=True, description="`disabled` or `between_tools`.")


class OutputFormat(Schema):
    """The required output format."""

    type = fields.String(required=True, one_of=("json_schema",), description="The format type.")
    schema = fields.Object(required=True, description="The JSON Schema of the answer.")


class OutputConfig(Schema):
    """Output settings."""

    effort = fields.String(
        one_of=EFFORTS,
        allow_none=True,
        description="How much effort the model puts into its answer; default `high`.",
    )
    format = fields.Nested(OutputFormat, allow_none=True, description="The required output format.")
    task_budget = fields.Object(allow_none=True, description="Token budget of a whole task (beta).")


def make_tool_choice() -> fields.Tagged:
    """Make the member `tool_choice`."""
    return fields.Tagged(
        "type",
        {"auto": ToolChoice, "any": ToolChoice, "tool": NamedToolChoice, "none": ToolChoice},
        description="How the model chooses among the tools.",
    )


def make_thinking() -> fields.Tagged:
    """Make the member `thinking`."""
    return fields.Tagged(
        "type",
        {
            "enabled": ThinkingEnabled,
            "adaptive": ThinkingAdaptive,
            "disabled": ThinkingPlain,
            "between_tools": ThinkingPlain,
        },
        description="Reasoning before the answer; models since Opus 4.7 and Sonnet 5 accept `adaptive` only.",
    )


class Metadata(Schema):
    """Metadata of the request."""

    user_id = fields.String(allow_none=True, description="An opaque id of the end user, for abuse detection.")


class Body(Schema):
    """A Messages request; the model and whether to stream are in the path."""

    # AWS documents one value, and Anthropic's own SDK sends its newest date to Bedrock. Notebooks of AWS's
    # (aws-samples/amazon-bedrock-samples) have an empty one beside the answer to it.
    anthropic_version = fields.String(
        required=True,
        pattern=r"^((bedrock-)?\d{4}-\d{2}-\d{2})?$",
        description=f"The version of the format: `{VERSION}` on Bedrock, or a date of Anthropic's API.",
    )
    max_tokens = fields.Integer(
        required=True, min=1, description="Maximum number of output tokens, reasoning included."
    )
    messages = fields.List(
        fields.Tagged("role", {"user": Message, "assistant": Message, "system": SystemMessage}),
        required=True,
        description="The conversation so far.",
    )
    system = make_content({"text": TextBlock}, SYSTEM_PROMPT)
    temperature = fields.Number(min=0, max=1, description="Sampling temperature; not for 4.7 and later.")
    top_p = fields.Number(min=0, max=1, description="Nucleus sampling: the probability mass to sample from.")
    top_k = fields.Integer(min=0, max=500, description="The number of most likely tokens to sample from.")
    stop_sequences = fields.List(
        fields.String(), max_items=8191, description="Texts at which the model stops generating."
    )
    tools = fields.List(
        fields.Tagged("type", {"custom": CustomTool}, absent="custom", others=TypedTool),
        description="The tools that the model may call.",
    )
    tool_choice = make_tool_choice()
    thinking = make_thinking()
    output_config = fields.Nested(OutputConfig, description="Effort and format of the output.")
    metadata = fields.Nested(Metadata, description="Metadata of the request.")
    anthropic_beta = fields.List(fields.String(), description="Beta features to enable.")
    context_management = fields.Object(description="How earlier parts of the conversation are cleared (beta).")
    safeguards = fields.Anything(description="Safeguards of the provider.")


def check_thinking_budget(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The reasoning budget is part of max_tokens, except in interleaved thinking, where it spans several answers."""
    thinking = body.get("thinking", {})
    interleaved = any(name.startswith("interleaved-thinking") for name in body.get("anthropic_beta", ()))
    if thinking.get("type") == "enabled" and not interleaved and thinking["budget_tokens"] >= body["max_tokens"]:
        yield "thinking.budget_tokens", f"must be less than max_tokens ({body['max_tokens']})"


def check_cache_controls(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A request has at most four cache breakpoints."""
    for path, _ in list(find_cache_controls(body))[MAX_CACHE_CONTROLS:]:
        yield path, f"exceeds the limit of {MAX_CACHE_CONTROLS} cache breakpoints in a request"


def check_forced_tool(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A budget of thinking and a forced tool exclude each other ("Extended thinking", Feature compatibility)."""
    has_budget = (body.get("thinking") or {}).get("type") == "enabled"
    if has_budget and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "thinking", "cannot be combined with a tool_choice that forces a tool"
        yield "tool_choice", "cannot force a tool while thinking is enabled"


RULES = (check_thinking_budget, check_cache_controls, check_forced_tool)

# The only members that hold breakpoints; a tool's arguments may have a member called cache_control.
_HOLDERS = ("tools", "system", "messages", "content")


def find_cache_controls(holder: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each cache breakpoint of a body, with its path."""
    if holder.get("cache_control") is not None:
        yield f"{path}.cache_control", holder["cache_control"]
    for member in _HOLDERS:
        items = holder.get(member)
        if not isinstance(items, list):
            continue
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield from find_cache_controls(item, f"{path}.{member}[{index}]".lstrip("."))
