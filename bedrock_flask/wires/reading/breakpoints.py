"""OpenAI's cache breakpoints as Converse's cache points."""

from bedrock_flask.converse import Json, build_cache_point
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.reading.cursor import Cursor


def read_breakpoint(mark: Json, cursor: Cursor, hint: str) -> Json:
    """The cache point for a breakpoint; a lifetime that Bedrock does not have is added to the extra named `hint`."""
    # Bedrock offers 5 minutes and an hour: the hour keeps the promise of 30 minutes and comes nearest to 12 hours.
    if mark.get("ttl") == "12h":
        cursor.add_hint(hint, mark)
    return place_at(build_cache_point("1h" if mark.get("ttl") else None), mark)
