"""Pruning: finished sagas are deleted, with everything that only they use."""

from __future__ import annotations

from datetime import timedelta

import attrs

from steno.core import JsonText, SagaId
from steno.errors import NoSuchSaga
from steno.store import PRUNABLE, ListQuery, PruneQuery, SagaCreateParams
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_rejected, expect_that
from steno.testing.conformance._life import OTHER, SEC, Life, living
from steno.testing.conformance._sample import (
    ABANDONED,
    FAILED,
    ONE,
    READY,
    STATES,
    SUCCEEDED,
    THREE,
    TWO,
    spread,
)
from steno.testing.conformance._subject import Subject, needed

PRUNE = Topic("prune")

NOW = timedelta(0)
HOUR = timedelta(hours=1)
NOTHING: set[SagaId] = set()


async def _pruned(sec: Life, query: PruneQuery) -> set[SagaId]:
    pruned = await sec.session.prune(query)
    expect(len(set(pruned)), len(pruned), "prune names each saga that it deleted once")
    return set(pruned)


@PRUNE.demand
async def only_what_succeeded_or_failed_is_pruned(subject: Subject) -> None:
    """Never one that is stuck or not finished, however old; one that is abandoned is kept, too."""
    async with living(subject) as sec:
        ids = spread(2 * len(STATES))
        for saga_id, state in zip(ids, STATES * 2, strict=True):
            await sec.done(sec.create(saga_id), sec.record(saga_id, 0, 1, state))
        if subject.advance is not None:
            subject.advance(1000 * HOUR)
        pruned = await _pruned(sec, PruneQuery(NOW, limit=100))
        gone = {each for each, state in zip(ids, STATES * 2, strict=True) if state in PRUNABLE}
        expect(pruned, gone, "a saga that is stuck, or not finished, is never pruned")
        left = [each for each in ids if each not in gone]
        expect(await sec.ids(ListQuery()), left, "what was pruned, and nothing else, is gone")
        for saga_id in left:
            await sec.expect_log(saga_id, 1, "what is not pruned keeps its log")


@PRUNE.demand
async def what_is_abandoned_is_pruned_if_it_is_asked_for(subject: Subject) -> None:
    """Together with other states, or alone; not by default."""
    async with living(subject) as sec:
        await sec.finished(ONE, ABANDONED)
        await sec.finished(TWO, FAILED)
        await sec.finished(THREE, ABANDONED)
        ended = (await sec.load(ONE)).summary.times.ended
        expect_that(ended is not None, "a saga that is abandoned has an end", ended)
        demand = "a saga that is abandoned is pruned only if its state is asked for"
        expect(await _pruned(sec, PruneQuery(NOW)), {TWO}, demand)
        query = PruneQuery(NOW, states={SUCCEEDED, ABANDONED}, limit=1)
        pruned = await _pruned(sec, query) | await _pruned(sec, query)
        expect(pruned, {ONE, THREE}, demand)


@PRUNE.demand
async def nothing_that_ended_lately_is_pruned(subject: Subject) -> None:
    """The time since a saga ended counts, not the time since it was created."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        if subject.advance is not None:
            subject.advance(2 * HOUR)
        await sec.done(sec.record(ONE, 0, 1, SUCCEEDED))
        expect(
            await _pruned(sec, PruneQuery(HOUR)), NOTHING, "what ended just now is not pruned yet"
        )
        expect(await sec.ids(ListQuery()), [ONE], "what is not pruned is there")
        expect(await _pruned(sec, PruneQuery(NOW)), {ONE}, "an age of 0 lets everything go")


@PRUNE.demand
async def an_age_is_told_by_the_clock_that_stamped_the_rows(subject: Subject) -> None:
    """A saga is old enough exactly at that age."""
    advance = needed(subject.advance, "advance")
    async with living(subject) as sec:
        await sec.finished(ONE, SUCCEEDED)
        advance(timedelta(microseconds=1))
        await sec.finished(TWO, SUCCEEDED)
        advance(HOUR - timedelta(microseconds=2))
        expect(await _pruned(sec, PruneQuery(HOUR)), NOTHING, "what is younger is left alone")
        advance(timedelta(microseconds=1))
        expect(await _pruned(sec, PruneQuery(HOUR)), {ONE}, "what is old enough is pruned")
        advance(timedelta(microseconds=1))
        expect(await _pruned(sec, PruneQuery(HOUR)), {TWO}, "what is old enough is pruned")


@PRUNE.demand
async def the_oldest_go_first(subject: Subject) -> None:
    """At most `limit` at a time; fewer means that no more match."""
    async with living(subject) as sec:
        ids = spread(7)
        order = [ids[n * 3 % 7] for n in range(7)]
        await sec.done(*[sec.create(each) for each in ids])
        for number, saga_id in enumerate(order):
            # Neither the states nor the owners of sagas may change the order.
            fence = await sec.claim(saga_id, f"sec {-number % 3}")
            state = (SUCCEEDED, FAILED)[number % 2]
            await sec.done(sec.record(saga_id, 0, 1, state, fence))
            if subject.advance is not None:
                subject.advance(timedelta(seconds=1))
        ended = {each: (await sec.load(each)).summary.times.ended for each in order}
        for limit, left in ((3, 4), (1, 3), (2, 1), (2, 0), (2, 0)):
            before = len(ended)
            pruned = await _pruned(sec, PruneQuery(NOW, limit=limit))
            expect(len(pruned), before - left, f"prune deletes {limit} sagas, or all there are")
            gone = {saga_id: ended.pop(saga_id) for saga_id in pruned}
            for saga_id, end in gone.items():
                before_it = [each for each, time in ended.items() if time and end and time < end]
                demand = f"prune deletes the sagas that ended first; {saga_id} was not one"
                expect(before_it, [], demand)
            expect(await sec.ids(ListQuery()), sorted(ended), "what was pruned is gone")


@PRUNE.demand
async def pruning_may_be_of_some_states(subject: Subject) -> None:
    """Failed sagas may be kept longer than those that have succeeded."""
    async with living(subject) as sec:
        await sec.finished(ONE, SUCCEEDED)
        await sec.finished(TWO, FAILED)
        await sec.finished(THREE, SUCCEEDED)
        pruned = await _pruned(sec, PruneQuery(NOW, states={FAILED}))
        expect(pruned, {TWO}, "only sagas in one of the states of the query are pruned")
        pruned = await _pruned(sec, PruneQuery(NOW, states={SUCCEEDED}))
        expect(pruned, {ONE, THREE}, "only sagas in one of the states of the query are pruned")


@PRUNE.demand
async def pruning_may_be_of_one_sec(subject: Subject) -> None:
    """The SEC that last ran a saga decides when it may be pruned."""
    async with living(subject) as sec:
        await sec.finished(ONE, SUCCEEDED)
        await sec.done(sec.create(TWO))
        await sec.done(sec.record(TWO, 0, 1, SUCCEEDED, await sec.claim(TWO, OTHER)))
        pruned = await _pruned(sec, PruneQuery(NOW, sec_name="nobody"))
        expect(pruned, NOTHING, "only sagas that the SEC of the query ran last are pruned")
        pruned = await _pruned(sec, PruneQuery(NOW, sec_name=OTHER))
        expect(pruned, {TWO}, "only sagas that the SEC of the query ran last are pruned")
        pruned = await _pruned(sec, PruneQuery(NOW, sec_name=SEC))
        expect(pruned, {ONE}, "only sagas that the SEC of the query ran last are pruned")


@PRUNE.demand
async def what_does_not_match_takes_no_room(subject: Subject) -> None:
    """The limit counts deleted sagas: older sagas that are kept do not hide younger ones."""
    async with living(subject) as sec:
        kept = spread(9)[1:5]
        for saga_id in kept:
            await sec.finished(saga_id, FAILED)
        if subject.advance is not None:
            subject.advance(timedelta(seconds=1))
        await sec.finished(THREE, SUCCEEDED)
        pruned = await _pruned(sec, PruneQuery(NOW, states={SUCCEEDED}, limit=1))
        expect(pruned, {THREE}, "fewer sagas than the limit are pruned only where no more match")


@PRUNE.demand
async def what_was_pruned_is_gone(subject: Subject) -> None:
    """For every method it is as if it had never existed."""
    async with living(subject) as sec:
        end = sec.record(ONE, 0, 2, SUCCEEDED)
        await sec.done(sec.create(ONE), end, sec.create(TWO))
        await sec.session.prune(PruneQuery(NOW))
        expect(await sec.session.load(ONE), None, "what was pruned cannot be loaded")
        for write in (end, sec.problem(ONE, "no")):
            (outcome,) = await sec.do(write)
            expect_rejected(outcome, NoSuchSaga, "what was pruned cannot be written to")
        expect(await sec.session.claim(ONE, OTHER), None, "what was pruned cannot be claimed")
        found = [await sec.ids(ListQuery(states=states)) for states in (None, {READY}, {SUCCEEDED})]
        expect(found, [[TWO], [TWO], []], "what was pruned is not listed")


@PRUNE.demand
async def an_id_can_be_given_again_after_pruning(subject: Subject) -> None:
    """To another saga, with nothing left of the former: no event, problem or end time."""
    async with living(subject) as sec:
        await sec.finished(ONE, FAILED)
        await sec.done(sec.problem(ONE, "no"))
        await sec.session.prune(PruneQuery(NOW))
        other = _of_graph(sec.create(ONE), "other", "{}")
        await sec.done(attrs.evolve(other, params=JsonText("[]")))
        stored = await sec.load(ONE)
        summary = stored.summary
        found = (summary.state, summary.problem, summary.times.ended, stored.events)
        expect(found, (READY, None, None, ()), "nothing is left of a saga that was pruned")
        texts = (stored.dag_text, stored.params)
        expect(texts, ("{}", "[]"), "an id that is given again is that of the new saga")
        await sec.done(sec.record(ONE, 0, 1))
        expect(await _pruned(sec, PruneQuery(NOW)), NOTHING, "it is as young as any other")


def _of_graph(write: SagaCreateParams, digest: str, text: str) -> SagaCreateParams:
    return attrs.evolve(write, dag_digest=digest, dag_text=JsonText(text))


@PRUNE.demand
async def a_graph_goes_with_its_last_saga(subject: Subject) -> None:
    """It stays while any saga uses it. Storing a new text for its digest shows that it is gone."""
    async with living(subject) as sec:
        await sec.finished(ONE, SUCCEEDED)
        await sec.done(sec.create(TWO))
        await sec.session.prune(PruneQuery(NOW))
        text = (await sec.load(TWO)).dag_text
        expect(text, '{"a":"graph"}', "a graph stays while a saga has it")
        await sec.done(sec.record(TWO, 0, 1, SUCCEEDED))
        await sec.session.prune(PruneQuery(NOW))
        await sec.done(_of_graph(sec.create(THREE), "digest", '{"a":"new one"}'))
        text = (await sec.load(THREE)).dag_text
        expect(text, '{"a":"new one"}', "a graph that no saga has any more is gone")
