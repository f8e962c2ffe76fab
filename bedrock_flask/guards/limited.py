"""The guard that makes a call only if it fits into the limits of its caller."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace

from bedrock_flask.bedrock.geographies import split_profile
from bedrock_flask.bedrock.usage import NOTHING
from bedrock_flask.billing import estimate_tokens
from bedrock_flask.call import FREE, SILENCE, WHOLE, Batch, Call, Guard, Handler, Reply, Stream
from bedrock_flask.config.limits import TOKENS
from bedrock_flask.errors import RateLimited
from bedrock_flask.governance.counters import Counters
from bedrock_flask.governance.limits import WORDS, Claim, Level, select_limits


def limited(counters: Counters) -> Guard:
    """A guard that counts each call before it is made, and its true tokens when it is over, however it ends."""

    def guard(handler: Handler) -> Handler:
        def send(call: Call) -> Reply:
            settle = _admit(counters, call)
            try:
                return handler.send(call)
            finally:
                settle()

        def send_stream(call: Call) -> Stream:
            settle = _admit(counters, call)
            try:
                stream = handler.send_stream(call)
            except BaseException:
                settle()
                raise
            batches = _pass_on(stream.batches, settle)
            # From now on it ends by its `finally`, also if nobody reads it.
            next(batches)
            return replace(stream, batches=batches)

        return Handler(send, send_stream)

    return guard


def _admit(counters: Counters, call: Call) -> Callable[[], None]:
    """Count a call, and return what settles it; raises RateLimited where it does not fit."""
    principal = call.principal
    if not principal.limits:
        return _do_nothing
    limits = select_limits(principal.limits, call.adapter.name, split_profile(call.billed_as or call.model)[1])
    if not limits:
        return _do_nothing
    counts_tokens = any(each.limits.tokens is not None for each in limits)
    tree = principal.teams[0] if principal.teams else principal.limits[0].scope
    claim = Claim(tree, limits, estimate_tokens(call) if counts_tokens else 0)
    admission = counters.admit(claim)
    call.record.levels = admission.levels
    if admission.refused is not None:
        raise _explain(claim, admission.refused, admission.wait)
    if not counts_tokens and all(each.limits.calls is None for each in limits):
        return _do_nothing
    return lambda: counters.settle(claim, admission, _count_used(call, claim.tokens))


def _do_nothing() -> None:
    """End a call that nothing limits."""


def _count_used(call: Call, claimed: int) -> int | None:
    """The tokens of a call that is over; None if they are not known. Those read from a cache do not count."""
    record, usage = call.record, call.record.usage
    # Without an outcome a guard behind this one has refused it.
    if record.outcome in ("", FREE):
        return 0
    used = (usage.input or 0) + (usage.cache_write or 0) + (usage.output or 0)
    if record.outcome == WHOLE and usage is not NOTHING:
        return used
    # What was cut short is billed, and by how much nobody knows.
    return used if used > claimed else None


def _explain(claim: Claim, refused: Level, wait: int | None) -> RateLimited:
    limit = f"Rate limit reached for {refused.scope}: {refused.limit} {WORDS[refused.kind]}"
    if refused.kind == TOKENS:
        limit += f", of which {refused.remaining} are left, and this call may take {claim.tokens}"
    if wait is None:
        remedy = "It never fits: send a shorter request, or set a lower limit for the tokens of its answer."
        return RateLimited(f"{limit}. {remedy if refused.kind == TOKENS else 'No call is allowed.'}", None)
    return RateLimited(f"{limit}. Try again in {wait} s.", wait)


def _pass_on(batches: Generator[Batch], settle: Callable[[], None]) -> Generator[Batch]:
    try:
        with closing(batches):
            yield SILENCE
            yield from batches
    finally:
        settle()
