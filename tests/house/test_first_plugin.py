"""The tutorial 'your first plugin', followed word for word."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bedrock_flask.__main__ import cli
from tests.doubles import Gateway, StartEmulator, StartGateway

PAGE = (Path(__file__).parents[2] / "docs/tutorials/first-plugin.md").read_text()
HOST = "http://localhost:8000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


FIRST, WHOLE = blocks("python")
OK, SAMPLE_FAULT, KEPT, BREACH, ANSWER, USAGE, REFUSAL = (text.rstrip("\n") for text in blocks("text"))
CHECK, CHECK_CONTRACT = (command for text in blocks("sh") for command in text.splitlines() if " check " in command)


@pytest.fixture
def follow(tmp_path: Path, plain_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Write plugins/oracle.py, run a command of the page in its folder, and return what it prints."""
    (tmp_path / "plugins").mkdir()
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={name: plain_environ.get(name) for name in os.environ | plain_environ})

    def run(text: str, command: str) -> str:
        (tmp_path / "plugins/oracle.py").write_text(text)
        name, *arguments = shlex.split(command)
        assert name == "bedrock-flask"
        result = runner.invoke(cli, arguments)
        assert result.exit_code in (0, 1), result.output
        return str(result.stdout)

    return run


def test_the_command_is_one_of_the_shell(tmp_path: Path, plain_environ: dict[str, str]) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/oracle.py").write_text(FIRST)
    command = [sys.executable, "-m", "bedrock_flask", *shlex.split(CHECK)[1:]]
    done = subprocess.run(command, env=plain_environ, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{OK}\n"


@pytest.mark.parametrize(("text", "advised"), [(FIRST, ["decode", "encode"]), (WHOLE, [])])
def test_each_stage_of_the_file_is_right(follow: Callable[[str, str], str], text: str, advised: list[str]) -> None:
    assert follow(text, CHECK) == f"{OK}\n"
    *advice, last = follow(text, CHECK_CONTRACT).splitlines()
    assert last == KEPT
    assert [re.search(r"there is no (\w+)", line)[1] for line in advice] == advised  # type: ignore[index]


def test_the_mistake_in_the_sample_is_told_as_the_page_says(follow: Callable[[str, str], str]) -> None:
    wrong = FIRST.replace('"limit": 200', '"limit": "200"')
    assert wrong != FIRST
    assert follow(wrong, CHECK) == f"{SAMPLE_FAULT}\n"


def test_the_mistake_in_encode_is_found_by_the_contract_alone(follow: Callable[[str, str], str]) -> None:
    wrong = WHOLE.replace('[{"who": WHO', '[{"role": WHO')
    assert wrong != WHOLE
    assert follow(wrong, CHECK) == f"{OK}\n"
    assert BREACH in follow(wrong, CHECK_CONTRACT).splitlines()


@pytest.fixture(scope="module")
def served(
    start_gateway: StartGateway, start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Gateway:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "oracle.py").write_text(WHOLE)
    emulator = start_emulator(plugins_dir=folder)
    return start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(folder), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url)


def calls() -> list[tuple[str, str]]:
    commands = [text.replace("\\\n", " ") for text in blocks("sh") if text.startswith("curl")]
    return [(words[2].removeprefix(HOST), words[words.index("-d") + 1]) for words in map(shlex.split, commands)]


@pytest.mark.parametrize(("call", "expected"), [*zip(calls(), (ANSWER, USAGE, REFUSAL), strict=True)])
def test_each_call_is_answered_as_the_page_says(served: Any, call: tuple[str, str], expected: str) -> None:
    answer = served.post(*call)
    assert expected in answer.text


def test_the_stream_is_the_models_own_events(served: Any) -> None:
    path, body = calls()[1]
    text = served.post(path, body).text
    assert re.findall(r'"kind": ?"(\w+)"', text) == ["vision", "utterance", "utterance", "silence"]
    assert text.rstrip().rpartition("event: ")[2].startswith("usage")


def test_what_the_page_links_to_in_the_gateway_is_there(served: Any) -> None:
    for path in re.findall(rf"`{HOST}(/[^`]+)`", PAGE):
        assert served.get(path).ok, path
