"""What /openapi.json promises holds for the running gateway: schemathesis asks all that it allows, and more.

Schema-valid bodies may still be refused: relations between fields are rules, which JSON Schema cannot say.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway, StartGateway

SECRET = "fuzz-0123456789abcdef"
# Not judged: rules (see above), and `Allow`, which lists methods that an address refuses with its own error.
NOT_JUDGED = "positive_data_acceptance,allow_header_conformance"
# Every boundary of every field, for the operations that have few; the large bodies get generated ones.
SMALL = r"titan-embed|^/v1/models(/\{model\}(/schema)?)?$|z$"


@pytest.fixture(scope="module")
def keyed(start_gateway: StartGateway) -> Gateway:
    """A gateway with a key: its document promises that nothing is served without one."""
    return start_gateway(BEDROCK_FLASK_API_KEYS=f"fuzz:{SECRET}")


@pytest.mark.parametrize(
    "chosen",
    [["--phases", "examples,coverage", "--include-path-regex", SMALL], ["--phases", "fuzzing", "--max-examples", "5"]],
    ids=["every boundary", "generated bodies"],
)
def test_the_gateway_keeps_to_its_document(
    keyed: Any, emulator: Emulator, plain_environ: dict[str, str], tmp_path: Path, chosen: list[str]
) -> None:
    (tmp_path / "schemathesis.toml").write_text('[parameters]\n"path.model" = "nova"\n')
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{keyed.url}/openapi.json"),
            *("--header", f"x-api-key: {SECRET}", "--exclude-checks", NOT_JUDGED),
            *("--generation-deterministic", "--continue-on-failure", "--no-color", *chosen),
        ],
        env=plain_environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases is not None
    assert int(cases[1]) > 100
    assert [line for line in keyed.lines() if "unforeseen" in line["message"]] == []
