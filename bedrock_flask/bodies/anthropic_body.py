"""The body of Claude's Messages format as Bedrock's InvokeModel takes it.

Source: "Anthropic Claude Messages API request and response" (AWS user guide) and the types of Anthropic's own SDK.
Blocks and tools are open, since they grow with every release; the top level and the small configuration objects are
closed, since Bedrock refuses what it does not know there ("Extra inputs are not permitted").
"""

from collections.abc import Iterator
from typing import Any

from bedrock_flask import fields
from bedrock_flask.fields import Open, Schema

VERSION = "bedrock-2023-05-31"
MOST_CACHE_CONTROLS = 4


class CacheControl(Schema):
    """The end of a prefix that should be cached."""

    type = fields.String(required=True, one_of=("ephemeral",), description="The kind of cache.")
    ttl = fields.String(one_of=("5m", "1h"), description="How long the prefix is kept.")


def _cache_control() -> fields.Nested:
    return fields.Nested(CacheControl, allow_none=True, description="Caches everything up to here.")


class Block(Open):
    """A content block; members that are not listed pass as they are."""

    type = fields.String(required=True, description="The kind of block.")
    cache_control = _cache_control()


class Citations(Schema):
    """Whether the model cites."""

    enabled = fields.Boolean(description="Whether the model cites from this content.")


class TextBlock(Block):
    """Text."""

    text = fields.String(required=True, description="The text.")
    citations = fields.List(fields.Object(), allow_none=True, description="In answers: what the text cites.")


class ImageSource(Schema):
    """An image as base64."""

    type = fields.String(required=True, one_of=("base64",), description="Bedrock takes base64 only, no URL.")
    media_type = fields.String(
        required=True,
        one_of=("image/jpeg", "image/png", "image/gif", "image/webp"),
        description="The image's media type.",
    )
    data = fields.String(required=True, description="The image as base64; at most 3.75 MB and 8000 px a side.")


class ImageBlock(Block):
    """An image."""

    source = fields.Tagged("type", {"base64": ImageSource}, required=True, description="The image itself.")


class PdfSource(Schema):
    """A PDF as base64."""

    type = fields.String(required=True, one_of=("base64",), description="Bedrock takes base64 only, no URL.")
    media_type = fields.String(required=True, one_of=("application/pdf",), description="The document's media type.")
    data = fields.String(required=True, description="The document as base64.")


class TextSource(Schema):
    """A document as plain text."""

    type = fields.String(required=True, one_of=("text",), description="Plain text.")
    media_type = fields.String(required=True, one_of=("text/plain",), description="The document's media type.")
    data = fields.String(required=True, description="The text.")


class ContentSource(Schema):
    """A document in blocks of its own, which can be cited."""

    type = fields.String(required=True, one_of=("content",), description="Blocks.")
    content = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", {"text": TextBlock, "image": ImageBlock})),
        required=True,
        description="The document as text, or in text and image blocks.",
    )


class DocumentBlock(Block):
    """A document."""

    source = fields.Tagged(
        "type",
        {"base64": PdfSource, "text": TextSource, "content": ContentSource},
        required=True,
        description="The document itself.",
    )
    title = fields.String(allow_none=True, description="The document's title.")
    context = fields.String(allow_none=True, description="What the model should know about the document.")
    citations = fields.Nested(Citations, allow_none=True, description="Whether the model cites from the document.")


class SearchResultBlock(Block):
    """A search result that the model can cite."""

    source = fields.String(required=True, description="Where it comes from: a URL or another name.")
    title = fields.String(required=True, description="Its title.")
    content = fields.List(fields.Tagged("type", {"text": TextBlock}), required=True, description="Its text, in blocks.")
    citations = fields.Nested(Citations, allow_none=True, description="Whether the model cites from it.")


class ToolUseBlock(Block):
    """A tool that the model wants to be used."""

    id = fields.String(required=True, description="Ties the tool's result to this use.")
    name = fields.String(required=True, description="The tool's name.")
    input = fields.Object(required=True, description="The tool's arguments.")


class ToolResultBlock(Block):
    """What a tool gave."""

    tool_use_id = fields.String(required=True, description="The use that this is the result of.")
    content = fields.Either(
        fields.String(),
        fields.List(
            fields.Tagged(
                "type",
                {
                    "text": TextBlock,
                    "image": ImageBlock,
                    "document": DocumentBlock,
                    "search_result": SearchResultBlock,
                    "tool_reference": Block,
                    "browser_state": Block,
                },
            )
        ),
        allow_none=True,
        description="The result: text, or blocks.",
    )
    is_error = fields.Boolean(allow_none=True, description="Whether the tool failed.")


class ThinkingBlock(Block):
    """The model's reasoning."""

    thinking = fields.String(required=True, description="The reasoning; may be empty.")
    signature = fields.String(required=True, description="Proves that the model wrote it; send it back unchanged.")


class RedactedThinkingBlock(Block):
    """Reasoning that the provider has encrypted."""

    data = fields.String(required=True, description="Send it back unchanged.")


class ServerToolResultBlock(Block):
    """What a tool gave that the provider ran itself."""

    tool_use_id = fields.String(required=True, description="The use that this is the result of.")
    content = fields.Anything(description="The result, in the tool's own form.")


class ToolChangeBlock(Block):
    """A change of the tools in the middle of a conversation."""

    tool = fields.Object(required=True, description="The tool: a reference to it, or its definition.")


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

# Every block that some release of the Messages format has: which of them a model takes is for the model to say.
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
    "tool_reference": Block,
    "compaction": Block,
    "container_upload": Block,
    "fallback": Block,
    "mcp_tool_listing": Block,
}


EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Message(Schema):
    """One turn of a conversation."""

    role = fields.String(required=True, description="Whose turn it is: `user` or `assistant`.")
    content = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", CONTENT)),
        required=True,
        description="What is said: text, or blocks.",
    )


class TurnConfig(Schema):
    """What the answers are like from here on."""

    effort = fields.String(one_of=EFFORTS, allow_none=True, description="How much the model puts into its answers.")


class SystemMessage(Message):
    """Instructions in the middle of a conversation."""

    role = fields.String(required=True, description="`system`.")
    content = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", CONTENT)),
        description="The instructions: text, or blocks; may be left out where there is `output_config`.",
    )
    output_config = fields.Nested(TurnConfig, allow_none=True, description="What answers are like from here on (beta).")


class InputSchema(Open):
    """The JSON Schema of a tool's arguments."""

    type = fields.String(required=True, one_of=("object",), description="Arguments are an object.")
    properties = fields.Object(allow_none=True, description="The arguments by name.")
    required = fields.List(fields.String(), allow_none=True, description="The arguments that must be there.")


class CustomTool(Open):
    """A tool of the caller's."""

    type = fields.String(one_of=("custom",), allow_none=True, description="May be left out.")
    name = fields.String(required=True, min_length=1, description="The tool's name.")
    description = fields.String(description="What the tool does and when to use it.")
    input_schema = fields.Nested(InputSchema, required=True, description="What the tool takes.")
    cache_control = _cache_control()
    strict = fields.Boolean(description="Whether the arguments are forced to fit the schema.")


class TypedTool(Open):
    """A tool that the provider has defined, such as `bash_20250124` or `tool_search_tool_regex`."""

    type = fields.String(required=True, description="The tool and its version.")
    name = fields.String(description="The tool's name, which its version fixes.")
    cache_control = _cache_control()


class ToolChoice(Schema):
    """Whether the model must use a tool."""

    type = fields.String(required=True, description="`auto`, `any`, `tool` or `none`.")
    disable_parallel_tool_use = fields.Boolean(description="Whether the model may ask for one tool at most.")


class NamedToolChoice(ToolChoice):
    """The one tool to use."""

    name = fields.String(required=True, description="The tool's name.")


def _display() -> fields.String:
    return fields.String(
        one_of=("summarized", "omitted", "updates"),
        allow_none=True,
        description="How the reasoning is shown; `updates` is a beta.",
    )


def _block_binding() -> fields.Object:
    return fields.Object(allow_none=True, description="What becomes of reasoning from another conversation (beta).")


class ThinkingEnabled(Schema):
    """Reasoning with a budget."""

    type = fields.String(required=True, description="`enabled`.")
    budget_tokens = fields.Integer(required=True, min=1024, description="Tokens for reasoning; less than max_tokens.")
    display = _display()
    block_binding = _block_binding()


class ThinkingAdaptive(Schema):
    """Reasoning as the model sees fit."""

    type = fields.String(required=True, description="`adaptive`.")
    display = _display()
    block_binding = _block_binding()


class ThinkingPlain(Schema):
    """A way of reasoning that has no settings."""

    type = fields.String(required=True, description="`disabled` or `between_tools`.")


class OutputFormat(Schema):
    """The form that the answer must have."""

    type = fields.String(required=True, one_of=("json_schema",), description="The kind of form.")
    schema = fields.Object(required=True, description="The JSON Schema.")


class OutputConfig(Schema):
    """What the answer is like."""

    effort = fields.String(
        one_of=EFFORTS,
        allow_none=True,
        description="How much the model puts into its answer; `high` where nothing is said.",
    )
    format = fields.Nested(OutputFormat, allow_none=True, description="The form that the answer must have.")
    task_budget = fields.Object(allow_none=True, description="Tokens for a whole task (beta).")


def choice_of_tools() -> fields.Tagged:
    """The member `tool_choice`."""
    return fields.Tagged(
        "type",
        {"auto": ToolChoice, "any": ToolChoice, "tool": NamedToolChoice, "none": ToolChoice},
        description="Whether the model must use a tool.",
    )


def reasoning() -> fields.Tagged:
    """The member `thinking`."""
    return fields.Tagged(
        "type",
        {
            "enabled": ThinkingEnabled,
            "adaptive": ThinkingAdaptive,
            "disabled": ThinkingPlain,
            "between_tools": ThinkingPlain,
        },
        description="Whether the model reasons first; models since Opus 4.7 and Sonnet 5 know `adaptive` only.",
    )


class Metadata(Schema):
    """About the request."""

    user_id = fields.String(allow_none=True, description="An opaque name of the end user, against abuse.")


class Body(Schema):
    """A Messages request; the model's id and whether it streams travel in the path."""

    # AWS documents one value, and Anthropic's own SDK sends its newest date to Bedrock.
    anthropic_version = fields.String(
        required=True,
        pattern=r"^(bedrock-)?\d{4}-\d{2}-\d{2}$",
        description=f"The format's version: `{VERSION}` on Bedrock, or Anthropic's own date.",
    )
    max_tokens = fields.Integer(required=True, min=1, description="Most tokens to write, reasoning included.")
    messages = fields.List(
        fields.Tagged("role", {"user": Message, "assistant": Message, "system": SystemMessage}),
        required=True,
        description="The conversation so far.",
    )
    system = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", {"text": TextBlock})),
        description="Instructions that stand before the conversation: text, or text blocks.",
    )
    temperature = fields.Number(min=0, max=1, description="How freely the model chooses; not for 4.7 and later.")
    top_p = fields.Number(min=0, max=1, description="The share of likely tokens to choose from.")
    top_k = fields.Integer(min=0, unverified_max=500, description="How many likely tokens to choose from.")
    stop_sequences = fields.List(fields.String(), max_items=8191, description="Texts at which the model stops.")
    tools = fields.List(
        fields.Tagged("type", {"custom": CustomTool}, absent="custom", others=TypedTool),
        description="The tools that the model may ask for.",
    )
    tool_choice = choice_of_tools()
    thinking = reasoning()
    output_config = fields.Nested(OutputConfig, description="Effort, and the form of the answer.")
    metadata = fields.Nested(Metadata, description="About the request.")
    anthropic_beta = fields.List(fields.String(), description="Beta features to switch on.")
    context_management = fields.Object(description="How old parts of the conversation are cleared (beta).")
    safeguards = fields.Anything(description="The provider's safeguards.")


def budget_below_max_tokens(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The reasoning budget is part of max_tokens, but for interleaved thinking, whose budget spans several answers."""
    thinking = body.get("thinking", {})
    interleaved = any(name.startswith("interleaved-thinking") for name in body.get("anthropic_beta", ()))
    if thinking.get("type") == "enabled" and not interleaved and thinking["budget_tokens"] >= body["max_tokens"]:
        yield "thinking.budget_tokens", f"must be less than max_tokens ({body['max_tokens']})"


def few_cache_controls(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A request has at most four cache_control marks."""
    for path in list(_cache_controls("", body))[MOST_CACHE_CONTROLS:]:
        yield path, f"must not be the fifth or a later one: a request takes {MOST_CACHE_CONTROLS}"


def no_forced_tool_beside_thinking(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Thinking and a tool that must be used exclude each other ("Extended thinking", Feature compatibility)."""
    thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    if thinks and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "thinking", "cannot stand beside a tool_choice that forces a tool"
        yield "tool_choice", "cannot force a tool beside thinking"


RULES = (budget_below_max_tokens, few_cache_controls, no_forced_tool_beside_thinking)

# Where marks can stand; nothing else is searched, so that a tool's arguments may have a member of that name.
_MARKED = ("tools", "system", "messages", "content")


def _cache_controls(path: str, holder: dict[str, Any]) -> Iterator[str]:
    if holder.get("cache_control") is not None:
        yield f"{path}.cache_control"
    for member in _MARKED:
        items = holder.get(member)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                yield from _cache_controls(f"{path}.{member}[{index}]".lstrip("."), item)
