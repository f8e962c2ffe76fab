"""The guard that lets only calls pass which every policy of their caller and of their model's alias allows."""

from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import FREE_TERMS, find_refusal


def authorised(handler: Handler) -> Handler:
    """The same handler; PolicyRefused for a call that a policy does not allow, or that does not say what it is."""

    def send(call: Call) -> Reply:
        _check(call)
        return handler.send(call)

    def send_stream(call: Call) -> Stream:
        _check(call)
        return handler.send_stream(call)

    return Handler(send, send_stream)


def _check(call: Call) -> None:
    if call.terms is None:
        # A way to call Bedrock that nobody has thought of here is closed.
        raise PolicyRefused("This call does not say what policies ask for.")
    if call.terms is not FREE_TERMS and (refusal := find_refusal(call.terms)):
        raise PolicyRefused(refusal)
