"""AWS's Price List: usage types become axes, and names become models."""

import json
from decimal import Decimal

import pytest

from bedrock_flask.prices.compare import compare
from bedrock_flask.prices.price_list import UnreadablePriceList, collect_prices, match_names, read_offer
from bedrock_flask.prices.table import index_prices

NAMES = {
    "anthropic.claude-opus-5-5": "Claude Opus 5.5",
    "anthropic.claude-3-5-haiku-20241022-v1:0": "Claude Haiku 3.5",
    "amazon.nova-2-lite-v1:0": "Nova 2 Lite",
    "openai.gpt-oss-120b-1:0": "gpt-oss-120b",
    "deepseek.v3.2": "DeepSeek V3.2",
}


def make_offer(*products):
    """An offer in AWS's form: each product is (usage type, attributes, unit, price)."""
    document = {"formatVersion": "v1.0", "publicationDate": "2026-11-20T18:00:00Z", "products": {}, "terms": {}}
    terms = document["terms"]["OnDemand"] = {}
    for number, (usage, attributes, unit, amount) in enumerate(products):
        sku = f"SKU{number}"
        document["products"][sku] = {"sku": sku, "attributes": {"usagetype": usage, **attributes}}
        dimension = {"unit": unit, "pricePerUnit": {"USD": amount}}
        terms[sku] = {f"{sku}.JRTCKXETXF": {"priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": dimension}}}
    return json.dumps(document).encode()


def claude(suffix, amount, name="Claude Opus 5.5 (Amazon Bedrock Edition)"):
    return (f"USE1-MP:USE1_{suffix}-Units", {"servicename": name}, "Units", amount)


def nova(suffix, amount):
    return (f"USE1-Nova2.0Lite-{suffix}", {"model": "Nova 2.0 Lite"}, "1K tokens", amount)


@pytest.mark.parametrize(
    ("product", "axes"),
    [
        (claude("InputTokenCount", "4.4"), ("input", "", "default", "4.4")),
        (claude("InputTokenCount_Global", "4"), ("input", "global", "default", "4")),
        (claude("OutputTokenCount", "22.0000000000"), ("output", "", "default", "22")),
        (claude("CacheReadInputTokenCount_Global", "0.2"), ("cache_read", "global", "default", "0.2")),
        (claude("CacheWriteInputTokenCount", "5.5"), ("cache_write", "", "default", "5.5")),
        (claude("CacheWrite1hInputTokenCount", "8.8"), ("cache_write_1h", "", "default", "8.8")),
        (claude("input_tokens_standard", "4.4"), ("input", "", "default", "4.4")),
        (claude("cache_write_tokens_global_standard", "5"), ("cache_write", "global", "default", "5")),
        (claude("cache_write_tokens_1h_global_standard", "8"), ("cache_write_1h", "global", "default", "8")),
        (claude("input_tokens_global_batch", "2"), ("input", "global", "batch", "2")),
        (nova("input-tokens", "0.00033"), ("input", "", "default", "0.33")),
        (nova("output-tokens-flex-cross-region-global", "0.00125"), ("output", "global", "flex", "1.25")),
        (nova("input-tokens-priority", "0.0005775"), ("input", "", "priority", "0.5775")),
        (nova("cache-read-input-token-count", "0.0000825"), ("cache_read", "", "default", "0.0825")),
        (
            ("USE1-openai.gpt-oss-120b-mantle-output-tokens-standard", {"model": "gpt-oss-120b"}, "1M tokens", "0.6"),
            ("output", "", "default", "0.6"),
        ),
    ],
)
def test_a_usage_type_says_what_a_price_is_for(product, axes):
    [listed] = read_offer(make_offer(product)).prices
    assert (listed.unit, listed.profile, listed.tier, str(listed.price)) == axes


@pytest.mark.parametrize(
    "product",
    [
        claude("InputTokenCount_LCtx", "8.8"),
        claude("ProvisionedThroughput_input_tokens", "8.8"),
        claude("cache_write_tokens_30m_standard", "8.8"),
        nova("input-tokens-custom-model", "0.1"),
        nova("input-tokens-latency-optimized", "0.1"),
        nova("input-image-tokens", "0.1"),
        nova("input-tokens", "0"),
        ("USE1-Nova2.0Lite-input-tokens", {"model": "Nova 2.0 Lite"}, "Hours", "1"),
        ("USE1-Guardrail-text", {}, "1K tokens", "1"),
    ],
)
def test_what_is_not_a_price_of_tokens_is_skipped_and_counted(product):
    offer = read_offer(make_offer(product, claude("InputTokenCount", "4.4")))
    assert (len(offer.prices), offer.skipped) == (1, 1)


@pytest.mark.parametrize("changes", [{"priceDimensions": {}}, {"priceDimensions": {"a": 1, "b": 2}}])
def test_a_price_by_steps_is_skipped(changes):
    document = json.loads(make_offer(claude("InputTokenCount", "4.4"), claude("OutputTokenCount", "22")))
    dimension = {"unit": "Units", "pricePerUnit": {"USD": "1"}}
    steps = dict.fromkeys(changes["priceDimensions"], dimension)
    document["terms"]["OnDemand"]["SKU0"] = {"SKU0.A": {"priceDimensions": steps}}
    document["terms"]["OnDemand"]["SKU1"]["SKU1.JRTCKXETXF"]["priceDimensions"]["SKU1.JRTCKXETXF.6YS6EN2CT7"][
        "pricePerUnit"
    ] = {"CNY": "1"}
    offer = read_offer(json.dumps(document).encode())
    assert (offer.prices, offer.skipped) == ((), 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"products": {}}',
        b'{"products": {"a": 1}, "terms": {"OnDemand": {}}, "publicationDate": ""}',
        make_offer(claude("InputTokenCount", "-1")),
        make_offer(claude("InputTokenCount", "many")),
        make_offer(claude("InputTokenCount", "NaN")),
    ],
)
def test_anything_else_is_refused(data):
    with pytest.raises(UnreadablePriceList):
        read_offer(data)


def test_names_match_by_their_words():
    offer = read_offer(
        make_offer(
            claude("InputTokenCount", "4.4"),
            claude("InputTokenCount", "0.8", "Claude 3.5 Haiku (Amazon Bedrock Edition)"),
            nova("input-tokens", "0.00033"),
            ("USE1-deepseek.v3.2-mantle-input-tokens-standard", {"model": "DeepSeek v3.2"}, "1M tokens", "0.62"),
            claude("InputTokenCount", "1", "Claude Opus 9 (Amazon Bedrock Edition)"),
        )
    )
    ids, unknown = match_names([offer], NAMES)
    assert ids == {
        "Claude Opus 5.5 (Amazon Bedrock Edition)": "anthropic.claude-opus-5-5",
        "Claude 3.5 Haiku (Amazon Bedrock Edition)": "anthropic.claude-3-5-haiku-20241022-v1:0",
        "Nova 2.0 Lite": "amazon.nova-2-lite-v1:0",
        "deepseek.v3.2": "deepseek.v3.2",
    }
    assert unknown == {"Claude Opus 9 (Amazon Bedrock Edition)"}


@pytest.mark.parametrize(
    ("listed", "model"),
    [
        ("Cohere Command R+", "cohere.command-r-plus-v1:0"),
        ("Cohere Command R", "cohere.command-r-v1:0"),
        ("openai.gpt-oss-120b", "openai.gpt-oss-120b-1:0"),
        ("GLM 5.3", "zai.glm-5.3"),
        ("GLM 3.5", None),
        ("Mistral Large", None),
        ("Claude 3.5 Sonnet", None),
    ],
)
def test_a_name_is_not_taken_for_that_of_another_model(listed, model):
    names = {
        "cohere.command-r-plus-v1:0": "Command R+",
        "cohere.command-r-v1:0": "Command R",
        "openai.gpt-oss-120b-1:0": "gpt-oss-120b",
        "zai.glm-5.3": "GLM 5.3",
        "mistral.mistral-large-3-675b-instruct": "Mistral Large 3",
        "anthropic.claude-3-5-sonnet-20240620-v1:0": "",
        "anthropic.claude-3-5-sonnet-20241022-v2:0": "",
    }
    offer = read_offer(make_offer(claude("InputTokenCount", "1", listed)))
    assert match_names([offer], names)[0].get(listed) == model


def test_a_name_of_two_models_is_that_of_none():
    offer = read_offer(make_offer(claude("InputTokenCount", "4.4")))
    twice = {**NAMES, "anthropic.claude-opus-5-5-v2": "Claude Opus 5.5"}
    assert match_names([offer], twice)[0] == {}


def test_prices_are_compared_with_what_a_call_is_given_here():
    offer = read_offer(
        make_offer(
            claude("InputTokenCount", "4.4"),
            claude("OutputTokenCount", "23"),
            claude("InputTokenCount_Global", "4"),
            nova("input-tokens", "0.00033"),
        )
    )
    ids, _ = match_names([offer], NAMES)
    listed = list(collect_prices([offer], "us-east-1", ids, "2026-11-20"))
    assert {price.date for price in listed} == {"2026-11-20"}
    from bedrock_flask.prices.price import Price

    known = index_prices(
        [
            Price(model="anthropic.claude-opus-5-5", units={"input": Decimal("4.40"), "output": Decimal(22)}),
            # AWS lists one price for calls without a profile and by that of the geography.
            Price(model="amazon.nova-2-lite-v1:0", profile="us", units={"input": Decimal("0.33")}),
        ]
    )
    found = {(row.price.model.partition(".")[0], row.price.profile, row.unit): row for row in compare(known, listed)}
    assert found["anthropic", "", "input"].is_equal
    assert found["anthropic", "", "output"].differs
    assert found["anthropic", "global", "input"].known is None
    assert found["amazon", "", "input"].is_equal
