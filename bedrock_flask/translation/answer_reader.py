"""The text of an answer that is the input of a tool, read while the input arrives in pieces."""

import re

# The property of a tool's input that holds an answer which cannot be the input itself.
PROPERTY = "answer"
_OPENING = re.compile(rf'\s*\{{\s*"{PROPERTY}"\s*:\s*')


class AnswerReader:
    """Reads the text of an answer from the pieces of a tool's input, of which one property may be the answer."""

    def __init__(self, *, is_wrapped: bool) -> None:
        self._begun = not is_wrapped
        self._is_inner = False
        self._is_over = False
        self._held = ""
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
        rest, self._held = self._held, ""
        return rest or ("{}" if self.is_empty else "")

    def _open(self, piece: str) -> str:
        """What follows the opening of the property; a model that leaves the property out gives the answer itself."""
        self._held += piece
        if found := _OPENING.match(self._held):
            rest = self._held[found.end() :]
            # The white space after the colon may go on.
            if not rest:
                return ""
            self._begun = self._is_inner = True
        elif _may_open(self._held):
            return ""
        else:
            rest, self._begun = self._held, True
        self._held = ""
        return rest

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


def _may_open(text: str) -> bool:
    """Whether a text may be the beginning of the opening of the property."""
    plain = "".join(text.split())
    opening = f'{{"{PROPERTY}":'
    return opening.startswith(plain)
