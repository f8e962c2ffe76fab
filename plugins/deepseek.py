"""DeepSeek R1 and V3."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

MODELS = {
    "deepseek.r1-*": CHAT.but(tools=False, structured=False, strict_tools=False, reasoning_history=False),
    "deepseek.v3*": CHAT.but(
        stop_sequences=False,
        named_tools=False,
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
    ),
}

_ALL, _R1, _V3 = "deepseek.*", "deepseek.r1-*", "deepseek.v3*"
_LANGCHAIN = "langchain-ai/langchain-aws#1261"
SOURCES = {
    **sources.CHAT,
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "tools": [
        *sources.cite(sources.FEATURES, _R1),
        Source("Live call: This model doesn't support tool use (kortix-ai/suna#3706)", ONE_REPORT, _R1),
    ],
    "named_tools": [
        Source(f"Live calls: Converse accepts a named tool, and the model does not obey ({_LANGCHAIN})", MEASURED, _V3)
    ],
    "stop_sequences": sources.cite(sources.STOPS, _V3),
    "reasoning_history": [
        Source(
            "R1's own reasoning: User messages cannot contain reasoning content (langchain-ai/langchain-aws#401, "
            "aws-samples/bedrock-chat#845, zed-industries/zed#32341)",
            MEASURED,
            _R1,
        )
    ],
    "structured": [*sources.cite(sources.LISTED, "deepseek.v3*"), *sources.cite(sources.UNLISTED, _R1)],
    "strict_tools": sources.cite(sources.UNLISTED, _R1),
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
            description="DeepSeek R1 and V3.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="deepseek.v3.2",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
