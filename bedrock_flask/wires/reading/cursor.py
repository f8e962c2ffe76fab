"""A place in the caller's body: how it is named, and where goes what Converse cannot say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.errors import FieldError, InvalidBody


def _is_null(name: str, value: Any) -> bool:
    return value is None


def equals_default(values: Mapping[str, Any]) -> Callable[[str, Any], bool]:
    """Whether a member says what is meant where nothing is said."""
    return lambda name, value: name in values and value == values[name]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The path of a value (`messages[0].content`), and the extras of the whole request, which are filled in reading."""

    path: str
    extras: Json

    def at(self, *names: str) -> "Cursor":
        """The place of a member, or of a member's member."""
        return Cursor(".".join(filter(None, (self.path, *names))), self.extras)

    def item(self, index: int) -> "Cursor":
        """The place of an array's item."""
        return Cursor(f"{self.path}[{index}]", self.extras)

    def leave(self, value: Any) -> None:
        """Converse cannot say what stands here."""
        self.extras[self.path] = value

    def leave_rest(self, told: Json, *taken: str, neutral: Callable[[str, Any], bool] = _is_null) -> None:
        """Converse cannot say what this object has besides the members that are taken.

        A member that is `neutral` asks for what happens anyway, as null does.
        """
        for name, value in told.items():
            if name not in taken and not _is_null(name, value) and not neutral(name, value):
                self.at(name).leave(value)

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
