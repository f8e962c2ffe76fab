"""A model of which nothing is known: what it refuses is Bedrock's to decide."""

from bedrock_flask.plugin import Capabilities

ANY_MODEL = Capabilities(
    tools=True,
    system=True,
    images=True,
    documents=True,
    video=True,
    audio=True,
    reasoning=True,
)
# What the cards of most models say: text, or text and images, and nothing else.
READS = ANY_MODEL.but(images=False, video=False, audio=False)
SEES = ANY_MODEL.but(video=False, audio=False)
