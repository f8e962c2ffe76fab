"""Clients that are generated from `/openapi.json` lose no operation, and their answers have types."""

import base64
import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.doubles import Gateway, GatewayWith, StartEmulator

HERE = Path(__file__).parent
OLDEST = 20
CLIENT = "typed_client"


@pytest.fixture(scope="module")
def document(gateway: Gateway) -> Any:
    return gateway.get("/openapi.json").json()


@pytest.fixture(scope="module")
def operations(document: Any) -> dict[str, Any]:
    """Every operation of the document by its id."""
    found = [each for methods in document["paths"].values() for name, each in methods.items() if name != "parameters"]
    return {each["operationId"]: each for each in found}


# --- openapi-python-client


@pytest.fixture(scope="module")
def generated(document: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that openapi-python-client writes."""
    is_installed = importlib.util.find_spec("openapi_python_client") is not None
    assert is_installed or "CI" not in os.environ, "openapi-python-client is not installed: make dev"
    if not is_installed:
        pytest.skip("openapi-python-client is not installed: make dev")
    folder = tmp_path_factory.mktemp("python")
    (folder / "openapi.json").write_text(json.dumps(document))
    # Its own hooks format the code, which nobody reads here.
    (folder / "config.yml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", "openapi.json", "--config", "config.yml", "--output-path", CLIENT]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / CLIENT


@pytest.fixture(scope="module")
def client(generated: Path) -> Any:
    """The package, imported."""
    sys.path.insert(0, str(generated.parent))
    yield importlib.import_module(CLIENT)
    sys.path.remove(str(generated.parent))
    for name in [name for name in sys.modules if name.partition(".")[0] == CLIENT]:
        del sys.modules[name]


def find_operation(tag: str, name: str) -> ModuleType:
    return importlib.import_module(f"{CLIENT}.api.{tag}.{name}")


def test_a_python_client_has_every_operation(generated: Path, operations: dict[str, Any]) -> None:
    modules = [path for path in (generated / "api").glob("*/*.py") if path.name != "__init__.py"]
    assert len(modules) == len(operations) > 50


def test_its_list_of_models_has_types(client: Any, gateway: Gateway) -> None:
    models = find_operation("models", "list_models").sync(client=client.Client(base_url=gateway.url))
    nova = next(each for each in models.data if each.id == "nova")
    assert (nova.model, nova.lifecycle.value, nova.surfaces) == (
        "amazon.nova-lite-v1:0",
        "active",
        ["invoke", "converse"],
    )
    assert models.catalogue.source.value == "plugins"


def test_an_answer_has_the_type_of_its_family(client: Any, gateway: Gateway, operations: dict[str, Any]) -> None:
    """Each family whose answer has a schema, called with the sample of the document."""
    called: Counter[int] = Counter()
    for name, operation in operations.items():
        if not name.startswith("invoke."):
            continue
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        if "$ref" not in schema and "anyOf" not in schema:
            continue
        module = find_operation("models", re.sub(r"\W", "_", name).lower())
        body_types = [value for key, value in vars(module).items() if key.endswith("Body")]
        content = operation["requestBody"]["content"]["application/json"]
        samples = [each["value"] for each in content.get("examples", {}).values()] or [content["example"]]
        assert len(samples) == len(body_types), name
        for sample in samples:
            body = next(each for each in map(partial(_read, sample), body_types) if each is not None)
            answer = module.sync(client=client.Client(base_url=gateway.url), body=body)
            assert type(answer).__name__ != "Problem", (name, answer)
            assert answer.to_dict(), name
            called[len(samples)] += 1
    assert called[1] >= 3
    assert called[2] >= 8


def _read(sample: Any, body_type: Any) -> Any:
    """The sample as a body of this type; None if it is one of another."""
    try:
        return body_type.from_dict(sample)
    except KeyError:
        return None


def test_the_answers_of_the_dialects_have_types(client: Any, gateway: Gateway) -> None:
    at = client.Client(base_url=gateway.url)
    chat = find_operation("open_ai", "v1_chat_completions")
    body = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}]}
    answer = chat.sync(client=at, body=chat.OpenaiChatBodyBody.from_dict(body))
    assert answer.choices[0].message.role.value == "assistant"
    assert answer.usage.total_tokens > 0
    messages = find_operation("anthropic", "v1_messages")
    body = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    answer = messages.sync(client=at, body=messages.AnthropicMessagesBodyBody.from_dict(body))
    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("name", ["v1_rerank", "v2_rerank"])
def test_a_ranking_has_types(client: Any, gateway: Gateway, name: str) -> None:
    rerank = find_operation("cohere", name)
    body = {"model": "cohere-rerank", "query": "the sea", "documents": ["a road", "the sea"]}
    body_type = next(value for key, value in vars(rerank).items() if key.endswith("Body"))
    answer = rerank.sync(client=client.Client(base_url=gateway.url), body=body_type.from_dict(body))
    assert [(each.index, type(each.relevance_score)) for each in answer.results] == [(1, float), (0, float)]


def test_images_have_types(client: Any, gateway: Gateway) -> None:
    images = find_operation("open_ai", "v1_images_generations")
    body_type = next(value for key, value in vars(images).items() if key.endswith("Body"))
    body = body_type.from_dict({"model": "stable-image-core", "prompt": "A door."})
    answer = images.sync(client=client.Client(base_url=gateway.url), body=body)
    assert (len(answer.data), answer.output_format) == (1, "png")
    width, height = map(int, answer.size.split("x"))
    assert width == height > 0
    assert base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG")


def test_a_list_of_jobs_and_a_job_have_types(
    client: Any, start_emulator: StartEmulator, gateway_with: GatewayWith, tmp_path_factory: pytest.TempPathFactory
) -> None:
    account = start_emulator("--async-dir", str(tmp_path_factory.mktemp("s3")))
    gateway = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=account.url, AWS_REGION="us-east-1")
    at = client.Client(base_url=gateway.url)
    start = find_operation("models", "start_job_nova_reel")
    body_type = next(value for key, value in vars(start).items() if key.endswith("Body"))
    reel = {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "A boat."}, "videoGenerationConfig": {"seed": 1}}
    config = {"durationSeconds": 6, "fps": 24, "dimension": "1280x720"}
    body = {"input": {**reel, "videoGenerationConfig": config}, "output": {"s3_uri": "s3://bucket/x/"}}
    job = start.sync(client=at, body=body_type.from_dict(body))
    assert (job.status.value, job.output.s3_uri) == ("submitted", "s3://bucket/x/")
    shown = find_operation("any_model", "show_job").sync("nova-reel", job.id, client=at)
    assert shown.status.value in ("in_progress", "completed")
    listed = find_operation("any_model", "list_jobs").sync("nova-reel", client=at)
    assert [each.id for each in listed.data] == [job.id]


def test_an_error_has_a_type(client: Any, gateway: Gateway) -> None:
    problem = find_operation("models", "show_model").sync("nowa", client=client.Client(base_url=gateway.url))
    assert (problem.code, problem.status, problem.retryable) == ("unknown_model", 404, False)


# --- openapi-typescript


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, with the packages beside this file; in CI their absence is a failure."""
    found = shutil.which("node")
    output = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else "v0"
    ready = int(output.lstrip("v").partition(".")[0]) >= OLDEST and (HERE / "node_modules/typescript").is_dir()
    if not ready and "CI" not in os.environ:
        pytest.skip(f"Node.js {OLDEST} or newer and openapi-typescript are not installed: make dev")
    assert ready, f"Node.js {OLDEST} or newer and openapi-typescript are not installed: make dev"
    return str(found)


@pytest.fixture(scope="module")
def types(node: str, document: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of types that openapi-typescript writes."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "openapi.json").write_text(json.dumps(document))
    command = [node, str(HERE / "node_modules/openapi-typescript/bin/cli.js"), "openapi.json", "-o", "schema.d.ts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "schema.d.ts"


PROGRAM = """
import type { operations } from "./schema";

type Answer<Name extends keyof operations> = operations[Name] extends {
  responses: { 200: { content: { "application/json": infer Body } } };
} ? Body : never;

type Body<Name extends keyof operations> = operations[Name] extends {
  requestBody: { content: { "application/json": infer Given } };
} ? Given : never;

export const bodies: Body<"invoke.llama">[] = [
  { prompt: "Hi" },
  { messages: [{ role: "user", content: "Hi" }] },
];
export const stopOf = (answer: Answer<"invoke.nova">): string => answer.stopReason;
export const textOf = (answer: Answer<"v1_chat_completions">): string | null | undefined =>
  answer.choices[0]?.message.content;
export const tokensOf = (answer: Answer<"v1_messages">): number => answer.usage.output_tokens;
export const rankOf = (answer: Answer<"v2_rerank">): number[] => answer.results.map((each) => each.relevance_score);
export const imagesOf = (answer: Answer<"v1_images_generations">): string[] => answer.data.map((one) => one.b64_json);
export const editsOf = (answer: Answer<"v1_images_edits">): string => answer.output_format;
export const jobsOf = (answer: Answer<"list_jobs">): string[] => answer.data.map((job) => job.status);
export const folderOf = (answer: Answer<"show_job">): string | undefined => answer.output?.folder;
export const countOf = (answer: Answer<"model_model_count_tokens">): number => answer.inputTokens;
export const idsOf = (answer: Answer<"list_models">): string[] => answer.data.map((model) => model.id);
"""


def check_types(node: str, types: Path, program: str) -> "subprocess.CompletedProcess[str]":
    (types.parent / "program.ts").write_text(program)
    command = [node, str(HERE / "node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "program.ts"]
    return subprocess.run(command, cwd=types.parent, capture_output=True, text=True, timeout=100, check=False)


def test_the_types_have_every_operation(types: Path, operations: dict[str, Any]) -> None:
    _, _, text = types.read_text().partition("export interface operations {\n")
    assert {name.strip('"') for name in re.findall(r'^    ("[^"]+"|\w+): \{$', text, re.M)} == operations.keys()


def test_typescript_knows_the_members_of_the_answers(node: str, types: Path) -> None:
    done = check_types(node, types, PROGRAM)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('prompt: "Hi"', 'promt: "Hi"'),
        ("messages: [{", "message: [{"),
        ("answer.stopReason", "answer.stopReasons"),
        ("model.id", "model.created"),
        ("each.relevance_score", "each.score"),
        ("one.b64_json", "one.url"),
        ("job.status", "job.state"),
        ("output?.folder", "output?.directory"),
    ],
)
def test_typescript_finds_a_member_that_is_mistaken(node: str, types: Path, right: str, wrong: str) -> None:
    assert right in PROGRAM
    done = check_types(node, types, PROGRAM.replace(right, wrong))
    assert (done.returncode, re.search("TS2322|TS2339|TS2353", done.stdout) is not None) == (2, True), done.stdout


def test_the_lock_names_no_place_to_download_from() -> None:
    text = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert '"integrity"' in text
