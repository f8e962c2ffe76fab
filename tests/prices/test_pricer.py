"""Which price is in force for a call, and what the call costs: examples as AWS's pricing page works them out."""

from decimal import Decimal

import pytest

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.prices.billed import Billed
from bedrock_flask.prices.pricer import Pricer
from bedrock_flask.prices.table import read_file

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
HEAD = "model,regions,profile,tier,variant,input,output,cache_read,cache_write,cache_write_1h,image\n"


@pytest.fixture(scope="module")
def pricer() -> Pricer:
    return Pricer()


# Each row of the price file is multiplied by hand: a million tokens cost what the row says.
@pytest.mark.parametrize(
    ("model", "region", "tier", "usage", "dollars"),
    [
        # AWS's pricing page, Nova: 0.06 and 0.24 for a million tokens in the US.
        ("amazon.nova-lite-v1:0", "us-east-1", "", Usage(10_000, 2000), "0.00108"),
        ("us.amazon.nova-lite-v1:0", "us-east-1", "default", Usage(10_000, 2000), "0.00108"),
        ("eu.amazon.nova-lite-v1:0", "eu-central-1", "", Usage(10_000, 2000), "0.001404"),
        ("amazon.nova-pro-v1:0", "us-west-2", "flex", Usage(10_000, 2000), "0.0072"),
        ("amazon.nova-pro-v1:0", "us-west-2", "priority", Usage(10_000, 2000), "0.0252"),
        # A global profile costs a tenth less than one of a geography.
        (f"us.{SONNET}", "us-east-1", "", Usage(1000, 200), "0.0066"),
        (f"global.{SONNET}", "us-east-1", "", Usage(1000, 200), "0.006"),
        # Five minutes cost a quarter more than input, an hour twice as much, and what is read a tenth.
        (f"global.{SONNET}", "eu-west-1", "", Usage(0, 0, 0, 1000, hour_write=0), "0.00375"),
        (f"global.{SONNET}", "eu-west-1", "", Usage(0, 0, 0, 1000, hour_write=1000), "0.006"),
        (f"global.{SONNET}", "eu-west-1", "", Usage(0, 0, 1000), "0.0003"),
        # Above 200,000 tokens of input, those of the cache included, all tokens cost more.
        (f"global.{SONNET}", "eu-west-1", "", Usage(1000, 1000, 199_000), "0.0777"),
        (f"global.{SONNET}", "eu-west-1", "", Usage(1001, 1000, 199_000), "0.147906"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "us-east-1", "", Usage(1, 0), "6e-8"),
        (f"arn:aws:bedrock:us-east-1:1:inference-profile/us.{SONNET}", "us-east-1", "", Usage(1000, 0), "0.0033"),
    ],
)
def test_a_call_costs_what_its_region_profile_tier_and_length_cost(pricer, model, region, tier, usage, dollars):
    cost = pricer.compute_cost(model, region, tier, usage)
    assert cost.total == Decimal(dollars)
    assert cost.price.source


@pytest.mark.parametrize(
    ("model", "region", "tier"),
    [
        ("acme.rhyme-v1", "us-east-1", ""),
        ("amazon.nova-lite-v1:0", "ap-south-1", ""),
        ("amazon.nova-lite-v1:0", "us-east-1", "reserved"),
        ("amazon.nova-lite-v1:0", "us-east-1", "flex"),
        ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abc", "us-east-1", ""),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc", "us-east-1", ""),
    ],
)
def test_a_call_without_a_known_price_has_no_cost(pricer, model, region, tier):
    cost = pricer.compute_cost(model, region, tier, Usage(1000, 200))
    assert (cost.total, cost.price, cost.counts["input"]) == (None, None, 1000)


@pytest.mark.parametrize(
    ("billed", "dollars"),
    [
        (Billed({"image": 3}, variant="standard up to 1024 x 1024"), "0.12"),
        (Billed({"image": 1}, variant="premium up to 2048 x 2048"), "0.08"),
        (Billed({"image": 1}), None),
    ],
)
def test_an_image_costs_by_its_quality_and_size(pricer, billed, dollars):
    total = pricer.compute_cost("amazon.nova-canvas-v1:0", "us-east-1", "", Usage(), billed).total
    assert total == (Decimal(dollars) if dollars else None)


def test_the_operators_price_is_preferred(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(f"{HEAD}amazon.nova-lite-v1:0,us-east-1,,default,,1,2,,,,\nacme.own,,,default,,7,,,,,\n")
    pricer = Pricer(read_file(str(path)))
    assert pricer.compute_cost("us.amazon.nova-lite-v1:0", "us-east-1", "", Usage(1000, 1000)).total == Decimal("0.003")
    assert pricer.compute_cost("acme.own", "eu-west-1", "", Usage(1000)).total == Decimal("0.007")
    assert pricer.compute_cost("amazon.nova-lite-v1:0", "us-west-2", "", Usage(1000, 0)).total == Decimal("0.00006")


def test_a_long_call_without_a_price_for_long_ones_has_no_cost(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(f"{HEAD}acme.long,,,default,,1,,,,,\nacme.long,,global,default,above 2k tokens,4,,,,,\n")
    pricer = Pricer(read_file(str(path)))
    assert pricer.compute_cost("acme.long", "eu-west-1", "", Usage(2000)).total == Decimal("0.002")
    assert pricer.compute_cost("acme.long", "eu-west-1", "", Usage(2001)).total is None
    assert pricer.compute_cost("global.acme.long", "eu-west-1", "", Usage(2001)).total == Decimal("0.008004")
