"""Reopening: a release and later ones read what it stored; earlier ones refuse to."""

from __future__ import annotations

from steno.errors import StoreError, StoreInUse, StoreUnavailable
from steno.store import ListQuery, StoredSaga
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import error_of, expect, expect_that
from steno.testing.conformance._life import living
from steno.testing.conformance._sample import FAILED, ONE, STATES, TWO, every_kind, spread
from steno.testing.conformance._subject import Subject, needed

MIGRATION = Topic("migration")


@MIGRATION.demand
async def what_was_stored_is_there_when_the_store_is_opened_again(subject: Subject) -> None:
    """All of it, exactly; opening alone takes nothing over."""
    ids = spread(len(STATES) + 1)
    async with living(subject) as sec:
        for saga_id, state in zip(ids, STATES, strict=False):
            await sec.done(sec.create(saga_id), sec.record(saga_id, 0, 3, state))
        await sec.done(sec.create(ids[-1]), sec.problem(ids[-1], "no"), sec.problem(ids[0], "so"))
        before: list[StoredSaga] = [await sec.load(saga_id) for saga_id in ids]
        listed = await sec.session.list(ListQuery())
    for _ in range(3):
        async with subject.store.open() as session:
            demand = "what was stored is there when the store is opened again, and is the same"
            expect([await session.load(saga_id) for saga_id in ids], before, demand)
            expect(await session.list(ListQuery()), listed, demand)


@MIGRATION.demand
async def every_kind_of_event_is_there_when_the_store_is_opened_again(subject: Subject) -> None:
    """Nothing may depend on what a session keeps in memory."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.create(TWO, 3))
        record = sec.record(TWO, 3, 1, FAILED)
        await sec.done(record)
    async with living(subject) as sec:
        fence = (await sec.load(ONE)).fence
        log = every_kind(ONE)
        for number, event in enumerate(log):
            await sec.done(sec.record_of(ONE, number, (event,), fence))
    async with living(subject) as sec:
        expect(await sec.log(ONE), log, "a log is there when the store is opened again")
        await sec.expect_log(TWO, 4, "a log is there when the store is opened again")


@MIGRATION.demand
async def an_empty_store_may_be_opened_again(subject: Subject) -> None:
    """Before anything was written; its preparation is done once."""
    for _ in range(3):
        async with subject.store.open() as session:
            expect(await session.list(ListQuery()), [], "a new store is empty")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
    async with living(subject) as sec:
        expect(await sec.ids(ListQuery()), [ONE], "what was stored is there")


@MIGRATION.demand
async def what_a_newer_release_has_written_is_refused(subject: Subject) -> None:
    """With an error that says so, each time: trying changes nothing."""
    make_newer = needed(subject.make_newer, "make_newer")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
    make_newer()

    async def open_it() -> None:
        async with subject.store.open() as session:
            await session.list(ListQuery())

    for _ in range(2):
        demand = "what a newer release has written is refused when the store is opened"
        error = await error_of(open_it, StoreError, demand)
        passing = isinstance(error, StoreUnavailable | StoreInUse)
        expect_that(not passing, "that it is too new does not pass by waiting", error)
        expect_that("newer" in str(error), "the error says that a newer release wrote it", error)
