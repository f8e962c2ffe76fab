"""docs/how-to/admin-api.md: a person follows the page, command by command, and the database has what it says."""

import itertools
import json
import os
import re
import subprocess
from pathlib import Path

from bedrock_flask.config.settings import read_settings
from tests.admin.operators import SECRETS, Administered, start_admin

PAGE = Path(__file__).parents[2] / "docs/how-to/admin-api.md"


def read_commands() -> list[str]:
    """The blocks of the page in their order, but for those that start the process."""
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    return [block for block in blocks if not block.startswith("export")]


def test_the_commands_of_the_page_do_what_it_says(plain_environ: dict[str, str], tmp_path: Path) -> None:
    with start_admin(plain_environ, f"sqlite:///{tmp_path}/gateway.db", tmp_path, with_teams=False) as admin:
        script = "\n".join(read_commands()).replace("http://127.0.0.1:8900", admin.server.url)
        environ = {"PATH": os.environ["PATH"], "OPERATOR": SECRETS["root"]}
        done = subprocess.run(["bash", "-ec", script], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        check(admin, answers)


def check(admin: Administered, answers: list[dict[str, object]]) -> None:
    """Hold the answers against what the page promises."""
    acme, research, created, changed, limited, spending, widened, rotated, revoked, closed, audit, alices, *usage = (
        answers
    )
    assert acme["budgets"] == {"month": {"usd": "1000"}}
    assert (research["parent"], research["tags"]) == ("acme", {"centre": "7"})
    assert set(created["secret"]) == {"api_key", "aws_access_key_id", "aws_secret_access_key"}  # type: ignore[call-overload]
    assert (changed["tags"], limited["budgets"]) == ({}, {"day": {"usd": "5"}})
    assert [row["period"] for row in spending["budgets"]] == ["day"]  # type: ignore[attr-defined]
    assert widened["policy"] == {"geographies": ["eu", "us"]}
    assert "secret" in rotated
    assert revoked["revoked"]
    assert closed["revoked"]
    assert {row["who"] for row in audit["rows"]} == {"key:root"}  # type: ignore[attr-defined]
    assert alices["rows"] == []
    assert usage == [{"usage": []}] * 2
    assert admin.succeed("GET", "teams/research") == closed


def test_the_settings_of_the_page_are_read() -> None:
    numbers = itertools.count(10**40)
    secret = re.compile(r"\$OPERATOR|\$\(openssl rand -hex 32\)")
    given = re.findall(r"^export (BEDROCK_FLASK_ADMIN_\w+)=(.*)$", PAGE.read_text(), re.M)
    settings = read_settings({name: secret.sub(lambda _: str(next(numbers)), value) for name, value in given})
    assert sorted(settings.admin_keys.digests) == ["alice", "bob", "carol"]
    assert settings.admin_roles == ("bob:auditor", "carol:owner@research")
