"""`bedrock-flask demo`: an emulated Bedrock and the gateway in front of it, one real answer, and what to try next."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import click

from bedrock_flask.emulator.client import open_url
from bedrock_flask.emulator.environ import make_isolated_environ
from bedrock_flask.emulator.process import run_server
from bedrock_flask.errors import StartupError
from bedrock_flask.server.ports import find_free_port, is_free

HOST = "127.0.0.1"
PROMPT = "Name three colours."
BODY = {"messages": [{"role": "user", "content": [{"text": PROMPT}]}], "inferenceConfig": {"maxTokens": 60}}
MODEL = "nova"

_START_SECONDS = 120.0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port of the gateway.")
@click.option("--engine", default="smollm", show_default=True, help="What answers: smollm, or the scripted engine.")
@click.option("--once", is_flag=True, help="Exit after the first answer: with 0 if there was one.")
def demo(port: int, engine: str, once: bool) -> None:
    """Run the emulator and the gateway on this machine.

    Asks one question and prints what to try next. Needs no AWS account.
    """
    if not is_free(HOST, port):
        raise StartupError(
            f"port {port} is in use: stop the process that listens there, or choose another (make run PORT=8123)"
        )
    emulator = port + 1 if port < 65535 and is_free(HOST, port + 1) else find_free_port()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="bedrock-flask-") as folder, contextlib.ExitStack() as servers:
            _start_servers(servers, Path(folder), port, emulator, engine)
            _show_answer(_ask(port))
            if not once:
                print(_describe_next_steps(port, emulator, folder), flush=True)
                signal.pause()
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _start_servers(servers: contextlib.ExitStack, folder: Path, port: int, emulator: int, engine: str) -> None:
    environ = make_isolated_environ(os.environ, emulator)
    for name, server_port, command, health in (
        ("emulator", emulator, ["emulate", "--engine", engine], "/_emulator/health"),
        ("gateway", port, ["serve", "--host", HOST], "/readyz"),
    ):
        print(f"==> starting the {name} on http://{HOST}:{server_port}", flush=True)
        log = folder / f"{name}.log"
        arguments = ["-m", "bedrock_flask", *command, "--port", str(server_port)]
        output = servers.enter_context(log.open("wb"))
        process = servers.enter_context(run_server(arguments, environ, output))
        _await_ready(name, process, log, f"http://{HOST}:{server_port}{health}")
        for line in log.read_text("utf-8", "replace").splitlines():
            if line.startswith("bedrock-flask:"):
                print(f"    {line}", flush=True)


def _await_ready(name: str, process: "subprocess.Popen[bytes]", log: Path, health: str) -> None:
    began = time.monotonic()
    while True:
        if process.poll() is not None:
            raise StartupError(f"the {name} did not start: {_read_end(log)}")
        try:
            with open_url(health, timeout=2):
                return
        except OSError:
            if time.monotonic() - began > _START_SECONDS:
                raise StartupError(f"the {name} was not ready in time: {_read_end(log)}") from None
            time.sleep(0.1)


def _read_end(log: Path) -> str:
    return log.read_text("utf-8", "replace").strip()[-600:] or "(no output)"


def _ask(port: int) -> dict[str, Any]:
    print(f"==> asking {MODEL} through the gateway\n", flush=True)
    began = time.monotonic()
    try:
        with open_url(f"http://{HOST}:{port}/v1/models/{MODEL}/invoke", BODY, timeout=_START_SECONDS) as response:
            reply, headers = json.load(response), response.headers
    except HTTPError as error:
        raise StartupError(f"the gateway refused the question: {error.read().decode('utf-8', 'replace')}") from None
    except OSError as error:
        raise StartupError(f"the gateway did not answer: {error}") from None
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


def _describe_next_steps(port: int, emulator: int, folder: str) -> str:
    return f"""
Ask the gateway (in the model's own format; any model by name, id or ARN):

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
