"""
Writes to a PostgreSQL database, each a plain method on the connection that writes.

Theory of operation. The rules of `steno.store` decide the outcome of a write (`judge`); a batch
(`_batch`) is what they look at, and how a change is written. Any number of SECs write to a
database, so a batch begins by locking the rows of its sagas, in the order of their ids, and judges
what it finds: until it commits, no saga of it can be taken over. That is a round trip. Then it
writes, all of it by a few statements, and commits: that is another.

How many events a saga has is remembered, for as long as its fence is: only who has the fence
appends to it. All that is remembered is forgotten after an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import attrs
import psycopg

from steno.core import BulkOrderId, SagaId
from steno.store import (
    BulkPruneQuery,
    BulkWrite,
    Fence,
    PruneQuery,
    SagaClaim,
    SagaWrite,
    TakeOver,
    WriteOutcome,
    to_timestamp,
)
from steno.stores.postgres._batch import Batch, Size
from steno.stores.postgres._bulk import prune_bulk, write_bulk
from steno.stores.postgres._link import Db, Link
from steno.stores.postgres._migrate import check_known
from steno.stores.postgres._ownership import claim, leave, take_over
from steno.stores.postgres._prune import prune

TRIES = 3
"""How often something is created that another SEC creates as well."""

MOST_SIZES = 100_000
"""The sagas whose sizes are remembered, at most."""

T = TypeVar("T")


@attrs.define(eq=False)
class PostgresWriter:
    """
    Writes, on one connection.

    Args:
        link: The connection.
        clock: Tells the time that rows are stamped with.
    """

    link: Link
    _clock: Callable[[], datetime]
    _sizes: dict[SagaId, Size] = attrs.field(init=False, factory=dict)

    def _do(self, work: Callable[[Db], T]) -> T:
        """Call a function that begins and commits a transaction."""
        try:
            return self.link.do(work)
        except BaseException:
            self._sizes.clear()
            raise

    # Ownership

    def take_over(self, sec_name: str) -> TakeOver:
        """Raise the generation of a SEC and of its unfinished sagas."""
        return self._do(lambda db: take_over(db, sec_name))

    def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """Make a SEC the owner of one saga that can go on."""
        return self._do(lambda db: claim(db, saga_id, sec_name))

    def leave(self, fence: Fence) -> None:
        """Note that a life of a SEC was left normally."""
        self._do(lambda db: leave(db, fence))

    # Writes

    def record(self, batch: Sequence[SagaWrite]) -> list[WriteOutcome]:
        """Write a batch in one transaction."""
        return self._do(lambda db: _again(db, lambda: self._recorded(db, batch)))

    def _recorded(self, db: Db, writes: Sequence[SagaWrite]) -> list[WriteOutcome]:
        batch = Batch(db, to_timestamp(self._clock()))
        synchronous_commit, version = batch.begin(writes, self._sizes)
        # Each time, as a pooler may have given this transaction a connection that is set up
        # otherwise, and a newer release may have changed the schema.
        self.link.server.check_durable(synchronous_commit)
        check_known(db.schema, version)
        outcomes = [batch.do(write) for write in writes]
        for saga_id, size in batch.commit().items():
            if size is None:
                self._sizes.pop(saga_id, None)
            else:
                self._sizes[saga_id] = size
        if len(self._sizes) > MOST_SIZES:
            self._sizes.clear()
        return outcomes

    # Orders to many sagas

    def write_bulk(self, write: BulkWrite) -> WriteOutcome:
        """Create an order, or note what became of it."""
        now = to_timestamp(self._clock())
        return self._do(lambda db: _again(db, lambda: write_bulk(db, write, now)))

    def prune_bulk(self, query: BulkPruneQuery) -> Sequence[BulkOrderId]:
        """Delete some orders that have ended, the oldest first."""
        until = to_timestamp(self._clock() - query.older_than)
        return self._do(lambda db: prune_bulk(db, query, until))

    # Retention

    def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        """Delete some finished sagas, the oldest first."""
        until = to_timestamp(self._clock() - query.older_than)
        return self._do(lambda db: prune(db, query, until))


def _again(db: Db, write: Callable[[], T]) -> T:
    """
    Write, and write again if another SEC has created the same in between; then it is found.

    Raises:
        psycopg.errors.UniqueViolation: That was not the reason.
    """
    for _ in range(TRIES - 1):
        try:
            return write()
        except psycopg.errors.UniqueViolation:
            db.connection.rollback()
    return write()
