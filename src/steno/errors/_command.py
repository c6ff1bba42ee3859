"""Errors of the caller: a command was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steno.errors._root import StenoError

if TYPE_CHECKING:
    from uuid import UUID


class CommandError(StenoError):
    """A command was refused; nothing has changed."""


class NoSuchSaga(CommandError, LookupError):
    """The store has no saga with this id."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f"no such saga: {saga_id}")
        self.saga_id = saga_id


class NoSuchNode(CommandError, LookupError):
    """The saga's graph has no such node, or more than one, or it is not one for this command."""

    def __init__(self, node: object, why: str) -> None:
        super().__init__(f"no such node: {node!r}: {why}")
        self.node = node


class NodeBegun(CommandError):
    """An injection would have no effect: the node has begun, or will never begin."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(f'too late to inject into node "{node}": it {why}')
        self.node = node
        self.why = why


class NoSuchBulkOrder(CommandError):
    """No order to many sagas has this id; one that has ended may have been deleted."""

    def __init__(self, bulk_id: UUID) -> None:
        super().__init__(f"no such bulk order: {bulk_id}")
        self.bulk_id = bulk_id


class SagaNotReady(CommandError):
    """The saga was already started; it continues undisturbed."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f'saga not in "ready" state: {saga_id}')
        self.saga_id = saga_id


class SagaNotRunning(CommandError):
    """The saga is finished, or paused, so that nothing can be injected into it."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f"saga is not running: {saga_id}")
        self.saga_id = saga_id


class OrderRefused(CommandError):
    """
    An order does not apply to the saga or node as it is now; nothing has changed.

    Attributes:
        why: Why it does not, in a sentence.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the order was refused: {why}")
        self.why = why


class SagaIdInUse(CommandError):
    """
    Another saga already has this id.

    Attributes:
        saga_id: The id.
        difference: How that saga differs from the one to be created, if known.
    """

    def __init__(self, saga_id: UUID, difference: str | None = None) -> None:
        text = f"saga_id {saga_id} cannot be inserted; already in use"
        super().__init__(text if difference is None else f"{text} by another saga: {difference}")
        self.saga_id = saga_id
        self.difference = difference


class SecClosing(CommandError):
    """
    The SEC accepts no more commands: its `async with` block is being left, or has been.

    An action that lets this propagate does not fail: its saga halts, and continues when a SEC of
    the same name is opened on the same store.
    """
