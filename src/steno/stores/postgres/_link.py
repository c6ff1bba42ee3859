"""
Links: connections that are made when they are needed, and made again when they were lost.

Rule 1. Nothing outlives a transaction: limits are set for it alone, statements are not prepared,
and no advisory lock is taken. So a pooler that gives each transaction another connection, as
PgBouncer does in transaction mode, may stand in between.

Rule 2. Nothing is waited for without a limit. The server ends a statement that takes too long, and
a transaction whose process was stopped in the middle of it, which would keep its locks. If nothing
comes from the server at all, `cut` ends the connection from another thread.

Rule 3. After an error nothing is known of a connection, so it is closed, and the next transaction
has a new one.
"""

from __future__ import annotations

import functools
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias, TypeVar

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from steno.errors import StoreError
from steno.stores.postgres._error import translating

OLDEST = 14
"""The oldest major version of PostgreSQL that has all that is asked of it."""

LOCK_LIMIT = "3s"
"""How long a lock is waited for."""

IDLE_LIMIT = "5s"
"""How long a transaction may wait for the next statement."""

STATEMENT_LIMIT = "8s"
"""How long a statement of a batch may take."""

LONG_LIMIT = "60s"
"""How long any other statement may take, such as taking over 100 000 sagas."""

DEFAULTS: Mapping[str, str | int] = {
    "application_name": "steno",
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""What a connection is given unless its DSN says otherwise."""

_SETTINGS = """
    SELECT current_setting('server_version_num')::integer / 10000,
        current_setting('server_encoding'), current_setting('synchronous_commit')
"""
_LIMITS = """
    SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true),
        set_config('idle_in_transaction_session_timeout', %s, true)
"""

Params: TypeAlias = Sequence[object]
T = TypeVar("T")


@functools.cache
def _qualified(query: str, schema: str) -> bytes:
    """Return a query for tables of the given schema, which it calls `steno`."""
    return re.sub(r"\bsteno\.", f'"{schema}".', query).encode()


@attrs.frozen(eq=False)
class Db:
    """
    A connection, in autocommit mode.

    Attributes:
        connection: The driver's.
        schema: Where the tables are.
    """

    connection: psycopg.Connection[TupleRow]
    schema: str

    def execute(self, query: str, params: Params = ()) -> psycopg.Cursor[TupleRow]:
        """Execute a statement of this package, whose tables are in the schema `steno`."""
        # Without params, so that a `%` in a migration means itself.
        return self.connection.execute(_qualified(query, self.schema), params or None)

    def qualified(self, query: str) -> bytes:
        """Return a statement of this package, with the schema of the tables."""
        return _qualified(query, self.schema)

    def begin(self, limit: str = LONG_LIMIT) -> None:
        """Begin a transaction that writes, whatever defaults the server or the role have."""
        self.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        self.execute(_LIMITS, (LOCK_LIMIT, limit, IDLE_LIMIT))

    def begin_reading(self) -> None:
        """Begin a transaction that sees one state of the database."""
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def commit(self) -> None:
        """End a transaction."""
        self.execute("COMMIT")


@attrs.frozen
class Server:
    """
    Where connections lead.

    Attributes:
        dsn: The connection string.
        schema: The schema of the tables.
    """

    dsn: str = attrs.field(repr=False)  # it may hold a password
    schema: str

    @property
    def name(self) -> str:
        """What errors and findings call it; without the password."""
        given = conninfo_to_dict(self.dsn)
        place = given.get("host") or given.get("hostaddr") or "the local server"
        port = f":{given['port']}" if given.get("port") else ""
        return f"PostgreSQL at {place}{port}, database {given.get('dbname') or 'of the user'}"

    def connect(self) -> Db:
        """
        Return a new connection that is fit for the purpose.

        Raises:
            psycopg.Error: It cannot be made.
            StoreError: The server is too old, or its settings lose what was acknowledged.
        """
        missing = {key: each for key, each in DEFAULTS.items() if key not in self._given()}
        dsn = make_conninfo(self.dsn, **missing)
        connection = psycopg.connect(dsn, autocommit=True, prepare_threshold=None)
        try:
            row = connection.execute(_SETTINGS).fetchone()
            if row is not None:
                self._check(*row)
        except BaseException:
            connection.close()
            raise
        return Db(connection, self.schema)

    def _given(self) -> Mapping[str, object]:
        return conninfo_to_dict(self.dsn)

    def _check(self, version: int, encoding: str, synchronous_commit: str) -> None:
        if version < OLDEST:
            msg = f"{self.name} is version {version}; it takes {OLDEST} or later"
            raise StoreError(msg)
        if encoding != "UTF8":
            msg = f"{self.name} has the encoding {encoding}; create the database with UTF8"
            raise StoreError(msg)
        self.check_durable(synchronous_commit)

    def check_durable(self, synchronous_commit: str) -> None:
        """Raise StoreError if a crash of the server may lose what it has acknowledged."""
        if synchronous_commit == "off":
            msg = (
                f"{self.name} has synchronous_commit = off: a crash would lose steps whose actions "
                "were called; set it to on for this role, as in ALTER ROLE … SET "
                "synchronous_commit = on"
            )
            raise StoreError(msg)


@attrs.define(eq=False)
class Link:
    """
    One connection at a time to a server.

    It is used by one thread at a time; only `cut` may be called from another.

    Args:
        server: Where it leads.
        check: Called with each new connection.
    """

    server: Server
    _check: Callable[[Db], object]
    _db: Db | None = attrs.field(init=False, default=None)

    def do(self, work: Callable[[Db], T]) -> T:
        """
        Call a function with the connection, and return what it returns.

        Raises:
            StoreUnavailable: The server cannot do it now. The connection is gone; the next call has
                another one.
            StoreError: It cannot be done.
        """
        with translating(self.server.name):
            db = self._connected()
            try:
                return work(db)
            except BaseException:
                self.close()
                raise

    def _connected(self) -> Db:
        if (db := self._db) is None or db.connection.closed:
            db = self._db = self.server.connect()
            try:
                self._check(db)
            except BaseException:
                self.close()
                raise
        return db

    def cut(self) -> None:
        """End the connection, so that the thread that waits for the server gets an error."""
        db = self._db
        if db is None:
            return
        # Not `close`, which would not wake the thread, nor be allowed while it uses the connection.
        with suppress(OSError, psycopg.Error):
            own = socket.socket(fileno=os.dup(db.connection.fileno()))
            with own:
                own.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next call makes another."""
        db, self._db = self._db, None
        if db is not None:
            db.connection.close()
