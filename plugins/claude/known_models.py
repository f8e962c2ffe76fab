"""The ids of Claude that AWS has published, and the names that Anthropic's own API has for them.

Sources: "Supported foundation models" and "Supported Regions and models for inference profiles" (AWS user guide) as of
November 2026; "Models overview" (Anthropic), also for the limits of tokens. Reports differ on the output of Sonnet 4.6
(litellm 1.109: 64,000 on Bedrock, 128,000 elsewhere): the lower one stands here. Ends: AWS's page
"Model lifecycle (Legacy)" as awslabs/startups has it (ai-model-lifecycle.md, 2026-07-08 and 2026-05-17); the days from
which a model is legacy as gaise's list of models has them from that page (September 2026).
"""

from bedrock_flask.plugin import KnownModel

APAC = ("us", "eu", "apac")
GLOBAL = ("us", "eu", "jp", "au", "global")
WITH_INDIA = (*GLOBAL, "in")

KNOWN_MODELS = {
    "anthropic.claude-3-haiku-20240307-v1:0": KnownModel(
        name="Claude 3 Haiku",
        profiles=APAC,
        active=False,
        names=("claude-3-haiku-20240307",),
        legacy_on="2026-03-10",
        ends_on="2026-09-10",
        successor="anthropic.claude-haiku-4-5-20251001-v1:0",
        context=200_000,
        output=4_096,
    ),
    "anthropic.claude-3-7-sonnet-20250219-v1:0": KnownModel(
        name="Claude 3.7 Sonnet",
        profiles=APAC,
        on_demand=False,
        active=False,
        names=("claude-3-7-sonnet-20250219", "claude-3-7-sonnet-latest"),
        ends_on="2026-04-28",
        context=200_000,
        output=64_000,
    ),
    "anthropic.claude-sonnet-4-20250514-v1:0": KnownModel(
        name="Claude Sonnet 4",
        profiles=(*APAC, "global"),
        on_demand=False,
        active=False,
        names=("claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        legacy_on="2026-04-14",
        ends_on="2026-10-14",
        successor="anthropic.claude-sonnet-4-6",
        context=200_000,
        output=64_000,
    ),
    "anthropic.claude-opus-4-1-20250805-v1:0": KnownModel(
        name="Claude Opus 4.1",
        profiles=("us",),
        on_demand=False,
        active=False,
        names=("claude-opus-4-1", "claude-opus-4-1-20250805"),
        legacy_on="2026-07-08",
        ends_on="2027-01-08",
        successor="anthropic.claude-opus-4-8",
        context=200_000,
        output=32_000,
    ),
    "anthropic.claude-sonnet-4-5-20250929-v1:0": KnownModel(
        name="Claude Sonnet 4.5",
        profiles=GLOBAL,
        on_demand=False,
        names=("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        context=200_000,
        output=64_000,
    ),
    "anthropic.claude-haiku-4-5-20251001-v1:0": KnownModel(
        name="Claude Haiku 4.5",
        profiles=WITH_INDIA,
        on_demand=False,
        names=("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        context=200_000,
        output=64_000,
    ),
    "anthropic.claude-opus-4-5-20251101-v1:0": KnownModel(
        name="Claude Opus 4.5",
        profiles=("us", "eu", "global"),
        on_demand=False,
        names=("claude-opus-4-5", "claude-opus-4-5-20251101"),
        context=200_000,
        output=64_000,
    ),
    "anthropic.claude-opus-4-6-v1": KnownModel(
        name="Claude Opus 4.6",
        profiles=("us", "eu", "au", "global"),
        regions=("eu-west-2",),
        names=("claude-opus-4-6",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-sonnet-4-6": KnownModel(
        name="Claude Sonnet 4.6",
        profiles=GLOBAL,
        regions=("eu-west-2",),
        names=("claude-sonnet-4-6",),
        context=1_000_000,
        output=64_000,
    ),
    "anthropic.claude-opus-4-7": KnownModel(
        name="Claude Opus 4.7",
        profiles=GLOBAL,
        regions=("ap-northeast-1", "ap-southeast-4", "eu-north-1", "eu-west-1", "us-east-1"),
        names=("claude-opus-4-7",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-opus-4-8": KnownModel(
        name="Claude Opus 4.8",
        profiles=GLOBAL,
        regions=("ap-northeast-1", "ap-southeast-4", "eu-north-1", "eu-west-1", "us-east-1"),
        names=("claude-opus-4-8",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-opus-5": KnownModel(
        name="Claude Opus 5",
        profiles=("us", "eu", "au", "in", "global"),
        regions=("ap-northeast-2", "ap-southeast-4", "eu-north-1", "eu-west-1", "us-east-1"),
        names=("claude-opus-5",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-sonnet-5": KnownModel(
        name="Claude Sonnet 5",
        profiles=("us", "eu", "au", "in", "global"),
        regions=(
            *("ap-northeast-2", "ap-southeast-1", "ap-southeast-4"),
            *("eu-north-1", "eu-west-1", "eu-west-2", "us-east-1"),
        ),
        names=("claude-sonnet-5",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-fable-5": KnownModel(
        name="Claude Fable 5",
        profiles=("us", "global"),
        regions=("us-east-1",),
        names=("claude-fable-5",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-opus-5-5": KnownModel(
        name="Claude Opus 5.5",
        profiles=GLOBAL,
        regions=("ap-southeast-4", "eu-west-2", "us-east-1"),
        names=("claude-opus-5-5",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-sonnet-5-5": KnownModel(
        name="Claude Sonnet 5.5",
        profiles=("us", "eu", "au", "global"),
        on_demand=False,
        names=("claude-sonnet-5-5",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-haiku-5-5": KnownModel(
        name="Claude Haiku 5.5",
        profiles=GLOBAL,
        on_demand=False,
        names=("claude-haiku-5-5",),
        context=1_000_000,
        output=128_000,
    ),
    "anthropic.claude-fable-5-1": KnownModel(
        name="Claude Fable 5.1",
        profiles=("us", "global"),
        on_demand=False,
        names=("claude-fable-5-1",),
        context=1_000_000,
        output=128_000,
    ),
}
