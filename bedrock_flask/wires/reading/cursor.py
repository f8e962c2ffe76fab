"""A position in the caller's body: its path, and what a reader collects: extras and faults."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol.json_places import place_at

# What is read instead of a block with a fault.
STAND_IN: Json = {"text": "unreadable"}
# Values by member name that mean the same as leaving the member out.
Defaults = Mapping[str, tuple[Any, ...]]


# Not frozen: there is one for each value that is read, and to make a frozen one takes three times as long.
@dataclass(slots=True)
class Cursor:
    """The path of a value (`messages[0].content`), and the extras and the faults of the whole request.

    Both grow while it is read. `defaults` are the values, by member name, that the format treats like an absent member.
    """

    path: str
    extras: Json
    defaults: Defaults = field(default_factory=dict)
    faults: list[FieldError] = field(default_factory=list)

    def at(self, *names: str) -> "Cursor":
        """The cursor of a member, or of a member's member."""
        path = self.path
        for name in names:
            path = f"{path}.{name}" if path else name
        return Cursor(path, self.extras, self.defaults, self.faults)

    def item(self, index: int) -> "Cursor":
        """The cursor of an array's item."""
        return Cursor(f"{self.path}[{index}]", self.extras, self.defaults, self.faults)

    def add_extra(self, value: Any) -> None:
        """Add the value to the extras, under its path: Converse cannot express it."""
        self.extras[self.path] = value

    def add_unread(self, value: Json, *read: str, defaults: Defaults | None = None) -> None:
        """Add the members of this object that are not `read` to the extras, except null and the defaults."""
        known = self.defaults if defaults is None else defaults
        for name, inner in value.items():
            if name not in read and inner is not None and inner not in known.get(name, ()):
                self.at(name).add_extra(inner)

    def add_hint(self, name: str, value: Any) -> None:
        """Add the value to an extra that collects values from several paths, so that the extra's name can be a hint."""
        self.extras.setdefault(name, {})[self.path] = value

    def reject(self, message: str) -> None:
        """Note that the value here is invalid, and go on, so that every fault is found."""
        self.faults.append(FieldError(self.path, message))

    def gather(self, blocks: Iterable[Json]) -> Iterator[Json]:
        """The blocks; one that cannot be read is noted as a fault."""
        try:
            yield from blocks
        except InvalidBody as error:
            self.faults.extend(error.fields)
            yield STAND_IN

    def finish(self, request: Request) -> Request:
        """The request that was read; InvalidBody if it has faults."""
        if self.faults:
            raise InvalidBody(self.faults, rest=request)
        return request

    def error(self, message: str) -> InvalidBody:
        """The exception for a value that nothing can be made of."""
        return InvalidBody([FieldError(self.path, message)])

    def parse(self, read: Callable[[str], Any], text: str) -> Any:
        """What `read` makes of the text here; a ValueError that it raises becomes the error of this value."""
        try:
            return place_at(read(text), text)
        except ValueError as error:
            raise self.error(str(error)) from None
