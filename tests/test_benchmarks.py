"""The benchmarks: that they all run, and that what they say follows from what was measured."""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import cli
from benchmarks.floors import group_commit, one_commit, task_commit
from benchmarks.goal import Goal, goals
from benchmarks.machine import header
from benchmarks.report import number, ratio_table
from benchmarks.rounds import apart, here, interleaved, run_rounds
from benchmarks.scale import FULL, SCALES, TINY, Scale
from benchmarks.scenario import Figures, Load, Piece, Scenario
from benchmarks.statistic import Spread, pairwise, percentile, pick, spread
from benchmarks.svg import Chart, Line
from benchmarks.table import SCENARIOS, scenario

ROOT = Path(__file__).parent.parent
ONE_FAILS = [Piece(scenario("size-chain-forward"), 0), Piece(scenario("bare-trio"), 1)]


def arguments(*words: str) -> argparse.Namespace:
    return cli.parser().parse_args(["--scale", "tiny", *words])


def measured_for_tests(piece: Piece, scale: Scale, folder: Path) -> Figures:
    """A process that has run much has memory to spare, and does not grow."""
    return (apart if piece.scenario.figure == "memory" else here)(piece, scale, folder)


@pytest.fixture(scope="module")
def outcome() -> cli.Outcome:
    """Everything but peers, measured once; what is asked is whether it runs."""
    own = [each.name for each in SCENARIOS if each.needs is None]
    return cli.run(arguments("--only", *own), lambda _: None, measured_for_tests)


# The whole


def test_every_scenario_runs(outcome: cli.Outcome):
    """Each has its figure at each of its points, and a time and a peak of memory."""
    (figures,) = outcome.rounds
    wanted = {p.name for s in SCENARIOS if s.needs is None for p in s.pieces(TINY)}
    assert outcome.failures == []
    assert set(figures) == wanted
    for piece in outcome.pieces:
        found = figures[piece.name]
        assert {piece.scenario.figure, "wall", "cpu", "peak"} <= set(found)
        assert found["wall"] > 0


def test_every_ratio_is_printed(outcome: cli.Outcome):
    """All nine rows are there; those of peers say that they were not measured."""
    text = outcome.markdown().split("## Ratios")[1]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert {cells[0].strip("| ").split()[0] for cells in rows} == set("123456789")
    missing = {cells[0].strip("| ") for cells in rows if cells[2] == "not measured"}
    assert missing == {"2", "2 WAL"}


def test_what_is_written_can_be_read(outcome: cli.Outcome, tmp_path: Path):
    """The JSON has every figure and ratio, and each plot is a document."""
    plots = tmp_path / "plots"
    words = ("--json", str(tmp_path / "run.json"), "--plots", str(plots))
    cli.write(outcome, arguments(*words))
    document = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert document["rounds"] == list(outcome.rounds)
    assert [each["row"] for each in document["ratios"]] == [goal.row for goal in goals(TINY)]
    assert {path.name for path in plots.iterdir()} == {"throughput.svg", "cost.svg", "latency.svg"}
    for path in plots.iterdir():
        assert ET.parse(path).getroot().tag.endswith("svg")  # noqa: S314 - it is our own file


def test_a_piece_is_measured_in_a_process_of_its_own(tmp_path: Path):
    """That process finds the scenario by its name, and prints its figures."""
    figures = apart(Piece(scenario("bare-trio"), 1), TINY, tmp_path)
    assert figures["rate"] > 0


def test_a_piece_that_fails_is_reported_and_the_others_go_on(tmp_path: Path):
    """What its process has said is kept; there are no figures of it, and those of the next one."""
    said: list[str] = []
    (figures,), (failure,) = run_rounds(ONE_FAILS, TINY, 1, tmp_path, said.append)
    assert list(figures) == ["bare-trio@1"]
    assert failure.startswith("size-chain-forward@0 failed:")
    assert "ZeroDivisionError" in failure
    assert said[0] == "round 1/1: size-chain-forward@0 failed"


FORKING = """
from benchmarks.rounds import forked, run_rounds
from benchmarks.scale import TINY
from test_benchmarks import ONE_FAILS
(figures,), (failure,) = run_rounds(ONE_FAILS, TINY, 1, None, print, measured=forked)
print(*figures)
print(failure.strip())
"""


def test_a_copy_of_a_process_measures_as_well():
    """It is made of a process that has no threads, so not of this one."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        check=True,
    )
    failed, measured, names, *failure = done.stdout.splitlines()
    assert failed == "round 1/1: size-chain-forward@0 failed"
    assert measured.startswith("round 1/1: bare-trio@1: ")
    assert names == "bare-trio@1"
    assert failure[-1].startswith("ZeroDivisionError")


def test_what_was_measured_before_an_interruption_is_kept(tmp_path: Path):
    """A full run takes long, and Ctrl-C ends it: with the figures that there are."""
    first, second = scenario("bare-trio").pieces(TINY)

    def measured(piece: Piece, scale: Scale, folder: Path) -> Figures:
        if piece == second:
            raise KeyboardInterrupt
        return {"rate": 1.0}

    found = run_rounds([first, second], TINY, 2, tmp_path, lambda _: None, measured=measured)
    assert found == ([{first.name: {"rate": 1.0}}], [])


# Floors


@pytest.mark.parametrize(
    ("run", "options", "rows"),
    [
        (group_commit.run, {"rows": "1"}, 40),
        (group_commit.run, {"rows": "2"}, 80),
        (task_commit.run, {"rows": "2"}, 80),
    ],
)
def test_the_disk_floors_write_what_they_claim(run, options, rows, tmp_path: Path):
    """Four chains of ten steps, with a row or two for each; the warm-up is one more, before."""
    figures = run(Load(4, TINY, tmp_path, options))
    assert figures["rows"] == rows
    with closing(sqlite3.connect(tmp_path / "floor.db")) as db:
        query = "SELECT event_type, count(*) FROM event GROUP BY event_type ORDER BY event_type"
        written = db.execute(query).fetchall()
        (journal,) = db.execute("PRAGMA journal_mode").fetchone()
    assert written == [("started", 50), ("succeeded", 50)][-int(options["rows"]) :]
    assert journal == "wal"


@pytest.mark.parametrize("wal", one_commit.WARM_UP)
def test_the_floor_in_sequence_writes_one_row_for_each_step(tmp_path: Path, wal: str):
    """Two chains of ten steps, whatever was written before."""
    assert one_commit.run(Load(1, TINY, tmp_path, {"wal": wal}))["rows"] == 20


# Statistics


def test_a_spread_has_the_median_and_the_range():
    """What was not measured does not count; the median of two is between them."""
    assert spread([3.0, None, 1.0, 8.0]) == Spread(3.0, 1.0, 8.0, 3)
    assert spread([1.0, 2.0]) == Spread(1.5, 1.0, 2.0, 2)
    assert spread([None]) is None


def test_a_ratio_is_taken_within_each_round():
    """Not the ratio of the medians; a round that lacks a side does not count."""
    rounds = [
        {"a": {"rate": 10.0}, "b": {"rate": 1.0}},
        {"a": {"rate": 20.0}, "b": {"rate": 10.0}},
        {"a": {"rate": 30.0}, "b": {"rate": 5.0}},
        {"a": {"rate": 90.0}},
        {"a": {"rate": 90.0}, "b": {"rate": 0.0}},
    ]
    found = pairwise(rounds, lambda figures: figures["a"]["rate"] / figures["b"]["rate"])
    assert found == Spread(6.0, 2.0, 10.0, 3)
    assert pick(rounds, "a", "rate") == Spread(30.0, 10.0, 90.0, 5)
    assert pick(rounds, "c", "rate") is None


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int):
    """The smallest that so many are at most."""
    assert percentile([*range(100, 0, -1)], share) == value


def test_rounds_go_to_and_fro():
    """Each piece is in each round; every other round goes backwards."""
    pieces = scenario("bare-trio").pieces(TINY)
    assert [*interleaved(pieces, 3)] == [pieces, pieces[::-1], pieces]


# Ratios


def figures_of(goal: str) -> Goal:
    return next(each for each in goals(FULL) if each.row == goal)


def test_the_cost_of_undoing_is_what_unwinding_adds():
    """Ten nodes forward for 100, the same and nine undone for 190: an undone node costs as much."""
    rounds = {
        "chains-memory-forward@256": {"cpu": 10.0},
        "chains-memory-unwinding@256": {"cpu": 19.0},
    }
    assert figures_of("5 memory").ratio(rounds) == pytest.approx(1.0)


def test_a_peer_is_held_against_at_its_best():
    """Of all its settings with the journal that is meant, the fastest counts."""
    rounds = {
        "chains-sqlite-forward@256": {"rate": 6_000.0},
        "dbos-threads-own@16": {"rate": 200.0},
        "dbos-async-own@256": {"rate": 60.0},
        "dbos-threads-wal@16": {"rate": 300.0},
        "dbos-threads-own-unwinding@16": {"rate": 900.0},
    }
    assert figures_of("2").ratio(rounds) == 30.0
    assert figures_of("2 WAL").ratio(rounds) == 20.0


def test_goals_name_pieces_that_there_are():
    """With a figure of 1 for everything in the table, each ratio of each scale can be made."""
    for scale in SCALES.values():
        every = dict.fromkeys(("rate", "cost", "cpu", "memory", "get p99"), 1.0)
        pieces = {p.name: every for each in SCENARIOS for p in each.pieces(scale)}
        for goal in goals(scale):
            assert pairwise([pieces], goal.ratio) is not None, goal.row


@pytest.mark.parametrize(
    ("row", "value", "met"),
    [
        ("1", 0.5, True),
        ("1", 0.4, False),
        ("9", 20.0, True),
        ("9", 21.0, False),
        ("2 WAL", 1, None),
    ],
)
def test_a_goal_is_met_from_its_limit_on(row: str, value: float, *, met: bool | None):
    """From below or from above; where nothing is wanted, nothing is met or missed."""
    assert figures_of(row).met(value) is met


def test_only_a_full_run_is_judged():
    """A quick one has no column for it."""
    measured = [(figures_of("1"), Spread(0.4, 0.3, 0.5, 5))]
    *_, judged = ratio_table(measured, judged=True)
    *_, printed = ratio_table(measured, judged=False)
    assert judged.endswith("| 0.4 | 0.3 … 0.5 | ≥ 0.5 | 5 | **no** |")
    assert printed.endswith("| 0.4 | 0.3 … 0.5 | ≥ 0.5 | 5 |")


# Words


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (999.6, "1,000"),
        (-2.5, "-2.50"),
    ],
)
def test_numbers_have_three_figures(value: float, written: str):
    """And no exponents."""
    assert number(value) == written


def test_the_header_tells_no_names_of_this_machine(tmp_path: Path):
    """Neither its own, nor those of its folders."""
    told = "\n".join(header(tmp_path, {}).values())
    assert str(tmp_path) not in told
    assert str(Path.home()) not in told


def test_what_is_not_installed_is_left_out_with_a_word():
    """The others are measured; a package that another Python has counts as installed."""
    absent = Scenario("x", "", "x:run", "alone", "rate", "nodes/s", {}, "no_such_package")
    assert absent.missing({}) == "no_such_package is not installed; the extra `bench` has it"
    assert absent.missing({"no_such_package": "/python"}) is None


def test_a_run_is_a_full_one_if_nothing_else_is_said():
    """What is judged and kept is what one gets without an option; `--quick` is for CI."""
    assert cli.parser().parse_args([]).scale == "full"
    assert cli.parser().parse_args(["--quick"]).scale == "quick"


def test_scenarios_are_chosen_by_name_or_by_its_beginning():
    """A name that there is none of is refused."""
    assert [each.name for each in cli.chosen(["bare-trio", "recovery"])] == [
        "bare-trio",
        "recovery",
    ]
    assert {each.name[:5] for each in cli.chosen(["size-"])} == {"size-"}
    with pytest.raises(SystemExit, match="there is no scenario nothing"):
        cli.chosen(["nothing"])


def test_a_chart_has_all_its_points():
    """Also where all values are the same, and there is one of them."""
    line = Line("a & b", [(1.0, 5.0)])
    text = Chart("title", "across", "up", [line], [(1.0, "1")]).svg()
    assert text.count("<circle") == 1
    assert "a &amp; b" in text
