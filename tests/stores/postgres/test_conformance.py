"""The PostgreSQL store does all that a store has to do, with its thread and without."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from steno import SagaId
from steno.store import Fence
from steno.stores.postgres import PostgresSecStore
from steno.testing import conformance
from support.postgres import execute, new_schema, server


class Schema:
    """A schema, and what can be done to it from outside."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.now = datetime(2026, 5, 4, 8, tzinfo=UTC)

    def subject(self, *, inline: bool) -> conformance.Subject:
        return conformance.Subject(
            PostgresSecStore(server(), schema=self.name, inline=inline, clock=lambda: self.now),
            make_newer=lambda: execute(f"UPDATE {self.name}.schema_version SET version = 999"),
            failing=self.locked,
            damage=self.damage,
            advance=self.advance,
            lapse=self.lapse,
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold locks that a writer needs."""
        with psycopg.connect(server()) as db, pytest.MonkeyPatch.context() as patch:
            patch.setattr("steno.stores.postgres._link.LOCK_LIMIT", "10ms")
            for table in ("sec", "saga", "bulk_order"):
                db.execute(f"LOCK TABLE {self.name}.{table} IN EXCLUSIVE MODE")
            yield
            db.rollback()

    def damage(self, saga_id: SagaId) -> None:
        """Make an event of what is none."""
        damaged = execute(
            f"UPDATE {self.name}.step SET events = replace(events, 'started', 'torn')"
            f" WHERE seq = 0 AND saga_key = (SELECT saga_key FROM {self.name}.saga"
            " WHERE saga_id = %s) RETURNING 1",
            saga_id,
        )
        assert len(damaged) == 1

    def lapse(self, fence: Fence) -> None:
        """End the lease of a life."""
        execute(
            f"UPDATE {self.name}.life SET lease_end = clock_timestamp()"
            " WHERE sec_name = %s AND generation = %s",
            *(fence.sec_name, fence.generation),
        )

    def advance(self, by: timedelta) -> None:
        self.now += by


CASES = [
    (demand, mode)
    for demand in conformance.DEMANDS
    for mode in ("thread", "inline")
    # Without the thread only the waiting is different.
    if mode == "thread" or demand.topic in {"record", "session"}
]


@pytest.mark.parametrize(("demand", "mode"), CASES, ids=str)
async def test_it_passes(demand: conformance.Demand, mode: str):
    """Every demand, none skipped."""
    with new_schema() as name:
        await demand.run(Schema(name).subject(inline=mode == "inline"))
