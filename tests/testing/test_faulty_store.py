"""A store with faults, and what a SEC makes of each of them."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import trio

from steno import (
    ActionContext,
    ActionFunc,
    ActionRegistry,
    DagBuilder,
    InMemorySecStore,
    Node,
    SagaCachedState,
    SagaDag,
    SagaHaltedError,
    SagaId,
    StoreError,
    StoreUnavailable,
    open_sec,
)
from steno.core import NULL, JsonText, SagaNodeEvent, SagaNodeId, Started, Succeeded
from steno.store import (
    Durable,
    Fence,
    ListQuery,
    PruneQuery,
    Rejected,
    SagaCreateParams,
    SagaRecord,
    SagaWrite,
    SecStoreSession,
)
from steno.testing import verify_log
from steno.testing.faults import (
    Batch,
    Commit,
    Crash,
    Delay,
    FaultyStore,
    Refusal,
    Reordered,
    Torn,
    Unavailable,
    When,
)
from steno.testing.schedule import run_seeded

ONE, TWO = (SagaId(uuid.UUID(int=number)) for number in (1, 2))


# The store alone


def is_of_several(batch: Batch) -> bool:
    return len(batch) > 1


async def opened(store: FaultyStore, then: Callable) -> object:
    async with store.open() as session:
        fence = (await session.take_over("me")).fence
        return await then(session, fence)


def create(saga_id: SagaId, fence: Fence) -> SagaCreateParams:
    return SagaCreateParams(saga_id, "test", "digest", JsonText("{}"), NULL, fence)


def record(saga_id: SagaId, fence: Fence, seq: int) -> SagaRecord:
    kind = Succeeded(NULL) if seq % 2 else Started()
    event = SagaNodeEvent(saga_id, SagaNodeId(seq // 2), kind)
    return SagaRecord(saga_id, fence, seq, (event,), SagaCachedState.RUNNING)


def batch_of_four(fence: Fence) -> list[SagaWrite]:
    """Return the beginnings of two sagas."""
    return [
        create(ONE, fence),
        create(TWO, fence),
        record(ONE, fence, 0),
        record(ONE, fence, 1),
    ]


async def write_four(session: SecStoreSession, fence: Fence) -> object:
    try:
        return await session.record(batch_of_four(fence))
    except (StoreError, StoreUnavailable) as error:
        return error


def written(fault: object) -> tuple[object, int, int | None, Commit]:
    """Return what a batch of four was answered, and how many events the sagas have then."""
    store = FaultyStore(InMemorySecStore(), {0: fault} if fault is not None else {})
    answer = run_seeded(opened, store, write_four)
    (commit,) = store.commits
    one, two = store.inner.load(ONE), store.inner.load(TWO)
    lengths = [None if each is None else len(each.events) for each in (one, two)]
    assert {i: n for i, n in zip((ONE, TWO), lengths, strict=True) if n is not None} == (
        store.durable
    )
    assert commit.durable == store.durable
    return answer, *lengths, commit


def test_a_batch_without_a_fault_is_written():
    """It is noted with what was durable after it."""
    answer, one, two, commit = written(None)
    assert (answer, one, two) == ([Durable()] * 4, 2, 0)
    assert (commit.number, commit.fault, commit.answer) == (0, None, answer)
    assert commit.written == list(commit.batch)


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
def test_a_store_may_be_away(when: When):
    """Before, nothing is written; after, all is, and only the answer is lost."""
    answer, one, two, commit = written(Unavailable(when))
    assert isinstance(answer, StoreUnavailable)
    assert (one, two) == ((None, None) if when is When.BEFORE else (2, 0))
    assert commit.answer is answer
    assert len(commit.written) == (0 if when is When.BEFORE else 4)


def test_a_batch_may_be_refused_as_a_whole():
    """Nothing of it is written; a condition says which batches are meant."""
    poison = StoreError("a row is poisoned")
    answer, one, two, _ = written(Refusal(poison))
    assert (answer, one, two) == (poison, None, None)
    assert isinstance(written(Refusal(if_of=is_of_several))[0], StoreError)
    answer, one, two, _ = written(Refusal(poison, lambda batch: len(batch) == 1))
    assert (answer, one, two) == ([Durable()] * 4, 2, 0)


@pytest.mark.parametrize(
    ("order", "one", "two", "places"),
    [
        ((), None, None, []),
        ((1,), None, 0, [1]),
        ((0, 2), 1, None, [0, 2]),
        ((3, 2, 1, 0), 0, 0, [1, 0]),  # events without their saga, and a number too far, are not
        ((0, 3), 0, None, [0]),
        ((9, 1, 0), 0, 0, [1, 0]),
    ],
)
def test_a_batch_may_be_torn(order: tuple[int, ...], one: int, two: int, places: list[int]):
    """Some writes are done, one at a time and in an order, and nobody is told which."""
    answer, *lengths, commit = written(Torn(order))
    assert isinstance(answer, StoreUnavailable)
    assert lengths == [one, two]
    assert commit.written == [commit.batch[place] for place in places]


def test_a_torn_batch_may_be_said_to_be_written():
    """A disk that lies: the answer is for all, and what is durable is noted all the same."""
    answer, one, two, commit = written(Torn((0,), Durable()))
    assert (answer, one, two) == ([Durable()] * 4, 0, None)
    assert commit.durable == {ONE: 0}


def test_a_batch_may_be_written_in_another_order():
    """Each write gets its own answer; those of one saga do not stand each other's places."""
    (first, second, third, fourth), one, two, _ = written(Reordered())
    assert (first, second) == (Durable(), Durable())
    assert isinstance(third, Rejected)
    assert isinstance(fourth, Rejected)
    assert (one, two) == (0, 0)
    answer, one, two, commit = written(Reordered(lambda place: (place % 2, place)))
    assert [isinstance(each, Durable) for each in answer] == [True, True, True, True]
    assert commit.written == [commit.batch[place] for place in (0, 2, 1, 3)]


def test_a_batch_may_take_time_before_and_after():
    """In virtual seconds; what else goes wrong does so in between."""

    async def timed(session: SecStoreSession, fence: Fence) -> tuple[object, float]:
        return await write_four(session, fence), trio.current_time()

    for fault, seconds in ((None, 60), (Unavailable(), 20)):
        inner = Delay(20, 40) if fault is None else Delay(20, 40, fault)
        store = FaultyStore(InMemorySecStore(), {0: inner})
        answer, took = run_seeded(opened, store, timed)
        assert took == seconds
        assert isinstance(answer, StoreUnavailable) == (fault is not None)


@pytest.mark.parametrize("when", When)
def test_a_crash_comes_before_in_or_after_a_write(when: When):
    """Before, nothing is written; afterwards all is, whether or not the caller learns of it."""
    calls = []
    answer, one, two, _ = written(Crash(lambda: calls.append(when), when))
    assert calls == [when]
    assert (one, two) == ((None, None) if when is When.BEFORE else (2, 0))
    assert isinstance(answer, StoreUnavailable) == (when is When.BEFORE)


def test_a_script_may_choose_by_number_and_batch():
    """Numbers are counted over all sessions; what it gives may be any function."""
    seen = []

    async def own(write: Callable, batch: list[SagaWrite]) -> object:
        return [Rejected(KeyError()) for _ in batch]

    def script(number: int, batch: list[SagaWrite]) -> Callable | None:
        seen.append((number, len(batch)))
        return own if number == 1 else None

    store = FaultyStore(InMemorySecStore(), script)
    answers = [run_seeded(opened, store, write_four) for _ in range(2)]
    assert seen == [(0, 4), (1, 4)]
    assert answers[0] == [Durable()] * 4
    assert all(isinstance(each, Rejected) for each in answers[1])


def test_what_is_cancelled_has_no_answer():
    """The batch is noted all the same, with what had become durable of it."""

    async def cancelled(session: SecStoreSession, fence: Fence) -> None:
        with trio.move_on_after(5):
            await session.record(batch_of_four(fence))

    store = FaultyStore(InMemorySecStore(), {0: Delay(after=10)})
    run_seeded(opened, store, cancelled)
    assert store.commits[0].answer is None
    assert store.commits[0].durable == {ONE: 2, TWO: 0}


def test_all_else_is_that_of_the_store_within():
    """Reading, taking over, claiming, listing and pruning pass through."""

    async def all_of_it(session: SecStoreSession, fence: Fence) -> None:
        await write_four(session, fence)
        assert (await session.load(TWO)).events == ()
        claim = await session.claim(TWO, "other")
        assert claim.fence.sec_name == "other"
        assert [s.saga_id for s in await session.list(ListQuery())] == [ONE, TWO]
        assert await session.prune(PruneQuery(timedelta(0))) == []

    run_seeded(opened, FaultyStore(InMemorySecStore()), all_of_it)


# A SEC on it


async def nothing(ctx: ActionContext[None]) -> None:
    await trio.lowlevel.checkpoint()


REGISTRY = ActionRegistry()
REGISTRY.register(ActionFunc.new_action("nothing", nothing, nothing))


def chain(length: int = 4) -> SagaDag:
    builder = DagBuilder("chain")
    for number in range(length):
        builder.append(Node.action(f"n{number}", "nothing", label="N"))
    return SagaDag(builder.build())


DAG = chain()


async def run_two(store: FaultyStore, **options: object) -> list[object]:
    """Run two sagas side by side; return how each has ended for who waited for it."""
    ends: dict[SagaId, object] = {}

    async def run_one(sec: object, saga_id: SagaId) -> None:
        try:
            ends[saga_id] = (await sec.saga_run(DAG, saga_id=saga_id)).unwrap()
        except SagaHaltedError as error:
            ends[saga_id] = error

    async with open_sec(store, REGISTRY, **options) as sec, trio.open_nursery() as nursery:
        for saga_id in (ONE, TWO):
            nursery.start_soon(run_one, sec, saga_id)
    return [ends[ONE], ends[TWO]]


def logs_are_whole(store: FaultyStore) -> None:
    for saga_id in (ONE, TWO):
        stored = store.inner.load(saga_id)
        finished = stored.summary.state
        assert finished is SagaCachedState.SUCCEEDED
        assert verify_log(DAG, stored.events, saga_id=saga_id, finished=finished) is None


HEALED = {
    "unavailable before": Unavailable(),
    "unavailable after": Unavailable(When.AFTER),
    "refusal of several": Refusal(if_of=is_of_several),
    "delay": Delay(3, 3),
    "torn, none written": Torn(),
    "torn, the first written": Torn((0,)),
    "torn, the second written": Torn((1,)),
    "both written, unanswered": Torn((1, 0)),
    "reordered": Reordered(),
}


@pytest.mark.parametrize("fault", HEALED.values(), ids=HEALED)
def test_a_sec_heals_what_can_be_healed(fault: object):
    """At any one commit, or at any two in a row: both sagas succeed, and their logs are whole."""
    whole = FaultyStore(InMemorySecStore())
    run_seeded(run_two, whole)
    assert len(whole.commits) > 4
    for number in range(len(whole.commits)):
        store = FaultyStore(InMemorySecStore(), {number: fault, number + 1: fault})
        run_seeded(run_two, store, seed=number)
        logs_are_whole(store)
        assert store.commits[number].fault is fault


def test_a_disk_that_lies_is_noticed_by_the_numbers_of_events():
    """What was said to be durable, and is not, halts its saga at the next write, and no other."""
    noticed = 0
    for number in range(1, 4):
        store = FaultyStore(InMemorySecStore(), {number: Torn((0,), Durable())})
        ends = run_seeded(run_two, store)
        if len(store.commits[number].batch) < 2:
            continue
        halted = [end for end in ends if isinstance(end, SagaHaltedError)]
        assert len(halted) == 1
        assert "do not follow" in str(halted[0])
        noticed += 1
        for saga_id in (ONE, TWO):
            assert verify_log(DAG, store.inner.load(saga_id).events) is None
        run_seeded(run_two, store, seed=1)  # the next open goes on from what is there
        logs_are_whole(store)
    assert noticed


@pytest.mark.parametrize("when", When)
def test_a_sec_that_is_lost_at_any_commit_goes_on_when_opened_again(when: When):
    """The crash is a cancel of the scope around the SEC."""
    whole = FaultyStore(InMemorySecStore())
    run_seeded(run_two, whole)
    for number in range(len(whole.commits)):
        scope = trio.CancelScope()

        async def lost(store: FaultyStore, scope: trio.CancelScope) -> None:
            with scope:
                await run_two(store)

        store = FaultyStore(InMemorySecStore(), {number: Crash(scope.cancel, when)})
        run_seeded(lost, store, scope, seed=number)
        assert scope.cancelled_caught or number == len(whole.commits) - 1
        commits = len(store.commits)
        assert commits == number + 1
        run_seeded(run_two, store)
        logs_are_whole(store)
