"""Probes of a gateway, in a process of their own: one loop for them and hundreds of callers would measure its own lag.

python -m tests.attacks.prober HOST PORT: a line when it is ready, then probes until the standard input ends; then the
outcomes as one line of JSON, each as [status, time of the monotonic clock, seconds].
"""

import json
import select
import socket
import sys
import time
from collections.abc import Iterator

PROBE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# Seconds between a probe and the next, and those after which one counts as unanswered.
EVERY, PATIENCE = 0.05, 30.0


def probe(address: tuple[str, int]) -> tuple[int, float, float]:
    """Send one probe; 0 is the status of none."""
    began, data = time.monotonic(), b""
    try:
        with socket.create_connection(address, PATIENCE) as connection:
            connection.sendall(PROBE)
            while piece := connection.recv(65536):
                data += piece
    except OSError:
        pass
    return int(data[9:12]) if data.startswith(b"HTTP/1.1 ") else 0, began, time.monotonic() - began


def run_probes(address: tuple[str, int]) -> Iterator[tuple[int, float, float]]:
    """Probes, each after a pause, until the standard input ends."""
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        yield probe(address)


if __name__ == "__main__":
    print("ready", flush=True)
    print(json.dumps(list(run_probes((sys.argv[1], int(sys.argv[2]))))), flush=True)
