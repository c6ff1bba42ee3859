"""Attention: why a person should look at a saga, where, and how many such sagas there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs

from steno.core import Attention, Concern, SagaId, SagaName
from steno.store import (
    AttentionGroup,
    Fence,
    ListQuery,
    Lost,
    PruneQuery,
    SagaSummary,
    SagaWrite,
)
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect, expect_rejected, expect_that
from steno.testing.conformance._life import DURABLE, OTHER, Life, living
from steno.testing.conformance._sample import (
    ABANDONED,
    FAILED,
    ODD_NAMES,
    ONE,
    RUNNING,
    STUCK,
    THREE,
    TWO,
    UNWINDING,
    spread,
)
from steno.testing.conformance._subject import Subject, needed

ATTENTION = Topic("attention")

QUARANTINED, HALTED = Concern(Attention.QUARANTINED, "charge"), Concern(Attention.HALTED)
HELD, IS_STUCK = Concern(Attention.HELD, "charge", "Refused"), Concern(Attention.STUCK, "book")
CONCERNS = (
    *(None, HELD, QUARANTINED, IS_STUCK, HALTED),
    *(Concern(Attention.HELD, "charge"), Concern(Attention.HELD, "/sub/charge", "Refused")),
    Concern(Attention.STUCK, "charge", "Refused"),
)
MANY = 3 * len(CONCERNS)
IDS = spread(MANY)
LIMITS = (1, 2, 5, 100)


def _concern(number: int) -> Concern | None:
    return CONCERNS[number % len(CONCERNS)]


def _name(number: int) -> SagaName:
    return SagaName("tour" if number % 5 == 0 else "trip")


async def _concern_of(sec: Life, saga_id: SagaId) -> Concern | None:
    """Return the concern of a saga as load gives it, which a list confirms."""
    summary = (await sec.load(saga_id)).summary
    listed = [each for each in await sec.listed(ListQuery()) if each.saga_id == saga_id]
    expect(listed, [summary], "a list has the summary that load gives")
    return summary.concern


async def _fill(sec: Life) -> list[SagaSummary]:
    """Create sagas in a mixed order, with each concern in turn, and return all by their ids."""
    for number in sorted(range(MANY), key=lambda n: n * 7 % MANY):
        saga_id, concern = IDS[number], _concern(number)
        create = attrs.evolve(sec.create(saga_id), saga_name=_name(number))
        if concern is None or concern.attention.is_of_log:
            state = STUCK if concern and concern.attention is Attention.STUCK else RUNNING
            await sec.done(create, sec.record(saga_id, 0, 1, state, concern=concern))
        else:
            await sec.done(create, sec.problem(saga_id, "no actions", concern=concern))
    return await sec.listed(ListQuery())


def _ids(sagas: Sequence[SagaSummary]) -> list[SagaId]:
    return [saga.saga_id for saga in sagas]


# Writing


@ATTENTION.demand
async def a_record_says_why_a_person_should_look(subject: Subject) -> None:
    """With events and without, and the last record counts; what it does not say is gone."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.create(TWO))
        expect(await _concern_of(sec, ONE), None, "nobody has to look at a new saga")
        seq = 0
        for concern in (HELD, HELD, IS_STUCK, None, None, IS_STUCK, HELD):
            for count in (0, 1):
                await sec.done(sec.record(ONE, seq, count, concern=concern))
                seq += count
                found = await _concern_of(sec, ONE)
                expect(found, concern, "a saga's row says why a person should look at it")
        await sec.done(sec.record(ONE, seq, concern=None))
        demand = "a record that changes only the concern is done"
        expect(await _concern_of(sec, ONE), None, demand)
        expect(await _concern_of(sec, TWO), None, "a concern is that of one saga")


@ATTENTION.demand
async def a_creation_may_say_why_a_person_should_look(subject: Subject) -> None:
    """It is not part of what the saga is: the same creation may come again without it."""
    async with living(subject) as sec:
        create = attrs.evolve(sec.create(ONE, 3), concern=HELD)
        await sec.done(create)
        for again in (create, attrs.evolve(create, concern=None)):
            expect(await sec.do(again), [DURABLE], "a creation that is sent again is durable")
            expect(await _concern_of(sec, ONE), HELD, "a saga is created with its concern")
        await sec.done(sec.record(ONE, 3, 1))
        expect(await _concern_of(sec, ONE), None, "a record changes what a creation has said")


@ATTENTION.demand
async def a_concern_is_kept_to_the_letter(subject: Subject) -> None:
    """Names of nodes and of classes in any script, quotes and spaces, or none."""
    async with living(subject) as sec:
        ids = spread(2 * len(ODD_NAMES))
        concerns = [Concern(Attention.HELD, name, ODD_NAMES[-1]) for name in ODD_NAMES]
        concerns += [Concern(Attention.STUCK, None, f"{name}{'🦀' * 199}") for name in ODD_NAMES]
        for saga_id, concern in zip(ids, concerns, strict=True):
            await sec.done(sec.create(saga_id), sec.record(saga_id, 0, 1, concern=concern))
        for saga_id, concern in zip(ids, concerns, strict=True):
            expect(await _concern_of(sec, saga_id), concern, "a concern is kept to the letter")
            query = ListQuery(attention_node=concern.node, error_type=concern.error_type)
            expect(await sec.ids(query), [saga_id], "a saga is found by its concern")


@ATTENTION.demand
async def what_is_noted_with_a_problem_is_graver(subject: Subject) -> None:
    """A record that knows only of the log does not change it; another problem does."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1, concern=HELD))
        for number, noted in enumerate((QUARANTINED, HALTED), start=1):
            await sec.done(sec.problem(ONE, "its action is missing", concern=noted))
            expect(await _concern_of(sec, ONE), noted, "a problem is noted with its concern")
            state = (RUNNING, UNWINDING)[number % 2]
            for concern in (None, HELD, IS_STUCK):
                await sec.done(sec.record(ONE, number, 0, state, concern=concern))
                found = await _concern_of(sec, ONE)
                expect(found, noted, "a record does not change what was noted with a problem")
            await sec.done(sec.record(ONE, number, 1, state, concern=None))
            expect(await _concern_of(sec, ONE), noted, "a concern stays as long as its problem")


@ATTENTION.demand
async def a_problem_is_gone_once_its_saga_is_finished(subject: Subject) -> None:
    """By a record of that end, in the same batch too; one that got stuck still has it."""
    async with living(subject) as sec:
        for saga_id, state in ((ONE, ABANDONED), (TWO, FAILED), (THREE, STUCK)):
            concern = IS_STUCK if state is STUCK else None
            note = sec.problem(saga_id, "no actions", concern=QUARANTINED)
            await sec.done(sec.create(saga_id), note)
            ending = sec.record(saga_id, 0, 1, state, concern=concern)
            await sec.done(*([ending] if state is ABANDONED else [note, ending]))
            summary = (await sec.load(saga_id)).summary
            left = ("no actions", QUARANTINED) if state is STUCK else (None, None)
            demand = "a record that finishes a saga clears its problem"
            expect((summary.problem, summary.concern), left, demand)
            expect(await _concern_of(sec, saga_id), summary.concern, demand)


@ATTENTION.demand
async def a_saga_may_be_abandoned_in_its_row(subject: Subject) -> None:
    """It has ended then, keeps its log and its problem, is not taken over, and can be pruned."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 2), sec.create(TWO))
        await sec.done(sec.problem(ONE, "no actions", concern=QUARANTINED))
        note = attrs.evolve(sec.problem(ONE, "abandoned by ann"), abandons=True)
        late = attrs.evolve(note, fence=Fence(OTHER, 1))
        outcomes = [Lost(sec.fence.sec_name), DURABLE, DURABLE]
        demand = "only its owner abandons a saga in its row, and may say so again"
        expect(await sec.do(late, note, note), outcomes, demand)
        saga = await sec.load(ONE)
        found = (saga.summary.state, saga.summary.problem, len(saga.events))
        demand = "a saga that is abandoned in its row keeps its log, and its problem"
        expect(found, (ABANDONED, "abandoned by ann", 2), demand)
        expect(await _concern_of(sec, ONE), None, "nobody has to look at an abandoned saga")
        expect_that(saga.summary.times.ended is not None, "an abandoned saga has ended", saga)
    async with living(subject) as sec:
        fence = (await sec.load(ONE)).fence
        expect(fence, note.fence, "an abandoned saga is not taken over")
        expect(await sec.session.claim(ONE, OTHER), None, "an abandoned saga cannot be claimed")
        query = PruneQuery(timedelta(0), {ABANDONED})
        expect(await sec.session.prune(query), [ONE], "an abandoned saga can be pruned")


@ATTENTION.demand
async def what_clears_a_problem_says_what_is_left(subject: Subject) -> None:
    """What the log says, or nothing; from then on records count again, in the same batch too."""
    async with living(subject) as sec:
        for saga_id, left in ((ONE, HELD), (TWO, None)):
            await sec.done(sec.create(saga_id), sec.problem(saga_id, "no", concern=HALTED))
            await sec.done(sec.problem(saga_id, None, concern=left))
            demand = "clearing a problem says why a person should still look"
            expect(await _concern_of(sec, saga_id), left, demand)
            await sec.done(sec.record(saga_id, 0, 1, concern=IS_STUCK))
            demand = "a record counts once there is no problem"
            expect(await _concern_of(sec, saga_id), IS_STUCK, demand)
        batch: list[SagaWrite] = [
            sec.create(THREE),
            sec.problem(THREE, "no", concern=QUARANTINED),
            sec.record(THREE, 0, 1, concern=IS_STUCK),
            sec.problem(THREE, None),
            sec.record(THREE, 1, 1, concern=HELD),
        ]
        await sec.done(*batch)
        expect(await _concern_of(sec, THREE), HELD, "the writes of a batch are done in order")


@ATTENTION.demand
async def a_write_that_is_refused_changes_no_concern(subject: Subject) -> None:
    """Whether it is lost, or leaves a gap, or was done before."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1, concern=HELD))
        (outcome,) = await sec.do(sec.record(ONE, 7, 1, concern=IS_STUCK))
        expect_rejected(outcome, Exception, "a record that leaves a gap is rejected")
        expect(await _concern_of(sec, ONE), HELD, "a record that is rejected changes nothing")
        fence = await sec.claim(ONE, OTHER)
        late = sec.record(ONE, 1, 1), sec.problem(ONE, "no", concern=QUARANTINED)
        expect(await sec.do(*late), [Lost(OTHER)] * 2, "what an earlier owner sends is lost")
        expect(await _concern_of(sec, ONE), HELD, "a write that is lost changes nothing")
        again = sec.record(ONE, 0, 1, fence=fence, concern=HELD)
        expect(await sec.do(again, again), [DURABLE] * 2, "a record can be sent again")
        expect(await _concern_of(sec, ONE), HELD, "a record that is sent again changes nothing")


@ATTENTION.demand
async def a_concern_is_there_when_the_store_is_opened_again(subject: Subject) -> None:
    """And can be changed then; what is taken over keeps it."""
    async with living(subject) as sec:
        before = await _fill(sec)
    async with living(subject) as sec:
        expect(await sec.listed(ListQuery()), before, "a concern is there when opened again")
        fence = (await sec.load(IDS[1])).fence
        await sec.done(sec.record(IDS[1], 1, 1, ABANDONED, fence))
        expect(await _concern_of(sec, IDS[1]), None, "a record clears a concern in the next life")
        fence = (await sec.load(IDS[2])).fence
        await sec.done(sec.record(IDS[2], 0, 1, fence=fence))
        expect(await _concern_of(sec, IDS[2]), QUARANTINED, "a problem stands in the next life")


@ATTENTION.demand
async def a_concern_goes_with_its_saga(subject: Subject) -> None:
    """One of the same id begins without."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE), sec.record(ONE, 0, 1, FAILED, concern=IS_STUCK))
        await sec.session.prune(PruneQuery(timedelta(0)))
        expect(await sec.session.attention(ListQuery()), [], "what was pruned is not counted")
        await sec.done(sec.create(ONE))
        expect(await _concern_of(sec, ONE), None, "a new saga has no concern of one that is gone")


# Finding


@ATTENTION.demand
async def a_list_may_be_of_what_needs_attention(subject: Subject) -> None:
    """For any of some reasons, in both orders, page by page."""
    async with living(subject) as sec:
        sagas = await _fill(sec)
        choices = [{each} for each in Attention]
        choices += [set(Attention), {Attention.STUCK, Attention.HELD}, set[Attention]()]
        for chosen in choices:
            query = ListQuery(attention=chosen)
            await _expect_found(sec, sagas, query, f"a list has what needs attention: {chosen}")


@ATTENTION.demand
async def a_list_may_be_of_a_node_and_an_error(subject: Subject) -> None:
    """The exact names, of sagas that need attention, for whatever reason."""
    async with living(subject) as sec:
        sagas = await _fill(sec)
        for node in (None, "charge", "book", "/sub/charge", "Charge", ""):
            for error in (None, "Refused", "refused", ""):
                query = ListQuery(attention_node=node, error_type=error)
                demand = f"a list has the sagas of the node {node!r} and the error {error!r}"
                await _expect_found(sec, sagas, query, demand)


@ATTENTION.demand
async def attention_holds_with_other_filters(subject: Subject) -> None:
    """States, a name, an owner and the reason at once."""
    async with living(subject) as sec:
        sagas = await _fill(sec)
        for attention in ({Attention.HELD}, set(Attention)):
            for query in (
                ListQuery(attention=attention, name="tour"),
                ListQuery(attention=attention, states={RUNNING, STUCK}),
                ListQuery(attention=attention, sec_name=OTHER),
                ListQuery(attention=attention, attention_node="charge", states={RUNNING}),
                ListQuery(attention={Attention.STUCK}, error_type="Refused", name="trip"),
            ):
                demand = "a list has the sagas that match all of its filters"
                await _expect_found(sec, sagas, query, demand)


async def _expect_found(  # noqa: ASYNC910 - there are some limits
    sec: Life, sagas: Sequence[SagaSummary], query: ListQuery, demand: str
) -> None:
    wanted = [saga for saga in sagas if query.matches(saga, sec.fence.sec_name)]
    newest = sorted(wanted, key=lambda saga: saga.number, reverse=True)
    for limit in LIMITS:
        found = await sec.listed(attrs.evolve(query, limit=limit))
        expect(_ids(found), _ids(wanted), demand)
        found = await sec.listed(attrs.evolve(query, limit=limit, newest_first=True))
        expect(_ids(found), _ids(newest), demand)


@ATTENTION.demand
async def a_concern_that_has_changed_is_listed_as_it_is_now(subject: Subject) -> None:
    """A saga is found by its present concern, and no longer by the one before."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        for number, concern in enumerate((HELD, IS_STUCK, None, HELD)):
            await sec.done(sec.record(ONE, number, 1, concern=concern))
            found = [
                each for each in Attention if await sec.ids(ListQuery(attention={each})) == [ONE]
            ]
            wanted = [] if concern is None else [concern.attention]
            expect(found, wanted, "a list uses the present concern")


# Counting


def _wanted(sec: Life, sagas: Sequence[SagaSummary], query: ListQuery) -> list[AttentionGroup]:
    """Return the groups of sagas that match, in any order."""
    keys = [
        (saga.concern, saga.saga_name)
        for saga in sagas
        if saga.concern is not None and query.matches(saga, sec.fence.sec_name)
    ]
    return [
        AttentionGroup(each.attention, name, each.node, each.error_type, keys.count((each, name)))
        for each, name in set(keys)
    ]


@ATTENTION.demand
async def what_needs_attention_is_counted(subject: Subject) -> None:
    """By reason, name, node and error: the gravest first, and of one reason the largest group."""
    async with living(subject) as sec:
        expect(await sec.session.attention(ListQuery()), [], "a new store has no groups")
        sagas = await _fill(sec)
        groups = list(await sec.session.attention(ListQuery()))
        wanted = _wanted(sec, sagas, ListQuery())
        demand = "each group of sagas that need attention is counted once, and no other saga"
        expect((set(groups), len(groups)), (set(wanted), len(wanted)), demand)
        gravity = list(Attention)
        places = [(gravity.index(group.attention), -group.count) for group in groups]
        expect(places, sorted(places), "the gravest reason comes first, then the largest group")


@ATTENTION.demand
async def what_is_counted_may_be_filtered(subject: Subject) -> None:
    """By all that a list is filtered by; where a page begins and ends does not matter."""
    async with living(subject) as sec:
        sagas = await _fill(sec)
        for query in (
            ListQuery(IDS[-1], limit=1),
            ListQuery(0, limit=1, newest_first=True),
            ListQuery(attention={Attention.HELD}),
            ListQuery(attention=()),
            ListQuery(attention_node="charge"),
            ListQuery(error_type="Refused"),
            ListQuery(attention={Attention.HELD}, attention_node="charge", error_type="Refused"),
            ListQuery(name="tour"),
            ListQuery(states={STUCK}),
            ListQuery(sec_name=OTHER),
            ListQuery(ended_since=sagas[0].times.created),
        ):
            wanted = _wanted(sec, sagas, query)
            groups = await sec.session.attention(query)
            expect(set(groups), set(wanted), "only sagas that match are counted")


@ATTENTION.demand
async def a_reader_counts_what_needs_attention(subject: Subject) -> None:
    """As the session does."""
    open_reader = needed(subject.open_reader, "store.open_reader")
    async with living(subject) as sec:
        await _fill(sec)
        for query in (ListQuery(), ListQuery(attention={Attention.HELD}, name="trip")):
            groups = list(await sec.session.attention(query))
            async with open_reader() as reader:
                found = list(await reader.attention(query))
            expect(found, groups, "a reader counts what needs attention, as the session does")
