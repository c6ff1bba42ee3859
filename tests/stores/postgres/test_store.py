"""What is PostgreSQL's own: several writers at once, connections that are lost, and settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest
import trio
from psycopg.conninfo import make_conninfo

from steno import SagaId, SagaIdInUse, StoreError, StoreUnavailable
from steno.core import SagaCachedState
from steno.store import Durable, ListQuery, Lost, PruneQuery, Rejected
from steno.stores import store_from_url
from steno.stores.postgres import PostgresSecStore
from steno.stores.postgres._link import Db
from steno.testing.conformance._life import Life, living
from steno.testing.conformance._sample import ONE, THREE, TWO, spread
from steno.testing.conformance._subject import Subject
from support.postgres import execute, server

DURABLE = Durable()
_AGE = timedelta(0)


async def waiting(schema: str) -> None:
    """Return once a statement on a schema waits for a lock; its server has no event for that."""
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    with trio.fail_after(5):
        while not await trio.to_thread.run_sync(execute, query, f'%"{schema}"%'):
            pass


@asynccontextmanager
async def life(store: PostgresSecStore, name: str = "sec") -> AsyncIterator[Life]:
    async with living(Subject(store), name) as sec:
        yield sec


# Connections


async def test_a_connection_that_is_lost_is_made_again(store: PostgresSecStore, schema: str):
    """The call says that it is unavailable; the next one finds all that was durable."""
    async with life(store) as sec:
        await sec.done(sec.create(ONE, 1))
        await sec.load(ONE)
        mine = "FROM pg_stat_activity WHERE application_name = %s"
        ended = execute(f"SELECT pg_terminate_backend(pid, 5000) {mine}", schema)
        assert ended == [(True,), (True,)]
        with pytest.raises(StoreUnavailable, match="terminat|closed|lost"):
            await sec.do(sec.record(ONE, 1, 1))
        with pytest.raises(StoreUnavailable):
            await sec.load(ONE)
        await sec.done(sec.record(ONE, 1, 1))
        await sec.expect_log(ONE, 2, "what was durable is there")


async def test_a_server_that_cannot_be_reached():
    """The store says so, without the password."""
    store = PostgresSecStore("postgresql://me:secret@127.0.0.1:1/trips?connect_timeout=1")
    with pytest.raises(StoreUnavailable, match=r"PostgreSQL at 127.0.0.1:1, database trips") as got:
        async with store.open():
            pass
    assert "secret" not in f"{got.value} {store!r}"


async def test_a_server_that_does_not_answer(
    store: PostgresSecStore,
    schema: str,
    connections: list[Db],
    monkeypatch: pytest.MonkeyPatch,
):
    """Its connection is cut in time, so that the thread is free for the next call."""
    async with life(store) as sec:
        await sec.done(sec.create(ONE))
        writing = connections[0].connection
        with psycopg.connect(server()) as db, monkeypatch.context() as patch:
            patch.setattr("steno.stores.postgres._link.LOCK_LIMIT", "60s")
            patch.setattr("steno.stores.postgres._batch.STATEMENT_LIMIT", "60s")
            patch.setattr("steno.stores.postgres._store.BATCH_LIMIT", 0.2)
            db.execute(f"LOCK TABLE {schema}.saga")
            with pytest.raises(StoreUnavailable, match=r"not answered within 0.2 s"):
                await sec.do(sec.record(ONE, 0, 1))
            with trio.fail_after(5):
                while not writing.closed:  # noqa: ASYNC110 - a thread closes it
                    await trio.sleep(0.01)
            db.rollback()
        await sec.done(sec.record(ONE, 0, 1))
        await sec.expect_log(ONE, 1, "what was sent again is there once")


async def test_nothing_is_left_on_a_connection(store: PostgresSecStore, connections: list[Db]):
    """No prepared statement, no setting and no lock outlives a transaction, as a pooler needs."""
    async with life(store) as sec:
        for saga_id in spread(12):  # psycopg would prepare what it executes for the sixth time
            await sec.done(sec.create(saga_id, 1))
        query = (
            "SELECT (SELECT count(*) FROM pg_prepared_statements), current_setting('lock_timeout'),"
            " current_setting('statement_timeout'),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
        )
        assert connections[0].execute(query).fetchall() == [(0, "0", "0", 0)]


# Durability


async def test_a_server_that_may_lose_commits_is_refused(
    store: PostgresSecStore, schema: str, connections: list[Db]
):
    """When the store is opened, and when it is found out later, as with a pooler."""
    off = make_conninfo(server(), options="-csynchronous_commit=off")
    with pytest.raises(StoreError, match="synchronous_commit = off"):
        async with PostgresSecStore(off, schema=schema).open():
            pass
    async with life(store) as sec:
        connections[-1].execute("SELECT set_config('synchronous_commit', 'off', false)")
        with pytest.raises(StoreError, match="synchronous_commit = off"):
            await sec.do(sec.create(ONE))
        assert await sec.session.load(ONE) is None


# Several writers


@pytest.mark.parametrize("number", range(5))
async def test_a_saga_that_two_create_at_once(store: PostgresSecStore, number: int):
    """One has it; the other's creation is rejected, and the rest of its batch is written."""
    found: dict[str, Sequence[object]] = {}

    async def create(sec: Life, other: SagaId) -> None:
        found[sec.fence.sec_name] = await sec.do(sec.create(ONE), sec.create(other))

    async with life(store, "a") as a, life(store, "b") as b:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(create, a, TWO)
            nursery.start_soon(create, b, THREE)
        owner = (await a.load(ONE)).fence.sec_name
        assert found.pop(owner) == [DURABLE, DURABLE]
        ((rejected, written),) = found.values()
        assert isinstance(rejected, Rejected)
        assert isinstance(rejected.error, SagaIdInUse)
        assert written == DURABLE
        assert await a.ids(ListQuery()) == [ONE, TWO, THREE]


async def test_a_batch_waits_for_a_claim_and_is_lost(store: PostgresSecStore, schema: str):
    """What is judged is what is there once the row is locked, not what was there before."""
    async with life(store) as sec:
        await sec.done(sec.create(ONE))
        with psycopg.connect(server()) as db:
            db.execute(
                f"UPDATE {schema}.saga SET current_sec = 'thief',"
                " adopt_generation = adopt_generation + 1"
            )
            async with trio.open_nursery() as nursery:

                async def commit() -> None:
                    await waiting(schema)
                    db.commit()

                nursery.start_soon(commit)
                assert await sec.do(sec.record(ONE, 0, 1)) == [Lost("thief")]
        await sec.expect_log(ONE, 0, "what is lost changes nothing")


async def test_what_others_have_appended_is_seen(store: PostgresSecStore):
    """What a session remembers of a saga counts only as long as the saga keeps its fence."""
    async with life(store, "a") as a, life(store, "b") as b:
        await a.done(a.create(ONE, 1))
        theirs = await b.claim(ONE, "b")
        await b.done(b.record(ONE, 1, 2, fence=theirs))
        mine = await a.claim(ONE, "a")
        await a.done(a.record(ONE, 3, 1, fence=mine))
        await b.expect_log(ONE, 4, "what two have written in turn is all there")


async def test_a_take_over_waits_for_a_batch(store: PostgresSecStore, schema: str):
    """The step of that batch is counted as progress of the life that ends."""
    async with life(store) as sec:
        await sec.done(sec.create(ONE, 1))
        await sec.session.take_over("sec")
        with psycopg.connect(server()) as db:
            db.execute(f"SELECT FROM {schema}.saga FOR UPDATE")
            db.execute(
                f"INSERT INTO {schema}.step (saga_key, seq, time, creator, events)"
                f" SELECT saga_key, 1, 0, 'sec', '[[1,\"started\"]]' FROM {schema}.saga"
            )
            taken = []
            async with trio.open_nursery() as nursery:

                async def take() -> None:
                    taken.append(await sec.session.take_over("sec"))

                nursery.start_soon(take)
                await waiting(schema)
                db.commit()
        (claim,) = taken[0].claims
        assert claim.crashes == 1  # and not 2


async def test_batches_of_the_same_sagas_in_any_order(store: PostgresSecStore):
    """Rows are locked in one order, so no two batches wait for each other."""
    ids = spread(20)
    async with life(store) as sec:
        await sec.done(*map(sec.create, ids))
        async with store.open() as other:
            late = sec.record(ids[0], 99, 1)

            async def write(session: object, order: list) -> None:
                for _ in range(20):
                    await session.record([sec.record(each, 0, 0) for each in order])

            async with trio.open_nursery() as nursery:
                nursery.start_soon(write, sec.session, ids)
                nursery.start_soon(write, other, ids[::-1])
            (outcome,) = await other.record([late])
            assert isinstance(outcome, Rejected)


async def test_a_graph_is_not_pruned_while_a_saga_of_it_is_created(
    store: PostgresSecStore, schema: str
):
    """Pruning waits for the creation, looks again, and leaves the graph."""
    async with life(store) as sec, store.open() as pruner:
        await sec.finished(ONE, SagaCachedState.FAILED)
        with psycopg.connect(server()) as db:
            db.execute(f"SELECT FROM {schema}.dag FOR KEY SHARE")
            db.execute(
                f"INSERT INTO {schema}.saga (saga_key, saga_id, dag_key, adopt_generation,"
                f" sec_generation, created, state, current_sec, name)"
                f" SELECT 99, %s, dag_key, 1, 1, 0, 'ready', 'x', 'trip'"
                f" FROM {schema}.dag",
                (TWO,),
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pruner.prune, PruneQuery(_AGE))
                await waiting(schema)
                db.commit()
        assert execute(f"SELECT count(*) FROM {schema}.dag") == [(1,)]
        await sec.done(sec.create(THREE))


# For people


async def test_the_view_has_a_row_per_event(store: PostgresSecStore, schema: str):
    """In order, with the data of each as JSON."""
    async with life(store) as sec:
        await sec.done(sec.create(ONE, 3), sec.record(ONE, 3, 1))
    rows = execute(f"SELECT seq, node_id, event_type, data FROM {schema}.node_event ORDER BY seq")
    assert rows == [
        (0, 0, "started", None),
        (1, 0, "succeeded", '{"seq":1}'),
        (2, 1, "started", None),
        (3, 1, "succeeded", '{"seq":3}'),
    ]


# Names


def test_a_url_names_a_schema():
    """All else of it is for libpq."""
    store = store_from_url("postgresql://me@host/trips?sslmode=require&schema=a_1")
    assert isinstance(store, PostgresSecStore)
    assert (store.dsn, store.schema) == ("postgresql://me@host/trips?sslmode=require", "a_1")
    plain = store_from_url("postgres://host/trips")
    assert isinstance(plain, PostgresSecStore)
    assert (plain.dsn, plain.schema) == ("postgres://host/trips", "steno")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:///trips?host=/run/postgresql",
        "postgresql://host/trips?options=-c%20work_mem%3D4MB&sslmode=require",
        "postgresql://host/trips",
    ],
)
def test_a_url_is_otherwise_left_as_it_is(dsn: str):
    """A socket in place of a host, and what is escaped, stay as libpq reads them."""
    store = store_from_url(f"{dsn}{'&' if '?' in dsn else '?'}schema=a_1")
    assert isinstance(store, PostgresSecStore)
    assert (store.dsn, store.schema) == (dsn, "a_1")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://host/trips?colour=red", "not a connection string"),
        ("postgresql://host/trips?schema=a&schema=b", "several schemas: a, b"),
        ("postgresql://host/trips?schema=Trips", "lower-case letters"),
        ("postgresql://host/trips?schema=", "lower-case letters"),
    ],
)
def test_a_url_that_names_no_database(url: str, why: str):
    """The error says what is wrong with it."""
    with pytest.raises(ValueError, match=why):
        store_from_url(url)
