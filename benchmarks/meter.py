"""Measuring the time and memory of the process."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import Final, Self

import attrs

from benchmarks.scenario import Figures

MB: Final = 1_000_000
_STATM: Final = Path("/proc/self/statm")


@attrs.define(eq=False)
class Meter:
    """
    Measures its `with` block, or the time from `start` to `stop`.

    Attributes:
        wall: Seconds of real time.
        cpu: Seconds of processor time, of all threads, in user and kernel mode.
    """

    wall: float = 0.0
    cpu: float = 0.0

    def start(self) -> None:
        """Begin."""
        self.wall, self.cpu = -time.perf_counter(), -time.process_time()

    def stop(self) -> None:
        """End."""
        self.wall += time.perf_counter()
        self.cpu += time.process_time()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def figures(self, count: int) -> Figures:
        """Return the figures for `count` items: how many per second, and microseconds for each."""
        return {
            "rate": count / self.wall,
            "cost": self.wall / count * 1e6,
            "cpu": self.cpu / count * 1e6,
            "wall": self.wall,
        }


def resident() -> int:
    """Return the bytes of memory that the process has, or its peak if that is unknown."""
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak()


def peak() -> int:
    """Return the peak number of bytes of memory of the process."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
