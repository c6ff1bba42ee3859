"""Schemas: made once, however many processes begin at once; newer ones are refused."""

import threading
from contextlib import closing

import pytest

from steno import StoreError
from steno.store import ListQuery
from steno.stores.postgres import PostgresSecStore, _migrate
from steno.stores.postgres._link import Link, Server
from steno.stores.postgres._migrate import check_current, migrate, scripts
from support.postgres import execute, server


def test_ten_begin_at_once(schema: str):
    """One makes the schema, and all of them find it made."""
    ready, found = threading.Barrier(10), list[object]()

    def begin() -> None:
        with closing(Link(Server(server(), schema), migrate)) as link:
            ready.wait()
            try:
                link.do(check_current)
            except StoreError as error:
                found.append(error)
            else:
                found.append("current")

    threads = [threading.Thread(target=begin) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["current"] * 10


def test_a_step_that_fails_leaves_nothing(schema: str, monkeypatch: pytest.MonkeyPatch):
    """The steps are one transaction, so the next process begins from the same version."""
    monkeypatch.setattr(_migrate, "scripts", lambda: (*scripts(), "SELECT 1 / 0"))
    with closing(Link(Server(server(), schema), migrate)) as link:
        with pytest.raises(StoreError, match="division by zero"):
            link.do(lambda _: None)
        monkeypatch.undo()
        link.do(check_current)


async def test_a_newer_release_changes_the_schema_of_an_open_store(
    store: PostgresSecStore, schema: str
):
    """An old process does not write to what it does not know; the error says what is needed."""
    async with store.open() as session:
        assert await session.record([]) == []
        execute(f"UPDATE {schema}.schema_version SET version = 999")
        with pytest.raises(StoreError, match="newer trio-steno, which is needed to use it"):
            await session.record([])


async def test_a_reader_makes_nothing(store: PostgresSecStore, schema: str):
    """It says that the schema is empty, and leaves it so."""
    with pytest.raises(StoreError, match=f"schema {schema} is empty: it gets that when a SEC"):
        async with store.open_reader():
            pass
    assert execute("SELECT to_regnamespace(%s)", schema) == [(None,)]
    async with store.open(), store.open_reader() as reader:
        assert await reader.list(ListQuery()) == []


async def test_another_program_has_the_schema(store: PostgresSecStore, schema: str):
    """Its tables are left as they are."""
    execute(f"CREATE SCHEMA {schema}")
    execute(f"CREATE TABLE {schema}.saga (title text)")
    with pytest.raises(StoreError, match="another program: give the store a schema of its own"):
        async with store.open():
            pass
    assert execute(f"SELECT title FROM {schema}.saga") == []
