"""The in-memory store, held against what the port in `steno.store` promises."""

from collections.abc import AsyncIterator, Collection, Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import attrs
import pytest
import trio
import trio.testing

from steno import (
    InMemorySecStore,
    NoSuchSaga,
    SagaCachedState,
    SagaCreateParams,
    SagaIdInUse,
    SecStoreSession,
    StoreError,
)
from steno.core import JsonText, SagaId, SagaName
from steno.store import (
    Durable,
    Fence,
    ListQuery,
    Lost,
    Rejected,
    SagaClaim,
    SagaProblem,
    SagaRecord,
    SagaTimes,
    TakeOver,
    WriteOutcome,
)
from support.notation import events, shown

READY, RUNNING = SagaCachedState.READY, SagaCachedState.RUNNING
FINISHED = tuple(state for state in SagaCachedState if state.finished)

MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)

FIRST_LIFE = Fence("sec", 1)
DURABLE = Durable()


def saga(number: int) -> SagaId:
    """Return a saga id; they are in the order of their numbers."""
    return SagaId(UUID(int=number))


ONE, TWO, THREE = saga(1), saga(2), saga(3)


def create(saga_id: SagaId, log: str = "", fence: Fence = FIRST_LIFE) -> SagaCreateParams:
    return SagaCreateParams(
        saga_id=saga_id,
        saga_name=SagaName("trip"),
        dag_digest="digest",
        dag_text=JsonText('{"a": "graph"}'),
        params=JsonText('{"to":"Rome"}'),
        fence=fence,
        events=tuple(events(log, saga_id)),
    )


def record(
    saga_id: SagaId,
    first_seq: int,
    log: str = "",
    state: SagaCachedState = RUNNING,
    fence: Fence = FIRST_LIFE,
) -> SagaRecord:
    return SagaRecord(saga_id, fence, first_seq, tuple(events(log, saga_id)), state)


class Clock:
    """A clock that stands until it is set."""

    now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> InMemorySecStore:
    return InMemorySecStore(clock)


@pytest.fixture
async def session(store: InMemorySecStore) -> AsyncIterator[SecStoreSession]:
    async with store.open() as session:
        await session.take_over("sec")
        yield session


async def log_of(session: SecStoreSession, saga_id: SagaId) -> str:
    return shown((await session.load(saga_id)).events)


def is_refused(outcome: WriteOutcome, kind: type[Exception]) -> bool:
    return isinstance(outcome, Rejected) and isinstance(outcome.error, kind)


# Creating


async def test_a_saga_that_was_created_is_there(session: SecStoreSession):
    """All of it can be loaded: graph, params, name, fence; it is ready, and its log is empty."""
    assert await session.record([create(ONE)]) == [DURABLE]
    stored = await session.load(ONE)
    assert (stored.summary.id, stored.summary.name) == (ONE, "trip")
    assert (stored.summary.state, stored.summary.problem) == (READY, None)
    assert (stored.dag_digest, stored.dag_text) == ("digest", '{"a": "graph"}')
    assert (stored.params, stored.fence, stored.events) == ('{"to":"Rome"}', FIRST_LIFE, ())


async def test_a_saga_may_be_created_with_a_log(session: SecStoreSession):
    """That of a dump is stored with it, at once, and even if it is finished the saga is ready."""
    await session.record([create(ONE, "2+ 2✓ 0+")])
    stored = await session.load(ONE)
    assert shown(stored.events) == "2+ 2✓ 0+"
    assert stored.summary.state is READY


async def test_a_saga_that_was_never_created_is_not_there(session: SecStoreSession):
    """Loading it gives nothing; writing to it is rejected with its id."""
    assert await session.load(ONE) is None
    for write in (record(ONE, 0, "0+"), SagaProblem(ONE, FIRST_LIFE, "no")):
        (outcome,) = await session.record([write])
        assert is_refused(outcome, NoSuchSaga)
        assert outcome.error.saga_id == ONE
    assert await session.load(ONE) is None


async def test_creating_again_what_was_just_created_is_durable(session: SecStoreSession):
    """A batch whose answer was lost may be sent again, with a log and without."""
    for write in (create(ONE), create(TWO, "2+ 2✓")):
        assert await session.record([write]) == [DURABLE]
        before = await session.load(write.saga_id)
        assert await session.record([write, write]) == [DURABLE, DURABLE]
        assert await session.load(write.saga_id) == before


OTHERS = [
    attrs.evolve(create(ONE), saga_name=SagaName("tour")),
    attrs.evolve(create(ONE), dag_digest="other", dag_text=JsonText("{}")),
    attrs.evolve(create(ONE), params=JsonText("null")),
    attrs.evolve(create(ONE), fence=Fence("other", 1)),
    attrs.evolve(create(ONE), fence=Fence("sec", 2)),
    create(ONE, "2+"),
]


@pytest.mark.parametrize("other", OTHERS)
async def test_an_id_is_given_once(session: SecStoreSession, other: SagaCreateParams):
    """Whatever another saga of the same id differs in, it is rejected and changes nothing."""
    await session.record([create(ONE)])
    before = await session.load(ONE)
    (outcome,) = await session.record([other])
    assert is_refused(outcome, SagaIdInUse)
    assert outcome.error.saga_id == ONE
    assert await session.load(ONE) == before


async def test_a_saga_that_has_begun_can_not_be_created_again(session: SecStoreSession):
    """Not even with the same graph, params and fence: that is no answer that was lost."""
    await session.record([create(ONE), record(ONE, 0)])
    (outcome,) = await session.record([create(ONE)])
    assert is_refused(outcome, SagaIdInUse)
    await session.record([record(ONE, 0, "2+")])
    (outcome,) = await session.record([create(ONE, "2+")])
    assert is_refused(outcome, SagaIdInUse)


async def test_sagas_of_one_graph_share_its_text(session: SecStoreSession):
    """A graph is kept once per digest, so all its sagas load the very same text."""
    await session.record([create(ONE), create(TWO)])
    one, two = await session.load(ONE), await session.load(TWO)
    assert one.dag_text is two.dag_text


# Recording


async def test_events_are_kept_in_the_order_of_their_numbers(session: SecStoreSession):
    """Each record goes on where the one before ended, and sets the state."""
    await session.record([create(ONE)])
    assert await session.record([record(ONE, 0, "2+ 2✓"), record(ONE, 2, "0+")]) == [DURABLE] * 2
    assert await session.record([record(ONE, 3, "0✗", SagaCachedState.UNWINDING)]) == [DURABLE]
    assert await log_of(session, ONE) == "2+ 2✓ 0+ 0✗"
    assert (await session.load(ONE)).summary.state is SagaCachedState.UNWINDING


async def test_events_go_on_behind_those_that_a_saga_was_created_with(session: SecStoreSession):
    """The log of a dump has the first numbers."""
    await session.record([create(ONE, "2+ 2✓")])
    (outcome,) = await session.record([record(ONE, 0, "0+")])
    assert is_refused(outcome, StoreError)
    assert await session.record([record(ONE, 2, "0+")]) == [DURABLE]
    assert await log_of(session, ONE) == "2+ 2✓ 0+"


async def test_a_record_without_events_sets_the_state(session: SecStoreSession):
    """So does a saga begin, or end, whose step has nothing to log."""
    await session.record([create(ONE)])
    for state in SagaCachedState:
        assert await session.record([record(ONE, 0, state=state)]) == [DURABLE]
        assert (await session.load(ONE)).summary.state is state


async def test_a_record_may_be_sent_again(session: SecStoreSession):
    """Its events are written once, however often, alone and in a larger batch."""
    await session.record([create(ONE), create(TWO)])
    write = record(ONE, 0, "2+ 2✓ 0+")
    assert await session.record([write]) == [DURABLE]
    assert await session.record([write]) == [DURABLE]
    assert await session.record([write, record(TWO, 0, "2+"), write]) == [DURABLE] * 3
    assert await log_of(session, ONE) == "2+ 2✓ 0+"
    assert await log_of(session, TWO) == "2+"


async def test_a_record_that_leaves_a_gap_is_rejected(session: SecStoreSession):
    """A number beyond the next one would lose an event; nothing is changed, the state neither."""
    await session.record([create(ONE), record(ONE, 0, "2+")])
    for write in (record(ONE, 2, "0+", FINISHED[0]), record(ONE, 5, "", FINISHED[0])):
        (outcome,) = await session.record([write])
        assert is_refused(outcome, StoreError)
        assert str(ONE) in str(outcome.error)
    assert await log_of(session, ONE) == "2+"
    assert (await session.load(ONE)).summary.state is RUNNING


@pytest.mark.parametrize("log", ["2+ 2✗", "2+ 2✓=1", "0+ 2✓", "2+", ""])
async def test_what_is_stored_is_never_rewritten(session: SecStoreSession, log: str):
    """Other events under given numbers, or fewer of them: rejected, and nothing is changed."""
    await session.record([create(ONE), record(ONE, 0, "2+ 2✓ 0+")])
    before = await session.load(ONE)
    (outcome,) = await session.record([record(ONE, 0, log, FINISHED[0])])
    assert is_refused(outcome, StoreError)
    assert await session.load(ONE) == before


async def test_what_was_rejected_hurts_nobody_else_in_the_batch(session: SecStoreSession):
    """The answers are in the order of the batch, and each is for its own write."""
    await session.record([create(ONE), create(TWO)])
    outcomes = await session.record(
        [
            record(ONE, 1, "2+"),
            record(TWO, 0, "2+"),
            create(TWO, "2✓"),
            record(THREE, 0),
            create(THREE),
            record(THREE, 0, "2+"),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [
        Rejected,
        Durable,
        Rejected,
        Rejected,
        Durable,
        Durable,
    ]
    assert [await log_of(session, each) for each in (ONE, TWO, THREE)] == ["", "2+", "2+"]


async def test_an_empty_batch_is_nothing(session: SecStoreSession):
    """There is an answer for each write of it: none."""
    assert await session.record([]) == []


async def test_a_problem_is_noted_and_cleared(session: SecStoreSession):
    """It is in the summary, and changes neither the state nor the log."""
    await session.record([create(ONE), record(ONE, 0, "2+")])
    for problem in ("its action is missing", "its graph is torn", None):
        assert await session.record([SagaProblem(ONE, FIRST_LIFE, problem)]) == [DURABLE]
        (summary,) = await session.list(ListQuery())
        assert (summary.problem, summary.state) == (problem, RUNNING)
        assert (await session.load(ONE)).summary == summary
    assert await log_of(session, ONE) == "2+"


async def test_what_was_loaded_does_not_change(session: SecStoreSession):
    """It is what was stored then; later writes do not show in it."""
    await session.record([create(ONE), record(ONE, 0, "2+")])
    before = await session.load(ONE)
    await session.record([record(ONE, 1, "2✓"), SagaProblem(ONE, FIRST_LIFE, "no")])
    assert shown(before.events) == "2+"
    assert before.summary.problem is None


# Fencing


async def test_taking_over_raises_the_generation(store: InMemorySecStore):
    """Each opening of a name has a fence of its own, whether there are sagas or not."""
    async with store.open() as session:
        for generation in (1, 2, 3):
            assert await session.take_over("sec") == TakeOver(Fence("sec", generation), ())
        assert await session.take_over("other") == TakeOver(Fence("other", 1), ())


async def test_a_sec_takes_over_its_own_unfinished_sagas(session: SecStoreSession):
    """Those of its name, ready ones and quarantined ones too; none that is finished."""
    for number, state in enumerate(SagaCachedState):
        await session.record([create(saga(number)), record(saga(number), 0, state=state)])
    await session.record([create(saga(10), fence=Fence("other", 1))])
    await session.record([SagaProblem(saga(1), FIRST_LIFE, "its action is missing")])
    taken = await session.take_over("sec")
    second = Fence("sec", 2)
    unfinished = {saga(n) for n, state in enumerate(SagaCachedState) if not state.finished}
    assert taken.fence == second
    assert set(taken.claims) == {SagaClaim(saga_id, second) for saga_id in unfinished}
    for number, state in enumerate(SagaCachedState):
        fence = FIRST_LIFE if state.finished else second
        assert (await session.load(saga(number))).fence == fence
    assert (await session.load(saga(10))).fence == Fence("other", 1)


async def test_a_late_write_of_an_earlier_life_is_lost(session: SecStoreSession):
    """A record, a problem: refused, changing nothing, with the name of who has the saga now."""
    await session.record([create(ONE), record(ONE, 0, "2+")])
    await session.take_over("sec")
    before = await session.load(ONE)
    late = [
        record(ONE, 1, "2✓"),
        record(ONE, 0, "2+"),
        record(ONE, 1, state=FINISHED[0]),
        SagaProblem(ONE, FIRST_LIFE, "no"),
    ]
    assert await session.record(late) == [Lost("sec")] * 4
    assert await session.load(ONE) == before
    assert await session.record([record(ONE, 1, "2✓", fence=Fence("sec", 2))]) == [DURABLE]


async def test_a_late_creation_of_an_earlier_life_is_no_longer_the_same(session: SecStoreSession):
    """Once the saga was taken over, creating it again is refused; two lives never share a fence."""
    await session.record([create(ONE)])
    second = (await session.take_over("sec")).fence
    for write in (create(ONE), create(ONE, fence=Fence("sec", 3))):
        (outcome,) = await session.record([write])
        assert is_refused(outcome, SagaIdInUse)
    assert await session.record([create(TWO, fence=second)]) == [DURABLE]
    (outcome,) = await session.record([create(TWO)])
    assert is_refused(outcome, SagaIdInUse)


async def test_a_batch_is_fenced_saga_by_saga(session: SecStoreSession):
    """A saga that was taken over is lost; the others of the batch are written, before and after."""
    await session.record([create(ONE), create(TWO), create(THREE)])
    await session.claim(TWO, "other")
    for number, order in enumerate(permutations([ONE, TWO, THREE])):
        outcomes = await session.record([record(each, number, f"{number}+") for each in order])
        assert outcomes == [Lost("other") if each == TWO else DURABLE for each in order]
    assert await log_of(session, ONE) == await log_of(session, THREE) == "0+ 1+ 2+ 3+ 4+ 5+"
    assert await log_of(session, TWO) == ""


async def test_a_fence_is_a_name_and_a_generation(session: SecStoreSession):
    """Neither the right name with another generation may write, nor another name with the same."""
    await session.record([create(ONE)])
    for fence in (Fence("sec", 0), Fence("sec", 2), Fence("other", 1)):
        assert await session.record([record(ONE, 0, "2+", fence=fence)]) == [Lost("sec")]
    assert await log_of(session, ONE) == ""


async def test_one_saga_may_be_claimed(session: SecStoreSession):
    """It gets a new fence, whosever it was; the one it had is lost, and no other saga changes."""
    await session.record([create(ONE), create(TWO)])
    for name in ("other", "sec", "sec"):
        old = (await session.load(ONE)).fence
        claim = await session.claim(ONE, name)
        assert claim.saga_id == ONE
        assert (await session.load(ONE)).fence == claim.fence
        assert claim.fence.sec_name == name
        assert claim.fence.generation > old.generation
        assert await session.record([record(ONE, 0, fence=old)]) == [Lost(name)]
        assert await session.record([record(ONE, 0, fence=claim.fence)]) == [DURABLE]
    assert (await session.load(TWO)).fence == FIRST_LIFE


async def test_what_was_claimed_is_taken_over_with_the_rest(session: SecStoreSession):
    """A claim and a life of the SEC never have the same fence, whatever came first."""
    await session.record([create(ONE)])
    fences = [FIRST_LIFE]
    for _ in range(3):
        fences.append((await session.claim(ONE, "sec")).fence)
        taken = await session.take_over("sec")
        (claim,) = taken.claims
        assert claim.fence == (await session.load(ONE)).fence
        fences.append(claim.fence)
    generations = [fence.generation for fence in fences]
    assert generations == sorted(set(generations))


@pytest.mark.parametrize("state", FINISHED)
async def test_what_is_finished_can_not_be_claimed(
    session: SecStoreSession, state: SagaCachedState
):
    """There is nothing left to run; nor is there in a saga that does not exist."""
    await session.record([create(ONE), record(ONE, 0, state=state)])
    assert await session.claim(ONE, "other") is None
    assert await session.claim(TWO, "other") is None
    assert (await session.load(ONE)).fence == FIRST_LIFE


# Listing


async def listed(
    session: SecStoreSession,
    limit: int,
    states: Collection[SagaCachedState] | None = None,
    name: str | None = None,
) -> list[SagaId]:
    """Return all sagas of a listing, page by page."""
    found: list[SagaId] = []
    while True:
        marker = found[-1] if found else None
        page = await session.list(ListQuery(marker, limit, states, name))
        assert len(page) <= limit
        if not page:
            return found
        assert page[-1].id not in found, "it goes in circles"
        found += [summary.id for summary in page]


async def seventeen(session: SecStoreSession) -> None:
    """Create sagas in a bad order: their states in turn, and every third with a name of its own."""
    states = tuple(SagaCachedState)
    for number in sorted(range(17), key=lambda n: n * 7 % 17):
        write = create(saga(number))
        if number % 3 == 0:
            write = attrs.evolve(write, saga_name=SagaName("tour"))
        await session.record([write, record(saga(number), 0, state=states[number % len(states)])])


@pytest.mark.parametrize("limit", [1, 2, 5, 17, 100])
async def test_a_list_has_every_saga_once_in_order(session: SecStoreSession, limit: int):
    """By id, whatever the order of creation and the size of a page; an empty page is the end."""
    await seventeen(session)
    assert await listed(session, limit) == [saga(number) for number in range(17)]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_a_list_may_be_of_some_states_and_of_one_name(session: SecStoreSession, limit: int):
    """The filters hold together, and a page is filled with what matches."""
    await seventeen(session)
    states = tuple(SagaCachedState)
    chosen = {READY, SagaCachedState.STUCK}
    matching = [saga(n) for n in range(17) if states[n % len(states)] in chosen]
    assert await listed(session, limit, chosen) == matching
    assert await listed(session, limit, (), None) == []
    assert await listed(session, limit, None, "tour") == [saga(n) for n in range(0, 17, 3)]
    both = [each for each in matching if each.int % 3 == 0]
    assert await listed(session, limit, chosen, "tour") == both
    assert await listed(session, limit, None, "none of this name") == []
    page = await session.list(ListQuery(None, 3, chosen))
    assert [summary.id for summary in page] == matching[:3]


async def test_a_marker_need_not_be_a_saga(session: SecStoreSession):
    """A page begins behind it, also if there is none of that id, or it no longer matches."""
    await session.record([create(saga(number)) for number in (2, 4, 6)])
    page = await session.list(ListQuery(saga(3)))
    assert [summary.id for summary in page] == [saga(4), saga(6)]
    page = await session.list(ListQuery(saga(4)))
    assert [summary.id for summary in page] == [saga(6)]
    assert await session.list(ListQuery(saga(6))) == []


async def test_what_is_there_all_along_is_listed_once_while_others_come(session: SecStoreSession):
    """Sagas that are created between two pages, before and behind the marker, disturb no other."""
    await session.record([create(saga(10 * number)) for number in range(1, 9)])
    found: list[SagaId] = []
    while page := await session.list(ListQuery(found[-1] if found else None, 2)):
        assert page[-1].id not in found, "it goes in circles"
        found += [summary.id for summary in page]
        last = found[-1].int
        new = [last - 3, last + 3] if last < 80 else [last - 3]
        await session.record([create(saga(number)) for number in new])
    assert found == sorted(set(found))
    assert {saga(10 * number) for number in range(1, 9)} <= set(found)


async def test_a_list_shows_what_load_shows(session: SecStoreSession):
    """Both have the same summary of a saga."""
    await seventeen(session)
    for summary in await session.list(ListQuery()):
        assert (await session.load(summary.id)).summary == summary


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_has_room_for_one_saga_at_least(limit: int):
    """A page of none would be taken for the end of the list."""
    with pytest.raises(ValueError, match="limit"):
        ListQuery(limit=limit)


# Times


async def test_a_row_says_when_it_was_written(session: SecStoreSession, clock: Clock):
    """Created once; progressed with every record; ended with the first that finishes it."""

    async def times() -> SagaTimes:
        return (await session.load(ONE)).summary.times

    await session.record([create(ONE)])
    assert await times() == SagaTimes(MORNING, MORNING, None)
    clock.now = MORNING + SECOND
    await session.record([record(ONE, 0, "2+")])
    assert await times() == SagaTimes(MORNING, MORNING + SECOND, None)
    clock.now = MORNING + 2 * SECOND
    await session.record([SagaProblem(ONE, FIRST_LIFE, "no"), create(TWO)])
    await session.take_over("sec")
    assert await times() == SagaTimes(MORNING, MORNING + SECOND, None)
    clock.now = MORNING + 3 * SECOND
    end = record(ONE, 1, "2✗", SagaCachedState.FAILED, Fence("sec", 2))
    await session.record([end])
    assert await times() == SagaTimes(MORNING, clock.now, clock.now)
    clock.now = MORNING + 4 * SECOND
    await session.record([end])
    assert (await times()).ended == MORNING + 3 * SECOND
    assert (await times()).created == MORNING


async def test_without_a_clock_it_is_the_time_of_day():
    """Rows are stamped in UTC, by the machine's clock."""
    before = datetime.now(UTC)
    async with InMemorySecStore().open() as session:
        await session.record([create(ONE)])
        times = (await session.load(ONE)).summary.times
    assert before <= times.created == times.progressed <= datetime.now(UTC)
    assert times.created.tzinfo is UTC


# Sessions


def calls(session: SecStoreSession) -> Iterator:
    """Give one call of each method."""
    yield lambda: session.take_over("sec")
    yield lambda: session.claim(ONE, "sec")
    yield lambda: session.record([record(ONE, 0, "2+")])
    yield lambda: session.load(ONE)
    yield lambda: session.list(ListQuery())


async def test_a_session_that_was_left_is_closed(store: InMemorySecStore):
    """Every method says so, and nothing is written any more."""
    async with store.open() as session:
        await session.take_over("sec")
        await session.record([create(ONE)])
    for call in calls(session):
        with pytest.raises(StoreError, match="the session is closed"):
            await call()
    async with store.open() as again:
        assert await log_of(again, ONE) == ""
        assert (await again.take_over("sec")).fence == Fence("sec", 2)


async def test_a_session_is_closed_however_it_is_left(store: InMemorySecStore):
    """By an exception, and by cancellation, too."""
    with pytest.raises(KeyError):
        async with store.open() as session:
            raise KeyError
    with pytest.raises(StoreError):
        await session.load(ONE)
    with trio.CancelScope() as scope:
        async with store.open() as session:
            scope.cancel()
            await trio.sleep_forever()
    with pytest.raises(StoreError):
        await session.load(ONE)


async def test_what_was_stored_is_there_when_the_store_is_opened_again(store: InMemorySecStore):
    """The store keeps it; two stores have nothing in common."""
    async with store.open() as session:
        await session.take_over("sec")
        await session.record([create(ONE), record(ONE, 0, "2+ 2✓")])
        before = await session.load(ONE)
    async with store.open() as session:
        assert await session.load(ONE) == before
        assert (await session.take_over("sec")).claims == (SagaClaim(ONE, Fence("sec", 2)),)
    async with InMemorySecStore().open() as session:
        assert await session.load(ONE) is None
        assert await session.take_over("sec") == TakeOver(Fence("sec", 1), ())


async def test_two_sessions_fence_each_other(store: InMemorySecStore):
    """The one that took over last writes; the other one's write is lost, and it is told."""
    async with store.open() as old, store.open() as new:
        await old.take_over("sec")
        await old.record([create(ONE)])
        fence = (await new.take_over("sec")).fence
        assert await new.record([record(ONE, 0, "2+", fence=fence)]) == [DURABLE]
        assert await old.record([record(ONE, 1, "2✓")]) == [Lost("sec")]
        assert await log_of(old, ONE) == "2+"


async def test_a_call_that_is_cancelled_at_once_writes_nothing(store: InMemorySecStore):
    """Each method is a checkpoint, before it does anything."""
    async with store.open() as session:
        await session.take_over("sec")
        await session.record([create(ONE)])
        before = await session.load(ONE)
        with trio.CancelScope() as scope:
            scope.cancel()
            await session.record([record(ONE, 0, "2+")])
        assert scope.cancelled_caught
        for call in calls(session):
            with trio.testing.assert_checkpoints():
                await call()
        assert before.events == ()


async def test_a_batch_is_seen_whole_or_not_at_all(store: InMemorySecStore):
    """Whoever looks meanwhile sees all sagas of a batch as before it, or all as after it."""
    seen: set[tuple[str, ...]] = set()

    async def watch(session: SecStoreSession) -> None:
        while True:
            await trio.lowlevel.checkpoint()
            seen.add(tuple(shown(store.load(each).events) for each in (ONE, TWO, THREE)))

    async with store.open() as session, trio.open_nursery() as nursery:
        await session.take_over("sec")
        await session.record([create(each) for each in (ONE, TWO, THREE)])
        nursery.start_soon(watch, session)
        for number in range(5):
            await session.record([record(i, number, f"{number}+") for i in (ONE, TWO, THREE)])
        nursery.cancel_scope.cancel()
    assert len(seen) > 1
    assert all(len(set(logs)) == 1 for logs in seen)
