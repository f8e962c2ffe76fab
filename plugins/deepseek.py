"""DeepSeek V3."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, Adapter, Source, converse_body, hookimpl, sources

MODELS = {
    "deepseek.v3*": CHAT.but(
        stop_sequences=False,
        named_tools=False,
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
    ),
}

_V3 = "deepseek.v3*"
_LANGCHAIN = "langchain-ai/langchain-aws#1261"
SOURCES = {
    **sources.CHAT,
    "images": sources.cite(sources.CARDS, _V3),
    "video": sources.cite(sources.CARDS, _V3),
    "audio": sources.cite(sources.CARDS, _V3),
    "named_tools": [
        Source(f"Live calls: Converse accepts a named tool, and the model does not obey ({_LANGCHAIN})", MEASURED, _V3)
    ],
    "stop_sequences": sources.cite(sources.STOPS, _V3),
    "structured": sources.cite(sources.LISTED, _V3),
    "efforts": [
        *sources.cite(sources.EFFORTS, _V3),
        Source(f"Live calls: the effort `high` makes V3.1 and V3.2 reason ({_LANGCHAIN})", MEASURED, _V3),
    ],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="deepseek",
            description="DeepSeek V3.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="deepseek.v3.2",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
