"""DeepSeek R1: a prompt in a native format of its own, and Converse.

Sources: AWS user guide, "DeepSeek models" (read 2026-11-30); DeepSeek's own template of R1. Programs read the chunks in
two forms: as the reply, in `choices` (langchain-aws 1.9), and as Llama's, in `generation` (litellm 1.109). Both are
read.
"""

from collections.abc import Callable, Iterable, Iterator

from bedrock_flask.plugin import (
    CHAT,
    MEASURED,
    ONE_REPORT,
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
    invoke_chat_body,
    sources,
    text_of_answer,
)

MODELS = {"deepseek.r1-*": CHAT.but(tools=False, structured=False, strict_tools=False, reasoning_history=False)}

SOURCES = {
    **sources.CHAT,
    **sources.MODALITIES,
    "tools": [
        sources.FEATURES,
        Source("Live call: This model doesn't support tool use (kortix-ai/suna#3706)", ONE_REPORT),
    ],
    "reasoning_history": [
        Source(
            "R1's own reasoning: User messages cannot contain reasoning content (langchain-ai/langchain-aws#401, "
            "aws-samples/bedrock-chat#845, zed-industries/zed#32341)",
            MEASURED,
        )
    ],
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
}

# Profiles and state: bedrock-models 0.1.165 (October 2026).
KNOWN_MODELS = {
    "deepseek.r1-v1:0": KnownModel(
        name="DeepSeek-R1", profiles=("us",), on_demand=False, context=128_000, output=32_768
    )
}

BAR = "\N{FULLWIDTH VERTICAL LINE}"
BEGIN, USER, ASSISTANT, END = (
    f"<{BAR}{name}{BAR}>" for name in ("begin▁of▁sentence", "User", "Assistant", "end▁of▁sentence")
)
THOUGHT = "</think>"


class R1Body(Schema):
    """A request in R1's native format."""

    prompt = fields.String(
        required=True,
        min_length=1,
        description="The conversation as one text, with the special tokens of R1's template.",
    )
    temperature = fields.Number(min=0, max=1, description="Sampling temperature.")
    top_p = fields.Number(min=0, max=1, description="Nucleus sampling: the probability mass to sample from.")
    max_tokens = fields.Integer(
        min=1,
        max=32_768,
        description="Maximum number of output tokens, reasoning included. AWS advises 8192 or fewer.",
    )
    stop = fields.List(
        fields.String(), max_items=10, description="Texts at which the model stops generating; at most 10."
    )


class Choice(Schema):
    """The text of an answer."""

    text = fields.String(required=True, description="The reasoning, which ends with `</think>`, and the answer.")
    stop_reason = fields.String(
        allow_none=True, one_of=("stop", "length"), description="Why the model stopped; null before the end."
    )


class R1Answer(Schema):
    """An answer in R1's native format, whole or a chunk of it."""

    choices = fields.List(fields.Nested(Choice), required=True, min_items=1, description="One text.")


TEMPLATE = PromptTemplate(
    begin=BEGIN,
    turns={"system": ("", ""), "user": (USER, ""), "assistant": (ASSISTANT, END)},
    answer=f"{ASSISTANT}<think>\n",
    marks=rf"<[{BAR}|][^<>]*[{BAR}|]>|</?think>",
)
PARAMETERS = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP", "stop": "stopSequences"}
_STOPS = {"length": "max_tokens"}
_REASONS = {"max_tokens": "length"}


def decode(reply: Json) -> Json:
    """Decode a reply, or a chunk in either form; the tokens are in Bedrock's headers or metrics."""
    choice = reply["choices"][0] if "choices" in reply else {**reply, "text": reply["generation"]}
    reason = choice.get("stop_reason") or choice.get("finish_reason")
    return build_answer(choice["text"], stop_reason=_STOPS.get(reason, "end_turn") if reason else None)


def read_request(body: Json) -> Json:
    """Read a native body as a Converse request."""
    return {**TEMPLATE.read(body["prompt"]), **inference_config.read_config(body, PARAMETERS)}


def find_reasoning(part: Json) -> str:
    """The reasoning in a Converse response, or in a part of one."""
    content = (part.get("output") or {}).get("message", {}).get("content", ())
    blocks = (block["reasoningContent"] for block in content if "reasoningContent" in block)
    return "".join(block.get("reasoningText", {}).get("text", "") for block in blocks)


def write_reply(response: Json) -> Json:
    """Write a Converse response in the native format; the prompt has begun the reasoning."""
    reasoning = find_reasoning(response)
    text = f"{reasoning}\n{THOUGHT}\n\n{text_of_answer(response)}"
    return _write_choice(text.lstrip(), response.get("stopReason"))


def write_chunks(parts: Iterable[Json]) -> Iterator[Json]:
    """Write the parts of a response as chunks in the form of the reply."""
    is_thinking = True
    for part in parts:
        text = text_of_answer(part)
        if is_thinking and text:
            is_thinking = False
            yield _write_choice(f"\n{THOUGHT}\n\n", None)
        if piece := find_reasoning(part) + text:
            yield _write_choice(piece, None)
        if "stopReason" in part:
            yield _write_choice("", part["stopReason"])


def _write_choice(text: str, reason: str | None) -> Json:
    return {"choices": [{"text": text, "stop_reason": _REASONS.get(reason, "stop") if reason else None}]}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="deepseek-r1",
            description="DeepSeek R1: a prompt with the model's special tokens.",
            provider="DeepSeek",
            body=R1Body,
            answer=R1Answer,
            speaks={"deepseek_r1": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default="deepseek.r1-v1:0",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            decode=decode,
            read_request=read_request,
            write_reply=write_reply,
            write_chunks=write_chunks,
            # As the model's card has it; no page says more of it.
            also=invoke_chat_body.make_adapter(name="deepseek-r1", models=MODELS, default="deepseek.r1-v1:0"),
            sample={"prompt": f"{BEGIN}{USER}What is 2+2?{ASSISTANT}<think>\n", "max_tokens": 512, "temperature": 0.5},
            reply={"choices": [{"text": f"A sum.\n{THOUGHT}\n\n2+2 is 4.", "stop_reason": "stop"}]},
            chunks=[
                {"choices": [{"text": f"A sum.\n{THOUGHT}", "stop_reason": None}]},
                {"choices": [{"text": "\n\n2+2 is 4.", "stop_reason": None}]},
                {"choices": [{"text": "", "stop_reason": "stop"}]},
            ],
        )
    )
