"""Rounds: each piece is measured once, in a process and a folder of its own; then all again."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from benchmarks.scale import Scale
from benchmarks.scenario import Figures, Piece
from benchmarks.statistic import Round
from benchmarks.worker import measure

Measure: TypeAlias = Callable[[Piece, Scale, Path], Figures]

PATIENCE = 1_800.0
"""Seconds that a piece may take."""


class PieceFailed(Exception):
    """A piece could not be measured; the text is what its process has said."""


def apart(
    piece: Piece, scale: Scale, folder: Path, pythons: Mapping[str, str] = MappingProxyType({})
) -> Figures:
    """
    Measure a piece in a process of its own: nothing of what ran before is left in its memory.

    Args:
        piece: The piece.
        scale: How much is run.
        folder: Where it may leave files.
        pythons: Other interpreters, by the package that they have.

    Raises:
        PieceFailed: It ended badly, or took too long.
    """
    words = (scale.name, piece.scenario.name, str(piece.point), str(folder))
    python = pythons.get(piece.scenario.needs or "", sys.executable)
    command = [python, "-m", "benchmarks.worker", *words]
    root = Path(__file__).parent.parent
    try:
        done = subprocess.run(  # noqa: S603 - the command is this very program
            command, cwd=root, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{piece.name} took longer than {PATIENCE:.0f} s"
        raise PieceFailed(msg) from error
    if done.returncode:
        msg = f"{piece.name} failed:\n{done.stderr}"
        raise PieceFailed(msg)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def here(piece: Piece, scale: Scale, folder: Path) -> Figures:
    """Measure a piece in this process; for tests, which ask whether it runs and not how fast."""
    return measure(piece, scale, folder)


def run_round(
    pieces: Sequence[Piece], scale: Scale, parent: Path | None, measured: Measure
) -> Iterator[tuple[Piece, Figures | PieceFailed]]:
    """Measure each piece once; one that fails does not keep the others from it."""
    for piece in pieces:
        with _folder(parent) as folder:
            try:
                yield piece, measured(piece, scale, folder)
            except PieceFailed as error:
                yield piece, error


def interleaved(pieces: Sequence[Piece], rounds: int) -> Iterator[Sequence[Piece]]:
    """
    Give the order of each round: to and fro.

    What makes a machine slower and slower, as heat does, then strikes each piece alike.
    """
    for number in range(rounds):
        yield pieces if number % 2 == 0 else pieces[::-1]


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="steno-bench-", dir=parent) as folder:
        yield Path(folder)


def run_rounds(
    pieces: Sequence[Piece],
    scale: Scale,
    rounds: int,
    parent: Path | None,
    say: Callable[[str], None],
    *,
    measured: Measure = apart,
) -> tuple[list[Round], list[str]]:
    """Measure all pieces, and return the figures of each round, and what went wrong."""
    found: list[Round] = []
    failures: list[str] = []
    for number, order in enumerate(interleaved(pieces, rounds), start=1):
        figures: dict[str, Figures] = {}
        for piece, outcome in run_round(order, scale, parent, measured):
            if isinstance(outcome, PieceFailed):
                failures.append(str(outcome))
                say(f"round {number}/{rounds}: {piece.name} failed")
                continue
            figures[piece.name] = outcome
            shown = outcome[piece.scenario.figure]
            say(f"round {number}/{rounds}: {piece.name}: {shown:.4g} {piece.scenario.unit}")
        found.append(figures)
    return found, failures
