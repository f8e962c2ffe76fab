"""The ranking that a model answers with, checked against the documents of the request."""

from collections.abc import Sequence

from bedrock_flask.call import Call, Reply
from bedrock_flask.converse import Json
from bedrock_flask.errors import UpstreamProtocolError
from bedrock_flask.translation.answer import read_response
from bedrock_flask.translation.request import PreparedRequest


def read_ranking(reply: Reply, call: Call, prepared: PreparedRequest, documents: int) -> Sequence[Json]:
    """The ranking of this number of documents; raises UpstreamProtocolError without one, and for other documents."""
    ranking = read_response(reply, call, prepared.names).get("ranking")
    if not isinstance(ranking, Sequence) or not ranking:
        raise UpstreamProtocolError("The model's answer has no ranking.")
    for each in ranking:
        index, score = each["index"], each["score"]
        if type(index) is not int or not 0 <= index < documents:
            raise UpstreamProtocolError("The model's answer ranks a document that the request does not have.")
        if type(score) not in (int, float):
            raise UpstreamProtocolError("The model's answer ranks a document without a number.")
    return ranking
