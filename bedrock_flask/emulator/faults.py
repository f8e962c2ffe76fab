"""Faults on request: for the next calls by an admin call, for one call by the header `x-emulator-fault`.

A fault is a function from what was ordered and the answer that would have come to the answer that comes. `after` counts
frames. To the faults that end or break something a whole reply is one frame, and what they do usually `after` 1 frame
they do to that one; to `stall` it is two halves.
"""

import difflib
import json
import math
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice, repeat
from types import MappingProxyType
from typing import Any

from bedrock_flask import fields
from bedrock_flask.closing import closing
from bedrock_flask.emulator.calls import delivery as sending
from bedrock_flask.emulator.calls.delivery import Answer, refused, streamed, whole
from bedrock_flask.emulator.calls.presence import Presence
from bedrock_flask.emulator.calls.refusals import STATUS, Refusal
from bedrock_flask.errors import FieldError
from bedrock_flask.protocol import eventstream
from bedrock_flask.protocol.json import MalformedJSON, parse

HEADER = "x-emulator-fault"

_SLOW = 5.0
_DRIP = 0.1
_MISSING = 512
_BOMB = 1 << 30
_GZIP = b"\x1f\x8b\x08" + 6 * b"\0" + b"\xff"
_PIECE, _LARGE_FRAME = 1 << 20, 16 << 20
_LONGEST = 64
_HTML = b"<html><head><title>Sorry</title></head><body><h1>We'll be back soon</h1></body></html>"
_HALF_JSON = b'{"output":{"message":{"role":"assistant","content":[{"text":"He'


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What was ordered: `count` calls long; the other members mean what FAULTS says, None where it decides."""

    fault: str
    count: int = 1
    after: int | None = None
    seconds: float | None = None
    size: int | None = None
    message: str = ""
    retry_after: str = ""
    status: int | None = None
    error: str = ""

    def position(self, answer: Answer, usually: int = 1) -> int:
        """The number of frames that come before: as ordered, or `usually` in a stream and none in a whole reply."""
        return self.after if self.after is not None else usually * answer.stream

    def refusal(self, name: str) -> Refusal:
        """The error that is meant, in the words that were ordered."""
        return Refusal(name, self.message, status=self.status, retry_after=self.retry_after)


Inject = Callable[[Fault, str, Callable[[], Answer], Presence], Answer]


# --- errors -----------------------------------------------------------------------------------------------------------


def _refuse(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return refused(fault.refusal(_ALIASES.get(fault.fault, fault.fault)))


def _unnamed(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    """As a load balancer answers: a status, no name, no JSON."""
    headers = {"Content-Type": "text/html"} | ({"Retry-After": fault.retry_after} if fault.retry_after else {})
    return whole(fault.message.encode() or _HTML, headers, status=fault.status or 502)


def _exception_frame(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    refusal = fault.refusal(fault.error or "modelStreamErrorException")
    return _ending_with(
        fault, real, eventstream.exception(refusal.streamed_name, json.dumps(refusal.document).encode())
    )


def _error_frame(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return _ending_with(
        fault, real, eventstream.error(fault.error or "InternalFailure", fault.message or "An internal failure.")
    )


def _ending_with(fault: Fault, real: Callable[[], Answer], frame: eventstream.Frame) -> Answer:
    answer = real()

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(each, fault.position(answer))
        yield eventstream.encode(frame)

    return _changed(answer, parts)


# --- time -------------------------------------------------------------------------------------------------------------


def _slow_first_byte(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    presence.wait(_SLOW if fault.seconds is None else fault.seconds)
    return real()


def _stall(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    answer = real()
    seconds = math.inf if fault.seconds is None else fault.seconds

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        if answer.stream:
            # The status line and the headers of a stream are there before its first frame.
            yield b""
        pieces = _pieces(answer, each)
        yield from islice(pieces, fault.position(answer, 0))
        presence.wait(seconds)
        yield from pieces

    return answer.but(parts=_made(answer, parts))


def _drip(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    answer = real()

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(each, fault.position(answer, 0))
        for part in each:
            for byte in part:
                presence.wait(_pace(fault))
                yield bytes((byte,))

    return answer.but(parts=_made(answer, parts))


def _drip_header(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return real().but(sending=sending.UNTIL_CLOSE, pace=_pace(fault))


def _pace(fault: Fault) -> float:
    return _DRIP if fault.seconds is None else fault.seconds


def _pieces(answer: Answer, each: Iterator[bytes]) -> Iterator[bytes]:
    """The frames of a stream, the halves of a whole reply."""
    return each if answer.stream else (half for part in each for half in _halves(part))


def _halves(part: bytes) -> tuple[bytes, bytes]:
    return part[: len(part) // 2], part[len(part) // 2 :]


# --- bodies that are not what they should be --------------------------------------------------------------------------


def _short_body(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    body = b"".join(real().parts)
    headers = {"Content-Length": str(len(body) + _MISSING)}
    return whole(body[: len(body) // 2], headers).but(sending=sending.CUT)


def _broken_json(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return whole(_HALF_JSON)


def _html(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return whole(_HTML, {"Content-Type": "text/html"})


def _empty_object(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return whole(b"{}")


def _gzip_bomb(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    answer = real()
    size = _BOMB if fault.size is None else fault.size

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        if answer.stream:
            return _packed(_with_large_frames(each, fault.position(answer), size))
        length, times = _at_once(size, _PIECE)
        return _packed(chain(repeat(b" " * length, times), each))

    bomb = _changed(answer, parts)
    return bomb.but(headers={**bomb.headers, "Content-Encoding": "gzip"})


def _with_large_frames(each: Iterator[bytes], position: int, size: int) -> Iterator[bytes]:
    """The frames; the one at the position comes large, by spaces behind its JSON, and again and again."""
    yield from islice(each, position)
    for part in islice(each, 1):
        length, times = _at_once(size, _LARGE_FRAME)
        [frame] = eventstream.Decoder().feed(part)
        yield from repeat(eventstream.encode(replace(frame, payload=frame.payload + b" " * length)), times)
    yield from each


def _at_once(size: int, most: int) -> tuple[int, int]:
    """The length of a piece, and how many of it make up that size or a little more."""
    length = min(size, most)
    return length, -(-size // length)


def _packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts in gzip, each sent as it is packed; one that comes again and again is packed once."""
    deflate, crc, size = zlib.compressobj(9, wbits=-zlib.MAX_WBITS), 0, 0
    last = packed = b""
    yield _GZIP
    for part in parts:
        if part is not last:
            # After a full flush the packed bytes do not refer to those before, so that they can be repeated.
            last, packed = part, deflate.compress(part) + deflate.flush(zlib.Z_FULL_FLUSH)
        crc, size = zlib.crc32(part, crc), size + len(part)
        yield packed
    yield deflate.flush() + struct.pack("<II", crc, size & 0xFFFFFFFF)


# --- streams that end or break ----------------------------------------------------------------------------------------


def _reset(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    answer = real()

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(each, fault.position(answer, 0))

    return answer.but(parts=_made(answer, parts), sending=sending.RESET)


def _half_frame(how: str) -> Inject:
    def inject(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
        answer = real()

        def parts(each: Iterator[bytes]) -> Iterator[bytes]:
            yield from islice(each, fault.position(answer))
            yield from (_halves(part)[0] for part in islice(each, 1))

        return _changed(answer, parts).but(sending=how)

    return inject


def _hang_up(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return Answer(sending=sending.CUT)


def _cut_in_header(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return real().but(sending=sending.IN_HEAD)


def _cut_between_chunks(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    answer = real()

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(_pieces(answer, each), 1 if fault.after is None else fault.after)

    return _changed(answer, parts).but(sending=sending.CUT)


def _no_terminal_event(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        if fault.after is not None:
            yield from islice(each, fault.after)
            return
        held = next(each, b"")
        for part in each:
            yield held
            held = part

    return _changed(real(), parts)


def _empty_stream(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    return streamed(())


def _bad_crc(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    answer = real()

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(each, fault.position(answer))
        yield from (part[:-1] + bytes([part[-1] ^ 0xFF]) for part in islice(each, 1))
        yield from each

    return _changed(answer, parts)


def _huge_prelude(fault: Fault, operation: str, real: Callable[[], Answer], presence: Presence) -> Answer:
    answer, lengths = real(), struct.pack(">II", 1 << 31, 0)

    def parts(each: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(each, fault.position(answer))
        yield lengths + struct.pack(">I", zlib.crc32(lengths))
        yield from each

    return _changed(answer, parts)


def _changed(answer: Answer, change: Callable[[Iterator[bytes]], Iterator[bytes]]) -> Answer:
    """The answer with other parts; a whole one loses its length, which would no longer be true."""
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
    return answer.but(headers=headers, parts=_made(answer, change))


def _made(answer: Answer, change: Callable[[Iterator[bytes]], Iterator[bytes]]) -> Iterator[bytes]:
    with closing(answer.parts) as each:
        yield from change(each)


# --- the table --------------------------------------------------------------------------------------------------------

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "throttle": "ThrottlingException",
        "not_ready": "ModelNotReadyException",
        "unavailable": "ServiceUnavailableException",
        "internal": "InternalServerException",
        "overloaded": "overloaded_error",
    }
)

_WORDS = ("message", "retry_after", "status")

# Each fault, and the members of an order that it looks at.
_TABLE: Mapping[str, tuple[Inject, tuple[str, ...]]] = MappingProxyType(
    {
        # `message`, `retry_after`, `status` override what Bedrock says.
        **dict.fromkeys((*STATUS, *_ALIASES), (_refuse, _WORDS)),
        # `status` (502), `message`, `retry_after`.
        "unnamed": (_unnamed, _WORDS),
        # `seconds` (5) of silence, then the answer.
        "slow_first_byte": (_slow_first_byte, ("seconds",)),
        # Silence `after` frames (0), for ever or for `seconds`; `after: 1` of a whole reply is half of it.
        "stall": (_stall, ("after", "seconds")),
        # `after` frames (0) at once, then byte by byte, `seconds` (0.1) before each; the status line and headers so.
        "drip": (_drip, ("after", "seconds")),
        "drip_header": (_drip_header, ("seconds",)),
        # A TCP reset `after` frames (0).
        "reset": (_reset, ("after",)),
        # Half of the body, under a Content-Length of more than the whole.
        "short_body": (_short_body, ()),
        # Status 200 each: JSON that is cut, an HTML page, an empty object.
        "broken_json": (_broken_json, ()),
        "html": (_html, ()),
        "empty_object": (_empty_object, ()),
        # The answer in gzip, few bytes, that unpacks to `size` (1 GiB) of spaces and more: before the JSON of a whole
        # reply; in a stream `after` frames (1), as large frames.
        "gzip_bomb": (_gzip_bomb, ("after", "size")),
        # The end of the connection instead of an answer; within its headers; after `after` whole chunks (1), but not
        # the empty one that ends a body: those of a whole reply are its halves.
        "hang_up": (_hang_up, ()),
        "cut_in_header": (_cut_in_header, ()),
        "cut_between_chunks": (_cut_between_chunks, ("after",)),
        # `after` frames (1), then half a frame, then: the end of the connection inside a chunk; a clean end; the end of
        # a body that only the end of the connection delimits.
        "cut_in_chunk": (_half_frame(sending.IN_CHUNK), ("after",)),
        "half_frame": (_half_frame(sending.AS_IT_IS), ("after",)),
        "half_frame_until_close": (_half_frame(sending.UNTIL_CLOSE), ("after",)),
        # All frames but the last, or `after` frames, then a clean end.
        "no_terminal_event": (_no_terminal_event, ("after",)),
        # Status 200 and a clean end.
        "empty_stream": (_empty_stream, ()),
        # `after` frames (1), then a frame with a wrong checksum, or one that says it has 2 GiB.
        "bad_crc": (_bad_crc, ("after",)),
        "huge_prelude": (_huge_prelude, ("after",)),
        # `after` frames (1), then a frame with the exception or the error named `error`, with `message`.
        "exception_frame": (_exception_frame, ("after", "error", "message")),
        "error_frame": (_error_frame, ("after", "error", "message")),
    }
)
FAULTS: Mapping[str, Inject] = MappingProxyType({name: inject for name, (inject, _) in _TABLE.items()})
MEMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType({name: members for name, (_, members) in _TABLE.items()})


# --- orders -----------------------------------------------------------------------------------------------------------


class FaultBody(fields.Schema):
    """One order of faults."""

    fault = fields.String(required=True)
    count = fields.Integer(min=1)
    after = fields.Integer(min=0)
    seconds = fields.Number(min=0)
    size = fields.Integer(min=1)
    message = fields.String()
    retry_after = fields.String(pattern=r"^[ -~]+$")
    status = fields.Integer(min=400, max=599)
    error = fields.String()


class BadOrder(ValueError):
    """An order of faults that cannot be read; the text says what is wrong with it."""


def read_orders(text: bytes) -> list[Fault]:
    """The faults of an admin call: one JSON object, or a list of them. BadOrder tells what does not fit."""
    try:
        told = parse(text)
    except MalformedJSON as fault:
        raise BadOrder(str(fault)) from None
    return [_read(order) for order in (told if isinstance(told, list) else [told])]


def read_words(text: str) -> list[Fault]:
    """The faults that the command line orders: a name, a JSON object, or a list of them."""
    if text.lstrip().startswith(("{", "[")):
        return read_orders(text.encode("utf-8", "surrogateescape"))
    return [_read({"fault": text.strip()})]


def read_header(text: str) -> Fault:
    """The fault of the header: its name, or a JSON object."""
    if text.lstrip().startswith("{"):
        return read_orders(text.encode("latin-1"))[0]
    return _read({"fault": text.strip()})


def _read(order: Any) -> Fault:
    found: list[FieldError] = fields.find_faults(FaultBody(), order) or list(_misfits(order))
    if found:
        raise BadOrder("; ".join(f"{fault.path or 'the order'}: {fault.message}" for fault in found))
    return Fault(**order)


def _misfits(order: Mapping[str, Any]) -> Iterator[FieldError]:
    """A fault that there is not, or members that it does not look at."""
    name: str = order["fault"]
    if name not in FAULTS:
        near = difflib.get_close_matches(name[:_LONGEST], FAULTS, 1)
        known = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(FAULTS)}"
        yield FieldError("fault", f"there is no fault '{name:.{_LONGEST}}'; {known}")
        return
    taken = ", ".join(("count", *MEMBERS[name]))
    for member in order:
        if member not in ("fault", "count", *MEMBERS[name]):
            yield FieldError(member, f"is nothing to '{name}', which takes {taken}")


class Orders:
    """The faults that wait for their calls, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        """Order more."""
        with self._lock:
            self._waiting += faults

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._waiting.clear()

    def take(self) -> Fault | None:
        """The fault of the call that is served now."""
        with self._lock:
            if not self._waiting:
                return None
            first = self._waiting.pop(0)
            if first.count > 1:
                self._waiting.insert(0, replace(first, count=first.count - 1))
            return first

    def listed(self) -> list[dict[str, Any]]:
        """What waits."""
        with self._lock:
            return [asdict(fault) for fault in self._waiting]
