"""The body of Bedrock's Converse and ConverseStream, in HTTP JSON: media are base64 strings.

Source: the service model of bedrock-runtime (botocore) and the Converse page of the AWS API reference. `Conversation`
is what the bodies of other families share with it, `Body` the whole request.
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


class Nothing(Schema):
    """An object without members."""


class S3Location(Schema):
    """A file in Amazon S3."""

    uri = fields.String(
        required=True, min_length=1, max_length=1024, pattern="^s3://", description="`s3://bucket/key` of the file."
    )
    bucketOwner = fields.String(pattern="^[0-9]{12}$", description="The AWS account that owns the bucket.")


class ProcessingError(Schema):
    """Why a medium could not be processed; stands in answers."""

    message = fields.String(description="What went wrong, for people.")


class CitationsConfig(Schema):
    """Whether the model cites."""

    enabled = fields.Boolean(required=True, description="Whether the model cites from this content.")


class DocumentText(Schema):
    """One piece of a document that is given as text."""

    text = fields.String(required=True, description="The text of this piece; citations point at pieces.")


def _bytes(what: str) -> fields.String:
    return fields.String(min_length=1, description=f"The {what} as base64.")


def _s3(what: str) -> fields.Nested:
    return fields.Nested(S3Location, description=f"Where the {what} lies in Amazon S3.")


class ImageBlock(Schema):
    """An image."""

    format = fields.String(required=True, one_of=IMAGE_FORMATS, description="The image's format.")
    source = fields.OneKey(
        {"bytes": _bytes("image"), "s3Location": _s3("image")}, required=True, description="The image itself."
    )
    error = fields.Nested(ProcessingError, description="Only in answers: why the image is missing.")


class DocumentBlock(Schema):
    """A document; its message needs a text block as well."""

    format = fields.String(one_of=DOCUMENT_FORMATS, description="The document's format.")
    name = fields.String(
        required=True,
        min_length=1,
        max_length=200,
        description="A neutral name: letters, digits, single spaces, hyphens, parentheses and square brackets. "
        "The model may take it for an instruction.",
    )
    source = fields.OneKey(
        {
            "bytes": _bytes("document"),
            "s3Location": _s3("document"),
            "text": fields.String(description="The document as plain text."),
            "content": fields.List(fields.Nested(DocumentText), description="The document in pieces to cite."),
        },
        required=True,
        description="The document itself.",
    )
    context = fields.String(description="How the model should read the document.")
    citations = fields.Nested(CitationsConfig, description="Whether the model cites from the document.")


class VideoBlock(Schema):
    """A video."""

    format = fields.String(required=True, one_of=VIDEO_FORMATS, description="The video's format.")
    source = fields.OneKey(
        {"bytes": _bytes("video"), "s3Location": _s3("video")}, required=True, description="The video itself."
    )


class AudioBlock(Schema):
    """A sound."""

    format = fields.String(required=True, one_of=AUDIO_FORMATS, description="The sound's format.")
    source = fields.OneKey(
        {"bytes": _bytes("sound"), "s3Location": _s3("sound")}, required=True, description="The sound itself."
    )
    error = fields.Nested(ProcessingError, description="Only in answers: why the sound is missing.")


def _tool_name(what: str) -> fields.String:
    return fields.String(required=True, min_length=1, max_length=64, pattern="^[a-zA-Z0-9_-]+$", description=what)


def _tool_use_id() -> fields.String:
    return fields.String(required=True, min_length=1, max_length=64, description="Ties a tool's result to its use.")


class ToolUseBlock(Schema):
    """A tool that the model wants to be used."""

    toolUseId = _tool_use_id()
    name = _tool_name("The tool's name.")
    input = fields.Anything(required=True, description="The tool's arguments.")
    type = fields.String(one_of=("server_tool_use",), description="Says that Bedrock runs the tool itself.")


class SearchText(Schema):
    """One piece of a search result."""

    text = fields.String(required=True, description="The text of this piece.")


class SearchResultBlock(Schema):
    """A search result that the model can cite."""

    source = fields.String(required=True, description="Where it comes from: a URL or another name.")
    title = fields.String(required=True, description="Its title.")
    content = fields.List(fields.Nested(SearchText), required=True, description="Its text, in pieces.")
    citations = fields.Nested(CitationsConfig, description="Whether the model cites from it.")


class ToolResultBlock(Schema):
    """What a tool gave."""

    toolUseId = _tool_use_id()
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
        description="The result, in blocks.",
    )
    status = fields.String(one_of=("success", "error"), description="Whether the tool worked; Nova and Claude only.")
    type = fields.String(description="The kind of result, where Bedrock ran the tool itself.")


class GuardText(Schema):
    """Text for the guardrail to check."""

    text = fields.String(required=True, description="The text to check.")
    qualifiers = fields.List(
        fields.String(one_of=("grounding_source", "query", "guard_content")),
        description="What the text is to the check.",
    )


class GuardImage(Schema):
    """An image for the guardrail to check."""

    format = fields.String(required=True, one_of=("png", "jpeg"), description="The image's format.")
    source = fields.OneKey({"bytes": _bytes("image")}, required=True, description="The image itself.")


def _guard_content() -> fields.OneKey:
    return fields.OneKey(
        {
            "text": fields.Nested(GuardText, description="Text to check."),
            "image": fields.Nested(GuardImage, description="An image to check."),
        },
        description="Content that the guardrail checks; with any of it, only this is checked.",
    )


class CachePoint(Schema):
    """The end of a prefix that Bedrock should cache."""

    type = fields.String(required=True, one_of=("default",), description="The kind of cache point.")
    ttl = fields.String(one_of=("5m", "1h"), description="How long the prefix is kept.")


def _cache_point() -> fields.Nested:
    return fields.Nested(CachePoint, description="Caches everything before it.")


class ReasoningText(Schema):
    """Reasoning in plain text."""

    text = fields.String(required=True, description="The reasoning.")
    signature = fields.String(description="Proves that the model wrote it; send it back unchanged.")


class Location(Schema):
    """A range in a document or a search result."""

    documentIndex = fields.Integer(min=0, description="Which document, counted from 0.")
    searchResultIndex = fields.Integer(min=0, description="Which search result, counted from 0.")
    start = fields.Integer(min=0, description="Where the range starts.")
    end = fields.Integer(min=0, description="Where the range ends.")


class WebLocation(Schema):
    """A page of the web."""

    url = fields.String(description="The page's address.")
    domain = fields.String(description="The page's domain.")


class Citation(Schema):
    """One citation."""

    title = fields.String(description="The title of what is cited.")
    source = fields.String(description="The source of what is cited.")
    sourceContent = fields.List(
        fields.OneKey({"text": fields.String(description="The words that are cited.")}),
        description="The words that are cited, in pieces.",
    )
    location = fields.OneKey(
        {
            "web": fields.Nested(WebLocation, description="A page of the web."),
            "documentChar": fields.Nested(Location, description="Characters of a document."),
            "documentPage": fields.Nested(Location, description="Pages of a document."),
            "documentChunk": fields.Nested(Location, description="Pieces of a document."),
            "searchResultLocation": fields.Nested(Location, description="Pieces of a search result."),
        },
        description="Where in the source it stands.",
    )


class CitationsContent(Schema):
    """Text with its citations."""

    content = fields.List(
        fields.OneKey({"text": fields.String(description="The text.")}), description="The text that citations support."
    )
    citations = fields.List(fields.Nested(Citation), description="The citations.")


class ToolReference(Schema):
    """A tool that the tool configuration declares."""

    type = fields.String(min_length=1, max_length=64, description="The kind of reference.")
    name = fields.String(min_length=1, max_length=128, description="The tool's name.")
    serverName = fields.String(min_length=1, max_length=128, description="The MCP server that has the tool.")


class ToolChange(Schema):
    """A change of the tools in the middle of a conversation."""

    tool = fields.Nested(ToolReference, required=True, description="The tool.")


# The blocks of a message by their key; families with fewer pick theirs.
CONTENT = {
    "text": fields.String(description="Text."),
    "image": fields.Nested(ImageBlock, description="An image; in user turns only."),
    "document": fields.Nested(DocumentBlock, description="A document; in user turns only, beside a text block."),
    "video": fields.Nested(VideoBlock, description="A video."),
    "audio": fields.Nested(AudioBlock, description="A sound."),
    "toolUse": fields.Nested(ToolUseBlock, description="A tool that the model wants to be used."),
    "toolResult": fields.Nested(ToolResultBlock, description="What a tool gave."),
    "guardContent": _guard_content(),
    "cachePoint": _cache_point(),
    "reasoningContent": fields.OneKey(
        {
            "reasoningText": fields.Nested(ReasoningText, description="The reasoning in plain text."),
            "redactedContent": fields.String(description="Reasoning that the provider has encrypted, as base64."),
        },
        description="The model's reasoning; send it back unchanged.",
    ),
    "citationsContent": fields.Nested(CitationsContent, description="Text with its citations."),
    "searchResult": fields.Nested(SearchResultBlock, description="A search result that the model can cite."),
    "toolAddition": fields.Nested(ToolChange, description="Adds a tool from here on; in system turns."),
    "toolRemoval": fields.Nested(ToolChange, description="Takes a tool away from here on; in system turns."),
}


class Message(Schema):
    """One turn of a conversation."""

    role = fields.String(required=True, one_of=("user", "assistant", "system"), description="Whose turn it is.")
    content = fields.List(fields.OneKey(CONTENT), required=True, description="What is said, in blocks.")


class ToolSpec(Schema):
    """A tool that the model may ask for."""

    name = _tool_name("The tool's name.")
    description = fields.String(min_length=1, description="What the tool does and when to use it.")
    inputSchema = fields.OneKey(
        {"json": fields.Object(description="The arguments' JSON Schema; its root is an object.")},
        required=True,
        description="What the tool takes.",
    )
    strict = fields.Boolean(description="Whether the arguments are forced to fit the schema.")


class SystemTool(Schema):
    """A tool that Bedrock runs itself."""

    name = _tool_name("The tool's name, such as `nova_grounding`.")


class NamedTool(Schema):
    """The one tool to use."""

    name = _tool_name("The tool's name.")


class ToolConfig(Schema):
    """The tools of a request."""

    tools = fields.List(
        fields.OneKey(
            {
                "toolSpec": fields.Nested(ToolSpec, description="A tool of the caller's."),
                "systemTool": fields.Nested(SystemTool, description="A tool that Bedrock runs itself."),
                "cachePoint": _cache_point(),
            }
        ),
        required=True,
        min_items=1,
        description="The tools.",
    )
    toolChoice = fields.OneKey(
        {
            "auto": fields.Nested(Nothing, description="The model decides."),
            "any": fields.Nested(Nothing, description="The model must use some tool."),
            "tool": fields.Nested(NamedTool, description="The model must use this tool."),
        },
        description="Whether the model must use a tool.",
    )


class InferenceConfig(Schema):
    """How the model writes."""

    maxTokens = fields.Integer(min=1, description="Most tokens to write.")
    temperature = fields.Number(min=0, max=1, description="How freely the model chooses.")
    topP = fields.Number(min=0, max=1, description="The share of likely tokens to choose from.")
    stopSequences = fields.List(
        fields.String(min_length=1), max_items=2500, description="Texts at which the model stops."
    )


class Conversation(Schema):
    """What Converse shares with the bodies that are modelled on it."""

    messages = fields.List(fields.Nested(Message), required=True, description="The conversation so far.")
    system = fields.List(
        fields.OneKey(
            {
                "text": fields.String(min_length=1, description="Instructions to the model."),
                "guardContent": _guard_content(),
                "cachePoint": _cache_point(),
            }
        ),
        description="Instructions that stand before the conversation.",
    )
    inferenceConfig = fields.Nested(InferenceConfig, description="How the model writes.")
    toolConfig = fields.Nested(ToolConfig, description="The tools that the model may ask for.")


class GuardrailConfig(Schema):
    """The guardrail of a request."""

    guardrailIdentifier = fields.String(max_length=2048, description="The guardrail's id or ARN.")
    guardrailVersion = fields.String(pattern=r"^(|[1-9][0-9]{0,7}|DRAFT)$", description="A number or `DRAFT`.")
    trace = fields.String(one_of=("enabled", "disabled", "enabled_full"), description="How much of its work it tells.")
    streamProcessingMode = fields.String(
        one_of=("sync", "async"), description="For streams: whether text waits until it is checked."
    )


class JsonSchema(Schema):
    """The form that an answer must have."""

    schema = fields.String(required=True, description="The JSON Schema, as a string.")
    name = fields.String(description="The schema's name.")
    description = fields.String(description="What the schema is for.")


class TextFormat(Schema):
    """The form of the answer's text."""

    type = fields.String(required=True, one_of=("json_schema",), description="The kind of form.")
    structure = fields.OneKey(
        {"jsonSchema": fields.Nested(JsonSchema, description="A JSON Schema.")}, required=True, description="The form."
    )


class OutputConfig(Schema):
    """What the answer is like."""

    textFormat = fields.Nested(TextFormat, description="The form of the answer's text.")
    effort = fields.String(one_of=EFFORTS, description="How much the model reasons before it answers.")


class PerformanceConfig(Schema):
    """Speed."""

    latency = fields.String(one_of=("standard", "optimized"), description="Optimized is faster where it is offered.")


class ServiceTier(Schema):
    """The tier that serves the request."""

    type = fields.String(
        required=True, one_of=("priority", "default", "flex", "reserved"), description="The tier's name."
    )


class Body(Conversation):
    """A Converse request; the model's id travels in the path."""

    guardrailConfig = fields.Nested(GuardrailConfig, description="The guardrail that checks question and answer.")
    additionalModelRequestFields = fields.Object(description="Members that only this model's own body has.")
    additionalModelResponseFieldPaths = fields.List(
        fields.String(min_length=1, max_length=256, pattern="^/"),
        max_items=10,
        description="JSON Pointers to members of the model's own reply, such as `/stop_sequence`.",
    )
    promptVariables = fields.Object(
        fields.OneKey({"text": fields.String(description="The variable's value.")}),
        description="Values for the variables of a managed prompt, by name; for other models ignored.",
    )
    requestMetadata = fields.Object(
        fields.String(max_length=256, pattern=r"^[a-zA-Z0-9\s:_@$#=/+,\-.]*$"),
        max_items=16,
        description="Names and values by which invocation logs can be filtered.",
    )
    performanceConfig = fields.Nested(PerformanceConfig, description="Whether to answer faster.")
    serviceTier = fields.Nested(ServiceTier, description="The tier that serves the request.")
    outputConfig = fields.Nested(OutputConfig, description="What the answer is like.")
