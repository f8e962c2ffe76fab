"""Mistral 7B, Mixtral, and the Large and Small of February 2024, by Mistral AI: a prompt in their own format; Converse.

Source: AWS user guide, "Mistral AI text completion" (read 2026-11-30).
"""

from collections.abc import Iterable, Iterator

from bedrock_flask.plugin import (
    CHAT,
    DOCUMENTED,
    MEASURED,
    ONE_REPORT,
    Adapter,
    Capabilities,
    Json,
    KnownModel,
    PromptTemplate,
    Schema,
    Source,
    build_answer,
    fields,
    inference_config,
    sources,
    text_of_answer,
)

_PLAIN = {"reasoning": False, "named_tools": False, "structured": False, "strict_tools": False}
INSTRUCT = CHAT.but(**_PLAIN, system=False, tools=False)
CALLS = CHAT.but(**_PLAIN, shortest_call_id=9)
MODELS = {
    "mistral.mistral-7b-*": INSTRUCT,
    "mistral.mixtral-*": INSTRUCT.but(most_tokens=4_096),
    "mistral.mistral-small-2402-*": CALLS,
    "mistral.mistral-large-2402-*": CALLS.but(streamed_tools=False),
}

_7B, _MIXTRAL, _SMALL, _LARGE = MODELS
SOURCES = {
    **sources.CHAT,
    "reasoning": sources.cite(sources.NOT_REASONING, *MODELS),
    "images": sources.cite(sources.CARDS, *MODELS),
    "video": sources.cite(sources.CARDS, *MODELS),
    "audio": sources.cite(sources.CARDS, *MODELS),
    "system": [
        *sources.cite(sources.FEATURES, _7B),
        *sources.cite(
            Source("Live calls: This model doesn't support system messages (567-labs/instructor#1753)", MEASURED),
            _7B,
            _MIXTRAL,
        ),
    ],
    "tools": sources.cite(sources.FEATURES, _7B, _MIXTRAL),
    "streamed_tools": [
        *sources.cite(sources.FEATURES, _LARGE),
        Source(
            "Mistral Large: This model doesn't support tool use in streaming mode (brave/brave-browser#52158)",
            ONE_REPORT,
            _LARGE,
        ),
    ],
    "most_tokens": [Source("AWS user guide, Mistral AI text completion", DOCUMENTED, _MIXTRAL)],
    "shortest_call_id": sources.cite(
        Source(
            "Live calls to Mistral Large 2402 and Small 2402: Tool call id was a but must be a-z, A-Z, 0-9, with a "
            "length of 9; Bedrock's longer ids are accepted (anomalyco/opencode#48843)",
            MEASURED,
        ),
        _SMALL,
        _LARGE,
    ),
    "named_tools": sources.cite(sources.CHOICE, *MODELS),
    "structured": sources.cite(sources.UNLISTED, *MODELS),
    "strict_tools": sources.cite(sources.UNLISTED, *MODELS),
}

# Regions and states: bedrock-models 0.1.165 (October 2026).
_REGIONS = (
    "ap-south-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-west-2",
)
KNOWN_MODELS = {
    "mistral.mistral-7b-instruct-v0:2": KnownModel(
        name="Mistral 7B Instruct", regions=_REGIONS, context=32_000, output=8_192
    ),
    "mistral.mixtral-8x7b-instruct-v0:1": KnownModel(
        name="Mixtral 8x7B Instruct", regions=_REGIONS, context=32_000, output=4_096
    ),
    "mistral.mistral-small-2402-v1:0": KnownModel(
        name="Mistral Small (24.02)", regions=("us-east-1",), context=32_000, output=8_192
    ),
    "mistral.mistral-large-2402-v1:0": KnownModel(
        name="Mistral Large (24.02)", regions=_REGIONS, context=32_000, output=8_192
    ),
}


class MistralBody(Schema):
    """A request in the native format of Mistral's models with a prompt."""

    prompt = fields.String(
        required=True, min_length=1, description="The conversation as one text: `<s>[INST] … [/INST]`."
    )
    max_tokens = fields.Integer(
        min=1,
        max=8_192,
        description="Maximum number of output tokens, 4096 for Mixtral; default 512, for Large and Small 8192.",
    )
    stop = fields.List(
        fields.String(), max_items=10, description="Texts at which the model stops generating; at most 10."
    )
    temperature = fields.Number(min=0, max=1, description="Sampling temperature; default 0.5, for Large and Small 0.7.")
    top_p = fields.Number(
        min=0,
        max=1,
        description="Nucleus sampling: the probability mass to sample from; default 0.9, for Large and Small 1.",
    )
    top_k = fields.Integer(
        min=1,
        max=200,
        description="The number of most likely tokens to sample from; default 50, for Large and Small all.",
    )


class Output(Schema):
    """The text of an answer."""

    text = fields.String(required=True, description="The text.")
    stop_reason = fields.String(allow_none=True, description="Why the model stopped: `stop`, `length`.")


class MistralAnswer(Schema):
    """An answer in the native format, whole or a chunk of it."""

    outputs = fields.List(fields.Nested(Output), required=True, min_items=1, description="One text.")


TEMPLATE = PromptTemplate(
    begin="<s>",
    turns={"user": ("[INST] ", " [/INST]"), "assistant": (" ", "</s> ")},
    marks=r"</?s>|\[/?(INST|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|SYSTEM_PROMPT|IMG)\]|<</?SYS>>",
)
PARAMETERS = {
    "max_tokens": "maxTokens",
    "stop": "stopSequences",
    "temperature": "temperature",
    "top_p": "topP",
}
_STOPS = {"length": "max_tokens"}
_REASONS = {"max_tokens": "length"}


def encode(request: Json) -> Json:
    """Encode a Converse request for an imported model, which Converse does not serve."""
    return {"prompt": TEMPLATE.write(request), **inference_config.write_config(request, PARAMETERS)}


def decode(reply: Json) -> Json:
    """Decode a reply or a chunk; the tokens are in Bedrock's headers or metrics."""
    output = reply["outputs"][0]
    reason = output.get("stop_reason")
    return build_answer(output["text"], stop_reason=_STOPS.get(reason, "end_turn") if reason else None)


def read_request(body: Json) -> Json:
    """Read a native body as a Converse request."""
    return {**TEMPLATE.read(body["prompt"]), **inference_config.read_config(body, PARAMETERS)}


def write_reply(response: Json) -> Json:
    """Write a Converse response, or a part of one, in the native format."""
    reason = response.get("stopReason")
    stop_reason = _REASONS.get(reason, "stop") if reason else None
    return {"outputs": [{"text": text_of_answer(response), "stop_reason": stop_reason}]}


def write_chunks(parts: Iterable[Json]) -> Iterator[Json]:
    """Write the parts of a response as chunks."""
    for part in parts:
        if "output" in part or "stopReason" in part:
            yield write_reply(part)


ADAPTER = Adapter(
    name="mistral-instruct",
    description="Mistral 7B, Mixtral, Mistral Large and Small of February 2024: a prompt.",
    provider="Mistral AI",
    body=MistralBody,
    limit="max_tokens",
    answer=MistralAnswer,
    speaks={"mistral_instruct": "InvokeModel", "converse": "Converse"},
    models=MODELS,
    default="mistral.mistral-7b-instruct-v0:2",
    known_models=KNOWN_MODELS,
    sources=SOURCES,
    imported=Capabilities(structured=False, strict_tools=False),
    encode=encode,
    decode=decode,
    read_request=read_request,
    write_reply=write_reply,
    write_chunks=write_chunks,
    sample={"prompt": "<s>[INST] What is 2+2? [/INST]", "max_tokens": 64, "temperature": 0.5},
    reply={"outputs": [{"text": " 2+2 is 4.", "stop_reason": "stop"}]},
    chunks=[
        {"outputs": [{"text": " 2+2", "stop_reason": None}]},
        {"outputs": [{"text": " is 4.", "stop_reason": None}]},
        {"outputs": [{"text": "", "stop_reason": "stop"}]},
    ],
)
