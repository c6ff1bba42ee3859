"""Loading: everything stored of one saga, as of one moment."""

from __future__ import annotations

import trio

from steno.store import StoredSaga
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import Life, living
from steno.testing.conformance._sample import (
    ONE,
    RUNNING,
    STATES,
    SUCCEEDED,
    THREE,
    TWO,
    UNWINDING,
    events,
    spread,
)
from steno.testing.conformance._subject import Subject

LOAD = Topic("load")


@LOAD.demand
async def a_saga_has_its_own_events_only(subject: Subject) -> None:
    """However the records of several sagas were mixed."""
    async with living(subject) as sec:
        await sec.done(*[sec.create(each) for each in (ONE, TWO, THREE)])
        for number in range(6):
            mixed = [sec.record(each, number, 1) for each in (THREE, ONE, TWO)[number % 3 :]]
            await sec.done(*mixed)
            late = [sec.record(each, number, 1) for each in (THREE, ONE, TWO)[: number % 3]]
            await sec.done(*late)
        for each in (ONE, TWO, THREE):
            await sec.expect_log(each, 6, "a saga is loaded with its own events, in their order")


@LOAD.demand
async def a_saga_is_loaded_whatever_its_state(subject: Subject) -> None:
    """Including finished sagas: views and waiters read them from the store."""
    async with living(subject) as sec:
        for saga_id, state in zip(spread(len(STATES)), STATES, strict=True):
            await sec.done(sec.create(saga_id, 1), sec.record(saga_id, 1, 2, state))
            stored = await sec.load(saga_id)
            demand = f"a saga that is {state.value} is loaded like any other"
            expect((stored.events, stored.summary.state), (events(saga_id, 0, 3), state), demand)
            wanted = (sec.fence, '{"a":"graph"}', '{"to":"Rome"}')
            expect((stored.fence, stored.dag_text, stored.params), wanted, demand)


@LOAD.demand
async def what_was_loaded_does_not_change(subject: Subject) -> None:
    """It is a snapshot; later writes do not change it."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 1))
        before = await sec.load(ONE)
        await sec.done(sec.record(ONE, 1, 1, SUCCEEDED), sec.problem(ONE, "no"))
        expect(before.events, events(ONE, 0, 1), "what was loaded does not change")
        found = (before.summary.state, before.summary.problem)
        expect(found, (STATES[0], None), "what was loaded does not change")


@LOAD.demand
async def a_saga_is_loaded_as_it_was_at_one_moment(subject: Subject) -> None:
    """
    Row and log are consistent, while records are written.

    In this test the state depends on whether the number of events is odd.
    """
    seen: list[StoredSaga | None] = []
    ended = trio.Event()
    last = 30

    async def watch(sec: Life) -> None:
        await trio.lowlevel.checkpoint()
        while not ended.is_set():
            seen.append(await sec.session.load(ONE))

    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 2, RUNNING))
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(watch, sec)
            for number in range(2, last):
                await sec.do(sec.record(ONE, number, 1, (UNWINDING, RUNNING)[number % 2]))
            ended.set()
    expect_that(len(seen) > 0, "a saga is loaded while records come in", seen)
    for stored in seen:
        if stored is None:
            msg = "a saga that is stored is there\nfound:  None, while records came in"
            raise AssertionError(msg)
        count = len(stored.events)
        demand = "the state and the log that are loaded are consistent"
        expect(stored.summary.state, (RUNNING, UNWINDING)[count % 2], demand)
        expect(stored.events, events(ONE, 0, count), "a log that is loaded has no gap")
