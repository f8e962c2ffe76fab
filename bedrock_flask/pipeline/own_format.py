"""A body in OpenAI's format for a surface of that format: the text as it came, without what the model refuses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bedrock_flask.converse import Json
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import FieldError, Unsupported
from bedrock_flask.models.models_file import DROP
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.request import unsupported_policy
from bedrock_flask.protocol import envelope
from bedrock_flask.translation.surface_members import edit_members


@dataclass(frozen=True)
class OwnFormat:
    """A text, and the paths of what was dropped from it or changed in it."""

    text: str
    dropped: Sequence[str] = ()


def edit_for_surface(exchange: Exchange, model: Model, wire: str, text: str, body: Json) -> OwnFormat:
    """The text as the model takes it; raises Unsupported for what it refuses, unless that is to be dropped."""
    edits = edit_members(wire, body, model.capabilities)
    if edits.refused and unsupported_policy(exchange, model) != DROP:
        raise Unsupported([FieldError(path, f"'{model.name}' cannot take this") for path in edits.refused])
    if not (edits.take_out or edits.put_in):
        return OwnFormat(text)
    members = {name: json.dumps(value, ensure_ascii=False) for name, value in edits.put_in.items()}
    return OwnFormat(envelope.splice(text, edits.take_out, members), (*edits.refused, *edits.changed))
