"""Regular expressions with a time limit, matched in a process of their own.

`re` cannot be interrupted from another thread and stops all of them meanwhile, so one pattern such as `(a+)+$` would
stop the emulator. In its own process the search runs in the main thread, where an alarm ends it.
"""

import atexit
import json
import subprocess
import sys
import threading

SECONDS = 1.0
MAX_LENGTH = 1000

_PROGRAM = """
import json, re, signal, sys

def expire(*_):
    raise TimeoutError

signal.signal(signal.SIGALRM, expire)
for line in sys.stdin:
    pattern, text, seconds = json.loads(line)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        found = re.search(pattern, text) is not None
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeoutError:
        found = None
    print(json.dumps(found), flush=True)
"""


class PatternTimeout(Exception):
    """A pattern needs more than SECONDS for a text."""


class _Searcher:
    """The process that searches, started at the first search and used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def search(self, pattern: str, text: str) -> bool:
        """Whether the pattern is found in the text. PatternTimeout if that takes too long."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start()
            assert process.stdin  # noqa: S101 - it is a pipe
            assert process.stdout  # noqa: S101
            process.stdin.write(json.dumps([pattern, text, SECONDS]) + "\n")
            process.stdin.flush()
            # No line means that the process has ended, and the next search starts another.
            found: bool | None = json.loads(process.stdout.readline() or "null")
        if found is None:
            raise PatternTimeout()
        return found

    def _start(self) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(  # noqa: S603 - a program of our own
            [sys.executable, "-I", "-S", "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(self._stop, self._process)
        return self._process

    @staticmethod
    def _stop(process: "subprocess.Popen[str]") -> None:
        process.kill()
        process.communicate()


search = _Searcher().search
