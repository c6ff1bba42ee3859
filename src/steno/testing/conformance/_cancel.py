"""Cancelling: a cancelled batch is written whole or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

import attrs
import trio

from steno.core import SagaId
from steno.store import SagaWrite
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_that
from steno.testing.conformance._life import SEC, Life, living
from steno.testing.conformance._sample import NOWHERE, ONE, THREE, TWO, UNWINDING, spread
from steno.testing.conformance._session import calls
from steno.testing.conformance._subject import Subject

CANCEL = Topic("cancel")

TURNS = (0, 1, 2, 3, 5, 8, 13)
"""Turns of the scheduler before a call is cancelled: before, during and after it."""

PARTS = (0.25, 0.5, 0.75, 1.0)
"""Fractions of a call's duration at which it is cancelled, for stores that wait for a disk."""

SAGAS = (ONE, TWO, THREE)

Call: TypeAlias = Callable[[], Awaitable[object]]


@attrs.frozen
class Moment:
    """When a call is cancelled: after some seconds, and then some turns of the scheduler."""

    seconds: float
    turns: int


async def _moments(sec: Life, *writes: SagaWrite) -> list[Moment]:
    """Write a batch, and return the moments at which to cancel one like it."""
    begun = trio.current_time()
    await sec.done(*writes)
    took = trio.current_time() - begun
    return [*(Moment(0, turns) for turns in TURNS), *(Moment(part * took, 0) for part in PARTS)]


async def _cancelled(moment: Moment, scope: trio.CancelScope, call: Call) -> None:
    """Make a call, and cancel it at this moment, if it has not ended by then."""

    async def cancel() -> None:
        await trio.sleep(moment.seconds)
        for _ in range(moment.turns):
            await trio.lowlevel.checkpoint()
        scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel)
        await call()


async def _counts(sec: Life, number: int) -> set[int]:
    """Return the numbers of events of the sagas, once no write is in progress."""
    await sec.done(sec.record(NOWHERE, number, 1))
    counts: set[int] = set()
    for each in SAGAS:
        count = len(await sec.log(each))
        await sec.expect_log(each, count, "a log has no gap")
        counts.add(count)
    return counts


@CANCEL.demand
async def a_batch_that_is_cancelled_is_whole_or_not_there(subject: Subject) -> None:
    """At any moment; it can be sent again, because its outcome is unknown."""
    async with living(subject) as sec:
        moments = await _moments(sec, *[sec.create(each) for each in (*SAGAS, NOWHERE)])
        for number, moment in enumerate(moments):
            batch = [sec.record(each, 2 * number, 2, UNWINDING) for each in SAGAS]
            with trio.CancelScope() as scope:
                await _cancelled(moment, scope, partial(sec.session.record, batch))
            counts = await _counts(sec, number)
            whole = counts in ({2 * number}, {2 * number + 2})
            expect_that(whole, "a batch that is cancelled is written whole, or not at all", counts)
            await sec.done(*batch)
            for each in SAGAS:
                await sec.expect_log(each, 2 * number + 2, "what was cancelled can be sent again")


@CANCEL.demand
async def a_session_that_is_left_in_the_midst_of_a_batch_writes_it_whole(subject: Subject) -> None:
    """Or not at all; and no late batch is written after the store is opened again."""
    async with living(subject) as sec:
        moments = await _moments(sec, *[sec.create(each) for each in (*SAGAS, NOWHERE)])
    first = 0
    for number, moment in enumerate(moments):
        with trio.CancelScope() as scope:
            async with subject.store.open() as session:
                taken = await session.take_over(SEC)
                fences = {claim.saga_id: claim.fence for claim in taken.claims}
                sec = Life(session, taken.fence)
                first = len(await sec.log(ONE))
                batch = [sec.record(each, first, 2, fence=fences[each]) for each in SAGAS]
                await _cancelled(moment, scope, partial(session.record, batch))
        async with subject.store.open() as session:
            late = Life(session, sec.fence)
            counts = {len(await late.log(each)) for each in SAGAS}
            whole = counts in ({first}, {first + 2})
            demand = "a batch is whole, or not there, when the store is opened again"
            expect_that(whole, demand, (number, counts))
            claimed = await session.take_over(SEC)
            fence = next(each.fence for each in claimed.claims if each.saga_id == NOWHERE)
            await late.done(late.record(NOWHERE, number, 1, fence=fence))
            again = {len(await late.log(each)) for each in SAGAS}
            expect(again, counts, "no batch comes in after its session was left")


@CANCEL.demand
async def a_session_goes_on_after_a_call_that_was_cancelled(subject: Subject) -> None:
    """Any call, at any moment; all others answer as before."""
    async with living(subject) as sec:
        moments = await _moments(sec, sec.create(ONE), sec.create(TWO))
        ids = [each for each in spread(200) if each not in {ONE, TWO}]
        for moment in moments:
            for name, call in calls(sec):
                with trio.CancelScope() as scope:
                    await _cancelled(moment, scope, call)
                await _expect_alive(sec, ids.pop(), name)


async def _expect_alive(sec: Life, saga_id: SagaId, name: str) -> None:
    demand = f"a session continues after a call of {name} was cancelled"
    await sec.done(sec.create(saga_id))
    await sec.expect_log(saga_id, 0, demand)
    taken = await sec.session.take_over(SEC)
    fences = {claim.saga_id: claim.fence for claim in taken.claims}
    expect_that({ONE, TWO, saga_id} <= set(fences), demand, fences)
    await sec.done(sec.record(saga_id, 0, 1, fence=fences[saga_id]))
    await sec.expect_log(saga_id, 1, demand)
