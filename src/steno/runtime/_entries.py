"""The sagas that a coordinator has in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import attrs

from steno.core import SagaId, SagaNodeId
from steno.errors import SecClosing
from steno.runtime._awaited import AwaitedSagas
from steno.runtime._entry import BUSY, Entry, EntryState
from steno.runtime._exec_client import Awaits, GoesOn
from steno.runtime._executor import SagaExecutor
from steno.runtime._mailbox import Reply
from steno.runtime._message import Pruned
from steno.runtime._refusal import goes_on, never_started

KEPT_FINISHED = 100
"""How many finished sagas stay in memory, to be viewed without the store."""


@attrs.define(eq=False)
class Entries:
    """
    Sagas in memory, by their ids; of those that are finished, the latest few.

    Attributes:
        keeps_paused: Whether those that are paused are remembered. A SEC that recovers no sagas
            knows by that which of them it has run.
        busy: How many of them closing waits for.
    """

    keeps_paused: bool = attrs.field(default=False)
    busy: int = attrs.field(init=False, default=0)
    _entries: dict[SagaId, Entry] = attrs.field(init=False, factory=dict)
    _finished: OrderedDict[SagaId, None] = attrs.field(init=False, factory=OrderedDict)
    _awaited: AwaitedSagas = attrs.field(init=False, factory=AwaitedSagas)

    def get(self, saga_id: SagaId) -> Entry | None:
        """Return the entry of a saga; None if it is not in memory."""
        return self._entries.get(saga_id)

    def __iter__(self) -> Iterator[tuple[SagaId, Entry]]:
        """Yield all of them."""
        return iter(self._entries.items())

    def census(self) -> dict[EntryState, int]:
        """Return how many sagas are in each state."""
        count = dict.fromkeys(EntryState, 0)
        for entry in self._entries.values():
            count[entry.state] += 1
        return count

    def enter(self, saga_id: SagaId, entry: Entry) -> Entry:
        """Add a saga."""
        self._entries[saga_id] = entry
        self.busy += entry.state in BUSY
        return entry

    def leave(self, saga_id: SagaId) -> Entry:
        """Remove a saga, and return its entry."""
        entry = self._entries.pop(saga_id)
        self._finished.pop(saga_id, None)
        self._awaited.forget(saga_id)
        self.busy -= entry.state in BUSY
        return entry

    def move(
        self, saga_id: SagaId, state: EntryState, executor: SagaExecutor | None = None
    ) -> Entry:
        """Move a saga to another state, and return its entry."""
        entry = self._entries[saga_id]
        self.busy += (state in BUSY) - (entry.state in BUSY)
        entry.state = state
        entry.executor = executor or entry.executor
        if state not in {EntryState.RUNNING, EntryState.SETTLING}:
            self._awaited.forget(saga_id)
        if state not in {EntryState.LOADING, EntryState.LEFT}:
            self._reopen(self._awaited.take(saga_id))
        return entry

    def finish(self, saga_id: SagaId) -> Entry:
        """Move a saga to where it is done; the oldest of those that are leaves instead."""
        entry = self.move(saga_id, EntryState.DONE)
        self._finished[saga_id] = None
        if len(self._finished) > KEPT_FINISHED:
            self.leave(next(iter(self._finished)))
        return entry

    def close(self, *, drain: bool) -> None:
        """Tell those who wait for what will not go on, and leave what only waits to later."""
        for saga_id, entry in self._entries.items():
            match entry.state:
                case EntryState.READY:
                    entry.fail_waiters(SecClosing(never_started(saga_id)))
                case EntryState.PAUSED:
                    entry.fail_waiters(SecClosing(goes_on(saga_id)))
                # One that settles may have been resumed meanwhile, and go on.
                case EntryState.RUNNING | EntryState.SETTLING if entry.executor is not None:
                    if drain:
                        entry.executor.drain()
                    entry.executor.rest()
                case _:
                    pass

    @property
    def held(self) -> int:
        """How many wait for somebody to look at them; costs as much as there are sagas."""
        executors = (entry.executor for entry in self._entries.values())
        return sum(1 for executor in executors if executor is not None and executor.held_nodes())

    def forget(self, saga_id: SagaId, reply: Reply[object]) -> None:
        """Forget somebody who waits for a saga, and has gone away."""
        if (entry := self._entries.get(saga_id)) is not None:
            entry.forget(reply)
            self.drop_idle(saga_id)

    def drop_idle(self, saga_id: SagaId) -> None:
        """Remove a saga that is paused, if nobody waits for it."""
        entry = self._entries.get(saga_id)
        if entry is not None and entry.is_idle and not self.keeps_paused:
            self.leave(saga_id)

    def note(self, message: Pruned | Awaits | GoesOn) -> None:
        """Take note of what has become of some sagas."""
        match message:
            case Pruned(sagas=sagas):
                for saga_id in self._finished.keys() & sagas:
                    self.leave(saga_id)
            case Awaits(saga_id=saga_id, node_id=node, awaited=awaited):
                if not self._awaited.add(message, in_memory=awaited in self._entries):
                    self._reopen([(saga_id, node)])
            case GoesOn(saga_id=saga_id):
                self._reopen(self._awaited.goes_on(saga_id))

    def _reopen(self, nodes: Iterable[tuple[SagaId, SagaNodeId]]) -> None:
        """Have nodes called again that were held since they wait for a saga."""
        for saga_id, node in nodes:
            entry = self._entries.get(saga_id)
            if entry is not None and entry.executor is not None:
                entry.executor.due(node, reopened=True)
