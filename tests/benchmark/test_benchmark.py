"""The benchmark runs, and its results have their form. What it measures is never a test."""

import json
import socket
from xml.etree import ElementTree

import pytest

from tests.benchmark import __main__ as benchmark
from tests.benchmark import http1, lines, page, plots, processor_time
from tests.benchmark.cases import CASES, DIALECTS, Case
from tests.benchmark.pairs import BadAnswer, check_answer
from tests.doubles import SendWhole, Upstream

pytestmark = pytest.mark.skipif(not processor_time.IS_SUPPORTED, reason="processes have such clocks on Linux only")


def test_a_call_and_a_stream_are_measured_on_two_variants() -> None:
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


def test_a_governed_call_is_measured_beside_one_without_a_database() -> None:
    starts = benchmark.start_governed({"gateway": {}})

    results = list(benchmark.measure_ratios([Case(dialect="chat", calls=2)], starts, rounds=2))

    assert [each["server"] for each in results] == list(starts)
    assert {"without a database", "with SQLite"} <= set(starts)
    assert next(each["more"] for each in results) == 0
    assert all(each["more"] and lines.LINES["governed"](each) for each in results[1:])


def test_streams_memory_and_start_are_measured() -> None:
    starts = benchmark.start_gateways({"gateway": {}})

    [level] = benchmark.measure_streams(starts, [3], seconds=2.5)
    [memory] = benchmark.measure_memories(starts, 160)
    [start] = benchmark.measure_starts(starts, 1)
    [stages] = benchmark.measure_all_stages({"gateway": {}}, [Case(dialect="chat")], 0.1)

    assert level["through"]["whole"] == level["direct"]["whole"] == 3
    assert memory["rest"] > 10
    assert [number for number, _ in memory["requests"]] == list(range(16, 161, 16))
    assert start["seconds"] > 0
    assert any(name.startswith("transport/") for name, _ in stages["modules"])


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


def test_the_plots_are_svg_and_the_pages_have_a_part_for_every_table() -> None:
    bars = [plots.Bar("a & b", 0, 0.4, 0.3, 0.5), plots.Bar("c", 1, 17.5, 17, 18)]
    lines_ = [plots.Line("x", [(0, 0), (600, 94.5)]), plots.Line("y", [(0, 3)])]

    for svg in (plots.draw_bars(bars, ["whole", "stream"], 1, "boto3"), plots.draw_lines(lines_, "streams", "ms", 100)):
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    text = "".join(each.read_text("utf-8") for each in page.PAGES)
    assert [name for name in (*page.TABLES, *page.RUNS.values()) if f"<!-- {name} -->" not in text] == []


def test_a_part_of_a_page_is_replaced_and_no_other() -> None:
    text = "<!-- a -->\n\nold\n\n<!-- end -->\nkept\n<!-- b -->\n\nkept\n\n<!-- end -->\n"

    assert page.replace_part(text, "a", "new") == text.replace("old", "new")
    assert page.replace_part(text, "c", "new") == text


def test_a_kept_connection_that_is_closed_is_counted_and_the_call_made_again(
    upstream: Upstream, whole: SendWhole
) -> None:
    def close(client: socket.socket) -> None:
        client.shutdown(socket.SHUT_RDWR)

    for concurrency in (1, 2):
        upstream.reset().scripts += [whole(b"{}"), close, whole(b"{}")] if concurrency == 1 else [whole(b"{}")] * 2
        client = http1.Client(("127.0.0.1", upstream.port), {})
        request = client.prepare("/", b"{}")

        assert len(client.run(request, 2, concurrency)) == 2

        assert client.dropped == (concurrency == 1)
        assert len(upstream.requests) == (3 if concurrency == 1 else 2)
        client.close()


def test_the_pages_show_what_the_results_hold() -> None:
    results = json.loads((page.FOLDER / "results.json").read_text("utf-8"))
    text = "".join(each.read_text("utf-8") for each in page.PAGES)
    parts = {name: make(results) for name, make in page.TABLES.items()}
    parts |= {run: page.describe_run(results[run]) for run in page.RUNS.values()}

    assert [name for name, part in parts.items() if f"<!-- {name} -->\n\n{part}\n\n<!-- end -->" not in text] == []
    for name, draw in page.PLOTS.items():
        assert (page.FOLDER / f"{name}.svg").read_text("utf-8") == draw(results)
