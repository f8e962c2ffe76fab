"""The body of OpenAI's Chat Completions, with members that clients add to it.

Source: the parameter types of the `openai` package for Python, 3.54 (`types/chat`). Not OpenAI's are `cache_control`,
the reasoning of earlier answers, and what its SDK adds to an answer and sends back with it (`parsed`, `index`).
"""

from bedrock_flask import fields
from bedrock_flask.bodies.openai_fields import (
    EFFORTS,
    Breakpoint,
    CacheControl,
    Grammar,
    Typed,
    make_flag,
    make_nested,
    make_string,
    make_tag,
)
from bedrock_flask.fields import Field, Schema


def _make_cache_control() -> Field:
    return fields.Nested(CacheControl, allow_none=True, description="Caches everything up to this point.")


# --- parts of messages ----------------------------------------------------------------------------------------------


class Part(Schema):
    """A part of a message's content."""

    type = make_tag("The part type.")
    cache_control = _make_cache_control()
    prompt_cache_breakpoint = fields.Nested(
        Breakpoint, allow_none=True, description="Caches everything up to this point."
    )


class TextPart(Part):
    """Text."""

    text = fields.String(required=True, description="The text.")


class RefusalPart(Part):
    """The model's refusal."""

    refusal = fields.String(required=True, description="The text.")


class ImageUrl(Schema):
    """An image in a `data:` URI."""

    url = fields.String(
        required=True,
        description="The image as a `data:` URI; the gateway fetches URLs only of hosts that its operator lists.",
    )
    detail = fields.String(
        one_of=("auto", "low", "high", "original"),
        allow_none=True,
        description="The resolution at which the model sees it.",
    )


class ImagePart(Part):
    """An image."""

    image_url = fields.Nested(ImageUrl, required=True, description="The image data.")


class InputAudio(Schema):
    """Base64-encoded audio."""

    data = fields.String(required=True, min_length=1, description="The base64-encoded audio.")
    format = fields.String(required=True, one_of=("wav", "mp3"), description="The audio format.")


class AudioPart(Part):
    """Audio."""

    input_audio = fields.Nested(InputAudio, required=True, description="The audio data.")


class File(Schema):
    """A document that is part of the request."""

    file_data = fields.String(allow_none=True, description="The document: a `data:` URI, or base64 with a filename.")
    filename = fields.String(allow_none=True, description="The document's name.")
    file_id = fields.String(allow_none=True, description="The id of an uploaded file; the gateway stores no files.")


class FilePart(Part):
    """A document."""

    file = fields.Nested(File, required=True, description="The document data.")


PARTS: dict[str, type[Schema]] = {
    "text": TextPart,
    "refusal": RefusalPart,
    "image_url": ImagePart,
    "input_audio": AudioPart,
    "file": FilePart,
}


def _make_content(parts: dict[str, type[Schema]], *, required: bool = True) -> Field:
    return fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", parts, elsewhere=lambda: PARTS)),
        required=required,
        allow_none=not required,
        description="The content: text or parts.",
    )


class CalledFunction(Schema):
    """The function that the model called."""

    name = fields.String(required=True, description="The function's name.")
    arguments = fields.String(allow_none=True, description="The arguments: a JSON object as a string.")
    parsed_arguments = fields.Anything(description="The arguments as parsed by an SDK.")


class CalledCustom(Schema):
    """The custom tool that the model called."""

    name = fields.String(required=True, description="The tool's name.")
    input = fields.String(required=True, description="The input from the model.")


class ToolCall(Schema):
    """A tool call by the model."""

    id = fields.String(required=True, min_length=1, description="The call's id, to which the tool's result refers.")
    index = fields.Integer(allow_none=True, description="The index of the call in a stream, from 0.")
    cache_control = _make_cache_control()


class FunctionCall(ToolCall):
    """A call of a function."""

    type = fields.String(one_of=("function",), allow_none=True, description="Always `function`; optional.")
    function = fields.Nested(CalledFunction, required=True, description="The function with its arguments.")


class CustomCall(ToolCall):
    """A call of a custom tool."""

    type = make_tag("The tool type.")
    custom = fields.Nested(CalledCustom, required=True, description="The tool with its input.")


class ReasoningDetail(Schema):
    """A part of the model's reasoning."""

    type = make_tag("The type of the detail.")
    id = fields.String(allow_none=True, description="The id of the part.")
    format = fields.String(allow_none=True, description="The provider's format of the reasoning.")
    index = fields.Integer(allow_none=True, description="The index of the part, from 0.")


class ReasoningText(ReasoningDetail):
    """Reasoning in plain text."""

    text = fields.String(allow_none=True, description="The reasoning text; may be empty.")
    signature = fields.String(allow_none=True, description="The signature of the reasoning; send it back unchanged.")


class ReasoningSummary(ReasoningDetail):
    """A summary of the reasoning."""

    summary = fields.String(required=True, description="The summary.")


class ReasoningEncrypted(ReasoningDetail):
    """Reasoning that the provider encrypted."""

    data = fields.String(required=True, description="The encrypted reasoning; send it back unchanged.")


# --- messages --------------------------------------------------------------------------------------------------------


class Message(Schema):
    """One message of a conversation."""

    role = make_tag("The author.")
    name = fields.String(allow_none=True, description="Distinguishes participants of the same role.")
    cache_control = _make_cache_control()


class SystemMessage(Message):
    """Instructions."""

    content = _make_content({"text": TextPart})


class UserMessage(Message):
    """A message of the user."""

    content = _make_content({"text": TextPart, "image_url": ImagePart, "input_audio": AudioPart, "file": FilePart})


class PastAudio(Schema):
    """Audio of an earlier answer."""

    id = fields.String(required=True, description="The id of the audio.")


class AssistantMessage(Message):
    """A message of the model."""

    content = _make_content({"text": TextPart, "refusal": RefusalPart}, required=False)
    refusal = fields.String(allow_none=True, description="The model's refusal.")
    tool_calls = fields.List(
        fields.Tagged("type", {"function": FunctionCall, "custom": CustomCall}, absent="function"),
        allow_none=True,
        description="The tools that the model called.",
    )
    function_call = fields.Nested(
        CalledFunction, allow_none=True, description="Deprecated: the function that the model called."
    )
    audio = fields.Nested(PastAudio, allow_none=True, description="The audio of the answer.")
    annotations = fields.List(fields.Object(), allow_none=True, description="The citations of the answer.")
    parsed = fields.Anything(description="The content as parsed by an SDK.")
    reasoning_details = fields.List(
        fields.Tagged(
            "type",
            {
                "reasoning.text": ReasoningText,
                "reasoning.summary": ReasoningSummary,
                "reasoning.encrypted": ReasoningEncrypted,
            },
        ),
        allow_none=True,
        description="The reasoning of the answer in parts; send it back unchanged.",
    )
    reasoning_content = fields.String(allow_none=True, description="The reasoning of the answer in plain text.")
    reasoning = fields.String(allow_none=True, description="An alias of `reasoning_content`.")


class ToolMessage(Message):
    """The result of a tool; OpenAI itself accepts no images or documents here."""

    tool_call_id = fields.String(required=True, min_length=1, description="The id of the tool call.")
    content = _make_content({"text": TextPart, "image_url": ImagePart, "file": FilePart})


class FunctionMessage(Message):
    """Deprecated: the result of a function."""

    name = fields.String(required=True, description="The function's name.")
    content = fields.String(required=True, allow_none=True, description="The result.")


MESSAGES: dict[str, type[Schema]] = {
    "system": SystemMessage,
    "developer": SystemMessage,
    "user": UserMessage,
    "assistant": AssistantMessage,
    "tool": ToolMessage,
    "function": FunctionMessage,
}


# --- tools -----------------------------------------------------------------------------------------------------------


class Function(Schema):
    """A function that the caller defines."""

    name = fields.String(required=True, min_length=1, description="The function's name.")
    description = fields.String(allow_none=True, description="What the tool does and when to call it.")
    parameters = fields.Object(allow_none=True, description="The arguments' JSON Schema.")
    strict = fields.Boolean(allow_none=True, description="Whether the arguments must conform to the schema.")


class Tool(Schema):
    """A tool that the model may call."""

    type = make_tag("The tool type.")
    cache_control = _make_cache_control()


class FunctionTool(Tool):
    """A function."""

    function = fields.Nested(Function, required=True, description="The function.")


class GrammarInput(Typed):
    """Input that conforms to a grammar."""

    grammar = fields.Nested(Grammar, required=True, description="The grammar.")


class Custom(Schema):
    """A tool that takes text instead of JSON arguments."""

    name = fields.String(required=True, min_length=1, description="The tool's name.")
    description = fields.String(allow_none=True, description="What the tool does and when to call it.")
    format = fields.Tagged(
        "type", {"text": Typed, "grammar": GrammarInput}, allow_none=True, description="The format of the tool's input."
    )


class CustomTool(Tool):
    """A tool that takes text instead of JSON arguments."""

    custom = fields.Nested(Custom, required=True, description="The tool.")


class Named(Schema):
    """A tool by its name."""

    name = fields.String(required=True, description="The tool's name.")


class NamedFunction(Schema):
    """One function."""

    type = make_tag("The tool type.")
    function = fields.Nested(Named, required=True, description="The function.")


class NamedCustom(Schema):
    """One custom tool."""

    type = make_tag("The tool type.")
    custom = fields.Nested(Named, required=True, description="The tool.")


_NAMED_TOOLS: dict[str, type[Schema]] = {"function": NamedFunction, "custom": NamedCustom}


class AllowedTools(Schema):
    """Some of the tools."""

    mode = fields.String(
        required=True, one_of=("auto", "required"), description="Whether the model must call one of them."
    )
    tools = fields.List(fields.Tagged("type", _NAMED_TOOLS), required=True, description="The tools by name.")


class AllowedToolsChoice(Schema):
    """A restriction to some of the tools."""

    type = make_tag("The choice type.")
    allowed_tools = fields.Nested(AllowedTools, required=True, description="The tools that may be called.")


# --- the answer ------------------------------------------------------------------------------------------------------


class JsonSchema(Schema):
    """The required output format."""

    name = fields.String(required=True, description="The format's name.")
    description = fields.String(allow_none=True, description="What the format is for.")
    schema = fields.Object(allow_none=True, description="The JSON Schema of the answer.")
    strict = fields.Boolean(
        allow_none=True, description="Whether the answer must conform to the schema; on Bedrock it always does."
    )


class JsonSchemaFormat(Typed):
    """JSON that conforms to a schema."""

    json_schema = fields.Nested(JsonSchema, required=True, description="The format.")


class Prediction(Schema):
    """A prediction of most of the answer."""

    type = fields.String(required=True, one_of=("content",), description="The prediction type.")
    content = _make_content({"text": TextPart})


class Audio(Schema):
    """Audio output settings."""

    format = fields.String(required=True, description="The audio format.")
    voice = fields.Either(fields.String(), fields.Object(), required=True, description="The voice.")


class StreamOptions(Schema):
    """Options of the stream."""

    include_usage = fields.Boolean(allow_none=True, description="Whether the last chunk contains the token usage.")
    include_obfuscation = fields.Boolean(
        allow_none=True, description="Whether chunks are padded against traffic analysis."
    )


class CacheOptions(Schema):
    """Settings of OpenAI's prefix cache."""

    mode = fields.String(
        one_of=("implicit", "explicit"),
        allow_none=True,
        description="Whether breakpoints are set by OpenAI or by the caller.",
    )
    ttl = fields.String(one_of=("30m",), allow_none=True, description="The minimum time for which prefixes are cached.")


class WebSearch(Schema):
    """Web search settings."""

    search_context_size = fields.String(
        one_of=("low", "medium", "high"), allow_none=True, description="How much search context the model reads."
    )
    user_location = fields.Object(allow_none=True, description="The approximate location of the user.")


class Moderation(Schema):
    """Moderation settings."""

    model = fields.String(required=True, description="The moderation model.")
    policy = fields.Object(allow_none=True, description="How findings are handled.")


def _make_penalty(description: str) -> Field:
    return fields.Number(min=-2, max=2, allow_none=True, description=description)


class Body(Schema):
    """A Chat Completions request."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    messages = fields.List(
        fields.Tagged("role", MESSAGES), required=True, min_items=1, description="The conversation so far."
    )
    max_completion_tokens = fields.Integer(
        min=1, allow_none=True, description="Maximum number of output tokens, reasoning included."
    )
    max_tokens = fields.Integer(min=1, allow_none=True, description="Deprecated: maximum number of output tokens.")
    temperature = fields.Number(
        min=0, max=2, allow_none=True, description="Sampling temperature; Bedrock accepts at most 1."
    )
    top_p = fields.Number(
        min=0, max=1, allow_none=True, description="Nucleus sampling: the probability mass to sample from."
    )
    stop = fields.Either(
        fields.String(),
        fields.List(fields.String()),
        allow_none=True,
        description="One or several texts at which the model stops generating.",
    )
    stream = make_flag("Whether the answer is streamed as server-sent events.")
    stream_options = make_nested(StreamOptions, "Options of the stream.")
    tools = fields.List(
        fields.Tagged("type", {"function": FunctionTool, "custom": CustomTool}),
        allow_none=True,
        description="The tools that the model may call.",
    )
    tool_choice = fields.Either(
        fields.String(one_of=("none", "auto", "required")),
        fields.Tagged("type", {**_NAMED_TOOLS, "allowed_tools": AllowedToolsChoice}),
        allow_none=True,
        description="Whether the model must call a tool, and which one.",
    )
    parallel_tool_calls = make_flag("Whether the model may call several tools in one turn.")
    response_format = fields.Tagged(
        "type",
        {"text": Typed, "json_object": Typed, "json_schema": JsonSchemaFormat},
        allow_none=True,
        description="The required output format.",
    )
    reasoning_effort = make_string("How much effort the model puts into reasoning.", *EFFORTS)
    verbosity = make_string("How detailed the answer is.", "low", "medium", "high")
    n = fields.Integer(min=1, max=128, allow_none=True, description="The number of answers to generate.")
    seed = fields.Integer(allow_none=True, description="Seed for reproducible sampling.")
    frequency_penalty = _make_penalty("Penalty for tokens by how often they occurred.")
    presence_penalty = _make_penalty("Penalty for tokens that occurred at all.")
    logit_bias = fields.Object(
        fields.Number(min=-100, max=100), allow_none=True, description="Biases added to the logits, by token."
    )
    logprobs = make_flag("Whether to return the log probabilities of the output tokens.")
    top_logprobs = fields.Integer(
        min=0, max=20, allow_none=True, description="The number of most likely tokens to return for each output token."
    )
    modalities = fields.List(fields.String(one_of=("text", "audio")), allow_none=True, description="The output types.")
    audio = make_nested(Audio, "Audio output settings.")
    prediction = make_nested(Prediction, "A prediction of most of the answer.")
    web_search_options = make_nested(WebSearch, "Web search settings.")
    moderation = make_nested(Moderation, "Moderation settings.")
    metadata = fields.Object(
        fields.String(max_length=512),
        max_items=16,
        allow_none=True,
        description="Names and values attached to the request.",
    )
    user = make_string("An opaque id of the end user.")
    safety_identifier = make_string("An opaque id of the end user, for abuse detection.")
    prompt_cache_key = make_string("Routes similar requests to the same cache.")
    prompt_cache_options = make_nested(CacheOptions, "Settings of OpenAI's prefix cache.")
    prompt_cache_retention = make_string("The maximum time for which prefixes are cached.", "in_memory", "24h")
    store = make_flag("Whether OpenAI stores the answer.")
    service_tier = make_string(
        "How quickly the request is served.", "auto", "default", "flex", "scale", "priority", "fast"
    )
    functions = fields.List(
        fields.Nested(Function), allow_none=True, description="Deprecated: the functions that the model may call."
    )
    function_call = fields.Either(
        fields.String(one_of=("none", "auto")),
        fields.Nested(Named),
        allow_none=True,
        description="Deprecated: whether the model must call a function, and which one.",
    )
