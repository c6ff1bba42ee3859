"""
Put every fault into a copy of the engine, and print which test finds it.

    PYTHONPATH=tests python -m mutants --jobs 2
    PYTHONPATH=tests python -m mutants "a waiter is answered early"

The test that the table names for a fault runs first, and all the others only if it does not fail.
The status is 1 if the table is wrong about a fault: if another test finds it, or none. Before all
else the tests that the table names are run without a fault, since a test that fails anyway would
find all of them.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mutants.mutant import Mutant
from mutants.runner import ROOT, SUITE, Suite, Verdict, copy, judge_all, run
from mutants.table import MUTANTS


def chosen(names: Sequence[str]) -> list[Mutant]:
    """Return the mutants whose names have one of these words in them; all, if there is no word."""
    found = [m for m in MUTANTS if not names or any(name in m.name for name in names)]
    if not found:
        raise SystemExit(f"there is no mutant of that name: {', '.join(names)}")
    return found


def say(what: object) -> None:
    """Print it at once: the whole takes long."""
    print(what, flush=True)  # noqa: T201 - printing is what this command does


def hunt(mutants: Sequence[Mutant], folder: Path, jobs: int, suite: Suite, root: Path) -> int:
    """Print what the tests say of each mutant, and return of how many the table is wrong."""
    verdicts: list[Verdict] = []
    for verdict in judge_all(mutants, folder, jobs, suite, root):
        say(verdict)
        verdicts.append(verdict)
    say(f"{len(mutants)} mutants, {sum(1 for each in verdicts if each.test)} caught")
    for each in verdicts:
        if each.test is None:
            say(f"survived: {each.mutant.name}")
        elif not each.is_expected:
            say(f"caught by another test than the table says: {each.mutant.name}")
    return sum(1 for each in verdicts if not each.is_expected)


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command on a project, and return its status."""
    parser = argparse.ArgumentParser("mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="words of the names of those to run; all")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--suite", nargs="+", help="what to run where the killer fails to kill")
    parser.add_argument("--trust", action="store_true", help="do not run the killers without fault")
    given = parser.parse_args(arguments)
    suite = SUITE if given.suite is None else (given.suite,)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # All are made of this copy: the project may change meanwhile.
        (whole := folder / "whole").mkdir()
        copy(None, whole, root)
        mutants = chosen(given.names)
        killers = sorted({mutant.killed_by for mutant in mutants})
        test, why = (None, "") if given.trust else run(whole, [killers])
        if test is not None:
            say(f"without a fault, {test} fails: {why}")
            return 2
        return min(1, hunt(mutants, folder, given.jobs, suite, whole))


if __name__ == "__main__":
    sys.exit(main())
