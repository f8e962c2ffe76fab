"""Drop from Claude's own body what asks for the default, where Bedrock refuses to be asked."""

from collections.abc import Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import member
from bedrock_flask.translation.messages.record import Body, Edited

_SAMPLING = {"temperature": 1, "top_p": 1}


def drop_defaults(body: Body, capabilities: Capabilities) -> Edited:
    """Drop default sampling, and a thinking that is disabled anyway; the request asks for the same without them."""
    dropped = {*_find_defaults(body, capabilities)}
    if not dropped:
        return Edited(body)
    return Edited({name: value for name, value in body.items() if name not in dropped})


def _find_defaults(body: Body, capabilities: Capabilities) -> Iterator[str]:
    if capabilities.sampling == "none":
        yield from (name for name, default in _SAMPLING.items() if body.get(name) == default)
    # Such a model reasons only if it is asked to, and AWS refuses `disabled` ("Adaptive thinking").
    reasons_on_request = capabilities.thinking == "adaptive" and capabilities.thinking_off == "absent"
    if reasons_on_request and member(body, "thinking", "type") == "disabled":
        yield "thinking"
