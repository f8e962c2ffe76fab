"""Engines: what waits for a database holds up no greenlet."""

import subprocess
import sys

PATIENCE = 30

CODE = """
import gevent.monkey
gevent.monkey.patch_all()
import gevent
from bedrock_flask.config.database import parse_database_url
from bedrock_flask.governance.store.engine import run_where_it_may_wait

# As C code of a driver does.
block = gevent.monkey.get_original("time", "sleep")
turns = []

def count():
    while True:
        turns.append(1)
        gevent.sleep(0.01)

counting = gevent.spawn(count)
gevent.sleep(0)
result = run_where_it_may_wait(parse_database_url("sqlite:///a.db"), lambda: block(0.5) or "done")
print(result, len(turns) > 10)
"""


def test_sqlite_waits_in_a_thread_of_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "done True\n"


def test_psycopg_waits_as_greenlets_do() -> None:
    """It chooses how to wait when it is imported, which is after gevent has replaced the sockets."""
    code = (
        "import gevent.monkey; gevent.monkey.patch_all(); from psycopg import waiting; print(waiting.wait.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "psycopg.waiting\n"
