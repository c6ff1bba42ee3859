"""Errors of stores, and of sagas that stand still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from steno.errors._root import StenoError

if TYPE_CHECKING:
    from uuid import UUID


class SagaHeldError(StenoError):
    """
    A saga cannot go on by itself: every node that could is held for somebody to look at.

    The saga is not finished, and nothing is lost. It goes on by an order, or, if what the build
    could not do holds it, when a SEC takes it up again.

    Attributes:
        saga_id: The saga.
        nodes: The nodes that are held, each by its name; by its path if several (sub)sagas have
            that name.
    """

    def __init__(self, saga_id: UUID, nodes: tuple[str, ...]) -> None:
        names = ", ".join(f'"{name}"' for name in nodes)
        which = f"nodes {names} wait" if len(nodes) > 1 else f"node {names} waits"
        super().__init__(
            f"saga {saga_id} is held: {which} for an order on the saga's handle: retry; or fail or "
            "complete, unless an order to hold stopped it; what was held for a mistake of the "
            "build is also due when the SEC is opened again"
        )
        self.saga_id = saga_id
        self.nodes: tuple[str, ...] = nodes

    def again(self) -> SagaHeldError:
        """Return a copy, so that each waiter raises an exception of its own."""
        return SagaHeldError(self.saga_id, self.nodes)


class SagaHaltedError(StenoError):
    """
    A saga is halted: this SEC does not run it, and nothing is lost.

    Attributes:
        saga_id: The saga.
        problem: Why it is halted, and what to do.
    """

    def __init__(self, saga_id: UUID, problem: str) -> None:
        super().__init__(f"saga {saga_id} is halted: {problem}")
        self.saga_id = saga_id
        self.problem = problem

    def again(self) -> Self:
        """Return a copy, so that each waiter raises an exception of its own."""
        error = type(self)(self.saga_id, self.problem)
        error.__cause__ = self.__cause__
        return error


class SagaTakenOver(SagaHaltedError):
    """Another SEC, or a later instance of this one, runs the saga now; use that one."""


class BulkOrderHaltedError(StenoError):
    """
    An order to many sagas is halted: this SEC does not give it, and nothing is lost.

    Attributes:
        bulk_id: The order.
        problem: Why it is halted, and what to do.
    """

    def __init__(self, bulk_id: UUID, problem: str) -> None:
        super().__init__(f"bulk order {bulk_id} is halted: {problem}")
        self.bulk_id = bulk_id
        self.problem = problem


class StoreError(StenoError):
    """The store failed."""


class StoreUnavailable(StoreError):
    """The store is unreachable at present; the same call may succeed later."""


class StoreInUse(StoreError):
    """The store allows one writer at a time, and has one; it can still be read."""

    def __init__(self, store: str, owner: str) -> None:
        super().__init__(
            f"{store} is open for writing by {owner}; close that first, or open it for reading"
        )
        self.owner = owner


class StoreStuck(StoreError):
    """The store did not answer within its deadline; it may or may not have written."""
