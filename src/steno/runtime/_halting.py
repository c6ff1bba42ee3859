"""Why sagas halt: the errors that those who wait are given, and that an operator reads."""

from __future__ import annotations

from steno.core import SagaId
from steno.errors import InternalError, SagaHaltedError, SagaTakenOver
from steno.runtime._report import text_of
from steno.store import Lost, Rejected, WriteOutcome


def taken_over(saga_id: SagaId, owner: str) -> SagaTakenOver:
    """Return the error of a saga that another SEC writes to now."""
    return SagaTakenOver(saga_id, f'the SEC "{owner}" runs it now, or a later life of this one')


def not_recorded(saga_id: SagaId, error: Exception) -> SagaHaltedError:
    """Return the error of a saga with a step that could not be written."""
    why = f"a step could not be recorded ({error}); mend the store, then saga_recover"
    return _caused(SagaHaltedError(saga_id, why), error)


def error_of(saga_id: SagaId, outcome: WriteOutcome) -> SagaHaltedError | None:
    """Return the error of a saga with a write that failed; None if it did not."""
    match outcome:
        case Lost(owner=owner):
            return taken_over(saga_id, owner)
        case Rejected(error=error):
            return not_recorded(saga_id, error)
        case _:
            return None


def nursery_left_open(saga_id: SagaId, node: str) -> SagaHaltedError:
    """Return the error of a saga with an action that has left a nursery open."""
    why = f'the action of node "{node}" left a nursery open; use "async with" to open one'
    return SagaHaltedError(saga_id, f"{why}, mend that, then saga_recover")


def scope_left_open(saga_id: SagaId, node: str) -> SagaHaltedError:
    """Return the error of a saga with an action that has left a cancel scope open."""
    why = f'the action of node "{node}" left a cancel scope open; use "with" to open one'
    return SagaHaltedError(saga_id, f"{why}, mend that, then saga_recover")


def broken(saga_id: SagaId, error: BaseException) -> SagaHaltedError:
    """Return the error of a saga whose own machinery has failed."""
    bug = InternalError(f"the engine failed: {text_of(error)}")
    bug.__cause__ = error
    problem = f"{bug}; the log has the traceback. saga_recover tries it again"
    return _caused(SagaHaltedError(saga_id, problem), bug)


def _caused(halted: SagaHaltedError, cause: Exception) -> SagaHaltedError:
    halted.__cause__ = cause
    return halted
