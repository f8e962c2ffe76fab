"""Other ways from OpenAI's format to Bedrock: a proxy of thirty lines, and LiteLLM's where it is installed."""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmark.cases import NOVA, Case
from tests.benchmark.processes import MEASURED, ROOT, SECRET, Server, Upstream, make_client_environ, run_server
from tests.doubles import free_port

PLAIN, LITELLM = "Flask and boto3, 30 lines", "LiteLLM"
CASES = tuple(
    Case(dialect="chat", streamed=streamed, concurrency=concurrency, calls=calls)
    for streamed, concurrency, calls in ((0, 1, 40), (100, 1, 20), (0, 16, 160), (100, 16, 80))
)


def find_litellm() -> str | None:
    """The program: `PEER` of the environment, or `litellm` on the path."""
    return os.environ.get("PEER") or shutil.which("litellm")


@contextlib.contextmanager
def run_plain(upstream: Upstream, folder: Path) -> Iterator[Server]:
    """Run the proxy of thirty lines until the block ends."""
    port = free_port()
    environ = make_client_environ(upstream) | {"PYTHONPATH": str(ROOT)}
    options = ["-b", f"127.0.0.1:{port}", "--threads", "64", "--keep-alive", "75", "tests.benchmark.plain_proxy:app"]
    arguments = [sys.executable, "-m", "gunicorn", *options]
    with run_server(arguments, environ, port, "/readyz", folder, {}, MEASURED) as server:
        yield server


@contextlib.contextmanager
def run_litellm(program: str, upstream: Upstream, folder: Path) -> Iterator[Server]:
    """Run LiteLLM's proxy with one worker and a key until the block ends."""
    port = free_port()
    models = [
        {
            "model_name": model,
            "litellm_params": {"model": f"bedrock/converse/{model}", "aws_bedrock_runtime_endpoint": upstream.url},
        }
        for model in NOVA.values()
    ]
    config = folder / "litellm.json"
    # JSON is YAML.
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": f"sk-{SECRET}"}}))
    environ = make_client_environ(upstream) | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "AWS_REGION_NAME": "us-east-1"}
    arguments = [
        program,
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
        "--keepalive_timeout",
        "75",
    ]
    headers = {"authorization": f"Bearer sk-{SECRET}"}
    with run_server(arguments, environ, port, "/health/liveliness", folder, headers, MEASURED) as server:
        yield server
