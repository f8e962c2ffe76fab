"""Palmyra by Writer: OpenAI's Chat Completions with Writer's own ranges in InvokeModel. X4 and X5 are legacy models."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from bedrock_flask.plugin import (
    CHAT,
    MEASURED,
    ONE_REPORT,
    Adapter,
    ChatForm,
    Json,
    KnownModel,
    Schema,
    Source,
    fields,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

PALMYRA = CHAT.but(structured=False, strict_tools=False, surfaces=("invoke", "converse"))
MODELS = {
    "writer.palmyra-*": PALMYRA,
    "writer.palmyra-vision*": PALMYRA.but(images=True, tools=False, system=False, surfaces=open_weights.SURFACES),
}
_LEGACY = KnownModel(name="", profiles=("us",), on_demand=False, active=False, output=8_192)
# Sources: AWS user guide, Writer Palmyra X4 and X5; bedrock-models 0.1.165 (October 2026): legacy, no date is given.
KNOWN_MODELS = {
    "writer.palmyra-x5-v1:0": replace(_LEGACY, name="Palmyra X5", context=1_040_000),
    "writer.palmyra-x4-v1:0": replace(_LEGACY, name="Palmyra X4", context=122_880),
    "writer.palmyra-vision-7b": KnownModel(name="Palmyra Vision 7B", regions=("us-east-1", "us-east-2", "us-west-2")),
}

_VISION = "writer.palmyra-vision*"
_PROBED = Source("aws-samples/sample-per-model-bedrock, live calls of August 2026", MEASURED, _VISION)
SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    **sources.MODALITIES,
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
    "system": [_PROBED],
    "tools": [
        Source("Live call: refuses `toolConfig` (aws-samples/sample-apj-sup-sa#218)", ONE_REPORT, _VISION),
        _PROBED,
    ],
}


class Text(Schema):
    """Text, as AWS's page writes it: without a type."""

    text = fields.String(required=True, description="The text.")


class UserMessage(invoke_chat_body.Message):
    """A message of the user: text, one text in an object, or parts; only Palmyra Vision sees images."""

    content = fields.Either(
        fields.String(),
        fields.Nested(Text),
        fields.List(fields.Tagged("type", {name: invoke_chat_body.PARTS[name] for name in ("text", "image_url")})),
        required=True,
        description='The content: text, `{"text": …}` or parts.',
    )


class PalmyraBody(invoke_chat_body.ChatRequest):
    """A Chat Completions request to Palmyra. Source: AWS user guide, Writer Palmyra X5 (October 2026)."""

    messages = invoke_chat_body.make_messages(user=UserMessage)
    temperature = fields.Number(min=0, max=2, allow_none=True, description="Sampling temperature; default 1.")
    top_p = fields.Number(
        above=0,
        max=1,
        allow_none=True,
        description="Nucleus sampling: the probability mass to sample from; default 1.",
    )
    max_tokens = fields.Integer(
        min=1, max=8_192, allow_none=True, description="Maximum number of output tokens; default 16."
    )
    min_tokens = fields.Integer(
        min=0, allow_none=True, description="Minimum number of output tokens, at most max_tokens; default 0."
    )
    stop = invoke_chat_body.make_stop(max_items=4)


def check_tokens(body: Json) -> Iterator[tuple[str, str]]:
    """An answer cannot be longer than its limit."""
    least, most = body.get("min_tokens"), body.get("max_tokens")
    if least is not None and most is not None and least > most:
        yield "min_tokens", "must not be more than max_tokens"


# Palmyra Vision takes no instructions.
SAMPLE = {"messages": [{"role": "user", "content": "What is 2+2?"}], "max_tokens": 64, "temperature": 0.5}
_MODEL = "writer.palmyra-x5-v1:0"


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="palmyra",
            description="Palmyra by Writer.",
            provider="Writer",
            body=PalmyraBody,
            rules=[check_tokens],
            answer=invoke_chat_body.Answer,
            speaks={"invoke_chat": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default=_MODEL,
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            sample=SAMPLE,
            reply=invoke_chat_body.make_reply("4", model=_MODEL, reasoning_content=None, tool_calls=[]),
            chunks=invoke_chat_body.make_chunks({"content": "4"}, model=_MODEL),
            # langchain-aws 1.9 stops at this chunk.
            chat_form=ChatForm(last="[DONE]"),
        )
    )
