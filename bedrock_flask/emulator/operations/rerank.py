"""Rerank of bedrock-agent-runtime: the model ranks the sources as it does by InvokeModel, in one page."""

from dataclasses import replace

from bedrock_flask.bodies import bedrock_rerank_body
from bedrock_flask.emulator.calls.errors import validation_error
from bedrock_flask.emulator.calls.request import EmulatorRequest, check_body, describe_faults, encode_json, parse_body
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.formats import own_format
from bedrock_flask.emulator.formats.wire_format import Tally
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.extras import place_extras

_SCHEMA = bedrock_rerank_body.Body()
_NOT_RANKING = "The provided model does not support reranking."


def rerank(request: EmulatorRequest) -> EmulatorResponse:
    """Rerank."""
    body = check_body(_SCHEMA, parse_body(request.body))
    if faults := [FieldError(*fault) for fault in bedrock_rerank_body.check_documents(body)]:
        raise validation_error(describe_faults(faults))
    model = bedrock_rerank_body.find_model(body)
    invocation = replace(request, model=model, engine=request.account.make_engine(model))
    adapter, capabilities = invocation.find_adapter()
    if capabilities.output != "ranking" or adapter.encode is None or adapter.decode is None:
        raise validation_error(_NOT_RANKING)
    try:
        placed, _ = place_extras(bedrock_rerank_body.read_request(body), adapter, capabilities, model=model)
    except InvalidBody as error:
        raise validation_error(describe_faults([*error.fields])) from None
    native = adapter.encode(placed)
    if faults := invocation.keep_refused(adapter.find_faults(native)):
        raise validation_error(describe_faults(faults))
    reply = own_format.make_reply(adapter, model, native, invocation.engine, Tally(), request.presence)
    return make_response(encode_json(bedrock_rerank_body.write_results(adapter.decode(reply)["ranking"])))
