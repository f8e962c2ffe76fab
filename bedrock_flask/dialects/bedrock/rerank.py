"""Rerank of bedrock-agent-runtime: the model that ranks is called by InvokeModel."""

from bedrock_flask.bodies import bedrock_rerank_body
from bedrock_flask.bodies.answers import BedrockRerankAnswer
from bedrock_flask.dialects.bedrock.operation_route import describe_operation
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.pipeline.outputs import require_output
from bedrock_flask.pipeline.prepared import make_prepared_call, make_whole_response, prepare_body
from bedrock_flask.pipeline.rankings import read_ranking
from bedrock_flask.pipeline.request import parse_json, resolve_model, send
from bedrock_flask.pipeline.response import add_gateway_headers

SERVED = ("Rerank",)
BODY = bedrock_rerank_body.Body()


def rerank(exchange: Exchange) -> Response:
    """Rerank: every source is in the one page of the answer."""
    body = parse_json(read_body(exchange))
    faults = find_faults(BODY, body) or [FieldError(*fault) for fault in bedrock_rerank_body.check_documents(body)]
    if faults:
        raise InvalidBody(faults)
    model = resolve_model(exchange, bedrock_rerank_body.find_model(body))
    require_output(model, "ranking")
    prepared = prepare_body(exchange, model, body, bedrock_rerank_body.read_request)
    call = make_prepared_call(exchange, model, prepared)
    reply = send(exchange, call)
    document = bedrock_rerank_body.write_results(read_ranking(reply, call, prepared, len(body["sources"])))
    response = make_whole_response(exchange, reply, document)
    return add_gateway_headers(exchange, response, model, prepared.dropped, prepared.translated)


_SAMPLE = {
    "queries": [{"type": "TEXT", "textQuery": {"text": "Where do the roads meet?"}}],
    "sources": [
        {
            "type": "INLINE",
            "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "The roads meet at the door."}},
        }
    ],
    "rerankingConfiguration": {
        "type": "BEDROCK_RERANKING_MODEL",
        "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": "cohere-rerank"}},
    },
}
ROUTES = (
    describe_operation(
        "Rerank", "/rerank", rerank, body=bedrock_rerank_body.Body, answer=BedrockRerankAnswer, sample=_SAMPLE
    ),
)
