"""Which commands a coordinator refuses, and with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from steno.core import SagaId
from steno.errors import CommandError, SagaNotReady, SagaNotRunning, SecClosing
from steno.runtime._entry import EntryState
from steno.runtime._message import (
    Ask,
    CreateSaga,
    Inject,
    OrderSaga,
    RecoverSaga,
    RunSaga,
    StartSaga,
    WaitSaga,
)


def begins(ask: Ask) -> bool:
    """Return True if a command would make something run."""
    match ask:
        case StartSaga() | RunSaga() | RecoverSaga() | OrderSaga():
            return True
        case CreateSaga():
            return ask.starts
        case _:
            return False


def never_started(saga_id: SagaId) -> str:
    """Return why nobody can wait for a saga that is ready."""
    return f"the SEC is being left, and saga {saga_id} was not started; it stays ready"


def goes_on(saga_id: SagaId) -> str:
    """Return why nobody can wait for a saga that was begun."""
    return (
        f"the SEC is being left, and saga {saga_id} is not finished; "
        "it goes on when a SEC of this name is opened again"
    )


def _left(saga_id: SagaId) -> SecClosing:
    return SecClosing(goes_on(saga_id))


REFUSALS: Mapping[tuple[type[Ask], EntryState], Callable[[SagaId], CommandError]] = {
    (StartSaga, EntryState.LEFT): _left,
    (StartSaga, EntryState.PAUSED): SagaNotReady,
    (Inject, EntryState.PAUSED): SagaNotRunning,
    (RecoverSaga, EntryState.DONE): SagaNotRunning,
    (Inject, EntryState.DONE): SagaNotRunning,
    (OrderSaga, EntryState.DONE): SagaNotRunning,
    (OrderSaga, EntryState.LEFT): _left,
    (Inject, EntryState.LEFT): _left,
    (WaitSaga, EntryState.LEFT): _left,
}
"""The refusals of commands to a saga in memory, by the command and the saga's state."""
