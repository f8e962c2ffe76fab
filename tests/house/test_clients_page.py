"""docs/how-to/clients.md: each program runs, and the settings of the coding agents do what they say.

So do the programs of README.md, and of keys.md, coming-from-litellm.md and coming-from-bedrock-access-gateway.md there.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.config import keys
from bedrock_flask.config.server_secret import parse_server_secret
from tests.doubles import Emulator, Gateway, StartGateway

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/clients.md"
ADDRESS = "http://127.0.0.1:8000"
SECRET, SIGNING = "a-key-for-the-tests-only", "a-signing-secret-for-the-tests-only"
TOOL = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


def blocks(language: str, section: str = "", page: Path = PAGE) -> list[str]:
    [text] = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S) or [page.read_text()]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


OTHERS = ("keys.md", "coming-from-litellm.md", "coming-from-bedrock-access-gateway.md")
PROGRAMS = [
    each
    for page in (PAGE, ROOT / "README.md", *(PAGE.with_name(name) for name in OTHERS))
    for each in blocks("py", page=page)
]


@pytest.fixture(scope="module")
def keyed(start_gateway: StartGateway) -> Gateway:
    """A gateway with a key that is a key pair, too."""
    return start_gateway(
        BEDROCK_FLASK_API_KEYS=f"alice:{SECRET}",
        BEDROCK_FLASK_SIGNING_SECRET=SIGNING,
        BEDROCK_FLASK_PATHS="litellm,access-gateway",
    )


@pytest.fixture
def reader(keyed: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That gateway, for clients that look for nothing in this machine's environment."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("AWS_", "ANTHROPIC_", "OPENAI_")):
            monkeypatch.delenv(name)
    return keyed


@pytest.fixture(scope="session")
def environ(plain_environ: dict[str, str]) -> dict[str, str]:
    """What the page's beginning has its reader set."""
    secret = keys.parse_keys([f"alice:{SECRET}"]).derive_aws_secret("alice", parse_server_secret(SIGNING))
    return plain_environ | {"SECRET": SECRET, "AWS_ACCESS_KEY_ID": "alice", "AWS_SECRET_ACCESS_KEY": secret}


@pytest.fixture(scope="module")
def run_program(keyed: Gateway) -> Iterator[Callable[[str, dict[str, str]], tuple[str, str]]]:
    """Run a program of a page: what it prints, and the traceback of its error.

    All run in one process, which is not this one: an SDK that is imported once must not keep what it finds here.
    """
    command = [sys.executable, str(Path(__file__).with_name("run_programs.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        to, back = process.stdin, process.stdout

        def run(program: str, environ: dict[str, str]) -> tuple[str, str]:
            text = program.replace(ADDRESS, keyed.url).replace("your-key", environ["SECRET"])
            to.write(json.dumps({"program": text, "environ": environ}) + "\n")
            printed, error = json.loads(back.readline())
            return printed, error

        yield run
        to.close()


def exported(block: str, address: str) -> dict[str, str]:
    """The variables that the lines of a block export, as a shell with $SECRET does it."""
    lines = re.findall(r"^export (.*)$", block, re.M)
    found = [re.findall(r'(\w+)=(?:"([^"]*)"|(\S+))', line) for line in lines]
    variables = {name: quoted or plain for line in found for name, quoted, plain in line}
    return {name: value.replace("$SECRET", SECRET).replace(ADDRESS, address) for name, value in variables.items()}


def headers_of(environ: dict[str, str]) -> dict[str, str]:
    custom = environ.get("ANTHROPIC_CUSTOM_HEADERS", "")
    return {name: value.strip() for name, _, value in (line.partition(":") for line in custom.splitlines())}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(run_program: Any, environ: dict[str, str], emulator: Emulator, program: str) -> None:
    printed, error = run_program(program, environ)
    assert not error
    assert printed.strip()
    for expected in re.findall(r"print\(.*\)  # (.*)", program):
        assert expected in printed.splitlines()
    assert emulator.calls()


def test_no_program_opens_anything_by_a_guess(run_program: Any, environ: dict[str, str], emulator: Emulator) -> None:
    guesses = environ | {"SECRET": "a-guess", "AWS_SECRET_ACCESS_KEY": "a-guess"}
    for program in PROGRAMS:
        printed, error = run_program(program, guesses)
        assert not printed
        assert re.search(r"Error code: 40[13]|InvalidSignatureException", error), error
    assert not emulator.calls()


# What Claude Code sends beside the conversation, as its protocol is documented: betas, a cached prefix, its own header.
CODING: dict[str, Any] = {
    "max_tokens": 2000,
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1;"},
        {"type": "text", "text": "You write programs.", "cache_control": {"type": "ephemeral"}},
    ],
    "messages": [{"role": "user", "content": "Call get_weather."}],
    "tools": [TOOL],
    "metadata": {"user_id": "user_1"},
}


MODELS = [
    "ANTHROPIC_MODEL",
    *(f"ANTHROPIC_DEFAULT_{family}_MODEL" for family in ("OPUS", "SONNET", "HAIKU")),
]


@pytest.mark.parametrize("number", [0, 2])
def test_claude_code_works_by_anthropics_api(reader: Any, emulator: Emulator, number: int) -> None:
    from anthropic import Anthropic

    settings = exported(blocks("sh", "Claude Code")[number], reader.url)
    client = Anthropic(
        base_url=settings["ANTHROPIC_BASE_URL"],
        auth_token=settings["ANTHROPIC_AUTH_TOKEN"],
        default_headers=headers_of(settings),
        max_retries=0,
    )
    reasoning: Any = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}
    betas = ["claude-code-20250219", "interleaved-thinking-2025-05-14"]
    for name in MODELS:
        # Claude Code knows that Haiku 4.5 has neither.
        request = CODING | ({} if "haiku" in settings[name] else reasoning)
        with client.beta.messages.stream(model=settings[name], betas=betas, **request) as stream:
            assert stream.get_final_message().stop_reason == "tool_use"
    assert "billing" not in emulator.calls()[-1]["body"]


def test_without_that_header_another_model_names_what_it_cannot_take(reader: Any) -> None:
    from anthropic import Anthropic

    client = Anthropic(base_url=reader.url, auth_token=SECRET, max_retries=0)
    with pytest.raises(Exception, match="thinking") as refused:
        client.messages.create(model="nova", thinking={"type": "adaptive"}, **CODING)
    assert refused.value.status_code == 400  # type: ignore[attr-defined]


def test_claude_code_works_by_bedrocks_api(reader: Any) -> None:
    from anthropic import AnthropicBedrock

    settings = exported(blocks("sh", "Claude Code")[1], reader.url)
    assert settings["CLAUDE_CODE_USE_BEDROCK"] == "1"
    assert settings["ANTHROPIC_BEDROCK_BASE_URL"] == reader.url
    key, region = settings["AWS_BEARER_TOKEN_BEDROCK"], settings["AWS_REGION"]
    client = AnthropicBedrock(base_url=reader.url, aws_region=region, api_key=key, max_retries=0)
    version = "bedrock-2023-05-31"
    for name in MODELS:
        answer = client.messages.create(
            model=settings[name],
            max_tokens=9,
            messages=CODING["messages"],
            extra_body={"anthropic_version": version},
        )
        assert answer.content
    # What goes by AWS's own SDK has the key, too.
    authorization = {"authorization": f"Bearer {key}"}
    assert reader.get("/inference-profiles?type=SYSTEM_DEFINED", headers=authorization).status_code == 200
    body = json.dumps({"anthropic_version": version, "max_tokens": 50, "messages": CODING["messages"]})
    counted = {"input": {"invokeModel": {"body": base64.b64encode(body.encode()).decode()}}}
    path = f"/model/{settings['ANTHROPIC_MODEL']}/count-tokens"
    assert reader.post(path, counted, headers=authorization).status_code == 200
    assert reader.post(path, counted).status_code == 403


def test_codex_works_by_the_responses_api(reader: Any, environ: dict[str, str]) -> None:
    from openai import OpenAI

    [text] = blocks("toml", "Codex")
    config = tomllib.loads(text)
    provider = config["model_providers"][config["model_provider"]]
    assert provider["wire_api"] == "responses"
    client = OpenAI(
        base_url=provider["base_url"].replace(ADDRESS, reader.url),
        api_key=environ[provider["env_key"]],
        default_headers=provider["http_headers"],
        max_retries=0,
    )
    request: dict[str, Any] = {
        "instructions": "You write programs.",
        "tools": [
            {"type": "function", "name": "shell", "parameters": TOOL["input_schema"], "strict": False},
            {"type": "custom", "name": "apply_patch", "description": "Changes files."},
            {"type": "web_search"},
        ],
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "prompt_cache_key": "a-conversation",
        "text": {"verbosity": "low"},
    }
    turns: list[Any] = [{"type": "message", "role": "user", "content": "Call apply_patch."}]
    for model in (config["model"], "nova"):
        with client.responses.stream(model=model, input=turns, **request) as stream:
            first = stream.get_final_response()
        [call] = [item for item in first.output if item.type == "custom_tool_call"]
        kept = [item.model_dump(exclude_none=True) for item in first.output]
        result = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "Three files changed."}
        second = client.responses.create(model=model, input=[*turns, *kept, result], **request)
        assert "Three files" in second.output_text
