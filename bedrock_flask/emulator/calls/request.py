"""A request to the emulator as it arrived, what serves it, and how its body is read."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.emulator.account.account import EmulatedAccount
from bedrock_flask.emulator.calls.errors import validation_error
from bedrock_flask.emulator.calls.presence import Presence
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.errors import FieldError
from bedrock_flask.models.registry import Registry
from bedrock_flask.protocol.json import MalformedJSON, parse

NO_SUCH_MODEL = "The provided model identifier is invalid."


@dataclass(frozen=True, kw_only=True)
class EmulatorRequest:
    """One request: `labels` are the path parameters besides the model, header names are in lower case.

    `unknown` collects the paths of what the schema does not know and a lenient emulator lets pass.
    """

    operation: str
    body: bytes
    engine: EmulatorEngine
    presence: Presence
    account: EmulatedAccount
    model: str = ""
    labels: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    region: str
    unknown: list[str] = field(default_factory=list)

    @property
    def registry(self) -> Registry:
        """The plugins."""
        return self.account.registry

    def find_adapter(self) -> tuple[Adapter, Capabilities]:
        """The adapter and the capabilities of the model; an EmulatedError if no plugin claims it."""
        try:
            return self.registry.pick(self.account.catalogue.resolve_profile(self.model))
        except LookupError:
            raise validation_error(NO_SUCH_MODEL) from None

    def keep_refused(self, faults: Iterable[FieldError]) -> list[FieldError]:
        """The faults that the emulator refuses; if it is lenient, unknown fields and new values only are reported."""
        faults = [*faults]
        if self.account.is_strict:
            return faults
        passing = [fault for fault in faults if fault.may_be_new]
        self.unknown.extend(fault.path for fault in passing if fault.path not in self.unknown)
        return [fault for fault in faults if fault not in passing]


def parse_body(body: bytes) -> Any:
    """Parse a JSON body; an EmulatedError if it is malformed."""
    try:
        return parse(body)
    except MalformedJSON as error:
        text = f"{error.path}: {error.message}" if error.path else error.message
        raise validation_error(f"Malformed input request: {text}, please reformat your input and try again.") from None


def check_body(schema: fields.Schema, value: Any) -> Json:
    """The body if it satisfies the schema; otherwise an EmulatedError."""
    if faults := fields.find_faults(schema, value):
        raise validation_error(describe_faults(faults))
    body: Json = value
    return body


def describe_faults(faults: list[FieldError]) -> str:
    """The faults of a body in AWS's words."""
    lines = "; ".join(f"Value at '{fault.path}' failed to satisfy constraint: {fault.message}" for fault in faults)
    return f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected: {lines}"


def encode_json(value: Any) -> bytes:
    """Encode a JSON value as Bedrock does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
