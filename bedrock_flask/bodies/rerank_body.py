"""What rerank models share: the fields of their bodies, and the functions to and from a request for a ranking.

A request for a ranking is a Converse request whose first message is the query, and each other one a document. An answer
has the member `ranking`: the number of a document and its score, the most relevant first.

Sources: Cohere's API reference, Rerank (v2); AWS user guide, "Supported Regions and models for reranking" (November
2026). AWS has no page on the bodies: they are those of programs, and of what Bedrock refuses
in cohere-ai/cohere-python#613. AWS user guide, "Pricing and search units"; AWS's pricing page, as programs cite it
(a document of more than 500 tokens, with the query's, counts as several).
"""

from math import ceil

from bedrock_flask import fields
from bedrock_flask.adapter import Engine
from bedrock_flask.bodies.own_fields import read_fields
from bedrock_flask.converse import Json, Request, Response, text_of
from bedrock_flask.fields import Open
from bedrock_flask.prices.billed import Billed

# Words of a query and a document that the emulator compares.
_PUNCTUATION = ".,;:!?\"'()[]"
# Documents that one query is billed for, and the tokens of each, with those of the query.
_BILLED_DOCUMENTS, _BILLED_TOKENS = 100, 500


def make_query() -> fields.String:
    """The field `query`."""
    return fields.String(required=True, min_length=1, description="What the documents are compared with.")


def make_documents() -> fields.List:
    """The field `documents`."""
    return fields.List(fields.String(), required=True, min_items=1, description="The texts to rank.")


def make_top_n() -> fields.Integer:
    """The field `top_n`."""
    return fields.Integer(min=1, description="How many documents the answer has, the most relevant; default all.")


class Result(Open):
    """One document of an answer."""

    index = fields.Integer(required=True, description="The number of the document in the request, from 0.")
    relevance_score = fields.Number(required=True, description="How relevant it is, from 0 to 1.")


class Answer(Open):
    """What the models answer."""

    results = fields.List(fields.Nested(Result), required=True, description="The documents, the most relevant first.")


def read_texts(request: Request) -> tuple[str, list[str]]:
    """The query and the documents of a request for a ranking."""
    query, *documents = [text_of(message["content"]) for message in request["messages"]]
    return query, documents


def encode(request: Request) -> Json:
    """The query, the documents, and the members that extras have placed."""
    query, documents = read_texts(request)
    return {"query": query, "documents": documents, **read_fields(request)}


def decode(reply: Json) -> Response:
    """The ranking."""
    return {"ranking": [{"index": each["index"], "score": each["relevance_score"]} for each in reply["results"]]}


def count_queries(body: Json, reply: Json) -> Billed:
    """A call is billed as one query for each hundred documents, and a long document as several.

    How many tokens a text has is not known, but it has no more than bytes: None where that leaves the number open.
    """
    documents, room = body["documents"], _BILLED_TOKENS - len(body["query"].encode())
    least = ceil(len(documents) / _BILLED_DOCUMENTS)
    if room < 1:
        return Billed({"request": None})
    pieces = sum(ceil(len(document.encode()) / room) or 1 for document in documents)
    return Billed({"request": least if least == ceil(pieces / _BILLED_DOCUMENTS) else None})


def emulate(body: Json, engine: Engine) -> Json:
    """The emulator's reply: a document is as relevant as the share of the query's words that it has."""
    wanted, documents = _list_words(body["query"]), body["documents"]
    scores = [len(wanted & _list_words(document)) / (len(wanted) or 1) for document in documents]
    order = sorted(range(len(documents)), key=lambda index: (-scores[index], index))
    most = body.get("top_n")
    # A whole number may be written as 2.0.
    best = order if most is None else order[: int(most)]
    return {"results": [{"index": index, "relevance_score": round(scores[index], 6)} for index in best]}


def _list_words(text: str) -> frozenset[str]:
    return frozenset(word for each in text.lower().split() if (word := each.strip(_PUNCTUATION)))
