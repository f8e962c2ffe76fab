"""`bedrock-flask new-plugin`: the printed plugin works for every valid name and kind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bedrock_flask.commands.new_plugin import KINDS, new_plugin, render_plugin
from bedrock_flask.commands.plugins import plugins
from bedrock_flask.errors import StartupError
from tests.doubles import StartEmulator, StartGateway

NAMES = ("rhyme", "my-model", "my_model_2", "3d", "a", "class", "x-", "x" * 64)


def invoke(command: Any, *arguments: object) -> Any:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_prints_keeps_the_whole_contract_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "rhyme.py"
    file.write_text(invoke(new_plugin, "rhyme", "--kind", kind).output)
    result = invoke(plugins, "check", "--contract", file)
    assert (result.exit_code, result.output) == (0, "ok: rhyme (the whole contract)\n")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_any_sensible_name_will_do(tmp_path: Path, name: str, kind: str) -> None:
    file = tmp_path / "plugin.py"
    file.write_text(render_plugin(name, kind))
    result = invoke(plugins, "check", file)
    assert (result.exit_code, result.output) == (0, f"ok: {name}\n")


@pytest.mark.parametrize("kind", KINDS)
def test_it_shows_a_newcomer_a_nested_body_and_the_version_it_is_written_for(kind: str) -> None:
    text = render_plugin("rhyme", kind)
    assert "fields.Nested(" in text
    assert "\napi_version = 1\n" in text
    assert "$" not in text


@pytest.mark.parametrize("name", ["Rhyme", "my model", "-", "", "é", "../x", "x" * 65, "a.b", "_x", 'a"b'])
def test_a_name_that_no_adapter_may_have_is_refused_in_one_line(name: str) -> None:
    result = invoke(new_plugin, "--", name)
    assert isinstance(result.exception, StartupError)
    assert result.output == ""
    assert "is not an adapter name" in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize(
    ("name", "whose"),
    [("nova", "built in (nova.py)"), ("anthropic", "a wire format of that name"), ("rhyme", "rhyme.py")],
)
def test_a_name_that_is_taken_is_refused(tmp_path: Path, name: str, whose: str) -> None:
    (tmp_path / "rhyme.py").write_text(render_plugin("rhyme", "chat"))
    (tmp_path / "broken.py").write_text("")
    result = invoke(new_plugin, name, "--plugins-dir", tmp_path)
    assert f"'{name}' is taken" in str(result.exception)
    assert whose in str(result.exception)


def test_the_command_line_tells_a_bad_name_in_one_line_with_exit_code_1(plain_environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "bedrock_flask", "new-plugin", "No Name"]
    result = subprocess.run(command, env=plain_environ, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("bedrock-flask: 'No Name' is not an adapter name")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_served_by_being_dropped_in(
    start_gateway: StartGateway, start_emulator: StartEmulator, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "rhyme.py").write_text(render_plugin("rhyme", kind))
    emulator = start_emulator(plugins_dir=tmp_path)
    gateway = start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(tmp_path), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url)
    model = gateway.get("/v1/models/rhyme").json()
    answer = gateway.post("/v1/models/rhyme/invoke", model["sample"])
    assert answer.status_code == 200, answer.text
    streamed = gateway.post("/v1/models/rhyme/invoke-stream", model["sample"])
    if model["capabilities"]["streaming"]:
        assert json.loads(streamed.text.rpartition("data: ")[2]) == {"input_tokens": 12, "output_tokens": 6}
    else:
        assert streamed.json()["code"] == "not_streamable"
