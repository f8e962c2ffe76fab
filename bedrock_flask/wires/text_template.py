"""A chunk whose JSON text is made once, because only one text in it changes from event to event."""

from collections.abc import Callable
from secrets import token_hex

import orjson

from bedrock_flask.converse import Json
from bedrock_flask.protocol.sse import write_json


class TextTemplate:
    """The JSON text of a chunk, ready for a text to be put in; `build` builds the chunk with the text it is given."""

    def __init__(self, build: Callable[[str], Json]) -> None:
        mark = token_hex(16)
        self.before, self.after = write_json(build(mark)).split(write_json(mark))

    def fill(self, text: str) -> bytes:
        """The JSON text of the chunk with this text."""
        return self.before + (orjson.dumps(text) if text.isascii() else write_json(text)) + self.after
