"""
A store in a PostgreSQL database, for any number of SECs at a time.

Writes go through one connection, in a thread of its own that takes whole batches. Reads have
connections of their own, in Trio's worker threads. If a call gets no answer in time, its connection
is cut, and the next call has a new one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import unquote

import attrs
import psycopg
import trio
from psycopg.conninfo import conninfo_to_dict

from steno.core import SagaCachedState, SagaId
from steno.errors import StoreUnavailable
from steno.store import (
    AttentionGroup,
    Fence,
    Finding,
    ListQuery,
    LogEntry,
    PruneQuery,
    SagaClaim,
    SagaSummary,
    SagaWrite,
    StoredSaga,
    TakeOver,
    WriteOutcome,
)
from steno.stores._bulk_session import StoredBulk, StoredBulkReader
from steno.stores._coalesce import Coalescer
from steno.stores._pool import ReaderPool
from steno.stores._worker import Worker, inline_worker, thread_worker
from steno.stores.postgres import _reader as reads
from steno.stores.postgres._bulk import list_bulk, list_bulk_sagas
from steno.stores.postgres._doctor import examine_server
from steno.stores.postgres._fleet_session import PostgresFleet
from steno.stores.postgres._link import Db, Link, Server
from steno.stores.postgres._list import count_attention, list_page
from steno.stores.postgres._migrate import check_current, migrate
from steno.stores.postgres._writer import PostgresWriter

T = TypeVar("T")

ANSWER_LIMIT = 75.0
"""Seconds after which a call without an answer has its connection cut."""

BATCH_LIMIT = 20.0
"""The same, for a batch."""

SCHEMA = "steno"
"""The schema of the tables, unless another is given."""

_SCHEMA = "schema="


def _now() -> datetime:
    return datetime.now(UTC)


def _is_dsn(_: object, __: attrs.Attribute[str], dsn: object) -> None:
    if not isinstance(dsn, str):
        msg = f"a connection string is a str, not {type(dsn).__name__}"
        raise TypeError(msg)
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        msg = f"not a connection string of PostgreSQL: {error}"
        raise ValueError(msg) from None


def _is_schema(_: object, __: attrs.Attribute[str], name: object) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        msg = (
            "a schema is named by up to 63 lower-case letters, digits and underscores, not "
            f"{name!r}"
        )
        raise ValueError(msg)


@attrs.frozen(eq=False)
class PostgresSecStore:
    """
    A store in a schema of a PostgreSQL database; made when it is first opened.

    What was acknowledged survives the death of any process, and that of the server as far as its
    disk and its standbys do; with `synchronous_commit = off` the store is not opened. Any number of
    sessions can be open at once: a SEC of a name takes over the sagas of that name, so give each
    process a name of its own. Connections may go through PgBouncer, in transaction mode too.

    Args:
        dsn: A connection string of libpq, or a URL that begins with `postgresql://`.
        schema: The schema of the tables.
        inline: Work in the calling task instead of in threads. That blocks all of Trio while the
            server works: for tests with a virtual clock.
        clock: Returns the time that rows are stamped with; called in the thread that writes.

    Raises:
        ValueError: It is not a connection string, or not the name of a schema.
    """

    dsn: str = attrs.field(repr=False, validator=_is_dsn)  # it may hold a password
    schema: str = attrs.field(default=SCHEMA, kw_only=True, validator=_is_schema)
    inline: bool = attrs.field(default=False, kw_only=True)
    clock: Callable[[], datetime] = attrs.field(default=_now, kw_only=True)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[PostgresSession, None]:
        """
        Open the store for one SEC.

        Raises:
            StoreUnavailable: The server cannot be reached now, or refuses.
            StoreError: It is too old, or set up so that it may lose what it has acknowledged; or
                the schema is a newer release's, or another program's.
            StoreStuck: It could not be closed in time.
        """
        server = Server(self.dsn, self.schema)
        writing = self._writing(server)
        # The reader is entered last and left first: its reads end before the writer does.
        worker = (
            inline_worker(writing)
            if self.inline
            else thread_worker(writing, "steno PostgreSQL writer")
        )
        async with worker as writer, self._reader(server) as reader, self._fleet(server) as fleet:
            yield PostgresSession(writer, reader, fleet)

    @contextmanager
    def _writing(self, server: Server) -> Generator[PostgresWriter, None, None]:
        # Also after reconnecting: it may be another server, or a restored one.
        link = Link(server, migrate)
        try:
            link.do(lambda _: None)
            yield PostgresWriter(link, self.clock)
        finally:
            link.close()

    @asynccontextmanager
    async def open_reader(self) -> AsyncGenerator[PostgresReader, None]:
        """
        Open the store for reading; nothing is changed.

        Raises:
            StoreUnavailable: The server cannot be reached now, or refuses.
            StoreError: There is no such schema, or it is another release's.
        """
        async with self._reader(Server(self.dsn, self.schema)) as reader:
            await reader.touch()
            yield reader

    async def examine(self) -> Sequence[Finding]:
        """
        Examine the server and the schema.

        Raises:
            StoreUnavailable: The server cannot be reached now, or refuses.
            StoreError: There is no such schema, or it cannot be read at all.
        """
        server = Server(self.dsn, self.schema)
        return await trio.to_thread.run_sync(examine_server, server, abandon_on_cancel=True)

    @asynccontextmanager
    async def _fleet(self, server: Server) -> AsyncGenerator[PostgresFleet, None]:
        # Connections of its own, made when they are needed: a lease must be renewed in time,
        # whatever the others do.
        pool = ReaderPool(lambda: Link(server, check_current), server.name, self.inline)
        try:
            yield PostgresFleet(PostgresReader(pool).do)
        finally:
            await pool.close()  # noqa: ASYNC102 - it shields itself, with a deadline

    @asynccontextmanager
    async def _reader(self, server: Server) -> AsyncGenerator[PostgresReader, None]:
        pool = ReaderPool(lambda: Link(server, check_current), server.name, self.inline)
        try:
            yield PostgresReader(pool)
        finally:
            await pool.close()  # noqa: ASYNC102 - it shields itself, with a deadline


def store_from_url(text: str) -> PostgresSecStore:
    """
    Return the store of a URL: `postgresql://user@host/database?schema=trips`.

    The schema is `steno` unless it is given; all else is for libpq.

    Raises:
        ValueError: It does not name a database.
    """
    # All else is left as it is: urllib would write a space, and a URL without a host, in ways that
    # libpq does not read.
    base, _, query = text.partition("?")
    given = query.split("&")
    schemas = [unquote(each.removeprefix(_SCHEMA)) for each in given if each.startswith(_SCHEMA)]
    others = "&".join(each for each in given if not each.startswith(_SCHEMA))
    if len(schemas) > 1:
        msg = f"the URL names several schemas: {', '.join(schemas)}"
        raise ValueError(msg)
    dsn = f"{base}?{others}" if others else base
    return PostgresSecStore(dsn, schema=schemas[0] if schemas else SCHEMA)


@attrs.define(eq=False)
class PostgresReader:
    """A `PostgresSecStore` that is open for reading; see `SecStoreReader`."""

    _pool: ReaderPool[Link]
    _loads: Coalescer[SagaId, StoredSaga | None] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with no loads under way."""
        self._loads = Coalescer(self._load_all)

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """Return all that is stored of a saga; None if there is no such saga."""
        return await self._loads.ask(saga_id)

    async def _load_all(
        self, saga_ids: Sequence[SagaId]
    ) -> Mapping[SagaId, StoredSaga | Exception | None]:
        return await self.do(lambda db: reads.load(db, saga_ids))

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas."""
        return await self.do(lambda db: list_page(db, query))

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look."""
        return await self.do(lambda db: count_attention(db, query))

    @property
    def bulk(self) -> StoredBulkReader[Db]:
        """The orders to many sagas."""
        return StoredBulkReader(self.do, list_bulk, list_bulk_sagas)

    async def entries(self, saga_id: SagaId) -> Sequence[LogEntry]:
        """Return the log of a saga, with times and creators."""
        return await self.do(lambda db: reads.entries(db, saga_id))

    async def count(self) -> Mapping[SagaCachedState, int]:
        """Return how many sagas there are in each state."""
        return await self.do(reads.count)

    async def touch(self) -> None:
        """Raise if the schema cannot be read at all."""
        await self.do(lambda _: None)

    async def do(self, read: Callable[[Db], T]) -> T:
        """Call a function with a connection that nothing else uses."""
        used: list[Link] = []

        def work(link: Link) -> T:
            used.append(link)
            return link.do(read)

        async def call() -> T:
            return await self._pool.do(work)

        return await _answered(call, ANSWER_LIMIT, used)


@attrs.frozen(eq=False)
class PostgresSession:
    """An open `PostgresSecStore`; see `SecStoreSession`."""

    _writer: Worker[PostgresWriter]
    _reader: PostgresReader
    _fleet: PostgresFleet

    async def _write(self, write: Callable[[PostgresWriter], T], limit: float = ANSWER_LIMIT) -> T:
        used: list[Link] = []

        def work(writer: PostgresWriter) -> T:
            used.append(writer.link)
            return write(writer)

        async def call() -> T:
            return await self._writer.do(work)

        return await _answered(call, limit, used)

    async def take_over(self, sec_name: str) -> TakeOver:
        """Raise the generation of a SEC and of all its unfinished sagas."""
        return await self._write(lambda writer: writer.take_over(sec_name))

    async def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """Make a SEC the owner of one saga that can go on."""
        return await self._write(lambda writer: writer.claim(saga_id, sec_name))

    async def leave(self, fence: Fence) -> None:
        """Note that a life of a SEC was left normally."""
        await self._write(lambda writer: writer.leave(fence))

    async def record(self, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """Write a batch in one transaction; it is durable when this returns."""
        return await self._write(lambda writer: writer.record(batch), BATCH_LIMIT)

    async def prune(self, query: PruneQuery) -> Sequence[SagaId]:
        """Delete some finished sagas, and return which."""
        return await self._write(lambda writer: writer.prune(query))

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """Return all that is stored of a saga."""
        return await self._reader.load(saga_id)

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas."""
        return await self._reader.list(query)

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look."""
        return await self._reader.attention(query)

    @property
    def bulk(self) -> StoredBulk[PostgresWriter, Db]:
        """The orders to many sagas."""
        return StoredBulk(self._write, self._reader.bulk)

    @property
    def fleet(self) -> PostgresFleet:
        """The SECs that share the database."""
        return self._fleet


async def _answered(call: Callable[[], Awaitable[T]], limit: float, used: Sequence[Link]) -> T:
    """
    Make a call that a thread carries out, and cut its connection if it takes too long.

    Raises:
        StoreUnavailable: It has taken too long. What it did is not known.
    """
    with trio.move_on_after(limit):
        return await call()
    for link in used:
        link.cut()
    msg = f"the server has not answered within {limit} s; its connection was cut"
    raise StoreUnavailable(msg)
