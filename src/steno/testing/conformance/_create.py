"""Creating: a saga is stored whole and once, under a unique id."""

from __future__ import annotations

import attrs

from steno.core import JsonText, SagaName
from steno.errors import NoSuchSaga, SagaIdInUse
from steno.store import Durable, Fence, ListQuery, Rejected
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_rejected, expect_that
from steno.testing.conformance._life import DURABLE, OTHER, SEC, living
from steno.testing.conformance._sample import (
    LARGE,
    NOWHERE,
    ODD_GRAPH,
    ODD_NAMES,
    ODD_TEXTS,
    ONE,
    READY,
    RUNNING,
    STATES,
    THREE,
    TWO,
    events,
    spread,
)
from steno.testing.conformance._subject import Subject

CREATE = Topic("create")


@CREATE.demand
async def a_saga_that_was_created_is_there(subject: Subject) -> None:
    """All of it can be loaded; it is ready, has no problem, and its log is empty."""
    async with living(subject) as sec:
        write = sec.create(ONE)
        await sec.done(write)
        stored = await sec.load(ONE)
        summary = stored.summary
        expect(
            (summary.saga_id, summary.saga_name),
            (ONE, "trip"),
            "load gives the saga that was asked for",
        )
        expect(summary.state, READY, "a saga that was created is ready")
        expect(summary.problem, None, "a saga that was created has no problem")
        expect(stored.fence, sec.fence, "a saga's row has the fence that it was created with")
        graph = (stored.dag_digest, stored.dag_text)
        expect(graph, (write.dag_digest, write.dag_text), "a saga's graph is stored")
        expect(stored.params, write.params, "a saga's params are stored")
        expect(stored.events, (), "the log of a new saga is empty")


@CREATE.demand
async def a_saga_may_be_created_with_a_log(subject: Subject) -> None:
    """The log of a dump is stored with it; later records are appended to it."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 5), sec.create(TWO, 2))
        await sec.expect_log(ONE, 5, "a saga is created with the events of its creation")
        state = (await sec.load(ONE)).summary.state
        expect(state, READY, "a saga that was created is ready, whatever its log says")
        (outcome,) = await sec.do(sec.record(TWO, 0, 3))
        expect(outcome, DURABLE, "a record may repeat the log that a saga was created with")
        await sec.done(sec.record(ONE, 5, 2))
        await sec.expect_log(ONE, 7, "records are appended to the log that a saga was created with")
        await sec.expect_log(TWO, 3, "what a record repeats is there once")


@CREATE.demand
async def a_saga_may_be_created_running(subject: Subject) -> None:
    """With its first step in its log; then it is taken over and continued like any other."""
    async with living(subject) as sec:
        write = sec.create(ONE, 3, RUNNING)
        await sec.done(write, sec.create(TWO, 3))
        state = (await sec.load(ONE)).summary.state
        expect(state, RUNNING, "a saga is created in the state of its creation")
        expect(await sec.do(write), [DURABLE], "a creation that is sent again is durable")
        query = ListQuery(states={RUNNING})
        expect(await sec.ids(query), [ONE], "a list has what was created in its state")
        await sec.done(sec.record(ONE, 3, 2))
        await sec.expect_log(
            ONE, 5, "records are appended to the step that a saga was created with"
        )
    async with living(subject) as sec:
        (outcome,) = await sec.do(sec.record(ONE, 5, 1))
        expect(outcome, DURABLE, "a saga that was created running is taken over")


@CREATE.demand
async def a_saga_that_was_never_created_is_not_there(subject: Subject) -> None:
    """Loading it returns None; writing to it is rejected, and does not create it."""
    async with living(subject) as sec:
        expect(await sec.session.load(NOWHERE), None, "load gives None if there is no such saga")
        writes = (
            sec.record(NOWHERE, 0, 1),
            sec.problem(NOWHERE, "no"),
            sec.trial(NOWHERE, passed=False),
        )
        for write in writes:
            (outcome,) = await sec.do(write)
            expect_rejected(
                outcome, NoSuchSaga, "a write to a saga that does not exist is rejected"
            )
        expect(await sec.session.load(NOWHERE), None, "only a SagaCreateParams makes a saga")
        expect(await sec.ids(ListQuery()), [], "a list has only what was created")


@CREATE.demand
async def a_creation_can_be_sent_again(subject: Subject) -> None:
    """Its answer may have been lost: the saga is durable, and exists once."""
    async with living(subject) as sec:
        for write in (sec.create(ONE), sec.create(TWO, 3)):
            await sec.done(write)
            before = await sec.load(write.saga_id)
            demand = "a creation that was written, and is sent again, is durable"
            expect(await sec.do(write), [DURABLE], demand)
            expect(await sec.do(write, sec.create(THREE), write), [DURABLE] * 3, demand)
            demand = "a creation that is sent again changes nothing"
            expect(await sec.load(write.saga_id), before, demand)


@CREATE.demand
async def an_id_is_given_once(subject: Subject) -> None:
    """A different saga with the same id is refused and changes nothing."""
    async with living(subject) as sec:
        first = sec.create(ONE, 2)
        await sec.done(first)
        before = await sec.load(ONE)
        others = {
            "name": attrs.evolve(first, saga_name=SagaName("tour")),
            "graph": attrs.evolve(first, dag_digest="2", dag_text=JsonText("{}")),
            "params": attrs.evolve(first, params=JsonText("null")),
            "sec": attrs.evolve(first, fence=Fence(OTHER, sec.fence.generation)),
            "generation": attrs.evolve(first, fence=Fence(SEC, sec.fence.generation + 1)),
            "longer log": sec.create(ONE, 3),
            "state": sec.create(ONE, 2, RUNNING),
            "shorter log": sec.create(ONE, 1),
            "empty log": sec.create(ONE),
        }
        for what, other in others.items():
            (outcome,) = await sec.do(other)
            demand = f"another saga of an id that is taken is rejected; it differs in its {what}"
            expect_rejected(outcome, SagaIdInUse, demand)
            expect(await sec.load(ONE), before, "a creation that is rejected changes nothing")


@CREATE.demand
async def an_id_is_given_once_within_a_batch(subject: Subject) -> None:
    """The first of two sagas of one id is created, the second is refused."""
    async with living(subject) as sec:
        other = attrs.evolve(sec.create(ONE), params=JsonText("null"))
        first, second, third = await sec.do(sec.create(ONE), other, sec.create(TWO))
        expect([first, third], [DURABLE] * 2, "the first to take an id gets it")
        expect_rejected(second, SagaIdInUse, "the second saga of one id in a batch is rejected")
        params = (await sec.load(ONE)).params
        expect(params, '{"to":"Rome"}', "a creation that is rejected changes nothing")


@CREATE.demand
async def a_saga_that_has_begun_cannot_be_created_again(subject: Subject) -> None:
    """Even if it is identical: a creator whose answer was lost cannot have recorded anything."""
    async with living(subject) as sec:
        ids = spread(len(STATES))
        for saga_id, state in zip(ids, STATES, strict=True):
            await sec.done(sec.create(saga_id), sec.record(saga_id, 0, 1, state))
            before = await sec.load(saga_id)
            for again in (sec.create(saga_id), sec.create(saga_id, 1)):
                if state is READY and again.events:
                    continue  # it looks like a saga created with one event
                (outcome,) = await sec.do(again)
                demand = f"a saga that is {state.value}, with a log, cannot be created again"
                expect_rejected(outcome, SagaIdInUse, demand)
            expect(await sec.load(saga_id), before, "a creation that is rejected changes nothing")


@CREATE.demand
async def a_graph_is_stored_once(subject: Subject) -> None:
    """
    A graph is identified by its content hash, so a second text with the same hash is ignored.

    A store may also refuse it.
    """
    async with living(subject) as sec:
        other = attrs.evolve(sec.create(TWO), dag_text=JsonText('{"another":"graph"}'))
        await sec.done(sec.create(ONE))
        (outcome,) = await sec.do(other)
        expect_that(isinstance(outcome, Durable | Rejected), "no saga was taken over", outcome)
        if isinstance(outcome, Durable):
            text = (await sec.load(TWO)).dag_text
            expect(text, '{"a":"graph"}', "a graph is stored once per content hash")
        text = (await sec.load(ONE)).dag_text
        expect(text, '{"a":"graph"}', "the graph of a saga never changes")


@CREATE.demand
async def a_creation_that_is_rejected_leaves_no_graph(subject: Subject) -> None:
    """Nothing would ever delete it. Storing another text for its hash shows that it is gone."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        for saga_id, text in ((ONE, "{}"), (TWO, "[]")):
            write = attrs.evolve(sec.create(saga_id), dag_digest="new", dag_text=JsonText(text))
            await sec.do(write)
        text = (await sec.load(TWO)).dag_text
        expect(text, "[]", "a creation that is rejected leaves no graph")


@CREATE.demand
async def texts_are_kept_to_the_letter(subject: Subject) -> None:
    """A store keeps JSON as text: order of keys, spelling of numbers, escapes and spaces."""
    async with living(subject) as sec:
        ids = spread(len(ODD_TEXTS))
        for saga_id, text in zip(ids, ODD_TEXTS, strict=True):
            write = attrs.evolve(sec.create(saga_id), dag_digest=f"of {saga_id}", params=text)
            await sec.done(attrs.evolve(write, dag_text=ODD_GRAPH))
        for saga_id, text in zip(ids, ODD_TEXTS, strict=True):
            stored = await sec.load(saga_id)
            expect(stored.params, text, "params are kept to the letter")
            expect(stored.dag_text, ODD_GRAPH, "a graph is kept to the letter")


@CREATE.demand
async def large_texts_are_kept(subject: Subject) -> None:
    """Params and graphs of a million bytes, and more than one of them in a batch."""
    async with living(subject) as sec:
        writes = [
            attrs.evolve(sec.create(each), dag_digest=f"of {each}", dag_text=LARGE, params=LARGE)
            for each in (ONE, TWO)
        ]
        await sec.done(*writes)
        for each in (ONE, TWO):
            stored = await sec.load(each)
            expect(stored.params, LARGE, "params of a million bytes are kept")
            expect(stored.dag_text, LARGE, "a graph of a million bytes is kept")


@CREATE.demand
async def names_are_kept_to_the_letter(subject: Subject) -> None:
    """The name of a saga is any text; case, accents, quotes and spaces are significant."""
    async with living(subject) as sec:
        ids = spread(len(ODD_NAMES))
        for saga_id, name in zip(ids, ODD_NAMES, strict=True):
            await sec.done(attrs.evolve(sec.create(saga_id), saga_name=SagaName(name)))
        found = [(await sec.load(saga_id)).summary.saga_name for saga_id in ids]
        expect(found, list(ODD_NAMES), "names are kept to the letter")


@CREATE.demand
async def many_sagas_may_be_created_in_one_batch(subject: Subject) -> None:
    """A batch has no limit: the writer sends everything that is queued."""
    async with living(subject) as sec:
        ids = spread(1_500)
        await sec.done(*[sec.create(saga_id, 2) for saga_id in ids])
        expect(await sec.ids(ListQuery(limit=2_000)), ids, "all sagas of a batch are stored")
        for saga_id in (ids[0], ids[700], ids[-1]):
            expect(await sec.log(saga_id), events(saga_id, 0, 2), "with their logs")
