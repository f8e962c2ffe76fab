"""Titan Text by Amazon: legacy models, which some accounts still call, in a native format of their own and by Converse.

Source: AWS user guide, "Amazon Titan Text models" (read 2026-11-30); chunks as they are recorded from Bedrock.
"""

from collections.abc import Callable, Iterable, Iterator

from bedrock_flask.plugin import (
    CHAT,
    DOCUMENTED,
    MEASURED,
    Adapter,
    Json,
    KnownModel,
    PromptTemplate,
    Schema,
    Source,
    build_answer,
    fields,
    hookimpl,
    inference_config,
    sources,
    text_of_answer,
)

TITAN = CHAT.but(structured=False, strict_tools=False, reasoning=False, system=False, tools=False)
MODELS = {
    "amazon.titan-text-*": TITAN,
    "amazon.titan-text-lite-*": TITAN.but(most_tokens=4_096),
    "amazon.titan-text-premier-*": TITAN.but(documents=False, most_tokens=3_072),
    "amazon.titan-tg1-*": TITAN,
}

_ALL, _LITE, _PREMIER, _FIRST = MODELS
SOURCES = {
    **sources.CHAT,
    "images": sources.cite(sources.CARDS, _ALL, _FIRST),
    "video": sources.cite(sources.CARDS, _ALL, _FIRST),
    "audio": sources.cite(sources.CARDS, _ALL, _FIRST),
    "structured": sources.cite(sources.UNLISTED, _ALL, _FIRST),
    "strict_tools": sources.cite(sources.UNLISTED, _ALL, _FIRST),
    "system": [
        *sources.cite(sources.FEATURES, _ALL, _FIRST),
        Source("Live calls: This model doesn't support system messages (earendil-works/pi)", MEASURED, _ALL),
    ],
    "reasoning": sources.cite(sources.NOT_REASONING, _ALL, _FIRST),
    "tools": sources.cite(sources.FEATURES, _ALL, _FIRST),
    "most_tokens": sources.cite(
        Source(
            "AWS user guide, Amazon Titan Text models: strictly enforced. A live call of 2024 was refused above 3000 "
            "by Premier (aws-samples/generative-ai-use-cases#594), for which AWS's own program has 3072",
            DOCUMENTED,
        ),
        _LITE,
        _PREMIER,
    ),
    "documents": sources.cite(sources.FEATURES, _PREMIER),
}

# None is in AWS's list of models any more (bedrock-models 0.1.165, October 2026).
KNOWN_MODELS = {
    "amazon.titan-text-lite-v1": KnownModel(name="Titan Text G1 - Lite", active=False, context=4_096, output=4_096),
    "amazon.titan-text-express-v1": KnownModel(
        name="Titan Text G1 - Express", active=False, context=8_192, output=8_192
    ),
    "amazon.titan-text-premier-v1:0": KnownModel(
        name="Titan Text G1 - Premier", active=False, context=32_000, output=3_072
    ),
    "amazon.titan-tg1-large": KnownModel(name="Titan Text Large", active=False, context=8_192, output=8_192),
}


class TextGenerationConfig(Schema):
    """Inference parameters."""

    temperature = fields.Number(min=0, max=1, description="Sampling temperature; default 0.7.")
    topP = fields.Number(
        above=0, max=1, description="Nucleus sampling: the probability mass to sample from; default 0.9."
    )
    maxTokenCount = fields.Integer(
        min=0,
        max=8_192,
        description="Maximum number of output tokens: 4096 for Lite, 8192 for Express, 3072 for Premier; default 512.",
    )
    stopSequences = fields.List(fields.String(), description="Texts at which the model stops generating.")


class TitanBody(Schema):
    """A request in Titan's native format."""

    inputText = fields.String(
        required=True, min_length=1, description="The prompt; a conversation is written as `User: …\\nBot:`."
    )
    textGenerationConfig = fields.Nested(TextGenerationConfig, description="Inference parameters.")


REASONS = ("FINISHED", "FINISH", "LENGTH", "STOP_CRITERIA_MET", "RAG_QUERY_WHEN_RAG_DISABLED", "CONTENT_FILTERED")


class Result(Schema):
    """The text of an answer."""

    tokenCount = fields.Integer(min=0, description="The tokens of the text.")
    outputText = fields.String(required=True, description="The text.")
    completionReason = fields.String(allow_none=True, one_of=REASONS, description="Why the model stopped.")


class TitanAnswer(Schema):
    """A whole answer in Titan's native format."""

    inputTextTokenCount = fields.Integer(min=0, description="The tokens of the prompt.")
    results = fields.List(fields.Nested(Result), required=True, min_items=1, description="One text.")


TEMPLATE = PromptTemplate(
    turns={"user": ("User: ", "\n"), "assistant": ("Bot: ", "\n")},
    answer="Bot:",
    marks=r"\n(User|Bot):",
)
PARAMETERS = {
    "maxTokenCount": "maxTokens",
    "temperature": "temperature",
    "topP": "topP",
    "stopSequences": "stopSequences",
}
_STOPS = {"LENGTH": "max_tokens", "STOP_CRITERIA_MET": "stop_sequence", "CONTENT_FILTERED": "content_filtered"}
_REASONS = {name: reason for reason, name in _STOPS.items()}


def decode(reply: Json) -> Json:
    """Decode a whole reply, or a chunk, which has the members of the only result beside the others."""
    result = reply["results"][0] if "results" in reply else reply
    reason = result.get("completionReason")
    return build_answer(
        result["outputText"],
        stop_reason=_STOPS.get(reason, "end_turn") if reason else None,
        input_tokens=reply.get("inputTextTokenCount"),
        output_tokens=result.get("tokenCount", result.get("totalOutputTextTokenCount")),
    )


def read_request(body: Json) -> Json:
    """Read a native body as a Converse request."""
    given = body.get("textGenerationConfig", {})
    # Converse has no limit of 0.
    read = {name: value for name, value in given.items() if value or name != "maxTokenCount"}
    return {**TEMPLATE.read(body["inputText"]), **inference_config.read_config(read, PARAMETERS)}


def write_reply(response: Json) -> Json:
    """Write a Converse response in the native format."""
    usage = response.get("usage", {})
    return {
        "inputTextTokenCount": usage.get("inputTokens", 0),
        "results": [
            {
                "tokenCount": usage.get("outputTokens", 0),
                "outputText": text_of_answer(response),
                "completionReason": _REASONS.get(response.get("stopReason", ""), "FINISHED"),
            }
        ],
    }


def write_chunks(parts: Iterable[Json]) -> Iterator[Json]:
    """Write the parts of a response as chunks; the last one has the counts."""
    for part in parts:
        reason, usage = part.get("stopReason"), part.get("usage", {})
        if reason or text_of_answer(part):
            yield {
                "outputText": text_of_answer(part),
                "index": 0,
                "totalOutputTextTokenCount": usage.get("outputTokens") if reason else None,
                "completionReason": _REASONS.get(reason, "FINISH") if reason else None,
                "inputTextTokenCount": usage.get("inputTokens") if reason else None,
            }


def _make_chunk(text: str, reason: str | None = None) -> Json:
    return {
        "outputText": text,
        "index": 0,
        "totalOutputTextTokenCount": 8 if reason else None,
        "completionReason": reason,
        "inputTextTokenCount": 9 if reason else None,
    }


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="titan-text",
            description="Titan Text by Amazon (legacy): a prompt.",
            body=TitanBody,
            limit="textGenerationConfig.maxTokenCount",
            answer=TitanAnswer,
            speaks={"titan_text": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default="amazon.titan-text-express-v1",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            decode=decode,
            read_request=read_request,
            write_reply=write_reply,
            write_chunks=write_chunks,
            sample={
                "inputText": "User: What is 2+2?\nBot:",
                "textGenerationConfig": {"maxTokenCount": 64, "temperature": 0.7, "topP": 0.9, "stopSequences": []},
            },
            reply={
                "inputTextTokenCount": 9,
                "results": [{"tokenCount": 8, "outputText": " 2+2 is 4.", "completionReason": "FINISHED"}],
            },
            chunks=[_make_chunk(" 2+2"), _make_chunk(" is 4."), _make_chunk("", "FINISH")],
        )
    )
