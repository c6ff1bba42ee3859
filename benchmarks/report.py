"""The report: the machine, the scenarios and the ratios, as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.goal import Goal, goals
from benchmarks.scale import Scale
from benchmarks.scenario import Piece
from benchmarks.statistic import Round, Spread, pairwise, pick

NOTES = """
Each piece ran in its own process, once in each round; rounds alternate between forward and reverse
order. Figures are the median of the rounds, with the smallest and the largest; processor time and
memory are medians. A ratio is the median of the ratios within each round.

Not alike: this library and dura use WAL with synchronous FULL; DBOS and sagaz the rollback journal
with synchronous FULL that SQLite begins with, but for lines that say otherwise. DBOS and dura
record the result of a step, not its start, and are told by hand what to undo; sagaz records no
steps. Steps of DBOS in threads, and of dura, run in threads, all others in an event loop. What is
counted is forward nodes in every line, also where sagas unwind.
"""


def number(value: float) -> str:
    """Return a number as text, with three significant digits and no exponent."""
    if value == 0:
        return "0"
    digits = 2
    rounded = float(f"{value:.3g}")
    while digits > 0 and abs(rounded) >= 10 ** (3 - digits):
        digits -= 1
    return f"{rounded:,.{digits}f}" if abs(rounded) >= 1 else f"{rounded:.3g}"


def shown(spread: Spread | None) -> tuple[str, str]:
    """Return the median and the range as text."""
    if spread is None:
        return "not measured", ""
    return number(spread.median), f"{number(spread.least)} … {number(spread.most)}"


def row(*cells: object) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def machine_table(header: Mapping[str, str]) -> Iterator[str]:
    """Yield the rows of the machine table."""
    yield from ("| | |", "|---|---|")
    for name, value in header.items():
        yield row(name, value)


def scenario_table(pieces: Sequence[Piece], rounds: Sequence[Round]) -> Iterator[str]:
    """Yield a row for each piece."""
    yield row("scenario", "at", "median", "min … max", "unit", "CPU µs", "peak MB", "rounds")
    yield "|---|--:|--:|---|---|--:|--:|--:|"
    for piece in pieces:
        scenario = piece.scenario
        spread = pick(rounds, piece.name, scenario.figure)
        cpu, peak = (shown(pick(rounds, piece.name, figure))[0] for figure in ("cpu", "peak"))
        cells = (*shown(spread), scenario.unit, cpu, peak, spread.rounds if spread else 0)
        yield row(scenario.name, f"{piece.point:,}", *cells)


def ratio_table(measured: Sequence[tuple[Goal, Spread | None]], *, judged: bool) -> Iterator[str]:
    """Yield a row for each ratio, with whether it meets its goal if `judged`."""
    yield row("", "what", "measured", "min … max", "goal", "rounds", *(["met"] if judged else []))
    yield "|---|---|--:|---|---|--:|" + ("---|" if judged else "")
    for goal, spread in measured:
        verdict = ""
        if spread is not None and goal.met(spread.median) is not None:
            verdict = "yes" if goal.met(spread.median) else "**no**"
        cells = (goal.row, goal.what, *shown(spread), goal.wanted, spread.rounds if spread else 0)
        yield row(*cells, *([verdict] if judged else []))


def ratios(rounds: Sequence[Round], scale: Scale) -> list[tuple[Goal, Spread | None]]:
    """Return each ratio to show, with its measured value."""
    return [(goal, pairwise(rounds, goal.ratio)) for goal in goals(scale)]


def markdown(
    header: Mapping[str, str],
    pieces: Sequence[Piece],
    rounds: Sequence[Round],
    scale: Scale,
    left_out: Mapping[str, str],
) -> str:
    """Return the whole report; only a full run is judged."""
    what = {piece.scenario.name: piece.scenario.what for piece in pieces}
    lines = [f"# Benchmarks: {scale.name}", "", *machine_table(header), ""]
    lines += ["## Scenarios", "", *(f"* `{name}`: {text}." for name, text in what.items())]
    lines += [f"* `{name}`: left out; {why}." for name, why in left_out.items()]
    lines += ["", *scenario_table(pieces, rounds), NOTES, "## Ratios", ""]
    lines += ratio_table(ratios(rounds, scale), judged=scale.name == "full")
    return "\n".join(lines) + "\n"
