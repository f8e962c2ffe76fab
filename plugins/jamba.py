"""Jamba by AI21: a chat body close to OpenAI's in InvokeModel. Legacy models, which some accounts still call."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from bedrock_flask.plugin import (
    CHAT,
    Adapter,
    Json,
    KnownModel,
    Schema,
    fields,
    hookimpl,
    invoke_chat_body,
    sources,
)

JAMBA = CHAT.but(structured=False, strict_tools=False, reasoning=False, surfaces=("invoke", "converse"))
MODELS = {
    "ai21.jamba-1-5-*": JAMBA,
    "ai21.jamba-instruct-*": JAMBA.but(tools=False, documents=False),
}
# Source: AWS user guide, Model lifecycle (Legacy), as of October 2026.
_LEGACY = KnownModel(
    name="",
    regions=("us-east-1",),
    active=False,
    legacy_on="2026-05-26",
    ends_on="2026-11-26",
    context=256_000,
    output=4_096,
)
KNOWN_MODELS = {
    "ai21.jamba-1-5-large-v1:0": replace(_LEGACY, name="Jamba 1.5 Large"),
    "ai21.jamba-1-5-mini-v1:0": replace(_LEGACY, name="Jamba 1.5 Mini"),
}

_INSTRUCT = "ai21.jamba-instruct-*"
SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS],
    **sources.MODALITIES,
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
    "reasoning": [sources.NOT_REASONING],
    "tools": sources.cite(sources.FEATURES, _INSTRUCT),
    "documents": sources.cite(sources.FEATURES, _INSTRUCT),
}


class Document(Schema):
    """A text that the answer may be taken from."""

    id = fields.String(allow_none=True, description="The document's id.")
    content = fields.String(required=True, description="The text.")
    metadata = fields.List(fields.Object(), allow_none=True, description="Names and values of the document.")


class JambaBody(invoke_chat_body.Sampling):
    """A request in Jamba's native format. Sources: AWS user guide, AI21 Labs Jamba models; AI21, Jamba API."""

    messages = invoke_chat_body.make_messages()
    max_tokens = fields.Integer(
        min=0, max=4_096, allow_none=True, description="Maximum number of output tokens; default 4096."
    )
    temperature = fields.Number(min=0, max=2, allow_none=True, description="Sampling temperature; default 1.")
    n = fields.Integer(
        min=1, max=16, allow_none=True, description="The number of answers to generate; 1 for a stream; default 1."
    )
    stream = fields.Boolean(allow_none=True, description="Whether the answer is streamed.")
    tools = fields.List(
        fields.Tagged("type", {"function": invoke_chat_body.FunctionTool}),
        allow_none=True,
        description="The tools that the model may call; Jamba 1.5 only.",
    )
    documents = fields.List(
        fields.Nested(Document), allow_none=True, description="Texts that the answer may be taken from; Jamba 1.5 only."
    )
    response_format = fields.Nested(
        invoke_chat_body.AnswerFormat, allow_none=True, description="The required output format; Jamba 1.5 only."
    )


def check_answers(body: Json) -> Iterator[tuple[str, str]]:
    """Several answers without any randomness would be the same."""
    if (body.get("n") or 1) > 1 and body.get("temperature") == 0:
        yield "n", "must be 1 with a temperature of 0, which makes all answers the same"


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="jamba",
            description="Jamba by AI21 (legacy).",
            provider="AI21 Labs",
            body=JambaBody,
            rules=[check_answers],
            models=MODELS,
            default="ai21.jamba-1-5-large-v1:0",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
        )
    )
