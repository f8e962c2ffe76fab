"""The body that chat models take in InvokeModel, and their answer: OpenAI's Chat Completions without its own services.

Sources: "OpenAI models", "Writer AI Palmyra models", "Mistral AI chat completion" and the cards of the models (AWS user
guide, October 2026), which refer to OpenAI's API reference, Create chat completion. No page of AWS lists the members
that models of open weights take besides; these are the ones of vLLM, so that none of them is refused here.

A family's schema inherits `Body` and replaces what its page says otherwise. An optional member may be null, since
clients send it so, and an answer's message can be sent back as it came.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter, ChatForm
from bedrock_flask.bodies.converse_body import InferenceConfig
from bedrock_flask.bodies.openai_chat_body import Function, JsonSchemaFormat, NamedFunction, StreamOptions
from bedrock_flask.bodies.openai_fields import Typed, make_flag, make_nested, make_object, make_string, make_tag
from bedrock_flask.converse import Json
from bedrock_flask.fields import Field, Open, Schema

# --- parts of messages ----------------------------------------------------------------------------------------------


class TextPart(Schema):
    """Text."""

    type = make_tag("The part type.")
    text = fields.String(required=True, description="The text.")


class ImageUrl(Schema):
    """An image in a `data:` URI."""

    url = fields.String(required=True, description="The image as a `data:` URI.")
    detail = make_string("The resolution at which the model sees it.", "auto", "low", "high")


class ImagePart(Schema):
    """An image."""

    type = make_tag("The part type.")
    image_url = fields.Nested(ImageUrl, required=True, description="The image data.")


class InputAudio(Schema):
    """Base64-encoded audio."""

    data = fields.String(required=True, min_length=1, description="The base64-encoded audio.")
    format = fields.String(required=True, description="The audio format, such as `wav` or `mp3`.")


class AudioPart(Schema):
    """Audio."""

    type = make_tag("The part type.")
    input_audio = fields.Nested(InputAudio, required=True, description="The audio data.")


PARTS: Mapping[str, type[Schema]] = {"text": TextPart, "image_url": ImagePart, "input_audio": AudioPart}


def make_content(*parts: str, **options: Any) -> Field:
    """Make the content of a message: text, or parts of these types."""
    choices = {name: PARTS[name] for name in parts}
    return fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", choices)),
        **{"required": True, "description": "The content: text or parts.", **options},
    )


# --- messages --------------------------------------------------------------------------------------------------------


class CalledFunction(Schema):
    """The function that the model called."""

    name = fields.String(required=True, description="The function's name.")
    arguments = fields.String(required=True, description="The arguments: a JSON object as a string.")


class ToolCall(Schema):
    """A tool call by the model."""

    id = fields.String(required=True, min_length=1, description="The call's id, to which the tool's result refers.")
    type = make_string("The tool type.", "function")
    index = fields.Integer(min=0, allow_none=True, description="The index of the call, from 0.")
    function = fields.Nested(CalledFunction, required=True, description="The function with its arguments.")


class Message(Schema):
    """One message of a conversation."""

    role = make_tag("The author.")
    name = make_string("Distinguishes participants of the same role.")


class SystemMessage(Message):
    """Instructions."""

    content = make_content("text")


class UserMessage(Message):
    """A message of the user: text."""

    content = make_content("text")


class ImageUserMessage(Message):
    """A message of the user: text and images."""

    content = make_content("text", "image_url")


class MediaUserMessage(Message):
    """A message of the user: text, images and audio."""

    content = make_content("text", "image_url", "input_audio")


class AssistantMessage(Message):
    """A message of the model, with the members of an answer."""

    content = make_content("text", required=False, allow_none=True)
    tool_calls = fields.List(fields.Nested(ToolCall), allow_none=True, description="The tools that the model called.")
    reasoning_content = make_string("The reasoning of the answer.")
    reasoning = make_string("An alias of `reasoning_content`.")
    refusal = make_string("The model's refusal.")
    annotations = fields.List(fields.Object(), allow_none=True, description="The citations of the answer.")
    audio = make_object("The audio of the answer.")
    function_call = make_nested(CalledFunction, "Deprecated: the function that the model called.")


class ToolMessage(Message):
    """The result of a tool."""

    tool_call_id = fields.String(required=True, min_length=1, description="The id of the tool call.")
    content = make_content("text")


MESSAGES: Mapping[str, type[Schema]] = {
    "system": SystemMessage,
    "developer": SystemMessage,
    "user": UserMessage,
    "assistant": AssistantMessage,
    "tool": ToolMessage,
}


def make_messages(**roles: type[Schema]) -> Field:
    """Make the conversation: messages by role, some with schemas of their own."""
    return fields.List(
        fields.Tagged("role", {**MESSAGES, **roles}),
        required=True,
        min_items=1,
        description="The conversation so far, the oldest message first.",
    )


# --- the request -----------------------------------------------------------------------------------------------------


class FunctionTool(Schema):
    """A function that the model may call."""

    type = make_tag("The tool type.")
    function = fields.Nested(Function, required=True, description="The function.")


class AnswerFormat(Schema):
    """The required output format, of models that know no schemas."""

    type = fields.String(required=True, one_of=("text", "json_object"), description="The format type.")


class Thinking(Schema):
    """Whether the model reasons."""

    type = fields.String(required=True, one_of=("enabled", "disabled"), description="Whether the model reasons.")


def make_penalty(description: str) -> Field:
    """Make a penalty of OpenAI's range."""
    return fields.Number(min=-2, max=2, allow_none=True, description=description)


def make_stop(**options: Any) -> Field:
    """Make the texts at which the model stops; the options are those of a list."""
    return fields.Either(
        fields.String(),
        fields.List(fields.String(), **options),
        allow_none=True,
        description="One or several texts at which the model stops generating.",
    )


def make_tool_choice(*words: str) -> Field:
    """Make the choice of tools: one of these words, or a function by its name."""
    return fields.Either(
        fields.String(one_of=words),
        fields.Tagged("type", {"function": NamedFunction}),
        allow_none=True,
        description="Whether the model must call a tool, and which one.",
    )


class Sampling(Schema):
    """How the answer is sampled, in every chat body."""

    temperature = fields.Number(min=0, max=2, allow_none=True, description="Sampling temperature.")
    top_p = fields.Number(
        min=0, max=1, allow_none=True, description="Nucleus sampling: the probability mass to sample from."
    )
    stop = make_stop()
    n = fields.Integer(min=1, max=128, allow_none=True, description="The number of answers to generate.")
    seed = fields.Integer(allow_none=True, description="Seed for reproducible sampling.")
    frequency_penalty = make_penalty("Penalty for tokens by how often they occurred.")
    presence_penalty = make_penalty("Penalty for tokens that occurred at all.")


def make_inference_config() -> Field:
    """Make the member that AWS's example of structured output with open weights has beside `response_format`."""
    return make_nested(InferenceConfig, "Converse's inference parameters; what the model makes of them is not known.")


class ChatRequest(Sampling):
    """A request of OpenAI's Chat Completions, as InvokeModel takes it: without the model's name."""

    messages = make_messages()
    model = make_string("The model's id; if it is given, it must be the one that the request is sent to.")
    stream = make_flag("Whether the answer is streamed; if it is given, it must be what the operation does.")
    stream_options = make_nested(StreamOptions, "Options of the stream.")
    max_completion_tokens = fields.Integer(
        min=1, allow_none=True, description="Maximum number of output tokens, reasoning included."
    )
    max_tokens = fields.Integer(min=1, allow_none=True, description="Maximum number of output tokens.")
    tools = fields.List(
        fields.Tagged("type", {"function": FunctionTool}),
        allow_none=True,
        description="The tools that the model may call.",
    )
    tool_choice = make_tool_choice("none", "auto", "required")
    parallel_tool_calls = make_flag("Whether the model may call several tools in one turn.")
    response_format = fields.Tagged(
        "type",
        {"text": Typed, "json_object": Typed, "json_schema": JsonSchemaFormat},
        allow_none=True,
        description="The required output format.",
    )
    reasoning_effort = make_string(
        "How much effort the model puts into reasoning.", "none", "minimal", "low", "medium", "high", "xhigh", "max"
    )
    logit_bias = fields.Object(
        fields.Number(min=-100, max=100), allow_none=True, description="Biases added to the logits, by token."
    )
    logprobs = make_flag("Whether to return the log probabilities of the output tokens.")
    top_logprobs = fields.Integer(
        min=0, max=20, allow_none=True, description="The number of most likely tokens to return for each output token."
    )
    user = make_string("An opaque id of the end user.")
    service_tier = make_string("How quickly the request is served.", "auto", "default", "flex", "priority", "reserved")


def check_address(body: Json, model: str, *, stream: bool) -> Iterator[tuple[str, str]]:
    """What a body says of the model and the stream is what its address says: `model` is an id, a profile or an ARN."""
    named, streams = body.get("model"), body.get("stream")
    # An ARN need not have the id of its model.
    if named is not None and named != model and not model.endswith(f".{named}") and not model.startswith("arn:"):
        yield "model", f"must be {model}, which the body is sent to, or absent"
    if streams is not None and streams != stream:
        yield "stream", f"must be {'true' if stream else 'false'} for this operation, or absent"


class Body(ChatRequest):
    """A request to a model of open weights."""

    top_k = fields.Integer(allow_none=True, description="The number of most likely tokens to sample from.")
    min_p = fields.Number(
        min=0, max=1, allow_none=True, description="The least probability of a token, relative to the most likely one."
    )
    repetition_penalty = fields.Number(
        above=0, allow_none=True, description="Penalty for tokens that occurred in the prompt or in the answer."
    )
    min_tokens = fields.Integer(min=0, allow_none=True, description="Minimum number of output tokens.")
    chat_template_kwargs = make_object("Variables of the model's chat template, such as `enable_thinking`.")
    thinking = make_nested(Thinking, "Whether the model reasons.")
    inferenceConfig = make_inference_config()


# --- the answer ------------------------------------------------------------------------------------------------------


class AnsweredCall(Open):
    """A tool call."""

    id = fields.String(description="The call's id, to which the tool's result refers.")
    type = make_string("The tool type.")
    function = fields.Nested(CalledFunction, required=True, description="The function with its arguments.")


class AnswerMessage(Open):
    """The message that the model wrote."""

    role = make_string("The author: `assistant`.")
    content = fields.String(allow_none=True, description="The text; null if there is none.")
    reasoning_content = make_string("The reasoning, of models that do not write it into the text.")
    tool_calls = fields.List(
        fields.Nested(AnsweredCall), allow_none=True, description="The tools that the model calls."
    )
    refusal = make_string("The model's refusal.")


class Choice(Open):
    """One answer."""

    index = fields.Integer(min=0, description="The index of the answer, from 0.")
    message = fields.Nested(AnswerMessage, required=True, description="The message.")
    finish_reason = make_string("Why the model stopped: `stop`, `length`, `tool_calls` or `content_filter`.")
    stop_reason = fields.Either(
        fields.String(),
        fields.Integer(),
        allow_none=True,
        description="Why the model stopped, or the text or token at which it stopped.",
    )


class AnswerUsage(Open):
    """The token counts."""

    prompt_tokens = fields.Integer(min=0, description="The input tokens.")
    completion_tokens = fields.Integer(min=0, description="The output tokens, reasoning included.")
    total_tokens = fields.Integer(min=0, description="All tokens.")


class Answer(Open):
    """A chat completion."""

    id = fields.String(description="The id of the answer.")
    object = fields.String(description="The type of the object: `chat.completion`.")
    created = fields.Integer(description="The time of the answer, in seconds since 1970.")
    model = fields.String(description="The model's id.")
    choices = fields.List(fields.Nested(Choice), required=True, description="The answers.")
    usage = make_nested(AnswerUsage, "The token counts.")


# --- samples ---------------------------------------------------------------------------------------------------------

SAMPLE: Mapping[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": "What is 2+2?"},
    ],
    "max_tokens": 64,
    "temperature": 0.5,
}


def make_reply(content: str, *, model: str, **message: Any) -> dict[str, Any]:
    """Make a sample of an answer; `message` are further members of its message."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1764547200,
        "model": model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    }


def make_chunks(*pieces: Mapping[str, Any], model: str) -> list[dict[str, Any]]:
    """Make a sample of a stream: a chunk for each piece of the message, and one with the end and the token counts."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1764547200, "model": model}
    deltas = [{"role": "assistant", "content": ""}, *pieces]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    return [
        *({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas),
        {**head, **last, "usage": usage},
    ]


# --- adapters --------------------------------------------------------------------------------------------------------

# The pieces of a sample's reasoning, by where a family writes it: nowhere, in a member of its own, or in tags.
_REASONING: Mapping[str, Sequence[Mapping[str, str]]] = {
    "": (),
    "member": ({"reasoning_content": "A sum."},),
    "tags": ({"content": "<reasoning>A sum.</reasoning>"},),
}


def make_adapter(*, default: str, reasoning: str = "", **members: Any) -> Adapter:
    """Make an adapter of a family that InvokeModel and Converse serve, with samples of what its default model answers.

    `reasoning` is where the family writes it: in a member of the message (`member`), in its text (`tags`), or nowhere;
    `members` are the adapter's own, which may replace those that most families share.
    """
    pieces = (*_REASONING[reasoning], {"content": "4"})
    message = {name: "".join(piece.get(name, "") for piece in pieces) for piece in pieces for name in piece}
    shared: dict[str, Any] = {
        "body": Body,
        "answer": Answer,
        "speaks": {"invoke_chat": "InvokeModel", "converse": "Converse"},
        "sample": SAMPLE,
        "reply": make_reply(**message, model=default),
        "chunks": make_chunks(*pieces, model=default),
        "chat_form": ChatForm(is_tagged=reasoning == "tags"),
    }
    return Adapter(default=default, **{**shared, **members})
