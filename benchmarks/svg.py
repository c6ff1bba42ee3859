"""A line chart as SVG: just what three plots need, without a dependency."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

import attrs

WIDTH: Final = 760
HEIGHT: Final = 420
LEFT, RIGHT, TOP, BOTTOM = 80, 240, 50, 60
COLOURS: Final = (
    "#1f6feb",
    "#d1242f",
    "#1a7f37",
    "#8250df",
    "#bf8700",
    "#57606a",
    "#0a7ea4",
    "#e085c2",
)


@attrs.frozen
class Line:
    """
    A line of a chart.

    Attributes:
        name: Its name in the legend.
        points: Its points, from left to right; on logarithmic axes all are above 0.
    """

    name: str
    points: Sequence[tuple[float, float]]


@attrs.frozen
class Chart:
    """
    A chart.

    Attributes:
        title: The title.
        across: The label of the horizontal axis.
        up: The label of the vertical axis.
        lines: The lines.
        marks: The ticks of the horizontal axis, with their labels.
        from_zero: Whether the vertical axis begins at 0 and is linear; otherwise it is logarithmic.
    """

    title: str
    across: str
    up: str
    lines: Sequence[Line]
    marks: Sequence[tuple[float, str]]
    from_zero: bool = False

    def svg(self) -> str:
        """Return the SVG document."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="sans-serif" font-size="12">'
        )
        ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        body = (self._frame(), self._verticals(), self._horizontals(), self._curves())
        parts = [head, ground, *(part for each in body for part in each), "</svg>"]
        return "\n".join(parts) + "\n"

    # Places

    def _x(self, value: float) -> float:
        first, last = self.marks[0][0], self.marks[-1][0]
        share = math.log(value / first) / math.log(last / first) if last > first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def _ticks(self) -> list[float]:
        values = [y for line in self.lines for _, y in line.points]
        if self.from_zero:
            step = _round_up(max(values) / 5)
            return [step * number for number in range(6)]
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return [10.0**power for power in range(low, max(high, low + 1) + 1)]

    def _scale(self) -> Callable[[float], float]:
        ticks = self._ticks()
        along: Callable[[float], float] = float if self.from_zero else math.log10
        low, high = along(ticks[0]), along(ticks[-1])
        room = HEIGHT - TOP - BOTTOM

        def place(value: float) -> float:
            return HEIGHT - BOTTOM - (along(value) - low) / (high - low) * room

        return place

    # Parts

    def _frame(self) -> Iterator[str]:
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield _text(middle, TOP - 22, self.title, size=15)
        yield _text(middle, HEIGHT - 16, self.across)
        centre = (TOP + HEIGHT - BOTTOM) / 2
        yield _text(18, centre, self.up, turned=True)

    def _verticals(self) -> Iterator[str]:
        for value, written in self.marks:
            x = self._x(value)
            yield _stroke([(x, TOP), (x, HEIGHT - BOTTOM)], "#e6e6e6", 1)
            yield _text(x, HEIGHT - BOTTOM + 18, written)

    def _horizontals(self) -> Iterator[str]:
        place = self._scale()
        for tick in self._ticks():
            y = place(tick)
            yield _stroke([(LEFT, y), (WIDTH - RIGHT, y)], "#e6e6e6", 1)
            yield _text(LEFT - 8, y + 4, f"{tick:,.10g}", anchor="end")

    def _curves(self) -> Iterator[str]:
        place = self._scale()
        for number, line in enumerate(self.lines):
            colour = COLOURS[number % len(COLOURS)]
            dashes = "" if number < len(COLOURS) else "5 3"
            points = [(self._x(x), place(y)) for x, y in line.points]
            yield _stroke(points, colour, 2, dashes)
            for x, y in points:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
            y = TOP + 10 + 20 * number
            yield _stroke([(WIDTH - RIGHT + 14, y), (WIDTH - RIGHT + 34, y)], colour, 2, dashes)
            yield _text(WIDTH - RIGHT + 40, y + 4, line.name, anchor="start")


def _round_up(value: float) -> float:
    """Return the number rounded up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= value)


def _stroke(
    points: Sequence[tuple[float, float]], colour: str, width: int, dashes: str = ""
) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    pen = f'stroke="{colour}" stroke-width="{width}"{dashed}'
    return f'<polyline points="{places}" fill="none" {pen}/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "middle", size: int = 12, turned: bool = False
) -> str:
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="#24292f"{turn}>{escape(text)}</text>'
    )
