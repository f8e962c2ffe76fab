"""Read the text of one member of a JSON object while the object arrives in pieces."""

import re

# The characters that matter outside strings.
_MARK = re.compile(r'["{}\[\],:]')
# The units of a string; the last alternative is an escape that JSON does not have.
_UNIT = re.compile(r'(?P<plain>[^"\\]+)|\\u(?P<code>[0-9a-fA-F]{4})|\\(?P<letter>.)', re.DOTALL)
# An escape that continues in the next piece.
_CUT = re.compile(r"\\(u[0-9a-fA-F]{0,3})?\Z")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class MemberText:
    """Reads the text of one member of a JSON object from its pieces, however they are cut.

    `found` says whether the member has appeared; `raw` is everything that was fed.
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
        # The kind of string that is being read: `key`, `text` or `other`; empty between strings.
        self._string = ""

    def feed(self, piece: str) -> str:
        """Return what the next piece adds to the text."""
        self.raw += piece
        pending, position, text = self._pending + piece, 0, ""
        while position < len(pending):
            if self._string:
                read, position, ended = _read_string(pending, position)
                if self._string == "text":
                    text += self._join_held(read, ended)
                elif self._string == "key":
                    self._key += read
                if not ended:
                    break
                self._string = ""
            elif mark := _MARK.search(pending, position):
                position = mark.end()
                self._read_mark(mark[0])
            else:
                position = len(pending)
        self._pending = pending[position:]
        return text

    def _read_mark(self, mark: str) -> None:
        if mark == '"':
            self._begin_string()
        elif mark in "{[":
            self._depth += 1
            self._key_next = self._depth == 1 and mark == "{"
        elif mark in "}]":
            self._depth -= 1
        elif self._depth == 1:
            self._key_next = mark == ","

    def _begin_string(self) -> None:
        top = self._depth == 1
        if top and self._key_next:
            self._string, self._key = "key", ""
        elif top and self._key == self.name and not self.found:
            self._string, self.found = "text", True
        else:
            self._string = "other"

    def _join_held(self, read: str, ended: bool) -> str:
        """The text without half a surrogate pair at its end, which is held back for the next piece."""
        text, self._held = self._held + read, ""
        if not ended and text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return replace_lone_surrogates(text)


def _read_string(pending: str, position: int) -> tuple[str, int, bool]:
    """Read a string from this position: its text so far, where that ends, and whether the string ends there."""
    read = []
    while (unit := _UNIT.match(pending, position)) and not _CUT.match(pending, position):
        plain, code, letter = unit.groups()
        read.append(plain or (chr(int(code, 16)) if code else _LETTERS.get(letter, letter)))
        position = unit.end()
    ended = pending.startswith('"', position)
    return "".join(read), position + ended, ended


def replace_lone_surrogates(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates, which UTF-8 cannot encode."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
