"""The faults that wait for their calls, and how an order of faults is read."""

import difflib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from bedrock_flask import fields
from bedrock_flask.emulator.faults.inject import Fault
from bedrock_flask.emulator.faults.table import FAULTS
from bedrock_flask.errors import FieldError
from bedrock_flask.protocol.json import MalformedJSON, parse

HEADER = "x-emulator-fault"

_NAME_SHOWN = 64


# No call has as many frames, no test waits for as long, no gateway unpacks as much.
_MAX_COUNT, _MAX_SECONDS, _MAX_BYTES = 1_000_000, 86_400, 1 << 34


class _FaultSchema(fields.Schema):
    fault = fields.String(required=True)
    count = fields.Integer(min=1, max=_MAX_COUNT)
    after = fields.Integer(min=0, max=_MAX_COUNT)
    seconds = fields.Number(min=0, max=_MAX_SECONDS)
    size = fields.Integer(min=1, max=_MAX_BYTES)
    message = fields.String()
    retry_after = fields.String(pattern=r"\A[ -~]+\Z")
    status = fields.Integer(min=400, max=599)
    error = fields.String()
    operation = fields.String()


_COUNTS = frozenset({"count", "after", "size", "status"})


class InvalidFault(ValueError):
    """An order of faults that cannot be read; the text says what is wrong with it."""


def parse_faults(text: bytes) -> list[Fault]:
    """Parse the faults of an admin call: one JSON object, or a list of them. Raises InvalidFault."""
    try:
        order = parse(text)
    except MalformedJSON as error:
        raise InvalidFault(str(error)) from None
    return [_read_fault(each) for each in (order if isinstance(order, list) else [order])]


def parse_argument(text: str) -> list[Fault]:
    """Parse the faults of a command line argument: a name, a JSON object, or a list of them. Raises InvalidFault."""
    if text.lstrip().startswith(("{", "[")):
        return parse_faults(text.encode("utf-8", "surrogateescape"))
    return [_read_fault({"fault": text.strip()})]


def parse_header(text: str) -> Fault:
    """Parse the fault of the header: a name, or a JSON object. Raises InvalidFault."""
    if text.lstrip().startswith("{"):
        return parse_faults(text.encode("latin-1"))[0]
    return _read_fault({"fault": text.strip()})


def _read_fault(order: Any) -> Fault:
    errors: list[FieldError] = fields.find_faults(_FaultSchema(), order) or list(_find_unknown_members(order))
    if errors:
        raise InvalidFault("; ".join(f"{error.path or 'the order'}: {error.message}" for error in errors))
    # JSON Schema takes 64.0 for an integer, and a count of frames must be one for Python too.
    members: dict[str, Any] = {name: int(value) if name in _COUNTS else value for name, value in order.items()}
    return Fault(**members)


def _find_unknown_members(order: Mapping[str, Any]) -> Iterator[FieldError]:
    """The name of a fault that does not exist, or the members that the fault does not take."""
    name: str = order["fault"]
    if name not in FAULTS:
        near = difflib.get_close_matches(name[:_NAME_SHOWN], FAULTS, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"the faults are {', '.join(FAULTS)}"
        yield FieldError("fault", f"there is no fault '{name:.{_NAME_SHOWN}}'; {hint}")
        return
    members = ("count", "operation", *FAULTS[name].members)
    for member in order:
        if member not in ("fault", *members):
            yield FieldError(member, f"'{name}' does not take it; it takes {', '.join(members)}")


class FaultQueue:
    """The faults that wait for their calls, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        """Add faults at the end."""
        with self._lock:
            self._pending += faults

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._pending.clear()

    def take(self, operation: str) -> Fault | None:
        """Take the first fault for a call of this operation, if any is pending."""
        with self._lock:
            places = (place for place, each in enumerate(self._pending) if each.operation in ("", operation))
            if (place := next(places, None)) is None:
                return None
            found = self._pending.pop(place)
            if found.count > 1:
                self._pending.insert(place, replace(found, count=found.count - 1))
            return found

    def list_pending(self) -> list[dict[str, Any]]:
        """The pending faults, as JSON objects."""
        with self._lock:
            return [asdict(fault) for fault in self._pending]
