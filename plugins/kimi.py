"""Kimi by Moonshot AI, whose ids begin with `moonshot.` or `moonshotai.`."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

_SHARED = {"stop_sequences": False, "named_tools": False}
_EFFORTS = {
    "efforts": ("low", "medium", "high"),
    "effort_field": "additionalModelRequestFields.reasoning_effort",
}
MODELS = {
    "moonshot.kimi-*": CHAT.but(**_SHARED, **_EFFORTS),
    "moonshotai.kimi-*": CHAT.but(images=True, **_SHARED, **_EFFORTS, documents=False),
    # It accepts `reasoning_effort` and ignores it, so no effort can be set.
    "moonshotai.kimi-k3*": CHAT.but(images=True, **_SHARED, documents=False, sampling="none"),
}

_ALL, _AI = "moonshot*", "moonshotai.kimi-*"
SOURCES = {
    **sources.CHAT,
    "structured": sources.cite(sources.LISTED, "moonshot*.kimi-*"),
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "documents": [Source("Live calls: This model doesn't support documents", ONE_REPORT, _AI)],
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "sampling": [
        Source(
            "Several programs report it of Kimi K3: This model doesn't support the temperature field, nor topP",
            MEASURED,
            "moonshotai.kimi-k3*",
        )
    ],
    "efforts": sources.cite(sources.EFFORTS, _ALL),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="kimi",
            description="Kimi by Moonshot AI.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="moonshotai.kimi-k2.5",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
