"""Prices from files: what fits a call, and which files are refused."""

from decimal import Decimal

import pytest

from bedrock_flask.prices.price import UNITS, Price
from bedrock_flask.prices.table import InvalidPrices, load_prices, parse_prices, read_built_in, write_prices

OPUS, LITE = "anthropic.claude-opus-5-5", "amazon.nova-lite-v1:0"
OWN = """model,regions,profile,tier,input,output,cache_write_1h
acme.chat-v1,us-east-1 us-west-2,,,0.5,1.50,
acme.chat-v1,us-east-1 us-west-2,,flex,0.25,0.75,
acme.chat-v1,,global,,0.4,1.2,
acme.chat-v1,,eu,,0.6,1.8,2
acme.regional-v1,,,,0.5,1.50,
"""


def find(prices, *axes, **more):
    found = prices.find_price(*axes, **more)
    return found and found.units.get("input")


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.csv").write_text(OWN)
    return load_prices(str(tmp_path / "own.csv"))


def test_a_price_is_found_by_region_profile_and_tier(own):
    model = "acme.chat-v1"
    assert find(own, model, "us-east-1") == Decimal("0.5")
    assert find(own, model, "us-west-2", "us") == Decimal("0.5")
    assert find(own, model, "us-east-1", tier="flex") == Decimal("0.25")
    assert find(own, model, "us-east-1", "global") == Decimal("0.4")
    assert find(own, model, "eu-west-1", "eu") == Decimal("0.6")


def test_a_price_that_is_not_known_is_none_and_not_another_one(own):
    model = "acme.chat-v1"
    assert own.find_price(model, "ap-south-1") is None
    assert own.find_price(model, "us-east-1", tier="priority") is None
    assert own.find_price(model, "us-east-1", variant="720p") is None
    assert own.find_price(model, "us-gov-west-1", "global") is None
    assert own.find_price("acme.other-v1", "us-east-1") is None
    assert own.find_price("acme.regional-v1", "us-east-1", "us") is not None
    assert own.find_price("acme.regional-v1", "us-east-1", "global") is None
    assert "cache_read" not in own.find_price(model, "us-east-1").units


def test_the_operators_row_comes_before_the_packages(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(f"model,input,output\n{OPUS},1,2\n")
    assert load_prices(str(path)).find_price(OPUS, "eu-west-1", "eu").units == {"input": 1, "output": 2}
    # What the file does not have stays the package's.
    assert load_prices(str(path)).find_price(OPUS, "eu-west-1", "global").units["input"] == 4


@pytest.mark.parametrize(("region", "profile"), [("us-east-1", ""), ("us-west-2", "us"), ("eu-west-1", "eu")])
def test_the_operators_row_for_all_regions_comes_before_a_narrower_one_of_the_packages(tmp_path, region, profile):
    path = tmp_path / "own.csv"
    path.write_text(f"model,input\n{LITE},9\n")
    assert load_prices().find_price(LITE, region, profile).units["input"] < 1
    assert load_prices(str(path)).find_price(LITE, region, profile).units == {"input": 9}


def test_a_global_profile_costs_less_than_one_of_a_geography():
    prices = load_prices()
    regional, worldwide = (prices.find_price(OPUS, "eu-west-1", profile) for profile in ("eu", "global"))
    assert regional.units == {unit: price * Decimal("1.1") for unit, price in worldwide.units.items()}
    assert prices.find_price(OPUS, "us-gov-west-1", "us-gov").units["input"] == Decimal("4.8")


def test_every_row_of_the_package_says_from_where_and_when():
    rows = read_built_in()
    assert len(rows) > 400
    assert all(row.source and row.date for row in rows)
    assert all(row.units for row in rows)
    assert {unit for row in rows for unit in row.units} >= {"input", "cache_write_1h", "image", "video_second"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("m.x,,,,-0.5,,", "line 2: input: a price cannot be negative: -0.5"),
        ("m.x,,,,1e3,,", "line 2: input: '1e3' is not written in plain digits, such as 0.25"),
        ("m.x,,,,NaN,,", "line 2: input: 'NaN' is not written in plain digits, such as 0.25"),
        ("m.x,,,,free,,", "line 2: input: 'free' is not a number"),
        ("m.x,nowhere,,,1,,", "line 2: regions: 'nowhere' is not a region"),
        ("m.x,,mars,,1,,", "line 2: profile: must be empty or one of: "),
        ("m.x,,,reserved,1,,", "line 2: tier: must be one of: default, flex, priority, batch"),
        (",,,,1,,", "line 2: model: is required"),
        ("m.x,,,,1,", "line 2: has 6 values for 7 columns"),
        ("m.x,,,,1,,\nm.x,,,default,2,,", "line 3: has the same model and axes as line 2"),
        ('m.x,,,,"1,,', "line 2: is not CSV: "),
    ],
)
def test_a_bad_row_is_refused_by_its_line(row, fault):
    with pytest.raises(InvalidPrices) as caught:
        parse_prices(f"model,regions,profile,tier,input,output,image\n{row}\n", "own.csv")
    assert f"own.csv {fault}" in str(caught.value)


def test_an_axis_that_nobody_knows_is_refused(tmp_path):
    with pytest.raises(InvalidPrices, match=r"own.csv line 1: 'per_page' is not a column: model, regions, "):
        parse_prices("model,per_page\nm.x,1\n", "own.csv")
    with pytest.raises(InvalidPrices, match="line 1: the column 'model' is missing"):
        parse_prices("input\n1\n", "own.csv")
    with pytest.raises(InvalidPrices, match=str(tmp_path)):
        load_prices(str(tmp_path))


def test_many_faults_are_reported_together_but_not_all():
    with pytest.raises(InvalidPrices) as caught:
        parse_prices("model,input\n" + "m.x,-1\n" * 50, "own.csv")
    assert str(caught.value).count("negative") == 20
    assert str(caught.value).endswith("; and 30 more")


def test_what_is_written_is_read_again():
    rows = read_built_in()
    again = parse_prices(write_prices(rows), "again.csv")
    assert sorted(again, key=repr) == sorted(rows, key=repr)
    zero = Price(model="m.x", units={"input": Decimal(0), "request": Decimal("0.00000001")})
    assert parse_prices(write_prices([zero]), "zero.csv") == (zero,)
    assert set(UNITS) == {unit for row in rows for unit in row.units}
