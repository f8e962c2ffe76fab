"""Mistral, Mixtral, Pixtral, Ministral, Magistral, Devstral and Voxtral by Mistral AI."""

from bedrock_flask.plugin import DOCUMENTED, MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import (
    FEATURES,
    Sources,
    cards,
    choice,
    efforts,
    features,
    makers,
    unstructured,
)

_PLAIN = {"reasoning": False, "named_tools": False}
_OLDER = {**_PLAIN, "structured": False, "strict_tools": False}
INSTRUCT = READS.but(**_OLDER, system=False, tools=False)
MODELS = {
    "mistral.mistral-7b-*": INSTRUCT,
    "mistral.mixtral-*": INSTRUCT,
    "mistral.mistral-small-24*": READS.but(**_OLDER),
    "mistral.mistral-large-24*": READS.but(**_OLDER),
    "mistral.mistral-large-2402-*": READS.but(**_OLDER, streamed_tools=False),
    "mistral.pixtral-*": SEES.but(**_OLDER),
    "mistral.mistral-large-3-*": SEES.but(**_PLAIN),
    "mistral.ministral-*": SEES.but(**_PLAIN),
    "mistral.magistral-*": SEES.but(
        named_tools=False,
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
    ),
    "mistral.devstral-*": READS.but(**_PLAIN),
    "mistral.voxtral-*": READS.but(**_PLAIN, audio=True),
}

_ALL, _7B, _MIXTRAL = "mistral.*", "mistral.mistral-7b-*", "mistral.mixtral-*"
_SYSTEM = "Live calls: This model doesn't support system messages (567-labs/instructor#1753)"
SOURCES: Sources = {
    "reasoning": makers(_ALL),
    "images": cards(_ALL),
    "video": cards(_ALL),
    "audio": cards(_ALL),
    "system": [*features(_7B), Source(_SYSTEM, MEASURED, _7B), Source(_SYSTEM, MEASURED, _MIXTRAL)],
    "tools": [*features(_7B), *features(_MIXTRAL)],
    "streamed_tools": [
        Source(FEATURES, DOCUMENTED, "mistral.mistral-large-2402-*"),
        Source(
            "Mistral Large: This model doesn't support tool use in streaming mode (brave/brave-browser#52158)",
            ONE_REPORT,
            "mistral.mistral-large-2402-*",
        ),
    ],
    "named_tools": choice(_ALL),
    "structured": unstructured(_ALL),
    "strict_tools": unstructured(_ALL),
    "efforts": efforts("mistral.magistral-*"),
}
