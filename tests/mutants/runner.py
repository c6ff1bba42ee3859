"""
Runs the tests against a copy of the project in which one thing is wrong.

What the tests say is read off the report that pytest prints, a line per test: who failed first, or,
where nothing was printed for `PATIENCE` seconds, during which test that was. Memory has a limit
too, since a fault may well be a loop that fills it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import attrs

from mutants.mutant import Mutant

ROOT = Path(__file__).parent.parent.parent
"""The project that is copied."""

Suite: TypeAlias = Sequence[Sequence[str]]
"""Tests, in the parts in which they are run."""

COPIED = ("src", "tests", "examples", "pyproject.toml", "README.md")

SUITE = (
    # What users have, and what is drawn at random: these are to find what they can.
    (
        "tests/testing/explorer/test_explore.py::test_the_trip_survives_everything",
        "tests/testing/test_planted_bugs.py",
        "tests/properties/test_core.py",
        "tests/properties/test_sec.py",
    ),
    # The conformance kit.
    ("tests/testing/conformance/test_memory.py", "tests/stores/sqlite/test_conformance.py"),
    # What is written down, one case after another.
    (
        "tests/runtime",
        "tests/core",
        "tests/store",
        "tests/properties/test_scale.py",
        "tests/stores",
    ),
)
"""
What a mutant is run against that its own killer lets pass, up to the first test that fails.

Each part is a run of its own: a file of a later part that cannot even be read comes too late.
"""

PATIENCE = 120
"""Seconds within which a test has to end."""

MEMORY = 4 * 1024 * 1024
"""Kilobytes of addresses that the tests may use; they need a tenth."""

STARTED = re.compile(r"\S+\.py::")
OUTCOME = re.compile(r"\S+\.py::.+ (?:PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b")
LAST_WORDS = re.compile(r"\s*(?:Fatal Python error.*)?$")
REASON = re.compile(r"^(?:FAILED|ERROR) (?P<test>\S+?(?:::.+?)?)(?: - (?P<why>.*))?$", re.MULTILINE)


class NoVerdict(Exception):
    """Pytest did not run the tests, so nobody knows what they say."""


@attrs.frozen
class Verdict:
    """
    What the tests say of a mutant.

    Attributes:
        mutant: The mutant.
        test: The first test that failed; None: none has.
        why: What that test says, in a line.
        seconds: How long it took.
    """

    mutant: Mutant
    test: str | None
    why: str
    seconds: float

    @property
    def is_expected(self) -> bool:
        """Whether the test that the table names has found it."""
        # A killer that has parameters may stand there without them.
        return self.test is not None and f"{self.test}[".startswith(f"{self.mutant.killed_by}[")

    def __str__(self) -> str:
        """Return a line of the table, and a second one that says how it was caught."""
        found = f"caught by {self.test}" if self.test else "SURVIVED"
        if not self.is_expected:
            found += f", not by {self.mutant.killed_by}"
        return (
            f"{self.mutant.name}  [{self.mutant.breaks}]\n"
            f"    {found} ({self.seconds:.0f} s){': ' if self.why else ''}{self.why}"
        )


def copy(mutant: Mutant | None, folder: Path, root: Path = ROOT) -> None:
    """
    Copy a project, with a fault or without.

    Dates are kept, so that what was compiled of the other files can be used.
    """
    ignored = shutil.ignore_patterns(".hypothesis", ".pytest_cache")
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(root / name, folder / name)
    if mutant is not None:
        path = folder / mutant.path
        path.write_text(mutant.mutated(path.read_text(encoding="utf-8")), encoding="utf-8")


def judge(mutant: Mutant, folder: Path, suite: Suite = SUITE, root: Path = ROOT) -> Verdict:
    """
    Run the tests on a mutant, the one that is known to find it first.

    The folder is not there before and after.
    """
    began = time.monotonic()
    folder.mkdir()
    try:
        copy(mutant, folder, root)
        test, why = run(folder, [[mutant.killed_by], *suite])
    finally:
        shutil.rmtree(folder)
    return Verdict(mutant, test, why, time.monotonic() - began)


def judge_all(
    mutants: Iterable[Mutant],
    folder: Path,
    jobs: int = 1,
    suite: Suite = SUITE,
    root: Path = ROOT,
) -> Iterator[Verdict]:
    """Yield the verdicts on several mutants, in their order."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [
            pool.submit(judge, mutant, folder / f"mutant-{number}", suite, root)
            for number, mutant in enumerate(mutants)
        ]
        try:
            for each in waiting:
                yield each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def run(folder: Path, suite: Suite) -> tuple[str | None, str]:
    """
    Run the tests of a copy, and return the first that failed, and why; None if none has.

    Raises:
        NoVerdict: There are no such tests, or they could not be run.
    """
    for part in suite:
        test, why = _run_part(folder, part)
        if test is not None:
            return test, why
    return None, ""


def _run_part(folder: Path, part: Sequence[str]) -> tuple[str | None, str]:
    report = folder / "report"
    with report.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f'ulimit -v {MEMORY}; exec "$@"', "sh", *_command(part)],
            cwd=folder,
            env=_environment(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts can be ended with it
        )
        try:
            hangs = not _ends(process, report)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return _read(
        report.read_text(encoding="utf-8", errors="replace"), process.returncode, hangs=hangs
    )


def _command(part: Sequence[str]) -> list[str]:
    options = ["-x", "-v", "--tb=no", "-rfE", "-p", "no:cacheprovider", "--color=no"]
    return [sys.executable, "-m", "pytest", *options, *part]


def _environment(folder: Path) -> dict[str, str]:
    """Have the copy imported, however the project itself is installed."""
    own = {
        "PYTHONPATH": str(folder / "src"),
        "STENO_HYPOTHESIS_PROFILE": "mutants",
        "COLUMNS": "1000",
        "TMPDIR": str(folder),
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("STENO_", "PYTEST_"))}
    return inherited | own


def _ends(process: subprocess.Popen[bytes], report: Path) -> bool:
    """Wait until it ends; say no if it has nothing more to say."""
    size, since = 0, time.monotonic()
    while True:
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            now = report.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            if time.monotonic() > since + PATIENCE:
                return False
        else:
            return True


def _read(report: str, returned: int, *, hangs: bool) -> tuple[str | None, str]:
    """Find out of a report which test failed first."""
    if hangs:
        return _last(report), f"it hangs: nothing was heard of it for {PATIENCE} s"
    if returned == 0:
        return None, ""
    if (reason := REASON.search(report)) is not None:
        return reason["test"], (reason["why"] or "")[:200]
    if returned < 0:
        return _last(report), f"it was ended by signal {-returned}"
    raise NoVerdict(f"pytest returned {returned}:\n{report[-2000:]}")


def _last(report: str) -> str:
    """Return the test that was running last: its line has no outcome, and perhaps last words."""
    for line in reversed(report.splitlines()):
        if STARTED.match(line):
            return "the suite" if OUTCOME.match(line) else LAST_WORDS.sub("", line)
    return "the suite"
