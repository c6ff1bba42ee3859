"""Batches on a SQLite file: written by a few statements, they come to what one by one comes to."""

import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

import steno
from steno import InMemorySecStore, SagaCachedState, SagaId, SqliteSecStore
from steno.core import (
    Attention,
    Concern,
    JsonText,
    SagaName,
    SagaNodeEvent,
    SagaNodeId,
    Started,
    Succeeded,
)
from steno.store import (
    Durable,
    Fence,
    ListQuery,
    Lost,
    Rejected,
    SagaCreateParams,
    SagaProblem,
    SagaRecord,
    SagaTrial,
    SagaWrite,
    WriteOutcome,
)
from steno.stores._step import MOST_EVENTS
from steno.stores.sqlite._statement import LONG, SIZES, insert, select_in
from steno.stores.sqlite._store import SqliteSession
from support.worlds import ids

READY, RUNNING, SUCCEEDED = (
    SagaCachedState.READY,
    SagaCachedState.RUNNING,
    SagaCachedState.SUCCEEDED,
)
MOST = max(SIZES)
SAGAS = [SagaId(each) for each in ids(2 * MOST)]
ONE, TWO, THREE, *_ = SAGAS
TABLES = ("sec", "dag", "saga", "saga_params", "step")


def log(saga_id: SagaId, first: int, count: int, output: str = "1") -> tuple[SagaNodeEvent, ...]:
    """Return so many events of a chain, from a number on."""
    return tuple(
        SagaNodeEvent(
            saga_id,
            SagaNodeId(seq // 2),
            Succeeded(JsonText(output)) if seq % 2 else Started(),
        )
        for seq in range(first, first + count)
    )


def create(saga_id: SagaId, fence: Fence, graph: str = "a", params: str = "{}") -> SagaCreateParams:
    text = JsonText(f'{{"graph":"{graph}"}}')
    return SagaCreateParams(saga_id, SagaName("t"), graph, text, JsonText(params), fence)


def step(
    saga_id: SagaId, fence: Fence, first: int, count: int, state: SagaCachedState = RUNNING
) -> SagaRecord:
    return SagaRecord(saga_id, fence, first, log(saga_id, first, count), state)


@attrs.frozen
class Opened:
    """A session on a file, and the fence of the SEC that has opened it."""

    path: Path
    session: SqliteSession
    fence: Fence

    async def record(self, *batch: SagaWrite) -> list[WriteOutcome]:
        return list(await self.session.record(batch))

    async def good(self, *batch: SagaWrite) -> None:
        """Record a batch of which all is done."""
        assert await self.record(*batch) == [Durable()] * len(batch)

    async def log(self, saga_id: SagaId) -> tuple[SagaNodeEvent, ...]:
        return (await self.session.load(saga_id)).events


@asynccontextmanager
async def opening(path: Path) -> AsyncIterator[Opened]:
    now = datetime(2026, 5, 4, tzinfo=UTC)
    async with SqliteSecStore(path, inline=True, clock=lambda: now).open() as session:
        yield Opened(path, session, (await session.take_over("sec")).fence)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    async with opening(tmp_path / "trips.db") as opened:
        yield opened


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is in a file."""
    with closing(sqlite3.connect(path)) as db:
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608 - of these


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


# The same as one by one

HELD, STUCK = Concern(Attention.HELD, "a", "Full"), Concern(Attention.STUCK, "a")
HALTED, QUARANTINED = Concern(Attention.HALTED), Concern(Attention.QUARANTINED, "a")


@attrs.define
class Guess:
    """What a test knows of a saga, so that most of its writes are good ones."""

    events: int = 0
    there: bool = False


def draw_batch(
    chosen: random.Random, guesses: dict[SagaId, Guess], fence: Fence
) -> list[SagaWrite]:
    """Return writes of a few sagas, most of them good, in any order."""
    other = attrs.evolve(fence, generation=fence.generation - 1)
    batch: list[SagaWrite] = []
    for _ in range(chosen.randrange(1, 9)):
        saga_id = chosen.choice(list(guesses))
        guess = guesses[saga_id]
        kind = chosen.random()
        if kind < 0.05:
            notes = (None, None), (None, HELD), ("a problem", HALTED), ("a problem", QUARANTINED)
            batch.append(SagaProblem(saga_id, fence, *chosen.choice(notes)))
        elif kind < 0.08:
            whose = chosen.choice([fence, fence, other])
            batch.append(SagaTrial(saga_id, whose, chosen.random() < 0.5))
        elif kind < 0.1 or not guess.there:
            made = create(saga_id, fence, chosen.choice("abc"))
            batch.append(attrs.evolve(made, concern=chosen.choice([None, None, HELD])))
            guess.there = True
        elif kind < 0.14:
            whose, off = chosen.choice([(other, 0), (fence, 1), (fence, -1)])
            batch.append(step(saga_id, whose, max(0, guess.events + off), chosen.randrange(4)))
        else:
            count, state = chosen.randrange(4), chosen.choice(list(SagaCachedState))
            made = step(saga_id, fence, guess.events, count, state)
            concern = chosen.choice([None, None, None, HELD, attrs.evolve(HELD), STUCK])
            batch.append(attrs.evolve(made, concern=concern))
            guess.events += count
    return batch


def told(outcomes: Sequence[WriteOutcome]) -> list[str]:
    return [repr(outcome) for outcome in outcomes]


@pytest.mark.parametrize("seed", range(40))
async def test_any_batch_comes_to_what_its_writes_come_to_one_by_one(seed: int, tmp_path: Path):
    """The answers are the same, and so is every row; the store in memory says the same."""
    chosen = random.Random(seed)
    guesses = {saga_id: Guess() for saga_id in SAGAS[: chosen.choice([3, 30])]}
    now = datetime(2026, 5, 4, tzinfo=UTC)
    async with (
        opening(tmp_path / "once.db") as once,
        opening(tmp_path / "each.db") as each,
        InMemorySecStore(clock=lambda: now).open() as memory,
    ):
        fence = (await memory.take_over("sec")).fence
        assert fence == once.fence == each.fence
        for _ in range(40):
            batch = draw_batch(chosen, guesses, fence)
            outcomes = told(await once.record(*batch))
            assert outcomes == told(await memory.record(batch))
            assert outcomes == told([(await each.record(write))[0] for write in batch])
            assert rows(once.path) == rows(each.path)
            known = await memory.list(ListQuery())
            assert [saga.concern for saga in await once.session.list(ListQuery())] == [
                saga.concern for saga in known
            ]


# At once


async def test_a_batch_of_many_sagas_is_a_few_statements(opened: Opened):
    """However many there are: for graphs, sagas, params, steps, and the transaction."""
    writer = opened.session._writer.resource  # noqa: SLF001 - its connection is to be watched
    statements: list[str] = []
    writer._db.set_trace_callback(statements.append)  # noqa: SLF001 - as above

    async def count(*batch: SagaWrite) -> int:
        statements.clear()
        await opened.good(*batch)
        return len(statements)

    few, fence = SAGAS[:256], opened.fence
    around = 3  # BEGIN, whether others have written, COMMIT
    # Which ids are there, the last key, whether the graph is there, and that it is.
    assert await count(*(create(each, fence) for each in few)) == around + 4 + 2
    assert await count(*(step(each, fence, 0, 1) for each in few)) == around + 256 + 1
    assert await count(*(step(each, fence, 1, 2) for each in few)) == around + 1
    assert await count(step(ONE, fence, 3, 2)) == around + 1
    more = SAGAS[256:512]
    both = [w for each in more for w in (create(each, fence), step(each, fence, 0, 1, READY))]
    assert await count(*both) == around + 1 + 3
    writer._forget()  # noqa: SLF001 - as after an open
    assert await count(*(step(each, fence, 1, 2, READY) for each in more)) == around + 1 + 256 + 1


@pytest.mark.parametrize("count", [1, 2, 3, MOST - 1, MOST, MOST + 1, 2 * MOST])
async def test_a_batch_may_have_any_number_of_sagas(opened: Opened, count: int):
    """Each is written once, and nothing besides."""
    few, fence = SAGAS[:count], opened.fence
    await opened.good(*(create(each, fence, str(n % 3)) for n, each in enumerate(few)))
    await opened.good(*(step(each, fence, 0, 1 + n % 3) for n, each in enumerate(few)))
    await opened.good(*(step(each, fence, 1 + n % 3, 2, SUCCEEDED) for n, each in enumerate(few)))
    for number, each in enumerate(few):
        stored = await opened.session.load(each)
        assert stored.events == log(each, 0, 3 + number % 3)
        assert stored.summary.state == SUCCEEDED
        assert stored.dag_digest == str(number % 3)
        assert stored.summary.times.ended is not None
    there = rows(opened.path)
    assert len(there["saga"]) == len(there["saga_params"]) == count
    assert len(there["step"]) == 2 * count


@pytest.mark.parametrize("count", [1, 2, MOST_EVENTS, MOST_EVENTS + 1, 6_000])
async def test_a_saga_may_append_any_number_of_events(opened: Opened, count: int):
    """They are there in their order."""
    await opened.good(create(ONE, opened.fence))
    await opened.good(step(ONE, opened.fence, 0, count))
    await opened.good(create(TWO, opened.fence), step(TWO, opened.fence, 0, count, SUCCEEDED))
    assert await opened.log(ONE) == log(ONE, 0, count)
    assert await opened.log(TWO) == log(TWO, 0, count)


async def test_a_batch_of_many_rows_is_written_whole(opened: Opened):
    """Of many sagas, with many events each."""
    few, fence = SAGAS[:300], opened.fence
    await opened.good(*(create(each, fence) for each in few))
    await opened.good(*(step(each, fence, 0, 20) for each in few))
    assert len(rows(opened.path)["step"]) == 300


@pytest.mark.parametrize("length", [0, 1, LONG - 1, LONG, LONG + 1, 1_000_000])
async def test_a_value_may_have_any_length(opened: Opened, length: int):
    """Outputs and params are kept to the letter; no statement that is kept holds long ones."""
    text = "x" * length
    record = SagaRecord(ONE, opened.fence, 0, log(ONE, 0, 5, text), RUNNING)
    await opened.good(create(ONE, opened.fence, params=text))
    await opened.good(record)
    stored = await opened.session.load(ONE)
    assert stored.events == log(ONE, 0, 5, text)
    assert stored.params == text


async def test_a_saga_is_created_and_recorded_by_one_batch(opened: Opened):
    """As by two: with its state, its end, and its creator."""
    first, *few = SAGAS[:3]
    fence = opened.fence
    await opened.good(
        create(ONE, fence),
        step(ONE, fence, 0, 3),
        create(TWO, fence),
        create(THREE, fence),
        step(THREE, fence, 0, 1),
        step(THREE, fence, 1, 1, SUCCEEDED),
    )
    assert [(await opened.session.load(each)).summary.state.value for each in (first, *few)] == [
        "running",
        "ready",
        "succeeded",
    ]
    assert await opened.log(ONE) == log(ONE, 0, 3)
    assert await opened.log(THREE) == log(THREE, 0, 2)
    assert {row[3] for row in rows(opened.path)["step"]} == {"sec"}
    await opened.good(step(ONE, fence, 3, 1), step(TWO, fence, 0, 1))


async def test_two_fences_may_be_in_one_batch(opened: Opened):
    """Each event has the name of the SEC that wrote it."""
    other = (await opened.session.take_over("other")).fence
    few = SAGAS[:20]
    whose = {each: other if number % 2 else opened.fence for number, each in enumerate(few)}
    await opened.good(*(create(each, fence) for each, fence in whose.items()))
    await opened.good(*(step(each, fence, 0, 2) for each, fence in whose.items()))
    async with SqliteSecStore(opened.path).open_reader() as reader:
        for each, fence in whose.items():
            assert {entry.creator for entry in await reader.entries(each)} == {fence.sec_name}


# Not at once


async def test_one_that_is_lost_among_many_is_the_only_one(opened: Opened):
    """All the others are done, and what is lost leaves nothing."""
    few, fence = SAGAS[:50], opened.fence
    await opened.good(*(create(each, fence) for each in few))
    claimed = (await opened.session.claim(few[7], "other")).fence
    batch = [step(each, fence, 0, 2) for each in few]
    outcomes = await opened.record(*batch)
    assert [type(outcome) for outcome in outcomes].count(Durable) == 49
    assert outcomes[7] == Lost("other")
    batch[7] = step(few[7], claimed, 0, 2)
    await opened.good(*batch)
    for each in few:
        assert await opened.log(each) == log(each, 0, 2)


async def test_an_id_that_is_in_use_among_many_is_the_only_one_rejected(opened: Opened):
    """All the others are created, also with their first steps."""
    few, fence = SAGAS[:50], opened.fence
    await opened.good(create(few[7], fence, "another"))
    both = [w for each in few for w in (create(each, fence), step(each, fence, 0, 1))]
    outcomes = await opened.record(*both)
    assert [number for number, each in enumerate(outcomes) if each != Durable()] == [14]
    assert isinstance(outcomes[14], Rejected)
    await opened.good(*(step(each, fence, 1, 1) for each in few))


async def test_a_batch_that_was_not_done_leaves_nothing_in_the_way(opened: Opened):
    """What was thought to be known by it is forgotten: keys, graphs, and states."""
    fence = opened.fence
    await opened.good(create(ONE, fence))
    db = opened.session._writer.resource._db  # noqa: SLF001 - to let its disk be full
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    big = [create(each, fence, "new", "x" * 3_000) for each in SAGAS[1:100]]
    with pytest.raises(steno.StoreUnavailable, match="full"):
        await opened.record(step(ONE, fence, 0, 1), *big)
    db.execute("PRAGMA max_page_count = 1000000000")
    assert len(rows(opened.path)["saga"]) == 1
    await opened.good(create(THREE, fence, "other"))
    await opened.good(step(ONE, fence, 0, 1), *big[:1], *big[2:])
    assert len(rows(opened.path)["saga"]) == 100


async def test_a_key_that_somebody_has_taken_is_left_alone(opened: Opened):
    """By hand, say, while the file was open."""
    await opened.good(create(ONE, opened.fence))
    execute(
        opened.path,
        "INSERT INTO saga SELECT 2, zeroblob(16), dag_key, state, current_sec, adopt_generation,"
        " created, ended, problem, 'odd', crashes, taken_seq, tried, NULL, NULL, NULL FROM saga",
    )
    await opened.good(create(TWO, opened.fence), create(THREE, opened.fence))
    assert [row[0] for row in rows(opened.path)["saga"]] == [1, 2, 3, 4]
    assert rows(opened.path)["saga"][1][9] == "odd"


async def test_a_saga_whose_state_is_none_is_still_written(opened: Opened):
    """The row that was damaged hurts nobody else, and can be mended by what is written."""
    await opened.good(create(ONE, opened.fence), create(TWO, opened.fence))
    execute(
        opened.path,
        "PRAGMA ignore_check_constraints = ON",
        "UPDATE saga SET state = 'of , none' WHERE saga_key = 1",
    )
    await opened.good(step(ONE, opened.fence, 0, 1), step(TWO, opened.fence, 0, 1))
    assert await opened.log(ONE) == log(ONE, 0, 1)


@pytest.mark.parametrize("damage", ["'sleepy'", "x'ff'", "7"])
async def test_a_damaged_concern_is_mended_by_what_is_written(opened: Opened, damage: str):
    """By the next concern, or by a problem that is noted or cleared; it hurts nobody else."""
    await opened.good(*[create(each, opened.fence) for each in (ONE, TWO, THREE)])
    execute(opened.path, f"UPDATE saga SET attention = {damage}, error_type = x'ff'")  # noqa: S608 - as above
    await opened.good(
        attrs.evolve(step(ONE, opened.fence, 0, 1), concern=HELD),
        SagaProblem(TWO, opened.fence, None),
        step(THREE, opened.fence, 0, 1),
    )
    found = rows(opened.path)["saga"]
    assert [row[-3:] for row in found[:2]] == [("held", "a", "Full"), (None, None, None)]
    assert found[2][-1] == b"\xff"


async def test_the_steps_of_most_sagas_do_not_write_their_rows(opened: Opened):
    """Nor where a concern stays as it was: only one that changes is written."""
    writer = opened.session._writer.resource  # noqa: SLF001 - its connection is to be watched
    await opened.good(create(ONE, opened.fence), step(ONE, opened.fence, 0, 1))
    statements: list[str] = []
    writer._db.set_trace_callback(statements.append)  # noqa: SLF001 - as above
    for seq, concern, count in (
        (1, None, 0),
        (2, HELD, 1),
        (3, attrs.evolve(HELD), 0),
        (4, None, 1),
    ):
        statements.clear()
        await opened.good(attrs.evolve(step(ONE, opened.fence, seq, 1), concern=concern))
        assert len([each for each in statements if "UPDATE saga" in each]) == count


async def test_a_graph_that_is_gone_is_stored_again(opened: Opened):
    """What is remembered of it is not believed."""
    await opened.good(create(ONE, opened.fence, "a"))
    execute(opened.path, "DELETE FROM saga_params", "DELETE FROM saga", "DELETE FROM dag")
    await opened.good(create(TWO, opened.fence, "a"))
    assert (await opened.session.load(TWO)).dag_text == '{"graph":"a"}'


@pytest.mark.parametrize("key", [0, -1])
async def test_a_saga_of_an_odd_key_is_a_saga(opened: Opened, key: int):
    """None that is made here has one, but a file may have been filled by other means."""
    await opened.good(create(ONE, opened.fence))
    execute(opened.path, f"UPDATE saga SET saga_key = {key}")  # noqa: S608 - a number
    execute(opened.path, f"UPDATE saga_params SET saga_key = {key}")  # noqa: S608 - as above
    await opened.good(step(ONE, opened.fence, 0, 2), create(TWO, opened.fence))
    await opened.good(step(ONE, opened.fence, 2, 1), step(TWO, opened.fence, 0, 1))
    assert await opened.log(ONE) == log(ONE, 0, 3)
    assert await opened.log(TWO) == log(TWO, 0, 1)


async def test_very_many_graphs_are_not_all_remembered(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
):
    """Sagas may each have a graph of their own."""
    monkeypatch.setattr("steno.stores.sqlite._writer._MOST_GRAPHS", 3)
    writer = opened.session._writer.resource  # noqa: SLF001 - to look what it remembers
    for number, each in enumerate(SAGAS[:20]):
        await opened.good(create(each, opened.fence, str(number)))
        assert len(writer._graphs) <= 3  # noqa: SLF001 - as above
    assert len(rows(opened.path)["dag"]) == 20


async def test_sagas_that_are_finished_are_not_remembered(opened: Opened):
    """They will have no more steps; those that go on are."""
    writer = opened.session._writer.resource  # noqa: SLF001 - to look what it remembers
    await opened.good(create(ONE, opened.fence), create(TWO, opened.fence))
    await opened.good(step(ONE, opened.fence, 0, 1, SUCCEEDED), step(TWO, opened.fence, 0, 1))
    assert list(writer._rows) == [TWO.int]  # noqa: SLF001 - as above
    assert isinstance((await opened.record(create(ONE, opened.fence)))[0], Rejected)
    assert list(writer._rows) == [TWO.int]  # noqa: SLF001 - as above


async def test_what_somebody_else_has_written_is_seen(opened: Opened):
    """A fence that an operator has changed with a shell is looked at again."""
    await opened.good(create(ONE, opened.fence))
    await opened.good(step(ONE, opened.fence, 0, 1))
    execute(opened.path, "UPDATE saga SET current_sec = 'other'")
    assert await opened.record(step(ONE, opened.fence, 1, 1)) == [Lost("other")]
    execute(opened.path, "UPDATE saga SET current_sec = 'sec'", "DELETE FROM step")
    assert isinstance((await opened.record(step(ONE, opened.fence, 1, 1)))[0], Rejected)
    await opened.good(step(ONE, opened.fence, 0, 1))


async def test_a_saga_whose_last_step_is_damaged_is_not_written_to(opened: Opened):
    """Its problem is, and all others are."""
    await opened.good(create(ONE, opened.fence), create(TWO, opened.fence))
    await opened.good(step(ONE, opened.fence, 0, 1), step(TWO, opened.fence, 0, 1))
    execute(opened.path, "UPDATE step SET events = '[' WHERE saga_key = 1")
    damaged, noted, other = await opened.record(
        step(ONE, opened.fence, 1, 1),
        SagaProblem(ONE, opened.fence, "a problem"),
        step(TWO, opened.fence, 1, 1),
    )
    assert isinstance(damaged, Rejected)
    assert "the step of event 0 is damaged" in str(damaged.error)
    assert noted == other == Durable()


@pytest.mark.parametrize(
    "text", ["\0", "a\0b", '"\x1f\x1e\\"', "\ud7ff\ue000", "\U0010ffff", "\x7f\n", "[1e16]"]
)
async def test_a_value_may_be_any_text(opened: Opened, text: str):
    """Also one that is not JSON is kept to the letter."""
    record = SagaRecord(ONE, opened.fence, 0, log(ONE, 0, 2, text), RUNNING)
    await opened.good(create(ONE, opened.fence, params=text), record)
    stored = await opened.session.load(ONE)
    assert (stored.params, stored.events) == (text, log(ONE, 0, 2, text))


def test_rows_are_inserted_by_the_largest_statements_that_fit():
    """Each row once, whatever their number; rows with a long text by themselves."""
    seen: list[int] = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("CREATE TABLE t (a, b)")
        db.set_trace_callback(lambda text: seen.append(text.count("(") - 1))
        for count in (0, 1, 3, 4, 5, 21, MOST, MOST + 3):
            db.execute("DELETE FROM t")
            seen.clear()
            insert(db, "t (a, b)", [(number, "x") for number in range(count)])
            assert seen == sorted(seen, reverse=True)
            assert sum(seen) == count
            assert len(seen) <= 7
            assert db.execute("SELECT a FROM t").fetchall() == [(n,) for n in range(count)]
            assert len(select_in(db, "SELECT a FROM t WHERE a IN", range(count + 1))) == count
        seen.clear()
        insert(db, "t (a, b)", [(1, "x"), (2, "x" * (LONG + 1)), (3, "x"), (4, ""), (5, "")])
        assert seen == [1, 4]
