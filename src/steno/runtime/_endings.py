"""What becomes of a saga's waiters and of its row when its executor has ended, or all is held."""

from __future__ import annotations

import logging
from collections import Counter

import attrs

from steno.core import Attention, Concern, SagaCachedState, SagaId, cached_state
from steno.errors import SagaHaltedError, SagaHeldError, SagaTakenOver, SecClosing
from steno.runtime._departed import Departed
from steno.runtime._entries import Entries
from steno.runtime._entry import EntryState
from steno.runtime._executor import SagaExecutor
from steno.runtime._instruments import Instruments
from steno.runtime._mailbox import Mailbox
from steno.runtime._refusal import goes_on
from steno.runtime._report import report
from steno.runtime._writer import Source, Write
from steno.store import SagaProblem


@attrs.frozen(eq=False)
class Endings:
    """
    Ends sagas, as far as their coordinator is concerned.

    Args:
        entries: The sagas in memory.
        departed: Remembers why others are not.
        writer: The log writer's mailbox.
        instruments: What is told of sagas; None: nothing.

    Attributes:
        count: How many sagas have ended here, by their last state.
    """

    _entries: Entries
    _departed: Departed
    _writer: Mailbox[Source]
    _instruments: Instruments | None
    count: Counter[SagaCachedState] = attrs.field(init=False, factory=Counter)

    def tell_held(self, saga_id: SagaId) -> None:
        """Tell those who wait for a saga that it cannot go on by itself."""
        entry = self._entries.get(saga_id)
        # It may have ended since.
        if entry is None or entry.executor is None or not (nodes := entry.executor.held_nodes()):
            return
        held, name = SagaHeldError(saga_id, nodes), entry.executor.machine.dag.saga_name
        report(logging.ERROR, str(held), saga_id, name)
        if self._instruments is not None:
            self._instruments.attention(saga_id, name, Attention.HELD, str(held))
        for reply in entry.waiters:
            reply.fail(held.again())
        entry.waiters.clear()

    def done(self, executor: SagaExecutor) -> None:
        """Answer those who wait for a saga that has ended."""
        entry = self._entries.finish(executor.saga_id)
        self.count[cached_state(executor.machine.state)] += 1
        if self._instruments is not None:
            self._instruments.saga_ended(executor.machine)
        snapshot = executor.snapshot()
        for reply in entry.waiters:
            reply.answer(snapshot)
        entry.waiters.clear()

    def put_by(self, executor: SagaExecutor) -> None:
        """Keep a saga that goes on at the next open, so that it can be viewed until then."""
        saga_id = executor.saga_id
        self._entries.move(saga_id, EntryState.LEFT).fail_waiters(SecClosing(goes_on(saga_id)))

    def halt(self, executor: SagaExecutor, halted: SagaHaltedError) -> None:
        """Answer those who wait, and note the problem in the store for operators."""
        saga_id, problem = executor.saga_id, halted.problem
        # It leaves memory, since its machine may know more than the store.
        entry = self._entries.leave(saga_id)
        self._departed.note(saga_id, halted)
        if not isinstance(halted, SagaTakenOver):
            note = SagaProblem(saga_id, executor.fence, problem, Concern(Attention.HALTED))
            self._writer.tell(Write(note, _ignore, patience=0.0))
        name, cause = executor.machine.dag.saga_name, halted.__cause__
        report(logging.ERROR, f"it is halted: {problem}", saga_id, name, error=cause)
        if self._instruments is not None:
            self._instruments.attention(saga_id, name, Attention.HALTED, problem)
        for reply in entry.waiters:
            reply.fail(halted.again())


def _ignore(_: object) -> None:
    """Ignore the outcome of a note about a problem: the saga's next load looks again."""
