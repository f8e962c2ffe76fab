"""The query of an address, by a schema: read and checked, and described in the OpenAPI document."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bedrock_flask import json_schema
from bedrock_flask.converse import Json
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.query import read_query
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.fields import Integer, Schema, find_faults


def read_members(exchange: Exchange, schema: Schema) -> dict[str, Any]:
    """The members of the query; raises InvalidBody with the names of the caller's parameters."""
    pairs = read_query(exchange)
    times = Counter(name for name, _ in pairs)
    faults = [FieldError(name[:100], "is given twice") for name, count in times.items() if count > 1]
    given: dict[str, Any] = dict(pairs)
    for name, field in schema.fields.items():
        if isinstance(field, Integer) and re.fullmatch(r"[0-9]{1,9}", given.get(name, "")):
            given[name] = int(given[name])
    if faults := faults or find_faults(schema, given):
        raise InvalidBody(faults)
    return given


def describe_query(schema: Schema) -> Iterator[Json]:
    """The parameters in the OpenAPI document."""
    for name, described in json_schema.to_json_schema(schema)["properties"].items():
        rest = {keyword: value for keyword, value in described.items() if keyword != "description"}
        yield {"in": "query", "name": name, "schema": rest, "description": described["description"]}
