"""`bedrock-flask db`, `teams` and `keys`: what a person does to give somebody a key, and to take it back."""

import io
import json
import os
import re
import sqlite3
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from bedrock_flask.__main__ import main
from bedrock_flask.commands.doctor.checks import Facts, check_settings
from bedrock_flask.commands.doctor.report import OK
from tests.databases import PEPPER


@pytest.fixture
def environ(plain_environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    own = {"BEDROCK_FLASK_DATABASE_URL": f"sqlite:///{tmp_path}/gateway.db", "BEDROCK_FLASK_KEY_PEPPER": PEPPER}
    return plain_environ | own


def run(environ: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in this process, because each new one imports for a second."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("BEDROCK_FLASK_")]:
            patch.delenv(name)
        for name, value in environ.items():
            patch.setenv(name, value)
        try:
            main(args=words)
        except SystemExit as end:
            status = int(end.code or 0)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def succeed(environ: dict[str, str], *words: str) -> list[str]:
    """Run a command that must succeed, and return the lines that it prints."""
    done = run(environ, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_person_creates_a_team_and_a_key_and_takes_it_back(environ: dict[str, str], tmp_path: Path) -> None:
    [line] = succeed(environ, "db", "upgrade")
    assert re.fullmatch(rf"sqlite:///{tmp_path}/gateway.db has the schema \d+", line)
    succeed(environ, "teams", "create", "acme", "--tag", "centre=7")
    succeed(environ, "teams", "create", "research", "--parent", "acme")
    assert [line.split()[:2] for line in succeed(environ, "teams", "list")[1:]] == [["acme", "-"], ["research", "acme"]]
    created = dict(line.split("=", 1) for line in succeed(environ, "keys", "create", "research/nightly"))
    assert sorted(created) == ["API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert created["API_KEY"].startswith(f"bf_{created['AWS_ACCESS_KEY_ID']}_")
    succeed(environ, "keys", "rotate", "research/nightly", "--overlap", "12h")
    succeed(environ, "keys", "revoke", "research/nightly", "--secret", created["AWS_ACCESS_KEY_ID"])
    header, *rows = succeed(environ, "keys", "list", "research")
    assert header.split() == ["key", "secret", "created", "expires", "revoked", "limits"]
    [first, second] = [row.split() for row in rows]
    assert first[:2] == ["research/nightly", created["AWS_ACCESS_KEY_ID"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text) for text in first[2:5])
    assert second[3:] == ["-", "-", "-"]
    succeed(environ, "keys", "revoke", "research/nightly")
    assert "-" not in [row.split()[4] for row in succeed(environ, "keys", "list")[1:]]
    succeed(environ, "teams", "revoke", "acme")
    with sqlite3.connect(tmp_path / "gateway.db") as database:
        [(who,)] = set(database.execute("SELECT who FROM audit"))
    assert re.fullmatch(r"cli:\w+", who)


def test_all_that_is_known_is_shown_and_every_change_is_listed(environ: dict[str, str]) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme", "--tag", "centre=7")
    succeed(environ, "keys", "create", "acme/nightly", "--rule", "regions=eu-west-1")
    succeed(environ, "keys", "limit", "acme/nightly", "--model", "nova", "--requests", "60")
    succeed(environ, "keys", "budget", "acme/nightly", "day=5", "month=0.50")
    assert succeed(environ, "teams", "tag", "acme", "app=report", "--remove", "centre") == ["app=report"]
    assert succeed(environ, "teams", "tag", "acme") == ["app=report"]
    shown = json.loads("\n".join(succeed(environ, "keys", "show", "acme/nightly")))
    assert (shown["key"], shown["policy"], shown["limits"], shown["budgets"]) == (
        "acme/nightly",
        {"regions": ["eu-west-1"]},
        {"models": {"nova": {"requests": 60}}},
        {"day": {"usd": "5"}, "month": {"usd": "0.50"}},
    )
    assert json.loads("\n".join(succeed(environ, "teams", "show", "acme")))["tags"] == {"app": "report"}
    rows = [line.split()[2:] for line in succeed(environ, "audit", "acme/nightly")[1:]]
    secret = f"acme/nightly/{shown['secrets'][0]['id']}"
    assert rows == [
        ["set", "budgets", "of", "key", "acme/nightly"],
        ["limit", "key", "acme/nightly"],
        ["set", "policy", "of", "key", "acme/nightly"],
        ["create", "secret", secret],
        ["create", "key", "acme/nightly"],
    ]
    [tagged] = map(json.loads, succeed(environ, "audit", "acme", "--action", "tag team", "--json"))
    assert (tagged["before"]["tags"], tagged["after"]["tags"]) == ({"centre": "7"}, {"app": "report"})
    assert len(succeed(environ, "audit", "--most", "2")) == 3
    assert len(succeed(environ, "audit", "--who", "cli:nobody")) == 1
    fault = run(environ, "keys", "policy", "acme/nightly", "dialects=opnai").stderr
    assert fault.startswith("bedrock-flask: 'opnai' is not a dialect")


def test_a_backup_is_brought_back(environ: dict[str, str], tmp_path: Path) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme")
    saved = environ | {"BEDROCK_FLASK_DATABASE_URL": f"sqlite:///{tmp_path}/saved.db"}
    assert "teams: 1" in succeed(environ, "db", "backup", f"{tmp_path}/saved.db")
    assert succeed(environ, "db", "downgrade", "base")[0].endswith("has no schema")
    assert succeed(saved, "db", "copy", f"sqlite:///{tmp_path}/new.db")[-1] == f"copied to sqlite:///{tmp_path}/new.db"
    new = environ | {"BEDROCK_FLASK_DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    assert succeed(new, "teams", "list")[1].startswith("acme")


def test_what_is_wrong_is_one_line(environ: dict[str, str], plain_environ: dict[str, str], tmp_path: Path) -> None:
    for words, fault in (
        (("teams", "list"), f"{tmp_path}/gateway.db does not exist: bedrock-flask db upgrade creates it"),
        (("db", "copy", "mysql://x"), "TARGET is not sqlite:///FILE"),
        (("keys", "create", "acme/x", "--expires", "soon"), "'soon' is not a time"),
        (("keys", "create", "acme/x", "--tag", "a"), "'a' is not a tag"),
        (("db", "upgrade"), ""),
        (("keys", "create", "acme/x"), "there is no team 'acme'"),
        (("keys", "create", "acme"), "'acme' is not TEAM/NAME"),
        (("db", "downgrade", "unknown"), "Can't locate revision identified by 'unknown'"),
    ):
        done = run(environ, *words)
        if fault:
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr.startswith(f"bedrock-flask: {fault}")
            assert done.stderr.count("\n") == 1
    done = run(plain_environ, "keys", "list")
    assert done.stderr.startswith("bedrock-flask: there is no database: set BEDROCK_FLASK_DATABASE_URL")


def test_the_settings_are_shown_without_their_secrets(environ: dict[str, str]) -> None:
    url = "postgresql://gateway:canary-password@db.example.com/gateway?sslpassword=canary-password"
    shown = json.loads(run(environ | {"BEDROCK_FLASK_DATABASE_URL": url}, "config", "--json").stdout)
    values = {row["name"]: row["value"] for row in shown["settings"]}
    assert values["BEDROCK_FLASK_DATABASE_URL"] == "postgresql://gateway@db.example.com/gateway"
    assert values["BEDROCK_FLASK_KEY_PEPPER"] == "***"
    assert "canary" not in json.dumps(shown)


def test_doctor_knows_that_callers_need_a_key(environ: dict[str, str]) -> None:
    facts = Facts(environ=environ | {"BEDROCK_FLASK_HOST": "0.0.0.0"}, seconds=1)
    [finding] = check_settings(facts)
    assert (finding.status, finding.message) == (
        OK,
        f"valid; API keys: 0; database: {environ['BEDROCK_FLASK_DATABASE_URL']}",
    )


def test_a_person_sets_shows_and_removes_the_rules_of_a_policy(environ: dict[str, str]) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme")
    succeed(environ, "keys", "create", "acme/nightly")
    given = [
        "models=amazon.nova-*, fast",
        "geographies=eu",
        "guardrail=gr1:1",
        "most_tokens=9",
        "metadata=cost:7",
        "parameters=temperature:0.2,topP:1.0",
        "networks=10.0.0.0/8",
    ]
    stored = ["models=amazon.nova-*,fast", *given[1:]]
    assert succeed(environ, "teams", "policy", "acme", *given) == stored
    assert succeed(environ, "teams", "policy", "acme") == stored
    assert succeed(environ, "teams", "policy", "acme", "models=", "--remove", "networks") == [
        "models=",
        *given[1:6],
    ]
    assert succeed(environ, "keys", "policy", "acme/nightly", "dialects=bedrock,openai_chat") == [
        "dialects=bedrock,openai_chat"
    ]
    wider = run(environ, "keys", "policy", "acme/nightly", "geographies=global")
    assert (wider.returncode, wider.stdout) == (1, "")
    assert "the geographies of the team 'acme' do not cover global" in wider.stderr
    assert succeed(environ, "keys", "policy", "acme/nightly") == ["dialects=bedrock,openai_chat"]


def test_a_team_or_a_key_is_created_with_its_policy_or_not_at_all(environ: dict[str, str]) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme", "--rule", "geographies=eu", "--rule", "models=amazon.*")
    succeed(environ, "keys", "create", "acme/nightly", "--rule", "models=amazon.nova-*")
    assert succeed(environ, "teams", "policy", "acme") == ["geographies=eu", "models=amazon.*"]
    assert succeed(environ, "keys", "policy", "acme/nightly") == ["models=amazon.nova-*"]
    refused = run(environ, "keys", "create", "acme/other", "--rule", "geographies=global")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "do not cover global" in refused.stderr
    assert "other" not in "".join(succeed(environ, "keys", "list"))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("models", "each as NAME=VALUE"),
        ("hours=9", "'hours' is not a rule of a policy"),
        ("dialects=cobol", "'cobol' is not a dialect"),
        ("regions=mars", "'mars' is not a region"),
        ("geographies=EU", "'EU' is not a geography"),
        ("guardrail=gr1", "'gr1' is not a guardrail"),
        ("most_tokens=0", "'0' is not a number of tokens"),
        ("metadata=cost", "'cost' is not metadata"),
        ("parameters=temperature:hot", "'hot' is not a temperature up to 2"),
        ("parameters=topP:1.1", "'1.1' is not a topP up to 1"),
        ("parameters=seed:7", "'seed' is not a parameter"),
        ("networks=10.0.0.1/8", "'10.0.0.1/8' is not a network"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(environ: dict[str, str], rule: str, words: str) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme")
    done = run(environ, "teams", "policy", "acme", rule)
    assert done.returncode == 1
    assert words in done.stderr


def test_a_budget_is_set_changed_and_removed(environ: dict[str, str]) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme")
    succeed(environ, "keys", "create", "acme/nightly")
    header, *rows = succeed(environ, "keys", "budget", "acme/nightly", "month=250.5", "day=10")
    assert header.split()[:4] == ["period", "usd", "spent", "reserved"]
    assert [row.split()[:2] for row in rows] == [["day", "10.00"], ["month", "250.50"]]
    _, *rows = succeed(environ, "keys", "budget", "acme/nightly", "day=none", "--allow-unpriced", "acme.x")
    assert [row.split() for row in rows] == [["month", "250.50", "0.00", "0.00", "50,80,100", "acme.x"]]
    _, *rows = succeed(environ, "keys", "budget", "acme/nightly", "--warn-at", "90, 80")
    assert [row.split() for row in rows] == [["month", "250.50", "0.00", "0.00", "80,90", "acme.x"]]
    _, *rows = succeed(environ, "keys", "budget", "acme/nightly", "month=300")
    assert [row.split() for row in rows] == [["month", "300.00", "0.00", "0.00", "80,90", "acme.x"]]
    _, *rows = succeed(environ, "keys", "budget", "acme/nightly", "--warn-at", "none")
    assert [row.split() for row in rows] == [["month", "300.00", "0.00", "0.00", "-", "acme.x"]]
    _, row = succeed(environ, "teams", "budget", "acme", "week=1")
    assert row.split()[:2] == ["week", "1.00"]
    for words in (("year=1",), ("day=-1",), ("day",), ("--warn-at", "0"), ("--warn-at", "101"), ("--warn-at", "x")):
        assert run(environ, "teams", "budget", "acme", *words).returncode == 1
    assert run(environ, "keys", "budget", "acme/other").stderr == "bedrock-flask: there is no key 'acme/other'\n"
    [header] = succeed(environ, "usage")
    assert header.split()[0] == "team"


def test_a_person_limits_a_team_and_a_key_and_sees_it(environ: dict[str, str]) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme")
    succeed(environ, "keys", "create", "acme/k")
    succeed(environ, "teams", "limit", "acme", "--requests", "60", "--calls", "5")
    succeed(environ, "teams", "limit", "acme", "--model", "claude", "--tokens", "1000")
    succeed(environ, "teams", "limit", "acme", "--calls", "none")
    succeed(environ, "keys", "limit", "acme/k", "--tokens", "0")
    [team], [key] = succeed(environ, "teams", "list")[1:], succeed(environ, "keys", "list")[1:]
    assert team.endswith("  60 requests a minute, claude: 1000 tokens a minute")
    assert key.endswith("  0 tokens a minute")


def test_what_only_reads_does_not_wait_for_a_writer_nor_holds_one_up(environ: dict[str, str], tmp_path: Path) -> None:
    """A gateway refuses calls when it waits for two seconds, and the sums of a large ledger take longer."""
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme")
    succeed(environ, "keys", "create", "acme/k")
    reading = (
        ("usage", "--by", "team", "--by", "team", "--by", "day"),
        ("keys", "list"),
        ("teams", "list"),
        ("keys", "policy", "acme/k"),
        ("teams", "budget", "acme"),
    )
    with sqlite3.connect(tmp_path / "gateway.db", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        shown = [succeed(environ, *words) for words in reading]
        writer.execute("ROLLBACK")
    assert shown[0][0].split()[:3] == ["team", "day", "calls"]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("acme",), "name a limit"),
        (("acme", "--requests", "-1"), "is not a limit"),
        (("acme", "--tokens", "1000000001"), "is not a limit"),
        (("unknown", "--calls", "1"), "there is no team 'unknown'"),
    ],
)
def test_what_is_not_a_limit_is_refused(environ: dict[str, str], words: tuple[str, ...], refusal: str) -> None:
    succeed(environ, "db", "upgrade")
    succeed(environ, "teams", "create", "acme")
    done = run(environ, "teams", "limit", *words)
    assert done.returncode == 1
    assert refusal in done.stderr
