"""Sessions: used by many tasks at once, left in any way, alone or beside another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import trio

from steno.core import SagaCachedState, SagaId
from steno.errors import StoreError, StoreInUse
from steno.store import (
    ListQuery,
    Lost,
    PruneQuery,
    SecStoreSession,
    StoredSaga,
    WriteOutcome,
)
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import error_of, expect, expect_that
from steno.testing.conformance._life import DURABLE, SEC, Life, living
from steno.testing.conformance._prune import NOW
from steno.testing.conformance._sample import (
    ONE,
    RUNNING,
    THREE,
    TWO,
    UNWINDING,
    events,
    spread,
)
from steno.testing.conformance._subject import Subject

SESSION = Topic("session")

Call = tuple[str, Callable[[], Awaitable[object]]]


def calls(sec: Life) -> Iterator[Call]:
    """Yield one call of each method, with its name."""
    session = sec.session
    yield "take_over", lambda: session.take_over(SEC)
    yield "claim", lambda: session.claim(ONE, SEC)
    yield "leave", lambda: session.leave(sec.fence)
    yield "record", lambda: session.record([sec.record(ONE, 0, 1)])
    yield "load", lambda: session.load(ONE)
    yield "list", lambda: session.list(ListQuery())
    yield "attention", lambda: session.attention(ListQuery())
    yield "prune", lambda: session.prune(PruneQuery(NOW))


async def _expect_closed(sec: Life) -> None:
    await trio.lowlevel.checkpoint()
    for name, call in calls(sec):
        await error_of(call, StoreError, f"{name} raises when its session has been left")


@SESSION.demand
async def a_session_that_was_left_is_closed(subject: Subject) -> None:
    """Every method raises, and nothing more is read or written."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
    await _expect_closed(sec)
    async with living(subject) as again:
        await again.expect_log(ONE, 0, "a session that was left writes nothing")
        await _expect_closed(sec)


@SESSION.demand
async def a_session_is_closed_however_it_is_left(subject: Subject) -> None:
    """By an exception and by a cancellation too; then the store can be opened again at once."""
    left: list[Life] = []
    raised = KeyError("the body's own")

    async def leave() -> None:
        async with living(subject) as sec:
            left.append(sec)
            await sec.done(sec.create(ONE))
            raise raised

    demand = "what the body raises leaves the session unchanged"
    error = await error_of(leave, KeyError, demand)
    expect_that(error is raised, demand, error)
    with trio.CancelScope() as scope:
        async with living(subject) as sec:
            left.append(sec)
            await sec.done(sec.create(TWO))
            scope.cancel()
            await trio.sleep_forever()
    for sec in left:
        await _expect_closed(sec)
    async with living(subject) as sec:
        expect(await sec.ids(ListQuery()), [ONE, TWO], "what was durable is there")


@SESSION.demand
async def a_read_that_is_under_way_ends_with_its_session(subject: Subject) -> None:
    """With an answer or with an error; no caller waits for ever."""
    ended: list[str] = []

    async def read(session: SecStoreSession) -> None:
        await trio.lowlevel.checkpoint()
        try:
            await session.load(ONE)
            await session.list(ListQuery())
        except StoreError:
            ended.append("closed")
        except Exception as error:  # noqa: BLE001 - shown below
            ended.append(repr(error))
        else:
            ended.append("answered")

    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
    for turns in range(1, 6):
        async with trio.open_nursery() as nursery, subject.store.open() as session:
            for _ in range(20):
                nursery.start_soon(read, session)  # noqa: ASYNC111 - leaving the session is the point
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
    demand = "a read that is under way ends with its session: answered, or by a StoreError"
    expect(len(ended), 100, demand)
    expect(set(ended).difference({"answered", "closed"}), set[str](), demand)


@SESSION.demand
async def many_tasks_may_use_a_session_at_once(subject: Subject) -> None:
    """Each gets its own answers, and nothing is lost or mixed up."""
    ids = spread(12)

    outcomes: list[WriteOutcome] = []
    read: list[tuple[SagaId, int, StoredSaga | None]] = []
    missed: list[SagaId] = []

    async def run(sec: Life, saga_id: SagaId) -> None:
        await trio.lowlevel.checkpoint()
        outcomes.extend(await sec.session.record([sec.create(saga_id)]))
        for number in range(5):
            outcomes.extend(await sec.session.record([sec.record(saga_id, number, 1)]))
            read.append((saga_id, number + 1, await sec.session.load(saga_id)))
            if saga_id not in await sec.ids(ListQuery()):
                missed.append(saga_id)

    async with living(subject) as sec:
        async with trio.open_nursery() as nursery:
            for saga_id in ids:
                nursery.start_soon(run, sec, saga_id)
        expect(outcomes, [DURABLE] * 6 * len(ids), "many tasks may write at once")
        for saga_id, count, stored in read:
            found = None if stored is None else stored.events
            expect(found, events(saga_id, 0, count), "a task reads what it has written")
        expect(missed, [], "a task finds in the list what it has written")
        for saga_id in ids:
            await sec.expect_log(saga_id, 5, "what many tasks write at once is all there")


@SESSION.demand
async def a_batch_is_seen_whole_or_not_at_all(subject: Subject) -> None:
    """A concurrent reader sees all sagas as before the batch, or all as after it."""
    seen: list[list[SagaCachedState]] = []
    ended = trio.Event()
    sagas = (ONE, TWO, THREE)

    async def watch(sec: Life) -> None:
        await trio.lowlevel.checkpoint()
        while not ended.is_set():
            seen.append([summary.state for summary in await sec.session.list(ListQuery())])

    async with living(subject) as sec:
        await sec.done(*[sec.create(each) for each in sagas])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, sec)
            for number in range(20):
                state = (RUNNING, UNWINDING)[number % 2]
                await sec.do(*[sec.record(each, number, 1, state) for each in sagas])
            ended.set()
    expect_that(len(seen) > 0, "sagas are listed while batches come in", seen)
    for states in seen:
        expect(len(set(states)), 1, f"a list sees a batch whole, or not at all: {states}")


@SESSION.demand
async def a_second_session_is_refused_or_fenced(subject: Subject) -> None:
    """
    A store may allow one writer at a time; the other is told who that is, and does no harm.

    Otherwise the session that took over last writes, and the other one's write is lost.
    """
    async with living(subject) as first:
        await first.done(first.create(ONE))
        try:
            async with living(subject) as second:
                fence = (await second.load(ONE)).fence
                await second.done(second.record(ONE, 0, 1, fence=fence))
                (outcome,) = await first.do(first.record(ONE, 1, 1))
                expect(outcome, Lost(SEC), "the session that took over first is fenced off")
                await first.expect_log(ONE, 1, "both sessions see what is durable")
        except StoreInUse as error:
            expect_that(bool(error.owner), "a refusal names the owner of the store", error)
            await first.done(first.record(ONE, 0, 1))
        before = await first.load(ONE)
    async with subject.store.open() as session:
        expect(await session.load(ONE), before, "then the store can be opened again at once")
