"""Lists of a SQLite file: however they are found, they are what the rules say."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno import SagaCachedState, SagaId, SqliteSecStore
from steno.core import Attention, Concern
from steno.store import ListQuery, PruneQuery, SagaSummary, SecStoreReader, attention_groups
from steno.stores.sqlite import _list
from support.filled import SEC, Clock, saga_id, tags_of, writes

COUNT = 60
STATES = tuple(SagaCachedState)


CONCERNS = (
    *(None, Concern(Attention.HELD, "a", "Full"), Concern(Attention.HELD, "a")),
    *(Concern(Attention.STUCK, "b", "Full"), Concern(Attention.HALTED), None),
)


async def fill(path: Path) -> list[SagaSummary]:
    """Make a file with sagas in all states, and return all of them in the order of creation."""
    async with SqliteSecStore(path, inline=True, clock=Clock()).open() as session:
        fence = (await session.take_over(SEC)).fence
        for number in range(COUNT):
            create, begin, _ = writes(number, fence)
            state, concern = STATES[number % 9 % len(STATES)], CONCERNS[number % len(CONCERNS)]
            tags = {**tags_of(number), "state": state.value}
            await session.record([attrs.evolve(create, tags=tags, concern=concern)])
            if number % 9:
                await session.record([attrs.evolve(begin, state=state, concern=concern)])
        await session.claim(saga_id(10), "other")
        found = await session.list(ListQuery(limit=COUNT, newest_first=True))
    return list(found)[::-1]


async def listed(reader: SecStoreReader, query: ListQuery) -> list[SagaSummary]:
    found: list[SagaSummary] = []
    while page := await reader.list(query):
        found += page
        query = query.following(page[-1])
    return found


def owner_of(saga: SagaSummary) -> str:
    return "other" if saga.saga_id == saga_id(10) else SEC


TIMES = st.none() | st.integers(-1, 3 * COUNT).map(lambda n: Clock().now + timedelta(seconds=n))
QUERIES = st.builds(
    ListQuery,
    limit=st.integers(1, 20),
    states=st.none() | st.sets(st.sampled_from(STATES)),
    name=st.sampled_from([None, None, "common", "rare"]),
    tags=st.dictionaries(
        st.sampled_from(["year", "order", "tenant", "state"]),
        st.sampled_from(["2026", "7", "common", "rare", "ready", "running", "stuck"]),
        max_size=2,
    ),
    sec_name=st.sampled_from([None, None, SEC, "other"]),
    created_since=TIMES,
    created_until=TIMES,
    progressed_since=TIMES,
    progressed_until=TIMES,
    ended_since=st.none() | TIMES,
    ended_until=st.none() | TIMES,
    attention=st.none() | st.none() | st.sets(st.sampled_from(Attention)),
    attention_node=st.sampled_from([None, None, None, "a", "b", "c"]),
    error_type=st.sampled_from([None, None, None, "Full"]),
    newest_first=st.booleans(),
)


@pytest.mark.parametrize("few", [0, 5, 1000])
async def test_any_query_finds_what_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
):
    """By whichever index, with any filters, in both orders, page by page."""
    monkeypatch.setattr(_list, "FEW", few)
    path = tmp_path / "sagas.db"
    everything = await fill(path)
    assert len(everything) == COUNT
    queries: list[ListQuery] = []

    @settings(max_examples=400, database=None, derandomize=True)
    @given(QUERIES)
    def collect(query: ListQuery) -> None:
        queries.append(query)

    collect()
    sizes: list[int] = []
    async with SqliteSecStore(path, inline=True).open_reader() as reader:
        for query in queries:
            matching = [each for each in everything if query.matches(each, owner_of(each))]
            wanted = attrs.evolve(query, limit=COUNT).page(matching)
            assert await listed(reader, query) == wanted, query
            groups = Counter((saga.saga_name, saga.concern) for saga in matching if saga.concern)
            assert list(await reader.attention(query)) == list(attention_groups(groups)), query
            sizes.append(len(wanted))
    assert sum(size > 0 for size in sizes) > len(sizes) / 10


async def ids(reader: SecStoreReader, query: ListQuery) -> Sequence[SagaId]:
    return [saga.saga_id for saga in await listed(reader, query)]


@pytest.mark.parametrize("key", [2**63 - 1, -(2**63), -5, 0])
async def test_a_key_that_is_out_of_the_order_is_listed_once(tmp_path: Path, key: int):
    """In a damaged file, the newest is what has the largest key; no page goes round in circles."""
    path = tmp_path / "sagas.db"
    await fill(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE saga SET saga_key = ? WHERE saga_id = ?", (key, saga_id(9).bytes))
        db.commit()
    async with SqliteSecStore(path, inline=True).open_reader() as reader:
        for limit in (1, 7, COUNT):
            found = await ids(reader, ListQuery(limit=limit, newest_first=True))
            assert sorted(found) == sorted(saga_id(n) for n in range(COUNT))
            assert found[0 if key > 0 else -1] == saga_id(9)


async def test_a_marker_may_be_any_number(tmp_path: Path):
    """Even one that SQLite does not have."""
    path = tmp_path / "sagas.db"
    await fill(path)
    async with SqliteSecStore(path, inline=True).open_reader() as reader:
        for marker, count in ((10**30, COUNT), (-(10**30), 0), (1, 0), (COUNT + 1, COUNT)):
            query = ListQuery(marker, COUNT, newest_first=True)
            assert len(await reader.list(query)) == count


async def test_a_page_of_tags_that_is_overwritten_hides_no_saga(tmp_path: Path):
    """Their sagas are listed and loaded without the tags that cannot be read."""
    path = tmp_path / "sagas.db"
    await fill(path)
    with closing(sqlite3.connect(path)) as db:
        ((root,),) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tag'")
        ((size,),) = db.execute("PRAGMA page_size")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    async with SqliteSecStore(path, inline=True).open_reader() as reader:
        for newest_first in (False, True):
            query = ListQuery(limit=9, newest_first=newest_first)
            sagas = await listed(reader, query)
            assert sorted(saga.saga_id for saga in sagas) == sorted(map(saga_id, range(COUNT)))
            assert {len(saga.tags) for saga in sagas} == {0}
        assert (await reader.load(saga_id(3))).summary.problem is None


async def test_tags_are_deleted_with_their_saga(tmp_path: Path):
    """No row of them is left, and the key of a saga that is pruned gets no tags back."""
    path = tmp_path / "sagas.db"
    await fill(path)
    later = Clock(Clock().now + timedelta(days=1))
    async with SqliteSecStore(path, inline=True, clock=later).open() as session:
        while await session.prune(PruneQuery(timedelta(0))):
            pass
        left = {saga.number for saga in await session.list(ListQuery(limit=COUNT))}
    assert 0 < len(left) < COUNT
    with closing(sqlite3.connect(path)) as db:
        tagged = {key for (key,) in db.execute("SELECT saga_key FROM tag")}
    assert tagged == left
