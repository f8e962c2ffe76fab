"""Mistral Large since July 2024, Pixtral, Ministral, Magistral, Devstral and Voxtral by Mistral AI."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, Adapter, Source, converse_body, hookimpl, sources

_PLAIN = {"reasoning": False, "named_tools": False}
_OLDER = {**_PLAIN, "structured": False, "strict_tools": False}
_CALLS = {**_OLDER, "shortest_call_id": 9}
MODELS = {
    "mistral.mistral-small-24*": CHAT.but(**_CALLS),
    "mistral.mistral-large-24*": CHAT.but(**_CALLS),
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

_ALL = "mistral.*"
_OF_2024 = ("mistral.mistral-small-24*", "mistral.mistral-large-24*", "mistral.pixtral-*")
_NEWER = ("mistral.mistral-large-3-*", "mistral.ministral-*", "mistral.devstral-*", "mistral.voxtral-*")
_CALL_IDS = Source(
    "Live calls to Pixtral Large: Tool call id was a but must be a-z, A-Z, 0-9, with a length of 9; Bedrock's longer "
    "ids are accepted (anomalyco/opencode#48843)",
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
    "shortest_call_id": sources.cite(_CALL_IDS, *_OF_2024),
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
            description="Mistral Large, Pixtral, Ministral, Magistral, Devstral and Voxtral by Mistral AI.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="mistral.mistral-large-3-675b-instruct",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
