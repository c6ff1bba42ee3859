"""A saga in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from steno.core import Concern, JsonText, SagaCachedState, SagaId, SagaName, SagaNodeEvent
from steno.store import (
    Fence,
    SagaClaim,
    SagaCreateParams,
    SagaSummary,
    SagaTimes,
    crashes_at_take_over,
    from_timestamp,
)


@attrs.define(eq=False)
class MemoryRow:
    """A saga that is stored."""

    saga_id: SagaId
    name: SagaName
    dag_digest: str
    params: JsonText
    fence: Fence
    created: datetime
    tags: Mapping[str, str]
    number: int
    ended: datetime | None = None
    state: SagaCachedState = SagaCachedState.READY
    problem: str | None = None
    concern: Concern | None = None
    crashes: int = 0
    taken_size: int | None = None  # how many events it had at the last take-over, if there was one
    tried: bool = False
    events: list[SagaNodeEvent] = attrs.field(factory=list)
    # The life of the SEC that has it; its creation brings that of its creator.
    life: Fence = attrs.field(default=attrs.Factory(lambda row: row.fence, takes_self=True))

    @property
    def size(self) -> int:
        """How many events it has."""
        return len(self.events)

    def events_from(self, first_seq: int) -> Sequence[SagaNodeEvent]:
        """Return its events from a number on."""
        return self.events[first_seq:]

    def is_of(self, saga: SagaCreateParams) -> bool:
        """Return True if it has the name, the graph and the params of a creation."""
        own = (self.name, self.dag_digest, self.params)
        return own == (saga.saga_name, saga.dag_digest, saga.params)

    def count_crash(self, *, left: bool) -> None:
        """Count the last life of the SEC, at a take-over."""
        self.crashes = crashes_at_take_over(
            self.crashes, left=left, progressed=self.taken_size != self.size, tried=self.tried
        )
        self.taken_size, self.tried = self.size, False

    def adopt(self, life: Fence) -> SagaClaim:
        """Give it to a life of a SEC."""
        # Above the saga's own generation, so that no fence is used twice, and at least that of the
        # SEC's present life.
        self.life = life
        self.fence = Fence(life.sec_name, max(self.fence.generation + 1, life.generation))
        return SagaClaim(self.saga_id, self.fence, self.crashes)

    def summary(self) -> SagaSummary:
        """Return what a list shows of it."""
        progressed = self.created
        if self.events and (time := self.events[-1].time) is not None:
            progressed = max(progressed, from_timestamp(time))
        return SagaSummary(
            self.saga_id,
            self.name,
            self.state,
            self.problem,
            SagaTimes(self.created, progressed, self.ended),
            self.tags,
            self.number,
            self.concern,
        )
