"""The input of a tool call that OpenAI's formats write as JSON in a string, as a model wrote it."""

import json
from typing import Any

from bedrock_flask.protocol.json_places import place_at


def read_tool_input(arguments: str | None) -> Any:
    """The object in the string; the string itself if there is none in it.

    A model may write anything, and the conversation with it goes on: of two members with one name the last counts, as
    in most parsers.
    """
    # Clients write a call without arguments in different ways.
    if not arguments or arguments.isspace() or arguments.strip() == "null":
        return {}
    try:
        value = json.loads(arguments, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return arguments
    return place_at(value, arguments) if isinstance(value, dict) else arguments


def write_tool_input(given: Any) -> str:
    """The input as JSON; any other text as it is."""
    return given if isinstance(given, str) else json.dumps(given)


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
