"""Mistral, Mixtral, Pixtral, Ministral, Magistral, Devstral and Voxtral by Mistral AI."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

_PLAIN = {"reasoning": False, "named_tools": False}
_OLDER = {**_PLAIN, "structured": False, "strict_tools": False}
_CALLS = {**_OLDER, "shortest_call_id": 9}
INSTRUCT = CHAT.but(**_OLDER, system=False, tools=False)
MODELS = {
    "mistral.mistral-7b-*": INSTRUCT,
    "mistral.mixtral-*": INSTRUCT,
    "mistral.mistral-small-24*": CHAT.but(**_CALLS),
    "mistral.mistral-large-24*": CHAT.but(**_CALLS),
    "mistral.mistral-large-2402-*": CHAT.but(**_CALLS, streamed_tools=False),
    "mistral.pixtral-*": CHAT.but(images=True, **_CALLS),
    "mistral.mistral-large-3-*": CHAT.but(images=True, **_PLAIN),
    "mistral.ministral-*": CHAT.but(images=True, **_PLAIN),
    "mistral.magistral-*": CHAT.but(
        images=True,
        named_tools=False,
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
    ),
    "mistral.devstral-*": CHAT.but(**_PLAIN),
    "mistral.voxtral-*": CHAT.but(**_PLAIN, audio=True),
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
SOURCES = {
    **sources.CHAT,
    "reasoning": [
        *sources.cite(sources.NOT_REASONING, *_OF_2024),
        *sources.cite(sources.NO_PROFILE_REASONS, *_NEWER),
    ],
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "system": [*sources.cite(sources.FEATURES, _7B), *sources.cite(_SYSTEM, _7B, _MIXTRAL)],
    "tools": sources.cite(sources.FEATURES, _7B, _MIXTRAL),
    "streamed_tools": [
        *sources.cite(sources.FEATURES, "mistral.mistral-large-2402-*"),
        Source(
            "Mistral Large: This model doesn't support tool use in streaming mode (brave/brave-browser#52158)",
            ONE_REPORT,
            "mistral.mistral-large-2402-*",
        ),
    ],
    "shortest_call_id": sources.cite(_CALL_IDS, *_OF_2024[2:]),
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "structured": [*sources.cite(sources.LISTED, "mistral.*"), *sources.cite(sources.UNLISTED, *_OF_2024)],
    "strict_tools": sources.cite(sources.UNLISTED, *_OF_2024),
    "efforts": sources.cite(sources.EFFORTS, "mistral.magistral-*"),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="mistral",
            description="Mistral, Mixtral, Pixtral, Ministral, Magistral, Devstral and Voxtral by Mistral AI.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="mistral.mistral-large-3-675b-instruct",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
