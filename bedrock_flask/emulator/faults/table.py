"""The faults by name, with the members that each reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.bedrock.errors import ERRORS
from bedrock_flask.emulator.calls.response import CUT_IN_CHUNK, NORMAL, UNTIL_CLOSE
from bedrock_flask.emulator.faults import inject
from bedrock_flask.emulator.faults.inject import ALIASES, Inject


@dataclass(frozen=True)
class FaultType:
    """What a fault does, and the members of an order that it reads beside `count`."""

    inject: Inject
    members: tuple[str, ...] = ()


_ERROR_MEMBERS = ("message", "retry_after", "status")
_FRAME_MEMBERS = ("after", "error", "message")

FAULTS: Mapping[str, FaultType] = MappingProxyType(
    {
        # `message`, `retry_after` and `status` override Bedrock's.
        **dict.fromkeys((*ERRORS, *ALIASES), FaultType(inject.answer_with_error, _ERROR_MEMBERS)),
        # `status` (502), `message`, `retry_after`.
        "unnamed": FaultType(inject.answer_as_load_balancer, _ERROR_MEMBERS),
        # `seconds` (5) of silence, then the response.
        "slow_first_byte": FaultType(inject.delay_first_byte, ("seconds",)),
        # Silence `after` frames (0), for `seconds` or for ever; `after: 1` of a whole body is half of it.
        "stall": FaultType(inject.stall, ("after", "seconds")),
        # `after` frames (0) at once, then byte by byte, `seconds` (0.1) before each; the same for the headers.
        "drip": FaultType(inject.drip, ("after", "seconds")),
        "drip_header": FaultType(inject.drip_header, ("seconds",)),
        # A TCP reset `after` frames (0).
        "reset": FaultType(inject.reset, ("after",)),
        # Half of the body, under a Content-Length of more than the whole.
        "short_body": FaultType(inject.send_short_body),
        # With status 200: JSON that is cut off, an HTML page, an empty object.
        "broken_json": FaultType(inject.send_broken_json),
        "html": FaultType(inject.send_html),
        "empty_object": FaultType(inject.send_empty_object),
        # Few bytes of gzip that unpack to `size` (1 GiB) of spaces and more: before the JSON of a whole body; in a
        # stream as large frames after `after` frames (1).
        "gzip_bomb": FaultType(inject.send_gzip_bomb, ("after", "size")),
        # The end of the connection instead of a response; within its headers; after `after` whole chunks (1) and before
        # the empty one that ends a body: the chunks of a whole body are its halves.
        "hang_up": FaultType(inject.hang_up),
        "cut_in_header": FaultType(inject.cut_in_header),
        "cut_between_chunks": FaultType(inject.cut_between_chunks, ("after",)),
        # `after` frames (1), half a frame, and then the end of the connection inside a chunk; a clean end; the end of a
        # body that only the end of the connection delimits.
        "cut_in_chunk": FaultType(inject.make_half_frame(CUT_IN_CHUNK), ("after",)),
        "half_frame": FaultType(inject.make_half_frame(NORMAL), ("after",)),
        "half_frame_until_close": FaultType(inject.make_half_frame(UNTIL_CLOSE), ("after",)),
        # All frames but the last, or `after` frames, then a clean end.
        "no_terminal_event": FaultType(inject.drop_terminal_event, ("after",)),
        # Status 200 and a clean end.
        "empty_stream": FaultType(inject.send_empty_stream),
        # `after` frames (1), then a frame with a wrong checksum, or one that announces 2 GiB; among server-sent events
        # an event whose JSON is cut off, or a line that is not UTF-8.
        "bad_crc": FaultType(inject.damage_frame, ("after",)),
        "huge_prelude": FaultType(inject.send_foreign_bytes, ("after",)),
        # `after` frames (1), then a frame with the exception or the error named `error`, with `message`.
        "exception_frame": FaultType(inject.end_with_exception_frame, _FRAME_MEMBERS),
        "error_frame": FaultType(inject.end_with_error_frame, _FRAME_MEMBERS),
    }
)
