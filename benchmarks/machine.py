"""The machine of a run: enough to judge its figures, and nothing that identifies it."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

PACKAGES: Final = ("trio-steno", "trio", "attrs", "cattrs", "dbos", "sagaz", "dura")


def header(folder: Path, pythons: Mapping[str, str]) -> dict[str, str]:
    """
    Return the properties of the machine, and the versions of packages.

    Args:
        folder: Where files are written.
        pythons: Other interpreters, by the package that they are for.
    """
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "system": f"{platform.system()} {_kernel()} {platform.machine()}",
        "CPU": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_memory() / 1e9:.0f} GB",
        "file system": _file_system(folder),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
    }
    there = {name: _version_there(python, name) for name, python in pythons.items()}
    return found | {name: _version(name) for name in PACKAGES} | there


def _kernel() -> str:
    """Return the release of the kernel, without the suffix of its distributor."""
    return platform.release().partition("-")[0]


def _processor() -> str:
    """Return the kernel's name of the processor, if it gives one."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or "unknown"


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _file_system(folder: Path) -> str:
    """Return the kind of file system, with a warning if it is in memory."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    best, kind = "", "unknown"
    for line in mounts.read_text(encoding="utf-8").splitlines():
        _, place, this, *_ = line.split(" ")
        if folder.resolve().is_relative_to(place) and len(place) >= len(best):
            best, kind = place, this
    return f"{kind}, which is in memory: no figure of SQLite counts" if kind == "tmpfs" else kind


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _version_there(python: str, name: str) -> str:
    """Return the version of a package in another Python, and of that Python."""
    asked = (
        "import platform; from importlib.metadata import version;"
        f"print(version({name!r}), 'on Python', platform.python_version())"
    )
    command = [python, "-c", asked]
    return subprocess.check_output(command, text=True).strip()  # noqa: S603 - the user named it
