"""The report: the number of runs of each sort."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import attrs

from steno.core import escaped
from steno.testing.explorer._case_kind import SAMPLED

if TYPE_CHECKING:
    from typing import Self


@attrs.frozen
class Count:
    """
    Runs of one sort.

    Attributes:
        kind: The sort, as in `a crash after a commit`.
        runs: The number of runs made.
        cases: The number of cases of this sort.
    """

    kind: str
    runs: int
    cases: int


@attrs.frozen
class Report:
    """
    The report of an exploration in which every run ended as it should.

    Awaiting a report returns it, so `await` is optional before a function that explores.

    Attributes:
        saga_name: The saga.
        counts: The runs, by sort, in the order in which they were made.
        commits: The commits of all runs.
        seconds: Their duration in real time.
        seed: The seed of the samples.
        hints: What the saga's author may have forgotten; no run has shown that it matters.
    """

    saga_name: str
    counts: tuple[Count, ...]
    commits: int
    seconds: float
    seed: int
    hints: tuple[str, ...] = ()

    @property
    def runs(self) -> int:
        """The number of runs made."""
        return sum(count.runs for count in self.counts)

    @property
    def is_complete(self) -> bool:
        """Whether every case was run, except those with a crash more, which are always a sample."""
        return all(each.runs == each.cases for each in self.counts if each.kind not in SAMPLED)

    def __str__(self) -> str:
        """Return the report as a table."""
        name, seconds = escaped(self.saga_name), f"{self.seconds:.1f} s"
        lines = [f'saga "{name}": {self.runs} runs in {seconds}, all is well']
        for count in self.counts:
            of = "" if count.runs == count.cases else f" of {count.cases}"
            lines.append(f"{count.runs:8} {count.kind}{of}")
        lines.append(f"{self.commits:8} commits")
        if not self.is_complete:
            lines.append(f"a sample, drawn with seed {self.seed}; a larger budget runs more")
        lines += [f"hint: {escaped(hint)}" for hint in self.hints]
        return "\n".join(lines)

    def __await__(self) -> Generator[None, None, Self]:
        """Return the report when awaited."""
        yield from ()
        return self
