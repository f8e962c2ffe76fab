"""HTTP/2 with prior knowledge, as the AWS SDK for JavaScript speaks it to `http://`.

Each stream becomes a connection of HTTP/1.1 to this same worker. So the calls of one connection do not wait for each
other, a caller that resets its stream is one that leaves, and an answer that is broken off, by whatever fault, resets
its own stream and no other; and what bounds a client of HTTP/1.1 bounds each call. One thread serves all connections;
it begins with the first, and one that is idle costs nothing more.
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

# What callers may send ahead of what is read: of one call, and of all calls of a connection.
_AHEAD, _ALL_AHEAD = 1 << 18, 1 << 21
# Seconds in which a call that is on its way meets our goodbye; for a client to finish and close; for us to do so.
_LAST_CALL, _LINGER, _GOODBYE = 2.0, 5.0, 3.0
# No call has this number: a goodbye that names it asks for no more calls, and refuses none that is on its way.
_NO_CALL = 2**31 - 1
# Frames that cost work and ask for nothing, by what each counts; a client may send so many at once, and so many a
# second. h2 itself bounds the streams that are open at one time, and the size of their headers.
_TROUBLE: Mapping[type[events.Event], int] = MappingProxyType(
    {
        events.StreamReset: 5,
        events.PingReceived: 1,
        events.RemoteSettingsChanged: 1,
        events.SettingsAcknowledged: 1,
        events.UnknownFrameReceived: 1,
    }
)
_TROUBLE_AT_ONCE, _TROUBLE_A_SECOND = 1000, 100

Dial = Callable[[], socket.socket]


def may_begin(seen: bytes) -> bool:
    """Whether a connection that begins so is one of HTTP/2, or may yet become one."""
    return PREFACE.startswith(seen[: len(PREFACE)])


def begins(seen: bytes) -> bool:
    """Whether a connection that begins so is one of HTTP/2."""
    return seen.startswith(PREFACE)


@dataclass(frozen=True)
class Bounds:
    """How long a client may take, in seconds, and how many calls all may have open; None is without end.

    `patience` is for its first call, and for it to take each piece of an answer; `idle` is without a call.
    """

    patience: float | None = None
    idle: float | None = None
    calls: int | None = None


def bounds(worker: Any) -> Bounds:
    """The bounds of a worker of the gateway's."""
    # Each call takes two files here and one upstream, and the connections may take half of all.
    return Bounds(worker.limits.client, worker.cfg.keepalive, max(1, worker.worker_connections // 4))


class Bridge:
    """The thread that serves HTTP/2; `via` is what it adds to each call, if anything."""

    def __init__(
        self,
        bounds: Bounds | None = None,
        via: str = "",
        make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self.bounds, self.via = bounds or Bounds(), via
        self._calls = 0
        self._make_loop = make_loop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: set[_Connection] = set()
        # The loop itself holds what it serves by weak references only.
        self._serving: set[Future[None]] = set()
        self._leaving = False

    def adopt(
        self, connection: socket.socket, dial: Dial, seen: bytes = b"", over: Callable[[], object] = lambda: None
    ) -> None:
        """Serve a connection from now on, of which some bytes may have been read already; tell when it is over.

        `dial` opens a connection of HTTP/1.1, for one call; it is called in the thread of HTTP/2.
        """
        connection.setblocking(False)
        served = asyncio.run_coroutine_threadsafe(self._serve(connection, dial, seen), self._started())
        self._serving.add(served)
        served.add_done_callback(self._serving.discard)
        served.add_done_callback(lambda _: over())

    def leave(self) -> None:
        """Take no more calls, save those on their way, and close each connection after its last."""
        self._leaving = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._leave)

    def close(self, seconds: float = 0) -> None:
        """Wait so long for the calls that are open, and end."""
        if self._loop is not None:
            # It may be asked to close twice: by a key on the keyboard, and by the process above.
            with contextlib.suppress(TimeoutError, CancelledError):
                asyncio.run_coroutine_threadsafe(self._end(seconds), self._loop).result(seconds + _GOODBYE)
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = self._make_loop()
            threading.Thread(target=self._loop.run_forever, name="http2", daemon=True).start()
        return self._loop

    def _leave(self) -> None:
        for each in self._connections:
            each.leave()

    async def _serve(self, sock: socket.socket, dial: Dial, seen: bytes) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=sock)
            connection = _Connection(self, writer, dial)
            self._connections.add(connection)
            try:
                await connection.serve(reader, seen, leaving=self._leaving)
            finally:
                self._connections.discard(connection)
        except OSError:
            LOG.debug("a caller left its connection of HTTP/2")
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            LOG.error("a connection of HTTP/2 failed: %s", logs.format_frames(error))

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place for a call; OSError when there are too many already, for each takes files."""
        if self.bounds.calls is not None and self._calls >= self.bounds.calls:
            raise OSError(errno.EMFILE, "too many calls")
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def _end(self, seconds: float) -> None:
        calls = [call.task for each in self._connections for call in each.calls.values()]
        if calls and seconds:
            await asyncio.wait(calls, timeout=seconds)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@dataclass
class _Call:
    """What is known of one call: its body as it comes, and how much of it may not be sent again yet."""

    method: str
    task: "asyncio.Task[None]" = field(init=False)
    pieces: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)
    owed: int = 0


class _Connection:
    """One connection of HTTP/2, with its calls by the number of their stream."""

    def __init__(self, bridge: Bridge, writer: asyncio.StreamWriter, dial: Dial) -> None:
        self._bridge, self._writer, self._dial = bridge, writer, dial
        # gunicorn's kind lets calls under way finish after a GOAWAY: that SDK sends one as soon as it has asked.
        made: H2Connection = server_connection_class()(H2Configuration(client_side=False, header_encoding="latin-1"))
        self._state = made
        self.calls: dict[int, _Call] = {}
        self._moved = asyncio.Event()
        # Only one call writes at a time: all at once would fill the memory of a connection that takes little.
        self._turn = asyncio.Lock()
        self._rest = asyncio.timeout(bridge.bounds.patience)
        self._trouble, self._heard_at = 0.0, 0.0
        # The last call that is served, once that is said.
        self._last: int | None = None
        self._flushing = self._ended = False

    async def serve(self, reader: asyncio.StreamReader, seen: bytes, *, leaving: bool) -> None:
        """Serve until the caller leaves, breaks the protocol or has rested for too long; calls under way then end."""
        try:
            async with self._rest:
                await self._listen(reader, seen, leaving)
        except ProtocolError:
            # What was wrong stands in the last frame to the caller.
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
            for each in calls:
                each.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._ended = True
        await self._part(reader)

    async def _listen(self, reader: asyncio.StreamReader, data: bytes, leaving: bool) -> None:
        self._state.initiate_connection()
        self._state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _AHEAD})
        self._state.increment_flow_control_window(_ALL_AHEAD)
        if leaving:
            self.leave()
        while True:
            # A goodbye makes h2 forget what is yet to be sent.
            self._flush()
            for event in self._state.receive_data(data):
                self._weigh(event)
                _HEARD.get(type(event), _Connection._ignore)(self, event)
            self._flush()
            # Whoever does not read what is said is not listened to.
            await self._drained()
            data = await reader.read(http1.PIECE)
            if not data:
                return

    async def _part(self, reader: asyncio.StreamReader) -> None:
        """Say that nothing more comes, and let the client finish: closed on unread bytes, the last would be lost."""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_LINGER):
                self._writer.write_eof()
                while await reader.read(http1.PIECE):
                    pass
        self._writer.transport.abort()

    def leave(self) -> None:
        """Ask for no more calls, and close after the last."""
        self._say_goodbye(_NO_CALL)
        asyncio.get_running_loop().call_later(_LAST_CALL, self._refuse_more)

    def _refuse_more(self) -> None:
        self._last = self._state.highest_inbound_stream_id
        self._say_goodbye(self._last)
        if not self.calls:
            self._rest_for(0)

    def _say_goodbye(self, last: int) -> None:
        # h2 would take no more calls after this, and send no more of the answers.
        self._flush()
        self._write(GoAwayFrame(0, last_stream_id=last).serialize())

    def _rest_for(self, seconds: float | None) -> None:
        # It has expired already, or is over.
        with contextlib.suppress(RuntimeError):
            self._rest.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    # --- what is heard ------------------------------------------------------------------------------------------------

    def _weigh(self, event: events.Event) -> None:
        counts = _TROUBLE.get(type(event), 0)
        if isinstance(event, events.DataReceived) and not event.data:
            counts = 1
        if not counts:
            return
        now = asyncio.get_running_loop().time()
        self._trouble = max(0.0, self._trouble - (now - self._heard_at) * _TROUBLE_A_SECOND) + counts
        self._heard_at = now
        if self._trouble > _TROUBLE_AT_ONCE:
            self._state.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise ProtocolError("too many frames that ask for nothing")

    def _begin(self, event: Any) -> None:
        stream, ended = event.stream_id, event.stream_ended is not None
        if self._last is not None and stream > self._last:
            self._reset(stream, ErrorCodes.REFUSED_STREAM)
            return
        self._rest_for(None)
        told = dict(event.headers)
        chunked = not ended and "content-length" not in told
        call = self.calls[stream] = _Call(told.get(":method", ""))
        if ended:
            call.pieces.put_nowait(b"")
        call.task = asyncio.create_task(self._serve_call(stream, call, event.headers, chunked))
        call.task.add_done_callback(lambda _: self._forget(stream))

    def _forget(self, stream: int) -> None:
        call = self.calls.pop(stream)
        # What was sent ahead and is read by nobody would shorten the rope of the other calls for good.
        self._acknowledge(stream, call.owed)
        if not self.calls:
            self._rest_for(0 if self._last is not None else self._bridge.bounds.idle)

    def _more_body(self, event: Any) -> None:
        length, call = event.flow_controlled_length, self.calls.get(event.stream_id)
        # An empty piece would be taken for the end of the body.
        if call and event.data:
            call.pieces.put_nowait(event.data)
            # The data counts as received when it is passed on, the padding now.
            call.owed += len(event.data)
            length -= len(event.data)
        self._state.acknowledge_received_data(length, event.stream_id)

    def _end_of_body(self, event: Any) -> None:
        if call := self.calls.get(event.stream_id):
            call.pieces.put_nowait(b"")

    def _cancel(self, event: Any) -> None:
        if call := self.calls.get(event.stream_id):
            call.task.cancel()

    def _move(self, event: Any) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _ignore(self, event: Any) -> None:
        pass

    # --- one call -----------------------------------------------------------------------------------------------------

    async def _serve_call(self, stream: int, call: _Call, asked: http1.Headers, chunked: bool) -> None:
        try:
            head = http1.request_head(asked, self._bridge.via, chunked=chunked)
        except ValueError:
            self._reset(stream, ErrorCodes.PROTOCOL_ERROR)
            return
        with contextlib.ExitStack() as kept:
            try:
                kept.enter_context(self._bridge.place())
                reader, writer = await asyncio.open_connection(sock=self._dial())
            except (OSError, RuntimeError):
                # There is no place or no file, or the worker has ended.
                self._reset(stream, ErrorCodes.REFUSED_STREAM)
                return
            writer.write(head)
            await self._pass_on(stream, call, reader, writer, chunked)

    async def _pass_on(
        self, stream: int, call: _Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chunked: bool
    ) -> None:
        asking = asyncio.create_task(self._ask(stream, call, writer, chunked))
        try:
            await self._answer(stream, call, reader)
            await self._let_finish(stream, asking)
        except (OSError, EOFError):
            self._reset(stream, ErrorCodes.INTERNAL_ERROR)
        except ProtocolError:
            LOG.debug("a caller reset its stream before it was answered")
        except Exception as error:  # noqa: BLE001 - nor one call the others
            LOG.error("an answer could not be passed on: %s", logs.format_frames(error))
            self._reset(stream, ErrorCodes.INTERNAL_ERROR)
        finally:
            asking.cancel()
            # Whatever was not read is lost: the worker learns at once that the caller is gone.
            writer.transport.abort()

    async def _ask(self, stream: int, call: _Call, writer: asyncio.StreamWriter, chunked: bool) -> None:
        wanted = True
        while piece := await call.pieces.get():
            # What nobody wants any more is taken all the same, so that the caller comes to read the answer.
            with contextlib.suppress(OSError):
                if wanted:
                    wanted = False
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                    await writer.drain()
                    wanted = True
            call.owed -= len(piece)
            self._acknowledge(stream, len(piece))
        if wanted and chunked:
            writer.write(b"0\r\n\r\n")

    async def _answer(self, stream: int, call: _Call, reader: asyncio.StreamReader) -> None:
        status, headers = http1.read_head(await reader.readuntil(b"\r\n\r\n"))
        self._state.send_headers(stream, [(":status", status), *http1.without_framing(headers)])
        self._flush_soon()
        async for piece in http1.body(reader, call.method, status, headers):
            async with asyncio.timeout(self._bridge.bounds.patience):
                await self._send(stream, piece)
        self._state.end_stream(stream)
        self._flush_soon()

    async def _send(self, stream: int, data: bytes) -> None:
        while data:
            async with self._turn:
                room = min(self._state.local_flow_control_window(stream), self._state.max_outbound_frame_size)
                if room > 0:
                    self._state.send_data(stream, data[:room])
                    data = data[room:]
                    # The last piece of an answer goes with its end.
                    self._flush() if data else self._flush_soon()
                    await self._drained()
                    continue
                moved = self._moved
            await moved.wait()

    async def _let_finish(self, stream: int, asking: "asyncio.Task[None]") -> None:
        """Let a caller finish that goes on asking after it was answered."""
        if not asking.done() and not (await asyncio.wait([asking], timeout=_LINGER))[0]:
            self._reset(stream, ErrorCodes.NO_ERROR)

    # --- what is said -------------------------------------------------------------------------------------------------

    def _acknowledge(self, stream: int, length: int) -> None:
        if length:
            self._state.acknowledge_received_data(length, stream)
            self._flush_soon()

    def _reset(self, stream: int, error: ErrorCodes) -> None:
        with contextlib.suppress(ProtocolError):
            self._state.reset_stream(stream, error)
            self._flush_soon()

    def _flush_soon(self) -> None:
        """Send at the end of this turn of the loop, together with what is said until then."""
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._write(self._state.data_to_send())

    def _write(self, data: bytes) -> None:
        if not self._ended:
            self._writer.write(data)

    async def _drained(self) -> None:
        try:
            async with asyncio.timeout(self._bridge.bounds.patience):
                await self._writer.drain()
        except TimeoutError:
            raise ConnectionResetError("the client is too slow") from None


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
