"""The page for plugin authors lists every capability."""

import re
from dataclasses import fields
from pathlib import Path

from bedrock_flask.capabilities import Capabilities

PAGE = Path(__file__).parents[2] / "docs/reference/plugins.md"


def test_every_capability_has_its_row_and_no_other() -> None:
    section = PAGE.read_text().partition("## Capabilities\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.M)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(
        f.name for f in fields(Capabilities)
    )
