"""HTTP/2 with prior knowledge, as the AWS SDK for JavaScript speaks it to `http://`.

Each stream becomes a connection of HTTP/1.1 to this same server. So the calls of one connection do not wait for each
other, a caller that resets its stream is one that leaves, and an answer that is broken off, by whatever fault, resets
its own stream and no other. One thread serves all connections; one that is idle costs nothing more.
"""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any

from gunicorn.http2.h2conn import server_connection_class
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

LOG = logging.getLogger("bedrock_flask.emulator")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Dial = Callable[[], socket.socket]
Headers = list[tuple[str, str]]

_PIECE = 64 * 1024
# What callers may send ahead of what is read: of one call, and of all calls of a connection.
_AHEAD, _ALL_AHEAD = 1 << 20, 1 << 24
_SECONDS_FOR_PREFACE, _LOOK_EVERY, _SECONDS_FOR_GOODBYE = 1.0, 0.01, 1.0
# What a message of HTTP/1.1 says of its connection and of its framing, and what a caller need not ask for here.
_OF_HTTP1 = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "expect"})


def begins(connection: socket.socket) -> bool:
    """Whether a connection begins as HTTP/2 does; its first bytes stay where they are."""
    until = time.monotonic() + _SECONDS_FOR_PREFACE
    while True:
        try:
            seen = connection.recv(len(PREFACE), socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return False
        # A request of HTTP/1.1 differs early; what is a part of the preface may yet become the whole.
        if len(seen) == len(PREFACE) or not seen or not PREFACE.startswith(seen) or time.monotonic() > until:
            return seen == PREFACE
        time.sleep(_LOOK_EVERY)


class Bridge:
    """The thread that serves HTTP/2."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # The loop itself holds what it serves by weak references only.
        self._serving: set[Future[None]] = set()
        threading.Thread(target=self._loop.run_forever, name="http2", daemon=True).start()

    def adopt(self, connection: socket.socket, dial: Dial) -> None:
        """Serve a connection from now on; `dial` opens one of HTTP/1.1, for one call."""
        connection.setblocking(False)
        served = asyncio.run_coroutine_threadsafe(_serve(connection, dial), self._loop)
        self._serving.add(served)
        served.add_done_callback(self._serving.discard)

    def close(self) -> None:
        """Say goodbye to all."""
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end_others(), self._loop).result(_SECONDS_FOR_GOODBYE)
        self._loop.call_soon_threadsafe(self._loop.stop)


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _serve(connection: socket.socket, dial: Dial) -> None:
    try:
        reader, writer = await asyncio.open_connection(sock=connection)
        await _Connection(writer, dial).serve(reader)
    except OSError:
        LOG.debug("a caller left its connection of HTTP/2")
    except Exception:
        LOG.exception("a connection of HTTP/2 failed")


class _Connection:
    """One connection of HTTP/2, with its calls by the number of their stream."""

    def __init__(self, writer: asyncio.StreamWriter, dial: Dial) -> None:
        self._writer, self._dial = writer, dial
        # gunicorn's kind lets calls under way finish after a GOAWAY: that SDK sends one as soon as it has asked.
        made: H2Connection = server_connection_class()(H2Configuration(client_side=False, header_encoding="latin-1"))
        self._state = made
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._bodies: dict[int, asyncio.Queue[bytes]] = {}
        self._moved = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Serve until the caller leaves or breaks the protocol; the calls that are under way then end."""
        self._state.initiate_connection()
        self._state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _AHEAD})
        self._state.increment_flow_control_window(_ALL_AHEAD)
        self._flush()
        try:
            while data := await reader.read(_PIECE):
                for event in self._state.receive_data(data):
                    _HEARD.get(type(event), _Connection._ignore)(self, event)
                self._flush()
        except ProtocolError:
            # What was wrong stands in the last frame to the caller.
            self._flush()
        except asyncio.CancelledError:
            self._state.close_connection()
            self._flush()
            raise
        finally:
            for call in self._calls.values():
                call.cancel()
            self._writer.close()

    # --- what is heard ------------------------------------------------------------------------------------------------

    def _begin(self, event: Any) -> None:
        stream, ended = event.stream_id, event.stream_ended is not None
        body = self._bodies[stream] = asyncio.Queue()
        self._calls[stream] = asyncio.create_task(self._call(stream, event.headers, None if ended else body))
        self._calls[stream].add_done_callback(lambda _: self._forget(stream))

    def _forget(self, stream: int) -> None:
        del self._calls[stream], self._bodies[stream]

    def _more_body(self, event: Any) -> None:
        length = event.flow_controlled_length
        # An empty piece would be taken for the end of the body.
        if event.stream_id in self._bodies and event.data:
            self._bodies[event.stream_id].put_nowait(event.data)
            # The data counts as received when it is passed on, the padding now.
            length -= len(event.data)
        self._state.acknowledge_received_data(length, event.stream_id)

    def _end_of_body(self, event: Any) -> None:
        if event.stream_id in self._bodies:
            self._bodies[event.stream_id].put_nowait(b"")

    def _cancel(self, event: Any) -> None:
        if event.stream_id in self._calls:
            self._calls[event.stream_id].cancel()

    def _move(self, event: Any) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _ignore(self, event: Any) -> None:
        pass

    # --- one call -----------------------------------------------------------------------------------------------------

    async def _call(self, stream: int, asked: Sequence[tuple[str, str]], body: asyncio.Queue[bytes] | None) -> None:
        reader, writer = await asyncio.open_connection(sock=self._dial())
        asking = asyncio.create_task(self._ask(stream, writer, asked, body))
        try:
            await self._answer(stream, reader, bodiless=(":method", "HEAD") in asked)
        except (OSError, EOFError):
            self._reset(stream)
        except ProtocolError:
            LOG.debug("a caller reset its stream before it was answered")
        except Exception:
            LOG.exception("an answer could not be passed on")
            self._reset(stream)
        finally:
            asking.cancel()
            writer.close()

    async def _ask(
        self,
        stream: int,
        writer: asyncio.StreamWriter,
        asked: Sequence[tuple[str, str]],
        body: asyncio.Queue[bytes] | None,
    ) -> None:
        chunked = body is not None and "content-length" not in dict(asked)
        writer.write(_request_head(asked, chunked))
        with contextlib.suppress(OSError):
            while body is not None and (piece := await body.get()):
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
                self._state.acknowledge_received_data(len(piece), stream)
                self._flush()
            writer.write(b"0\r\n\r\n" if chunked else b"")

    async def _answer(self, stream: int, reader: asyncio.StreamReader, bodiless: bool) -> None:
        status, headers = _read_head(await reader.readuntil(b"\r\n\r\n"))
        told = [(name, value) for name, value in headers.items() if name not in _OF_HTTP1]
        self._state.send_headers(stream, [(":status", status), *told])
        await self._flushed()
        async for piece in _body(reader, headers, bodiless):
            await self._send(stream, piece)
        self._state.end_stream(stream)
        await self._flushed()

    async def _send(self, stream: int, data: bytes) -> None:
        while data:
            room = min(self._state.local_flow_control_window(stream), self._state.max_outbound_frame_size)
            if room > 0:
                self._state.send_data(stream, data[:room])
                data = data[room:]
                await self._flushed()
            else:
                await self._moved.wait()

    def _reset(self, stream: int) -> None:
        with contextlib.suppress(ProtocolError):
            self._state.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
            self._flush()

    def _flush(self) -> None:
        self._writer.write(self._state.data_to_send())

    async def _flushed(self) -> None:
        self._flush()
        await self._writer.drain()


_HEARD: Mapping[type[events.Event], Callable[[_Connection, Any], None]] = MappingProxyType(
    {
        events.RequestReceived: _Connection._begin,
        events.DataReceived: _Connection._more_body,
        events.StreamEnded: _Connection._end_of_body,
        events.StreamReset: _Connection._cancel,
        events.WindowUpdated: _Connection._move,
        events.RemoteSettingsChanged: _Connection._move,
    }
)


def _request_head(asked: Sequence[tuple[str, str]], chunked: bool) -> bytes:
    told = dict(asked)
    host = told.get("host", told.get(":authority", ""))
    own = [(name, value) for name, value in asked if not name.startswith(":") and name not in _OF_HTTP1]
    framing = [("Transfer-Encoding", "chunked")] if chunked else []
    headers = [("Host", host), *own, ("Via", "2.0 emulator"), ("Connection", "close"), *framing]
    lines = [f"{told[':method']} {told[':path']} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _read_head(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = (line.partition(":") for line in lines)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in headers}


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str], bodiless: bool) -> AsyncIterator[bytes]:
    """The body as it comes; EOFError where it ends before its end."""
    if bodiless:
        return
    if "chunked" in headers.get("transfer-encoding", ""):
        while size := int(await reader.readuntil(b"\r\n"), 16):
            async for piece in _exactly(reader, size):
                yield piece
            await reader.readexactly(2)
    elif "content-length" in headers:
        async for piece in _exactly(reader, int(headers["content-length"])):
            yield piece
    else:
        while piece := await reader.read(_PIECE):
            yield piece


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, _PIECE))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece
