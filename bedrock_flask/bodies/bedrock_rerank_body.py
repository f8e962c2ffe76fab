"""The body of Bedrock's operation Rerank, and what it means.

Source: botocore's service model of bedrock-agent-runtime, 2023-07-26.
"""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.converse import Json, Request
from bedrock_flask.fields import Integer, List, Nested, Object, Schema, String
from bedrock_flask.protocol.json import write


class Text(Schema):
    """A text."""

    text = String(required=True, min_length=1, max_length=32_000, description="The text.")


class Query(Schema):
    """What the sources are compared with."""

    type = String(required=True, one_of=("TEXT",), description="The type: TEXT.")
    textQuery = Nested(Text, required=True, description="The text of the query.")


class Document(Schema):
    """A document as a text or as a JSON object."""

    type = String(required=True, one_of=("TEXT", "JSON"), description="Which member has the document.")
    textDocument = Nested(Text, description="The document, with the type TEXT.")
    jsonDocument = Object(description="The document, with the type JSON; it is ranked as the text of its JSON.")


class Source(Schema):
    """One document to rank."""

    type = String(required=True, one_of=("INLINE",), description="Where the document is: INLINE.")
    inlineDocumentSource = Nested(Document, required=True, description="The document.")


class ModelConfiguration(Schema):
    """The model that ranks."""

    modelArn = String(
        required=True, min_length=1, max_length=2048, description="The model: its ARN, or any name of the gateway's."
    )
    additionalModelRequestFields = Object(description="Members of the model's own body.")


class BedrockConfiguration(Schema):
    """How a model of Bedrock ranks."""

    modelConfiguration = Nested(ModelConfiguration, required=True, description="The model.")
    numberOfResults = Integer(min=1, max=1000, description="How many sources the answer has; default all.")


class Configuration(Schema):
    """How the sources are ranked."""

    type = String(required=True, one_of=("BEDROCK_RERANKING_MODEL",), description="BEDROCK_RERANKING_MODEL.")
    bedrockRerankingConfiguration = Nested(BedrockConfiguration, required=True, description="The model and the number.")


class Body(Schema):
    """A request to rank sources."""

    queries = List(Nested(Query), required=True, min_items=1, max_items=1, description="The query.")
    sources = List(Nested(Source), required=True, min_items=1, max_items=1000, description="The documents to rank.")
    rerankingConfiguration = Nested(Configuration, required=True, description="How they are ranked.")


def check_documents(body: Json) -> Iterator[tuple[str, str]]:
    """Each document has the member of its type."""
    for index, source in enumerate(body["sources"]):
        document = source["inlineDocumentSource"]
        if (name := _name_member(document)) not in document:
            yield f"sources[{index}].inlineDocumentSource.{name}", f"is required with the type {document['type']}"


def find_model(body: Json) -> str:
    """The model that ranks."""
    name: str = _read_configuration(body)["modelConfiguration"]["modelArn"]
    return name


def read_request(body: Json) -> Request:
    """A request for a ranking: the query and each document as a message, and the number of results as an extra."""
    configuration = _read_configuration(body)
    texts = [body["queries"][0]["textQuery"]["text"], *(_read_text(each) for each in body["sources"])]
    number = {"top_n": configuration["numberOfResults"]} if "numberOfResults" in configuration else {}
    return {
        "messages": [{"role": "user", "content": [{"text": text}]} for text in texts],
        "additionalModelRequestFields": configuration["modelConfiguration"].get("additionalModelRequestFields", {}),
        "extras": number,
    }


def write_results(ranking: Any) -> Json:
    """The answer to a ranking."""
    return {"results": [{"index": each["index"], "relevanceScore": each["score"]} for each in ranking]}


def _read_configuration(body: Json) -> Json:
    configuration: Json = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    return configuration


def _read_text(source: Json) -> str:
    document = source["inlineDocumentSource"]
    content = document[_name_member(document)]
    text: str = content["text"] if document["type"] == "TEXT" else write(content).decode()
    return text


def _name_member(document: Json) -> str:
    return "textDocument" if document["type"] == "TEXT" else "jsonDocument"
