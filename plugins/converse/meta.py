"""Llama by Meta."""

from bedrock_flask.plugin import MEASURED, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import CARDS, FEATURES, NOT_REASONING, UNLISTED, Sources, cite

_PLAIN = {"reasoning": False, "structured": False, "strict_tools": False}
WITHOUT_TOOLS = READS.but(**_PLAIN, tools=False)
# Tools, but neither streamed nor forced.
CALLS = READS.but(**_PLAIN, streamed_tools=False, forced_tools=False)
SEES_AND_CALLS = SEES.but(**_PLAIN, streamed_tools=False, forced_tools=False)
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
SOURCES: Sources = {
    "reasoning": cite(NOT_REASONING, _ALL),
    "images": cite(FEATURES, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "tools": cite(FEATURES, _ALL),
    "streamed_tools": [
        *cite(FEATURES, _ALL),
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
    "structured": cite(UNLISTED, _ALL),
    "strict_tools": cite(UNLISTED, _ALL),
}
