"""Calls of actions, as seen by what runs inside of them."""

from __future__ import annotations

from contextvars import ContextVar

import attrs

from steno.core import SagaId


@attrs.define(eq=False)
class Call:
    """
    A call of an action, as seen by the tasks that are part of it.

    Attributes:
        sec_key: A token for the SEC that makes it.
        saga_id: The saga that it is for.
        running: True until it returns; a task that the action has given to others may outlive it.
    """

    sec_key: object
    saga_id: SagaId
    running: bool = True


inside: ContextVar[tuple[Call, ...]] = ContextVar("inside", default=())
"""The calls that the current task is part of, the innermost last."""


def is_inside(sec_key: object, saga_id: SagaId | None = None) -> bool:
    """Return True if the current task is part of an action of a SEC, and of a saga if given."""
    return any(
        call.running and call.sec_key is sec_key and saga_id in {None, call.saga_id}
        for call in inside.get()
    )
