"""`bedrock-flask models` lists model names, in columns or as JSON."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bedrock_flask.commands.output.table import format_table
from bedrock_flask.server.ports import find_free_port
from tests.doubles import Emulator, SendWhole, Upstream

FILE = """
[models.fast]
id = "amazon.nova-lite-v1:0"
profile = "eu.amazon.nova-lite-v1:0"
region = "eu-west-1"
description = "For drafts."
"""


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(run_command: Run) -> Run:
    """`run(environ, "--json")`: the command in this process."""

    def run_models(environ: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
        return run_command(
            environ, "models", *(() if "AWS_ENDPOINT_URL_BEDROCK" in environ else ("--offline",)), *options
        )

    return run_models


@pytest.fixture
def models_file(tmp_path: Path) -> str:
    (tmp_path / "models.toml").write_text(FILE)
    return str(tmp_path / "models.toml")


def test_adapters_and_aliases_stand_in_columns(run: Run, plain_environ: dict[str, str], models_file: str) -> None:
    done = run(plain_environ, "--models-file", models_file)
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    column = head.index("calls")
    by_name = {line.split()[0]: line for line in lines}
    assert {"claude", "nova", "titan-embed", "fast"} < by_name.keys()
    assert by_name["fast"][column:].startswith("eu.amazon.nova-lite-v1:0  ")
    assert by_name["nova"][column:].startswith("amazon.nova-lite-v1:0  ")
    assert "eu-west-1" in by_name["fast"]
    assert "built in (titan_embed.py)" in by_name["titan-embed"]


def test_json_says_more(run: Run, plain_environ: dict[str, str], models_file: str) -> None:
    done = run(plain_environ | {"BEDROCK_FLASK_REGION": "us-west-2"}, "--models-file", models_file, "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert (rows["fast"]["kind"], rows["fast"]["region"], rows["fast"]["adapter"]) == ("alias", "eu-west-1", "nova")
    assert (rows["nova"]["kind"], rows["nova"]["region"]) == ("adapter", "us-west-2")
    assert rows["fast"]["description"] == "For drafts."
    assert rows["titan-embed"]["capabilities"]["output"] == "embedding"
    assert "amazon.nova-lite-*" in rows["nova"]["patterns"]


def test_a_dropped_in_plugin_is_listed_with_its_file(
    run: Run, plain_environ: dict[str, str], repository: Path, tmp_path: Path
) -> None:
    text = (repository / "plugins/titan_embed.py").read_text()
    text = text.replace('"titan-embed"', '"copy"').replace("amazon.titan-embed-text-v2", "acme.embed")
    (tmp_path / "copy.py").write_text(text)
    done = run(plain_environ, "--plugins-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("copy ")]
    assert line.endswith(str(tmp_path / "copy.py"))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--models-file", "/no/such/file"), "BEDROCK_FLASK_MODELS_FILE: /no/such/file is not a file"),
        (("--plugins-dir", "/no/such/folder"), "BEDROCK_FLASK_PLUGINS_DIR: /no/such/folder is not a folder"),
    ],
)
def test_a_fault_is_one_line(run: Run, plain_environ: dict[str, str], options: tuple[str, ...], fault: str) -> None:
    done = run(plain_environ, *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"bedrock-flask: {fault}"]


def test_columns_are_as_wide_as_their_widest_text() -> None:
    assert list(format_table([("a", "b", "c"), ("long", "", "d")])) == ["a     b  c", "long     d"]


def test_the_accounts_lists_are_joined(run: Run, plain_environ: dict[str, str], emulator: Emulator) -> None:
    done = run(plain_environ | emulator.endpoints(), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert (rows["nova"]["offered"], rows["nova"]["surfaces"]) == (True, ["invoke", "converse"])
    assert rows["nova"]["profiles"][0] == "us.amazon.nova-lite-v1:0"
    assert rows["nova"]["lifecycle"] == "active"


@pytest.fixture
def mantle(upstream: Upstream, whole: SendWhole) -> Callable[..., dict[str, str]]:
    """`mantle(b"…", "403 Forbidden")`: settings with a bedrock-mantle that answers this to its list."""

    def answer(body: bytes, status: str = "200 OK") -> dict[str, str]:
        upstream.scripts.append(whole(body, status))
        return {"AWS_ENDPOINT_URL_BEDROCK_MANTLE": f"http://127.0.0.1:{upstream.port}"}

    return answer


def test_the_list_of_bedrock_mantle_is_joined(
    run: Run, plain_environ: dict[str, str], emulator: Emulator, mantle: Callable[..., dict[str, str]]
) -> None:
    listed = mantle(b'{"data": [{"id": "acme.tomorrow-1"}, {"id": "openai.gpt-5.6-terra"}, {}, 5]}')
    done = run(plain_environ | emulator.endpoints() | listed, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    calls = {row["model"]: row for row in json.loads(done.stdout)}
    assert (calls["acme.tomorrow-1"]["offered"], calls["acme.tomorrow-1"]["profiles"]) == (True, [])
    # bedrock-runtime has it by a profile.
    assert "openai.gpt-5.6-terra" not in calls
    assert "us.openai.gpt-5.6-terra" in calls


def test_the_emulator_has_the_list_of_bedrock_mantle(
    run: Run, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    done = run(plain_environ | emulator.endpoints(), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [call["status"] for call in emulator.calls() if call["operation"] == "mantle/models"] == [200]


def test_without_the_list_of_bedrock_mantle_the_others_are_joined(
    run: Run, plain_environ: dict[str, str], emulator: Emulator, mantle: Callable[..., dict[str, str]]
) -> None:
    denied = mantle(b'{"error": {"message": "no", "code": "access_denied"}}', "403 Forbidden")
    done = run(plain_environ | emulator.endpoints() | denied, "--json")
    assert done.returncode == 0
    assert done.stderr == "bedrock-flask: us-east-1: the models of bedrock-mantle cannot be read: no\n"
    offered = {row["model"]: row["offered"] for row in json.loads(done.stdout)}
    assert offered["amazon.nova-lite-v1:0"] is True


def test_bedrock_mantle_is_not_called_where_its_surfaces_are_not_enabled(
    run: Run, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    done = run(plain_environ | emulator.endpoints() | {"BEDROCK_FLASK_SURFACES": "converse,invoke"}, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mantle/models" not in [call["operation"] for call in emulator.calls()]


def test_lists_that_cannot_be_read_are_reported(run: Run, plain_environ: dict[str, str]) -> None:
    port = find_free_port()
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK": f"http://127.0.0.1:{port}"}
    done = run(environ, "--timeout", "5")
    assert done.returncode == 0
    assert "the account's lists cannot be read" in done.stderr
    assert "nova" in done.stdout


def test_an_emulators_credentials_do_not_reach_aws(run: Run, plain_environ: dict[str, str], emulator: Emulator) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url, "AWS_ENDPOINT_URL_BEDROCK": ""}
    done = run(environ)
    assert "calls go to this machine" in done.stderr


def test_an_emulators_credentials_do_not_reach_bedrock_mantle_at_aws(
    run: Run, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    done = run(plain_environ | emulator.endpoints() | {"AWS_ENDPOINT_URL_BEDROCK_MANTLE": ""})
    assert "AWS_ENDPOINT_URL_BEDROCK_MANTLE is not set to it as well" in done.stderr
    assert done.returncode == 0
