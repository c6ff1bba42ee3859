"""
A file with very many finished sagas: what is looked for is found by an index, however many others.

`STENO_SCALE_SAGAS` says how many. That holds by the plans of all statements; times, set against
those of a small file, show that the plans are what counts. With `-s` they are printed.
"""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

import steno
from steno import SagaCachedState, SagaId, SqliteSecStore
from steno.core import Attention, Concern
from steno.store import (
    Durable,
    Fence,
    ListQuery,
    Lost,
    PruneQuery,
    Rejected,
    SagaProblem,
    SagaRecord,
    SagaTrial,
    SecStoreReader,
)
from steno.stores.sqlite import _list
from support.filled import SEC, fill, log_of, name_of, saga_id, state_of, tags_of, writes

SMALL = 1_000
LARGE = max(10 * SMALL, int(os.environ.get("STENO_SCALE_SAGAS", "0")))

STATES = tuple(SagaCachedState)
FILTERS: dict[str, ListQuery] = {
    "all": ListQuery(),
    "none": ListQuery(states=[SagaCachedState.READY]),
    "few": ListQuery(states=[SagaCachedState.STUCK]),
    "most": ListQuery(states=[SagaCachedState.SUCCEEDED]),
    "every state": ListQuery(states=STATES),
    "a common name": ListQuery(name="common"),
    "a rare name": ListQuery(name="rare"),
    "an unknown name": ListQuery(name="unknown"),
    "a rare name in most": ListQuery(states=[SagaCachedState.SUCCEEDED], name="rare"),
    "a common name in few": ListQuery(states=[SagaCachedState.STUCK], name="common"),
    "an unknown name in every state": ListQuery(states=STATES, name="unknown"),
    "a tag of one": ListQuery(tags={"order": "500"}),
    "a tag of some": ListQuery(tags={"tenant": "rare"}),
    "a tag of most": ListQuery(tags={"tenant": "common"}),
    "a tag of none": ListQuery(tags={"order": "none"}),
    "a tag of all and one of one": ListQuery(tags={"year": "2026", "order": "501"}),
    "a tag of most in few": ListQuery(
        states=[SagaCachedState.STUCK], tags={"tenant": "common", "year": "2026"}
    ),
    "any attention": ListQuery(attention=set(Attention)),
    "attention for some": ListQuery(attention=[Attention.HELD]),
    "attention for few": ListQuery(attention=[Attention.STUCK]),
    "attention for none": ListQuery(attention=[Attention.HALTED]),
    "attention at a node": ListQuery(attention_node="book-1"),
    "attention at a node for an error": ListQuery(attention_node="a", error_type="Locked"),
    "attention for an error": ListQuery(error_type="Full"),
    "attention for an unknown error": ListQuery(error_type="Unheard"),
    "attention for a name": ListQuery(attention=[Attention.HELD], name="common"),
    "attention of most in few": ListQuery(
        states=[SagaCachedState.STUCK], attention=set(Attention), tags={"year": "2026"}
    ),
}
"""What an index finds, whatever the number of other sagas; see `FEW` for the newest of a state."""

GROUPED = {
    "count attention": ListQuery(),
    "count attention at a node": ListQuery(attention_node="book-1"),
    "count attention for an error": ListQuery(attention=[Attention.HELD], error_type="Full"),
    "count attention of a name": ListQuery(name="common", states=[SagaCachedState.STUCK]),
}
"""What is counted by an index, whatever the number of sagas that need no attention."""

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = BEGAN + timedelta(days=400)
COSTLY: dict[str, ListQuery] = {
    "another's": ListQuery(sec_name="other"),
    "created later": ListQuery(created_since=LATER),
    "progressed later": ListQuery(progressed_since=LATER),
    "ended before": ListQuery(ended_until=BEGAN),
}
"""What no index finds: the page costs as much as all sagas, where none of them matches."""

ORDERS = {"by id": False, "newest first": True}
MARKERS = {"first": None, "middle": SMALL // 2}
QUERIES = {
    f"list {what}, {order}, {where}": attrs.evolve(
        query,
        marker=number and (number if newest_first else saga_id(number)),
        newest_first=newest_first,
    )
    for what, query in (FILTERS | COSTLY).items()
    for order, newest_first in ORDERS.items()
    for where, number in MARKERS.items()
}
PRUNES = {
    "prune": PruneQuery(timedelta(0)),
    "prune failed": PruneQuery(timedelta(0), [SagaCachedState.FAILED]),
    "prune too young": PruneQuery(timedelta(days=100_000)),
    "prune another SEC's": PruneQuery(timedelta(0), sec_name="other"),
}


def say(line: str) -> None:
    """Print what was measured; pytest shows it with -s."""
    print(line)  # noqa: T201 - as above


@attrs.frozen
class Filled:
    """A file with so many sagas."""

    path: Path
    size: int

    def store(self) -> SqliteSecStore:
        return SqliteSecStore(self.path, inline=True)

    def copy(self, folder: Path) -> "Filled":
        """Return a copy that may be changed."""
        return Filled(Path(shutil.copy(self.path, folder)), self.size)


def concern_of(number: int) -> Concern | None:
    """Return why a person should look at a saga: each that is stuck, and 1 of 50 for show."""
    if state_of(number) is SagaCachedState.STUCK:
        return Concern(Attention.STUCK, "a", "Locked")
    if number % 50 == 25:
        return Concern(Attention.HELD, f"book-{number % 3}", "Full" if number % 4 == 1 else None)
    return None


async def raise_concerns(path: Path, count: int) -> None:
    """Record what needs attention, among sagas that are finished."""
    fence = Fence(SEC, 1)  # which they have had since they were made
    batch = [
        SagaRecord(saga_id(n), fence, len(log_of(saga_id(n), state_of(n))), (), state_of(n), why)
        for n in range(count)
        if (why := concern_of(n)) is not None
    ]
    async with SqliteSecStore(path, inline=True).open() as session:
        assert set(await session.record(batch)) == {Durable()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Filled, Filled]:
    """Return a small file and a large one; nobody changes what is in them."""
    folder = tmp_path_factory.mktemp("filled")
    made = tuple(Filled(folder / f"{size}.db", size) for size in (SMALL, LARGE))
    for file in made:
        began = time.perf_counter()
        trio.run(fill, file.path, file.size)
        trio.run(raise_concerns, file.path, file.size)
        took, each = time.perf_counter() - began, file.path.stat().st_size / file.size
        say(f"{file.size} sagas of {each:.0f} bytes each were made in {took:.1f} s")
    return made


# Plans


@contextmanager
def traced() -> Iterator[list[str]]:
    """Give all statements that are begun, with their values, on connections opened meanwhile."""
    statements: list[str] = []
    connect = sqlite3.connect

    def tracing(*args: object, **options: object) -> sqlite3.Connection:
        db = connect(*args, **options)
        db.set_trace_callback(statements.append)
        return db

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", tracing)
        yield statements


SLOW = re.compile(r"SCAN (saga|saga_params|step|tag|dag|sec)\b|TEMP B-TREE")
PLANNED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


def plan_of(db: sqlite3.Connection, statement: str) -> list[str]:
    """Return the steps of a statement's plan."""
    return [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}")]


def slow_steps(path: Path, statements: Sequence[str]) -> list[str]:
    """Return whatever in the plans of statements looks at all rows of a table, or sorts them."""
    slow: list[str] = []
    with closing(sqlite3.connect(path)) as db:
        for statement in sorted(set(statements)):
            if statement.lstrip().upper().startswith(PLANNED):
                slow += [
                    f"{step}\n{statement}" for step in plan_of(db, statement) if SLOW.search(step)
                ]
    return slow


async def do_at_once(file: Filled) -> None:
    """Create many sagas, and go on with them, in one life and the next."""
    async with file.store().open() as session:
        fence = (await session.take_over(SEC)).fence
        many = [writes(number, fence) for number in range(-9, -2)]
        batches = [[create for create, *_ in many], [begin for _, begin, _ in many]]
        for batch in [
            *batches,
            [write for number in (-10, -11) for write in writes(number, fence)],
        ]:
            assert set(await session.record(batch)) == {Durable()}
    async with file.store().open() as session:
        fence = (await session.take_over(SEC)).fence
        ends = [
            attrs.evolve(end, fence=fence, concern=Concern(Attention.STUCK)) for *_, end in many
        ]
        none = [SagaRecord(end.saga_id, fence, 4, (), SagaCachedState.RUNNING) for end in ends]
        for batch in (none[:3], none[:1], ends[:3], ends[3:4]):
            assert set(await session.record(batch)) == {Durable()}


async def do_everything(file: Filled) -> None:
    """Do all that a session and a reader can, in all ways that have statements of their own."""
    new, other = saga_id(-1), saga_id(-2)
    async with file.store().open() as session:
        fence = (await session.take_over(SEC)).fence
        create, begin, end = writes(-1, fence)
        conflicting = attrs.evolve(create, params='{"of":"another"}')
        unfenced = attrs.evolve(begin, fence=attrs.evolve(fence, sec_name="other"))
        unknown = attrs.evolve(begin, saga_id=other)
        problem = SagaProblem(new, fence, "a problem")
        trials = [SagaTrial(new, fence, passed) for passed in (False, True)]
        batch = [create, create, conflicting, begin, begin, unfenced, unknown, problem, *trials]
        outcomes = await session.record(batch)
        kinds = [Durable, Durable, Rejected, Durable, Durable, Lost, Rejected, *[Durable] * 3]
        assert [type(outcome) for outcome in outcomes] == kinds
        claim = await session.claim(new, SEC)
        assert await session.record([attrs.evolve(end, fence=claim.fence)]) == [Durable()]
        for query in QUERIES.values():
            await session.list(query)
        for query in GROUPED.values():
            await session.attention(query)
        assert (await session.load(new)).events == log_of(new, state_of(-1))
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(session.load, saga_id(number))
        for prune in PRUNES.values():
            await session.prune(prune)
        await session.leave(fence)
    async with file.store().open_reader() as reader:
        await reader.entries(saga_id(0))


@pytest.mark.parametrize("few", [3, SMALL])
async def test_no_statement_looks_at_all_sagas_or_sorts_them(
    files: tuple[Filled, Filled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
):
    """Opening, creating, recording, loading, listing, pruning: all by an index."""
    monkeypatch.setattr(_list, "FEW", few)
    small = files[0].copy(tmp_path)
    with traced() as statements:
        await do_everything(small)
        await do_at_once(small)
    begun = {statement.split()[0] for statement in statements}
    assert {"SELECT", "INSERT", "UPDATE", "DELETE"} <= begun
    assert slow_steps(small.path, statements) == []


MISLEADING = ("saga_by_state", "9 1 1"), ("saga_by_name", "9 1 1 1"), (None, "9")


@pytest.mark.parametrize("misled", [False, True])
async def test_steps_of_many_sagas_find_each_by_its_key(
    files: tuple[Filled, Filled], tmp_path: Path, *, misled: bool
):
    """Whatever an operator's ANALYZE has once counted: none by an index of states, or all of it."""
    small = files[0].copy(tmp_path)
    if misled:
        with closing(sqlite3.connect(small.path)) as db:
            db.execute("ANALYZE")
            db.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'saga'")
            db.executemany("INSERT INTO sqlite_stat1 VALUES ('saga', ?, ?)", MISLEADING)
            db.commit()
    with traced() as statements:
        await do_at_once(small)
    assert slow_steps(small.path, statements) == []
    updates = [each for each in statements if "UPDATE saga SET" in each and "tried = 0" not in each]
    assert {update.split()[3] for update in updates} == {"state", "attention"}
    with closing(sqlite3.connect(small.path)) as db:
        for update in updates:
            (step,) = [step for step in plan_of(db, update) if "saga" in step]
            assert step == "SEARCH saga USING INTEGER PRIMARY KEY (rowid=?)"


INDEXES = {
    "saga_by_state": (["few", "most", "every state", "a tag of most in few"], []),
    "saga_by_name": (["a common name", "a rare name in most"], []),
    "sqlite_autoindex_saga_1": (["all", "a tag of most", *COSTLY], []),
    "tag_by_value": (["a tag of one", "a tag of none"], ["a tag of most", "a tag of one"]),
    "saga_by_attention": (["attention for some", "attention at a node", "any attention"], []),
    "saga_by_new_attention": ([], ["attention for some", "attention for a name"]),
    "saga_by_concern": (["attention for few"], ["attention for an unknown error"]),
    "INTEGER PRIMARY KEY": ([], ["all", "most", "a common name", *COSTLY]),
}
"""The index that gives the sagas of a list, by id or the newest first, where more than 3 match."""


@pytest.mark.parametrize("index", INDEXES)
async def test_a_list_has_its_index(
    files: tuple[Filled, Filled], monkeypatch: pytest.MonkeyPatch, index: str
):
    """Whichever filter and order it is, each has one; what follows are conditions on its rows."""
    monkeypatch.setattr(_list, "FEW", 3)
    for newest_first, what in enumerate(INDEXES[index]):
        for label in what:
            query = attrs.evolve((FILTERS | COSTLY)[label], newest_first=bool(newest_first))
            with traced() as statements:
                async with files[0].store().open_reader() as reader:
                    await reader.list(query)
            with closing(sqlite3.connect(files[0].path)) as db:
                selects = [each for each in statements if each.lstrip().startswith("SELECT")]
                plans = [plan_of(db, each)[0] for each in selects]
            assert any(index in plan for plan in plans), (label, plans)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT saga_id FROM saga WHERE problem = 'any'",
        "SELECT count(*) FROM step",
        "SELECT saga_id FROM saga WHERE state IN ('failed', 'stuck') ORDER BY saga_id LIMIT 1",
    ],
)
def test_a_slow_plan_is_known_for_one(files: tuple[Filled, Filled], statement: str):
    """A check that finds nothing where there is something would hold nothing."""
    assert len(slow_steps(files[0].path, [statement])) == 1


# Times


async def seconds(what: Callable[[], Awaitable[object]]) -> float:
    """Return how long the processor works at something, in whatever thread, other work aside."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        await what()
        best = min(best, time.process_time() - began)
    return best


async def opening(file: Filled) -> None:
    async with steno.open_sec(file.store(), steno.ActionRegistry()) as sec:
        await sec.saga_list()


async def times(file: Filled) -> dict[str, float]:
    """Return how long everything takes on a file, in seconds; this changes it."""
    taken = {"open": await seconds(partial(opening, file))}
    async with file.store().open_reader() as reader:
        for label, query in QUERIES.items():
            taken[label] = await seconds(partial(reader.list, query))
        for label, query in GROUPED.items():
            taken[label] = await seconds(partial(reader.attention, query))
        taken["load"] = await seconds(partial(reader.load, saga_id(SMALL // 2)))
        taken["log"] = await seconds(partial(reader.entries, saga_id(SMALL // 2)))
    async with file.store().open() as session:
        for label, query in reversed(PRUNES.items()):
            taken[label] = await seconds(partial(session.prune, query))
    return taken


async def test_nothing_takes_longer_because_there_are_many_others(
    files: tuple[Filled, Filled], tmp_path: Path
):
    """
    Ten times as long, and 10 ms, would be far too long; opening takes less than a second.

    The 10 ms are more than it takes to look at `FEW` sagas for a page, and to sort them. A list for
    which there is no index is allowed what it says that it costs.
    """
    small, large = [await times(file.copy(tmp_path)) for file in files]
    for label, taken in large.items():
        say(f"{label:42} {small[label] * 1e3:8.3f} ms {taken * 1e3:8.3f} ms")
    slow = {label for label, taken in large.items() if taken > 10 * small[label] + 0.01}
    assert not {label for label in slow if not any(what in label for what in COSTLY)}
    assert large["open"] < 1


# Pages


async def walk(reader: SecStoreReader, query: ListQuery) -> list[SagaId]:
    """Return all sagas that match, page by page."""
    found: list[SagaId] = []
    while page := await reader.list(query):
        found += [summary.saga_id for summary in page]
        query = query.following(page[-1])
    return found


def is_in(number: int, query: ListQuery) -> bool:
    concern = concern_of(number)
    return (
        (query.reasons is None or (concern is not None and concern.attention in query.reasons))
        and query.attention_node in {None, concern and concern.node}
        and query.error_type in {None, concern and concern.error_type}
        and (query.states is None or state_of(number) in query.states)
        and query.name in {None, name_of(number)}
        and query.tags.items() <= tags_of(number).items()
    )


@pytest.mark.parametrize("what", FILTERS)
async def test_all_pages_give_each_saga_once(files: tuple[Filled, Filled], what: str):
    """In the order of their ids, or of their creation, and none that does not match."""
    wanted = [saga_id(n) for n in range(files[1].size) if is_in(n, FILTERS[what])]
    async with files[1].store().open_reader() as reader:
        assert await walk(reader, FILTERS[what]) == sorted(wanted)
        newest = attrs.evolve(FILTERS[what], newest_first=True)
        assert await walk(reader, newest) == wanted[::-1]
