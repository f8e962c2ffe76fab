"""What the bodies of OpenAI's Chat Completions and Responses share.

An optional member may be null, since clients send it so.
"""

from typing import Any

from bedrock_flask import fields
from bedrock_flask.fields import Field, Schema

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def make_tag(description: str) -> Field:
    """Make the required member that chooses the schema of its object."""
    return fields.String(required=True, description=description)


def make_string(description: str, *one_of: str, **options: Any) -> Field:
    """Make an optional string."""
    return fields.String(one_of=one_of, allow_none=True, description=description, **options)


def make_flag(description: str) -> Field:
    """Make an optional boolean."""
    return fields.Boolean(allow_none=True, description=description)


def make_object(description: str) -> Field:
    """Make an optional object with free member names."""
    return fields.Object(allow_none=True, description=description)


def make_nested(schema: type[Schema], description: str) -> Field:
    """Make an optional object of another schema."""
    return fields.Nested(schema, allow_none=True, description=description)


class Breakpoint(Schema):
    """OpenAI's cache breakpoint: the end of a cached prefix."""

    mode = fields.String(required=True, one_of=("explicit",), description="The breakpoint type.")
    ttl = make_string("The minimum time for which the prefix is cached.", "30m", "12h")


class CacheControl(Schema):
    """A cache breakpoint in Anthropic's form, as clients of several providers send it: the end of a cached prefix."""

    type = fields.String(required=True, one_of=("ephemeral",), description="The cache type.")
    ttl = fields.String(one_of=("5m", "1h"), allow_none=True, description="How long the prefix is cached.")


class Typed(Schema):
    """A format without settings: `text` or `json_object`."""

    type = make_tag("The format type.")


class Grammar(Schema):
    """A grammar that the caller defines."""

    definition = fields.String(required=True, description="The grammar.")
    syntax = fields.String(required=True, one_of=("lark", "regex"), description="The language of the grammar.")
