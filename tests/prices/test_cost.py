"""The cost of a call: exact, and None where anything is not known."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.prices.cost import compute_cost
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
counts = st.integers(0, 10**12)


def test_each_token_costs_what_its_kind_costs():
    usage = Usage(input=1000, output=200, cache_read=50_000, cache_write=3000)
    assert compute_cost(usage, TEXT) == Decimal("0.0044") + Decimal("0.0044") + Decimal("0.011") + Decimal("0.0165")
    assert compute_cost(usage, TEXT, hour_writes=1000) == Decimal("0.0396")
    assert compute_cost(Usage(1, 1), TEXT) == Decimal("0.0000264")


def test_nothing_unknown_is_taken_for_nothing():
    without_cache = Price(model="m.x", units={"input": Decimal(1), "output": Decimal(2)})
    assert compute_cost(Usage(10, 10, 10), without_cache) is None
    assert compute_cost(Usage(10, 10, 0, 0), without_cache) == Decimal("0.00003")
    assert compute_cost(Usage(10, None), without_cache) is None
    assert compute_cost(Usage(10, 10), None) is None
    assert compute_cost(Usage(10, 10), Price(model="m.x")) is None


def test_images_and_seconds_are_counted_by_the_caller():
    video = Price(model="m.v", variant="720p", units={"video_second": Decimal("1.5")})
    assert compute_cost(Usage(), video, others={"video_second": 9}) == Decimal("13.5")
    assert compute_cost(Usage(), video) is None
    # Its tokens are counted, but cost nothing.
    assert compute_cost(Usage(12, 0), video, others={"video_second": 5}) == Decimal("7.5")
    assert compute_cost(Usage(), video, others={"video_second": 5, "image": 1}) is None
    assert compute_cost(Usage(10, 5), TEXT, others={"image": 2}) is None


@given(counts, counts, counts, counts, st.floats(0, 1))
def test_a_cost_is_the_sum_of_its_parts(read, written, cached, output, share):
    hour = int(written * share)
    whole = compute_cost(Usage(read, output, cached, written), TEXT, hour_writes=hour)
    parts = {
        "input": read,
        "output": output,
        "cache_read": cached,
        "cache_write": written - hour,
        "cache_write_1h": hour,
    }
    assert whole == sum(TEXT.units[unit] * count for unit, count in parts.items()) / UNITS["input"]
