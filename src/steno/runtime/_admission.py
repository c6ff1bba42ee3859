"""Admission: which commands a SEC still accepts, while it is being left and afterwards."""

from __future__ import annotations

import attrs
import trio

from steno.core import SagaId
from steno.errors import CommandError, SagaHaltedError, SecClosing
from steno.runtime._call import is_inside

LEFT = "the SEC is being left, or has been; open one of its name on its store to go on"


@attrs.define(eq=False)
class Admission:
    """
    Says which commands are accepted. All parts of a SEC share one instance.

    Attributes:
        sec_key: Identifies the SEC in a `Call`.
        closing: Whether the SEC is being left, or drained.
        draining: Whether it is being drained, so that nothing new begins.
        closed: Whether it has been left.
        ending: Set once it is being left, or drained.
    """

    sec_key: object
    closing: bool = attrs.field(init=False, default=False)
    draining: bool = attrs.field(init=False, default=False)
    closed: bool = attrs.field(init=False, default=False)
    ending: trio.Event = attrs.field(init=False, factory=trio.Event)

    def close(self, *, drain: bool) -> None:
        """
        Accept commands that change something from actions only.

        Args:
            drain: Whether nothing new may begin, not even the next node of a saga.
        """
        self.closing = True
        self.draining = self.draining or drain
        self.ending.set()

    def end(self) -> None:
        """Accept no commands at all."""
        self.closed = True

    def check(self, *, looks: bool) -> None:
        """
        Raise SecClosing if a command is no longer accepted.

        Args:
            looks: Whether it only reads.
        """
        if self.closed or (self.closing and not looks and not is_inside(self.sec_key)):
            raise SecClosing(LEFT)

    def check_outside(self, saga_id: SagaId | None, refusal: str) -> None:
        """
        Refuse a command that would wait for its own caller.

        Args:
            saga_id: The saga that is waited for; None for every running saga.
            refusal: The error text for an action of that saga.

        Raises:
            CommandError: The caller runs in such an action.
        """
        if is_inside(self.sec_key, saga_id):
            raise CommandError(refusal)

    def told(self, halted: SagaHaltedError) -> SagaHaltedError | SecClosing:
        """Return the error for a halted saga: SecClosing for actions while a SEC is being left."""
        if self.closing and is_inside(self.sec_key):
            return SecClosing(f"the SEC is being left, and {halted}")
        return halted
