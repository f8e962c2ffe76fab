"""`bedrock-flask demo`: an emulated Bedrock and the gateway in front of it, one real answer, and what to try next."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bedrock_flask.emulator.environ import isolated_environ
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import find_free_port, is_free

HOST = "127.0.0.1"
PROMPT = "Name three colours."
BODY = {"messages": [{"role": "user", "content": [{"text": PROMPT}]}], "inferenceConfig": {"maxTokens": 60}}
MODEL = "nova"

_PATIENCE = 120.0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port of the gateway.")
@click.option("--engine", default="smollm", show_default=True, help="What answers: smollm, or the scripted engine.")
@click.option("--once", is_flag=True, help="Exit after the first answer: 0 if there was one.")
def demo(port: int, engine: str, once: bool) -> None:
    """Start everything on this machine, ask one question, and say what to try next. Needs no AWS account."""
    if not is_free(HOST, port):
        raise StartupError(f"port {port} is in use: stop what listens there, or choose another (make run PORT=8123)")
    emulator = port + 1 if port < 65535 and is_free(HOST, port + 1) else find_free_port()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="bedrock-flask-") as folder, contextlib.ExitStack() as running:
            _start(running, folder, port, emulator, engine)
            _show_answer(_ask(port))
            if not once:
                print(_next_steps(port, emulator, folder), flush=True)
                signal.pause()
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _start(running: contextlib.ExitStack, folder: str, port: int, emulator: int, engine: str) -> None:
    environ = isolated_environ(os.environ, emulator)
    for name, where, command, health in (
        ("emulator", emulator, ["emulate", "--engine", engine], "/_emulator/health"),
        ("gateway", port, ["serve", "--host", HOST], "/readyz"),
    ):
        print(f"==> starting the {name} on http://{HOST}:{where}", flush=True)
        server = running.enter_context(_server(name, [*command, "--port", str(where)], environ, Path(folder)))
        _until_ready(server, f"http://{HOST}:{where}{health}")
        for line in server.log.read_text("utf-8", "replace").splitlines():
            if line.startswith("bedrock-flask:"):
                print(f"    {line}", flush=True)


@dataclass(frozen=True)
class _Server:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def _server(name: str, arguments: list[str], environ: Mapping[str, str], folder: Path) -> Iterator[_Server]:
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        # Sessions of their own: Ctrl-C reaches this process only, which then stops them in order.
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "bedrock_flask", *arguments],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _Server(name, process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# Straight to this machine, whatever proxy the shell names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _until_ready(server: _Server, health: str) -> None:
    began = time.monotonic()
    while True:
        if server.process.poll() is not None:
            raise StartupError(f"the {server.name} did not start: {_last_lines(server.log)}")
        try:
            with _OPENER.open(health, timeout=2):
                return
        except OSError:
            if time.monotonic() - began > _PATIENCE:
                raise StartupError(f"the {server.name} was not ready in time: {_last_lines(server.log)}") from None
            time.sleep(0.1)


def _last_lines(log: Path) -> str:
    return log.read_text("utf-8", "replace").strip()[-600:] or "(it said nothing)"


def _ask(port: int) -> dict[str, Any]:
    print(f"==> asking {MODEL} through the gateway\n", flush=True)
    request = urllib.request.Request(
        f"http://{HOST}:{port}/v1/models/{MODEL}/invoke",
        json.dumps(BODY).encode(),
        {"content-type": "application/json"},
    )
    began = time.monotonic()
    try:
        with _OPENER.open(request, timeout=_PATIENCE) as response:
            reply, headers = json.load(response), response.headers
    except urllib.error.HTTPError as error:
        raise StartupError(f"no answer came: {error.read().decode('utf-8', 'replace')}") from None
    except OSError as error:
        raise StartupError(f"no answer came: {error}") from None
    text = "".join(block.get("text", "") for block in reply["output"]["message"]["content"])
    if not text.strip():
        raise StartupError("the answer is empty")
    tokens = {name: headers.get(f"x-bedrock-flask-{name}-tokens", "?") for name in ("input", "output")}
    return {"text": text.strip(), "seconds": time.monotonic() - began, **tokens}


def _show_answer(answer: Mapping[str, Any]) -> None:
    print(f"Prompt:  {PROMPT}")
    print(f"Answer:  {answer['text']}")
    print(f"Usage:   {answer['input']} tokens in, {answer['output']} out")
    print(f"Latency: {answer['seconds']:.2f} s", flush=True)


def _next_steps(port: int, emulator: int, folder: str) -> str:
    return f"""
Ask the gateway (the model's own body; any model by name, id or ARN):

    curl -s http://{HOST}:{port}/v1/models/{MODEL}/invoke \\
      -d '{{"messages": [{{"role": "user", "content": [{{"text": "What is 2+2?"}}]}}]}}'

Stream it:

    curl -sN http://{HOST}:{port}/v1/models/{MODEL}/invoke-stream \\
      -d '{{"messages": [{{"role": "user", "content": [{{"text": "Tell me a story."}}]}}]}}'

Use the emulator as Bedrock, with an unmodified boto3:

    import boto3
    bedrock = boto3.client(
        "bedrock-runtime", endpoint_url="http://{HOST}:{emulator}", region_name="us-east-1",
        aws_access_key_id="emulator", aws_secret_access_key="emulator",
    )
    reply = bedrock.converse(
        modelId="amazon.nova-lite-v1:0", messages=[{{"role": "user", "content": [{{"text": "What is 2+2?"}}]}}]
    )
    print(reply["output"]["message"]["content"][0]["text"])

Gateway   http://{HOST}:{port}
API docs  http://{HOST}:{port}/docs
OpenAPI   http://{HOST}:{port}/openapi.json
Models    http://{HOST}:{port}/v1/models
Emulator  http://{HOST}:{emulator}
Logs      {folder}

Ctrl-C stops everything."""
