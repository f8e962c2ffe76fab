"""Plots as SVG: bars with their quartiles, and lines. Their colours follow the reader's light or dark page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 760
_STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #333 }
.axis { stroke: #999; stroke-width: 1 }
.grid { stroke: #ddd; stroke-width: 1 }
.mark { stroke: #c0392b; stroke-width: 1.5; stroke-dasharray: 5 4 }
.marked { fill: #c0392b }
.spread { stroke: #333; stroke-width: 1.5 }
.s0 { fill: #2f6fb5; stroke: #2f6fb5 } .s1 { fill: #d98a29; stroke: #d98a29 }
.s2 { fill: #4c9a5b; stroke: #4c9a5b } .s3 { fill: #8e5ea2; stroke: #8e5ea2 }
polyline { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .grid { stroke: #444 } .spread { stroke: #ddd }
  .mark { stroke: #ff8a7a } .marked { fill: #ff8a7a }
}
</style>"""


@dataclass(frozen=True)
class Bar:
    """One bar: its label, the series that gives its colour, its length, and the ends of its spread."""

    label: str
    series: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One line: its name, and its points."""

    name: str
    points: Sequence[tuple[float, float]]


def draw_bars(bars: Sequence[Bar], series: Sequence[str], mark: float, mark_name: str) -> str:
    """Horizontal bars from 0, with a mark across them all."""
    left, row, top = 210, 24, 56
    bottom = top + row * len(bars)
    step = _choose_step(max([mark, *(bar.high for bar in bars)]))
    most = step * math.ceil(max([mark, *(bar.high for bar in bars)]) / step)
    scale = (_WIDTH - left - 70) / most
    parts = [*_draw_legend(series, left)]
    for number in range(round(most / step) + 1):
        x = left + number * step * scale
        parts.append(_line("grid", x, top, x, bottom) + _text(x, bottom + 18, f"{number * step:g}", "middle"))
    for index, bar in enumerate(bars):
        y = top + index * row + row / 2
        parts += [
            _text(left - 8, y + 4, bar.label, "end"),
            f'<rect class="s{bar.series}" x="{left}" y="{y - 8:.1f}" width="{bar.value * scale:.1f}" height="16"/>',
            _line("spread", left + bar.low * scale, y, left + bar.high * scale, y),
            _text(left + max(bar.value, bar.high) * scale + 6, y + 4, f"{bar.value:.2f}"),
        ]
    x = left + mark * scale
    parts.append(_line("mark", x, top - 4, x, bottom) + _text(x + 4, top - 8, mark_name, style="marked"))
    return _wrap(bottom + 30, parts)


def draw_lines(lines: Sequence[Line], across: str, up: str, mark: float = 0, mark_name: str = "") -> str:
    """Lines from 0, with a mark at one height."""
    left, top, bottom, right = 60, 50, 330, _WIDTH - 30
    most_x = max(x for line in lines for x, _ in line.points)
    highest = max([mark, *(y for line in lines for _, y in line.points)])
    step = _choose_step(highest)
    most_y = step * math.ceil(highest / step) or 1
    scale_x, scale_y = (right - left) / most_x, (bottom - top) / most_y
    parts = [*_draw_legend([line.name for line in lines], left), _text(left, top - 10, up)]
    for number in range(round(most_y / step) + 1):
        y = bottom - number * step * scale_y
        parts.append(_line("grid", left, y, right, y) + _text(left - 8, y + 4, f"{number * step:g}", "end"))
    step_x = _choose_step(most_x)
    for number in range(math.floor(most_x / step_x) + 1):
        parts.append(_text(left + number * step_x * scale_x, bottom + 18, f"{number * step_x:g}", "middle"))
    for index, line in enumerate(lines):
        points = [(left + x * scale_x, bottom - max(y, 0) * scale_y) for x, y in line.points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="s{index % 4}" points="{joined}"/>')
        parts += [f'<circle class="s{index % 4}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    if mark:
        y = bottom - mark * scale_y
        parts.append(_line("mark", left, y, right, y) + _text(right, y - 6, mark_name, "end", "marked"))
    parts.append(_text((left + right) / 2, bottom + 38, across, "middle"))
    return _wrap(bottom + 50, parts)


def _choose_step(most: float) -> float:
    """A round distance of the lines of a grid."""
    power = 10 ** math.floor(math.log10(most or 1))
    return next(power * step for step in (0.1, 0.2, 0.5, 1, 2) if most / (power * step) <= 10)


def _draw_legend(names: Sequence[str], x: float) -> Iterator[str]:
    for index, name in enumerate(names):
        yield f'<rect class="s{index % 4}" x="{x}" y="6" width="12" height="12"/>' + _text(x + 18, 17, name)
        x += 40 + 7 * len(name)


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _wrap(height: float, parts: Sequence[str]) -> str:
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img">'
    return "\n".join([start, _STYLE, *parts, "</svg>\n"])
