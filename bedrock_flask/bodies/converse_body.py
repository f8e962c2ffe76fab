"""The body of Bedrock's Converse and ConverseStream, in HTTP JSON: media are base64 strings.

Source: the service model of bedrock-runtime (botocore) and the Converse page of the AWS API reference. `Conversation`
has the members that bodies of other families share, `Body` is the whole request.
"""

from bedrock_flask import fields
from bedrock_flask.fields import Schema

IMAGE_FORMATS = ("png", "jpeg", "gif", "webp")
DOCUMENT_FORMATS = ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")
VIDEO_FORMATS = ("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp")
AUDIO_FORMATS = (
    *("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv"),
    *("mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm"),
)
EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Empty(Schema):
    """An object without members."""


class S3Location(Schema):
    """A file in Amazon S3."""

    uri = fields.String(
        required=True, min_length=1, max_length=1024, pattern="^s3://", description="`s3://bucket/key` of the file."
    )
    bucketOwner = fields.String(pattern="^[0-9]{12}$", description="The AWS account that owns the bucket.")


class ProcessingError(Schema):
    """Why media could not be processed; in responses."""

    message = fields.String(description="A description of the error.")


class CitationsConfig(Schema):
    """Citation settings."""

    enabled = fields.Boolean(required=True, description="Whether the model cites this content.")


class DocumentText(Schema):
    """A part of a document given as text."""

    text = fields.String(required=True, description="The text of this part; citations refer to parts.")


def _make_bytes(kind: str) -> fields.String:
    return fields.String(min_length=1, description=f"The base64-encoded {kind}.")


def _make_s3_location(kind: str) -> fields.Nested:
    return fields.Nested(S3Location, description=f"The location of the {kind} in Amazon S3.")


class ImageBlock(Schema):
    """An image."""

    format = fields.String(required=True, one_of=IMAGE_FORMATS, description="The image's format.")
    source = fields.OneKey(
        {"bytes": _make_bytes("image"), "s3Location": _make_s3_location("image")},
        required=True,
        description="The image data.",
    )
    error = fields.Nested(ProcessingError, description="In responses: why the image is missing.")


class DocumentBlock(Schema):
    """A document; its message needs a text block too."""

    format = fields.String(one_of=DOCUMENT_FORMATS, description="The document's format.")
    name = fields.String(
        required=True,
        min_length=1,
        max_length=200,
        description="A neutral name of letters, digits, single spaces, hyphens, parentheses and square brackets; "
        "the model may take it for an instruction.",
    )
    source = fields.OneKey(
        {
            "bytes": _make_bytes("document"),
            "s3Location": _make_s3_location("document"),
            "text": fields.String(description="The plain-text document."),
            "content": fields.List(fields.Nested(DocumentText), description="The document in parts that can be cited."),
        },
        required=True,
        description="The document data.",
    )
    context = fields.String(description="Context about the document.")
    citations = fields.Nested(CitationsConfig, description="Citation settings for the document.")


class VideoBlock(Schema):
    """A video."""

    format = fields.String(required=True, one_of=VIDEO_FORMATS, description="The video's format.")
    source = fields.OneKey(
        {"bytes": _make_bytes("video"), "s3Location": _make_s3_location("video")},
        required=True,
        description="The video data.",
    )


class AudioBlock(Schema):
    """Audio."""

    format = fields.String(required=True, one_of=AUDIO_FORMATS, description="The audio format.")
    source = fields.OneKey(
        {"bytes": _make_bytes("audio"), "s3Location": _make_s3_location("audio")},
        required=True,
        description="The audio data.",
    )
    error = fields.Nested(ProcessingError, description="In responses: why the audio is missing.")


def _make_tool_name(description: str) -> fields.String:
    return fields.String(
        required=True, min_length=1, max_length=64, pattern="^[a-zA-Z0-9_-]+$", description=description
    )


def _make_tool_use_id() -> fields.String:
    return fields.String(
        required=True, min_length=1, max_length=64, description="The id of the tool call, which its result shares."
    )


class ToolUseBlock(Schema):
    """A tool call by the model."""

    toolUseId = _make_tool_use_id()
    name = _make_tool_name("The tool's name.")
    input = fields.Anything(required=True, description="The arguments of the call.")
    type = fields.String(one_of=("server_tool_use",), description="Marks a tool that Bedrock runs.")


class SearchText(Schema):
    """A part of a search result."""

    text = fields.String(required=True, description="The text of this part.")


class SearchResultBlock(Schema):
    """A search result that the model can cite."""

    source = fields.String(required=True, description="The result's source: a URL or another identifier.")
    title = fields.String(required=True, description="The result's title.")
    content = fields.List(fields.Nested(SearchText), required=True, description="The result's text in parts.")
    citations = fields.Nested(CitationsConfig, description="Citation settings for the result.")


class ToolResultBlock(Schema):
    """The result of a tool call."""

    toolUseId = _make_tool_use_id()
    content = fields.List(
        fields.OneKey(
            {
                "text": fields.String(description="The result as text."),
                "json": fields.Anything(description="The result as a JSON object."),
                "image": fields.Nested(ImageBlock, description="An image in the result."),
                "document": fields.Nested(DocumentBlock, description="A document in the result."),
                "video": fields.Nested(VideoBlock, description="A video in the result."),
                "searchResult": fields.Nested(SearchResultBlock, description="A search result that can be cited."),
            }
        ),
        required=True,
        description="The result's content blocks.",
    )
    status = fields.String(one_of=("success", "error"), description="Whether the tool succeeded; Nova and Claude only.")
    type = fields.String(description="The result type, if Bedrock ran the tool.")


class GuardText(Schema):
    """Text for the guardrail to check."""

    text = fields.String(required=True, description="The text to check.")
    qualifiers = fields.List(
        fields.String(one_of=("grounding_source", "query", "guard_content")),
        description="The role of the text in the check.",
    )


class GuardImage(Schema):
    """An image for the guardrail to check."""

    format = fields.String(required=True, one_of=("png", "jpeg"), description="The image's format.")
    source = fields.OneKey({"bytes": _make_bytes("image")}, required=True, description="The image data.")


def _make_guard_content() -> fields.OneKey:
    return fields.OneKey(
        {
            "text": fields.Nested(GuardText, description="Text to check."),
            "image": fields.Nested(GuardImage, description="An image to check."),
        },
        description="Content for the guardrail to check; if present, nothing else is checked.",
    )


class CachePoint(Schema):
    """A cache point: the end of a prefix that Bedrock caches."""

    type = fields.String(required=True, one_of=("default",), description="The cache point type.")
    ttl = fields.String(one_of=("5m", "1h"), description="How long the prefix is cached.")


def _make_cache_point() -> fields.Nested:
    return fields.Nested(CachePoint, description="Caches everything before this point.")


class ReasoningText(Schema):
    """Reasoning in plain text."""

    text = fields.String(required=True, description="The reasoning text.")
    signature = fields.String(description="The signature of the reasoning; send it back unchanged.")


class Location(Schema):
    """A range in a document or a search result."""

    documentIndex = fields.Integer(min=0, description="The index of the document, from 0.")
    searchResultIndex = fields.Integer(min=0, description="The index of the search result, from 0.")
    start = fields.Integer(min=0, description="The start of the range.")
    end = fields.Integer(min=0, description="The end of the range.")


class WebLocation(Schema):
    """A web page."""

    url = fields.String(description="The page's URL.")
    domain = fields.String(description="The page's domain.")


class Citation(Schema):
    """One citation."""

    title = fields.String(description="The title of the cited source.")
    source = fields.String(description="The cited source.")
    sourceContent = fields.List(
        fields.OneKey({"text": fields.String(description="The cited text.")}),
        description="The cited text in parts.",
    )
    location = fields.OneKey(
        {
            "web": fields.Nested(WebLocation, description="A web page."),
            "documentChar": fields.Nested(Location, description="Characters of a document."),
            "documentPage": fields.Nested(Location, description="Pages of a document."),
            "documentChunk": fields.Nested(Location, description="Parts of a document."),
            "searchResultLocation": fields.Nested(Location, description="Parts of a search result."),
        },
        description="The location in the source.",
    )


class CitationsContent(Schema):
    """Text with its citations."""

    content = fields.List(
        fields.OneKey({"text": fields.String(description="The text.")}), description="The text that citations support."
    )
    citations = fields.List(fields.Nested(Citation), description="The citations.")


class ToolReference(Schema):
    """A tool that the tool configuration declares."""

    type = fields.String(min_length=1, max_length=64, description="The reference type.")
    name = fields.String(min_length=1, max_length=128, description="The tool's name.")
    serverName = fields.String(min_length=1, max_length=128, description="The MCP server that has the tool.")


class ToolChange(Schema):
    """A change of the tools in mid-conversation."""

    tool = fields.Nested(ToolReference, required=True, description="The tool.")


# The blocks of a message by their key; a family that accepts fewer picks from these.
CONTENT = {
    "text": fields.String(description="Text."),
    "image": fields.Nested(ImageBlock, description="An image; in user turns only."),
    "document": fields.Nested(DocumentBlock, description="A document; in user turns only, with a text block."),
    "video": fields.Nested(VideoBlock, description="A video."),
    "audio": fields.Nested(AudioBlock, description="Audio."),
    "toolUse": fields.Nested(ToolUseBlock, description="A tool call by the model."),
    "toolResult": fields.Nested(ToolResultBlock, description="The result of a tool call."),
    "guardContent": _make_guard_content(),
    "cachePoint": _make_cache_point(),
    "reasoningContent": fields.OneKey(
        {
            "reasoningText": fields.Nested(ReasoningText, description="The reasoning in plain text."),
            "redactedContent": fields.String(description="Reasoning that the provider encrypted, as base64."),
        },
        description="The model's reasoning; send it back unchanged.",
    ),
    "citationsContent": fields.Nested(CitationsContent, description="Text with its citations."),
    "searchResult": fields.Nested(SearchResultBlock, description="A search result that the model can cite."),
    "toolAddition": fields.Nested(ToolChange, description="Adds a tool from this turn on; in system turns."),
    "toolRemoval": fields.Nested(ToolChange, description="Removes a tool from this turn on; in system turns."),
}


class Message(Schema):
    """One turn of a conversation."""

    role = fields.String(required=True, one_of=("user", "assistant", "system"), description="The author.")
    content = fields.List(fields.OneKey(CONTENT), required=True, description="The content blocks.")


class ToolSpec(Schema):
    """A tool that the model may call."""

    name = _make_tool_name("The tool's name.")
    description = fields.String(min_length=1, description="What the tool does and when to use it.")
    inputSchema = fields.OneKey(
        {"json": fields.Object(description="The arguments' JSON Schema; its root is an object.")},
        required=True,
        description="The JSON Schema of the arguments.",
    )
    strict = fields.Boolean(description="Whether the arguments must conform to the schema.")


class SystemTool(Schema):
    """A tool that Bedrock runs."""

    name = _make_tool_name("The tool's name, such as `nova_grounding`.")


class NamedTool(Schema):
    """The tool that the model must call."""

    name = _make_tool_name("The tool's name.")


class ToolConfig(Schema):
    """The tools of a request."""

    tools = fields.List(
        fields.OneKey(
            {
                "toolSpec": fields.Nested(ToolSpec, description="A tool that the caller defines."),
                "systemTool": fields.Nested(SystemTool, description="A tool that Bedrock runs."),
                "cachePoint": _make_cache_point(),
            }
        ),
        required=True,
        min_items=1,
        description="The tools.",
    )
    toolChoice = fields.OneKey(
        {
            "auto": fields.Nested(Empty, description="The model decides."),
            "any": fields.Nested(Empty, description="The model must call at least one tool."),
            "tool": fields.Nested(NamedTool, description="The model must call this tool."),
        },
        description="How the model chooses among the tools.",
    )


class InferenceConfig(Schema):
    """Inference parameters."""

    maxTokens = fields.Integer(min=1, description="Maximum number of output tokens.")
    temperature = fields.Number(min=0, max=1, description="Sampling temperature.")
    topP = fields.Number(min=0, max=1, description="Nucleus sampling: the probability mass to sample from.")
    stopSequences = fields.List(
        fields.String(min_length=1), max_items=2500, description="Texts at which the model stops generating."
    )


class Conversation(Schema):
    """The members of Converse that other families' bodies share."""

    messages = fields.List(fields.Nested(Message), required=True, description="The conversation so far.")
    system = fields.List(
        fields.OneKey(
            {
                "text": fields.String(min_length=1, description="Instructions for the model."),
                "guardContent": _make_guard_content(),
                "cachePoint": _make_cache_point(),
            }
        ),
        description="The system prompt.",
    )
    inferenceConfig = fields.Nested(InferenceConfig, description="Inference parameters.")
    toolConfig = fields.Nested(ToolConfig, description="The tools that the model may call.")


class GuardrailConfig(Schema):
    """The guardrail of a request."""

    guardrailIdentifier = fields.String(max_length=2048, description="The guardrail's id or ARN.")
    guardrailVersion = fields.String(pattern=r"^(|[1-9][0-9]{0,7}|DRAFT)$", description="A number or `DRAFT`.")
    trace = fields.String(
        one_of=("enabled", "disabled", "enabled_full"), description="How much trace information is returned."
    )
    streamProcessingMode = fields.String(
        one_of=("sync", "async"), description="In streams: whether text is held back until it is checked."
    )


class JsonSchema(Schema):
    """The required output format."""

    schema = fields.String(required=True, description="The JSON Schema, as a string.")
    name = fields.String(description="The schema's name.")
    description = fields.String(description="What the schema is for.")


class TextFormat(Schema):
    """The output format of the text."""

    type = fields.String(required=True, one_of=("json_schema",), description="The format type.")
    structure = fields.OneKey(
        {"jsonSchema": fields.Nested(JsonSchema, description="A JSON Schema.")},
        required=True,
        description="The format.",
    )


class OutputConfig(Schema):
    """Output settings."""

    textFormat = fields.Nested(TextFormat, description="The output format of the text.")
    effort = fields.String(one_of=EFFORTS, description="How much effort the model puts into reasoning.")


class PerformanceConfig(Schema):
    """Latency settings."""

    latency = fields.String(
        one_of=("standard", "optimized"), description="`optimized` is faster for the models that support it."
    )


class ServiceTier(Schema):
    """The tier that serves the request."""

    type = fields.String(
        required=True, one_of=("priority", "default", "flex", "reserved"), description="The tier's name."
    )


class Body(Conversation):
    """A Converse request; the model is in the path."""

    guardrailConfig = fields.Nested(GuardrailConfig, description="The guardrail for input and output.")
    additionalModelRequestFields = fields.Object(description="Members of the model's native body.")
    additionalModelResponseFieldPaths = fields.List(
        fields.String(min_length=1, max_length=256, pattern="^/"),
        max_items=10,
        description="JSON Pointers to members of the model's native reply, such as `/stop_sequence`.",
    )
    promptVariables = fields.Object(
        fields.OneKey({"text": fields.String(description="The variable's value.")}),
        description="Values of a managed prompt's variables, by name; other models ignore them.",
    )
    requestMetadata = fields.Object(
        fields.String(max_length=256, pattern=r"^[a-zA-Z0-9\s:_@$#=/+,\-.]*$"),
        max_items=16,
        description="Names and values for filtering invocation logs.",
    )
    performanceConfig = fields.Nested(PerformanceConfig, description="Latency settings.")
    serviceTier = fields.Nested(ServiceTier, description="The tier that serves the request.")
    outputConfig = fields.Nested(OutputConfig, description="Output settings.")
    # Not in botocore before 1.44.8.
    projectIdentifier = fields.String(
        min_length=1, max_length=2048, description="The id or ARN of the project that the call belongs to."
    )


# A request that every model takes.
SAMPLE = {
    "messages": [{"role": "user", "content": [{"text": "What is 2+2?"}]}],
    "inferenceConfig": {"maxTokens": 64},
}
