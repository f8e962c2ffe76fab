"""The body of OpenAI's Chat Completions, and the members that its clients send besides.

Source: the parameter types of the `openai` package for Python, 3.54 (`types/chat`). Not OpenAI's are `cache_control`,
the reasoning of former answers, and what its SDK adds to an answer, which is sent back with it (`parsed`, `index`). A
member that may be left out may be null, since clients send it so.
"""

from typing import Any

from bedrock_flask import fields
from bedrock_flask.fields import Field, Schema

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class CacheControl(Schema):
    """The end of a prefix that should be cached."""

    type = fields.String(required=True, one_of=("ephemeral",), description="The kind of cache.")
    ttl = fields.String(one_of=("5m", "1h"), allow_none=True, description="How long the prefix is kept.")


class Breakpoint(Schema):
    """OpenAI's own mark of the end of a prefix that should be cached."""

    mode = fields.String(required=True, one_of=("explicit",), description="The kind of mark.")
    ttl = fields.String(one_of=("30m", "12h"), allow_none=True, description="How long the prefix is kept at least.")


def _cache_control() -> Field:
    return fields.Nested(CacheControl, allow_none=True, description="Caches everything up to here.")


def _tag(what: str) -> Field:
    return fields.String(required=True, description=what)


# --- what messages consist of ----------------------------------------------------------------------------------------


class Part(Schema):
    """A part of a message's content."""

    type = _tag("The kind of part.")
    cache_control = _cache_control()
    prompt_cache_breakpoint = fields.Nested(Breakpoint, allow_none=True, description="Caches everything up to here.")


class TextPart(Part):
    """Text."""

    text = fields.String(required=True, description="The text.")


class RefusalPart(Part):
    """What the model said when it refused."""

    refusal = fields.String(required=True, description="The text.")


class ImageUrl(Schema):
    """An image in a `data:` URI."""

    url = fields.String(required=True, description="The image as a `data:` URI; the gateway fetches no addresses.")
    detail = fields.String(
        one_of=("auto", "low", "high", "original"), allow_none=True, description="How closely the model looks."
    )


class ImagePart(Part):
    """An image."""

    image_url = fields.Nested(ImageUrl, required=True, description="The image itself.")


class InputAudio(Schema):
    """A sound as base64."""

    data = fields.String(required=True, min_length=1, description="The sound as base64.")
    format = fields.String(required=True, one_of=("wav", "mp3"), description="The sound's format.")


class AudioPart(Part):
    """A sound."""

    input_audio = fields.Nested(InputAudio, required=True, description="The sound itself.")


class File(Schema):
    """A document in the request itself."""

    file_data = fields.String(allow_none=True, description="The document: a `data:` URI, or base64 beside a filename.")
    filename = fields.String(allow_none=True, description="The document's name.")
    file_id = fields.String(allow_none=True, description="An uploaded file; the gateway keeps none.")


class FilePart(Part):
    """A document."""

    file = fields.Nested(File, required=True, description="The document itself.")


def _content(parts: dict[str, type[Schema]], *, required: bool = True) -> Field:
    return fields.Either(
        fields.String(),
        fields.List(fields.Tagged("type", parts)),
        required=required,
        allow_none=not required,
        description="What is said: text, or parts.",
    )


class CalledFunction(Schema):
    """The function that the model called."""

    name = fields.String(required=True, description="The function's name.")
    arguments = fields.String(allow_none=True, description="Its arguments: a JSON object as a string.")
    parsed_arguments = fields.Anything(description="What an SDK made of the arguments.")


class CalledCustom(Schema):
    """The custom tool that the model called."""

    name = fields.String(required=True, description="The tool's name.")
    input = fields.String(required=True, description="What the model gave it.")


class ToolCall(Schema):
    """A tool that the model wants to be used."""

    id = fields.String(required=True, min_length=1, description="Ties the tool's result to this call.")
    type = fields.String(allow_none=True, description="The kind of tool.")
    index = fields.Integer(allow_none=True, description="Which call this was in a stream.")


class FunctionCall(ToolCall):
    """A call of a function."""

    function = fields.Nested(CalledFunction, required=True, description="The function and its arguments.")


class CustomCall(ToolCall):
    """A call of a custom tool."""

    custom = fields.Nested(CalledCustom, required=True, description="The tool and its input.")


class ReasoningDetail(Schema):
    """A part of the model's reasoning."""

    type = _tag("The kind of reasoning.")
    id = fields.String(allow_none=True, description="The part's name.")
    format = fields.String(allow_none=True, description="Whose reasoning it is.")
    index = fields.Integer(allow_none=True, description="Which part of the reasoning it is, counted from 0.")


class ReasoningText(ReasoningDetail):
    """Reasoning in plain text."""

    text = fields.String(allow_none=True, description="The reasoning; may be empty.")
    signature = fields.String(allow_none=True, description="Proves that the model wrote it; send it back unchanged.")


class ReasoningSummary(ReasoningDetail):
    """What the reasoning came to."""

    summary = fields.String(required=True, description="The summary.")


class ReasoningEncrypted(ReasoningDetail):
    """Reasoning that the provider has encrypted."""

    data = fields.String(required=True, description="Send it back unchanged.")


# --- messages --------------------------------------------------------------------------------------------------------


class Message(Schema):
    """One message of a conversation."""

    role = _tag("Whose message it is.")
    name = fields.String(allow_none=True, description="Tells apart participants of the same role.")
    cache_control = _cache_control()


class SystemMessage(Message):
    """Instructions."""

    content = _content({"text": TextPart})


class UserMessage(Message):
    """What the user says."""

    content = _content({"text": TextPart, "image_url": ImagePart, "input_audio": AudioPart, "file": FilePart})


class PastAudio(Schema):
    """A sound that the model answered with before."""

    id = fields.String(required=True, description="The sound's name.")


class AssistantMessage(Message):
    """What the model has answered."""

    content = _content({"text": TextPart, "refusal": RefusalPart}, required=False)
    refusal = fields.String(allow_none=True, description="What the model said when it refused.")
    tool_calls = fields.List(
        fields.Tagged("type", {"function": FunctionCall, "custom": CustomCall}, absent="function"),
        allow_none=True,
        description="The tools that the model called.",
    )
    function_call = fields.Nested(CalledFunction, allow_none=True, description="Of old: the function that was called.")
    audio = fields.Nested(PastAudio, allow_none=True, description="The sound that the model answered with.")
    annotations = fields.List(fields.Object(), allow_none=True, description="What the answer cited.")
    parsed = fields.Anything(description="What an SDK made of the content.")
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
        description="The answer's reasoning, part by part; send it back unchanged.",
    )
    reasoning_content = fields.String(allow_none=True, description="The answer's reasoning in plain text.")
    reasoning = fields.String(allow_none=True, description="Another name of `reasoning_content`.")


class ToolMessage(Message):
    """What a tool gave; images and documents are more than OpenAI takes."""

    tool_call_id = fields.String(required=True, min_length=1, description="The call that this is the result of.")
    content = _content({"text": TextPart, "image_url": ImagePart, "file": FilePart})


class FunctionMessage(Message):
    """Of old: what a function gave."""

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
    """A function of the caller's."""

    name = fields.String(required=True, min_length=1, description="The function's name.")
    description = fields.String(allow_none=True, description="What it does and when to call it.")
    parameters = fields.Object(allow_none=True, description="The arguments' JSON Schema.")
    strict = fields.Boolean(allow_none=True, description="Whether the arguments are forced to fit the schema.")


class Tool(Schema):
    """A tool that the model may call."""

    type = _tag("The kind of tool.")
    cache_control = _cache_control()


class FunctionTool(Tool):
    """A function."""

    function = fields.Nested(Function, required=True, description="The function.")


class TextInput(Schema):
    """Input that may be any text."""

    type = _tag("The form of the input.")


class Grammar(Schema):
    """A grammar of the caller's."""

    definition = fields.String(required=True, description="The grammar.")
    syntax = fields.String(required=True, one_of=("lark", "regex"), description="What it is written in.")


class GrammarInput(TextInput):
    """Input that fits a grammar."""

    grammar = fields.Nested(Grammar, required=True, description="The grammar.")


class Custom(Schema):
    """A tool that takes text instead of arguments."""

    name = fields.String(required=True, min_length=1, description="The tool's name.")
    description = fields.String(allow_none=True, description="What it does and when to call it.")
    format = fields.Tagged(
        "type", {"text": TextInput, "grammar": GrammarInput}, allow_none=True, description="The form of its input."
    )


class CustomTool(Tool):
    """A tool that takes text instead of arguments."""

    custom = fields.Nested(Custom, required=True, description="The tool.")


class Named(Schema):
    """A tool by its name."""

    name = fields.String(required=True, description="The tool's name.")


class NamedFunction(Schema):
    """One function."""

    type = _tag("The kind of tool.")
    function = fields.Nested(Named, required=True, description="The function.")


class NamedCustom(Schema):
    """One custom tool."""

    type = _tag("The kind of tool.")
    custom = fields.Nested(Named, required=True, description="The tool.")


_NAMED_TOOLS: dict[str, type[Schema]] = {"function": NamedFunction, "custom": NamedCustom}


class AllowedTools(Schema):
    """Some of the tools."""

    mode = fields.String(required=True, one_of=("auto", "required"), description="Whether one of them must be called.")
    tools = fields.List(fields.Tagged("type", _NAMED_TOOLS), required=True, description="The tools, by name.")


class AllowedToolsChoice(Schema):
    """Only some of the tools."""

    type = _tag("The kind of choice.")
    allowed_tools = fields.Nested(AllowedTools, required=True, description="The tools that may be called.")


# --- the answer ------------------------------------------------------------------------------------------------------


class AnyFormat(Schema):
    """A form without settings: `text` or `json_object`."""

    type = _tag("The kind of form.")


class JsonSchema(Schema):
    """The form that the answer must have."""

    name = fields.String(required=True, description="The form's name.")
    description = fields.String(allow_none=True, description="What the form is for.")
    schema = fields.Object(allow_none=True, description="The JSON Schema.")
    strict = fields.Boolean(allow_none=True, description="Whether the answer is forced to fit; Bedrock always does.")


class JsonSchemaFormat(AnyFormat):
    """JSON that fits a schema."""

    json_schema = fields.Nested(JsonSchema, required=True, description="The form.")


class Prediction(Schema):
    """Most of what the answer will be."""

    type = fields.String(required=True, one_of=("content",), description="The kind of prediction.")
    content = _content({"text": TextPart})


class Audio(Schema):
    """How the model speaks."""

    format = fields.String(required=True, description="The sound's format.")
    voice = fields.Either(fields.String(), fields.Object(), required=True, description="Whose voice it has.")


class StreamOptions(Schema):
    """What else a stream tells."""

    include_usage = fields.Boolean(allow_none=True, description="Whether the last chunk tells the usage.")
    include_obfuscation = fields.Boolean(allow_none=True, description="Whether chunks are padded.")


class CacheOptions(Schema):
    """How OpenAI caches prefixes."""

    mode = fields.String(one_of=("implicit", "explicit"), allow_none=True, description="Who sets the marks.")
    ttl = fields.String(one_of=("30m",), allow_none=True, description="How long prefixes are kept at least.")


class WebSearch(Schema):
    """How the model searches the web."""

    search_context_size = fields.String(
        one_of=("low", "medium", "high"), allow_none=True, description="How much of what it finds it reads."
    )
    user_location = fields.Object(allow_none=True, description="About where the user is.")


class Moderation(Schema):
    """How question and answer are moderated."""

    model = fields.String(required=True, description="The model that moderates.")
    policy = fields.Object(allow_none=True, description="What is done with what it finds.")


def _penalty(what: str) -> Field:
    return fields.Number(min=-2, max=2, allow_none=True, description=f"How much {what} is avoided.")


def _nested(schema: type[Schema], what: str) -> Field:
    return fields.Nested(schema, allow_none=True, description=what)


def _text(what: str, *one_of: str, **more: Any) -> Field:
    return fields.String(one_of=one_of, allow_none=True, description=what, **more)


def _flag(what: str) -> Field:
    return fields.Boolean(allow_none=True, description=what)


class Body(Schema):
    """A Chat Completions request."""

    model = fields.String(required=True, min_length=1, description="The model's name.")
    messages = fields.List(
        fields.Tagged("role", MESSAGES), required=True, min_items=1, description="The conversation so far."
    )
    max_completion_tokens = fields.Integer(
        min=1, allow_none=True, description="Most tokens to write, reasoning included."
    )
    max_tokens = fields.Integer(min=1, allow_none=True, description="Of old: most tokens to write.")
    temperature = fields.Number(
        min=0, max=2, allow_none=True, description="How freely the model chooses; Bedrock takes no more than 1."
    )
    top_p = fields.Number(min=0, max=1, allow_none=True, description="The share of likely tokens to choose from.")
    stop = fields.Either(
        fields.String(),
        fields.List(fields.String()),
        allow_none=True,
        description="One text, or several, at which the model stops.",
    )
    stream = _flag("Whether the answer comes piece by piece.")
    stream_options = _nested(StreamOptions, "What else a stream tells.")
    tools = fields.List(
        fields.Tagged("type", {"function": FunctionTool, "custom": CustomTool}),
        allow_none=True,
        description="The tools that the model may call.",
    )
    tool_choice = fields.Either(
        fields.String(one_of=("none", "auto", "required")),
        fields.Tagged("type", {**_NAMED_TOOLS, "allowed_tools": AllowedToolsChoice}),
        allow_none=True,
        description="Whether the model must call a tool, and which.",
    )
    parallel_tool_calls = _flag("Whether the model may call several tools at once.")
    response_format = fields.Tagged(
        "type",
        {"text": AnyFormat, "json_object": AnyFormat, "json_schema": JsonSchemaFormat},
        allow_none=True,
        description="The form that the answer must have.",
    )
    reasoning_effort = _text("How much the model reasons before it answers.", *EFFORTS)
    verbosity = _text("How much the model says.", "low", "medium", "high")
    n = fields.Integer(min=1, max=128, allow_none=True, description="How many answers to write.")
    seed = fields.Integer(allow_none=True, description="Makes answers to the same request alike.")
    frequency_penalty = _penalty("repeating a word the more often it was said")
    presence_penalty = _penalty("repeating a word at all")
    logit_bias = fields.Object(
        fields.Number(min=-100, max=100), allow_none=True, description="What is added to the likelihood of tokens."
    )
    logprobs = _flag("Whether the answer tells how likely its tokens were.")
    top_logprobs = fields.Integer(
        min=0, max=20, allow_none=True, description="How many other tokens are told for each token."
    )
    modalities = fields.List(
        fields.String(one_of=("text", "audio")), allow_none=True, description="Whether the model writes or speaks."
    )
    audio = _nested(Audio, "How the model speaks.")
    prediction = _nested(Prediction, "Most of what the answer will be.")
    web_search_options = _nested(WebSearch, "How the model searches the web.")
    moderation = _nested(Moderation, "How question and answer are moderated.")
    metadata = fields.Object(
        fields.String(max_length=512), max_items=16, allow_none=True, description="Names and values for the log."
    )
    user = _text("An opaque name of the end user.")
    safety_identifier = _text("An opaque name of the end user, against abuse.")
    prompt_cache_key = _text("Leads similar requests to the same cache.")
    prompt_cache_options = _nested(CacheOptions, "How prefixes are cached.")
    prompt_cache_retention = _text("How long prefixes are kept at most.", "in_memory", "24h")
    store = _flag("Whether OpenAI keeps the answer.")
    service_tier = _text("How quickly the request is served.", "auto", "default", "flex", "scale", "priority", "fast")
    functions = fields.List(
        fields.Nested(Function), allow_none=True, description="Of old: the functions that the model may call."
    )
    function_call = fields.Either(
        fields.String(one_of=("none", "auto")),
        fields.Nested(Named),
        allow_none=True,
        description="Of old: whether the model must call a function, and which.",
    )
