"""Custom tools of OpenAI's APIs, which take free text; in Converse each is a tool with the one argument `input`."""

import json
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.wires.member_text import MemberText, replace_lone_surrogates

# The schema of a custom tool, for models that only have functions.
CUSTOM: Json = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as free text."}},
    "required": ["input"],
}


def is_custom(spec: Json) -> bool:
    """Whether this was a custom tool before it became one of Converse's."""
    return bool(spec["inputSchema"].get("json") == CUSTOM)


def describe_grammar(grammar: Json) -> str:
    """The sentence that asks for input in a grammar: no model on Bedrock can be held to one."""
    return f"The text in `input` must fit this {grammar['syntax']} grammar:\n\n{grammar['definition']}"


def read_free_text(given: Any) -> str:
    """The text for a custom tool; all arguments if the model did not put it in `input`."""
    match given:
        case str():
            reader = MemberText("input")
            text = reader.feed(given)
            return text if reader.found else given
        case {"input": str(text)}:
            return replace_lone_surrogates(text)
    return json.dumps(given)
