"""Recording: batches of writes, each with an outcome; numbers make them idempotent."""

from __future__ import annotations

import attrs

from steno.core import NULL, Failed, Started, Succeeded
from steno.store import Durable, ListQuery, Rejected, SagaWrite
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_rejected
from steno.testing.conformance._life import DURABLE, living
from steno.testing.conformance._sample import (
    ERRORS,
    FAILED,
    LARGE,
    NOWHERE,
    ODD_NAMES,
    ONE,
    RUNNING,
    STATES,
    SUCCEEDED,
    THREE,
    TWO,
    UNWINDING,
    events,
    every_kind,
    node_event,
    orders,
    spread,
)
from steno.testing.conformance._subject import Subject

RECORD = Topic("record")


@RECORD.demand
async def events_are_kept_in_the_order_of_their_numbers(subject: Subject) -> None:
    """Each record continues where the previous one ended, in the same batch and in the next."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        await sec.done(sec.record(ONE, 0, 2), sec.record(ONE, 2, 1))
        await sec.done(sec.record(ONE, 3, 4))
        await sec.expect_log(ONE, 7, "a log has all its events, in the order of their numbers")


@RECORD.demand
async def a_long_log_is_kept_in_order(subject: Subject) -> None:
    """Number 10 comes after number 9, in a record of any length."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1_100))
        await sec.done(sec.record(ONE, 1_100, 11))
        await sec.expect_log(ONE, 1_111, "a log has all its events, in the order of their numbers")


@RECORD.demand
async def every_kind_of_event_is_kept(subject: Subject) -> None:
    """With its exact data; outputs may be large."""
    async with living(subject) as sec:
        log = every_kind(ONE)
        write = attrs.evolve(sec.record(ONE, 0), events=log)
        await sec.done(sec.create(ONE), write)
        for found, wanted in zip(await sec.log(ONE), log, strict=True):
            expect(found, wanted, "an event is kept as it was recorded, its data to the letter")
        large = (node_event(TWO, 0, Started()), node_event(TWO, 0, Succeeded(LARGE)))
        await sec.done(sec.create(TWO), attrs.evolve(sec.record(TWO, 0), events=large))
        expect(await sec.log(TWO), large, "an output of a million bytes is kept")


@RECORD.demand
async def an_event_may_be_of_no_node(subject: Subject) -> None:
    """An order on the saga itself is not one on its first node, nor is it dropped."""
    async with living(subject) as sec:
        log = orders(ONE)
        await sec.done(sec.create(ONE))
        for number, event in enumerate(log):
            await sec.done(sec.record_of(ONE, number, (event,), sec.fence))
        found = [event.node_id for event in await sec.log(ONE)]
        expect(found, [event.node_id for event in log], "an event is of the node that it was of")
        await sec.done(attrs.evolve(sec.create(TWO), events=orders(TWO)))
        expect(await sec.log(TWO), orders(TWO), "an event of no node is kept, to the letter")


@RECORD.demand
async def a_record_sets_the_state(subject: Subject) -> None:
    """With and without events: a saga may begin with a step that has nothing to log."""
    async with living(subject) as sec:
        ids = spread(2 * len(STATES))
        await sec.done(*[sec.create(each) for each in ids])
        for state, one, two in zip(STATES, ids[::2], ids[1::2], strict=True):
            await sec.done(sec.record(one, 0, 0, state), sec.record(two, 0, 1, state))
            found = [(await sec.load(each)).summary.state for each in (one, two)]
            expect(found, [state] * 2, "the row says what the last record said")
            await sec.expect_log(one, 0, "a record without events adds none")


@RECORD.demand
async def a_record_can_be_sent_again(subject: Subject) -> None:
    """Its answer may have been lost. It may be sent with other writes than before."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.create(TWO))
        write = sec.record(ONE, 0, 3, UNWINDING)
        for batch in ([write], [write], [write, sec.record(TWO, 0, 1), write]):
            demand = "a record that was written, and is sent again, is durable"
            expect(await sec.do(*batch), [DURABLE] * len(batch), demand)
            await sec.expect_log(ONE, 3, "a record that is sent again is there once")
        end = sec.record(ONE, 3, 1, FAILED)
        await sec.done(end)
        expect(await sec.do(end), [DURABLE], "the record that finishes a saga can be sent again")
        state = (await sec.load(ONE)).summary.state
        expect(state, FAILED, "a record that is sent again changes nothing")


@RECORD.demand
async def a_batch_that_was_written_can_be_sent_again(subject: Subject) -> None:
    """Creations, records and problems of many sagas, all at once."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.create(TWO), sec.record(ONE, 0, 1))
        batch: list[SagaWrite] = [
            sec.record(ONE, 1, 2, SUCCEEDED),
            sec.create(THREE, 2),
            sec.problem(TWO, "its action is missing"),
        ]
        await sec.done(*batch)
        before = [await sec.load(each) for each in (ONE, TWO, THREE)]
        expect(await sec.do(*batch), [DURABLE] * 3, "a batch that was written can be sent again")
        after = [await sec.load(each) for each in (ONE, TWO, THREE)]
        demand = "a batch that is sent again adds nothing"
        expect([each.events for each in after], [each.events for each in before], demand)
        found = [(each.summary.state, each.summary.problem) for each in after]
        wanted = [(each.summary.state, each.summary.problem) for each in before]
        expect(found, wanted, demand)


@RECORD.demand
async def a_record_may_repeat_the_end_of_a_log(subject: Subject) -> None:
    """What is already stored is unchanged; the rest is appended."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 3))
        (outcome,) = await sec.do(sec.record(ONE, 1, 4))
        expect(outcome, DURABLE, "a record may begin with the last events that are stored")
        await sec.expect_log(ONE, 5, "events are there once, each under its number")


@RECORD.demand
async def a_record_that_leaves_a_gap_is_rejected(subject: Subject) -> None:
    """A number beyond the next one would lose an event; nothing changes, not even the state."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1))
        before = await sec.load(ONE)
        for write in (sec.record(ONE, 2, 1, FAILED), sec.record(ONE, 5, 0, FAILED)):
            (outcome,) = await sec.do(write)
            expect_rejected(outcome, Exception, "a record whose first_seq leaves a gap is rejected")
            expect(await sec.load(ONE), before, "a record that is rejected changes nothing")


@RECORD.demand
async def what_is_stored_is_never_rewritten(subject: Subject) -> None:
    """Different events under stored numbers, or fewer than are stored, are rejected."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 3))
        before = await sec.load(ONE)
        started, succeeded, _ = before.events
        wrong = {
            "another type": (started, node_event(ONE, 0, Failed(ERRORS[2]))),
            "another output": (started, node_event(ONE, 0, Succeeded(NULL))),
            "another node": (started, succeeded, node_event(ONE, 7, Started())),
            "another type, and more": (started, node_event(ONE, 0, Failed(ERRORS[0])), started),
            "fewer events": (started, succeeded),
            "no events": (),
        }
        for what, log in wrong.items():
            write = attrs.evolve(sec.record(ONE, 0, 0, FAILED), events=log)
            (outcome,) = await sec.do(write)
            demand = f"a record that says of stored numbers {what} is rejected"
            expect_rejected(outcome, Exception, demand)
            expect(await sec.load(ONE), before, "a record that is rejected changes nothing")


@RECORD.demand
async def a_write_that_is_rejected_hurts_no_other(subject: Subject) -> None:
    """The outcomes are in the order of the batch, one for each write."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.create(TWO))
        outcomes = await sec.do(
            sec.record(ONE, 1, 1),
            sec.record(TWO, 0, 1),
            sec.create(TWO, 2),
            sec.record(THREE, 0),
            sec.problem(NOWHERE, "no"),
            sec.create(THREE),
            sec.record(THREE, 0, 1),
        )
        wanted = [Rejected, Durable, Rejected, Rejected, Rejected, Durable, Durable]
        demand = "each write of a batch is answered for on its own, in the order of the batch"
        expect([type(outcome) for outcome in outcomes], wanted, demand)
        for saga_id, count in ((ONE, 0), (TWO, 1), (THREE, 1)):
            await sec.expect_log(saga_id, count, "the other writes of a batch are done")


@RECORD.demand
async def writes_of_one_saga_are_done_in_their_order(subject: Subject) -> None:
    """The last write of a batch wins, both for the state and for the problem."""
    async with living(subject) as sec:
        await sec.done(
            sec.create(ONE),
            sec.record(ONE, 0, 1, RUNNING),
            sec.problem(ONE, "no"),
            sec.create(TWO),
            sec.record(ONE, 1, 1, UNWINDING),
            sec.problem(ONE, None),
            sec.record(ONE, 2, 1, FAILED),
            sec.problem(TWO, None),
            sec.problem(TWO, "no"),
        )
        summaries = await sec.session.list(ListQuery())
        found = [(summary.state, summary.problem) for summary in summaries]
        wanted = [(FAILED, None), (STATES[0], "no")]
        expect(found, wanted, "the writes of one saga are done in the order of the batch")
        await sec.expect_log(ONE, 3, "the records of a batch are all done")


@RECORD.demand
async def an_empty_batch_has_no_answers(subject: Subject) -> None:
    """And it does not change the store."""
    async with living(subject) as sec:
        expect(await sec.do(), [], "an empty batch has no outcomes")
        expect(await sec.ids(ListQuery()), [], "an empty batch changes nothing")


@RECORD.demand
async def a_problem_is_noted_and_cleared(subject: Subject) -> None:
    """It is in the summary, exactly, and changes nothing else."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1), sec.create(TWO))
        before = await sec.load(ONE)
        for problem in (*ODD_NAMES, "a\nlong\n" * 1_000, None, "again", None):
            await sec.done(sec.problem(ONE, problem))
            wanted = attrs.evolve(before, summary=attrs.evolve(before.summary, problem=problem))
            expect(await sec.load(ONE), wanted, "a problem is noted, and nothing else changes")
        problem = (await sec.load(TWO)).summary.problem
        expect(problem, None, "a problem is that of one saga")


@RECORD.demand
async def what_was_answered_is_seen_by_every_later_call(subject: Subject) -> None:
    """The runtime reads back what it has just written."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        for number in range(12):
            state = (RUNNING, UNWINDING)[number % 2]
            await sec.done(sec.record(ONE, number, 1, state))
            (listed,) = await sec.session.list(ListQuery(states={state}))
            stored = await sec.load(ONE)
            demand = "what a write was answered for is seen by every later call"
            expect((stored.events, listed), (events(ONE, 0, number + 1), stored.summary), demand)
