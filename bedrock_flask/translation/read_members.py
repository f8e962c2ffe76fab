"""Which members of a request a plugin's `encode` has read: what it has not read is not in the body that it makes."""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.protocol.json_path import extend_path

# Objects of a Converse request whose members are followed one by one; any other member is read as a whole.
_FOLLOWED = ("inferenceConfig", "toolConfig", "outputConfig", "additionalModelRequestFields")
_WHOLE = ("toolChoice", "textFormat")


class ReadMembers(dict[str, Any]):
    """An object that notes which of its members are read, also when it is copied, merged or written as JSON."""

    def __init__(self, members: Json, path: str = "", followed: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._path = path
        self._read: set[str] = set()
        for name, value in members.items():
            follow = isinstance(value, dict) and (name not in _WHOLE if path else name in followed)
            super().__setitem__(name, ReadMembers(value, extend_path(path, name)) if follow else value)

    def find_unread(self) -> Iterator[str]:
        """The paths of the members that nobody has read."""
        for name, value in super().items():
            if isinstance(value, ReadMembers) and len(value):
                yield from value.find_unread()
            elif name not in self._read:
                yield extend_path(self._path, name)

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The member, which is read."""
        self._read.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        # With an iterator of its own, Python copies and merges the object member by member.
        return super().__iter__()

    def items(self) -> Any:
        """All members, which are read."""
        self._read.update(self)
        return super().items()

    def values(self) -> Any:
        """All values, which are read."""
        self._read.update(self)
        return super().values()

    def copy(self) -> Json:
        """A plain copy; all members are read."""
        return dict(self.items())

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()


def note_reads(request: Json) -> ReadMembers:
    """The request as an object that notes what is read of it."""
    return ReadMembers(request, followed=_FOLLOWED)


def find_lost(request: ReadMembers) -> list[str]:
    """The paths of what was not read, except for the free choice of a tool; a law checks the messages."""
    config = dict.get(request, "toolConfig")
    is_free = isinstance(config, dict) and dict.get(config, "toolChoice") == {"auto": {}}
    nothing = {"messages", "toolConfig.toolChoice"} if is_free else {"messages"}
    return [path for path in request.find_unread() if path not in nothing]
