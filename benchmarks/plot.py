"""The plots: throughput over concurrency, cost over size, and the latency of reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.scale import Scale
from benchmarks.scenario import Scenario, piece_name
from benchmarks.statistic import Round, pick
from benchmarks.svg import Chart, Line
from benchmarks.table import LOOKING, SCENARIOS, SIZES

SHARES = ((50.0, "p50"), (90.0, "p90"), (99.0, "p99"), (99.9, "p99.9"), (100.0, "max"))
"""The percentiles of the latency of reads."""

COMPARED = frozenset(
    {
        "bare-trio",
        "disk-one-row",
        "disk-two-rows",
        "chains-memory-forward",
        "chains-memory-unwinding",
        "chains-sqlite-forward",
        "chains-sqlite-unwinding",
        "dbos-threads-own",
        "dbos-async-wal",
        "sagaz",
        "dura",
    }
)
"""The scenarios in the plot of throughput."""


def charts(rounds: Sequence[Round], scale: Scale) -> Iterator[tuple[str, Chart]]:
    """Yield the name and chart of each plot that there are figures for."""
    compared = [each for each in SCENARIOS if each.name in COMPARED]
    throughput = _over(rounds, compared, scale, "rate")
    if throughput:
        yield (
            "throughput",
            Chart(
                "Throughput: chains of 10 nodes",
                "sagas at once",
                "nodes/s",
                throughput,
                [(n, f"{n:,}") for n in scale.concurrencies],
            ),
        )
    cost = _over(rounds, SIZES, scale, "cpu")
    if cost:
        title = "Processor time of a node in one saga, in memory"
        marks = [(n, f"{n:,}") for n in scale.sizes]
        yield "cost", Chart(title, "nodes of the saga", "µs/node", cost, marks, from_zero=True)
    latency = [line for scenario in LOOKING for line in _looks(rounds, scenario, scale)]
    if latency:
        title = f"Looking while {scale.looking[0]:,} sagas run"
        shares = [(2.0**number, name) for number, (_, name) in enumerate(SHARES)]
        yield "latency", Chart(title, "percentile", "ms", latency, shares)


def _over(
    rounds: Sequence[Round], scenarios: Sequence[Scenario], scale: Scale, figure: str
) -> list[Line]:
    """Return a line for each measured scenario, over its points."""
    lines: list[Line] = []
    for scenario in scenarios:
        found = [
            (float(piece.point), spread.median)
            for piece in scenario.pieces(scale)
            if (spread := pick(rounds, piece.name, figure)) is not None
        ]
        if found:
            lines.append(Line(scenario.name.removeprefix("size-"), found))
    return lines


def _looks(rounds: Sequence[Round], scenario: Scenario, scale: Scale) -> Iterator[Line]:
    piece = piece_name(scenario.name, scale.looking[0])
    for what in ("get", "list"):
        found = [
            (2.0**number, spread.median)  # the axis is logarithmic
            for number, (share, _) in enumerate(SHARES)
            if (spread := pick(rounds, piece, f"{what} p{share:g}")) is not None
        ]
        if found:
            yield Line(f"saga_{what}, {scenario.name.removeprefix('looking-')}", found)
