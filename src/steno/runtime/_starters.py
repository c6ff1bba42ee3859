"""Those who start a saga, and hear of it once that is durable."""

from __future__ import annotations

import attrs

from steno.errors import CommandError, SagaHaltedError
from steno.runtime._mailbox import Reply


@attrs.define(eq=False)
class Starters:
    """
    The commands to start one saga that are not answered yet.

    The first one starts it; the others are refused, since it is not ready any more. A refusal waits
    as well: "not ready" must not be seen before the start is durable.
    """

    # None in nearly every saga: most are created and started at once.
    _replies: dict[Reply[object], CommandError | None] | None = attrs.field(
        init=False, default=None
    )

    def add(self, reply: Reply[object], refusal: CommandError | None) -> None:
        """Keep a command until it can be answered: with None, or with a refusal."""
        self._replies = {**(self._replies or {}), reply: refusal}

    def answer(self) -> None:
        """Answer all, as the start is durable."""
        replies, self._replies = self._replies, None
        for reply, refusal in (replies or {}).items():
            if refusal is None:
                reply.answer(None)
            else:
                reply.fail(refusal)

    def fail(self, halted: SagaHaltedError) -> None:
        """Fail all, as the saga halted first."""
        for reply in self._replies or ():
            reply.fail(halted.again())
