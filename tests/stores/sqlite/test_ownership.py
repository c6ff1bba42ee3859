"""Taking over: SQL counts crashes as the rule does, whatever has become of the file."""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from steno import InMemorySecStore, SagaCachedState, SagaId, SqliteSecStore
from steno.core import JsonText, SagaName, SagaNodeEvent, SagaNodeId, Started, Succeeded
from steno.store import (
    Durable,
    Fence,
    SagaClaim,
    SagaCreateParams,
    SagaRecord,
    SagaTrial,
    SagaWrite,
    SecStoreSession,
    crashes_at_take_over,
)
from support.worlds import ids

SAGAS = [SagaId(each) for each in ids(40)]
RUNNING = SagaCachedState.RUNNING


def events(saga_id: SagaId, first: int, count: int) -> tuple[SagaNodeEvent, ...]:
    """Return events of a chain; in each transaction some have another time than the others."""
    return tuple(
        SagaNodeEvent(
            saga_id,
            SagaNodeId(seq // 2),
            Succeeded(JsonText("1")) if seq % 2 else Started(),
            seq // 3,
        )
        for seq in range(first, first + count)
    )


def create(saga_id: SagaId, fence: Fence, count: int = 0) -> SagaCreateParams:
    name, graph, params = SagaName("t"), JsonText("{}"), JsonText("1")
    log = events(saga_id, 0, count)
    return SagaCreateParams(saga_id, name, "digest", graph, params, fence, log, RUNNING)


@attrs.define
class Known:
    """What a test knows of a saga."""

    size: int
    crashes: int = 0
    progressed: bool = True
    tried: bool = False


def life(
    chosen: random.Random, known: dict[SagaId, Known], fences: dict[SagaId, Fence], sec: Fence
) -> list[SagaWrite]:
    """Return what one life of a SEC writes, and note what it means."""
    batch: list[SagaWrite] = []
    for saga_id in SAGAS:
        what, there = chosen.random(), known.get(saga_id)
        if there is None:
            if what < 0.2:
                known[saga_id] = Known(size=chosen.randrange(3))
                batch.append(create(saga_id, sec, known[saga_id].size))
            continue
        fence = fences[saga_id]
        if what < 0.15:
            count = chosen.randrange(4)
            log = events(saga_id, there.size, count)
            batch.append(SagaRecord(saga_id, fence, there.size, log, RUNNING))
            there.size += count
            there.progressed = there.progressed or count > 0
        elif what < 0.7:
            batch.append(SagaTrial(saga_id, fence, passed=False))
            there.tried = True
        elif what < 0.75:
            batch.append(SagaTrial(saga_id, fence, passed=True))
            there.crashes = 0
    return batch


async def both(sessions: Sequence[SecStoreSession]) -> tuple[Fence, dict[SagaId, SagaClaim]]:
    """Begin a life on two stores, which must say the same."""
    one, other = [await session.take_over("sec") for session in sessions]
    assert one.fence == other.fence
    claims = {claim.saga_id: claim for claim in one.claims}
    assert claims == {claim.saga_id: claim for claim in other.claims}
    return one.fence, claims


@pytest.mark.parametrize("seed", range(20))
async def test_sql_counts_as_the_rule_does(seed: int, tmp_path: Path):
    """Through many lives, most of which crash; and so does the store in memory."""
    chosen, known, left, most = random.Random(seed), dict[SagaId, Known](), True, 0
    file, memory = SqliteSecStore(tmp_path / "sagas.db", inline=True), InMemorySecStore()
    for _ in range(25):
        async with file.open() as one, memory.open() as other:
            sec, claims = await both((one, other))
            for saga_id, claim in claims.items():
                saga = known[saga_id]
                saga.crashes = crashes_at_take_over(
                    saga.crashes, left=left, progressed=saga.progressed, tried=saga.tried
                )
                assert claim.crashes == saga.crashes
                most = max(most, claim.crashes)
                saga.progressed = saga.tried = False
            fences = {saga_id: claim.fence for saga_id, claim in claims.items()}
            batch = life(chosen, known, fences, sec)
            for session in (one, other):
                assert set(await session.record(batch)) <= {Durable()}
            if left := chosen.random() < 0.1:
                for session in (one, other):
                    await session.leave(sec)
    assert most > 3


async def begun(path: Path, count: int, text: str = "1") -> None:
    """Make a file with so many sagas, of one step each, in a life that crashes."""
    async with SqliteSecStore(path, inline=True).open() as session:
        fence = (await session.take_over("sec")).fence
        for saga_id in SAGAS[:count]:
            event = SagaNodeEvent(saga_id, SagaNodeId(0), Started())
            end = SagaNodeEvent(saga_id, SagaNodeId(0), Succeeded(JsonText(text)))
            log = (event, end)
            write = attrs.evolve(create(saga_id, fence), events=log)
            assert await session.record([write]) == [Durable()]


async def test_an_event_is_new_once(tmp_path: Path):
    """A step is new in the life in which it was written, whatever its number."""
    path = tmp_path / "sagas.db"
    await begun(path, 1)
    counts: list[int] = []
    for number in range(4):
        async with SqliteSecStore(path, inline=True).open() as session:
            (claim,) = (await session.take_over("sec")).claims
            counts.append(claim.crashes)
            if number == 1:
                log = events(SAGAS[0], 2, 1)
                record = SagaRecord(SAGAS[0], claim.fence, 2, log, RUNNING)
                assert await session.record([record]) == [Durable()]
    assert counts == [1, 2, 1, 2]


async def test_where_steps_cannot_be_read_no_crash_is_counted(tmp_path: Path):
    """All sagas are taken over all the same, and their counts begin again."""
    path = tmp_path / "sagas.db"
    await begun(path, 20, "x" * 3_000)
    async with SqliteSecStore(path, inline=True).open() as session:
        assert {claim.crashes for claim in (await session.take_over("sec")).claims} == {1}
    with closing(sqlite3.connect(path)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'step'"
        (page,) = db.execute(query).fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xa5" * size
    path.write_bytes(content)
    async with SqliteSecStore(path, inline=True).open() as session:
        taken = await session.take_over("sec")
        assert taken.fence.generation == 3
        assert {claim.saga_id for claim in taken.claims} == set(SAGAS[:20])
        assert {(claim.fence.generation, claim.crashes) for claim in taken.claims} == {(3, 0)}


async def test_a_count_that_is_damaged_begins_again(tmp_path: Path):
    """Whatever is there instead of it, or of what it is made of."""
    path = tmp_path / "sagas.db"
    await begun(path, 1)
    async with SqliteSecStore(path, inline=True).open() as session:
        await session.take_over("sec")
    for column in ("crashes", "tried", "taken_seq"):
        for value in ("'x'", "x'ff'", "0.5", str(2**63 - 1), "-7"):
            with closing(sqlite3.connect(path, isolation_level=None)) as db:
                db.execute(f"UPDATE saga SET crashes = 1, {column} = {value}")  # noqa: S608 - of these
            async with SqliteSecStore(path, inline=True).open() as session:
                (claim,) = (await session.take_over("sec")).claims
            assert type(claim.crashes) is int
            assert 0 <= claim.crashes <= 2
