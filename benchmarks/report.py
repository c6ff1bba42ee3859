"""What is printed: the machine, the scenarios and the ratios, as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.goal import Goal, goals
from benchmarks.scale import Scale
from benchmarks.scenario import Piece
from benchmarks.statistic import Round, Spread, pairwise, pick

NOTES = """
Each piece ran in a process of its own, once in each round; rounds go to and fro through all of
them. Figures are the median of the rounds, with the smallest and the largest; processor time and
memory are medians. A ratio is taken within each round, and is then the median of these.

Not alike: this library and dura use WAL with synchronous FULL; DBOS and sagaz the rollback journal
with synchronous FULL that SQLite begins with, but for lines that say otherwise. DBOS and dura
record the result of a step, not its start, and are told by hand what to undo; sagaz records no
steps. Steps of DBOS in threads, and of dura, run in threads, all others in an event loop. What is
counted is forward nodes in every line, also where sagas unwind.
"""


def number(value: float) -> str:
    """Return a number with three figures, and no exponent."""
    if value == 0:
        return "0"
    digits = 2
    rounded = float(f"{value:.3g}")
    while digits > 0 and abs(rounded) >= 10 ** (3 - digits):
        digits -= 1
    return f"{rounded:,.{digits}f}" if abs(rounded) >= 1 else f"{rounded:.3g}"


def shown(spread: Spread | None) -> tuple[str, str]:
    """Return the median, and the range."""
    if spread is None:
        return "not measured", ""
    return number(spread.median), f"{number(spread.least)} … {number(spread.most)}"


def row(*cells: object) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def machine_table(header: Mapping[str, str]) -> Iterator[str]:
    """Give what it was made on."""
    yield from ("| | |", "|---|---|")
    for name, value in header.items():
        yield row(name, value)


def scenario_table(pieces: Sequence[Piece], rounds: Sequence[Round]) -> Iterator[str]:
    """Give a row for each piece."""
    yield row("scenario", "at", "median", "min … max", "unit", "CPU µs", "peak MB", "rounds")
    yield "|---|--:|--:|---|---|--:|--:|--:|"
    for piece in pieces:
        scenario = piece.scenario
        spread = pick(rounds, piece.name, scenario.figure)
        cpu, peak = (shown(pick(rounds, piece.name, figure))[0] for figure in ("cpu", "peak"))
        cells = (*shown(spread), scenario.unit, cpu, peak, spread.rounds if spread else 0)
        yield row(scenario.name, f"{piece.point:,}", *cells)


def ratio_table(measured: Sequence[tuple[Goal, Spread | None]], *, judged: bool) -> Iterator[str]:
    """Give a row for each ratio; whether it is as wanted is said where it is judged."""
    yield row("", "what", "measured", "min … max", "goal", "rounds", *(["met"] if judged else []))
    yield "|---|---|--:|---|---|--:|" + ("---|" if judged else "")
    for goal, spread in measured:
        verdict = ""
        if spread is not None and goal.met(spread.median) is not None:
            verdict = "yes" if goal.met(spread.median) else "**no**"
        cells = (goal.row, goal.what, *shown(spread), goal.wanted, spread.rounds if spread else 0)
        yield row(*cells, *([verdict] if judged else []))


def ratios(rounds: Sequence[Round], scale: Scale) -> list[tuple[Goal, Spread | None]]:
    """Return each ratio that is to be shown, and what it came to."""
    return [(goal, pairwise(rounds, goal.ratio)) for goal in goals(scale)]


def markdown(
    header: Mapping[str, str],
    pieces: Sequence[Piece],
    rounds: Sequence[Round],
    scale: Scale,
    left_out: Mapping[str, str],
) -> str:
    """Return all of it; only a full run is judged."""
    what = {piece.scenario.name: piece.scenario.what for piece in pieces}
    lines = [f"# Benchmarks: {scale.name}", "", *machine_table(header), ""]
    lines += ["## Scenarios", "", *(f"* `{name}`: {text}." for name, text in what.items())]
    lines += [f"* `{name}`: left out; {why}." for name, why in left_out.items()]
    lines += ["", *scenario_table(pieces, rounds), NOTES, "## Ratios", ""]
    lines += ratio_table(ratios(rounds, scale), judged=scale.name == "full")
    return "\n".join(lines) + "\n"
