"""HTTP/2 with prior knowledge, as the AWS SDK for JavaScript speaks it to `http://`.

Each stream becomes an HTTP/1.1 connection to the same worker. So the calls of one connection do not wait for each
other, a client that resets a stream is seen as one that has left, a response that breaks off resets only its own
stream, and every limit on an HTTP/1.1 client applies to each call. One thread serves all connections; it starts with
the first, and an idle connection costs nothing more.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gunicorn.http2.h2conn import server_connection_class
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from bedrock_flask.observability import logs
from bedrock_flask.server.workers import http1

LOG = logging.getLogger("bedrock_flask.http2")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Bytes of request bodies that a client may send before they are read, for one call and for a whole connection.
STREAM_WINDOW, CONNECTION_WINDOW = 1 << 18, 1 << 21
# Seconds for calls that cross our GOAWAY; for a client to finish and close; for `close` itself.
_LAST_CALL_SECONDS, _LINGER_SECONDS, _CLOSE_SECONDS = 2.0, 5.0, 3.0
# A GOAWAY with this stream id asks for no more calls, but refuses none that is in flight (RFC 9113, 6.8).
_MAX_STREAM_ID = 2**31 - 1
# The cost of frames that cause work but request nothing, and how much of it a client may cause at once and per second.
# h2 itself limits the number of open streams and the size of their headers.
ABUSE_COST: Mapping[type[events.Event], int] = MappingProxyType(
    {
        events.StreamReset: 5,
        events.PingReceived: 1,
        events.RemoteSettingsChanged: 1,
        events.SettingsAcknowledged: 1,
        events.UnknownFrameReceived: 1,
        events.PingAckReceived: 1,
        events.PriorityUpdated: 1,
        events.WindowUpdated: 1,
    }
)
ABUSE_BURST, ABUSE_PER_SECOND = 1000, 100

Dial = Callable[[], socket.socket]


def can_have_preface(received: bytes) -> bool:
    """Whether these first bytes are part of the HTTP/2 preface, or begin with it."""
    return PREFACE.startswith(received[: len(PREFACE)])


def has_preface(received: bytes) -> bool:
    """Whether these first bytes begin with the HTTP/2 preface."""
    return received.startswith(PREFACE)


@dataclass(frozen=True)
class Bounds:
    """The limits of a client; None means unlimited.

    `patience` is seconds until the first call and for each chunk of a response to be read, `idle` seconds without a
    call, `calls` the number of open calls of all clients.
    """

    patience: float | None = None
    idle: float | None = None
    calls: int | None = None


def read_bounds(worker: Any) -> Bounds:
    """The bounds that a worker's configuration implies."""
    # Each call needs two file descriptors here and one upstream; connections may take half of all.
    return Bounds(worker.limits.client, worker.cfg.keepalive, max(1, worker.worker_connections // 4))


class Bridge:
    """The thread that serves HTTP/2; `via` is the Via header that it adds to each call, if any."""

    def __init__(
        self,
        bounds: Bounds | None = None,
        via: str = "",
        make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self.bounds, self.via = bounds or Bounds(), via
        self.open_calls = 0
        self._make_loop = make_loop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: dict[_Connection, None] = {}
        # The event loop only keeps weak references to its tasks.
        self._served: set[Future[None]] = set()
        self._is_leaving = False

    def adopt(
        self,
        connection: socket.socket,
        dial: Dial,
        received: bytes = b"",
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        """Serve a connection, of which `received` has been read already; call `on_close` when it is closed.

        `dial` opens an HTTP/1.1 connection for one call; it is called in the HTTP/2 thread.
        """
        connection.setblocking(False)
        served = asyncio.run_coroutine_threadsafe(self._serve(connection, dial, received), self._ensure_loop())
        self._served.add(served)
        served.add_done_callback(self._served.discard)
        served.add_done_callback(lambda _: on_close())

    def refuse_new_calls(self) -> None:
        """Take no more calls, except those in flight, and close each connection after its last."""
        self._is_leaving = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._send_goaways)

    def close_longest_idle(self) -> None:
        """Close the connection that has been open longest without having a call, if there is one."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._close_longest_idle)

    def _close_longest_idle(self) -> None:
        if idle := next((connection for connection in self._connections if not connection.calls), None):
            # Its task ends later: the next one to be closed is another.
            del self._connections[idle]
            idle.abort()

    def close(self, seconds: float = 0) -> None:
        """Wait up to `seconds` for open calls, then cancel them and stop the thread."""
        if self._loop is not None:
            # `close` may be called twice: after Ctrl-C, and by the parent process.
            with contextlib.suppress(TimeoutError, CancelledError):
                cancelled = asyncio.run_coroutine_threadsafe(self._cancel_calls(seconds), self._loop)
                cancelled.result(seconds + _CLOSE_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _ensure_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = self._make_loop()
            threading.Thread(target=self._loop.run_forever, name="http2", daemon=True).start()
        return self._loop

    def _send_goaways(self) -> None:
        for connection in self._connections:
            connection.refuse_new_calls()

    async def _serve(self, sock: socket.socket, dial: Dial, received: bytes) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=sock)
            connection = _Connection(self, writer, dial)
            self._connections[connection] = None
            try:
                await connection.serve(reader, received, leaving=self._is_leaving)
            finally:
                self._connections.pop(connection, None)
        except OSError:
            LOG.debug("a client left its HTTP/2 connection")
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            LOG.error("an HTTP/2 connection failed: %s", logs.format_frames(error))

    @contextlib.contextmanager
    def reserve_call(self) -> Iterator[None]:
        """Count a call while it is open. Raises OSError if too many are open, as each needs file descriptors."""
        if self.bounds.calls is not None and self.open_calls >= self.bounds.calls:
            raise OSError(errno.EMFILE, "too many calls")
        self.open_calls += 1
        try:
            yield
        finally:
            self.open_calls -= 1

    async def _cancel_calls(self, seconds: float) -> None:
        calls = [call.task for connection in self._connections for call in connection.calls.values()]
        if calls and seconds:
            await asyncio.wait(calls, timeout=seconds)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@dataclass
class _Call:
    """One call: the chunks of its request body, and how many of its bytes are not yet acknowledged."""

    method: str
    task: "asyncio.Task[None]" = field(init=False)
    chunks: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)
    unacknowledged: int = 0


class _Connection:
    """One HTTP/2 connection, with its calls by stream id."""

    def __init__(self, bridge: Bridge, writer: asyncio.StreamWriter, dial: Dial) -> None:
        self._bridge, self._writer, self._dial = bridge, writer, dial
        # gunicorn's subclass lets open calls finish after a GOAWAY: that SDK sends one right after its request.
        state: H2Connection = server_connection_class()(H2Configuration(client_side=False, header_encoding="latin-1"))
        self._state = state
        self.calls: dict[int, _Call] = {}
        self._window_changed = asyncio.Event()
        # One call writes at a time: all at once would buffer too much for a client that reads slowly.
        self._send_lock = asyncio.Lock()
        self._idle_timeout = asyncio.timeout(bridge.bounds.patience)
        self._abuse, self._abuse_at = 0.0, 0.0
        # Updates of windows that answer what was sent.
        self._expected_updates = 0
        # The last stream that is served, once a GOAWAY has announced it.
        self._last_stream: int | None = None
        self._flushing = self._is_closed = False

    async def serve(self, reader: asyncio.StreamReader, received: bytes, *, leaving: bool) -> None:
        """Serve until the client leaves, breaks the protocol or is idle for too long; open calls are then cancelled."""
        try:
            async with self._idle_timeout:
                await self._read_frames(reader, received, leaving)
        except ProtocolError:
            # The last frame to the client names the error.
            self._flush()
        except TimeoutError:
            self._state.close_connection()
            self._flush()
        except asyncio.CancelledError:
            self._state.close_connection()
            self._flush()
            self._writer.close()
            raise
        except OSError:
            self._writer.transport.abort()
            raise
        finally:
            calls = [call.task for call in self.calls.values()]
            for task in calls:
                task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._is_closed = True
        await self._linger(reader)

    async def _read_frames(self, reader: asyncio.StreamReader, data: bytes, leaving: bool) -> None:
        self._state.initiate_connection()
        self._state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW})
        self._state.increment_flow_control_window(CONNECTION_WINDOW)
        if leaving:
            self.refuse_new_calls()
        while True:
            # h2 discards unsent data when it receives a GOAWAY.
            self._flush()
            for event in self._state.receive_data(data):
                self._count_abuse(event)
                _HANDLERS.get(type(event), _Connection._ignore)(self, event)
            self._flush()
            # A client that does not read is not read from either.
            await self._await_drain()
            data = await reader.read(http1.CHUNK)
            if not data:
                return

    async def _linger(self, reader: asyncio.StreamReader) -> None:
        """Half-close, and let the client finish: closing with unread bytes would lose the last frames."""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_LINGER_SECONDS):
                self._writer.write_eof()
                while await reader.read(http1.CHUNK):
                    pass
        self._writer.transport.abort()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    def refuse_new_calls(self) -> None:
        """Announce that no more calls are taken, and close after the last."""
        self._send_goaway(_MAX_STREAM_ID)
        asyncio.get_running_loop().call_later(_LAST_CALL_SECONDS, self._refuse_new_calls)

    def _refuse_new_calls(self) -> None:
        self._last_stream = self._state.highest_inbound_stream_id
        self._send_goaway(self._last_stream)
        if not self.calls:
            self._close_after(0)

    def _send_goaway(self, last: int) -> None:
        # Written without h2, which would refuse calls and stop sending responses after its own GOAWAY.
        self._flush()
        self._write(GoAwayFrame(0, last_stream_id=last).serialize())

    def _close_after(self, seconds: float | None) -> None:
        # The timeout has expired already, or its block has ended.
        with contextlib.suppress(RuntimeError):
            self._idle_timeout.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    # --- received events ---------------------------------------------------------------------------------------------

    def _count_abuse(self, event: events.Event) -> None:
        cost = ABUSE_COST.get(type(event), 0)
        if isinstance(event, events.DataReceived) and not event.data:
            cost = 1
        if isinstance(event, events.WindowUpdated) and self._expected_updates:
            self._expected_updates -= 1
            cost = 0
        if not cost:
            return
        now = asyncio.get_running_loop().time()
        self._abuse = max(0.0, self._abuse - (now - self._abuse_at) * ABUSE_PER_SECOND) + cost
        self._abuse_at = now
        if self._abuse > ABUSE_BURST:
            self._state.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise ProtocolError("too many frames without a request")

    def _open_call(self, event: Any) -> None:
        stream, ended = event.stream_id, event.stream_ended is not None
        if self._last_stream is not None and stream > self._last_stream:
            self._reset(stream, ErrorCodes.REFUSED_STREAM)
            return
        self._close_after(None)
        by_name = dict(event.headers)
        if ended and by_name.get("content-length", "").strip("0"):
            # A length without a body is malformed (RFC 9113, 8.1.1).
            self._reset(stream, ErrorCodes.PROTOCOL_ERROR)
            return
        chunked = not ended and "content-length" not in by_name
        call = self.calls[stream] = _Call(by_name.get(":method", ""))
        if ended:
            call.chunks.put_nowait(b"")
        call.task = asyncio.create_task(self._serve_call(stream, call, event.headers, chunked))
        call.task.add_done_callback(lambda _: self._remove_call(stream))

    def _remove_call(self, stream: int) -> None:
        call = self.calls.pop(stream)
        # Unread bytes that are never acknowledged would shrink the connection's window for good.
        self._acknowledge(stream, call.unacknowledged)
        if not self.calls:
            self._close_after(0 if self._last_stream is not None else self._bridge.bounds.idle)

    def _receive_body(self, event: Any) -> None:
        length, call = event.flow_controlled_length, self.calls.get(event.stream_id)
        # An empty chunk would mean the end of the body.
        if call and event.data:
            call.chunks.put_nowait(event.data)
            # Data is acknowledged when it is passed on, padding now.
            call.unacknowledged += len(event.data)
            length -= len(event.data)
        self._state.acknowledge_received_data(length, event.stream_id)

    def _end_body(self, event: Any) -> None:
        if call := self.calls.get(event.stream_id):
            call.chunks.put_nowait(b"")

    def _cancel(self, event: Any) -> None:
        if call := self.calls.get(event.stream_id):
            call.task.cancel()

    def _wake_senders(self, event: Any) -> None:
        changed, self._window_changed = self._window_changed, asyncio.Event()
        changed.set()

    def _ignore(self, event: Any) -> None:
        pass

    # --- one call -----------------------------------------------------------------------------------------------------

    async def _serve_call(self, stream: int, call: _Call, headers: http1.Headers, chunked: bool) -> None:
        try:
            head = http1.format_request_head(headers, self._bridge.via, chunked=chunked)
        except ValueError:
            self._reset(stream, ErrorCodes.PROTOCOL_ERROR)
            return
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._bridge.reserve_call())
                reader, writer = await asyncio.open_connection(sock=self._dial())
            except (OSError, RuntimeError):
                # Too many calls, out of files, or the worker has stopped.
                self._reset(stream, ErrorCodes.REFUSED_STREAM)
                return
            writer.write(head)
            await self._relay(stream, call, reader, writer, chunked)

    async def _relay(
        self, stream: int, call: _Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chunked: bool
    ) -> None:
        request_body = asyncio.create_task(self._send_request_body(stream, call, writer, chunked))
        try:
            await self._relay_response(stream, call, reader)
            await self._await_request_end(stream, request_body)
        except (OSError, EOFError):
            self._reset(stream, ErrorCodes.INTERNAL_ERROR)
        except ProtocolError:
            LOG.debug("a client reset its stream before the response was complete")
        except Exception as error:  # noqa: BLE001 - one call must not end the others
            LOG.error("a response could not be relayed: %s", logs.format_frames(error))
            self._reset(stream, ErrorCodes.INTERNAL_ERROR)
        finally:
            request_body.cancel()
            # Drops unread bytes: the worker sees at once that the client has left.
            writer.transport.abort()

    async def _send_request_body(self, stream: int, call: _Call, writer: asyncio.StreamWriter, chunked: bool) -> None:
        is_wanted = True
        while chunk := await call.chunks.get():
            # A body that the worker no longer reads is still received, so that the client gets to read the response.
            with contextlib.suppress(OSError):
                if is_wanted:
                    is_wanted = False
                    writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                    await writer.drain()
                    is_wanted = True
            call.unacknowledged -= len(chunk)
            self._acknowledge(stream, len(chunk))
        if is_wanted and chunked:
            writer.write(b"0\r\n\r\n")

    async def _relay_response(self, stream: int, call: _Call, reader: asyncio.StreamReader) -> None:
        status, headers = http1.read_head(await reader.readuntil(b"\r\n\r\n"))
        self._state.send_headers(stream, [(":status", status), *http1.drop_hop_by_hop(headers)])
        self._flush_soon()
        async for chunk in http1.read_body(reader, call.method, status, headers):
            async with asyncio.timeout(self._bridge.bounds.patience):
                await self._send(stream, chunk)
        self._state.end_stream(stream)
        self._flush_soon()

    async def _send(self, stream: int, data: bytes) -> None:
        while data:
            async with self._send_lock:
                room = min(self._state.local_flow_control_window(stream), self._state.max_outbound_frame_size)
                if room > 0:
                    self._state.send_data(stream, data[:room])
                    # A client may open both windows again after each frame.
                    self._expected_updates = min(self._expected_updates + 2, ABUSE_BURST)
                    data = data[room:]
                    # The last chunk is sent together with the end of the stream.
                    self._flush() if data else self._flush_soon()
                    await self._await_drain()
                    continue
                changed = self._window_changed
            await changed.wait()

    async def _await_request_end(self, stream: int, request_body: "asyncio.Task[None]") -> None:
        """Let a client finish that is still sending its body after the response."""
        if not request_body.done() and not (await asyncio.wait([request_body], timeout=_LINGER_SECONDS))[0]:
            self._reset(stream, ErrorCodes.NO_ERROR)

    # --- sent frames -------------------------------------------------------------------------------------------------

    def _acknowledge(self, stream: int, length: int) -> None:
        if length:
            self._state.acknowledge_received_data(length, stream)
            self._flush_soon()

    def _reset(self, stream: int, error: ErrorCodes) -> None:
        with contextlib.suppress(ProtocolError):
            self._state.reset_stream(stream, error)
            self._flush_soon()

    def _flush_soon(self) -> None:
        """Flush at the end of this iteration of the event loop, together with what is queued until then."""
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._write(self._state.data_to_send())

    def _write(self, data: bytes) -> None:
        if not self._is_closed:
            self._writer.write(data)

    async def _await_drain(self) -> None:
        try:
            async with asyncio.timeout(self._bridge.bounds.patience):
                await self._writer.drain()
        except TimeoutError:
            raise ConnectionResetError("the client is too slow") from None


_HANDLERS: Mapping[type[events.Event], Callable[[_Connection, Any], None]] = MappingProxyType(
    {
        events.RequestReceived: _Connection._open_call,
        events.DataReceived: _Connection._receive_body,
        events.StreamEnded: _Connection._end_body,
        events.StreamReset: _Connection._cancel,
        events.WindowUpdated: _Connection._wake_senders,
        events.RemoteSettingsChanged: _Connection._wake_senders,
    }
)
