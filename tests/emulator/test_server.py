"""The emulator's process: how it starts, how it refuses to, how it stops."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bedrock_flask.server.ports import find_free_port
from tests.doubles import Emulator, StartEmulator


def run(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bedrock_flask", "emulate", "--engine", "scripted", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_a_plugin_that_cannot_be_loaded_is_one_line(plain_environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise ValueError('no good')")
    done = run(plain_environ, "--port", str(find_free_port()), "--plugins-dir", str(tmp_path))
    assert done.returncode == 1
    assert "no good" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_when_it_is_ready_and_what_answers(emulator: Emulator) -> None:
    assert emulator.get("/_emulator/health").json()["engine"] == "scripted"
    [line] = emulator.log.read_text().splitlines()[:1]
    assert emulator.url in line


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_even_while_an_answer_is_stalled(start_emulator: StartEmulator, stop: signal.Signals) -> None:
    server = start_emulator()
    server.fault("stall")
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as caller:
        caller.sendall(b"POST /model/a.b/converse HTTP/1.1\r\nHost: x\r\nContent-Length: 61\r\n\r\n")
        caller.sendall(b'{"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}')
        while not server.calls():
            time.sleep(0.01)
        server.process.send_signal(stop)
        assert server.process.wait(30) == 0
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_waits_for_no_caller_that_sends_nothing_or_half(start_emulator: StartEmulator, stop: signal.Signals) -> None:
    server = start_emulator()
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    connect = socket.create_connection
    with connect(address), connect(address) as half, connect(address) as kept:
        half.sendall(b"POST /model/a.b/converse HTTP/1.1\r\nHost")
        kept.sendall(b"GET /_emulator/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert kept.recv(100).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        server.process.send_signal(stop)
        assert server.process.wait(30) == 0
        assert time.monotonic() - began < 4


def test_ctrl_c_reaches_all_its_processes_and_stops_them_once(start_emulator: StartEmulator) -> None:
    server = start_emulator()
    server.fault("stall")
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as caller:
        caller.sendall(b"POST /model/a.b/converse HTTP/1.1\r\nHost: x\r\nContent-Length: 61\r\n\r\n")
        caller.sendall(b'{"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}')
        while not server.calls():
            time.sleep(0.01)
        began = time.monotonic()
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait(30) == 0
        assert time.monotonic() - began < 4
    assert "Traceback" not in server.log.read_text()
