"""Exit codes: what scripts can go by, and which error has which."""

from __future__ import annotations

import enum

from steno.cli._text import one_line
from steno.errors import (
    NoSuchSaga,
    RecoveryError,
    SagaHaltedError,
    StenoError,
    StoreError,
    StoreInUse,
)


class Exit(enum.IntEnum):
    """How a command has ended."""

    FINE = 0
    """It did what it was to do, or the answer is yes."""
    NO = 1
    """The answer is no."""
    USAGE = 2
    """It was called in a wrong way."""
    NO_SAGA = 3
    """There is no such saga."""
    STORE = 4
    """The store, or what it holds of the saga, can not be used."""
    IN_USE = 5
    """Somebody else has the store open for writing."""
    STUCK = 6
    """The saga is stuck, or was halted: a person has to look at it."""
    INTERRUPTED = 130
    """It was ended by Ctrl-C."""
    UNREAD = 141
    """Nobody reads its output any more."""


MEANINGS = {
    Exit.FINE: "fine; of watch and demo: the saga succeeded",
    Exit.NO: "no: check or doctor found something, an import was refused, the saga failed",
    Exit.USAGE: "the command line is wrong",
    Exit.NO_SAGA: "there is no such saga",
    Exit.STORE: "the store, or what it holds of the saga, can not be used",
    Exit.IN_USE: "somebody else has the store open for writing; the error says who",
    Exit.STUCK: "the saga is stuck, or was halted: a person has to look at it",
    Exit.INTERRUPTED: "ended by Ctrl-C; nothing is lost",
}
"""What is said of them in help texts."""

ERRORS: tuple[tuple[type[Exception], Exit], ...] = (
    (NoSuchSaga, Exit.NO_SAGA),
    (StoreInUse, Exit.IN_USE),
    (StoreError, Exit.STORE),
    (RecoveryError, Exit.STORE),
    (SagaHaltedError, Exit.STUCK),
    (StenoError, Exit.NO),
    (OSError, Exit.STORE),
)
"""Which error has which code; the first that fits counts."""


class Refusal(Exception):
    """
    Ends a command with one line for people, and an exit code for scripts.

    Attributes:
        why: The line.
        code: The exit code.
    """

    def __init__(self, why: str, code: Exit) -> None:
        super().__init__(why)
        self.why = one_line(why)
        self.code = code


def refusal(error: Exception) -> Refusal | None:
    """Return what is said of an error; None for one that is a bug, and needs its traceback."""
    if isinstance(error, Refusal):
        return error
    for kind, code in ERRORS:
        if isinstance(error, kind):
            return Refusal(str(error), code)
    return None
