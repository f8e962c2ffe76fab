"""Tables in the documents end where they end: a line that follows directly would be shown as a row."""

from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_table_ends_with_an_empty_line(page: Path) -> None:
    lines = page.read_text().splitlines()
    ends = [below for row, below in pairwise(lines) if row.startswith("|") and row.endswith("|")]
    assert [line for line in ends if line and not line.startswith("|")] == []
