"""The benchmark runs, and its results have their form. What it measures is never a test."""

from pathlib import Path

import pytest

from tests.benchmark import __main__ as benchmark
from tests.benchmark import lines, processor_time
from tests.benchmark.cases import CASES, DIALECTS, Case
from tests.benchmark.pairs import BadAnswer, check_answer

pytestmark = pytest.mark.skipif(not processor_time.IS_SUPPORTED, reason="processes have such clocks on Linux only")


def test_a_call_and_a_stream_are_measured_on_two_variants(tmp_path: Path) -> None:
    cases = [
        Case(dialect="chat", calls=2),
        Case(dialect="messages", streamed=5, http2=True, calls=2),
    ]
    variants = benchmark.make_variants(["BEDROCK_FLASK_CACHE=on,off"], ["BEDROCK_FLASK_LOG_LEVEL=info"])

    results = list(benchmark.measure_ratios(cases, benchmark.start_gateways(variants), rounds=2))

    assert [(each["case"], each["server"]) for each in results] == [
        (case.name, server) for case in cases for server in ("cache=on", "cache=off")
    ]
    for each in results:
        assert 0 < each["low"] <= each["median"] <= each["high"]
        assert 0 < each["p50"] <= each["p99"]
        assert each["microseconds"] > 0 < each["boto_microseconds"]
        assert lines.LINES["ratios"](each).startswith(each["case"])


def test_streams_memory_and_start_are_measured() -> None:
    starts = benchmark.start_gateways({"gateway": {}})

    [level] = benchmark.measure_streams(starts, [3], seconds=2.5)
    [memory] = benchmark.measure_memories(starts, 160)
    [start] = benchmark.measure_starts(starts, 1)

    assert level["through"]["whole"] == level["direct"]["whole"] == 3
    assert memory["rest"] > 10
    assert [number for number, _ in memory["requests"]] == list(range(16, 161, 16))
    assert start["seconds"] > 0


def test_every_dialect_has_a_case_and_every_case_has_its_own_name() -> None:
    assert {case.dialect for case in CASES} == set(DIALECTS)
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("answer", [b"", b"data: [DONE]", b"x" * 9000])
def test_an_answer_that_is_not_complete_is_never_measured(answer: bytes) -> None:
    with pytest.raises(BadAnswer):
        check_answer(Case(dialect="chat", streamed=100), answer)


def test_variants_are_the_product_of_what_is_compared() -> None:
    variants = benchmark.make_variants(["BEDROCK_FLASK_DOOR=flask,direct", "BEDROCK_FLASK_THREADS=8,16"], ["X=1"])

    assert list(variants) == [
        "door=flask threads=8",
        "door=flask threads=16",
        "door=direct threads=8",
        "door=direct threads=16",
    ]
    assert variants["door=direct threads=8"] == {"X": "1", "BEDROCK_FLASK_DOOR": "direct", "BEDROCK_FLASK_THREADS": "8"}


def test_the_words_choose_cases() -> None:
    chosen = benchmark.choose_cases(["messages, whole"], quick=False, exact=False)

    assert [case.name for case in chosen][:1] == ["messages, whole"]
    assert all("messages, whole" in case.name for case in chosen)
    assert benchmark.choose_cases(["chat, whole"], quick=False, exact=True) == [Case(dialect="chat")]
