"""The bodies of Anthropic's own API, `POST /v1/messages` and `/v1/messages/count_tokens`, betas included.

Source: the types of Anthropic's SDK for Python 2.12 (`MessageCreateParams`, `MessageCountTokensParams`, and their
twins in `beta`); the sampling parameters, which these have no longer, are those of the version `2023-06-01`. What
Bedrock's own body shares with it is `anthropic_body`'s.
"""

from functools import cache
from typing import cast

from bedrock_flask import fields
from bedrock_flask.bodies import anthropic_body
from bedrock_flask.fields import Schema


class CacheControl(anthropic_body.CacheControl):
    """The end of a prefix that should be cached."""

    scope = fields.String(allow_none=True, description="Who shares the cached prefix (beta).")


def _cache_control() -> fields.Nested:
    return fields.Nested(CacheControl, allow_none=True, description="Caches everything up to here.")


def _here(schema: type[Schema], **members: fields.Field) -> type[Schema]:
    """A block or tool as it is here: with the cache marks of this API, and other members where it has some."""
    told = {"__module__": __name__, "__doc__": schema.__doc__, "cache_control": _cache_control(), **members}
    return cast(type[Schema], type(schema.__name__, (schema,), told))


class UrlSource(Schema):
    """A medium at an address."""

    type = fields.String(required=True, one_of=("url",), description="An address.")
    url = fields.String(required=True, description="The address; Bedrock takes none, send the medium as base64.")


class FileSource(Schema):
    """A medium that was uploaded before."""

    type = fields.String(required=True, one_of=("file",), description="An uploaded file.")
    file_id = fields.String(required=True, description="The file; Bedrock has none, send the medium as base64.")


@cache
def _marked(schema: type[Schema]) -> type[Schema]:
    """A block that differs in its cache marks only."""
    return _here(schema)


_ELSEWHERE = {"url": UrlSource, "file": FileSource}
_IMAGE_SOURCES = {"base64": anthropic_body.ImageSource, **_ELSEWHERE}

TextBlock = _here(anthropic_body.TextBlock)
ImageBlock = _here(
    anthropic_body.ImageBlock,
    source=fields.Tagged("type", _IMAGE_SOURCES, required=True, description="The image itself."),
)


class ContentSource(Schema):
    """A document in blocks of its own, which can be cited."""

    type = fields.String(required=True, one_of=("content",), description="Blocks.")
    content = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", {"text": TextBlock, "image": ImageBlock})),
        required=True,
        description="The document as text, or in text and image blocks.",
    )


_DOCUMENT_SOURCES = {
    "base64": anthropic_body.PdfSource,
    "text": anthropic_body.TextSource,
    "content": ContentSource,
    **_ELSEWHERE,
}

DocumentBlock = _here(
    anthropic_body.DocumentBlock,
    source=fields.Tagged("type", _DOCUMENT_SOURCES, required=True, description="The document itself."),
)
SearchResultBlock = _here(
    anthropic_body.SearchResultBlock,
    content=fields.List(fields.Tagged("type", {"text": TextBlock}), required=True, description="Its text, in blocks."),
)
ToolResultBlock = _here(
    anthropic_body.ToolResultBlock,
    content=fields.Either(
        fields.String(),
        fields.List(
            fields.Tagged(
                "type",
                {
                    "text": TextBlock,
                    "image": ImageBlock,
                    "document": DocumentBlock,
                    "search_result": SearchResultBlock,
                    "tool_reference": _marked(anthropic_body.Block),
                    "browser_state": _marked(anthropic_body.Block),
                },
            )
        ),
        allow_none=True,
        description="The result: text, or blocks.",
    ),
)

_OTHER_THAN_BEDROCKS = {
    "text": TextBlock,
    "image": ImageBlock,
    "document": DocumentBlock,
    "search_result": SearchResultBlock,
    "tool_result": ToolResultBlock,
}
CONTENT = {kind: _OTHER_THAN_BEDROCKS.get(kind) or _marked(schema) for kind, schema in anthropic_body.CONTENT.items()}


def _content(**options: bool) -> fields.Either:
    return fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", CONTENT)),
        description="What is said: text, or blocks.",
        **options,
    )


class Message(anthropic_body.Message):
    """One turn of a conversation."""

    content = _content(required=True)


class SystemMessage(anthropic_body.SystemMessage):
    """Instructions in the middle of a conversation; the text may be left out where there is `output_config`."""

    content = _content()
    clear_at = fields.String(
        one_of=("next_user_message", "never"), allow_none=True, description="When the instructions end (beta)."
    )


class Prompt(Schema):
    """What a model is asked."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    messages = fields.List(
        fields.Tagged("role", {"user": Message, "assistant": Message, "system": SystemMessage}),
        required=True,
        min_items=1,
        description="The conversation so far.",
    )
    system = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", {"text": TextBlock})),
        description="Instructions that stand before the conversation: text, or text blocks.",
    )
    tools = fields.List(
        fields.Tagged(
            "type",
            {"custom": _marked(anthropic_body.CustomTool)},
            absent="custom",
            others=_marked(anthropic_body.TypedTool),
        ),
        description="The tools that the model may ask for.",
    )
    tool_choice = anthropic_body.choice_of_tools()
    thinking = anthropic_body.reasoning()
    output_config = fields.Nested(anthropic_body.OutputConfig, description="Effort, and the form of the answer.")
    output_format = fields.Nested(
        anthropic_body.OutputFormat,
        allow_none=True,
        description="The form of the answer, as betas before `output_config` had it.",
    )
    cache_control = fields.Nested(
        CacheControl, allow_none=True, description="Caches everything up to the last block of the request."
    )
    context_management = fields.Object(
        allow_none=True, description="How old parts of the conversation are cleared (beta)."
    )
    mcp_servers = fields.List(fields.Object(), description="MCP servers that the provider calls (beta).")
    speed = fields.String(one_of=("standard", "fast"), allow_none=True, description="How fast the model writes.")
    compaction = fields.Object(allow_none=True, description="Asks for a summary instead of an answer (beta).")
    billing_policy = fields.Object(allow_none=True, description="Who is billed (beta).")


class CountTokensBody(Prompt):
    """A request whose tokens are counted."""


class Body(Prompt, anthropic_body.Body):
    """A Messages request."""

    anthropic_version = fields.String(description="The format's version; a header has it, if anything has.")
    max_tokens = fields.Integer(
        required=True, min=0, description="Most tokens to write, reasoning included; 0 fills the cache and no more."
    )
    stream = fields.Boolean(description="Whether the answer comes as server-sent events.")
    stop_sequences = fields.List(
        fields.String(min_length=1), max_items=8191, description="Texts at which the model stops."
    )
    service_tier = fields.String(one_of=("auto", "standard_only"), description="Which capacity may be used.")
    inference_geo = fields.String(allow_none=True, description="Where the model runs.")
    container = fields.Either(
        fields.String(), fields.Object(), allow_none=True, description="Where the provider runs code."
    )
    diagnostics = fields.Object(allow_none=True, description="Asks why the cache was missed (beta).")
    fallbacks = fields.Either(
        fields.String(one_of=("default",)),
        fields.List(fields.Object()),
        allow_none=True,
        description="Other models to ask where this one declines (beta).",
    )
    fallback_credit_token = fields.Either(
        fields.String(), fields.Object(), allow_none=True, description="What a refused request may be paid with (beta)."
    )
    thread = fields.Object(allow_none=True, description="A conversation that the provider keeps (beta).")


RULES = (anthropic_body.few_cache_controls,)
