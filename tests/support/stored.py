"""Sagas that are put into a store as they stand, however they may have come to that."""

from uuid import UUID

import steno
from steno.core import EARLIEST, cached_state, concern, with_times
from steno.store import Fence, SagaCreateParams, SagaRecord
from steno.testing.notation import SAGA_ID, fold, shown
from support.worlds import World

STORES = ("memory", "sqlite")


def use_store(world: World, kind: str, folder: object) -> None:
    """Give a world the store that is meant, in place of its own."""
    if kind == "sqlite":
        world.store = steno.SqliteSecStore(f"{folder}/sagas.db", inline=True)


async def put(world: World, dag: steno.SagaDag, log: str, saga_id: UUID = SAGA_ID) -> UUID:
    """Store a saga with a log in the notation of the specification, as its SEC has left it."""
    state = fold(dag.flat, log, saga_id)
    events = tuple(with_times(state.log.events, EARLIEST))
    flat, word = dag.flat, cached_state(state)
    async with world.store.open() as session:
        fence = (await session.take_over("default")).fence
        create = SagaCreateParams(
            saga_id, dag.saga_name, flat.digest, flat.text, dag.params, fence, events
        )
        await session.record([create, _record(saga_id, fence, len(events), word, concern(state))])
        await session.leave(fence)
    return saga_id


def _record(saga_id: UUID, fence: Fence, size: int, word: object, why: object) -> SagaRecord:
    return SagaRecord(saga_id, fence, size, (), word, why)


async def stored(world: World, saga_id: UUID = SAGA_ID) -> tuple[str, str, object, str | None]:
    """Return a saga's log, its state, why a person should look at it, and its problem."""
    async with world.store.open() as session:
        saga = await session.load(saga_id)
    row = saga.summary
    attention = None if row.concern is None else row.concern.attention.value
    return shown(saga.events), row.state.value, attention, row.problem
