"""
The ratios to show, as named rows.

What runs in memory never waits, so its time is processor time, except for what other programs
take meanwhile; its costs are compared as processor time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from benchmarks.scale import Scale
from benchmarks.scenario import piece_name
from benchmarks.statistic import Round
from benchmarks.table import DBOS, ENDS, SHAPES

Ratio = Callable[[Round], float]

CHAIN: Final = 10
"""Nodes of a chain."""


@attrs.frozen
class Goal:
    """
    A ratio, and its goal.

    Attributes:
        row: Its number.
        what: What is measured.
        wanted: The goal in words, as in `≥ 0.5`; a dash if there is no goal.
        ratio: Computes it from the figures of a round.
    """

    row: str
    what: str
    wanted: str
    ratio: Ratio

    def met(self, value: float) -> bool | None:
        """Return whether a value meets the goal; None if there is no goal."""
        if self.wanted == NONE:
            return None
        sign, limit = self.wanted.split()[:2]
        return value >= float(limit) if sign == "≥" else value <= float(limit)


NONE: Final = "–"


def _quotient(over: str, under: str, figure: str) -> Ratio:
    return lambda figures: figures[over][figure] / figures[under][figure]


def _over_the_best(over: str, peers: tuple[str, ...]) -> Ratio:
    """Return the ratio to a peer at its best, in any of its settings."""

    def ratio(figures: Round) -> float:
        rates = [figures[peer]["rate"] for peer in peers if peer in figures]
        return figures[over]["rate"] / max(rates, default=0.0)

    return ratio


def _undone(store: str, many: int, figure: str) -> Ratio:
    """
    Return the ratio of the cost of undoing a node to that of running it.

    A saga that fails in its last node costs as much as one that succeeds, plus undoing all other
    nodes.
    """
    forward = piece_name(f"chains-{store}-forward", many)
    unwinding = piece_name(f"chains-{store}-unwinding", many)

    def ratio(figures: Round) -> float:
        there, back = figures[forward][figure], figures[unwinding][figure]
        return (back - there) * CHAIN / (CHAIN - 1) / there

    return ratio


def _dbos(scale: Scale, journal: str) -> tuple[str, ...]:
    wanted = {"journal": journal, "end": "forward"}
    return tuple(
        piece.name
        for scenario in DBOS
        if wanted.items() <= scenario.options.items()
        for piece in scenario.pieces(scale)
    )


def _throughput(scale: Scale) -> tuple[Goal, ...]:
    many = scale.many
    sqlite = f"chains-sqlite-forward@{many}"
    return (
        Goal(
            "1",
            f"chains of 10, {many} at once, SQLite: nodes/s ÷ ceiling (b), two rows a step",
            "≥ 0.5",
            _quotient(sqlite, f"disk-two-rows@{many}", "rate"),
        ),
        Goal(
            "1 (d)",
            f"chains of 10, {many} at once, SQLite: nodes/s ÷ (d), a Trio task for each node",
            NONE,
            _quotient(sqlite, f"disk-tasks@{many}", "rate"),
        ),
        Goal(
            "2",
            "same: nodes/s ÷ DBOS on SQLite as it sets it up, the best of its settings",
            "≥ 50",
            _over_the_best(sqlite, _dbos(scale, "own")),
        ),
        Goal(
            "2 WAL",
            "same, with its file set to WAL beforehand",
            NONE,
            _over_the_best(sqlite, _dbos(scale, "wal")),
        ),
    )


def _alone() -> tuple[Goal, ...]:
    chains = "chains-sqlite-forward@1"
    return (
        Goal(
            "3",
            "one at a time, SQLite: nodes/s ÷ one commit for each row (c)",
            "≥ 0.75",
            _quotient(chains, "disk-sequence@1", "rate"),
        ),
        Goal(
            "3 old",
            "same, ÷ one commit for each row in a file whose WAL grows no more",
            NONE,
            _quotient(chains, "disk-sequence-old@1", "rate"),
        ),
        Goal(
            "3 (b)",
            "(b) one at a time, one row a step, ÷ (c) in a new file: what a thread alone comes to",
            NONE,
            _quotient("disk-one-row@1", "disk-sequence@1", "rate"),
        ),
    )


def _cost(scale: Scale) -> tuple[Goal, ...]:
    many, small, large = scale.many, scale.sizes[0], scale.sizes[-1]
    bare = Goal(
        "4",
        f"chains of 10 in memory, {many} at once: processor time of a node ÷ bare Trio (a)",
        "≤ 2.5",
        _quotient(f"chains-memory-forward@{many}", f"bare-trio@{many}", "cpu"),
    )
    undoing = (
        Goal(
            f"5 {store}",
            f"chains of 10, {many} at once: {name} of undoing a node ÷ of running it",
            "≤ 1.3",
            _undone(store, many, figure),
        )
        for store, figure, name in (("memory", "cpu", "processor time"), ("sqlite", "cost", "time"))
    )
    what_grows = f"processor time of a node at {large:,} nodes ÷ at {small:,}, in memory"
    growing = (
        Goal(
            f"6 {shape} {end}",
            what_grows,
            "≤ 1.5",
            _quotient(f"size-{shape}-{end}@{large}", f"size-{shape}-{end}@{small}", "cpu"),
        )
        for shape in SHAPES
        for end in ENDS
    )
    return (bare, *undoing, *growing)


def _many(scale: Scale) -> tuple[Goal, ...]:
    waiting, recovering, looking = scale.waiting[0], scale.recovering[0], scale.looking[0]
    memory = (
        Goal(
            row,
            f"memory of each of {waiting:,} sagas that wait, {place} ÷ bare skeleton of Trio",
            wanted,
            _quotient(f"waiting-{store}@{waiting}", f"skeleton@{waiting}", "memory"),
        )
        for row, store, place, wanted in (
            ("7", "sqlite", "store on disk", "≤ 2"),
            ("7 memory", "memory", "store in memory too", NONE),
        )
    )
    return (
        *memory,
        Goal(
            "8",
            f"recovery of {recovering:,} sagas: sagas/s ÷ of running them afresh to there",
            "≥ 3",
            _quotient(f"recovery@{recovering}", f"afresh@{recovering}", "rate"),
        ),
        Goal(
            "9",
            f"p99 of saga_get while {looking:,} sagas run, 100 ms a commit",
            "≤ 20 ms",
            lambda figures: figures[f"looking-slow@{looking}"]["get p99"],
        ),
    )


def goals(scale: Scale) -> tuple[Goal, ...]:
    """Return all goals, at the points of a scale."""
    return (*_throughput(scale), *_alone(), *_cost(scale), *_many(scale))
