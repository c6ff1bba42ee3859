"""
Draw the picture of a saga that unwinds: `python docs/images/make.py` writes `unwinding.svg`.

The saga is run, and the numbers are those of its log: what the picture shows is what happened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs
import trio

import steno

COLOURS: Final = {"done": "#2e7d32", "failed": "#c62828", "undone": "#b26a00", "never": "#757575"}
WIDTH, HEIGHT = 132, 58
LEFT, TOP = 18, 46
GAP_X, GAP_Y = 48, 26

PLACES: Final = {"card": (0, 0.5), "hotel": (1, 0), "flight": (1, 1), "ticket": (2, 0.5)}
"""The column and the row of each node."""

EDGES: Final = [("card", "hotel"), ("card", "flight"), ("hotel", "ticket"), ("flight", "ticket")]
TITLES: Final = {
    "card": "charge the card",
    "hotel": "book the hotel",
    "flight": "book the flight",
    "ticket": "send the tickets",
}

registry = steno.ActionRegistry()


@registry.action
async def act(ctx: steno.ActionContext[None]) -> None:
    """Succeed; but no seat is left on the flight."""
    if ctx.node_name == "flight":
        await trio.sleep(0.01)  # so that the hotel is booked by then
        msg = "no seat is left"
        raise steno.NotDone(msg)


@act.undo
async def take_back(_: steno.ActionContext[None]) -> None:
    """Take back what was done."""


async def run() -> steno.SagaResult:
    """Run the saga, and return its result."""
    builder = steno.DagBuilder("book-trip")
    builder.append(steno.Node.action("card", act))
    builder.append_parallel([steno.Node.action("hotel", act), steno.Node.action("flight", act)])
    builder.append(steno.Node.action("ticket", act))
    async with steno.open_sec(steno.InMemorySecStore(), registry) as sec:
        return await sec.saga_run(steno.SagaDag(builder.build()))


@attrs.frozen
class Box:
    """What is drawn of a node."""

    name: str
    colour: str
    lines: tuple[str, str]


def boxes(result: steno.SagaResult) -> list[Box]:
    """Return what the log says of each node, with the order in which it happened."""
    # Nodes are numbered as they were appended.
    names = list(PLACES)
    said: dict[str, list[str]] = {name: [] for name in names}
    number = 0
    for event in result.saga_log.events:
        label = event.event_type.label
        if event.node_id < len(names) and label in {"succeeded", "failed", "undo_finished"}:
            number += 1
            word = {"succeeded": "done", "undo_finished": "undone"}.get(label, label)
            said[names[event.node_id]].append(f"{number} {word}")
    found: list[Box] = []
    for name in names:
        words = said[name] or ["never started"]
        colour = COLOURS[words[-1].split()[-1] if said[name] else "never"]
        found.append(Box(name, colour, (TITLES[name], ", ".join(words))))
    return found


def place(name: str) -> tuple[float, float]:
    """Return where the top left corner of a node is."""
    column, row = PLACES[name]
    return LEFT + column * (WIDTH + GAP_X), TOP + row * (HEIGHT + GAP_Y)


def draw(result: steno.SagaResult) -> str:
    """Return the picture."""
    width = int(2 * LEFT + 3 * WIDTH + 2 * GAP_X)
    height = int(TOP + 2 * HEIGHT + GAP_Y + 18)
    caption = "No seat is left on the flight, so the hotel is cancelled, then the card is refunded."
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
        "<title>A saga that unwinds</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="26" fill="#333333">{caption}</text>',
    ]
    for start, end in EDGES:
        (x1, y1), (x2, y2) = place(start), place(end)
        ends = f'x1="{x1 + WIDTH}" y1="{y1 + HEIGHT / 2}" x2="{x2}" y2="{y2 + HEIGHT / 2}"'
        parts.append(f'<line {ends} stroke="#9e9e9e" stroke-width="1.5"/>')
    for box in boxes(result):
        x, y = place(box.name)
        frame = f'x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#ffffff"'
        parts.append(f'<rect {frame} stroke="{box.colour}" stroke-width="2"/>')
        lines = zip(box.lines, ("#222222", box.colour), (25, 44), strict=True)
        for text, colour, down in lines:
            at = f'x="{x + WIDTH / 2}" y="{y + down}" text-anchor="middle"'
            parts.append(f'<text {at} fill="{colour}">{text}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Write the picture."""
    path = Path(__file__).with_name("unwinding.svg")
    path.write_text(draw(trio.run(run)), encoding="utf-8")


if __name__ == "__main__":
    main()
