"""The guard of policies is the last word: a call that does not come with its terms is not made."""

import pytest

from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import FREE_TERMS
from bedrock_flask.guards.authorised import authorised
from bedrock_flask.models import loading

ADAPTER = loading.load_registry().generic


def answer(call: Call) -> Reply:
    return Reply({}, b"{}")


def answer_stream(call: Call) -> Stream:
    return Stream({}, iter(()))  # type: ignore[arg-type]


def test_a_call_without_terms_is_refused() -> None:
    handler = authorised(Handler(answer, answer_stream))
    for send in (handler.send, handler.send_stream):
        with pytest.raises(PolicyRefused):
            send(Call(adapter=ADAPTER, operation="Converse", model="m", body=b"{}"))
        assert send(Call(adapter=ADAPTER, operation="Converse", model="m", body=b"{}", terms=FREE_TERMS))
