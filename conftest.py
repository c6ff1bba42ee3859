"""
The code in README.md and docs/ is run, as part of the tests.

A block marked `python` runs in the namespace of its page, after those before it, in a folder of its
own. A block marked `text` right after one is what that prints, to the letter; anywhere else it is
only shown.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser, SkipParser

PRINTED = "__printed__"
"""Where the namespace of a page keeps what its last block printed, and where that block ends."""

run = PythonEvaluator()


def run_and_keep(example: Example) -> None:
    """Run a block, and keep what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        run(example)
    example.namespace[PRINTED] = example.region.end, printed.getvalue()


def compare(example: Example) -> str | None:
    """Compare a block of text with what the block right before it has printed."""
    end, printed = example.namespace.get(PRINTED, (0, None))
    between = example.document.text[end : example.region.start]
    if printed is None or between.strip():
        return None
    if printed.rstrip() == str(example.parsed).rstrip():
        return None
    return f"the block before it prints:\n{printed}"


def enter(namespace: dict[str, Any]) -> None:
    """Work in an empty folder, so that a page may write files."""
    namespace["__folder__"] = os.getcwd(), tempfile.mkdtemp()  # noqa: PTH109 - goes back there
    os.chdir(namespace["__folder__"][1])
    namespace["__name__"] = "__page__"


def leave(namespace: dict[str, Any]) -> None:
    """Go back, and delete the folder."""
    before, folder = namespace["__folder__"]
    os.chdir(before)
    shutil.rmtree(folder)


pytest_collect_file = Sybil(
    parsers=[
        CodeBlockParser("python", run_and_keep),
        CodeBlockParser("text", compare),
        SkipParser(),
    ],
    path=str(Path(__file__).parent),
    patterns=["*.md"],
    excludes=["docs/_build/*"],
    setup=enter,
    teardown=leave,
).pytest()
