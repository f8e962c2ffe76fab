"""The text of an answer that is the input of a tool, read while the input arrives in pieces."""

# The property of a tool's input that holds an answer which cannot be the input itself.
PROPERTY = "answer"
_OPENING = f'{{"{PROPERTY}":'
# The places in the opening before which there may be white space: around the name of the property, not within it.
_SPACED = frozenset({0, 1, len(_OPENING) - 1})


class AnswerReader:
    """Reads the text of an answer from the pieces of a tool's input, of which one property may be the answer."""

    def __init__(self, *, is_wrapped: bool) -> None:
        self._begun = not is_wrapped
        self._is_inner = False
        self._is_over = False
        # What is held back while the opening is read, and how much of the opening it has.
        self._held: list[str] = []
        self._opened = 0
        self._depth, self._in_text, self._is_escaped = 0, False, False
        self.is_empty = True

    def feed(self, piece: str) -> str:
        """The part of the answer's text that is in a piece."""
        if not self._begun:
            piece = self._open(piece)
        text = self._cut(piece) if self._is_inner else piece
        self.is_empty = self.is_empty and not text
        return text

    def end(self) -> str:
        """What is missing at the end: a call without arguments has no pieces."""
        return self._release() or ("{}" if self.is_empty else "")

    def _open(self, piece: str) -> str:
        """What follows the opening of the property; a model that leaves the property out gives the answer itself."""
        for position, sign in enumerate(piece):
            is_open = self._opened == len(_OPENING)
            if not is_open and sign == _OPENING[self._opened]:
                self._opened += 1
            elif is_open and not sign.isspace():
                self._begun = self._is_inner = True
                self._held = []
                return piece[position:]
            elif not (sign.isspace() and (is_open or self._opened in _SPACED)):
                self._begun = True
                return self._release() + piece
        self._held.append(piece)
        return ""

    def _release(self) -> str:
        held, self._held = "".join(self._held), []
        return held

    def _cut(self, piece: str) -> str:
        """The piece up to the end of the value."""
        if self._is_over:
            return ""
        for position, sign in enumerate(piece):
            if self._in_text:
                self._in_text = self._is_escaped or sign != '"'
                self._is_escaped = not self._is_escaped and sign == "\\"
            elif sign == '"':
                self._in_text = True
            elif sign in "{[":
                self._depth += 1
            elif self._depth == 0 and sign in "},":
                self._is_over = True
                return piece[:position]
            elif sign in "}]":
                self._depth -= 1
        return piece
