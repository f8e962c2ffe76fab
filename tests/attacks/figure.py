"""A figure of the table: what is promised, what was measured, and whether that keeps the promise."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One row. `holds` is None for what cannot be measured."""

    number: str
    promise: str
    measured: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """The row's last word."""
        return {True: "holds", False: "**missed**", None: "-"}[self.holds]


def write_row(figure: Figure) -> str:
    """A figure as a row of Markdown."""
    return f"| {figure.number} | {figure.promise} | {figure.measured} | {figure.verdict} |"


def write_table(figures: list[Figure]) -> str:
    """The figures as a table of Markdown."""
    return "\n".join(["| # | promise | measured | verdict |", "|---|---|---|---|", *map(write_row, figures)])


def replace_rows(text: str, worker: str, figures: list[Figure]) -> str:
    """A page's tables, with the rows of a worker that were measured again in place of the older ones."""
    before, title, table = text.partition(f"`{worker}`:\n")
    rows = {f"| {figure.number} |": write_row(figure) for figure in figures}
    ours, end, others = table.partition("\n\n`")
    lines = [rows.get(line[: line.find("|", 1) + 1], line) for line in ours.split("\n")]
    return before + title + "\n".join(lines) + end + others
