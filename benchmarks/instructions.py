"""
Instructions per node, of the engine and of the floors: `python -m benchmarks --instructions`.

They are counted by valgrind, so neither the clock nor other programs affect them. One-time work,
such as importing and opening, is in both of two runs, and cancels out in their difference.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.counted import ENGINE, FEW, FLOORS, MANY
from benchmarks.report import number, row
from benchmarks.table import scenario

NODES: Final = 10
"""Nodes of a chain."""

PATIENCE: Final = 600.0
"""Maximum seconds for all runs together."""

IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a new folder is created in it
"""Where files that need no disk are written: waiting for a disk takes no instructions."""


JUDGED: Final = ("chains-sqlite-forward", "disk-two-rows")
"""The ratio that must not grow: a node on SQLite over its floor, row 11 of the goals."""

REACHED: Final = 4.15
"""What that ratio has come down to, by `REACHED_BY`."""

REACHED_BY: Final = (3, 11)
"""The Python that has counted it; another one takes other instructions for the same."""

TOLERANCE: Final = 1.05
"""How much more it may be: two runs differ by one in a hundred, and collections add to that."""


class NotCounted(Exception):
    """The runs failed, or valgrind's output was unexpected."""


def total(report: str) -> int:
    """
    Return the number of instructions in a report of cachegrind.

    Raises:
        NotCounted: The text is not such a report.
    """
    fields = dict(line.split(": ", 1) for line in report.splitlines() if ": " in line)
    events, summary = (fields.get(key, "").split() for key in ("events", "summary"))
    try:
        return int(dict(zip(events, summary, strict=True))["Ir"])
    except (KeyError, ValueError) as error:
        msg = f"cachegrind counted no instructions: events {events}, summary {summary}"
        raise NotCounted(msg) from error


def per_node(few: int, many: int) -> float:
    """Return the instructions of a node, from the totals of a small and a large run."""
    return (many - few) / ((MANY - FEW) * NODES)


def costs(counts: Iterable[tuple[str, int]]) -> dict[str, float]:
    """Return the instructions of a node by scenario; each comes twice: few, then many chains."""
    found: dict[str, list[int]] = {}
    for name, count in counts:
        found.setdefault(name, []).append(count)
    return {name: per_node(few, many) for name, (few, many) in found.items()}


def table(cost: Mapping[str, float]) -> Iterator[str]:
    """Yield a row for each scenario; those of the engine have their ratios to the floors."""
    yield row("instructions", "per node", *(f"÷ {floor}" for floor in FLOORS))
    yield f"|---|{'--:|' * (1 + len(FLOORS))}"
    for name in ENGINE:
        ratios = (f"{cost[name] / cost[floor]:.2f}" for floor in FLOORS)
        yield row(scenario(name).what, number(cost[name]), *ratios)
    for name in FLOORS:
        yield row(f"{name}: {scenario(name).what}", number(cost[name]), *("" for _ in FLOORS))


def verdict(cost: Mapping[str, float], version: tuple[int, int]) -> tuple[bool, str]:
    """
    Return whether the judged ratio is what it was, and a line that says so.

    Args:
        cost: The instructions of a node by scenario.
        version: The Python that they are of; only `REACHED_BY` is judged.
    """
    over, under = JUDGED
    ratio, most = cost[over] / cost[under], REACHED * TOLERANCE
    what = f"row 11, {over} ÷ {under}: {ratio:.2f}"
    if version != REACHED_BY:
        reached_by = ".".join(map(str, REACHED_BY))
        return True, f"{what}; not judged, as {REACHED:.2f} is what Python {reached_by} takes"
    passed = ratio <= most
    says = "at most" if passed else "MORE THAN"
    return passed, f"{what}; {says} {most:.2f}, the {REACHED:.2f} that was reached and 5 %"


def count(valgrind: str, folder: Path) -> dict[str, float]:
    """
    Run everything under valgrind, and return the instructions of a node by scenario.

    Args:
        valgrind: The program.
        folder: An empty folder for the output of the runs and of valgrind.

    Raises:
        NotCounted: That failed, or took too long.
    """
    reports, files = folder / "reports", folder / "files"
    reports.mkdir()
    files.mkdir()
    command = [
        valgrind,
        "--tool=cachegrind",
        "--cache-sim=no",
        f"--cachegrind-out-file={reports}/%p",
        *(sys.executable, "-m", "benchmarks.counted", str(files)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the command is this very program, in valgrind
            command,
            cwd=Path(__file__).parent.parent,
            env={**os.environ, "PYTHONHASHSEED": "0"},  # sets are iterated in the same order
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
    except subprocess.CalledProcessError as error:
        raise NotCounted(error.stderr) from error
    except subprocess.TimeoutExpired as error:
        msg = f"it took longer than {PATIENCE:.0f} s"
        raise NotCounted(msg) from error
    copies: list[tuple[str, int]] = json.loads(done.stdout.splitlines()[-1])
    return costs((name, total((reports / str(pid)).read_text("utf-8"))) for name, pid in copies)


def main(parent: Path | None) -> int:
    """
    Print the table, or that it is skipped, and return the exit code.

    It is 1 if counting failed, or if a node on SQLite takes more than it did.

    Args:
        parent: Where temporary files are written; None for one in memory, if available.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("SKIPPED: instructions are not counted, as valgrind is not installed")
        return 0
    if parent is None and IN_MEMORY.is_dir():
        parent = IN_MEMORY
    try:
        with tempfile.TemporaryDirectory(prefix="steno-bench-", dir=parent) as folder:
            cost = count(valgrind, Path(folder))
    except NotCounted as error:
        print(f"instructions could not be counted: {error}", file=sys.stderr)
        return 1
    print("\n".join(table(cost)))
    passed, line = verdict(cost, sys.version_info[:2])
    print(f"\n{line}")
    return 0 if passed else 1
