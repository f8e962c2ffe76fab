"""Recommendations that break nothing; they also show what the contract could not test."""

import copy
from collections.abc import Iterator
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.contract.locations import find_locations
from bedrock_flask.converse import member
from bedrock_flask.json_schema import to_json_schema
from bedrock_flask.wires import WIRES


def every_field_is_described(adapter: Adapter) -> Iterator[str]:
    """Each field has a description, which callers read in the docs."""
    for path in dict.fromkeys(
        location.path for location in find_locations(adapter) if not location.field.metadata.get("description")
    ):
        yield f"{path} has no description"


def decode_is_there(adapter: Adapter) -> Iterator[str]:
    """A format of the plugin's own has `decode`, so that a truncated answer is detected and its usage is known."""
    if _is_own(adapter) and adapter.decode is None:
        yield "there is no decode: a truncated answer passes as complete, and the content of answers was not tested"


def encode_is_there(adapter: Adapter) -> Iterator[str]:
    """A format of the plugin's own has `encode`, so that clients of OpenAI's and Anthropic's APIs reach the model."""
    if _is_own(adapter) and adapter.encode is None and "converse" not in adapter.speaks:
        yield "there is no encode: clients of OpenAI's and Anthropic's APIs cannot reach the model"


def chunks_are_there(adapter: Adapter) -> Iterator[str]:
    """A model that streams has `chunks`, so that its stream is tested as it comes."""
    streams = any(each.streaming for each in adapter.models.values())
    if _is_own(adapter) and adapter.decode is not None and streams and not adapter.chunks:
        yield "it streams and has no chunks: the whole reply was tested as the only chunk (or set streaming=False)"


def usage_is_reported(adapter: Adapter) -> Iterator[str]:
    """`decode` returns the token counts of an answer that is billed by tokens."""
    counted = any(each.output in ("text", "embedding") for each in adapter.models.values())
    if not _is_own(adapter) or adapter.decode is None or adapter.reply is None or not counted:
        return
    if adapter.answer is not None and not _has_counts(to_json_schema(adapter.answer())):
        return
    if from_members(member(adapter.decode(copy.deepcopy(dict(adapter.reply))), "usage")) == Usage():
        yield "decode returns no usage for its reply: usage is known only if Bedrock's headers contain it"


def _has_counts(schema: Any) -> bool:
    """Whether a schema, or one inside it, has a number of tokens."""
    if isinstance(schema, list):
        return any(map(_has_counts, schema))
    if not isinstance(schema, dict):
        return False
    named = (each for name, each in schema.get("properties", {}).items() if "token" in name.lower())
    return any({"integer", "number"} & {*_list_types(each)} for each in named) or any(map(_has_counts, schema.values()))


def _list_types(schema: Any) -> list[str]:
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]


def _is_own(adapter: Adapter) -> bool:
    """Whether the plugin reads the model's answers; those of an asynchronous call are files in S3."""
    return adapter.wire not in WIRES and adapter.operation != ASYNC
