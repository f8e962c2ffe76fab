"""Sends a chat request with a 5 MB image twenty times a second, and prints the seconds of each, or null.

python -m tests.benchmark.image_sender PORT SECRET SECONDS
"""

import concurrent.futures
import json
import sys
import time

from tests.benchmark.cases import DIALECTS, Case
from tests.benchmark.http1 import BadAnswer, Client

RATE = 20
CASE = Case(dialect="chat", image=True)
_CONNECTIONS = 8


def main(port: str, secret: str, seconds: str) -> None:
    """Send them at their times, whether or not the earlier ones are answered."""
    client = Client(("127.0.0.1", int(port)), {"authorization": f"Bearer {secret}"})
    written = DIALECTS[CASE.dialect].write(CASE)
    request = client.prepare(written.path, written.body)
    began = time.monotonic()

    def send(number: int) -> float | None:
        due = began + number / RATE
        try:
            client.call(request)
        except BadAnswer:
            return None
        return time.monotonic() - due

    with concurrent.futures.ThreadPoolExecutor(_CONNECTIONS) as threads:
        sent = []
        for number in range(round(float(seconds) * RATE)):
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
            sent.append(threads.submit(send, number))
        print(json.dumps([each.result() for each in sent]))


if __name__ == "__main__":
    main(*sys.argv[1:])
