"""DeepSeek R1 and V3."""

from bedrock_flask.plugin import MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS
from bedrock_flask_plugins.converse.pages import CARDS, EFFORTS, FEATURES, STOPS, UNLISTED, Sources, cite

MODELS = {
    "deepseek.r1-*": READS.but(tools=False, structured=False, strict_tools=False, reasoning_history=False),
    "deepseek.v3*": READS.but(
        stop_sequences=False,
        named_tools=False,
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
    ),
}

_ALL, _R1, _V3 = "deepseek.*", "deepseek.r1-*", "deepseek.v3*"
_LANGCHAIN = "langchain-ai/langchain-aws#1261"
SOURCES: Sources = {
    "images": cite(CARDS, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "tools": [
        *cite(FEATURES, _R1),
        Source("Live call: This model doesn't support tool use (kortix-ai/suna#3706)", ONE_REPORT, _R1),
    ],
    "named_tools": [
        Source(f"Live calls: Converse accepts a named tool, and the model does not obey ({_LANGCHAIN})", MEASURED, _V3)
    ],
    "stop_sequences": cite(STOPS, _V3),
    "reasoning_history": [
        Source(
            "R1's own reasoning: User messages cannot contain reasoning content (langchain-ai/langchain-aws#401, "
            "aws-samples/bedrock-chat#845, zed-industries/zed#32341)",
            MEASURED,
            _R1,
        )
    ],
    "structured": cite(UNLISTED, _R1),
    "strict_tools": cite(UNLISTED, _R1),
    "efforts": [
        *cite(EFFORTS, _V3),
        Source(f"Live calls: the effort `high` makes V3.1 and V3.2 reason ({_LANGCHAIN})", MEASURED, _V3),
    ],
}
