"""The events of a stream as chunks of the answer: of Bedrock's own event stream, or server-sent events of a surface."""

from dataclasses import dataclass, field
from typing import Protocol

from bedrock_flask.bedrock.surfaces import DONE
from bedrock_flask.call import END, Call, Chunk
from bedrock_flask.errors import (
    CONNECTION_LOST,
    GatewayError,
    UpstreamProtocolError,
    UpstreamTruncated,
    read_reported_error,
)
from bedrock_flask.protocol import eventstream, sse, sse_decoder
from bedrock_flask.transport.frames import read_chunks
from bedrock_flask.transport.refusal import parse_any

_DONE = DONE.encode()


class Events(Protocol):
    """Reads the events of one stream, in whatever pieces it arrives."""

    def feed(self, piece: bytes) -> tuple[list[Chunk], GatewayError | None]:
        """The chunks that these bytes complete, and the error that comes after them, if there is one."""

    def close(self) -> None:
        """The stream has ended; UpstreamTruncated if it ended within an event."""


def find_media_type(call: Call) -> str:
    """The media type of the stream that answers a call."""
    return sse.MEDIA_TYPE if call.surface else eventstream.MEDIA_TYPE


def open_events(call: Call) -> Events:
    """A reader of the stream that answers a call."""
    return ServerSentEvents() if call.surface else Frames()


@dataclass(slots=True)
class Frames:
    """Reads Bedrock's own event stream."""

    _decoder: eventstream.Decoder = field(default_factory=eventstream.Decoder)

    def feed(self, piece: bytes) -> tuple[list[Chunk], GatewayError | None]:
        """See `Events.feed`."""
        return read_chunks(self._decoder, piece)

    def close(self) -> None:
        """See `Events.close`."""
        try:
            self._decoder.close()
        except eventstream.EventStreamError:
            raise _make_cut() from None


@dataclass(slots=True)
class ServerSentEvents:
    """Reads the stream of OpenAI's or Anthropic's API; the mark that ends a stream becomes a chunk of type END."""

    _decoder: sse_decoder.Decoder = field(default_factory=sse_decoder.Decoder)

    def feed(self, piece: bytes) -> tuple[list[Chunk], GatewayError | None]:
        """See `Events.feed`."""
        chunks: list[Chunk] = []
        try:
            for event in self._decoder.feed(piece):
                if event.name == "error":
                    return chunks, _read_error(event.data)
                chunks.append(Chunk(END, b"{}") if event.data.strip() == _DONE else Chunk("chunk", event.data))
        except sse_decoder.EventTooLong as error:
            return chunks, UpstreamProtocolError(f"Bedrock's stream cannot be read: {error}.")
        return chunks, None

    def close(self) -> None:
        """See `Events.close`."""
        if self._decoder.is_within_event:
            raise _make_cut()


def _read_error(data: bytes) -> GatewayError:
    """The error of an event that is named so, in the form of Anthropic, of OpenAI or of AWS."""
    document = parse_any(data)
    error = document.get("error") if isinstance(document, dict) else None
    return read_reported_error(error or document or data.decode("utf-8", "replace"))


def _make_cut() -> UpstreamTruncated:
    return UpstreamTruncated(f"{CONNECTION_LOST} Bedrock's stream ended within an event.")
