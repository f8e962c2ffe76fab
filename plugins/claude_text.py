"""Claude 2 and Claude Instant by Anthropic: text completions, which some accounts still call.

Source: AWS user guide, "Anthropic Claude Text Completions API" (read 2026-11-30). Anthropic's Messages are another
body: an alias with `adapter = "claude"` sends them.
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
    tools=False, documents=False, reasoning=False, structured=False, strict_tools=False, most_tokens=4_096
)
MODELS = {
    "anthropic.claude-v2*": COMPLETES,
    "anthropic.claude-instant-*": COMPLETES,
}

_PAGE = Source("AWS user guide, Anthropic Claude Text Completions API: a prompt, and a text as the answer", DOCUMENTED)
SOURCES = {
    **sources.CHAT,
    **dict.fromkeys(
        ("tools", "documents", "reasoning", "images", "video", "audio", "structured", "strict_tools", "most_tokens"),
        (_PAGE,),
    ),
}

# None is in AWS's list of models any more (bedrock-models 0.1.165, October 2026).
KNOWN_MODELS = {
    "anthropic.claude-v2": KnownModel(name="Claude 2.0", active=False, context=100_000, output=4_096),
    "anthropic.claude-v2:1": KnownModel(name="Claude 2.1", active=False, context=200_000, output=4_096),
    "anthropic.claude-instant-v1": KnownModel(name="Claude Instant", active=False, context=100_000, output=4_096),
}

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"


class CompletionBody(Schema):
    """A request for a text completion."""

    prompt = fields.String(
        required=True,
        min_length=1,
        description="The conversation as one text, in turns that begin with `\\n\\nHuman:` and `\\n\\nAssistant:`.",
    )
    max_tokens_to_sample = fields.Integer(
        required=True, min=0, max=4_096, description="Maximum number of output tokens; AWS's default is 200."
    )
    temperature = fields.Number(min=0, max=1, description="Sampling temperature; default 1.")
    top_p = fields.Number(min=0, max=1, description="Nucleus sampling: the probability mass to sample from; default 1.")
    top_k = fields.Integer(min=0, max=500, description="The number of most likely tokens to sample from; default 250.")
    stop_sequences = fields.List(
        fields.String(), description="Texts at which the model stops generating, besides `\\n\\nHuman:`."
    )
    anthropic_version = fields.String(description="The version of the format, such as `bedrock-2023-05-31`.")


class CompletionAnswer(Schema):
    """An answer, whole or a chunk of it."""

    type = fields.String(one_of=("completion",), description="The type of the answer.")
    completion = fields.String(required=True, description="The text.")
    stop_reason = fields.String(
        allow_none=True, one_of=("stop_sequence", "max_tokens"), description="Why the model stopped."
    )
    stop = fields.String(allow_none=True, description="The stop sequence that the model has come to.")


TEMPLATE = PromptTemplate(
    turns={"system": ("", ""), "user": (f"{HUMAN} ", ""), "assistant": (f"{ASSISTANT} ", "")},
    answer=ASSISTANT,
    marks=r"\n\n(Human|Assistant):",
)
PARAMETERS = {
    "max_tokens_to_sample": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
# What the model gets if a caller sets no limit.
_LIMIT = 4_096


def check_turns(body: Json) -> Iterator[tuple[str, str]]:
    """A prompt has a turn of the user's and, after it, one of the model's; AWS's own programs begin some at once."""
    begin = f"\n\n{body['prompt']}".find(HUMAN)
    if begin < 0 or ASSISTANT not in body["prompt"][begin:]:
        yield "prompt", r"must have a turn that begins with \n\nHuman: and after it one with \n\nAssistant:"


def encode(request: Json) -> Json:
    """Encode a Converse request."""
    written = inference_config.write_config(request, PARAMETERS)
    return {"prompt": TEMPLATE.write(request), "max_tokens_to_sample": _LIMIT, **written}


def _read_stop(answer: Json) -> str | None:
    reason = answer.get("stop_reason")
    if reason == "stop_sequence":
        return "stop_sequence" if answer.get("stop") not in (None, HUMAN) else "end_turn"
    if reason == "max_tokens":
        return "max_tokens"
    return "end_turn" if reason else None


def decode(reply: Json) -> Json:
    """Decode a reply or a chunk; the tokens are in Bedrock's headers or metrics."""
    return build_answer(reply["completion"], stop_reason=_read_stop(reply))


def read_request(body: Json) -> Json:
    """Read a native body as a Converse request."""
    # Converse has no limit of 0.
    given = {name: value for name, value in body.items() if value or name != "max_tokens_to_sample"}
    return {**TEMPLATE.read(f"\n\n{body['prompt']}"), **inference_config.read_config(given, PARAMETERS)}


def write_reply(response: Json) -> Json:
    """Write a Converse response, or a part of one, in the native format."""
    reason = response.get("stopReason")
    stops = {None: (None, None), "max_tokens": ("max_tokens", None)}
    stop_reason, stop = stops.get(reason, ("stop_sequence", HUMAN))
    return {"type": "completion", "completion": text_of_answer(response), "stop_reason": stop_reason, "stop": stop}


def write_chunks(parts: Iterable[Json]) -> Iterator[Json]:
    """Write the parts of a response as chunks."""
    for part in parts:
        if "stopReason" in part or text_of_answer(part):
            yield write_reply(part)


def _make_chunk(text: str, stop_reason: str | None = None, stop: str | None = None) -> Json:
    return {"type": "completion", "completion": text, "stop_reason": stop_reason, "stop": stop}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="claude-text",
            description="Claude 2 and Claude Instant by Anthropic (legacy): text completions.",
            provider="Anthropic",
            body=CompletionBody,
            answer=CompletionAnswer,
            rules=[check_turns],
            speaks={"claude_text": "InvokeModel"},
            models=MODELS,
            default="anthropic.claude-v2:1",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            encode=encode,
            decode=decode,
            read_request=read_request,
            write_reply=write_reply,
            write_chunks=write_chunks,
            sample={
                "prompt": f"{HUMAN} What is 2+2?{ASSISTANT}",
                "max_tokens_to_sample": 64,
                "temperature": 0.5,
                "stop_sequences": [HUMAN],
            },
            reply=_make_chunk(" 2+2 is 4.", "stop_sequence", HUMAN),
            chunks=[
                _make_chunk(" 2+2"),
                _make_chunk(" is 4."),
                _make_chunk("", "stop_sequence", HUMAN),
            ],
        )
    )
