"""Measures a piece: `python -m benchmarks.worker SCALE SCENARIO POINT FOLDER` prints figures."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
from collections.abc import Generator
from pathlib import Path

from benchmarks.meter import MB, peak
from benchmarks.scale import SCALES, Scale
from benchmarks.scenario import Figures, Load, Piece
from benchmarks.table import scenario


@contextlib.contextmanager
def unheard() -> Generator[None, None, None]:
    """Drop what the library logs: its records are made, and so are measured, but not printed."""
    logger, handler = logging.getLogger("steno"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def measure(piece: Piece, scale: Scale, folder: Path) -> Figures:
    """Return the figures of a piece, measured in this process; its output is discarded."""
    load = Load(piece.point, scale, folder, piece.scenario.options)
    with contextlib.redirect_stdout(io.StringIO()), unheard():
        figures = piece.scenario.function()(load)
    return figures | {"peak": peak() / MB}


def main(scale: str, name: str, point: str, folder: str) -> None:
    """Measure the piece named by the arguments, and print its figures."""
    figures = measure(Piece(scenario(name), int(point)), SCALES[scale], Path(folder))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
