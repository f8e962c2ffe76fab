"""Mistral AI's models that take messages in InvokeModel: in Mistral's own form, and since 2025 in OpenAI's.

Those with a prompt are in `prompt`. Sources: AWS user guide, Mistral AI chat completion, Mistral AI Large
(24.07), Pixtral Large (25.02) and the models' cards, as of October 2026; Mistral AI's API reference.
"""

from bedrock_flask.plugin import (
    CHAT,
    MEASURED,
    Adapter,
    ChatForm,
    KnownModel,
    Open,
    Schema,
    Source,
    fields,
    invoke_chat_body,
    open_weights,
    sources,
)

_PLAIN = {"reasoning": False, "named_tools": False, "surfaces": open_weights.SURFACES}
_OF_2024 = CHAT.but(
    reasoning=False,
    named_tools=False,
    structured=False,
    strict_tools=False,
    shortest_call_id=9,
    surfaces=("invoke", "converse"),
)
LARGE_MODELS = {
    "mistral.mistral-large-2407-*": _OF_2024,
    "mistral.pixtral-*": _OF_2024.but(images=True),
}
MODELS = {
    "mistral.mistral-large-3-*": CHAT.but(images=True, **_PLAIN),
    "mistral.ministral-*": CHAT.but(images=True, **_PLAIN),
    "mistral.magistral-*": CHAT.but(
        images=True,
        named_tools=False,
        **open_weights.EFFORTS,
        surfaces=open_weights.SURFACES,
    ),
    "mistral.devstral-*": CHAT.but(**_PLAIN),
    "mistral.voxtral-*": CHAT.but(**_PLAIN, audio=True),
}
# Source of the limits: anomalyco/models.dev of July 2026.
KNOWN_LARGE_MODELS = {
    "mistral.mistral-large-2407-v1:0": KnownModel(
        name="Mistral Large (24.07)", regions=("us-west-2",), context=128_000, output=8_192
    ),
    "mistral.pixtral-large-2502-v1:0": KnownModel(
        name="Pixtral Large (25.02)", profiles=("us", "eu"), on_demand=False, context=128_000, output=8_192
    ),
}
KNOWN_MODELS = {
    "mistral.mistral-large-3-675b-instruct": KnownModel(
        name="Mistral Large 3",
        regions=("us-east-1", "us-east-2", "us-west-2", "ap-northeast-1", "ap-south-1", "ap-southeast-2", "sa-east-1"),
        context=256_000,
        output=8_192,
    ),
    "mistral.ministral-3-3b-instruct": KnownModel(
        name="Ministral 3B", regions=open_weights.REGIONS, context=256_000, output=8_192
    ),
    "mistral.ministral-3-8b-instruct": KnownModel(
        name="Ministral 3 8B", regions=open_weights.REGIONS, context=128_000, output=4_096
    ),
    "mistral.ministral-3-14b-instruct": KnownModel(
        name="Ministral 14B 3.0", regions=open_weights.REGIONS, context=128_000, output=4_096
    ),
    "mistral.magistral-small-2509": KnownModel(
        name="Magistral Small 2509", regions=open_weights.REGIONS, context=128_000, output=40_000
    ),
    "mistral.devstral-2-123b": KnownModel(
        name="Devstral 2 123B",
        regions=tuple(region for region in open_weights.MORE_REGIONS if region != "ap-south-1"),
        context=256_000,
        output=8_192,
    ),
    "mistral.voxtral-mini-3b-2507": KnownModel(
        name="Voxtral Mini 3B 2507", regions=open_weights.REGIONS, context=128_000, output=4_096
    ),
    "mistral.voxtral-small-24b-2507": KnownModel(
        name="Voxtral Small 24B 2507", regions=open_weights.REGIONS, context=32_000, output=8_192
    ),
}

LARGE_SOURCES = {
    **sources.CHAT,
    **sources.MODALITIES,
    "surfaces": [sources.APIS],
    "reasoning": [sources.NOT_REASONING],
    "shortest_call_id": [
        Source(
            "Live calls to Pixtral Large: Tool call id was a but must be a-z, A-Z, 0-9, with a length of 9; Bedrock's "
            "longer ids are accepted (anomalyco/opencode#48843)",
            MEASURED,
        )
    ],
    "named_tools": [sources.CHOICE],
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
}
SOURCES = {
    **sources.CHAT,
    **sources.MODALITIES,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    "reasoning": sources.cite(
        sources.NO_PROFILE_REASONS,
        *(pattern for pattern, each in MODELS.items() if not each.reasoning),
    ),
    "named_tools": [sources.CHOICE],
    "structured": [sources.LISTED],
    "efforts": sources.cite(sources.EFFORTS, "mistral.magistral-*"),
}


class ImagePart(Schema):
    """An image."""

    type = fields.String(required=True, description="The part type.")
    image_url = fields.Either(
        fields.String(),
        fields.Nested(invoke_chat_body.ImageUrl),
        required=True,
        description="The image as a `data:` URI, or an object with it.",
    )


class UserMessage(invoke_chat_body.Message):
    """A message of the user: text or parts; only Pixtral sees images."""

    content = fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", {"text": invoke_chat_body.TextPart, "image_url": ImagePart})),
        required=True,
        description="The content: text or parts.",
    )


class AssistantMessage(invoke_chat_body.AssistantMessage):
    """A message of the model, or the beginning of the one that it is to write."""

    prefix = fields.Boolean(allow_none=True, description="Whether the model continues this message.")


class LargeBody(Schema):
    """A request of Mistral AI's chat completion; the last five members are of Mistral's own API alone."""

    messages = invoke_chat_body.make_messages(user=UserMessage, assistant=AssistantMessage)
    max_tokens = fields.Integer(
        min=1, max=8_192, allow_none=True, description="Maximum number of output tokens; default 8192."
    )
    temperature = fields.Number(min=0, max=1, allow_none=True, description="Sampling temperature; default 0.7.")
    top_p = fields.Number(
        min=0, max=1, allow_none=True, description="Nucleus sampling: the probability mass to sample from."
    )
    tools = fields.List(
        fields.Tagged("type", {"function": invoke_chat_body.FunctionTool}),
        allow_none=True,
        description="The tools that the model may call.",
    )
    tool_choice = fields.String(
        one_of=("auto", "any", "none"),
        allow_none=True,
        description="Whether the model may, must or must not call a tool; it cannot name one.",
    )
    stop = invoke_chat_body.make_stop()
    random_seed = fields.Integer(min=0, allow_none=True, description="Seed for reproducible sampling.")
    response_format = fields.Nested(
        invoke_chat_body.AnswerFormat, allow_none=True, description="The required output format."
    )
    safe_prompt = fields.Boolean(
        allow_none=True, description="Whether Mistral's safety instructions precede the conversation."
    )
    stream = fields.Boolean(allow_none=True, description="Whether the answer is streamed.")


class LargeChoice(Open):
    """One answer."""

    index = fields.Integer(min=0, description="The index of the answer, from 0.")
    message = fields.Nested(invoke_chat_body.AnswerMessage, required=True, description="The message.")
    stop_reason = fields.String(allow_none=True, description="Why the model stopped: `stop`, `length` or `tool_calls`.")


class LargeAnswer(Open):
    """An answer of Mistral AI's chat completion; its token counts are in Bedrock's headers."""

    choices = fields.List(fields.Nested(LargeChoice), required=True, min_items=1, description="The answers.")


class MistralBody(invoke_chat_body.Body):
    """A Chat Completions request to the models since 2025: Voxtral hears, Large 3, Ministral and Magistral see."""

    messages = invoke_chat_body.make_messages(user=invoke_chat_body.MediaUserMessage, assistant=AssistantMessage)
    tool_choice = invoke_chat_body.make_tool_choice("none", "auto", "any", "required")
    random_seed = fields.Integer(min=0, allow_none=True, description="Mistral's name of `seed`.")
    safe_prompt = fields.Boolean(
        allow_none=True, description="Whether Mistral's safety instructions precede the conversation."
    )


_LARGE, _MODEL = "mistral.pixtral-large-2502-v1:0", "mistral.mistral-large-3-675b-instruct"
LARGE_SAMPLE = {
    "messages": [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "What is 2+2?"}],
    "max_tokens": 64,
    "temperature": 0.5,
    "top_p": 0.9,
}


ADAPTER = invoke_chat_body.make_adapter(
    name="mistral",
    description="Mistral Large 3, Ministral, Magistral, Devstral and Voxtral by Mistral AI.",
    provider="Mistral AI",
    body=MistralBody,
    models=MODELS,
    default=_MODEL,
    known_models=KNOWN_MODELS,
    sources=SOURCES,
    # Magistral's reasoning, by aws-samples/mistral-on-aws, the tests of InvokeModel.
    chat_form=ChatForm(is_tagged=True),
)
LARGE_ADAPTER = Adapter(
    name="mistral-large",
    description="Mistral Large (24.07) and Pixtral Large (25.02) by Mistral AI.",
    provider="Mistral AI",
    body=LargeBody,
    answer=LargeAnswer,
    speaks={"invoke_chat": "InvokeModel", "converse": "Converse"},
    models=LARGE_MODELS,
    default=_LARGE,
    known_models=KNOWN_LARGE_MODELS,
    sources=LARGE_SOURCES,
    sample=LARGE_SAMPLE,
    reply={
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "4"}, "stop_reason": "stop"},
        ]
    },
    chunks=[
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "stop_reason": None}]},
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "stop_reason": "stop"}]},
    ],
    chat_form=ChatForm(piece="message", reason="stop_reason", has_usage=False),
)
