"""GLM by Z.ai."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, Adapter, converse_body, hookimpl, sources

GLM = CHAT.but(
    stop_sequences=False,
    named_tools=False,
    efforts=("low", "medium", "high"),
    effort_field="additionalModelRequestFields.reasoning_effort",
)
MODELS = {
    "zai.glm-*": GLM,
    "zai.glm-5.3*": GLM.but(named_tools=True, efforts=("low", "high", "max")),
}

_ALL = "zai.glm-*"
SOURCES = {
    **sources.CHAT,
    "structured": sources.cite(sources.MODELS_DEV, "zai.glm-*"),
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "efforts": sources.cite(sources.EFFORTS, _ALL),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="glm",
            description="GLM by Z.ai.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="zai.glm-5",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
