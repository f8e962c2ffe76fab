"""What a region offers to an account, read from the answers of Bedrock's control plane."""

from datetime import UTC, datetime

import pytest

from bedrock_flask.bedrock.offers import Offer, make_offer

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-x"
THROUGH = [f"arn:aws:bedrock:{region}::foundation-model/{CLAUDE}" for region in ("us-east-1", "us-west-2")]
ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012:inference-profile"
MODELS = {
    "modelSummaries": [
        {"modelId": NOVA, "modelName": "Nova Lite", "inferenceTypesSupported": ["ON_DEMAND"]},
        {
            "modelId": CLAUDE,
            "inferenceTypesSupported": ["INFERENCE_PROFILE"],
            "modelLifecycle": {
                "status": "LEGACY",
                "legacyTime": "2026-03-31T00:00:00Z",
                "endOfLifeTime": "2027-01-31T08:00:00Z",
            },
        },
        "not a model",
    ]
}  # fmt: skip
PROFILES = {
    "inferenceProfileSummaries": [
        {
            "inferenceProfileId": f"{geography}.{CLAUDE}",
            "inferenceProfileArn": f"{ACCOUNT}/{geography}.{CLAUDE}",
            "models": [{"modelArn": arn} for arn in THROUGH],
        }
        for geography in ("global", "us")
    ]
}
OFFER = make_offer(MODELS, [PROFILES])


def test_a_model_has_its_ways_and_its_days() -> None:
    model = OFFER.models[CLAUDE]
    assert (model.types, model.is_legacy) == (("INFERENCE_PROFILE",), True)
    assert (model.legacy_on, model.ends_on) == ("2026-03-31", "2027-01-31")
    assert not OFFER.models[NOVA].is_legacy


def test_days_are_read_as_botocore_gives_them() -> None:
    lifecycle = {"status": "ACTIVE", "endOfLifeTime": datetime(2027, 1, 31, tzinfo=UTC)}
    [model] = make_offer({"modelSummaries": [{"modelId": NOVA, "modelLifecycle": lifecycle}]}, []).models.values()
    assert model.ends_on == "2027-01-31"


@pytest.mark.parametrize(("region", "first"), [("us-east-1", "us"), ("eu-west-1", "global"), ("", "global")])
def test_the_narrowest_profile_of_the_region_comes_first(region: str, first: str) -> None:
    assert OFFER.list_profiles(CLAUDE, region)[0] == f"{first}.{CLAUDE}"


@pytest.mark.parametrize(
    ("model", "offered"),
    [
        (NOVA, True),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}", True),
        (f"us.{CLAUDE}", True),
        (f"{ACCOUNT}/us.{CLAUDE}", True),
        (CLAUDE, False),
        ("acme.x", False),
        (f"{ACCOUNT}/us.acme.x", False),
        ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abc", None),
    ],
)
def test_it_knows_what_can_be_called(model: str, offered: bool | None) -> None:
    assert OFFER.is_offered(model) is offered


@pytest.mark.parametrize("document", [{}, {"modelSummaries": None}, {"modelSummaries": [1, {"modelLifecycle": 5}]}])
def test_an_odd_answer_offers_nothing_that_is_known(document: dict[str, object]) -> None:
    assert not make_offer(document, [document]).models.keys() - {""}
    assert Offer({}).is_offered(NOVA) is False
