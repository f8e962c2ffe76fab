"""Run programs one after the other in this process, so that an SDK is imported once.

Each line of standard input is a JSON object with a `program` and its `environ`; each line of output has what it printed
and the traceback of its error, which is empty where there was none.
"""

import contextlib
import functools
import gc
import io
import json
import os
import sys
import traceback

SDKS = ("anthropic.", "boto3.", "botocore.", "langchain", "openai.")


def run(program: str) -> tuple[str, str]:
    printed, error = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
        except BaseException:  # noqa: BLE001 - it is the program's, and shown
            error = traceback.format_exc()
    return printed.getvalue(), error


def forget_credentials() -> None:
    """Drop what SDKs keep for the whole process: boto3's session, and what their functions cache."""
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith(SDKS):
            each.cache_clear()


for line in sys.stdin:
    order = json.loads(line)
    os.environ.clear()
    os.environ.update(order["environ"])
    forget_credentials()
    print(json.dumps(run(order["program"])), flush=True)
