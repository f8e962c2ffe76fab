"""Wires that are not formats: nothing is read or written in them, they only tell the guard what a whole answer is."""

from types import MappingProxyType

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.wires.wire import Wire


def _make_wire(name: str, member: str, kind: type) -> Wire:
    """The wire of an operation that generates nothing, so that nothing is accounted; its answer has this member."""
    return Wire(
        name=name,
        is_complete=lambda reply: isinstance(reply.get(member), kind),
        read_usage=lambda reply: Usage(),
    )


COUNT_TOKENS = _make_wire("count_tokens", "inputTokens", int)
# Anthropic's own count.
COUNT_MESSAGES = _make_wire("count_messages", "input_tokens", int)
# The operations that are on no model, by their names. Source: botocore's service model of bedrock-runtime.
ACCOUNT = MappingProxyType(
    {
        "ApplyGuardrail": _make_wire("apply_guardrail", "action", str),
        "InvokeGuardrailChecks": _make_wire("invoke_guardrail_checks", "results", dict),
        "StartAsyncInvoke": _make_wire("start_async_invoke", "invocationArn", str),
        "GetAsyncInvoke": _make_wire("get_async_invoke", "status", str),
        "ListAsyncInvokes": _make_wire("list_async_invokes", "asyncInvokeSummaries", list),
    }
)
# A family without a plugin: an answer is complete by its length, and any chunk may be the last one.
OPAQUE = Wire(name="opaque", is_opaque=True, is_complete=lambda reply: True, is_terminal=lambda chunk: True)
