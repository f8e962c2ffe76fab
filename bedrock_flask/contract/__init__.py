"""The contract: the laws that every adapter keeps, whoever wrote it.

In the tests of a plugin of your own:

    import acme_rhyme
    from bedrock_flask.contract import faults_of

    def test_the_contract():
        assert faults_of(acme_rhyme) == []
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.contract.advice import (
    chunks_are_there,
    decode_is_there,
    encode_is_there,
    every_field_is_described,
    usage_is_told,
)
from bedrock_flask.contract.body import (
    null_is_refused,
    range_holds,
    required_is_missed,
    sample_fits,
    schemas_agree,
    unknown_is_refused,
    unverified_bound_refuses_nothing,
    wrong_type_is_refused,
)
from bedrock_flask.contract.native import (
    answer_is_told_from_none,
    chunks_amount_to_the_reply,
    decode_gives_converse,
    encode_makes_a_body,
    encode_takes_what_the_model_can,
    only_the_last_chunk_ends,
    request_is_read,
)
from bedrock_flask.contract.trip import answers_streamed, answers_whole
from bedrock_flask.models.loading import Plugin, describe_error, find_built_in, load_plugins

Law = Callable[[Adapter], Iterator[str]]

LAWS: tuple[Law, ...] = (
    sample_fits,
    required_is_missed,
    range_holds,
    unverified_bound_refuses_nothing,
    wrong_type_is_refused,
    null_is_refused,
    unknown_is_refused,
    schemas_agree,
    encode_makes_a_body,
    encode_takes_what_the_model_can,
    request_is_read,
    decode_gives_converse,
    chunks_amount_to_the_reply,
    answer_is_told_from_none,
    only_the_last_chunk_ends,
    answers_whole,
    answers_streamed,
)
# What is better kept, and breaks nothing.
ADVICE: tuple[Law, ...] = (
    every_field_is_described,
    decode_is_there,
    encode_is_there,
    chunks_are_there,
    usage_is_told,
)

# Faults of one kind that are told one by one.
_TOLD = 10


def faults_of(plugin: object) -> list[str]:
    """All that is wrong with a plugin's module, a line each: what would stop the start, or else breaches of laws."""
    name = getattr(plugin, "__name__", type(plugin).__name__)
    offered = Plugin(name, getattr(plugin, "__file__", None) or name, lambda: plugin)
    found = load_plugins([*find_built_in(), offered], lenient=True)
    told = [line for broken in found.broken for line in broken.lines()]
    own = [each for each in found.adapters.values() if found.sources[each.name] == offered.source]
    return told or [fault for adapter in own for fault in breaches(adapter)]


def breaches(
    adapter: Adapter, laws: tuple[Law, ...] = LAWS, watched: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[str]:
    """Each breach of a law by an adapter, in one line; of many of one kind the first, and how many more there are.

    Each law is tried within `watched`, which may end what takes too long.
    """
    for law in laws:
        with watched():
            told = iter(dict.fromkeys(_heard(law, adapter)))
        for breach in islice(told, _TOLD):
            yield f"adapter '{adapter.name}': {breach}"
        if more := sum(1 for _ in told):
            yield f"adapter '{adapter.name}': {more} more of this kind ({_words(law)})"


def _heard(law: Law, adapter: Adapter) -> Iterator[str]:
    try:
        for breach in law(adapter):
            yield " ".join(breach.split())
    except PLUGIN_CRASHES as error:
        yield f"while it was tried whether '{_words(law)}': {describe_error(adapter, error)}"


def _words(law: Law) -> str:
    return law.__name__.replace("_", " ")
