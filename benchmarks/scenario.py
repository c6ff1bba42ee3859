"""Scenarios: what can be measured, and at which points."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias, cast

import attrs

from benchmarks.scale import Scale

Figures: TypeAlias = dict[str, float]
"""What was measured, by name: see `Scenario.figure`."""


@attrs.frozen
class Load:
    """
    What the function of a scenario should run.

    Attributes:
        point: The number that the scenario varies: a concurrency, a size.
        scale: How much to run otherwise.
        folder: Where it may write files; empty, and on the disk that is measured.
        options: What distinguishes this scenario from others with the same function.
    """

    point: int
    scale: Scale
    folder: Path
    options: Mapping[str, str]


Run: TypeAlias = Callable[[Load], Figures]


@attrs.frozen
class Scenario:
    """
    A line of the table.

    Attributes:
        name: Its name on the command line.
        what: What it runs.
        run: The function, as `module:name` inside this package.
        over: The attribute of `Scale` that has its points.
        figure: The figure to show: `rate`, `cpu`, or one that the function names.
        unit: The unit of that figure.
        options: Options for the function.
        needs: The optional package that it needs, if any.
    """

    name: str
    what: str
    run: str
    over: str
    figure: str
    unit: str
    options: Mapping[str, str] = attrs.field(factory=dict[str, str])
    needs: str | None = None

    def pieces(self, scale: Scale) -> tuple[Piece, ...]:
        """Return its pieces, in order."""
        points = cast("tuple[int, ...]", getattr(scale, self.over))
        return tuple(Piece(self, point) for point in points)

    def function(self) -> Run:
        """Import its function and return it."""
        module, name = self.run.split(":")
        return cast("Run", getattr(importlib.import_module(f"benchmarks.{module}"), name))

    def missing(self, pythons: Mapping[str, str]) -> str | None:
        """Return why it cannot be run here, or None; a package may have its own Python."""
        if self.needs is None or self.needs in pythons or find_spec(self.needs) is not None:
            return None
        if self.needs == "dura" and sys.version_info < (3, 13):
            return "dura is on PyPI for Python 3.13 and later only"
        return f"{self.needs} is not installed; the extra `bench` has it"


@attrs.frozen
class Piece:
    """
    What is measured separately: a scenario at one of its points.

    Attributes:
        scenario: The scenario.
        point: The point.
    """

    scenario: Scenario
    point: int

    @property
    def name(self) -> str:
        """The key of its figures."""
        return piece_name(self.scenario.name, self.point)


def piece_name(scenario: str, point: int) -> str:
    """Return the name of a piece."""
    return f"{scenario}@{point}"
