"""Acme Haiku, a made-up model: a theme goes in, three lines come out, in a format of its own."""

from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl, text_of

api_version = 1

STOPS = {"complete": "end_turn", "out_of_room": "max_tokens"}


class Form(Schema):
    """The form of the verse."""

    season = fields.String(
        one_of=("spring", "summer", "autumn", "winter"), description="The season in which it is set."
    )
    syllables = fields.List(
        fields.Integer(min=1, max=12),
        min_items=3,
        max_items=3,
        description="Syllables per line; default 5, 7, 5.",
    )


class HaikuBody(Schema):
    """A request for one haiku."""

    theme = fields.String(required=True, min_length=1, max_length=2000, description="The theme of the verse.")
    form = fields.Nested(Form, description="The form of the verse.")
    max_tokens = fields.Integer(min=1, max=256, description="Maximum number of output tokens.")


def encode(request):
    """Convert a Converse request to Haiku's body: the messages are joined into the theme."""
    body = {"theme": "\n".join(text_of(message["content"]) for message in request["messages"])}
    limit = request.get("inferenceConfig", {}).get("maxTokens")
    return body if limit is None else {**body, "max_tokens": limit}


def decode(reply):
    """Convert Haiku's reply, `{"lines": […], "end": …}`, or a chunk, `{"line": …}` or `{"end": …}`, to Converse."""
    if "line" in reply:
        return _make_response(reply["line"] + "\n")
    response = _make_response("\n".join(reply.get("lines", [])))
    end = reply["end"]
    usage = {"inputTokens": end["read"], "outputTokens": end["written"]}
    return {**response, "stopReason": STOPS[end["why"]], "usage": usage}


def _make_response(text):
    return {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}} if text else {}


LINES = ["A door between roads", "holds the wind for one long breath", "and lets the rain pass"]
END = {"why": "complete", "read": 4, "written": 17}


@hookimpl
def register_adapters(register):
    register(
        Adapter(
            name="acme-haiku",
            description="Acme Haiku: verses of three lines.",
            body=HaikuBody,
            speaks={"acme-haiku": "InvokeModel"},
            models={"acme.haiku-*": Capabilities()},
            encode=encode,
            decode=decode,
            sample={"theme": "a door between two roads", "form": {"season": "autumn", "syllables": [5, 7, 5]}},
            reply={"lines": LINES, "end": END},
            chunks=[*({"line": line} for line in LINES), {"end": END}],
        )
    )
