"""Admission: which commands a SEC still takes, while it is being left and afterwards."""

from __future__ import annotations

import attrs

from steno.core import SagaId
from steno.errors import CommandError, SagaHaltedError, SecClosing
from steno.runtime._runner import is_inside

LEFT = "the SEC is being left, or has been; open one of its name on its store to go on"


@attrs.define(eq=False)
class Admission:
    """
    Says which commands are taken. Everybody in a SEC asks the same one.

    Attributes:
        sec_key: What stands for the SEC in a `Call`.
        closing: Whether the SEC is being left, or drained.
        draining: Whether it is drained, so that nothing is begun any more.
        closed: Whether it has been left.
    """

    sec_key: object
    closing: bool = attrs.field(init=False, default=False)
    draining: bool = attrs.field(init=False, default=False)
    closed: bool = attrs.field(init=False, default=False)

    def close(self, *, drain: bool) -> None:
        """
        Take commands that change something from actions only.

        Args:
            drain: Whether nothing is to be begun any more, not even the next node of a saga.
        """
        self.closing = True
        self.draining = self.draining or drain

    def end(self) -> None:
        """Take no commands at all."""
        self.closed = True

    def check(self, *, looks: bool) -> None:
        """
        Raise SecClosing if a command is not taken any more.

        Args:
            looks: Whether it only looks at something.
        """
        if self.closed or (self.closing and not looks and not is_inside(self.sec_key)):
            raise SecClosing(LEFT)

    def check_outside(self, saga_id: SagaId | None, refusal: str) -> None:
        """
        Refuse what would wait for the caller itself.

        Args:
            saga_id: The saga that is waited for; None for all that runs.
            refusal: What to say to an action of it.

        Raises:
            CommandError: The caller is a part of such an action.
        """
        if is_inside(self.sec_key, saga_id):
            raise CommandError(refusal)

    def told(self, halted: SagaHaltedError) -> SagaHaltedError | SecClosing:
        """Return what is told of a saga that stands still: while a SEC is left, actions do too."""
        if self.closing and is_inside(self.sec_key):
            return SecClosing(f"the SEC is being left, and {halted}")
        return halted
