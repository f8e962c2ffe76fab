"""Acme Haiku, a made-up model: a theme goes in, three lines come out, in a format of its own."""

from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl, text_of

api_version = 1

STOPS = {"complete": "end_turn", "out_of_room": "max_tokens"}


class Form(Schema):
    """What the verse looks like."""

    season = fields.String(one_of=("spring", "summer", "autumn", "winter"), description="The season it is set in.")
    syllables = fields.List(
        fields.Integer(min=1, max=12),
        min_items=3,
        max_items=3,
        description="Syllables a line; 5, 7, 5 if unsaid.",
    )


class HaikuBody(Schema):
    """A request for one haiku."""

    theme = fields.String(required=True, min_length=1, max_length=2000, description="What it is about.")
    form = fields.Nested(Form, description="What it looks like.")
    max_tokens = fields.Integer(min=1, max=256, description="Most tokens to write.")


def encode(request):
    """A Converse request as Haiku's body: what the messages say is the theme."""
    body = {"theme": "\n".join(text_of(message["content"]) for message in request["messages"])}
    limit = request.get("inferenceConfig", {}).get("maxTokens")
    return body if limit is None else {**body, "max_tokens": limit}


def decode(reply):
    """Haiku's reply, `{"lines": […], "end": …}`, or one chunk, `{"line": …}` or `{"end": …}`, as Converse."""
    if "line" in reply:
        return _said(reply["line"] + "\n")
    told = _said("\n".join(reply.get("lines", [])))
    end = reply["end"]
    usage = {"inputTokens": end["read"], "outputTokens": end["written"]}
    return {**told, "stopReason": STOPS[end["why"]], "usage": usage}


def _said(text):
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
