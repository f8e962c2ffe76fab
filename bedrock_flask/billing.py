"""What a call is billed for, noted while its answer passes, and what that costs."""

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.bedrock.service_tiers import HEADER, find_requested_tier, find_tier
from bedrock_flask.call import BEGUN, FREE, WHOLE, Call, CallRecord
from bedrock_flask.converse import Json
from bedrock_flask.errors import BedrockError, CredentialsError, GatewayError, UpstreamUnreachable
from bedrock_flask.observability import logs
from bedrock_flask.prices.billed import Billed
from bedrock_flask.prices.cost import Cost
from bedrock_flask.prices.price import UNITS
from bedrock_flask.prices.pricer import Pricer
from bedrock_flask.protocol import json

LOG = logging.getLogger("bedrock_flask.gateway")
# Errors of Bedrock's after which the model may have run.
_MAY_HAVE_RUN = frozenset({502, 504})
# How a request names a cache that is kept for an hour, in every format.
_HOUR = b'"1h"'
_NO_MEMBERS: Json = {}
# How formats name the tokens, the images or the seconds that are wanted at most.
_WANTED = re.compile(
    rb'"(?:max_tokens|maxTokens|max_completion_tokens|max_output_tokens|max_new_tokens|max_tokens_to_sample|'
    rb'maxTokenCount|max_gen_len)"'
    rb'\s*:\s*(?P<output>[0-9]{1,9})|"numberOfImages"\s*:\s*(?P<image>[0-9]{1,3})'
    rb'|"durationSeconds"\s*:\s*(?P<video_second>[0-9]{1,4})|"(?:n|num_generations)"\s*:\s*(?P<answers>[0-9])'
)
# Letters, digits and underscores as JSON may write them too. A quote stays as it is: it would end its text.
_ESCAPED = re.compile(rb"\\u00(3[0-9]|[46][1-9a-f]|[57][0-9a]|5f)", re.IGNORECASE)
# How formats name the number of answers, each of which may have as many tokens.
_ANSWERS = ("n", "num_generations")
# More than any format allows.
_MOST_ANSWERS = 1000
# What is assumed where a body does not say it.
_OUTPUT, _VIDEO_SECONDS = 4096, 6
_ONE_OF_EACH = MappingProxyType(dict.fromkeys(UNITS, 1))
_BYTES_A_TOKEN = 3
_PIECES_A_QUERY, _TOKENS_A_PIECE = 100, 500
# Bytes of a text that may be a file, and for how many one counts: some 5000 tokens.
_LONG, _FILE = 20_000, 15_000


def begin_bill(call: Call) -> None:
    """Note that a call is made: until its answer is whole, nobody knows what it costs."""
    if call.billed_as:
        call.record.model, call.record.outcome = call.billed_as, BEGUN


def note_failure(call: Call, error: GatewayError) -> None:
    """Note that a call failed before an answer began: what Bedrock refuses, or never sees, is not billed."""
    is_refused = isinstance(error, BedrockError) and error.status not in _MAY_HAVE_RUN
    if call.billed_as and (is_refused or isinstance(error, CredentialsError | UpstreamUnreachable)):
        call.record.outcome = FREE


def close_bill(call: Call, headers: Mapping[str, str], document: Json = _NO_MEMBERS) -> None:
    """Note that an answer is whole, the tier that served it, and what it is billed for beside its tokens."""
    record = call.record
    if not call.billed_as:
        return
    record.tier = (
        headers.get(HEADER) or find_tier(document) or record.tier or find_requested_tier(call.headers, call.body)
    )
    if record.usage.cache_write and record.usage.hour_write is None and _HOUR not in _unescape(call.body):
        record.usage = replace(record.usage, hour_write=0)
    count = call.adapter.count_billed
    if count is not None and document and call.operation == "InvokeModel":
        try:
            record.billed = _require_billed(count(json.read(call.body), document))
        except PLUGIN_CRASHES as error:
            # The caller gets the answer all the same.
            LOG.error("count_billed of the adapter '%s' failed: %s", call.adapter.name, logs.format_frames(error))
            return
    if record.usage.output and _writes_only(call.adapter, "embedding"):
        # No price of AWS's is for what an embedding counts as its output.
        record.billed = replace(record.billed, counts={**record.billed.counts, "output": 0})
    record.outcome = WHOLE


def compute_cost(pricer: Pricer, record: CallRecord) -> Cost:
    """The cost of one call, which is computed once; without a total while its answer is not whole."""
    if record.outcome != WHOLE:
        return Cost(None)
    if record.cost is None:
        record.cost = pricer.compute_cost(record.model, record.region, record.tier, record.usage, record.billed)
    return record.cost


def estimate_cost(pricer: Pricer, call: Call) -> Decimal | None:
    """The most that a call is expected to cost, in US dollars; None for a model without a known price."""
    tier = find_requested_tier(call.headers, call.body)
    return pricer.estimate(call.billed_as, call.region, tier, _estimate_counts(call))


def estimate_tokens(call: Call) -> int:
    """The tokens that a call may take, with those of the longest answer; none where AWS bills nothing."""
    if not call.billed_as:
        return 0
    wanted = _read_wanted(call)
    writes_text = any(each.output == "text" for each in call.adapter.models.values())
    most = wanted.get("output", _OUTPUT if writes_text else 0)
    return _estimate_input(call.body) + most * wanted.get("answers", 1)


def _writes_only(adapter: Adapter, output: str) -> bool:
    return all(each.output == output for each in adapter.models.values())


def count_answers(document: Mapping[str, Any]) -> int:
    """How many answers a body wants, in any format."""
    given = [document.get(name) for name in _ANSWERS]
    numbers = (each for each in given if isinstance(each, int) or (isinstance(each, float) and each.is_integer()))
    return min(max([1, *map(int, numbers)]), _MOST_ANSWERS)


def _read_answers(body: bytes) -> int:
    """How many answers a body wants that has their name, perhaps as that of something else within."""
    try:
        document = json.read(body)
    except (ValueError, RecursionError):
        return 1
    return count_answers(document) if isinstance(document, dict) else 1


def _estimate_counts(call: Call) -> Mapping[str, int]:
    """What a call may count: no text has more tokens than a third of its bytes, but for rare scripts."""
    body, wanted = call.body, _read_wanted(call)
    return {
        **_ONE_OF_EACH,
        "input": _estimate_input(body),
        "output": wanted.get("output", _OUTPUT) * wanted.get("answers", 1),
        "request": 1 if call.adapter.count_billed is None else _estimate_queries(body),
        "image": wanted.get("image", 1),
        "video_second": wanted.get("video_second", _VIDEO_SECONDS),
    }


def _estimate_input(body: bytes) -> int:
    """The tokens of a body: files in it are long texts without spaces, and count less than their bytes."""
    if len(body) < _LONG:
        return len(body) // _BYTES_A_TOKEN
    sizes = (len(part) if len(part) < _LONG or b" " in part else _FILE for part in body.split(b'"'))
    return sum(sizes) // _BYTES_A_TOKEN


def _estimate_queries(body: bytes) -> int:
    """How many queries a ranking of the texts in a body is: each is of a hundred texts, and a long one is several."""
    pieces = body.count(b'",') + _estimate_input(body) // _TOKENS_A_PIECE
    # One is the query.
    return 1 + max(pieces - 1, 0) // _PIECES_A_QUERY


def _read_wanted(call: Call) -> Mapping[str, int]:
    """The greatest numbers in its body that say how much is wanted, which are read once."""
    if call.record.wanted is None:
        call.record.wanted = _find_numbers(call.body)
    return call.record.wanted


def _find_numbers(body: bytes) -> Mapping[str, int]:
    """The numbers in a body; a text cannot have one, since its quotes are escaped."""
    found: dict[str, int] = {}
    for match in _WANTED.finditer(_unescape(body)):
        name = str(match.lastgroup)
        found[name] = max(found.get(name, 0), int(match[name]))
    return {**found, "answers": _read_answers(body)} if "answers" in found else found


def _unescape(body: bytes) -> bytes:
    """A body in which each name is written as in `_WANTED`."""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), body) if rb"\u00" in body else body


def _require_billed(found: Any) -> Billed:
    """What a plugin has counted; TypeError if that is something else."""
    if not isinstance(found, Billed):
        raise TypeError(f"count_billed returns a Billed, and not {type(found).__name__}")
    return found
