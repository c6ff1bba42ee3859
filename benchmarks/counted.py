"""
What valgrind counts: `python -m benchmarks.counted FOLDER` runs pieces, each in a fork.

The imports of a process take a billion and a half instructions, ten seconds under valgrind. They
are done once: forks inherit the counter too, so they all begin with the same count.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Final

import attrs

from benchmarks.scale import TINY, Scale
from benchmarks.scenario import Load, Run
from benchmarks.table import scenario

AT_ONCE: Final = 64
"""How many chains run at once."""

FEW: Final = 64
"""Chains in the first of two runs of a piece."""

MANY: Final = 192
"""Chains in the second run: the difference in the counts is the cost of the extra chains."""

ENGINE: Final = ("chains-memory-forward", "chains-sqlite-forward")
"""The sagas: chains of ten nodes, in memory and on SQLite."""

FLOORS: Final = ("bare-trio", "disk-one-row", "disk-two-rows", "disk-tasks", "disk-sequence")
"""The same work without sagas."""


def scale(chains: int) -> Scale:
    """Return the scale that runs this many chains, after the usual warm-up."""
    return attrs.evolve(TINY, least=chains, turns=0, warming=AT_ONCE)


def _run_in_copy(run: Run, load: Load) -> int:
    """Run something in a fork of this process, and return its process id."""
    copy = os.fork()
    if copy:
        _, status = os.waitpid(copy, 0)
        if status:
            msg = f"a run of {load} has failed"
            raise RuntimeError(msg)
        return copy
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run(load)
    except BaseException:  # noqa: ASYNC103, BLE001 - a fork must not continue as its parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(parent: str) -> None:
    """Run all pieces, with few chains and then many; print their names and process ids."""
    runs: list[tuple[str, Run, Load]] = []
    for name in (*ENGINE, *FLOORS):
        piece = scenario(name)
        for chains in (FEW, MANY):
            folder = Path(parent, f"{name}-{chains}")
            folder.mkdir()
            load = Load(AT_ONCE, scale(chains), folder, piece.options)
            runs.append((name, piece.function(), load))
    # A full collection walks all that the imports have made, and it is chance whether one more of
    # them falls into a run: that made 8 % of a node. What is frozen is not walked.
    gc.collect()
    gc.freeze()
    # Work between two forks would be counted for the second.
    found = [(name, _run_in_copy(run, load)) for name, run, load in runs]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
