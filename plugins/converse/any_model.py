"""A model of which nothing is known: what it refuses is Bedrock's to decide."""

from collections.abc import Mapping, Sequence

from bedrock_flask.plugin import MEASURED, Capabilities, Source

ANY_MODEL = Capabilities(
    tools=True,
    system=True,
    images=True,
    documents=True,
    video=True,
    audio=True,
    reasoning=True,
    media_in_results=False,
)
# What the cards of most models say: text, or text and images, and nothing else.
READS = ANY_MODEL.but(images=False, video=False, audio=False)
SEES = ANY_MODEL.but(video=False, audio=False)
MODELS = {"*": ANY_MODEL}

SOURCES: Mapping[str, Sequence[Source]] = {
    "media_in_results": [
        Source(
            "AWS API reference, ToolResultContentBlock: images for Nova and Claude. Live calls: refused by "
            "GPT-5.6, GPT-6, Pixtral and others, taken beside the result (anomalyco/opencode#49443, #48069; "
            "can1357/oh-my-pi#11685)",
            MEASURED,
        ),
    ],
}
