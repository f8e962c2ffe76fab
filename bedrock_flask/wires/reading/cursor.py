"""A position in the caller's body: its path for errors, and the extras that collect what Converse cannot express."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol.json_path import extend_path

# Values by member name that mean the same as leaving the member out.
Defaults = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The path of a value (`messages[0].content`), and the extras of the whole request, which grow while it is read.

    `defaults` are the values, by member name, that the format treats like an absent member.
    """

    path: str
    extras: Json
    defaults: Defaults = field(default_factory=dict)

    def at(self, *names: str) -> "Cursor":
        """The cursor of a member, or of a member's member."""
        return replace(self, path=reduce(extend_path, names, self.path))

    def item(self, index: int) -> "Cursor":
        """The cursor of an array's item."""
        return replace(self, path=extend_path(self.path, index))

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

    def error(self, message: str) -> InvalidBody:
        """The exception for an invalid value here."""
        return InvalidBody([FieldError(self.path, message)])

    def parse(self, read: Callable[[str], Any], text: str) -> Any:
        """What `read` makes of the text here; a ValueError that it raises becomes the error of this value."""
        try:
            return read(text)
        except ValueError as error:
            raise self.error(str(error)) from None
