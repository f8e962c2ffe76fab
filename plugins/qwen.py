"""Qwen3."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

QWEN = CHAT.but(stop_sequences=False, named_tools=False)
MODELS = {
    "qwen.qwen3-*": QWEN,
    "qwen.qwen3-235b-*": QWEN.but(
        efforts=("low", "medium", "high"), effort_field="additionalModelRequestFields.reasoning_effort"
    ),
    "qwen.qwen3-coder-*": QWEN.but(reasoning=False),
    "qwen.qwen3-next-*": QWEN.but(reasoning=False),
    "qwen.qwen3-vl-*": CHAT.but(images=True, stop_sequences=False, named_tools=False),
}

_ALL = "qwen.qwen3-*"
SOURCES = {
    **sources.CHAT,
    "structured": sources.cite(sources.LISTED, "qwen.qwen3-*"),
    "reasoning": [
        *sources.cite(sources.NO_PROFILE_REASONS, "qwen.qwen3-coder-*", "qwen.qwen3-next-*"),
        Source(
            "Live: Qwen3 Coder 480B refuses the field `thinking` (agno-agi/agno#5686). models.dev itself has reasoning "
            "for Qwen3 Coder Next",
            ONE_REPORT,
            "qwen.qwen3-coder-*",
        ),
    ],
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "efforts": sources.cite(sources.EFFORTS, "qwen.qwen3-235b-*"),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="qwen",
            description="Qwen3 by Alibaba.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="qwen.qwen3-32b-v1:0",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
