"""What tests of this store share: a schema for each test, and a saga to write."""

from collections.abc import Iterator

import pytest
from psycopg.conninfo import make_conninfo

from steno.stores.postgres import PostgresSecStore
from steno.stores.postgres._link import Db, Server
from support.postgres import new_schema, server


@pytest.fixture
def schema() -> Iterator[str]:
    """The name of a schema that is not there yet."""
    with new_schema() as name:
        yield name


@pytest.fixture
def store(schema: str) -> PostgresSecStore:
    """A store in it; its connections have its name."""
    return PostgresSecStore(make_conninfo(server(), application_name=schema), schema=schema)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Db]:
    """The connections that a store makes."""
    made: list[Db] = []
    connect = Server.connect

    def keeping(self: Server) -> Db:
        made.append(connect(self))
        return made[-1]

    monkeypatch.setattr(Server, "connect", keeping)
    return made
