"""The contract: the laws that every adapter keeps, built in or not.

In the tests of your own plugin:

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
    usage_is_reported,
)
from bedrock_flask.contract.body import (
    missing_field_is_refused,
    null_is_refused,
    range_holds,
    sample_fits,
    schemas_agree,
    unknown_is_refused,
    unverified_bound_refuses_nothing,
    wrong_type_is_refused,
)
from bedrock_flask.contract.calls import answers_streamed, answers_whole
from bedrock_flask.contract.own_format import (
    answer_is_recognised,
    batch_is_whole,
    chunks_equal_the_reply,
    decode_gives_converse,
    encode_makes_a_body,
    encode_takes_what_the_model_can,
    only_the_last_chunk_ends,
    request_is_read,
    written_answers_are_read,
)
from bedrock_flask.contract.reading import texts_of_a_batch_stay_apart, what_encode_reads_is_in_its_body
from bedrock_flask.models.loading import Plugin, describe_error, find_built_in, load_plugins

Law = Callable[[Adapter], Iterator[str]]

LAWS: tuple[Law, ...] = (
    sample_fits,
    missing_field_is_refused,
    range_holds,
    unverified_bound_refuses_nothing,
    wrong_type_is_refused,
    null_is_refused,
    unknown_is_refused,
    schemas_agree,
    encode_makes_a_body,
    encode_takes_what_the_model_can,
    what_encode_reads_is_in_its_body,
    texts_of_a_batch_stay_apart,
    batch_is_whole,
    request_is_read,
    decode_gives_converse,
    chunks_equal_the_reply,
    written_answers_are_read,
    answer_is_recognised,
    only_the_last_chunk_ends,
    answers_whole,
    answers_streamed,
)
# Recommendations, which break nothing.
ADVICE: tuple[Law, ...] = (
    every_field_is_described,
    decode_is_there,
    encode_is_there,
    chunks_are_there,
    usage_is_reported,
)

# Violations of one law that are listed one by one.
_MAX_OF_A_KIND = 10


def faults_of(plugin: object) -> list[str]:
    """Return each fault of a plugin's module in one line: what would stop the start, or else violations of laws."""
    name = getattr(plugin, "__name__", type(plugin).__name__)
    candidate = Plugin(name, getattr(plugin, "__file__", None) or name, lambda: plugin)
    found = load_plugins([*find_built_in(), candidate], lenient=True)
    faults = [line for broken in found.broken for line in broken.lines()]
    own = [each for each in found.adapters.values() if found.sources[each.name] == candidate.source]
    return faults or [violation for adapter in own for violation in breaches(adapter)]


def breaches(
    adapter: Adapter, laws: tuple[Law, ...] = LAWS, watched: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[str]:
    """Yield each violation of a law in one line; of many of the same law only the first, and the number of the others.

    A second body keeps the laws too. Each law runs within `watched`, which may interrupt what takes too long.
    """
    for form in adapter.forms:
        where = f"adapter '{adapter.name}': {'' if form is adapter else 'in also: '}"
        for law in laws:
            with watched():
                violations = iter(dict.fromkeys(_run_law(law, form)))
            for violation in islice(violations, _MAX_OF_A_KIND):
                yield f"{where}{violation}"
            if more := sum(1 for _ in violations):
                yield f"{where}{more} more of this kind ({_describe_law(law)})"


def _run_law(law: Law, adapter: Adapter) -> Iterator[str]:
    try:
        for violation in law(adapter):
            yield " ".join(violation.split())
    except PLUGIN_CRASHES as error:
        yield f"while testing whether '{_describe_law(law)}': {describe_error(adapter, error)}"


def _describe_law(law: Law) -> str:
    return law.__name__.replace("_", " ")
