"""Under load each request begins in its turn, and the loop looks at its sockets between."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: gevent's loop is one for each thread, and other tests use none.
MANY = """
import gevent, time
from gevent import socket
from bedrock_flask.server.workers.turns import Turns

turns, begun, seen, count = Turns(gevent.get_hub().loop), [], [], 200
ours, theirs = socket.socketpair()


def call(number):
    turns.wait()
    begun.append(number)
    if number == 0:
        theirs.send(b"probe")
    until = time.perf_counter() + 0.001
    while time.perf_counter() < until:
        pass


def probe():
    ours.recv(5)
    seen.append(len(begun))


greenlets = [gevent.spawn(probe), *(gevent.spawn(call, number) for number in range(count))]
gevent.joinall(greenlets, timeout=30, raise_error=True)
assert begun == list(range(count)), begun
print(seen[0])
"""


def test_requests_begin_in_their_order_and_what_arrives_meanwhile_is_seen_between_them() -> None:
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, cwd=ROOT, check=True)
    assert int(done.stdout) < 50


PROBE = """
from types import SimpleNamespace
from bedrock_flask.server.workers.gevent import Worker

turns, bridge = SimpleNamespace(wait=lambda: 5.0), SimpleNamespace(open_calls=0)
busy = SimpleNamespace(open_connections=1000, waiting=(), bridge=bridge, lag=0.0, turns=turns)
print([Worker._await_turn(busy, SimpleNamespace(buffered=head)) for head in (b"POST /v1/messages ", b"GET /livez ")])
"""


def test_a_probe_waits_for_no_turn() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[5.0, 0.0]\n"
