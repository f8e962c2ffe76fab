"""`bedrock-flask config` shows every value with its source, every fault and no secret."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.config import settings
from bedrock_flask.diagnostics.configuration import redact_url

CANARIES = {
    "BEDROCK_FLASK_API_KEYS": "alice:canary-0123456789abcdef,bob:canary-fedcba9876543210",
    "AWS_ACCESS_KEY_ID": "AKIACANARYCANARY1234",
    "AWS_SECRET_ACCESS_KEY": "canary-secret",
    "AWS_SESSION_TOKEN": "canary-session",
    "AWS_BEARER_TOKEN_BEDROCK": "canary-bearer",
    "HTTPS_PROXY": "http://canary:canary@proxy.example:3128",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://canary:canary@vpce.example/?token=canary",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/?canary",
}


Run = Callable[..., "subprocess.CompletedProcess[str]"]
Read = Callable[..., dict[str, Any]]


@pytest.fixture
def run(run_command: Run) -> Run:
    """`run(environ, "--port", "9001")`: the command in this process."""

    def run_config(environ: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
        return run_command(environ, "config", *options)

    return run_config


@pytest.fixture
def read(run: Run) -> Read:
    """The rows by name, the settings' and the environment's, and the faults."""

    def rows(environ: dict[str, str], *options: str, code: int = 0) -> dict[str, Any]:
        done = run(environ, *options, "--json")
        assert done.returncode == code, done.stderr
        document = json.loads(done.stdout)
        by_name = {row["name"]: (row["value"], row["source"]) for row in document["settings"] + document["environment"]}
        return {**by_name, "faults": document["faults"]}

    return rows


def run_process(environ: dict[str, str], *options: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bedrock_flask", "config", *options]
    return subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_every_setting_is_told_with_its_value_and_source(
    read: Read, plain_environ: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "env"
    file.write_text("BEDROCK_FLASK_THREADS=8\nBEDROCK_FLASK_WORKERS=2\nAWS_DEFAULT_REGION=eu-west-1\n")
    environ = plain_environ | {"BEDROCK_FLASK_ENV_FILE": str(file), "BEDROCK_FLASK_WORKERS": "3", "AWS_REGION": ""}
    rows = read(environ, "--port", "9001")
    assert set(settings.environment_names()) < rows.keys()
    assert rows["BEDROCK_FLASK_PORT"] == ("9001", "option (--port)")
    assert rows["BEDROCK_FLASK_THREADS"] == ("8", ".env file (BEDROCK_FLASK_THREADS)")
    assert rows["BEDROCK_FLASK_WORKERS"] == ("3", "environment (BEDROCK_FLASK_WORKERS)")
    assert rows["BEDROCK_FLASK_DEADLINE"] == ("3600", "default")
    assert rows["BEDROCK_FLASK_ENV_FILE"] == (str(file), "environment (BEDROCK_FLASK_ENV_FILE)")
    assert rows["region"] == ("eu-west-1", ".env file (AWS_DEFAULT_REGION)")
    assert rows["faults"] == []


@pytest.mark.parametrize(
    ("name", "given", "shown"),
    [
        ("IMAGE_NETWORKS", "10.1.0.0/16,fd00::/8", "10.1.0.0/16, fd00::/8"),
        ("TRUSTED_PROXIES", "127.0.0.1", "127.0.0.1/32"),
        ("LIMITS", "*: requests=5 , calls=2", "*:requests=5,calls=2"),
    ],
)
def test_a_value_is_shown_as_it_is_understood(
    read: Read, plain_environ: dict[str, str], name: str, given: str, shown: str
) -> None:
    rows = read(plain_environ | {f"BEDROCK_FLASK_{name}": given})
    assert rows[f"BEDROCK_FLASK_{name}"][0] == shown


def test_the_env_file_of_the_folder_is_named(plain_environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BEDROCK_FLASK_PORT=9002\n")
    environ = {name: value for name, value in plain_environ.items() if name != "BEDROCK_FLASK_ENV_FILE"}
    done = run_process(environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["BEDROCK_FLASK_ENV_FILE", ".env", "default"] in lines
    assert ["BEDROCK_FLASK_PORT", "9002", ".env", "file", "(BEDROCK_FLASK_PORT)"] in lines


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_secret_is_shown(plain_environ: dict[str, str], options: tuple[str, ...]) -> None:
    done = run_process(plain_environ | CANARIES, *options)
    assert done.returncode == 0, done.stderr
    assert "canary" not in (done.stdout + done.stderr).lower()
    for part in ("2 (alice, bob)", "***1234", "http://***@proxy.example:3128", "https://***@vpce.example"):
        assert part in done.stdout


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_secret_is_shown_where_the_settings_do_not_hold(
    plain_environ: dict[str, str], options: tuple[str, ...]
) -> None:
    done = run_process(
        plain_environ | CANARIES | {"BEDROCK_FLASK_API_KEY": "x:canary", "BEDROCK_FLASK_PORT": "x"}, *options
    )
    assert done.returncode == 1
    assert "canary" not in (done.stdout + done.stderr).lower()


def test_keys_of_a_file_are_told_by_name(read: Read, plain_environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("carol:canary-0123456789abcdef\n")
    environ = plain_environ | {"BEDROCK_FLASK_API_KEYS_FILE": str(tmp_path / "keys")}
    assert read(environ)["BEDROCK_FLASK_API_KEYS"] == ("1 (carol)", "BEDROCK_FLASK_API_KEYS_FILE")
    both = read(environ | {"BEDROCK_FLASK_API_KEYS": "dave:canary-fedcba9876543210"})["BEDROCK_FLASK_API_KEYS"]
    assert both == ("2 (dave, carol)", "environment (BEDROCK_FLASK_API_KEYS), BEDROCK_FLASK_API_KEYS_FILE")


def test_every_fault_is_told_beside_what_was_given(read: Read, run: Run, plain_environ: dict[str, str]) -> None:
    environ = plain_environ | {
        "BEDROCK_FLASK_PORT": "x",
        "BEDROCK_FLASK_THREDS": "8",
        "AWS_PROFILE": "nope",
        "BEDROCK_FLASK_WORKERS": "2",
    }
    rows = read(environ, code=1)
    assert rows["BEDROCK_FLASK_PORT"] == ("x", "environment (BEDROCK_FLASK_PORT)")
    assert rows["BEDROCK_FLASK_WORKERS"] == ("2", "environment (BEDROCK_FLASK_WORKERS)")
    for part in ("BEDROCK_FLASK_PORT: Not a valid integer.", "did you mean BEDROCK_FLASK_THREADS?", "profile (nope)"):
        assert any(part in fault for fault in rows["faults"]), rows["faults"]
    done = run(environ)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "did you mean BEDROCK_FLASK_THREADS?" in line


def test_an_open_address_without_keys_is_a_fault(read: Read, plain_environ: dict[str, str]) -> None:
    assert "BEDROCK_FLASK_API_KEYS" in read(plain_environ, "--host", "0.0.0.0", code=1)["faults"][0]


def test_awss_own_settings_are_told_with_who_said_them(
    read: Read, plain_environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        "[profile team]\nregion = eu-north-1\nservices = ours\n"
        "[services ours]\nbedrock_runtime =\n  endpoint_url = https://vpce.example\n"
    )
    environ = plain_environ | {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "team"}
    del environ["AWS_REGION"]
    rows = read(environ)
    assert rows["region"] == ("eu-north-1", "AWS configuration file (region)")
    assert rows["profile"] == ("team", "environment (AWS_PROFILE)")
    assert rows["endpoint of bedrock-runtime"] == ("https://vpce.example", "AWS configuration file")
    ours = read(environ | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "BEDROCK_FLASK_REGION": "us-east-2"})
    assert ours["endpoint of bedrock"] == ("http://127.0.0.1:1", "environment (AWS_ENDPOINT_URL)")
    assert ours["region"] == ("us-east-2", "environment (BEDROCK_FLASK_REGION)")
    plain = read(plain_environ)
    assert plain["endpoint of bedrock-runtime"][1] == "default of the region"


@pytest.mark.parametrize(
    ("given", "url", "source"),
    [
        ({}, "https://bedrock-mantle.us-east-1.api.aws", "default of the region"),
        (
            {"AWS_ENDPOINT_URL_BEDROCK_MANTLE": "https://vpce.example/m"},
            "https://vpce.example/m",
            "environment (AWS_ENDPOINT_URL_BEDROCK_MANTLE)",
        ),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1", "environment (AWS_ENDPOINT_URL)"),
        ({"AWS_REGION": "cn-north-1"}, "-", "AWS documents no endpoint of bedrock-mantle for aws-cn: set "),
    ],
)
def test_the_endpoint_of_bedrock_mantle_is_shown(
    read: Read, plain_environ: dict[str, str], given: dict[str, str], url: str, source: str
) -> None:
    shown, origin = read(plain_environ | given)["endpoint of bedrock-mantle"]
    assert (shown or "-", origin.startswith(source)) == (url, True)


def test_gunicorns_own_settings_are_read(read: Read, plain_environ: dict[str, str]) -> None:
    rows = read(plain_environ | {"WEB_CONCURRENCY": "3", "GUNICORN_CMD_ARGS": "--backlog 9"})
    assert rows["gunicorn's workers"][0].startswith("3, ignored")
    assert rows["gunicorn's arguments"] == ("--backlog 9", "environment (GUNICORN_CMD_ARGS)")


@pytest.mark.parametrize("command", ["config", "serve", "emulate", "models"])
def test_a_worker_count_of_gunicorns_that_is_no_number_is_one_line(plain_environ: dict[str, str], command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bedrock_flask", command],
        env=plain_environ | {"WEB_CONCURRENCY": "x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "bedrock-flask: WEB_CONCURRENCY: Not a valid integer.\n")


def test_help_needs_no_valid_environment(run_command: Run, plain_environ: dict[str, str]) -> None:
    assert run_command(plain_environ | {"WEB_CONCURRENCY": "x"}, "--help").returncode == 0


def test_an_empty_worker_count_is_an_unset_one(run: Run, plain_environ: dict[str, str]) -> None:
    assert run(plain_environ | {"WEB_CONCURRENCY": ""}).returncode == 0


@pytest.mark.parametrize(
    ("text", "fault"), [(b"BEDROCK_FLASK_HOST=\xff\n", "is not UTF-8 text"), (b"A=a\x00b\n", "cannot be read")]
)
def test_an_env_file_that_cannot_be_read_is_one_line(
    run: Run, plain_environ: dict[str, str], tmp_path: Path, text: bytes, fault: str
) -> None:
    (tmp_path / "env").write_bytes(text)
    done = run(plain_environ | {"BEDROCK_FLASK_ENV_FILE": str(tmp_path / "env")})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"bedrock-flask: {tmp_path / 'env'} {fault}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_env_file_that_may_not_be_read_is_one_line(run: Run, plain_environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "env").write_text("A=1")
    (tmp_path / "env").chmod(0)
    done = run(plain_environ | {"BEDROCK_FLASK_ENV_FILE": str(tmp_path / "env")})
    assert done.returncode == 1
    assert "cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://u:p@proxy:3128", "http://***@proxy:3128"),
        ("http://u:p/@ss@proxy:3128", "http://***@proxy:3128"),
        ("u:p@proxy:3128", "***@proxy:3128"),
        ("https://host/path?token=x", "https://host/path?***"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown
