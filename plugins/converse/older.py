"""Titan Text, Command R, Jamba and Palmyra: legacy models, which some accounts still call."""

from bedrock_flask.plugin import MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import CARDS, FEATURES, NOT_REASONING, UNLISTED, Sources, cite

PLAIN = READS.but(structured=False, strict_tools=False)
TITAN = PLAIN.but(reasoning=False, system=False, tools=False)
MODELS = {
    "amazon.titan-text-*": TITAN,
    "amazon.titan-text-premier-*": TITAN.but(documents=False, most_tokens=3000),
    "cohere.command-r*": PLAIN.but(reasoning=False),
    "ai21.jamba-1-5-*": PLAIN.but(reasoning=False),
    "ai21.jamba-instruct-*": PLAIN.but(reasoning=False, tools=False, documents=False),
    "writer.palmyra-*": PLAIN,
    "writer.palmyra-vision*": SEES.but(structured=False, strict_tools=False, tools=False),
}

_TITAN, _INSTRUCT = "amazon.titan-text-*", "ai21.jamba-instruct-*"
_SYSTEM = "Live calls: This model doesn't support system messages (earendil-works/pi)"
SOURCES: Sources = {
    "images": cite(CARDS, *MODELS),
    "video": cite(CARDS, *MODELS),
    "audio": cite(CARDS, *MODELS),
    "structured": cite(UNLISTED, *MODELS),
    "strict_tools": cite(UNLISTED, *MODELS),
    "system": [*cite(FEATURES, _TITAN), Source(_SYSTEM, MEASURED, _TITAN)],
    "reasoning": cite(NOT_REASONING, _TITAN, "cohere.command-r*", "ai21.jamba-*"),
    "tools": [
        *cite(FEATURES, _TITAN, _INSTRUCT),
        Source(
            "Live call: refuses `toolConfig` (aws-samples/sample-apj-sup-sa#218)", ONE_REPORT, "writer.palmyra-vision*"
        ),
    ],
    "most_tokens": [
        Source(
            "Live call: exceeds the model limit of 3000 (aws-samples/generative-ai-use-cases#594)",
            ONE_REPORT,
            "amazon.titan-text-premier-*",
        )
    ],
    "documents": cite(FEATURES, "amazon.titan-text-premier-*", _INSTRUCT),
}
