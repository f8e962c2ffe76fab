"""Strict fields: no value is coerced, and each field knows its own JSON Schema, unions included.

marshmallow's stock fields read `"64"` as an integer and `"yes"` as true; Bedrock does not. These fields refuse what the
model would refuse and nothing more: a bound that AWS does not document reliably is published in the schema
(`x-unverified-minimum`, `x-unverified-maximum`) and never enforced.
"""

from bedrock_flask.fields.containers import List, Nested, Object
from bedrock_flask.fields.faults import find_faults
from bedrock_flask.fields.field import Field
from bedrock_flask.fields.scalars import Anything, Boolean, Integer, Number, String
from bedrock_flask.fields.schema import UNKNOWN, Extensible, Open, Schema
from bedrock_flask.fields.unions import Either, OneKey, Tagged

__all__ = [
    "UNKNOWN",
    "Anything",
    "Boolean",
    "Either",
    "Extensible",
    "Field",
    "Integer",
    "List",
    "Nested",
    "Number",
    "Object",
    "OneKey",
    "Open",
    "Schema",
    "String",
    "Tagged",
    "find_faults",
]
