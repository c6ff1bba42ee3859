"""The command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs

from benchmarks import instructions
from benchmarks.machine import header
from benchmarks.plot import charts
from benchmarks.report import markdown, ratios
from benchmarks.rounds import Measure, apart, forked, run_rounds
from benchmarks.scale import SCALES, Scale
from benchmarks.scenario import Piece, Scenario
from benchmarks.statistic import Round
from benchmarks.table import SCENARIOS


@attrs.frozen
class Outcome:
    """
    The outcome of a run.

    Attributes:
        header: The machine and the versions.
        scale: How much was run.
        pieces: What was measured.
        rounds: The figures.
        left_out: Scenarios that could not be run, with the reasons.
        failures: Pieces that failed, with the errors.
    """

    header: dict[str, str]
    scale: Scale
    pieces: Sequence[Piece]
    rounds: Sequence[Round]
    left_out: dict[str, str]
    failures: Sequence[str]

    def markdown(self) -> str:
        """Return the outcome as Markdown."""
        return markdown(self.header, self.pieces, self.rounds, self.scale, self.left_out)

    def json(self) -> str:
        """Return the outcome as JSON, with every figure of every round."""
        shown = [
            {
                "row": goal.row,
                "what": goal.what,
                "wanted": goal.wanted,
                "measured": None if spread is None else attrs.asdict(spread),
            }
            for goal, spread in ratios(self.rounds, self.scale)
        ]
        document = {
            "machine": self.header,
            "scale": attrs.asdict(self.scale),
            "left out": self.left_out,
            "failures": self.failures,
            "ratios": shown,
            "rounds": self.rounds,
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure how fast the library is."
    )
    add = made.add_argument
    add("--scale", choices=SCALES, default="full", help="how much to run")
    add("--quick", action="store_const", const="quick", dest="scale", help="small, in a minute")
    add("--only", nargs="+", metavar="NAME", help="scenarios; a name ending in - is a prefix")
    add("--rounds", type=int, metavar="N", help="how many times to measure everything")
    add("--json", type=Path, metavar="FILE", help="write every figure of every round")
    add("--markdown", type=Path, metavar="FILE", help="write the tables that are printed")
    add("--plots", type=Path, metavar="DIR", help="write the plots, as SVG")
    add("--folder", type=Path, metavar="DIR", help="where files are written while it runs")
    how = "the Python to measure a package with, as in dura=.venv13/bin/python"
    add("--python", action="append", default=[], metavar="PACKAGE=PATH", help=how)
    add("--instructions", action="store_true", help="count instructions instead of time")
    add("--list", action="store_true", help="list the scenarios")
    return made


def chosen(only: Sequence[str] | None) -> list[Scenario]:
    """
    Return the requested scenarios.

    Raises:
        SystemExit: There is no scenario of that name.
    """
    if only is None:
        return list(SCENARIOS)
    found = [each for each in SCENARIOS if any(_is_meant(name, each) for name in only)]
    for name in only:
        if not any(_is_meant(name, each) for each in found):
            msg = f"there is no scenario {name}; --list shows which there are"
            raise SystemExit(msg)
    return found


def _is_meant(name: str, scenario: Scenario) -> bool:
    return scenario.name == name or (name.endswith("-") and scenario.name.startswith(name))


def run(
    args: argparse.Namespace, say: Callable[[str], None], measured: Measure | None = None
) -> Outcome:
    """Measure what the command line requests, and return the outcome."""
    scale = SCALES[args.scale]
    pythons = dict(each.split("=", 1) for each in args.python)
    scenarios = chosen(args.only)
    why = {each.name: each.missing(pythons) for each in scenarios}
    left_out = {name: reason for name, reason in why.items() if reason is not None}
    pieces = [p for each in scenarios if each.name not in left_out for p in each.pieces(scale)]
    for name, reason in left_out.items():
        say(f"{name} is left out: {reason}")
    if measured is None:
        measured = _measure(scale, pythons)
    times = scale.rounds if args.rounds is None else args.rounds
    rounds, failures = run_rounds(pieces, scale, times, args.folder, say, measured=measured)
    folder = args.folder or Path(tempfile.gettempdir())
    return Outcome(header(folder, pythons), scale, pieces, rounds, left_out, failures)


def _measure(scale: Scale, pythons: Mapping[str, str]) -> Measure:
    """Return how to measure: in new processes, or in forks if starting takes most of the time."""
    if scale.name == "full" or pythons:
        return partial(apart, pythons=pythons)
    importlib.import_module("benchmarks.sagas.chains")  # once, and not in each fork
    return forked


def write(outcome: Outcome, args: argparse.Namespace) -> None:
    """Write the files that the command line requests."""
    if args.json is not None:
        args.json.write_text(outcome.json(), encoding="utf-8")
    if args.markdown is not None:
        args.markdown.write_text(outcome.markdown(), encoding="utf-8")
    if args.plots is not None:
        args.plots.mkdir(parents=True, exist_ok=True)
        for name, chart in charts(outcome.rounds, outcome.scale):
            (args.plots / f"{name}.svg").write_text(chart.svg(), encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Run, and return the exit code: 1 if something could not be measured."""
    args = parser().parse_args(words)
    if args.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:28} {scenario.unit:11} {scenario.what}")
        return 0
    if args.instructions:
        return instructions.main(args.folder)
    outcome = run(args, lambda line: print(line, file=sys.stderr, flush=True))
    write(outcome, args)
    print(outcome.markdown())
    for failure in outcome.failures:
        print(failure, file=sys.stderr)
    return 1 if outcome.failures else 0
