"""A program: 200 callers run over an expiry, while a `credential_process` is slow and fails two times of three.

`python expiry.py gevent|threads FOLDER`; the process is this file too (`process FOLDER`).
It prints what the callers saw.
"""

import json
import sys

if sys.argv[1] == "gevent":
    from gevent import monkey

    monkey.patch_all()

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

CALLERS, PATIENCE = 200, 60
FOLDER = Path(sys.argv[2])


def await_file(name: str) -> str:
    until = time.monotonic() + PATIENCE
    while not (FOLDER / name).exists():
        if time.monotonic() > until:
            sys.exit(f"{name} was not written")
        time.sleep(0.005)
    return (FOLDER / name).read_text()


def write_file(name: str, text: str) -> None:
    (FOLDER / f"{name}.new").write_text(text)
    (FOLDER / f"{name}.new").rename(FOLDER / name)


def run_process() -> None:
    """Wait until the file of this attempt says how it ends: `fail`, or a key and its seconds of life."""
    number = len(list(FOLDER.glob("begun-*")))
    write_file(f"begun-{number}", "")
    outcome = await_file(f"end-{number}").split()
    if outcome == ["fail"]:
        sys.exit("the identity provider is busy")
    expiration = datetime.now(UTC) + timedelta(seconds=int(outcome[1]))
    keys = {"AccessKeyId": outcome[0], "SecretAccessKey": "s", "Expiration": expiration.isoformat()}
    print(json.dumps({"Version": 1, "SessionToken": "t", **keys}))


def run_callers() -> None:
    from bedrock_flask.config.settings import Settings
    from bedrock_flask.transport.signed.credentials import make_credentials

    (FOLDER / "config").write_text(f"[default]\ncredential_process = {sys.executable} {__file__} process {FOLDER}\n")
    os.environ |= {"AWS_CONFIG_FILE": str(FOLDER / "config"), "AWS_REGION": "us-east-1"}
    ahead, over = [0.0], threading.Event()
    found = make_credentials(Settings(), now=lambda: time.time() + ahead[0])
    calls, seen = [0] * CALLERS, set()

    def call(number: int) -> None:
        while not over.is_set():
            try:
                seen.add(found.current(deadline=time.monotonic() + PATIENCE).access_key)
            except Exception as error:  # noqa: BLE001 - each is reported
                seen.add(repr(error))
            calls[number] += 1
            time.sleep(0.005)

    def await_calls() -> None:
        """Every caller makes at least two whole calls."""
        before, until = list(calls), time.monotonic() + PATIENCE
        while any(now < then + 3 for now, then in zip(calls, before, strict=True)):
            if time.monotonic() > until:
                sys.exit("calls wait")
            time.sleep(0.005)

    write_file("end-0", "OLD 500")
    found.current()
    callers = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    ahead[0] = 260
    for number in (1, 2):
        await_file(f"begun-{number}")
        await_calls()
        write_file(f"end-{number}", "fail")
    await_file("begun-3")
    await_calls()
    ahead[0] = 501
    stalled = list(calls)
    time.sleep(0.1)
    write_file("end-3", "NEW 5000")
    await_calls()
    over.set()
    for caller in callers:
        caller.join(PATIENCE)
    moved = sum(now > then + 1 for now, then in zip(calls, stalled, strict=True))
    attempts = len(list(FOLDER.glob("begun-*")))
    print(json.dumps({"seen": sorted(seen), "attempts": attempts, "went on": moved}))


if sys.argv[1] == "process":
    run_process()
else:
    run_callers()
