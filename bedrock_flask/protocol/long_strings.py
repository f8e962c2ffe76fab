"""Long strings in a JSON text: cut out before it is parsed or edited, and put back into the result.

The standard library's scanner reads a string byte by byte. Of a request with a file nearly all bytes are one string:
a search for the next quotation mark finds its end at once, plain ASCII is its own value, and an edit of the text need
not copy it.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

# The characters that mean themselves within a string.
_PLAIN = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')
# A string of twice this size is found.
LONG = 65_536
# No text that others write has it. It does not end with a digit, so that no mark is the beginning of another.
_MARK = f"{secrets.token_hex(16)}x"


def parse(data: bytes, parse_json: Callable[[bytes], Any]) -> Any:
    """The value that `parse_json` gives for a text; a text that it refuses, or an odd one, it gets as it came."""
    found: dict[str, str] = {}
    spans: list[tuple[int, int]] = []
    for start, end in _find_spans(data):
        content = data[start:end]
        if not content.translate(None, _PLAIN):
            found[f"{_MARK}{len(spans)}x"] = str(content, "ascii")
            spans.append((start, end))
    if not spans:
        return parse_json(data)
    try:
        value, count = _restore(parse_json(_cut(data, spans)), found)
    except ValueError:
        # Its places are those of the shorter text.
        return parse_json(data)
    # A name, or a string with more in it than was cut out, is not put back.
    return value if count == len(found) else parse_json(data)


def shorten(data: bytes) -> tuple[str, Callable[[str], bytes]]:
    """A JSON text without its long strings, and a function that puts them back, unchanged, into an edited text.

    The text must be one that was parsed before.
    """
    # Behind the end of a string there is no letter or digit; behind its beginning base64 has one. A quotation mark
    # behind a backslash is not the end.
    spans = [
        (start, end)
        for start, end in _find_spans(data)
        if data[start : start + 1].isalnum() and data[end - 1 : end] != b"\\"
    ]

    def put_back(text: str) -> bytes:
        pieces: list[bytes | memoryview] = []
        position, view = 0, memoryview(data)
        for number, (start, end) in enumerate(spans):
            mark = f"{_MARK}{number}x"
            found = text.find(mark, position)
            if found < 0:
                found = text.find(mark)
                if found < 0:
                    # The edit has removed it.
                    continue
                # The edit has moved it: each is looked for on its own.
                return _put_back_anywhere(text, data, spans)
            pieces += [text[position:found].encode(), view[start:end]]
            position = found + len(mark)
        return b"".join([*pieces, text[position:].encode()])

    return (_cut(data, spans) if spans else data).decode(), put_back


def _put_back_anywhere(text: str, data: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    for number, (start, end) in enumerate(spans):
        text = text.replace(f"{_MARK}{number}x", data[start:end].decode())
    return text.encode()


def _find_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Where there is no quotation mark for long: behind one mark, and up to the next."""
    window = after = 0
    while window + LONG <= len(data):
        if data.find(b'"', window, window + LONG) >= 0:
            window += LONG
            continue
        # A window without a quotation mark is within a string that is longer than it.
        start, end = data.rfind(b'"', after, window) + 1, data.find(b'"', window)
        if end < 0:
            return
        if start:
            yield start, end
        window = after = end + 1


def _cut(data: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    pieces: list[bytes] = []
    position = 0
    for number, (start, end) in enumerate(spans):
        pieces += [data[position:start], f"{_MARK}{number}x".encode()]
        position = end
    return b"".join([*pieces, data[position:]])


def _restore(value: Any, found: Mapping[str, str]) -> tuple[Any, int]:
    """The value with each string in the place of its mark, and the number of places."""
    if isinstance(value, str) and value in found:
        return found[value], 1
    count, left = 0, [value] if isinstance(value, (dict, list)) else []
    while left:
        item = left.pop()
        members = item.items() if isinstance(item, dict) else enumerate(item)
        for name, member in members:
            if isinstance(member, (dict, list)):
                left.append(member)
            elif isinstance(member, str) and member in found:
                item[name] = found[member]
                count += 1
    return value, count
