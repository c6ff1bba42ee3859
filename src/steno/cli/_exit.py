"""Exit codes: what scripts can rely on, and which error has which."""

from __future__ import annotations

import enum

from steno.cli._text import one_line
from steno.errors import (
    NoSuchBulkOrder,
    NoSuchSaga,
    RecoveryError,
    SagaHaltedError,
    StenoError,
    StoreError,
    StoreInUse,
)


class Exit(enum.IntEnum):
    """How a command ended."""

    FINE = 0
    """It did what was asked, or the answer is yes."""
    NO = 1
    """The answer is no."""
    USAGE = 2
    """The command line is wrong."""
    NO_SAGA = 3
    """There is no such saga, or bulk order."""
    STORE = 4
    """The store, or the saga's data in it, cannot be used."""
    IN_USE = 5
    """Another process has the store open for writing."""
    STUCK = 6
    """The saga is stuck, or was halted: it needs an operator."""
    INTERRUPTED = 130
    """It was interrupted by Ctrl-C."""
    UNREAD = 141
    """The reader of its output has gone away."""


MEANINGS = {
    Exit.FINE: "success; of watch and demo: the saga succeeded",
    Exit.NO: "no: check or doctor found something, an import was refused, the saga failed",
    Exit.USAGE: "the command line is wrong",
    Exit.NO_SAGA: "there is no such saga, or bulk order",
    Exit.STORE: "the store, or the saga's data in it, cannot be used",
    Exit.IN_USE: "another process has the store open for writing; the error says who",
    Exit.STUCK: "the saga is stuck, or was halted: it needs an operator",
    Exit.INTERRUPTED: "interrupted by Ctrl-C; nothing is lost",
}
"""Their descriptions in help texts."""

ERRORS: tuple[tuple[type[Exception], Exit], ...] = (
    (NoSuchSaga, Exit.NO_SAGA),
    (NoSuchBulkOrder, Exit.NO_SAGA),
    (StoreInUse, Exit.IN_USE),
    (StoreError, Exit.STORE),
    (RecoveryError, Exit.STORE),
    (SagaHaltedError, Exit.STUCK),
    (StenoError, Exit.NO),
    (OSError, Exit.STORE),
)
"""Which error has which code; the first match counts."""


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
    """Return the refusal that reports an error; None for a bug, which needs its traceback."""
    if isinstance(error, Refusal):
        return error
    for kind, code in ERRORS:
        if isinstance(error, kind):
            return Refusal(str(error), code)
    return None
