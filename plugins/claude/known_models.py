"""The ids of Claude that AWS has published."""

from bedrock_flask.plugin import KnownModel

# "Supported foundation models" and "Supported Regions and models for inference profiles" (AWS user guide).
APAC, GLOBAL = ("us", "eu", "apac"), ("us", "eu", "jp", "au", "global")
KNOWN_MODELS = {
    "anthropic.claude-3-haiku-20240307-v1:0": KnownModel(name="Claude 3 Haiku", profiles=APAC, active=False),
    "anthropic.claude-3-7-sonnet-20250219-v1:0": KnownModel(
        name="Claude 3.7 Sonnet", profiles=APAC, on_demand=False, active=False
    ),
    "anthropic.claude-sonnet-4-20250514-v1:0": KnownModel(
        name="Claude Sonnet 4", profiles=(*APAC, "global"), on_demand=False, active=False
    ),
    "anthropic.claude-sonnet-4-5-20250929-v1:0": KnownModel(name="Claude Sonnet 4.5", profiles=GLOBAL, on_demand=False),
    "anthropic.claude-haiku-4-5-20251001-v1:0": KnownModel(name="Claude Haiku 4.5", profiles=GLOBAL, on_demand=False),
    "anthropic.claude-opus-4-5-20251101-v1:0": KnownModel(
        name="Claude Opus 4.5", profiles=("us", "eu", "global"), on_demand=False
    ),
    "anthropic.claude-opus-4-6-v1": KnownModel(name="Claude Opus 4.6", profiles=GLOBAL),
    "anthropic.claude-opus-5-5": KnownModel(name="Claude Opus 5.5", profiles=GLOBAL),
    "anthropic.claude-sonnet-5-5": KnownModel(name="Claude Sonnet 5.5", profiles=GLOBAL, on_demand=False),
    "anthropic.claude-haiku-5-5": KnownModel(name="Claude Haiku 5.5", profiles=GLOBAL, on_demand=False),
}
