"""Faults in one life of a SEC, sagas that are held, and sagas that actions create."""

import attrs
import pytest
import trio

import steno
from steno.testing import CounterExample, Outcome, action_failure_can_unwind, explore
from steno.testing.explorer import Case, read_case
from support.exploring import explored
from support.planted import Town, all_or_nothing, trip
from support.planted_setbacks import careless_parent

Context = steno.ActionContext


# Omicron's hard case


@attrs.define(eq=False)
class Rack:
    """What a lock is taken on."""

    locked_by: str | None = None


def locking(*, in_doubt: bool) -> tuple[steno.ActionRegistry, steno.Dag]:
    """Return a saga that takes a lock, and does something with it."""
    registry = steno.ActionRegistry()

    @registry.action
    async def lock(ctx: Context[Rack]) -> None:
        await trio.sleep(1)
        assert ctx.user_data.locked_by in {None, ctx.idempotency_key}
        ctx.user_data.locked_by = ctx.idempotency_key

    @lock.undo(in_doubt=in_doubt)
    async def unlock(ctx: Context[Rack]) -> None:
        if ctx.user_data.locked_by == ctx.action_key:
            ctx.user_data.locked_by = None

    @registry.action(undo=steno.NOOP)
    async def update(ctx: Context[Rack]) -> None:
        await trio.sleep(1)

    builder = steno.DagBuilder("update-rack")
    builder.append(steno.Node.action("lock", lock))
    builder.append(steno.Node.action("update", update))
    return registry, builder.build()


def lock_is_released(rack: Rack, outcome: Outcome) -> None:
    """A saga that has failed holds no lock."""
    assert outcome.succeeded or outcome.stuck or rack.locked_by is None, "the lock is left"


def explore_locking(*, in_doubt: bool, **options: object):
    """Explore the saga that takes a lock."""
    registry, dag = locking(in_doubt=in_doubt)
    return explore(lambda: steno.SagaDag(dag), registry, Rack, check=lock_is_released, **options)


HARD_CASE = "crash at the end of lock; then fail lock"


def test_a_lock_that_is_left():
    """The process dies before the log has the lock, and the repeated call fails."""
    for only in (None, HARD_CASE):
        with pytest.raises(CounterExample) as found:
            explore_locking(in_doubt=False, only=only)
        assert str(found.value.case) == HARD_CASE
        assert found.value.kind == "the check failed"
        assert "the lock is left" in str(found.value)
        assert 'hint: action "lock" ("lock") does not say what holds' in str(found.value)


def test_a_lock_that_is_released(cases):
    """An undo that can be called in doubt releases it: this case is run, and all pass."""
    report = explore_locking(in_doubt=True)
    assert report.is_complete
    assert HARD_CASE in cases
    assert explore_locking(in_doubt=True, only=HARD_CASE).runs == 1


# One life


async def test_a_fault_in_one_life():
    """Before a crash, after it, and in every life."""
    calls = []

    async def book(ctx: Context) -> str:
        calls.append("called")
        return ctx.idempotency_key

    def run(line: str) -> int:
        calls.clear()
        explored(trip(book=book), check=None, only=line)
        return len(calls) - 1  # of the run without a fault

    assert run("at first fail hotel; crash before commit 4") == 1
    assert run("crash at the end of hotel; then fail hotel") == 1
    assert run("fail hotel; crash before commit 4") == 0


def test_a_fault_in_one_life_is_no_fault_in_another():
    """The end that is expected is that of the life in which the saga ends."""
    line = "at first fail every attempt of hotel; crash before commit 4"
    told = []
    explored(trip(), check=lambda _, outcome: told.append(outcome.succeeded), only=line)
    assert told[-1] is True


def test_a_then_that_never_happens():
    """A fault that no call meets is not survived."""
    with pytest.raises(CounterExample, match="'then fail payment' was planned and never happened"):
        explored(trip(), only="crash at the end of hotel; then fail payment")


@pytest.mark.parametrize("line", ["then fail hotel", "fail hotel; then fail hotel; seed 1"])
def test_then_needs_a_crash(line: str):
    """A line does not speak of a life that there is not."""
    with pytest.raises(ValueError, match='"then" needs a crash before it'):
        read_case(line)


def test_a_fault_needs_its_life():
    """Nor does a case."""
    (fault,) = read_case("crash after commit 1; then fail hotel").faults
    with pytest.raises(ValueError, match='"then fail hotel" needs 1 crashes before it, got 0'):
        Case((fault,))


# Held


def test_a_saga_that_is_held(cases):
    """Attempts that run out hold the node, if the action says so; then nothing is checked."""
    retry = steno.Retry(attempts=2, then="hold")
    ends = []
    explored(
        trip(says={"retry": retry}),
        check=lambda _, outcome: ends.append(str(outcome.case)),
    )
    assert "fail every attempt of hotel" in cases
    assert "fail every attempt of hotel" not in ends
    assert "fail every attempt of payment" in ends


def test_a_held_saga_waits_for_the_outside_world():
    """It may mend what holds the saga; if it does not, the saga is as it was planned to be."""
    over = []

    async def beside(sec: steno.SecClient, saga_id: steno.SagaId) -> None:
        await trio.sleep(3600)
        over.append(trio.current_time())

    retry = steno.Retry(attempts=2, then="hold")
    line = "fail every attempt of hotel"
    report = explored(trip(says={"retry": retry}), beside=beside, only=line)
    assert report.runs == 1
    assert over == [3600]  # the other run has ended before


def test_a_saga_that_holds_by_itself():
    """A node that is held without being planned to is reported, with its error."""

    async def book(ctx: Context) -> str:
        raise ArithmeticError("two and two")

    with pytest.raises(CounterExample) as found:
        explored(trip(book=book, says={"retry": steno.Retry(attempts=2, then="hold")}))
    assert str(found.value.case) == "no fault"
    text = "the saga is held at hotel, and that was not planned: ArithmeticError: two and two"
    assert text in str(found.value)


# Children


def test_faults_in_a_child(cases):
    """The actions of a saga that an action creates fail in all ways, and crash."""
    # Its undo does not look after a child that still runs when the call is cancelled.
    orders = ("unwind", "unwind after success", "deadline", "pause", "repair")
    report = explored(careless_parent(mended=True), budget=None, orders=orders)
    assert report.is_complete
    assert {
        "fail trip:payment",
        "fail trip:summary; fail undo of trip:hotel",
        "fail every attempt of trip:hotel",
        "fail trip:hotel after its effect",
        "repeat trip:hotel",
        "fail trip:hotel; repeat undo of trip:payment",
        "crash at the end of trip:hotel; then fail trip:hotel",
        "fail trip:hotel; crash at the end of undo of trip:payment",
    } <= set(cases)


def test_a_child_in_a_helper_of_omicrons():
    """The actions of children fail there, too."""
    planted = careless_parent(mended=False)
    with pytest.raises(CounterExample) as found:
        action_failure_can_unwind(
            lambda: steno.SagaDag(planted.dag), planted.registry, Town, check=all_or_nothing
        )
    assert str(found.value.case) == "fail trip:payment"


def test_a_name_like_that_of_a_child():
    """A node whose name has a colon is one of the saga itself."""
    registry = steno.ActionRegistry()

    @registry.action(undo=steno.NOOP)
    async def act(ctx: Context) -> None:
        await trio.sleep(1)

    builder = steno.DagBuilder("chain")
    for name in ("a:b", "a:c"):
        builder.append(steno.Node.action(name, act))
    dag = builder.build()
    assert explore(lambda: steno.SagaDag(dag), registry, list).is_complete
