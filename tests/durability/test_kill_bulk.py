"""
A real process that gives an order to many sagas, killed at any moment, and what is left of it.

`STENO_BULK_SAGAS` says for how many sagas the order is, `STENO_KILLS` how often the test kills.
"""

import os
import random
import signal
from collections import Counter
from pathlib import Path

import steno
from durability.bulk_program import registry, trip
from steno.core import Ordered
from steno.store import BulkListQuery, BulkOutcome, BulkSagaQuery, BulkState
from support.killing import lived, some_moment

PROGRAM = Path(__file__).with_name("bulk_program.py")
SAGAS = int(os.environ.get("STENO_BULK_SAGAS", "400"))
KILLS = int(os.environ.get("STENO_KILLS", "4"))
SEED = os.environ.get("STENO_KILLS_SEED", "1")


async def test_killed_while_an_order_is_given_to_many_each_gets_it_once(tmp_path: Path):
    """Every saga of the frozen list has exactly one order of it, and its report says so."""
    path, rng = tmp_path / "trips.db", random.Random(SEED)
    async with steno.open_sec(steno.SqliteSecStore(path), registry) as sec:
        for _ in range(SAGAS):
            await sec.saga_create(trip())
    for number in range(KILLS + 1):
        last = number == KILLS
        moment = None if last else some_moment(rng, 0, 0.5)
        code = lived(PROGRAM, str(path), tmp_path / "errors", moment)
        assert code in ({0} if last else {0, -signal.SIGKILL})
    counts: Counter[int] = Counter()
    async with steno.SqliteSecStore(path).open_reader() as reader:
        (order,) = await reader.bulk.list(BulkListQuery())
        sagas = await reader.bulk.sagas(BulkSagaQuery(order.bulk_id, None, SAGAS + 1))
        for saga in sagas:
            events = (each.event_type for each in (await reader.load(saga.saga_id)).events)
            bulk = [each.bulk for each in events if isinstance(each, Ordered)]
            counts[len(bulk)] += 1
            assert bulk == [order.bulk_id]
    assert (order.state, counts) == (BulkState.DONE, {1: SAGAS})
    assert dict(order.counts) == {BulkOutcome.GIVEN: SAGAS}
