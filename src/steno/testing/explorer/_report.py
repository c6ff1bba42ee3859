"""The report: how many runs there were, of which sorts."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import attrs

from steno.core import escaped

if TYPE_CHECKING:
    from typing import Self


@attrs.frozen
class Count:
    """
    Runs of one sort.

    Attributes:
        kind: The sort, as in `a crash after a commit`.
        runs: How many were made.
        cases: How many there are to be made, after what was seen in those before.
    """

    kind: str
    runs: int
    cases: int


@attrs.frozen
class Report:
    """
    What an exploration has done: every run of it ended as it should.

    Awaiting a report gives the report, so that `await` may stand before what explores, or not.

    Attributes:
        saga_name: The saga.
        counts: The runs, by sort, in the order in which they were made.
        commits: The commits of all runs.
        seconds: The time that they took, of a real clock.
        seed: What the samples were drawn with.
    """

    saga_name: str
    counts: tuple[Count, ...]
    commits: int
    seconds: float
    seed: int

    @property
    def runs(self) -> int:
        """How many runs were made."""
        return sum(count.runs for count in self.counts)

    @property
    def is_complete(self) -> bool:
        """Whether every case was run, but for pairs of crashes, which are always a sample."""
        return all(count.runs == count.cases for count in self.counts if count.kind != TWO_CRASHES)

    def __str__(self) -> str:
        """Return a table for people."""
        name, seconds = escaped(self.saga_name), f"{self.seconds:.1f} s"
        lines = [f'saga "{name}": {self.runs} runs in {seconds}, all is well']
        for count in self.counts:
            of = "" if count.runs == count.cases else f" of {count.cases}"
            lines.append(f"{count.runs:8} {count.kind}{of}")
        lines.append(f"{self.commits:8} commits")
        if not self.is_complete:
            lines.append(f"a sample, drawn with seed {self.seed}; a larger budget runs more")
        return "\n".join(lines)

    def __await__(self) -> Generator[None, None, Self]:
        """Give the report."""
        yield from ()
        return self


TWO_CRASHES = "two crashes"
