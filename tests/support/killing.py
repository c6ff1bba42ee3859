"""Processes that are started, listened to, and killed when they have said a word."""

import os
import random
import select
import subprocess
import sys
import time
from pathlib import Path

import attrs

PATIENCE = 120
"""Seconds within which a process must say something, or end."""


@attrs.frozen
class Moment:
    """
    When a process is killed.

    Attributes:
        word: What it has to say first.
        delay: How many seconds later.
    """

    word: str
    delay: float


def some_moment(rng: random.Random, since: float, until: float) -> Moment:
    """
    Draw a moment: while it opens the file, while it recovers, or at any time after that.

    Args:
        rng: What to draw from.
        since: Seconds after the first acknowledgement.
        until: The same.
    """
    match rng.randrange(6):
        case 0:
            return Moment("opening", rng.uniform(0, 0.05))
        case 1:
            return Moment("open", rng.uniform(0, 0.05))
        case _:
            return Moment("acknowledged", rng.uniform(since, until))


def say(word: str) -> None:
    """Tell the process that waits for a word."""
    print(word, flush=True)  # noqa: T201 - it is being read


def said(process: subprocess.Popen[bytes], word: str) -> bool:
    """Wait until a process says a word; False if it ends before."""
    heard = b""
    while word.encode() not in heard.split(b"\n")[:-1]:
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        assert ready, f"the process says nothing for {PATIENCE} s after {heard!r}"
        more = os.read(process.stdout.fileno(), 100)
        if not more:
            return False
        heard += more
    return True


def lived(
    program: Path, life: str, errors: Path, moment: Moment | None, patience: float = PATIENCE
) -> int:
    """
    Let a process live, and kill it, if it has not ended before; return how it ended.

    Args:
        program: What it runs.
        life: How it is to live, as the program reads it.
        errors: Where its standard error goes, which must stay empty.
        moment: When it is killed; None: it ends by itself.
        patience: The seconds within which it must have ended then.
    """
    command = [sys.executable, "-W", "error", str(program), life]
    with (
        errors.open("ab") as written,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=written,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process,
    ):
        try:
            if moment is not None and said(process, moment.word):
                time.sleep(moment.delay)
                process.kill()
            code = process.wait(patience)
        finally:
            process.kill()
    assert errors.read_text() == ""
    return code
