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


def write_table(figures: list[Figure]) -> str:
    """The figures as a table of Markdown."""
    rows = [f"| {each.number} | {each.promise} | {each.measured} | {each.verdict} |" for each in figures]
    return "\n".join(["| # | promise | measured | verdict |", "|---|---|---|---|", *rows])
