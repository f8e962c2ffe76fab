"""Tables in the documents end where they end: a line that follows directly would be shown as a row."""

from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_OURS = {"_build", "node_modules"}
PAGES = [ROOT / "README.md", *(path for path in (ROOT / "docs").rglob("*.md") if not NOT_OURS & {*path.parts})]


def lines_after_a_table(page: Path) -> list[str]:
    """The lines that would be shown as a row of the table above them."""
    lines = page.read_text().splitlines()
    ends = [below for row, below in pairwise(lines) if row.startswith("|") and row.endswith("|")]
    return [line for line in ends if line and not line.startswith("|")]


def test_a_table_ends_with_an_empty_line() -> None:
    assert [f"{page.relative_to(ROOT)}: {line}" for page in PAGES for line in lines_after_a_table(page)] == []
