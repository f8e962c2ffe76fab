"""Waiting for Bedrock while the client may leave, by threads and by greenlets: one watch serves all waits of a call."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import gevent
import pytest

from bedrock_flask.transport.wait import GONE, IDLE, READY, ThreadWatch, Watch
from bedrock_flask.transport.wait_in_greenlet import GreenletWatch

LONG, SHORT = 30.0, 0.02
OpenWatch = Callable[[socket.socket, socket.socket | None], Watch]

each_watch = pytest.mark.parametrize("open_watch", [ThreadWatch, GreenletWatch])


def is_readable(readable: bool) -> bool:
    return readable


@pytest.fixture
def pairs() -> Iterator[tuple[socket.socket, ...]]:
    """The gateway's and the other end of a connection to Bedrock, then of a client's."""
    with contextlib.ExitStack() as open_ones:
        yield tuple(open_ones.enter_context(each) for _ in range(2) for each in socket.socketpair())


@pytest.fixture
def watch(pairs: tuple[socket.socket, ...], open_watch: OpenWatch) -> Iterator[Watch]:
    with contextlib.closing(open_watch(pairs[0], pairs[2])) as watched:
        yield watched


@each_watch
def test_a_silence_and_what_ends_it_are_seen_again_and_again(watch: Watch, pairs: tuple[socket.socket, ...]) -> None:
    upstream, bedrock, *_ = pairs
    for seconds in (SHORT, 2 * SHORT, SHORT):
        assert watch.wait(is_readable, seconds) is IDLE
        bedrock.sendall(b"x")
        assert watch.wait(is_readable, LONG) is READY
        upstream.recv(1)
    assert watch.wait(is_readable, 0) is IDLE


@each_watch
def test_data_that_arrives_during_the_wait_ends_it(watch: Watch, pairs: tuple[socket.socket, ...]) -> None:
    timer = threading.Timer(SHORT, pairs[1].sendall, [b"x"])
    timer.start()
    assert watch.wait(is_readable, LONG) is READY
    timer.join()


@each_watch
def test_what_was_read_already_needs_no_wait(watch: Watch, pairs: tuple[socket.socket, ...]) -> None:
    assert watch.wait(lambda readable: True, LONG) is READY


@each_watch
def test_a_readable_socket_without_data_is_waited_for(watch: Watch, pairs: tuple[socket.socket, ...]) -> None:
    """A TLS record may hold nothing of the answer."""
    upstream, bedrock, *_ = pairs
    bedrock.sendall(b"ab")
    answers = iter([False, False, True])

    def has_data(readable: bool) -> bool:
        if readable:
            upstream.recv(1)
        return next(answers)

    assert watch.wait(has_data, LONG) is READY


@each_watch
def test_a_client_that_leaves_ends_the_wait(watch: Watch, pairs: tuple[socket.socket, ...]) -> None:
    assert watch.wait(is_readable, SHORT) is IDLE
    pairs[3].close()
    assert watch.wait(is_readable, LONG) is GONE


@each_watch
def test_a_client_that_sends_its_next_request_is_watched_no_longer(
    watch: Watch, pairs: tuple[socket.socket, ...]
) -> None:
    bedrock, client = pairs[1], pairs[3]
    client.sendall(b"POST /v1")
    assert watch.wait(is_readable, SHORT) is IDLE
    client.close()
    assert watch.wait(is_readable, SHORT) is IDLE
    bedrock.sendall(b"x")
    assert watch.wait(is_readable, LONG) is READY


@each_watch
def test_a_whole_answer_is_awaited_without_a_client(pairs: tuple[socket.socket, ...], open_watch: OpenWatch) -> None:
    with contextlib.closing(open_watch(pairs[0], None)) as watch:
        pairs[3].close()
        assert watch.wait(is_readable, SHORT) is IDLE
        pairs[1].close()
        assert watch.wait(is_readable, LONG) is READY


def test_a_timer_of_an_earlier_wait_does_not_end_a_later_one(pairs: tuple[socket.socket, ...]) -> None:
    """Its end comes while the greenlet waits for longer: the timer then runs for the rest."""
    upstream, bedrock, client, _ = pairs
    with contextlib.closing(GreenletWatch(upstream, client)) as watch:
        bedrock.sendall(b"x")
        assert watch.wait(is_readable, 2 * SHORT) is READY
        upstream.recv(1)
        timer = threading.Timer(4 * SHORT, bedrock.sendall, [b"x"])
        timer.start()
        assert watch.wait(is_readable, LONG) is READY
        timer.join()


def test_other_greenlets_get_a_turn_where_there_is_always_data(pairs: tuple[socket.socket, ...]) -> None:
    turns: list[str] = []
    with contextlib.closing(GreenletWatch(pairs[0], None)) as watch:
        other = gevent.spawn(turns.append, "other")
        assert watch.wait(lambda readable: True, LONG) is READY
        assert turns == ["other"]
        other.join()
        other = gevent.spawn(turns.append, "another")
        # Each second time: a greenlet that has just yielded goes on.
        assert watch.wait(lambda readable: True, LONG) is watch.wait(lambda readable: True, LONG) is READY
        assert turns == ["other", "another"]
        other.join()
