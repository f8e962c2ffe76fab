"""Objects made of what there is to say."""

from typing import Any

from bedrock_flask.converse import Json


def present(**members: Any) -> Json:
    """The members that are set."""
    return {name: value for name, value in members.items() if value is not None}
