"""The bodies of Anthropic's own API, `POST /v1/messages` and `/v1/messages/count_tokens`, betas included.

Source: the types of Anthropic's SDK for Python 2.12 (`MessageCreateParams`, `MessageCountTokensParams`, and their
counterparts in `beta`); the sampling parameters, which these no longer have, are those of the version `2023-06-01`.
Blocks and tools are those of `anthropic_body`, each with this API's cache breakpoints.
"""

from bedrock_flask import fields
from bedrock_flask.bodies import anthropic_body
from bedrock_flask.bodies.anthropic_body import make_content
from bedrock_flask.fields import Schema


class CacheControl(anthropic_body.CacheControl):
    """A cache breakpoint: the end of a cached prefix."""

    scope = fields.String(allow_none=True, description="Who shares the cached prefix (beta).")


class Cached(Schema):
    """What may end a cached prefix."""

    cache_control = fields.Nested(CacheControl, allow_none=True, description="Caches everything up to this point.")


class UrlSource(Schema):
    """Media at a URL."""

    type = fields.String(required=True, one_of=("url",), description="A URL.")
    url = fields.String(required=True, description="The URL; Bedrock accepts none, send the media as base64.")


class FileSource(Schema):
    """Media that was uploaded before."""

    type = fields.String(required=True, one_of=("file",), description="An uploaded file.")
    file_id = fields.String(required=True, description="The file's id; Bedrock has no files, send the media as base64.")


# --- blocks ----------------------------------------------------------------------------------------------------------

_REMOTE_SOURCES = {"url": UrlSource, "file": FileSource}
_IMAGE_SOURCES = {"base64": anthropic_body.ImageSource, **_REMOTE_SOURCES}


class Block(Cached, anthropic_body.Block):
    """A content block; members that are not listed here are passed on unchanged."""


class TextBlock(Cached, anthropic_body.TextBlock):
    """Text."""


class ImageBlock(Cached, anthropic_body.ImageBlock):
    """An image."""

    source = fields.Tagged("type", _IMAGE_SOURCES, required=True, description="The image data.")


class ContentSource(anthropic_body.ContentSource):
    """A document made of content blocks, which can be cited."""

    content = make_content({"text": TextBlock, "image": ImageBlock}, anthropic_body.DOCUMENT_CONTENT, required=True)


_DOCUMENT_SOURCES = {
    "base64": anthropic_body.PdfSource,
    "text": anthropic_body.TextSource,
    "content": ContentSource,
    **_REMOTE_SOURCES,
}


class DocumentBlock(Cached, anthropic_body.DocumentBlock):
    """A document."""

    source = fields.Tagged("type", _DOCUMENT_SOURCES, required=True, description="The document data.")


class SearchResultBlock(Cached, anthropic_body.SearchResultBlock):
    """A search result that the model can cite."""

    content = fields.List(
        fields.Tagged("type", {"text": TextBlock}), required=True, description="The result's text blocks."
    )


class ToolUseBlock(Cached, anthropic_body.ToolUseBlock):
    """A tool call by the model."""


class ToolReferenceBlock(Cached, anthropic_body.ToolReferenceBlock):
    """A tool that a search of tools found."""


class ToolResultBlock(Cached, anthropic_body.ToolResultBlock):
    """The result of a tool call."""

    content = make_content(
        {
            "text": TextBlock,
            "image": ImageBlock,
            "document": DocumentBlock,
            "search_result": SearchResultBlock,
            "tool_reference": ToolReferenceBlock,
            "browser_state": Block,
        },
        anthropic_body.RESULT_CONTENT,
        allow_none=True,
    )


class ThinkingBlock(Cached, anthropic_body.ThinkingBlock):
    """The model's reasoning."""


class RedactedThinkingBlock(Cached, anthropic_body.RedactedThinkingBlock):
    """Reasoning that the provider encrypted."""


class ServerToolResultBlock(Cached, anthropic_body.ServerToolResultBlock):
    """The result of a tool that the provider ran."""


class ToolChangeBlock(Cached, anthropic_body.ToolChangeBlock):
    """A change of the tools in mid-conversation."""


_BLOCKS: tuple[type[Schema], ...] = (
    *(Block, TextBlock, ImageBlock, DocumentBlock, SearchResultBlock, ToolUseBlock, ToolResultBlock),
    *(ThinkingBlock, RedactedThinkingBlock, ToolReferenceBlock, ServerToolResultBlock, ToolChangeBlock),
)
# For each of Bedrock's blocks, the block of the same name here.
_BLOCK_BY_NAME = {block.__name__: block for block in _BLOCKS}
CONTENT = {kind: _BLOCK_BY_NAME[block.__name__] for kind, block in anthropic_body.CONTENT.items()}


# --- messages and tools ----------------------------------------------------------------------------------------------


class Message(anthropic_body.Message):
    """One turn of a conversation."""

    content = make_content(CONTENT, anthropic_body.TURN_CONTENT, required=True)


class SystemMessage(anthropic_body.SystemMessage):
    """Instructions in mid-conversation."""

    content = make_content(CONTENT, anthropic_body.SYSTEM_CONTENT)
    clear_at = fields.String(
        one_of=("next_user_message", "never"), allow_none=True, description="When the instructions end (beta)."
    )


class CustomTool(Cached, anthropic_body.CustomTool):
    """A tool that the caller defines."""


class TypedTool(Cached, anthropic_body.TypedTool):
    """A tool that the provider defines, such as `bash_20250124` or `tool_search_tool_regex`."""


# --- the request -----------------------------------------------------------------------------------------------------


class Prompt(Schema):
    """The members that a request and a token count share."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    messages = fields.List(
        fields.Tagged("role", {"user": Message, "assistant": Message, "system": SystemMessage}),
        required=True,
        min_items=1,
        description="The conversation so far.",
    )
    system = make_content({"text": TextBlock}, anthropic_body.SYSTEM_PROMPT)
    tools = fields.List(
        fields.Tagged("type", {"custom": CustomTool}, absent="custom", others=TypedTool),
        description="The tools that the model may call.",
    )
    tool_choice = anthropic_body.make_tool_choice()
    thinking = anthropic_body.make_thinking()
    output_config = fields.Nested(anthropic_body.OutputConfig, description="Effort and format of the output.")
    output_format = fields.Nested(
        anthropic_body.OutputFormat,
        allow_none=True,
        description="The required output format, as betas before `output_config` named it.",
    )
    cache_control = fields.Nested(
        CacheControl, allow_none=True, description="Caches everything up to the last block of the request."
    )
    context_management = fields.Object(
        allow_none=True, description="How earlier parts of the conversation are cleared (beta)."
    )
    mcp_servers = fields.List(fields.Object(), description="MCP servers that the provider calls (beta).")
    speed = fields.String(one_of=("standard", "fast"), allow_none=True, description="The inference speed.")
    compaction = fields.Object(allow_none=True, description="Requests a summary instead of an answer (beta).")
    billing_policy = fields.Object(allow_none=True, description="Who is billed (beta).")


class Body(Prompt, anthropic_body.Body):
    """A Messages request."""

    anthropic_version = fields.String(description="The version of the format; usually a header has it instead.")
    max_tokens = fields.Integer(
        required=True,
        min=0,
        description="Maximum number of output tokens, reasoning included; 0 only fills the cache.",
    )
    stream = fields.Boolean(description="Whether the answer is streamed as server-sent events.")
    stop_sequences = fields.List(
        fields.String(min_length=1), max_items=8191, description="Texts at which the model stops generating."
    )
    service_tier = fields.String(one_of=("auto", "standard_only"), description="The capacity that may be used.")
    inference_geo = fields.String(allow_none=True, description="The region where inference runs.")
    container = fields.Either(
        fields.String(), fields.Object(), allow_none=True, description="The container where the provider runs code."
    )
    diagnostics = fields.Object(allow_none=True, description="Requests the reason for cache misses (beta).")
    fallbacks = fields.Either(
        fields.String(one_of=("default",)),
        fields.List(fields.Object()),
        allow_none=True,
        description="Models to try if this one declines (beta).",
    )
    fallback_credit_token = fields.Either(
        fields.String(), fields.Object(), allow_none=True, description="Credit from a refused request (beta)."
    )
    thread = fields.Object(allow_none=True, description="A conversation that the provider stores (beta).")


class CountTokensBody(Body):
    """A request whose tokens are counted: any Messages request, of which most members are not counted."""

    max_tokens = fields.Integer(min=0, description="Maximum number of output tokens; it is not counted.")
