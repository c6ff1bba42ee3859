"""
Quarantine: sagas that may be what kills their process.

Theory of operation. The store counts how many lives of the SEC in a row have crashed since a saga's
last event (`steno.store`). A saga that has no call under way cannot have been the reason, and is
loaded as any other. One that has is on trial: from the second crash on, that is made durable before
its calls are made again, so that the store counts this life if it crashes as well; and after a
minute without a crash the count begins again. After `MOST_CRASHES` its calls are not made again.
"""

from __future__ import annotations

from collections import deque
from weakref import ReferenceType, ref

import attrs
import trio

from steno.core import ActionNode, SagaState
from steno.errors import SagaTakenOver
from steno.runtime._executor import SagaExecutor
from steno.runtime._mailbox import Mailbox, Reply
from steno.runtime._writer import Source, Write
from steno.store import UNMARKED, Lost, SagaClaim, SagaTrial, WriteOutcome

MOST_CRASHES = 5
"""How many lives may crash in a row while a call of a saga is under way."""

TRIAL = 60.0
"""Seconds after which a saga that was loaded is not what kills its process."""


@attrs.frozen(eq=False)
class _OnTrial:
    """
    A saga on trial.

    Attributes:
        claim: What was taken over.
        executor: What runs it; weak, as a saga may end, and leave memory, long before its trial.
        events: How many events it had.
        until: When it has passed, by Trio's clock.
    """

    claim: SagaClaim
    executor: ReferenceType[SagaExecutor]
    events: int
    until: float

    def stands_still(self) -> bool:
        """Return True if the saga is in memory and has no new event, which would do instead."""
        executor = self.executor()
        return (
            executor is not None
            and not executor.over
            and len(executor.machine.state.log.events) == self.events
        )


@attrs.frozen(eq=False)
class Trials:
    """
    Puts sagas on trial as they are loaded, and lets them pass.

    Args:
        writer: The log writer's mailbox.
    """

    _writer: Mailbox[Source]
    _sagas: deque[_OnTrial] = attrs.field(init=False, factory=deque)  # in the order of their ends

    async def begin(self, claim: SagaClaim, executor: SagaExecutor) -> None:
        """
        Put a saga on trial, if it has a call that may be what killed its process.

        Raises:
            SagaTakenOver: Another SEC has it now.
        """
        await trio.lowlevel.checkpoint()
        state = executor.machine.state
        if not claim.crashes or node_under_way(state) is None:
            return
        if claim.crashes >= UNMARKED:
            await self._mark(claim)
        end = trio.current_time() + TRIAL
        self._sagas.append(_OnTrial(claim, ref(executor), len(state.log.events), end))

    async def _mark(self, claim: SagaClaim) -> None:
        """Have it noted that a saga is tried; if that cannot be done, this life does not count."""
        reply: Reply[WriteOutcome] = Reply()
        mark = SagaTrial(claim.saga_id, claim.fence, passed=False)
        self._writer.tell(Write(mark, reply.answer, patience=0.0))
        outcome = await reply.wait()
        if isinstance(outcome, Lost):
            why = f'the SEC "{outcome.owner}" took it over while it was being loaded'
            raise SagaTakenOver(claim.saga_id, why)

    async def end_all(self) -> None:
        """Let each saga pass when its trial ends, if that is still of use."""
        await trio.lowlevel.checkpoint()
        while self._sagas:
            saga = self._sagas.popleft()
            await trio.sleep_until(saga.until)
            if saga.stands_still():
                passed = SagaTrial(saga.claim.saga_id, saga.claim.fence, passed=True)
                self._writer.tell(Write(passed, _ignore))


def quarantined(claim: SagaClaim, state: SagaState) -> str | None:
    """Return why a saga is not run any more; None if it is."""
    if claim.crashes < MOST_CRASHES or (node := node_under_way(state)) is None:
        return None
    return (
        f"it is quarantined: the last {claim.crashes} lives of its SEC crashed while a call of "
        f'node "{node}" was under way; find out why, then saga_recover it'
    )


def node_under_way(state: SagaState) -> str | None:
    """Return the name of a node whose call was begun and has no result yet, if there is one."""
    flat = state.flat
    # A sleep is in flight as well, but nothing is called for it.
    nodes = (node for node in state.in_flight if isinstance(flat.nodes[node], ActionNode))
    return next((flat.names[node] for node in nodes), None)


def _ignore(_: object) -> None:
    """Ignore the outcome: a saga whose count does not begin again is counted once too often."""
