"""The cost of a call: exact, and None where anything is not known."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.prices.billed import Billed
from bedrock_flask.prices.cost import Cost, add_exactly, compute_cost
from bedrock_flask.prices.price import UNITS, Price

TEXT = Price(
    model="m.x",
    units={
        "input": Decimal("4.4"),
        "output": Decimal(22),
        "cache_read": Decimal("0.22"),
        "cache_write": Decimal("5.5"),
        "cache_write_1h": Decimal("8.8"),
    },
)
VIDEO = Price(model="m.v", variant="720p", units={"video_second": Decimal("1.5")})
counts = st.integers(0, 10**12)


def test_each_token_costs_what_its_kind_costs():
    usage = Usage(input=1000, output=200, cache_read=50_000, cache_write=3000, hour_write=0)
    assert compute_cost(usage, TEXT) == Cost(
        Decimal("0.0363"),
        TEXT,
        {"input": 1000, "output": 200, "cache_read": 50_000, "cache_write": 3000, "cache_write_1h": 0},
        {
            "input": Decimal("0.0044"),
            "output": Decimal("0.0044"),
            "cache_read": Decimal("0.011"),
            "cache_write": Decimal("0.0165"),
        },
    )
    assert compute_cost(Usage(1000, 200, 50_000, 3000, hour_write=1000), TEXT).total == Decimal("0.0396")
    assert compute_cost(Usage(1, 1), TEXT).total == Decimal("0.0000264")


def test_nothing_unknown_is_taken_for_nothing():
    without_cache = Price(model="m.x", units={"input": Decimal(1), "output": Decimal(2)})
    assert compute_cost(Usage(10, 10, 10), without_cache).total is None
    assert compute_cost(Usage(10, 10, 0, 0), without_cache).total == Decimal("0.00003")
    assert compute_cost(Usage(10, None), without_cache).total is None
    assert compute_cost(Usage(10, 10), None).total is None
    assert compute_cost(Usage(10, 10), Price(model="m.x")).total is None


def test_what_is_written_for_an_unknown_time_has_no_cost_where_an_hour_has_a_price_of_its_own():
    written = Usage(10, 10, 0, 100)
    assert compute_cost(written, TEXT).total is None
    one_price = Price(model="m.x", units={"input": Decimal(1), "output": Decimal(2), "cache_write": Decimal(3)})
    assert compute_cost(written, one_price).total == Decimal("0.00033")


def test_images_and_seconds_are_counted_by_the_adapter():
    assert compute_cost(Usage(), VIDEO, Billed({"video_second": 9})).total == Decimal("13.5")
    assert compute_cost(Usage(), VIDEO).total is None
    assert compute_cost(Usage(), VIDEO, Billed({"video_second": None})).total is None
    # Its tokens are counted, but cost nothing.
    assert compute_cost(Usage(12, 0), VIDEO, Billed({"video_second": 5})).total == Decimal("7.5")
    assert compute_cost(Usage(), VIDEO, Billed({"video_second": 5, "image": 1})).total is None
    assert compute_cost(Usage(10, 5), TEXT, Billed({"image": 2})).total is None


@given(counts, counts, counts, counts, st.floats(0, 1))
def test_a_cost_is_the_sum_of_its_parts(read, written, cached, output, share):
    hour = int(written * share)
    whole = compute_cost(Usage(read, output, cached, written, hour_write=hour), TEXT)
    parts = {
        "input": read,
        "output": output,
        "cache_read": cached,
        "cache_write": written - hour,
        "cache_write_1h": hour,
    }
    assert whole.total == add_exactly(whole.parts.values())
    # In the smallest unit there is, where nothing is rounded.
    assert whole.total * 10**18 == sum(int(TEXT.units[unit] * 10**12) * count for unit, count in parts.items())


@pytest.mark.parametrize("amount", ["0.000000000001", "999999999.999999999999"])
def test_no_digit_of_a_price_is_lost(amount):
    price = Price(model="m.x", units={"input": Decimal(amount)})
    cost = compute_cost(Usage(10**12), price).total
    assert cost == Decimal(amount).scaleb(12).scaleb(-6)
    assert add_exactly([cost] * 3) - cost - cost == cost


def test_a_sum_of_many_small_costs_is_exact():
    each = compute_cost(Usage(1, 1), Price(model="m.x", units={"input": Decimal("0.1"), "output": Decimal("0.2")}))
    assert add_exactly([each.total] * 1000) == Decimal("0.0003")
    assert set(UNITS) >= each.counts.keys()
