"""What users of `steno.testing` may rely on, as types; checked by mypy and pyright, never run."""

from typing import assert_type

import steno
from steno.testing import (
    CounterExample,
    Outcome,
    Report,
    action_context,
    action_failure_can_unwind,
    assert_no_failed_undo_steps,
    explore,
)
from steno.testing.explorer import Case
from steno.testing.pytest_plugin import MemorySec, SagaExplorer


class World:
    """A user's world."""

    bookings: int = 0


class Process:
    """What dies with a process."""


registry = steno.ActionRegistry()


def make_dag() -> steno.SagaDag:
    """Return a saga."""
    raise ValueError


async def make_world() -> World:
    """Make a world."""
    return World()


def check(world: World, outcome: Outcome) -> None:
    """Hold that nothing is left."""
    assert_type(outcome.case, Case)
    assert_type(outcome.failed, bool)
    assert_type(outcome.result, steno.SagaResult)
    assert outcome.succeeded == bool(world.bookings)


async def check_later(world: World, outcome: Outcome) -> None:
    """Hold it, and wait."""
    check(world, outcome)


def attach(world: World, sec: steno.SecClient) -> Process:
    """Begin a life of a process."""
    return Process()


def check_process(process: Process, outcome: Outcome) -> None:
    """Check something that is not a world."""


def explores() -> None:
    """Explore, with what fits together."""
    assert_type(explore(make_dag, registry, World, check=check), Report)
    explore(make_dag, registry, make_world, check=check_later, attach=attach)
    explore(make_dag, registry, World, check=None, only="fail hotel", budget=None)
    explore(make_dag, registry, World, check=check_process)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]  # another world
    try:
        action_failure_can_unwind(make_dag, registry, World, check=check)
    except CounterExample as found:
        assert_type(found.case, Case)
        assert_type(found.error, BaseException | None)


async def one_action(action: steno.ActionFunc[World, [], int]) -> None:
    """Call an action with a context of its own."""
    ctx = action_context(World(), params={"price": 120}, outputs={"payment": 120})
    assert_type(ctx, steno.ActionContext[World])
    await action.do_it(ctx)
    await action.undo_it(action_context(World(), node_name="payment", undoing=True))


async def fixtures(saga_explorer: SagaExplorer, sec: MemorySec) -> None:
    """Use the fixtures."""
    assert_type(await saga_explorer(make_dag, registry, World, check=check), Report)
    assert_type(
        await saga_explorer.only("no fault")(make_dag, registry, World, check=check), Report
    )
    async with sec(registry, context=World()) as client:
        result = await client.saga_run(make_dag())
        assert_no_failed_undo_steps(result, result.saga_log)
