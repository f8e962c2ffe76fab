"""Command and Command Light by Cohere: legacy models that complete a prompt, which some accounts still call.

Source: AWS user guide, "Cohere Command models" (read 2026-11-30).
"""

from collections.abc import Callable, Iterable, Iterator

from bedrock_flask.plugin import (
    CHAT,
    DOCUMENTED,
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

COMPLETES = CHAT.but(
    tools=False,
    system=False,
    documents=False,
    reasoning=False,
    structured=False,
    strict_tools=False,
    most_tokens=4_096,
)
MODELS = {
    "cohere.command-text-*": COMPLETES,
    "cohere.command-light-*": COMPLETES,
}

_PAGE = Source("AWS user guide, Cohere Command models: a prompt, and texts as the answer", DOCUMENTED)
SOURCES = {
    **sources.CHAT,
    **dict.fromkeys(
        (
            "tools",
            "system",
            "documents",
            "reasoning",
            "images",
            "video",
            "audio",
            "structured",
            "strict_tools",
            "most_tokens",
        ),
        (_PAGE,),
    ),
}

# Neither is in AWS's list of models any more (bedrock-models 0.1.165, October 2026).
KNOWN_MODELS = {
    "cohere.command-text-v14": KnownModel(name="Command", active=False, context=4_096, output=4_096),
    "cohere.command-light-text-v14": KnownModel(name="Command Light", active=False, context=4_096, output=4_096),
}


class CommandBody(Schema):
    """A request in the native format of Command."""

    prompt = fields.String(required=True, description="The text that the model continues.")
    temperature = fields.Number(min=0, max=5, description="Sampling temperature; default 0.9.")
    p = fields.Number(min=0, max=1, description="Nucleus sampling: the probability mass to sample from; default 0.75.")
    k = fields.Number(min=0, max=500, description="The number of most likely tokens to sample from; default 0: all.")
    max_tokens = fields.Integer(min=1, max=4_096, description="Maximum number of output tokens; default 20.")
    stop_sequences = fields.List(
        fields.String(), max_items=4, description="Texts at which the model stops generating; at most 4."
    )
    return_likelihoods = fields.String(
        one_of=("GENERATION", "ALL", "NONE"), description="Which likelihoods of tokens to return; default NONE."
    )
    stream = fields.Boolean(description="Answer in pieces, in a streamed call; default false.")
    num_generations = fields.Integer(min=1, max=5, description="The number of texts to return; default 1.")
    logit_bias = fields.Object(
        fields.Number(min=-10, max=10), description="How much more or less likely a token is made, by its number."
    )
    truncate = fields.String(
        one_of=("NONE", "START", "END"), description="Which end of a prompt that is too long is left out; default END."
    )


class Generation(Schema):
    """One text."""

    id = fields.String(description="The id of the text.")
    index = fields.Integer(min=0, description="Its number, if several were requested.")
    is_finished = fields.Boolean(description="Whether no text follows, in a stream.")
    text = fields.String(required=True, description="The text.")
    finish_reason = fields.String(
        allow_none=True,
        one_of=("COMPLETE", "MAX_TOKENS", "ERROR", "ERROR_TOXIC"),
        description="Why the model stopped.",
    )
    likelihood = fields.Number(description="The likelihood of the text.")
    token_likelihoods = fields.List(fields.Object(), description="The likelihood of each token.")


class CommandAnswer(Schema):
    """A whole answer in the native format of Command."""

    id = fields.String(description="The id of the answer.")
    prompt = fields.String(description="The prompt.")
    generations = fields.List(fields.Nested(Generation), required=True, min_items=1, description="The texts.")


TEMPLATE = PromptTemplate(
    turns={"user": ("User: ", "\n"), "assistant": ("Chatbot: ", "\n")},
    answer="Chatbot:",
    marks=r"\n(User|Chatbot):",
)
PARAMETERS = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "p": "topP",
    "stop_sequences": "stopSequences",
}
_STOPS = {"MAX_TOKENS": "max_tokens", "ERROR_TOXIC": "content_filtered"}
_REASONS = {reason: name for name, reason in _STOPS.items()}
_ID = "00000000-0000-4000-8000-000000000000"


def encode(request: Json) -> Json:
    """Encode a Converse request."""
    return {"prompt": TEMPLATE.write(request), **inference_config.write_config(request, PARAMETERS)}


def decode(reply: Json) -> Json:
    """Decode a reply or a chunk; the tokens are in Bedrock's headers or metrics."""
    if "generations" in reply:
        generation = reply["generations"][0]
        reason = generation.get("finish_reason") or "COMPLETE"
        return build_answer(generation["text"], stop_reason=_STOPS.get(reason, "end_turn"))
    if reply["is_finished"]:
        return build_answer(stop_reason=_STOPS.get(reply.get("finish_reason", ""), "end_turn"))
    return build_answer(reply["text"])


def read_request(body: Json) -> Json:
    """Read a native body as a Converse request."""
    return {**TEMPLATE.read(body["prompt"] or " "), **inference_config.read_config(body, PARAMETERS)}


def write_reply(response: Json) -> Json:
    """Write a Converse response in the native format."""
    reason = _REASONS.get(response.get("stopReason", ""), "COMPLETE")
    return {"id": _ID, "generations": [{"id": _ID, "text": text_of_answer(response), "finish_reason": reason}]}


def complete_reply(reply: Json, body: Json) -> Json:
    """Add the prompt and the further texts that a body asks for, which are the same here; a chunk has neither."""
    if "generations" not in reply:
        return reply
    # A whole number may be written as 2.0.
    number = int(body.get("num_generations", 1))
    return {**reply, "prompt": body["prompt"], "generations": reply["generations"] * number}


def write_chunks(parts: Iterable[Json]) -> Iterator[Json]:
    """Write the parts of a response as chunks; the last one has no text."""
    for part in parts:
        if text := text_of_answer(part):
            yield {"text": text, "is_finished": False, "index": 0}
        if "stopReason" in part:
            yield {"is_finished": True, "finish_reason": _REASONS.get(part["stopReason"], "COMPLETE"), "index": 0}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="command",
            description="Command and Command Light by Cohere (legacy): a prompt.",
            body=CommandBody,
            answer=CommandAnswer,
            speaks={"command": "InvokeModel"},
            models=MODELS,
            default="cohere.command-text-v14",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            encode=encode,
            decode=decode,
            read_request=read_request,
            write_reply=write_reply,
            write_chunks=write_chunks,
            complete_reply=complete_reply,
            sample={"prompt": "What is 2+2?", "max_tokens": 64, "temperature": 0.9},
            reply={"id": _ID, "generations": [{"id": _ID, "text": " 2+2 is 4.", "finish_reason": "COMPLETE"}]},
            chunks=[
                {"text": " 2+2", "is_finished": False, "index": 0},
                {"text": " is 4.", "is_finished": False, "index": 0},
                {"is_finished": True, "finish_reason": "COMPLETE", "index": 0},
            ],
        )
    )
