"""A place in the caller's body: how it is named, and where goes what Converse cannot say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.errors import FieldError, InvalidBody

# Values by member name that mean the same as leaving the member out.
Defaults = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The path of a value (`messages[0].content`), and the extras of the whole request, which are filled in reading."""

    path: str
    extras: Json
    defaults: Defaults = field(default_factory=dict)

    def at(self, *names: str) -> "Cursor":
        """The place of a member, or of a member's member."""
        return replace(self, path=".".join(filter(None, (self.path, *names))))

    def item(self, index: int) -> "Cursor":
        """The place of an array's item."""
        return replace(self, path=f"{self.path}[{index}]")

    def leave(self, value: Any) -> None:
        """Converse cannot say what stands here."""
        self.extras[self.path] = value

    def leave_rest(self, value: Json, *read: str, defaults: Defaults | None = None) -> None:
        """Add the members of this object that are not `read` to the extras, except null and the defaults."""
        known = self.defaults if defaults is None else defaults
        for name, inner in value.items():
            if name not in read and inner is not None and inner not in known.get(name, ()):
                self.at(name).leave(inner)

    def mention(self, name: str, value: Any) -> None:
        """The same, under one name for all such places: that name can be a hint."""
        self.extras.setdefault(name, {})[self.path] = value

    def wrong(self, message: str) -> InvalidBody:
        """What stands here is not valid."""
        return InvalidBody([FieldError(self.path, message)])

    def made(self, read: Callable[[str], Any], text: str) -> Any:
        """What `read` makes of the text that stands here; its ValueError is what is wrong with it."""
        try:
            return read(text)
        except ValueError as error:
            raise self.wrong(str(error)) from None
