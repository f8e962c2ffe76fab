"""The text of one member of a JSON object, while the object arrives in pieces."""

import re

# What matters outside strings.
_MARK = re.compile(r'["{}\[\],:]')
# What a string consists of; the last alternative is an escape that JSON does not know.
_UNIT = re.compile(r'(?P<plain>[^"\\]+)|\\u(?P<code>[0-9a-fA-F]{4})|\\(?P<letter>.)', re.DOTALL)
# An escape that goes on in the next piece.
_CUT = re.compile(r"\\(u[0-9a-fA-F]{0,3})?\Z")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class MemberText:
    """Reads the text of one member of a JSON object from its pieces, however they are cut.

    `found` says whether the member was there; `raw` is all that was fed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.raw = ""
        self.found = False
        self._pending = ""
        self._held = ""
        self._depth = 0
        self._key = ""
        self._key_next = False
        # The string that is being read: a key, the text, or another; "" between strings.
        self._string = ""

    def feed(self, piece: str) -> str:
        """What the next piece adds to the text."""
        self.raw += piece
        pending, position, text = self._pending + piece, 0, ""
        while position < len(pending):
            if self._string:
                read, position, ended = _read(pending, position)
                if self._string == "text":
                    text += self._whole(read, ended)
                elif self._string == "key":
                    self._key += read
                if not ended:
                    break
                self._string = ""
            elif mark := _MARK.search(pending, position):
                position = mark.end()
                self._pass(mark[0])
            else:
                position = len(pending)
        self._pending = pending[position:]
        return text

    def _pass(self, mark: str) -> None:
        if mark == '"':
            self._begin()
        elif mark in "{[":
            self._depth += 1
            self._key_next = self._depth == 1 and mark == "{"
        elif mark in "}]":
            self._depth -= 1
        elif self._depth == 1:
            self._key_next = mark == ","

    def _begin(self) -> None:
        top = self._depth == 1
        if top and self._key_next:
            self._string, self._key = "key", ""
        elif top and self._key == self.name and not self.found:
            self._string, self.found = "text", True
        else:
            self._string = "other"

    def _whole(self, read: str, ended: bool) -> str:
        """The text without half a character at its end, which is held back, or replaced if nothing follows it."""
        text, self._held = self._held + read, ""
        if not ended and text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return mended(text)


def _read(pending: str, position: int) -> tuple[str, int, bool]:
    """What can be read of a string from there on, where that ends, and whether the string does."""
    read = []
    while (unit := _UNIT.match(pending, position)) and not _CUT.match(pending, position):
        plain, code, letter = unit.groups()
        read.append(plain or (chr(int(code, 16)) if code else _LETTERS.get(letter, letter)))
        position = unit.end()
    ended = pending.startswith('"', position)
    return "".join(read), position + ended, ended


def mended(text: str) -> str:
    """The text with surrogate pairs joined, and each lone surrogate replaced: no UTF-8 can be made of one."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
