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
    What a function of a scenario is to run.

    Attributes:
        point: The number that the scenario varies: a concurrency, a size.
        scale: How much of everything else.
        folder: Where it may leave files; empty, and on the disk that is measured.
        options: What sets this scenario apart from others of the same function.
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
        name: What it is asked for by.
        what: What it runs.
        run: The function, as `module:name` inside of this package.
        over: The attribute of a `Scale` that has its points.
        figure: The figure that is shown: `rate`, `cpu`, or one that the function names.
        unit: The unit of that figure.
        options: What the function is told.
        needs: The package that it needs, if that is one that may be missing.
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
        """Return what is measured of it, one after another."""
        points = cast("tuple[int, ...]", getattr(scale, self.over))
        return tuple(Piece(self, point) for point in points)

    def function(self) -> Run:
        """Import its function."""
        module, name = self.run.split(":")
        return cast("Run", getattr(importlib.import_module(f"benchmarks.{module}"), name))

    def missing(self, pythons: Mapping[str, str]) -> str | None:
        """Return why it can not be run here, if so; a package may have a Python of its own."""
        if self.needs is None or self.needs in pythons or find_spec(self.needs) is not None:
            return None
        if self.needs == "dura" and sys.version_info < (3, 13):
            return "dura is on PyPI for Python 3.13 and later only"
        return f"{self.needs} is not installed; the extra `bench` has it"


@attrs.frozen
class Piece:
    """
    What is measured by itself: a scenario at one of its points.

    Attributes:
        scenario: The scenario.
        point: The point.
    """

    scenario: Scenario
    point: int

    @property
    def name(self) -> str:
        """What figures are filed under."""
        return piece_name(self.scenario.name, self.point)


def piece_name(scenario: str, point: int) -> str:
    """Return the name of a piece."""
    return f"{scenario}@{point}"
