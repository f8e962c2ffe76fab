"""What a check of a body is: it yields Bedrock's words for what Bedrock refuses."""

from collections.abc import Callable, Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json

Check = Callable[[Json, Capabilities], Iterator[str]]

# How Bedrock passes on what a model's provider has refused of a Converse request.
FROM_MODEL = "The model returned the following errors: "
