"""The text of a sample in a plugin's own format: the one that the adapter's `decode` reads, and how it is replaced."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.formats.neutral import decode_neutral, is_neutral
from bedrock_flask.emulator.formats.wire_format import iterate_texts
from bedrock_flask.emulator.replies.engine import split_pieces
from bedrock_flask.protocol.json_path import Path, put_at


def replace_text(adapter: Adapter, parts: Sequence[Json], text: str) -> list[Json] | None:
    """The parts with this text in place of theirs, piece by piece; None if it cannot be replaced."""
    if not _can_decode(adapter):
        return None
    numbers = [number for number, part in enumerate(parts) if read_text(adapter, [part])]
    path = _find_text(adapter, parts[numbers[0]]) if numbers else None
    if path is None:
        return None
    first, *rest = numbers
    is_one_piece = len(parts) == 1 or is_end(adapter, parts[first])
    pieces = [text] if is_one_piece else split_pieces(text)
    replaced = [*parts[:first], *(put_at(parts[first], path, piece) for piece in pieces)]
    for number, part in enumerate(parts[first + 1 :], first + 1):
        if number not in rest:
            replaced.append(part)
        elif is_end(adapter, part) and (path := _find_text(adapter, part)) is not None:
            replaced.append(put_at(part, path, ""))
    return replaced if read_text(adapter, replaced) == text else None


def _find_text(adapter: Adapter, part: Json) -> Path | None:
    """The path of the text that `decode` reads: one that equals what it returns, and that it misses when emptied."""
    text = read_text(adapter, [part]).strip()
    paths = (path for path, value in _iterate_paths(part) if value.strip() == text)
    return next((path for path in paths if not read_text(adapter, [put_at(part, path, "")])), None)


def _iterate_paths(value: Any) -> Iterator[tuple[Path, str]]:
    """Each text of a value, with its path."""
    if isinstance(value, str):
        yield (), value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from (((name, *path), text) for path, text in _iterate_paths(inner))


def read_text(adapter: Adapter, parts: Sequence[Json]) -> str:
    """The text of the parts, as `decode` reads it; without `decode`, all their texts."""
    if not _can_decode(adapter):
        return " ".join(iterate_texts(parts))
    contents = (member(_decode(adapter, part), "output", "message", "content") for part in parts)
    return "".join(block.get("text", "") for content in contents for block in content or ())


def _can_decode(adapter: Adapter) -> bool:
    return adapter.decode is not None or is_neutral(adapter)


def is_end(adapter: Adapter, part: Json) -> bool:
    """Whether `decode` reads a stop reason from a part."""
    return member(_decode(adapter, part), "stopReason") is not None


def _decode(adapter: Adapter, part: Json) -> Any:
    decode = decode_neutral if adapter.decode is None or is_neutral(adapter) else adapter.decode
    try:
        return decode(copy.deepcopy(part))
    except PLUGIN_CRASHES:
        return {}
