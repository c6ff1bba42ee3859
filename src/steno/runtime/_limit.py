"""Limits: how many calls of an action run at once, and who stops waiting for their turn."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import trio

from steno.core import SagaNodeId


@attrs.frozen(eq=False)
class Limiters:
    """The limiters of a SEC: one for each action that has a number as its limit."""

    _by_action: dict[str, trio.CapacityLimiter] = attrs.field(init=False, factory=dict)

    def of(self, name: str, limit: trio.CapacityLimiter | int) -> trio.CapacityLimiter:
        """Return the limiter of an action."""
        if isinstance(limit, trio.CapacityLimiter):
            return limit
        found = self._by_action.get(name)
        if found is None:
            found = self._by_action[name] = trio.CapacityLimiter(limit)
        return found


class Turn(enum.Enum):
    """What came of waiting for a turn."""

    MINE = "mine"
    """The call may be made."""
    SKIPPED = "skipped"
    """The saga unwinds, or somebody has ordered to cancel the call, so it is not made."""
    CUT_OFF = "cut off"
    """Nothing is begun any more, so the call is made at the next open."""


@attrs.define(eq=False)
class Turns:
    """The nodes of one saga that wait for their turn, and what keeps them from waiting."""

    _waiting: dict[SagaNodeId, trio.CancelScope] = attrs.field(init=False, factory=dict)
    _repeating: set[SagaNodeId] = attrs.field(init=False, factory=set)
    _dismissed: set[SagaNodeId] = attrs.field(init=False, factory=set)
    _over: Turn | None = attrs.field(init=False, default=None)

    @asynccontextmanager
    async def turn(
        self, node: SagaNodeId, limiter: trio.CapacityLimiter, *, repeats: bool
    ) -> AsyncGenerator[Turn, None]:
        """
        Wait for a node's turn, and hold it.

        Args:
            node: The node.
            limiter: What grants turns.
            repeats: Whether a call that was cut off is made again, which no unwinding skips.
        """
        with trio.CancelScope() as scope:
            if self._keeps_out(repeats):
                scope.cancel()
            self._waiting[node] = scope
            if repeats:
                self._repeating.add(node)
            try:
                await limiter.acquire()
            finally:
                del self._waiting[node]
                self._repeating.discard(node)
        if scope.cancel_called:
            # Its turn may have come at the very moment at which it was sent away.
            if not scope.cancelled_caught:
                limiter.release()
            dismissed = node in self._dismissed
            self._dismissed.discard(node)
            yield Turn.SKIPPED if dismissed else self._over or Turn.CUT_OFF
            return
        try:
            yield Turn.MINE
        finally:
            limiter.release()

    def skip(self) -> None:
        """Let nobody wait, as the saga unwinds, but those that repeat a call."""
        self._over = self._over or Turn.SKIPPED
        self._send_away()

    def cut_off(self) -> None:
        """Let nobody wait, as nothing is begun any more."""
        self._over = Turn.CUT_OFF
        self._send_away()

    def dismiss(self, node: SagaNodeId) -> bool:
        """Let a node not wait, if it does and repeats no call; return False otherwise."""
        if node in self._repeating or (scope := self._waiting.get(node)) is None:
            return False
        self._dismissed.add(node)
        scope.cancel()
        return True

    def _send_away(self) -> None:
        for node, scope in self._waiting.items():
            if self._keeps_out(node in self._repeating):
                scope.cancel()

    def _keeps_out(self, repeats: bool) -> bool:  # noqa: FBT001 - of this class
        return self._over is Turn.CUT_OFF or (self._over is Turn.SKIPPED and not repeats)
