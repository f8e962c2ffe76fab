"""Llama by Meta: a prompt and images in a native format of its own, and Converse.

Sources: AWS user guide, "Meta Llama models" (read 2026-11-30); Meta, "Llama 3 Model Cards and Prompt formats". Chunks
as they are recorded from Bedrock: `prompt_token_count` is in the first one only.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from bedrock_flask.plugin import (
    CHAT,
    MEASURED,
    Adapter,
    Capabilities,
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

_PLAIN = {"reasoning": False, "structured": False, "strict_tools": False}
WITHOUT_TOOLS = CHAT.but(**_PLAIN, tools=False)
# Tools, but neither streamed nor forced.
CALLS = CHAT.but(**_PLAIN, streamed_tools=False, forced_tools=False)
SEES_AND_CALLS = CHAT.but(images=True, **_PLAIN, streamed_tools=False, forced_tools=False)
MODELS = {
    "meta.llama2-*": WITHOUT_TOOLS,
    "meta.llama3-8b-*": WITHOUT_TOOLS,
    "meta.llama3-70b-*": WITHOUT_TOOLS,
    "meta.llama3-1-*": CALLS,
    "meta.llama3-2-1b-*": WITHOUT_TOOLS,
    "meta.llama3-2-3b-*": WITHOUT_TOOLS,
    "meta.llama3-2-11b-*": SEES_AND_CALLS,
    "meta.llama3-2-90b-*": SEES_AND_CALLS,
    "meta.llama3-3-*": CALLS,
    "meta.llama4-*": SEES_AND_CALLS.but(media_in_results=True),
}

_ALL = "meta.llama*"
SOURCES = {
    **sources.CHAT,
    "reasoning": sources.cite(sources.NOT_REASONING, _ALL),
    "images": sources.cite(sources.FEATURES, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "tools": sources.cite(sources.FEATURES, _ALL),
    "streamed_tools": [
        *sources.cite(sources.FEATURES, _ALL),
        Source(
            "Live calls: This model doesn't support tool use in streaming mode (earendil-works/pi#3739, Llama 4; "
            "run-llama/llama_index#19655, Llama 3)",
            MEASURED,
            _ALL,
        ),
    ],
    "forced_tools": [
        Source(
            "Live calls: Llama 3.1, 3.3 and 4 refuse toolChoice `any` and `tool` (strands-agents/harness-sdk#1241, "
            "#2075; pydantic/pydantic-ai#2802)",
            MEASURED,
            _ALL,
        )
    ],
    "media_in_results": [
        Source("Live calls: taken by Llama 4 (anomalyco/opencode#49443, #50272)", MEASURED, "meta.llama4-*")
    ],
    "structured": sources.cite(sources.UNLISTED, _ALL),
    "strict_tools": sources.cite(sources.UNLISTED, _ALL),
}

# Regions, profiles and states: bedrock-models 0.1.165 (October 2026). Limits: the models' cards. Ends:
# awslabs/startups, ai-model-lifecycle.md (May 2026), from AWS's page on the life cycle.
_FIRST = ("ap-south-1", "ca-central-1", "eu-west-2", "us-east-1", "us-west-2")
_MAVERICK, _SCOUT = "meta.llama4-maverick-17b-instruct-v1:0", "meta.llama4-scout-17b-instruct-v1:0"
_RETIRED = KnownModel(name="", active=False, ends_on="2026-07-07", successor=_SCOUT, context=128_000, output=2_048)
KNOWN_MODELS = {
    "meta.llama2-13b-chat-v1": KnownModel(name="Llama 2 Chat 13B", active=False, context=4_096, output=2_048),
    "meta.llama2-70b-chat-v1": KnownModel(name="Llama 2 Chat 70B", active=False, context=4_096, output=2_048),
    "meta.llama3-8b-instruct-v1:0": KnownModel(name="Llama 3 8B Instruct", regions=_FIRST, context=8_192, output=2_048),
    "meta.llama3-70b-instruct-v1:0": KnownModel(
        name="Llama 3 70B Instruct", regions=_FIRST, context=8_192, output=2_048
    ),
    "meta.llama3-1-8b-instruct-v1:0": KnownModel(
        name="Llama 3.1 8B Instruct", profiles=("us",), regions=("us-west-2",), context=128_000, output=8_192
    ),
    "meta.llama3-1-70b-instruct-v1:0": KnownModel(
        name="Llama 3.1 70B Instruct", profiles=("us",), regions=("us-west-2",), context=128_000, output=8_192
    ),
    "meta.llama3-1-405b-instruct-v1:0": replace(
        _RETIRED, name="Llama 3.1 405B Instruct", profiles=("us",), regions=("us-west-2",), successor=_MAVERICK
    ),
    "meta.llama3-2-1b-instruct-v1:0": replace(
        _RETIRED, name="Llama 3.2 1B Instruct", profiles=("us", "eu"), on_demand=False
    ),
    "meta.llama3-2-3b-instruct-v1:0": replace(
        _RETIRED, name="Llama 3.2 3B Instruct", profiles=("us", "eu"), on_demand=False
    ),
    "meta.llama3-2-11b-instruct-v1:0": replace(
        _RETIRED, name="Llama 3.2 11B Instruct", profiles=("us",), on_demand=False
    ),
    "meta.llama3-2-90b-instruct-v1:0": replace(
        _RETIRED, name="Llama 3.2 90B Instruct", profiles=("us",), on_demand=False
    ),
    "meta.llama3-3-70b-instruct-v1:0": KnownModel(
        name="Llama 3.3 70B Instruct", profiles=("us",), regions=("us-east-2",), context=128_000, output=8_192
    ),
    "meta.llama4-scout-17b-instruct-v1:0": KnownModel(
        name="Llama 4 Scout 17B Instruct", profiles=("us",), on_demand=False, context=3_500_000, output=8_192
    ),
    "meta.llama4-maverick-17b-instruct-v1:0": KnownModel(
        name="Llama 4 Maverick 17B Instruct", profiles=("us",), on_demand=False, context=1_000_000, output=8_192
    ),
}


class LlamaBody(Schema):
    """A request in Llama's native format."""

    prompt = fields.String(
        required=True,
        min_length=1,
        description="The conversation as one text, with the special tokens of the model's template.",
    )
    temperature = fields.Number(min=0, max=1, description="Sampling temperature; default 0.5.")
    top_p = fields.Number(
        min=0, max=1, description="Nucleus sampling: the probability mass to sample from; default 0.9."
    )
    # The page has 2048; live calls to Llama 3.1 were refused above 2048 in 2024, and above 8192 in 2025
    # (aws-samples/bedrock-access-gateway#41, pollinations/pollinations#5503).
    max_gen_len = fields.Integer(
        min=1, unverified_max=8_192, description="Maximum number of output tokens; default 512."
    )
    images = fields.List(
        fields.String(min_length=1, description="An image, as base64."),
        description="Images, for models that see: one for each `<|image|>` in the prompt.",
    )


class LlamaAnswer(Schema):
    """An answer in Llama's native format, whole or a chunk of it."""

    generation = fields.String(required=True, description="The text.")
    prompt_token_count = fields.Integer(allow_none=True, min=0, description="The tokens of the prompt.")
    generation_token_count = fields.Integer(allow_none=True, min=0, description="The tokens of the answer so far.")
    stop_reason = fields.String(
        allow_none=True, one_of=("stop", "length"), description="Why the model stopped; null before the end."
    )


def _make_turn(role: str) -> tuple[str, str]:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>"


# Every special token of Llama's has this shape, reserved ones too.
LLAMA_3 = PromptTemplate(
    begin="<|begin_of_text|>",
    turns={role: _make_turn(role) for role in ("system", "user", "assistant")},
    answer=_make_turn("assistant")[0],
    marks=r"<\|[\w ]+\|>",
)
# Converse's name for each parameter.
PARAMETERS = {"temperature": "temperature", "top_p": "topP", "max_gen_len": "maxTokens"}
_STOPS = {"stop": "end_turn", "length": "max_tokens"}
_REASONS = {"max_tokens": "length"}
# Llama 4 writes its turns with other tokens; they are read as those of Llama 3.
_OF_LLAMA_4 = {
    "<|header_start|>": "<|start_header_id|>",
    "<|header_end|>": "<|end_header_id|>",
    "<|eot|>": "<|eot_id|>",
    "<|eom|>": "<|eot_id|>",
}


def encode(request: Json) -> Json:
    """Encode a Converse request for an imported model, which Converse does not serve."""
    return {"prompt": LLAMA_3.write(request), **inference_config.write_config(request, PARAMETERS)}


def decode(reply: Json) -> Json:
    """Decode a reply or a chunk."""
    reason = reply.get("stop_reason")
    return build_answer(
        reply["generation"],
        stop_reason=_STOPS.get(reason, "end_turn") if reason else None,
        input_tokens=reply.get("prompt_token_count"),
        output_tokens=reply.get("generation_token_count"),
    )


def read_request(body: Json) -> Json:
    """Read a native body as a Converse request."""
    prompt = body["prompt"]
    for token, same in _OF_LLAMA_4.items():
        prompt = prompt.replace(token, same)
    return {**LLAMA_3.read(prompt), **inference_config.read_config(body, PARAMETERS)}


def write_reply(response: Json) -> Json:
    """Write a Converse response, or a part of one, in the native format."""
    usage, reason = response.get("usage", {}), response.get("stopReason")
    return {
        "generation": text_of_answer(response),
        "prompt_token_count": usage.get("inputTokens"),
        "generation_token_count": usage.get("outputTokens"),
        "stop_reason": _REASONS.get(reason, "stop") if reason else None,
    }


def write_chunks(parts: Iterable[Json]) -> Iterator[Json]:
    """Write the parts of a response as chunks; only the first one has the tokens of the prompt."""
    for number, part in enumerate(parts):
        yield {**write_reply(part), **({"prompt_token_count": None} if number else {})}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="llama",
            description="Llama by Meta: a prompt with the model's special tokens, and images.",
            provider="Meta",
            body=LlamaBody,
            answer=LlamaAnswer,
            speaks={"llama": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default="meta.llama4-maverick-17b-instruct-v1:0",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            # As the models' cards have it; no page says more of it.
            also=invoke_chat_body.make_adapter(name="llama", models=MODELS, default="meta.llama3-3-70b-instruct-v1:0"),
            imported=Capabilities(system=True, structured=False, strict_tools=False),
            encode=encode,
            decode=decode,
            read_request=read_request,
            write_reply=write_reply,
            write_chunks=write_chunks,
            sample={
                "prompt": LLAMA_3.write({"messages": [{"role": "user", "content": [{"text": "What is 2+2?"}]}]}),
                "max_gen_len": 64,
                "temperature": 0.5,
                "top_p": 0.9,
            },
            reply={
                "generation": "2+2 is 4.",
                "prompt_token_count": 17,
                "generation_token_count": 8,
                "stop_reason": "stop",
            },
            chunks=[
                {"generation": "2+2", "prompt_token_count": 17, "generation_token_count": 3, "stop_reason": None},
                {"generation": " is 4.", "prompt_token_count": None, "generation_token_count": 7, "stop_reason": None},
                {"generation": "", "prompt_token_count": None, "generation_token_count": 8, "stop_reason": "stop"},
            ],
        )
    )
