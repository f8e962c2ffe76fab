"""Who may call the addresses under `/_emulator/`: tests and people on this machine, and no web page of another site."""

from flask import Response, jsonify, request

from bedrock_flask.edge.foreign_pages import find_foreign_header

PREFIX = "/_emulator/"
_REFUSALS = {
    "Origin": f"{PREFIX} refuses pages of other sites (Origin).",
    "Host": f"{PREFIX} is served under localhost and loopback addresses only (Host).",
}


def refuse_strangers() -> tuple[Response, int] | None:
    """The refusal of a page of another site; None if the request may pass."""
    foreign = request.path.startswith(PREFIX) and find_foreign_header(request.environ)
    return (jsonify(message=_REFUSALS[foreign]), 403) if foreign else None
