"""What the ids of inference profiles say of where a call is served."""

import pytest

from bedrock_flask.bedrock.geographies import split_profile

IMPORTED = "arn:aws:bedrock:eu-west-1:1:imported-model/eu.amazon.x"


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("amazon.nova-lite-v1:0", ("", "amazon.nova-lite-v1:0")),
        ("global.amazon.nova-lite-v1:0", ("global", "amazon.nova-lite-v1:0")),
        ("us-gov.anthropic.claude", ("us-gov", "anthropic.claude")),
        ("us.x", ("", "us.x")),
        ("arn:aws:bedrock:eu-west-1::inference-profile/eu.amazon.x", ("eu", "amazon.x")),
        ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.x", ("", "amazon.x")),
        (IMPORTED, ("", IMPORTED)),
    ],
)
def test_an_id_has_the_profile_of_its_prefix(model, found):
    assert split_profile(model) == found
