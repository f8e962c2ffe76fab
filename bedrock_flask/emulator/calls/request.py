"""A call of the emulator as it arrived, what serves it, and how its body is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter, Engine
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.emulator.account import EmulatedAccount
from bedrock_flask.emulator.calls.presence import Presence
from bedrock_flask.emulator.calls.refusals import invalid
from bedrock_flask.errors import FieldError
from bedrock_flask.models.registry import Registry
from bedrock_flask.protocol.json import MalformedJSON, parse

NO_SUCH_MODEL = "The provided model identifier is invalid."


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call: `labels` are what its address names beside the model, names of headers are in lower case."""

    operation: str
    body: bytes
    engine: Engine
    presence: Presence
    account: EmulatedAccount
    model: str = ""
    labels: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    region: str

    @property
    def registry(self) -> Registry:
        """The plugins."""
        return self.account.registry

    def pick(self) -> tuple[Adapter, Capabilities]:
        """The adapter and the capabilities of the model; a Refusal where nobody claims it."""
        try:
            return self.registry.pick(self.account.catalogue.behind(self.model))
        except LookupError:
            raise invalid(NO_SUCH_MODEL) from None


def parsed(body: bytes) -> Any:
    """The JSON of a body, or the refusal of it."""
    try:
        return parse(body)
    except MalformedJSON as fault:
        told = f"{fault.path}: {fault.message}" if fault.path else fault.message
        raise invalid(f"Malformed input request: {told}, please reformat your input and try again.") from None


def checked(schema: fields.Schema, value: Any) -> Json:
    """A body that fits the schema, or the refusal of it."""
    if faults := fields.find_faults(schema, value):
        raise invalid(validation_errors(faults))
    body: Json = value
    return body


def validation_errors(faults: list[FieldError]) -> str:
    """The faults of a body in AWS's words."""
    told = "; ".join(f"Value at '{fault.path}' failed to satisfy constraint: {fault.message}" for fault in faults)
    return f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected: {told}"


def encoded(value: Any) -> bytes:
    """A JSON value as Bedrock sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
