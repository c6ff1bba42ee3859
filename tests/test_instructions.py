"""The instruction meter: that it runs what it says, and that its figures follow from the counts."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import cli, instructions
from benchmarks.counted import AT_ONCE, ENGINE, FEW, FLOORS, MANY, scale
from benchmarks.instructions import (
    REACHED,
    REACHED_BY,
    NotCounted,
    costs,
    per_node,
    table,
    total,
    verdict,
)

ROOT = Path(__file__).parent.parent

REPORT = """\
desc: I1 cache:         32768 B, 64 B, 8-way associative
cmd: /usr/bin/python3 -c print('events: no', 'summary: 1')
events: Ir
fl=./csu/../csu/libc-start.c
fn=__libc_start_main@@GLIBC_2.34
128 2
134 3
summary: 1665218031
"""


def test_the_total_is_read_from_what_cachegrind_writes():
    """It is the sum at the end, and not what a line of a function says."""
    assert total(REPORT) == 1_665_218_031


def test_the_total_is_found_among_other_events():
    """With caches, or branches, there are several in a line; the order is that of the events."""
    assert total("events: Bc Ir Bi\nfn=x\n1 2 3 4\nsummary: 10 20 30\n") == 20


@pytest.mark.parametrize(
    "report",
    [
        "",
        "valgrind: the 'impossible' happened\n",
        "events: Ir\n",
        "summary: 12\n",
        "events: Bc\nsummary: 12\n",
        "events: Ir Bc\nsummary: 12\n",
        "events: Ir\nsummary: many\n",
    ],
)
def test_what_is_no_report_is_refused(report: str):
    """Rather than that something is taken for a count."""
    with pytest.raises(NotCounted, match="cachegrind counted no instructions"):
        total(report)


def test_a_node_costs_what_more_chains_take_more():
    """What both runs do once drops out; there are ten nodes in each of 128 chains."""
    assert per_node(5_000 + 64 * 10 * 300, 5_000 + 192 * 10 * 300) == 300.0
    assert (FEW, MANY) == (64, 192)


def test_each_scenario_is_counted_twice():
    """First with few chains, then with many."""
    counts = [("a", 1_000), ("a", 1_000 + 1_280), ("b", 50), ("b", 50 + 2_560)]
    assert costs(counts) == {"a": 1.0, "b": 2.0}


def test_the_table_has_the_engine_over_each_floor():
    """A row for each scenario; only those of the engine have ratios."""
    cost = dict.fromkeys(ENGINE, 300000.0) | dict.fromkeys(FLOORS, 120000.0)
    cost["bare-trio"] = 100_000.0
    head, _, *rows = table(cost)
    assert [cell.strip() for cell in head.split("|")[3:-1]] == [f"÷ {name}" for name in FLOORS]
    assert len(rows) == len(ENGINE) + len(FLOORS)
    for line in rows[: len(ENGINE)]:
        assert line.endswith("| 300,000 | 3.00 | 2.50 | 2.50 | 2.50 | 2.50 |")
    assert rows[len(ENGINE)].endswith("| 100,000 |  |  |  |  |  |")


@pytest.mark.parametrize(
    ("ratio", "version", "passed", "says"),
    [
        (REACHED, REACHED_BY, True, "at most"),
        (REACHED * 1.04, REACHED_BY, True, "at most"),
        (REACHED * 1.06, REACHED_BY, False, "MORE THAN"),
        (REACHED * 1.06, (3, 14), True, "not judged"),
    ],
)
def test_a_node_on_sqlite_is_not_to_take_more_than_it_did(
    ratio: float, version: tuple[int, int], *, passed: bool, says: str
):
    """Five in a hundred are allowed; another Python is not compared with the one that counted."""
    cost = {"chains-sqlite-forward": ratio * 60_000, "disk-two-rows": 60_000.0}
    found, line = verdict(cost, version)
    assert found is passed
    assert line.startswith(f"row 11, chains-sqlite-forward ÷ disk-two-rows: {ratio:.2f}; {says}")


@pytest.mark.parametrize("chains", [FEW, MANY])
def test_only_the_number_of_chains_differs(chains: int):
    """Just so many are run, and before them as many as ever."""
    assert scale(chains).sagas(AT_ONCE) == chains
    assert scale(chains).warm_up(chains) == AT_ONCE


RUN = """
import sys
from benchmarks import counted
counted.AT_ONCE, counted.FEW, counted.MANY = 1, 1, 3
counted.main(sys.argv[1])
"""


def test_every_piece_is_run_in_a_copy_of_one_process(tmp_path: Path):
    """With few chains, and then with many, each in a folder of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert [name for name, _ in found] == [name for name in (*ENGINE, *FLOORS) for _ in range(2)]
    assert len({pid for _, pid in found}) == len(found)
    for chains in (1, 3):
        path = tmp_path / f"disk-one-row-{chains}" / "floor.db"
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT count(*) FROM event").fetchone() == ((chains + 1) * 10,)


FAILING = """
from benchmarks import counted
counted.ENGINE, counted.FLOORS, counted.AT_ONCE = ("size-chain-forward",), (), 0
counted.main(sys.argv[1])
"""


def test_a_copy_that_fails_is_no_count(tmp_path: Path):
    """What it has raised is printed, and the run ends with an error."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{FAILING}", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "ZeroDivisionError" in done.stderr
    assert "has failed" in done.stderr


def test_it_is_skipped_visibly_where_valgrind_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The gate goes on, and says so."""
    monkeypatch.setattr(instructions.shutil, "which", lambda _: None)
    assert cli.main(["--instructions"]) == 0
    assert "SKIPPED" in capsys.readouterr().out


def test_a_failure_of_valgrind_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    """What it has said is shown."""
    false = tmp_path / "valgrind"
    false.write_text("#!/bin/sh\necho cannot count >&2\nexit 3\n", encoding="utf-8")
    false.chmod(0o755)
    monkeypatch.setattr(instructions.shutil, "which", lambda _: str(false))
    assert cli.main(["--instructions", "--folder", str(tmp_path)]) == 1
    assert "cannot count" in capsys.readouterr().err
