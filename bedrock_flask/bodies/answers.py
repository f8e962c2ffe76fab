"""The whole answers of the APIs that clients speak, as types for generated clients; other members pass.

Sources: `Message` in the types of Anthropic's SDK for Python 2.12; `ChatCompletion`, `Response` and
`CreateEmbeddingResponse` and `ImagesResponse` in those of OpenAI's 2; Cohere's API reference, Rerank;
ConverseResponse and CountTokensResponse in botocore's service model of bedrock-runtime, RerankResponse in that of
bedrock-agent-runtime.
"""

from bedrock_flask.bedrock.stop_reasons import STOP_REASONS
from bedrock_flask.fields import Anything, Either, Integer, List, Nested, Number, Object, Open, String


class ConverseMessage(Open):
    """The model's turn."""

    role = String(required=True, one_of=("assistant",))
    content = List(Object(), required=True, description="Blocks, each with its kind as its only member.")


class ConverseOutput(Open):
    """What the model wrote."""

    message = Nested(ConverseMessage, description="The model's turn.")


class ConverseUsage(Open):
    """The tokens that Bedrock counted."""

    inputTokens = Integer()
    outputTokens = Integer()
    totalTokens = Integer()
    cacheReadInputTokens = Integer(allow_none=True)
    cacheWriteInputTokens = Integer(allow_none=True)


class ConverseAnswer(Open):
    """The answer of Converse, and of Nova's own format."""

    output = Nested(ConverseOutput, required=True)
    stopReason = String(required=True, description=f"Why the model stopped: {', '.join(sorted(STOP_REASONS))}.")
    usage = Nested(ConverseUsage)
    metrics = Object(description="`latencyMs`.")


class CountTokensAnswer(Open):
    """The answer of CountTokens."""

    inputTokens = Integer(required=True)


class MessagesUsage(Open):
    """The tokens that were counted."""

    input_tokens = Integer(required=True)
    output_tokens = Integer(required=True)
    cache_creation_input_tokens = Integer(allow_none=True)
    cache_read_input_tokens = Integer(allow_none=True)


class MessagesAnswer(Open):
    """Claude's message, in Anthropic's API and on Bedrock."""

    id = String(required=True)
    type = String(required=True, one_of=("message",))
    role = String(required=True, one_of=("assistant",))
    model = String(required=True)
    content = List(Object(), required=True, description="Blocks, each with its `type`.")
    stop_reason = String(allow_none=True, description="Why the model stopped.")
    stop_sequence = String(allow_none=True)
    usage = Nested(MessagesUsage, required=True)


class ChatMessage(Open):
    """The model's turn."""

    role = String(required=True, one_of=("assistant",))
    content = String(allow_none=True)
    refusal = String(allow_none=True)
    tool_calls = List(Object(), allow_none=True)


class ChatChoice(Open):
    """One answer."""

    index = Integer(required=True)
    message = Nested(ChatMessage, required=True)
    finish_reason = String(allow_none=True)


class ChatUsage(Open):
    """The tokens that were counted."""

    prompt_tokens = Integer(required=True)
    completion_tokens = Integer(required=True)
    total_tokens = Integer(required=True)


class ChatAnswer(Open):
    """A chat completion."""

    id = String(required=True)
    object = String(required=True, one_of=("chat.completion",))
    created = Integer(required=True)
    model = String(required=True)
    choices = List(Nested(ChatChoice), required=True)
    usage = Nested(ChatUsage, allow_none=True)


class ResponseAnswer(Open):
    """A response of OpenAI's Responses API."""

    id = String(required=True)
    object = String(required=True, one_of=("response",))
    created_at = Number(required=True)
    status = String(required=True, description="`completed`, `incomplete` or `failed`.")
    model = String(required=True)
    output = List(Object(), required=True, description="Items, each with its `type`.")
    usage = Object(allow_none=True)


class EmbeddingEntry(Open):
    """The vector of one text."""

    object = String(required=True, one_of=("embedding",))
    index = Integer(required=True)
    embedding = Either(List(Number()), String(), required=True, description="Numbers, or base64.")


class EmbeddingsAnswer(Open):
    """Vectors, in the order of the texts."""

    object = String(required=True, one_of=("list",))
    data = List(Nested(EmbeddingEntry), required=True)
    model = String(required=True)
    usage = Object(Anything(), required=True)


class ImageEntry(Open):
    """One image."""

    b64_json = String(required=True, description="The image file in base64.")


class ImagesAnswer(Open):
    """Images of OpenAI's Images API."""

    created = Integer(required=True)
    data = List(Nested(ImageEntry), required=True)
    output_format = String(required=True, description="The format of the files: `png`, `jpeg`, `webp`.")
    size = String(description="The width and height of the first image.")


class RankedDocument(Open):
    """One document, by its place in the request."""

    index = Integer(required=True)
    relevance_score = Number(required=True, description="From 0 to 1.")
    document = Object(description="The document, if `return_documents` asks for it.")


class RerankAnswer(Open):
    """Documents by how relevant they are, the most relevant first."""

    id = String(required=True)
    results = List(Nested(RankedDocument), required=True)
    meta = Object(Anything(), required=True, description="The version of the API, and the tokens if they are known.")


class InputTokens(Open):
    """A count of tokens."""

    input_tokens = Integer(required=True)


class RankedSource(Open):
    """One source of an answer."""

    index = Integer(required=True, description="The number of the source in the request, from 0.")
    relevanceScore = Number(required=True, description="How relevant it is.")


class BedrockRerankAnswer(Open):
    """The answer of Rerank of bedrock-agent-runtime: one page, without a `nextToken`."""

    results = List(Nested(RankedSource), required=True, description="The sources, the most relevant first.")
