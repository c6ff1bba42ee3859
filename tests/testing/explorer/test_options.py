"""Options of an exploration, hints, and time."""

import uuid
from datetime import UTC, datetime, timedelta

import attrs
import pytest
import trio

import steno
from steno.testing import CounterExample, explore
from steno.testing.explorer import PlannedFailure
from support.exploring import explored
from support.planted import Town, nothing, trip

Context = steno.ActionContext


# Hints


def test_a_hint():
    """What can be left over, and no check has found, is in the report, once for each action."""
    report = explored(trip(in_doubt=False), check=None)
    assert [hint.split(" does not say")[0] for hint in report.hints] == [
        'action "charge" ("payment")',
        'action "book" ("hotel")',
    ]
    assert str(report).splitlines()[-1].startswith('hint: action "book" ("hotel") does not say ')


@pytest.mark.parametrize("says", [{"in_doubt": True}, {"in_doubt": False, "atomic": True}])
def test_no_hint(says: dict[str, object]):
    """An action that says what holds in doubt has none; nor has one with nothing to undo."""
    assert explored(trip(says=says), only="no fault").hints == ()


# Options


def test_nodes_that_fail_after_their_effect(cases):
    """Only those that are named do, beside those that say what holds then."""
    explored(trip(in_doubt=False), check=None, fail_after_effect=["hotel"])
    assert "fail hotel after its effect" in cases
    assert "fail payment after its effect" not in cases


def test_nodes_whose_outputs_differ():
    """Those that are named may return another output when they are called again."""

    async def book(ctx: Context) -> str:
        return str(uuid.uuid4())

    planted = trip(book=book)
    with pytest.raises(CounterExample, match="it is not idempotent"):
        explored(planted, check=None, same_outputs=["payment"])
    assert explored(planted, check=None, same_outputs=["hotel"]).runs
    assert explored(planted, check=None, same_outputs="hotel").runs


def test_no_check():
    """A check is not needed."""
    planted = trip()
    assert explore(lambda: steno.SagaDag(planted.dag), planted.registry, Town, seeds=1).runs


@attrs.define(eq=False)
class City(Town):
    """A town with a number, as a test database has a name."""

    number: int = 0


def test_a_dag_of_its_world():
    """What makes the saga may be given the world of the run, for the params."""
    numbers, seen = iter(range(1000)), set()

    async def make_context() -> City:
        await trio.sleep(1)
        return City(number=next(numbers))

    async def book(ctx: Context) -> str:
        seen.add((ctx.user_data.number, ctx.saga_params()))
        return ctx.idempotency_key

    def make_dag(city: City) -> steno.SagaDag:
        return steno.SagaDag(planted.dag, city.number)

    planted = trip(book=book)
    assert explore(make_dag, planted.registry, make_context, seeds=1).runs > 50
    assert len(seen) > 50
    assert {number - params for number, params in seen} == {0}


async def test_a_dag_of_its_world_in_trio():
    """It may be made inside of Trio, too."""
    planted = trip()
    report = await explore(
        lambda town: steno.SagaDag(planted.dag), planted.registry, Town, only="no fault"
    )
    assert report.runs == 1


def test_other_graphs_are_refused():
    """One exploration is of one graph."""
    dags = iter([trip().dag, trip(probe=nothing).dag])
    with pytest.raises(ValueError, match="make_dag has returned sagas with different nodes"):
        explore(lambda town: steno.SagaDag(next(dags)), trip().registry, Town)


def test_the_outside_world():
    """It is played in each life, beside the saga, and ends with it."""
    heard = []

    async def beside(sec: steno.SecClient, saga_id: steno.SagaId) -> None:
        heard.append((await sec.saga_get(saga_id)).saga_name)
        try:
            await trio.sleep_forever()
        finally:
            heard.append("over")

    explored(trip(), beside=beside, only="crash at the end of hotel; crash before commit 1")
    assert heard == ["trip", "over"] * 4  # one run is without a fault


def test_an_outside_world_that_raises():
    """It has to play its part without an exception."""

    async def beside(sec: steno.SecClient, saga_id: steno.SagaId) -> None:
        await trio.sleep(1)
        raise ZeroDivisionError("nobody is there")

    with pytest.raises(CounterExample) as found:
        explored(trip(), beside=beside)
    assert found.value.kind == "the outside world failed"
    assert "beside= raised ZeroDivisionError: nobody is there" in str(found.value)


# Time


def test_the_clock_of_the_sec():
    """Actions see virtual time, which begins in the year 2000; an hour of waits costs nothing."""
    times = []

    async def book(ctx: Context) -> str:
        times.append((ctx.now(), ctx.started_at))
        return ctx.idempotency_key

    retry = steno.Retry(attempts=3, wait_initial=3600.0, wait_max=3600.0, timeout=None)
    report = explored(trip(book=book, says={"retry": retry}), check=None, only="fail hotel once")
    (now, started), (later, _) = times
    assert started <= now < datetime(2000, 1, 1, 0, 1, tzinfo=UTC)
    assert later - now >= timedelta(hours=1)
    assert report.seconds < 5


def test_planned_failures_are_of_one_type():
    """However they are to be treated, a test can tell them from others."""
    raised = []

    def note(error: Exception) -> bool:
        raised.append(error)
        return True

    explored(trip(says={"retry": steno.Retry(on=note, attempts=2)}), only="fail hotel once")
    assert isinstance(raised[-1], PlannedFailure)
