"""What `make attack` measures with: its table, its load, and a share of its changed bodies."""

import asyncio

from tests.attacks import costs
from tests.attacks.figure import Figure, replace_rows, write_table
from tests.attacks.load import Outcome, call, percentile, write_chat
from tests.doubles import Gateway


def address(gateway: Gateway) -> tuple[str, int]:
    return "127.0.0.1", int(gateway.url.rpartition(":")[2])


def test_a_table_has_a_verdict_for_each_promise() -> None:
    figures = [Figure("1", "a", "b", True), Figure("2", "a", "b", False), Figure("4", "a", "b", None)]
    verdicts = [row.split("|")[-2].strip() for row in write_table(figures).splitlines()[2:]]
    assert verdicts == ["holds", "**missed**", "-"]


def test_a_share_of_outcomes_is_in_milliseconds() -> None:
    outcomes = [Outcome(200, 0.0, number / 1000) for number in range(100)]
    assert (percentile(outcomes, 0.5), round(percentile(outcomes, 0.99))) == (50.0, 99)


def test_the_load_knows_a_whole_answer_from_a_refusal(gateway: Gateway) -> None:
    chat, stream = write_chat({}), write_chat({}, stream=5)
    assert asyncio.run(call(address(gateway), chat)).is_whole
    assert asyncio.run(call(address(gateway), stream)).is_whole
    refused = asyncio.run(call(address(gateway), chat.replace(b"amazon.nova-lite", b"no-such-a-model-")))
    assert (refused.is_whole, refused.status) == (False, 404)


def test_no_changed_body_is_an_error_of_the_gateways_own(gateway: Gateway) -> None:
    for request in costs.list_changed(300, seed=2026):
        outcome = asyncio.run(call(address(gateway), request))
        assert outcome.status not in (0, 500), request


def test_rows_that_are_measured_again_replace_those_of_their_worker_only() -> None:
    figures = [Figure("1", "fast", "1 ms", True), Figure("11", "slow", "2 ms", True)]
    text = "\n\n".join(f"`{worker}`:\n\n{write_table(figures)}" for worker in ("gthread", "gevent"))
    again = replace_rows(text, "gevent", [Figure("1", "fast", "9 ms", False)])
    theirs, _, ours = again.partition("`gevent`")
    assert "| 1 | fast | 1 ms | holds |" in theirs
    assert "| 1 | fast | 9 ms | **missed** |" in ours
    assert "| 11 | slow | 2 ms | holds |" in ours
    assert replace_rows(again, "gevent", figures) == text
    assert (
        "| 1 | fast | 9 ms |"
        in replace_rows(text, "gthread", [Figure("1", "fast", "9 ms", False)]).partition("`gevent`")[0]
    )
