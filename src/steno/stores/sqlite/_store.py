"""
A store in a SQLite database: one file, durable, for one SEC at a time.

Writes go through one connection, in a thread of its own that takes whole batches, so that the disk
is waited for there and nowhere else. Reads have read-only connections, in Trio's worker threads.
The session that has the file open for writing holds its owner lock.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit

import attrs
import trio

from steno.core import SagaCachedState, SagaId
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
from steno.stores.sqlite import _reader as reads
from steno.stores.sqlite._bulk import list_bulk, list_bulk_sagas
from steno.stores.sqlite._doctor import examine_file
from steno.stores.sqlite._error import translating
from steno.stores.sqlite._file import SqliteFile
from steno.stores.sqlite._haste import Haste
from steno.stores.sqlite._list import count_attention, list_page
from steno.stores.sqlite._writer import SqliteWriter

T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


def _checked_path(path: str | os.PathLike[str]) -> str:
    text = cast("object", os.fspath(path))
    if not isinstance(text, str) or not text or text.startswith(":memory:") or "\0" in text:
        msg = f"SqliteSecStore takes the path of a file, not {path!r}; for memory, InMemorySecStore"
        raise ValueError(msg)
    return text


@attrs.frozen(eq=False)
class SqliteSecStore:
    """
    A store in a local file; made when it is first opened.

    What was acknowledged survives the death of the process, and a loss of power as far as the disk
    keeps what it has reported as written: the journal is a WAL and `synchronous` is FULL, always.
    One session at a time can be open, across all processes; readers can be open at any time. SQLite
    and the owner lock use files beside it that end in `-wal`, `-shm` and `-owner`. It cannot be on
    a network file system.

    Args:
        path: The file.
        inline: Work in the calling task instead of in threads. That blocks all of Trio while the
            disk works: for tests with a virtual clock.
        inline_commits: Commit in the calling task while commits are quick and there is one saga to
            write for. One saga at a time gets faster by it, and the event loop waits for the disk.
        clock: Returns the time that rows are stamped with; called in the thread that writes.

    Raises:
        ValueError: The path does not name a file.
    """

    path: str = attrs.field(converter=_checked_path)
    inline: bool = attrs.field(default=False, kw_only=True)
    inline_commits: bool = attrs.field(default=False, kw_only=True)
    clock: Callable[[], datetime] = attrs.field(default=_now, kw_only=True)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SqliteSession, None]:
        """
        Open the store for one SEC.

        Raises:
            StoreInUse: Another session has it open; the error says which.
            StoreUnavailable: The file cannot be opened now.
            StoreError: It is another program's file, or a newer release's, or damaged.
            StoreStuck: It could not be closed in time; until it is, it stays locked.
        """
        file = SqliteFile(self.path)
        writing = self._writing(file)
        # The reader is entered last and left first: its reads end before the file is given back.
        worker = inline_worker(writing) if self.inline else thread_worker(writing, "steno writer")
        async with worker as writer, self._reader(file) as reader:
            yield SqliteSession(file, writer, reader, Haste() if self.inline_commits else None)

    @contextmanager
    def _writing(self, file: SqliteFile) -> Generator[SqliteWriter, None, None]:
        with file.writing() as opened:
            yield SqliteWriter(opened, self.clock)

    @asynccontextmanager
    async def open_reader(self) -> AsyncGenerator[SqliteReader, None]:
        """
        Open the store for reading, even while a SEC has it open.

        Raises:
            StoreUnavailable: The file cannot be opened now.
            StoreError: There is no such file, or it is another program's, or damaged.
        """
        async with self._reader(SqliteFile(self.path)) as reader:
            await reader.touch()
            yield reader

    async def examine(self) -> Sequence[Finding]:
        """
        Examine the file, and what it stands on.

        Raises:
            StoreUnavailable: The file cannot be opened now.
            StoreError: There is no such file, or it cannot be read at all.
        """
        # A large file takes long to examine; a caller that is cancelled need not wait for that.
        return await trio.to_thread.run_sync(examine_file, self.path, abandon_on_cancel=True)

    @asynccontextmanager
    async def _reader(self, file: SqliteFile) -> AsyncGenerator[SqliteReader, None]:
        pool = ReaderPool(file.reader, file.path, self.inline)
        try:
            yield SqliteReader(file, pool)
        finally:
            await pool.close()  # noqa: ASYNC102 - it shields itself, with a deadline


def store_from_url(text: str) -> SqliteSecStore:
    """
    Return the store of a URL: `sqlite:///trips.db`, `sqlite:////var/lib/trips.db`.

    Raises:
        ValueError: It does not name a file.
    """
    url = urlsplit(text)
    if url.netloc or not url.path[1:] or url.query or url.fragment:
        msg = f"{text!r} does not name a file: use sqlite:///relative.db or sqlite:////absolute.db"
        raise ValueError(msg)
    return SqliteSecStore(unquote(url.path[1:]))


@attrs.define(eq=False)
class SqliteReader:
    """A `SqliteSecStore` that is open for reading; see `SecStoreReader`."""

    _file: SqliteFile
    _pool: ReaderPool[sqlite3.Connection]
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
        """Load several sagas in one thread: changing threads costs more than a load."""

        def load_each(db: sqlite3.Connection) -> dict[SagaId, StoredSaga | Exception | None]:
            return {saga_id: self._load_now(db, saga_id) for saga_id in saga_ids}

        return await self._read(load_each)

    def _load_now(self, db: sqlite3.Connection, saga_id: SagaId) -> StoredSaga | Exception | None:
        try:
            with translating(self._file.path):
                return reads.load(db, saga_id)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            return error

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas."""
        return await self._read(lambda db: list_page(db, query))

    async def attention(self, query: ListQuery) -> Sequence[AttentionGroup]:
        """Count the sagas at which a person should look."""
        return await self._read(lambda db: count_attention(db, query))

    @property
    def bulk(self) -> StoredBulkReader[sqlite3.Connection]:
        """The orders to many sagas."""
        return StoredBulkReader(self._read, list_bulk, list_bulk_sagas)

    async def entries(self, saga_id: SagaId) -> Sequence[LogEntry]:
        """Return the log of a saga, with times and creators."""
        return await self._read(lambda db: reads.entries(db, saga_id))

    async def count(self) -> Mapping[SagaCachedState, int]:
        """Return how many sagas there are in each state."""
        return await self._read(reads.count)

    async def touch(self) -> None:
        """Raise if the file cannot be read at all."""
        await self._read(lambda _: None)

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        def work(db: sqlite3.Connection) -> T:
            with translating(self._file.path):
                return read(db)

        return await self._pool.do(work)


@attrs.frozen(eq=False)
class SqliteSession:
    """An open `SqliteSecStore`; see `SecStoreSession`."""

    _file: SqliteFile
    _writer: Worker[SqliteWriter]
    _reader: SqliteReader
    _haste: Haste | None = None  # only where commits may be made on the event loop

    async def _write(self, write: Callable[[SqliteWriter], T], *, here: bool = False) -> T:
        def work(writer: SqliteWriter) -> T:
            with translating(self._file.path):
                return write(writer)

        return await self._writer.do(work, here=here)

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
        """Write a batch in one transaction; it is on the disk when this returns."""

        def record(writer: SqliteWriter) -> list[WriteOutcome]:
            return writer.record(batch)

        if self._haste is None or len(batch) != 1:  # a large batch says nothing of a small one
            return await self._write(record)
        return await self._write(self._haste.timed(record), here=self._haste.is_allowed)

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
    def bulk(self) -> StoredBulk[SqliteWriter, sqlite3.Connection]:
        """The orders to many sagas."""
        return StoredBulk(self._write, self._reader.bulk)
