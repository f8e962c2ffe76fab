"""`bedrock-flask admin` starts only with operators who can be believed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import Completed
from tests.governed import create_tables

LONG = "s" * 32


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "the admin API is closed"),
        ({"KEYS": ","}, "it contains no keys"),
        ({"KEYS": "c4n4ry" * 6}, "key 1 is not a name:secret pair"),
        ({"KEYS": "alice:short"}, "the secret of operator 'alice' must have at least 32 characters"),
        ({"ROLES": "alice:admin"}, "'alice:admin': BEDROCK_FLASK_ADMIN_KEYS has no such operator"),
        ({"KEYS": f"alice:{LONG}", "ROLES": "bob:admin"}, "'bob:admin': BEDROCK_FLASK_ADMIN_KEYS has no such operator"),
        ({"KEYS": f"alice:{LONG}", "ROLES": "alice:owner"}, "'alice:owner' is not NAME:ROLE"),
        ({"KEYS": f"alice:{LONG}", "ROLES": "alice:root"}, "'alice:root' is not NAME:ROLE"),
        (
            {"KEYS": f"alice:{LONG}", "KEYS_FILE": "FILE"},
            "contains keys that BEDROCK_FLASK_ADMIN_KEYS contains too: alice",
        ),
    ],
)
def test_it_stays_closed_without_operators(
    run_command: Callable[..., Completed],
    plain_environ: dict[str, str],
    tmp_path: Path,
    settings: dict[str, str],
    fault: str,
) -> None:
    (file := tmp_path / "operators").write_text(f"# Of the night.\nalice:{LONG}\n")
    own = {f"BEDROCK_FLASK_ADMIN_{name}": str(file) if value == "FILE" else value for name, value in settings.items()}
    environ = plain_environ | create_tables(f"sqlite:///{tmp_path}/gateway.db") | own
    done = run_command(environ, "admin", "--port", "1")
    assert done.returncode == 1
    assert fault in done.stderr
    assert LONG not in done.stderr
    assert "c4n4ry" not in done.stderr


def test_it_does_not_start_without_a_database(
    run_command: Callable[..., Completed], plain_environ: dict[str, str], tmp_path: Path
) -> None:
    operators = {"BEDROCK_FLASK_ADMIN_KEYS": f"alice:{LONG}"}
    assert "the admin API is closed" in run_command(plain_environ | operators, "admin").stderr
    address = {"BEDROCK_FLASK_DATABASE_URL": f"sqlite:///{tmp_path}/none.db", "BEDROCK_FLASK_KEY_PEPPER": LONG}
    assert "none.db does not exist" in run_command(plain_environ | operators | address, "admin").stderr
