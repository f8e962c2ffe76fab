"""Llama by Meta."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, Adapter, Source, converse_body, hookimpl, sources

_PLAIN = {"reasoning": False, "structured": False, "strict_tools": False}
WITHOUT_TOOLS = CHAT.but(**_PLAIN, tools=False)
# Tools, but neither streamed nor forced.
CALLS = CHAT.but(**_PLAIN, streamed_tools=False, forced_tools=False)
SEES_AND_CALLS = CHAT.but(images=True, **_PLAIN, streamed_tools=False, forced_tools=False)
MODELS = {
    "meta.llama3-8b-*": WITHOUT_TOOLS,
    "meta.llama3-70b-*": WITHOUT_TOOLS,
    "meta.llama3-1-*": CALLS,
    "meta.llama3-2-1b-*": WITHOUT_TOOLS,
    "meta.llama3-2-3b-*": WITHOUT_TOOLS,
    "meta.llama3-2-11b-*": SEES_AND_CALLS,
    "meta.llama3-2-90b-*": SEES_AND_CALLS,
    "meta.llama3-3-*": CALLS,
    "meta.llama4-*": SEES_AND_CALLS.but(media_in_results=True),
}

_ALL = "meta.llama*"
SOURCES = {
    **sources.CHAT,
    "reasoning": sources.cite(sources.NOT_REASONING, _ALL),
    "images": sources.cite(sources.FEATURES, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "tools": sources.cite(sources.FEATURES, _ALL),
    "streamed_tools": [
        *sources.cite(sources.FEATURES, _ALL),
        Source(
            "Live calls: This model doesn't support tool use in streaming mode (earendil-works/pi#3739, Llama 4; "
            "run-llama/llama_index#19655, Llama 3)",
            MEASURED,
            _ALL,
        ),
    ],
    "forced_tools": [
        Source(
            "Live calls: Llama 3.1, 3.3 and 4 refuse toolChoice `any` and `tool` (strands-agents/harness-sdk#1241, "
            "#2075; pydantic/pydantic-ai#2802)",
            MEASURED,
            _ALL,
        )
    ],
    "media_in_results": [
        Source("Live calls: taken by Llama 4 (anomalyco/opencode#49443, #50272)", MEASURED, "meta.llama4-*")
    ],
    "structured": sources.cite(sources.UNLISTED, _ALL),
    "strict_tools": sources.cite(sources.UNLISTED, _ALL),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="llama",
            description="Llama by Meta.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="meta.llama4-maverick-17b-instruct-v1:0",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
