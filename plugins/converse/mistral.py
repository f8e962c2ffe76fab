"""Mistral, Mixtral, Pixtral, Ministral, Magistral, Devstral and Voxtral by Mistral AI."""

from bedrock_flask.plugin import MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import (
    CARDS,
    CHOICE,
    EFFORTS,
    FEATURES,
    NO_PROFILE_REASONS,
    NOT_REASONING,
    UNLISTED,
    Sources,
    cite,
)

_PLAIN = {"reasoning": False, "named_tools": False}
_OLDER = {**_PLAIN, "structured": False, "strict_tools": False}
_CALLS = {**_OLDER, "shortest_call_id": 9}
INSTRUCT = READS.but(**_OLDER, system=False, tools=False)
MODELS = {
    "mistral.mistral-7b-*": INSTRUCT,
    "mistral.mixtral-*": INSTRUCT,
    "mistral.mistral-small-24*": READS.but(**_CALLS),
    "mistral.mistral-large-24*": READS.but(**_CALLS),
    "mistral.mistral-large-2402-*": READS.but(**_CALLS, streamed_tools=False),
    "mistral.pixtral-*": SEES.but(**_CALLS),
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
_OF_2024 = (_7B, _MIXTRAL, "mistral.mistral-small-24*", "mistral.mistral-large-24*", "mistral.pixtral-*")
_NEWER = ("mistral.mistral-large-3-*", "mistral.ministral-*", "mistral.devstral-*", "mistral.voxtral-*")
_SYSTEM = Source("Live calls: This model doesn't support system messages (567-labs/instructor#1753)", MEASURED)
_CALL_IDS = Source(
    "Live calls to Pixtral Large, Mistral Large 2402 and Small 2402: Tool call id was a but must be a-z, A-Z, 0-9, "
    "with a length of 9; Bedrock's longer ids are accepted (anomalyco/opencode#48843)",
    MEASURED,
)
SOURCES: Sources = {
    "reasoning": [
        *cite(NOT_REASONING, *_OF_2024),
        *cite(NO_PROFILE_REASONS, *_NEWER),
    ],
    "images": cite(CARDS, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "system": [*cite(FEATURES, _7B), *cite(_SYSTEM, _7B, _MIXTRAL)],
    "tools": cite(FEATURES, _7B, _MIXTRAL),
    "streamed_tools": [
        *cite(FEATURES, "mistral.mistral-large-2402-*"),
        Source(
            "Mistral Large: This model doesn't support tool use in streaming mode (brave/brave-browser#52158)",
            ONE_REPORT,
            "mistral.mistral-large-2402-*",
        ),
    ],
    "shortest_call_id": cite(_CALL_IDS, *_OF_2024[2:]),
    "named_tools": cite(CHOICE, _ALL),
    "structured": cite(UNLISTED, *_OF_2024),
    "strict_tools": cite(UNLISTED, *_OF_2024),
    "efforts": cite(EFFORTS, "mistral.magistral-*"),
}
