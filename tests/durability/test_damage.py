"""Damaged files: damage is said when the file is opened, or costs its own sagas and no others."""

import os
import random
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import attrs
import pytest
import trio

import steno
from steno.store import ListQuery
from support.crash import check_end, check_log
from support.disk import GOOD, JOBS, Work, text_of
from support.editable import make_editable

DAMAGES = int(os.environ.get("STENO_DAMAGES", "24"))
"""How many damages at random are tried."""

SEED = int(os.environ.get("STENO_SEED", "1"))


@attrs.define(eq=False)
class Half:
    """
    A file in which every saga stands still in its midst.

    Attributes:
        work: Its sagas.
        sound: Its bytes.
    """

    work: Work
    sound: bytes
    steps: dict[steno.SagaId, list[tuple]]

    @property
    def path(self) -> Path:
        return self.work.path

    @property
    def page(self) -> int:
        return struct.unpack(">H", self.sound[16:18])[0]

    def write(self, content: bytes) -> None:
        for beside in self.path.parent.glob(f"{self.path.name}-*"):
            beside.unlink()
        self.path.write_bytes(content)

    def spoil(self, at: int, damage: bytes) -> None:
        self.write(self.sound[:at] + damage + self.sound[at + len(damage) :])

    def pages_of(self, table: str) -> list[int]:
        """Return the numbers of a table's leaf pages, counted from 0."""
        with closing(sqlite3.connect(self.path)) as db:
            query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
            (root,) = db.execute(query, (table,)).fetchone()
        return list(self._leaves(root - 1))

    def _leaves(self, page: int) -> Iterator[int]:
        start = page * self.page
        kind, _, count, _, _, last = struct.unpack(">BHHHBI", self.sound[start : start + 12])
        if kind in {0x0A, 0x0D}:  # a leaf, of an index or of a table
            yield page
            return
        for cell in range(count):
            at = start + 12 + 2 * cell
            (offset,) = struct.unpack(">H", self.sound[at : at + 2])
            (child,) = struct.unpack(">I", self.sound[start + offset : start + offset + 4])
            yield from self._leaves(child - 1)
        yield from self._leaves(last - 1)

    def unreadable(self) -> set[steno.SagaId]:
        """Return the sagas whose events SQLite itself cannot read, or that have lost some."""
        found: set[steno.SagaId] = set()
        with closing(sqlite3.connect(self.path)) as db:
            for saga_id in self.work.jobs:
                try:
                    rows = steps_of(db, saga_id)
                except sqlite3.Error:
                    found.add(saga_id)
                else:
                    if rows != self.steps[saga_id]:
                        found.add(saga_id)
        return found


def steps_of(db: sqlite3.Connection, saga_id: steno.SagaId) -> list[tuple]:
    query = "SELECT step.* FROM step JOIN saga USING (saga_key) WHERE saga_id = ? ORDER BY seq"
    return db.execute(query, (saga_id.bytes,)).fetchall()


@pytest.fixture
async def half(tmp_path: Path) -> Half:
    """Many sagas, with so much output that they have pages of their own."""
    work = Work(tmp_path / "trips.db", size=1500, held={"b"})
    with trio.CancelScope() as crash:
        async with work.open() as sec:
            for number in range(24):
                await work.start(sec, JOBS[number % len(JOBS)])
            await work.until_called("b")
            crash.cancel()
    work.let_go()
    return read(work)


def read(work: Work) -> Half:
    with closing(sqlite3.connect(work.path)) as db:
        steps = {saga_id: steps_of(db, saga_id) for saga_id in work.jobs}
    return Half(work, work.path.read_bytes(), steps)


async def wait_for_all(half: Half, sec: steno.SecClient) -> dict[steno.SagaId, str]:
    """See all sagas to their end that have one; return why the others have none."""
    problems: dict[steno.SagaId, str] = {}
    for saga_id in half.work.jobs:
        try:
            await sec.saga_wait(saga_id)
        except steno.SagaHaltedError as error:
            problems[error.saga_id] = error.problem
    return problems


async def halted(half: Half) -> tuple[set[steno.SagaId], set[steno.SagaId]]:
    """
    Open the file, see all sagas to their end that have one, and return the others.

    First those that could not be loaded, then those that could not be written to.
    """
    async with half.work.open(store_patience=0.1) as sec:
        problems = await wait_for_all(half, sec)
        summaries = await sec.saga_list()
    stored = {each.saga_id: each.problem for each in summaries if each.problem is not None}
    # Those that halt are noted where that is possible; the list adds what is damaged of a row.
    assert all(problems[saga_id] in problem for saga_id, problem in stored.items())
    noted = {i for i, problem in stored.items() if "it could not be loaded: " in problem}
    others = problems.keys() - noted
    assert all("damaged; `steno doctor` says where" in problems[saga_id] for saga_id in others)
    there = {}
    async with steno.SqliteSecStore(half.path).open_reader() as reader:
        for saga_id in half.work.jobs.keys() - problems:
            there[saga_id] = await reader.load(saga_id)
    for saga_id, saga in there.items():
        check_log(half.work.jobs[saga_id], saga)
        check_end(half.work.jobs[saga_id], saga)
    return noted, {*others}


# One saga


async def test_a_page_of_events_that_is_overwritten_costs_its_sagas_only(half: Half):
    """
    They are quarantined, with the reason; mended, they go on.

    Those that would have to write where the damage is, beside it, are halted when they do. All
    others end rightly.
    """
    pages = half.pages_of("step")
    assert len(pages) > 4
    half.spoil(pages[2] * half.page, b"\xa5" * half.page)
    expected = half.unreadable()
    assert expected
    unloaded, unwritten = await halted(half)
    assert unloaded == expected
    assert len(unloaded | unwritten) < len(half.work.jobs) / 2
    half.write(half.sound)
    await half.work.finish()


async def test_an_output_that_is_overwritten_costs_its_saga_only(half: Half):
    """Damaged text is not read as text."""
    victim = next(iter(half.work.jobs))
    at = half.sound.index(text_of(victim, 0).encode())
    half.spoil(at, b"\xff\xfe\xfd")
    assert await halted(half) == ({victim}, set())
    async with steno.SqliteSecStore(half.path).open_reader() as reader:
        (problem,) = {each.problem for each in await reader.list(ListQuery())} - {None}
        assert "is damaged: its events are" in problem
    half.write(half.sound)
    await half.work.finish()


def change(statement: str) -> Callable[[Half, steno.SagaId], None]:
    """Change a row of a saga by hand, past all that SQLite would see."""

    def damage(half: Half, saga_id: steno.SagaId) -> None:
        with closing(sqlite3.connect(half.path)) as db:
            make_editable(db)
            db.execute("PRAGMA ignore_check_constraints = ON")
            key = "(SELECT saga_key FROM saga WHERE saga_id = ?)"
            db.execute(statement.replace("THIS", key), (saga_id.bytes,))
            db.commit()

    return damage


ROWS = {
    "an event is gone": "DELETE FROM node_event WHERE saga_key = THIS AND seq = 2",
    "a step is gone": "DELETE FROM step WHERE saga_key = THIS AND seq = 0",
    "a step is of another number": "UPDATE step SET seq = 1 WHERE saga_key = THIS AND seq = 0",
    "an event is another": "UPDATE node_event SET node_id = 99 WHERE saga_key = THIS AND seq = 2",
    "an event is none": "UPDATE node_event SET event_type = 'x' WHERE saga_key = THIS AND seq = 2",
    "an event is of no node": "UPDATE node_event SET node_id = 'x' WHERE saga_key = THIS AND seq=2",
    "an output is gone": "UPDATE node_event SET data = NULL WHERE saga_key = THIS AND seq = 3",
    "events are no text": "UPDATE step SET events = x'ff' WHERE saga_key = THIS AND seq = 0",
    "events are no JSON": "UPDATE step SET events = '[' WHERE saga_key = THIS AND seq = 0",
    "a step has no time": "UPDATE step SET time = 'x' WHERE saga_key = THIS AND seq = 0",
    "the params are gone": "DELETE FROM saga_params WHERE saga_key = THIS",
    "the params are no JSON": "UPDATE saga_params SET params = '{' WHERE saga_key = THIS",
    "the params are no text": "UPDATE saga_params SET params = x'ff' WHERE saga_key = THIS",
    "the time is none": "UPDATE saga SET created = 'x' WHERE saga_key = THIS",
}
"""What else is not as it was written, by a hand or a fault that kept the pages whole."""


@pytest.mark.parametrize("what", ROWS)
async def test_a_row_that_is_not_as_it_was_costs_its_saga_only(half: Half, what: str):
    """It is found when the saga is loaded, and never gone on from."""
    victim = list(half.work.jobs)[3]
    change(ROWS[what])(half, victim)
    calls = len(half.work.calls[victim])
    async with half.work.open(store_patience=0.1) as sec:
        problems = await wait_for_all(half, sec)
        with pytest.raises(steno.StenoError):
            await sec.saga_recover(victim)
    assert problems.keys() == {victim}
    assert len(half.work.calls[victim]) == calls
    half.write(half.sound)
    await half.work.finish()


# All of it


@pytest.mark.parametrize(
    ("at", "damage", "why"),
    [
        (0, b"Not a database.\n", "another program's file, or damaged"),
        (18, b"\x09\x09", "SQLITE_"),
        (68, b"\0\0\0\1", "another program"),
        (60, b"\xff\0\0\0", "is damaged"),
        (60, b"\0\0\0\x63", "newer trio-steno"),
        (100, b"\xa5" * 400, "damaged"),
    ],
    ids=["magic", "version of SQLite", "application", "schema", "newer schema", "first page"],
)
async def test_a_damaged_header_is_said_when_the_file_is_opened(
    half: Half, at: int, damage: bytes, why: str
):
    """Writers and readers refuse it and change nothing; once it is repaired, all sagas go on."""
    half.spoil(at, damage)
    spoilt = half.path.read_bytes()
    for opening in (half.work.open(), steno.SqliteSecStore(half.path).open_reader()):
        with pytest.raises(steno.StoreError, match=why) as caught:
            async with opening:
                raise AssertionError
        assert str(half.path) in str(caught.value)
    assert half.path.read_bytes() == spoilt
    half.write(half.sound)
    await half.work.finish()


# Anything


def damages(half: Half) -> Iterator[bytes]:
    """Give contents of the file: bytes of its header, and of any page, are not what they were."""
    chosen = random.Random(SEED)
    for number in range(DAMAGES):
        spoilt = bytearray(half.sound)
        if number % 3 == 0:  # the header, or where a page says what is on it
            page = chosen.choice([0, 0, chosen.randrange(len(spoilt) // half.page)])
            at = page * half.page + chosen.randrange(108)
            spoilt[at] ^= 1 << chosen.randrange(8)
        elif number % 3 == 1:
            at = chosen.randrange(len(spoilt) - 64)
            spoilt[at : at + 64] = chosen.randbytes(64)
        else:  # a file that ends early, or a page that was never written
            page = chosen.randrange(1, len(spoilt) // half.page) * half.page
            spoilt[page : page + half.page] = bytes(half.page if number % 2 else 0)
        yield bytes(spoilt)


async def use(half: Half) -> str:
    """Use a file in the usual ways; every error is one of this library."""
    try:
        with trio.fail_after(20):
            async with half.work.open(store_patience=0.05) as sec:
                for saga_id in half.work.jobs:
                    with suppress(steno.StenoError):
                        await sec.saga_wait(saga_id)
                    with suppress(steno.StenoError):
                        await sec.saga_get(saga_id)
                with suppress(steno.StenoError):
                    await sec.saga_list()
                with suppress(steno.StenoError):
                    await sec.saga_list(states={steno.SagaCachedState.FAILED})
                with suppress(steno.StenoError):
                    await sec.saga_run(GOOD.dag)
    except steno.StoreError as error:
        return "refused" if str(half.path) in str(error) else f"{error!r}"
    return "opened"


async def test_no_damage_brings_out_anything_but_an_error_of_ours(half: Half):
    """Nothing hangs, no bug is reported, and a file that is put right again goes on."""
    seen = Counter()
    for content in damages(half):
        half.write(content)
        seen[await use(half)] += 1
    assert seen.keys() == {"opened", "refused"}
    half.write(half.sound)
    await half.work.finish()
