"""Files full of finished sagas, made through the port, in big batches and without running any."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import attrs

from steno import SagaCachedState, SagaDag, SagaId, SqliteSecStore
from steno.core import SagaNodeEvent
from steno.store import Durable, Fence, SagaCreateParams, SagaRecord
from steno.testing.notation import events
from support.demo import build

NAMESPACE = UUID("8a4f6b1e-7a55-4d38-9a55-2f1d0d1c5b10")
SEC = "default"
BATCH = 1000

LOGS = {
    SagaCachedState.SUCCEEDED: events("2+ 2✓ 0+ 0✓=17 1+ 1✓ 3+ 3✓"),
    SagaCachedState.FAILED: events("2+ 2✓ 0+ 0✗ 2- 2∅"),
    SagaCachedState.STUCK: events("2+ 2✓ 0+ 0✓=17 1+ 1✗ 0- 0!"),
}
"""How each state is come to by a saga of two nodes, one after the other."""


@attrs.define(eq=False)
class Clock:
    """Tells a later time whenever it is asked: so each batch has ended at a time of its own."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def saga_id(number: int) -> SagaId:
    """Return the id of a saga; ids are in no order, as random ones are."""
    return SagaId(uuid5(NAMESPACE, str(number)))


def state_of(number: int) -> SagaCachedState:
    """Return how a saga has ended: one in ten has failed; of 1 000, one is stuck."""
    if number % 1000 == 999:
        return SagaCachedState.STUCK
    return SagaCachedState.FAILED if number % 10 == 0 else SagaCachedState.SUCCEEDED


def name_of(number: int) -> str:
    """Return the name of a saga: one in 1 000 is `rare`, all others are `common`."""
    return "rare" if number % 1000 == 500 else "common"


def tags_of(number: int) -> dict[str, str]:
    """Return the tags of a saga: each has an order of its own, and shares the other two."""
    return {
        "order": str(number),
        "tenant": "common" if number % 100 else "rare",
        "year": "2026",
    }


DAGS = {name: SagaDag(build(name, "a", "b"), {"of": name}) for name in ("common", "rare")}


def log_of(this: SagaId, state: SagaCachedState) -> tuple[SagaNodeEvent, ...]:
    """Return the log of a saga that has ended so."""
    return tuple(SagaNodeEvent(this, e.node_id, e.event_type) for e in LOGS[state])


def writes(number: int, fence: Fence) -> tuple[SagaCreateParams, SagaRecord, SagaRecord]:
    """Return what creates a saga, begins it, and finishes it."""
    this, dag, state = saga_id(number), DAGS[name_of(number)], state_of(number)
    log, flat = log_of(this, state), dag.flat
    return (
        SagaCreateParams(
            this, dag.saga_name, flat.digest, flat.text, dag.params, fence, tags=tags_of(number)
        ),
        SagaRecord(this, fence, 0, log[:4], SagaCachedState.RUNNING),
        SagaRecord(this, fence, 4, log[4:], state),
    )


async def fill(path: Path, count: int) -> None:
    """Make a file with so many finished sagas."""
    async with SqliteSecStore(path, inline=True, clock=Clock()).open() as session:
        fence = (await session.take_over(SEC)).fence
        for first in range(0, count, BATCH):
            numbers = range(first, min(first + BATCH, count))
            batch = [write for number in numbers for write in writes(number, fence)]
            assert set(await session.record(batch)) == {Durable()}


def in_order_of_end(count: int) -> list[SagaId]:
    """Return the ids of that many sagas, the first to end first; of a batch, by id."""
    batches = (range(first, min(first + BATCH, count)) for first in range(0, count, BATCH))
    return [each for numbers in batches for each in sorted(map(saga_id, numbers))]
