"""Rounds: each measures every piece once, in its own process and folder."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from benchmarks.scale import Scale
from benchmarks.scenario import Figures, Piece
from benchmarks.statistic import Round
from benchmarks.worker import measure

Measure: TypeAlias = Callable[[Piece, Scale, Path], Figures]

PATIENCE = 1_800.0
"""Maximum seconds for a piece."""


class PieceFailed(Exception):
    """A piece could not be measured; the text is the error output of its process."""


def apart(
    piece: Piece, scale: Scale, folder: Path, pythons: Mapping[str, str] = MappingProxyType({})
) -> Figures:
    """
    Return the figures of a piece, measured in a new process with fresh memory.

    Args:
        piece: The piece.
        scale: How much is run.
        folder: Where it may write files.
        pythons: Other interpreters, by the package that they are for.

    Raises:
        PieceFailed: It failed, or took too long.
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


def forked(piece: Piece, scale: Scale, folder: Path) -> Figures:
    """
    Return the figures of a piece, measured in a fork of this process, which has run nothing yet.

    That saves starting a process and importing, which would take most of a quick run.

    Raises:
        PieceFailed: It failed, or took too long.
    """
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(send, piece, scale, folder))
    process.start()
    send.close()
    try:
        told: Figures | str = receive.recv() if receive.poll(PATIENCE) else "it took too long"
    except EOFError:
        told = "it ended without a word"
    process.kill()
    process.join()
    if isinstance(told, str):
        msg = f"{piece.name} failed:\n{told}"
        raise PieceFailed(msg)
    return told


def _tell(send: Connection, piece: Piece, scale: Scale, folder: Path) -> None:
    try:
        send.send(measure(piece, scale, folder))
    except Exception:  # noqa: BLE001 - after any error, the run continues without this piece
        send.send(traceback.format_exc())


def here(piece: Piece, scale: Scale, folder: Path) -> Figures:
    """Return the figures of a piece, measured in this process; for tests of whether it runs."""
    return measure(piece, scale, folder)


def run_round(
    pieces: Sequence[Piece], scale: Scale, parent: Path | None, measured: Measure
) -> Iterator[tuple[Piece, Figures | PieceFailed]]:
    """Measure each piece once; a failure does not affect the others."""
    for piece in pieces:
        with _folder(parent) as folder:
            try:
                yield piece, measured(piece, scale, folder)
            except PieceFailed as error:
                yield piece, error


def interleaved(pieces: Sequence[Piece], rounds: int) -> Iterator[Sequence[Piece]]:
    """
    Yield the order of each round: forward and reverse in turn.

    A gradual slowdown of the machine, from heat say, then affects each piece equally.
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
    """
    Measure all pieces, and return the figures of each round, and the failures.

    Ctrl-C ends it, and keeps what was measured so far.
    """
    found: list[Round] = []
    failures: list[str] = []
    with suppress(KeyboardInterrupt):
        for number, order in enumerate(interleaved(pieces, rounds), start=1):
            figures: dict[str, Figures] = {}
            found.append(figures)
            for piece, outcome in run_round(order, scale, parent, measured):
                place = f"round {number}/{rounds}: {piece.name}"
                if isinstance(outcome, PieceFailed):
                    failures.append(str(outcome))
                    say(f"{place} failed")
                    continue
                figures[piece.name] = outcome
                say(f"{place}: {outcome[piece.scenario.figure]:.4g} {piece.scenario.unit}")
    return found, failures
