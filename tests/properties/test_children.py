"""
Sagas with children, three levels deep, among crashes: all is done, or all is undone.

STENO_EXAMPLES is how many families are tried; STENO_CHILDREN is how many children there are at
once; STENO_STRIDE is how far apart the commits are at which a sweep crashes: 1 is each one.
"""

import os
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import steno
from steno.testing.faults import Crash, FaultyStore, When
from steno.testing.schedule import DateClock, run_seeded
from support.families import FAMILY, Family, Spec, children, count, family, registry

EXAMPLES = int(os.environ.get("STENO_EXAMPLES", "60"))
CHILDREN = int(os.environ.get("STENO_CHILDREN", "1000"))
STRIDE = int(os.environ.get("STENO_STRIDE", "3"))

State = steno.SagaCachedState

DEEP: Spec = ["ok", ["many", [["ok"], ["ok", ["one", ["ok"]]]]], "ok"]
FAILS_AFTER: Spec = [*DEEP, "bad"]
FAILS_WITHIN: Spec = ["ok", ["many", [["ok", "ok", "ok"], ["ok", ["one", ["ok", "bad"]]], ["ok"]]]]


async def lives(
    store: steno.SecStore, world: Family, spec: Spec, crashes: list[tuple[int, When]]
) -> None:
    """Run a family to its end, through a SEC that crashes, and others after it."""
    clock = DateClock()
    for crash in [*crashes, None]:
        with trio.CancelScope() as scope:
            script = {} if crash is None else {crash[0]: Crash(scope.cancel, crash[1])}
            opened = FaultyStore(store, script)
            with suppress(steno.StenoError) if crash else nullcontext():
                async with steno.open_sec(opened, registry, context=world, clock=clock) as sec:
                    await sec.saga_run(family(spec), saga_id=FAMILY)


async def check(store: steno.SecStore, world: Family, spec: Spec) -> None:
    """Compare what was done with what the spec says; then undo what has succeeded."""
    async with steno.open_sec(store, registry, context=world, clock=DateClock()) as sec:
        saga = sec.saga_handle(FAMILY)
        result = await saga.wait()
        sagas = [each async for each in sec.sagas()]
        states = {each.state for each in sagas}
        assert len(sagas) <= 1 + children(spec)
        if count(spec, "bad"):
            assert isinstance(result, steno.SagaResultErr)
            assert result.undo_failure is None
            assert (world.rooms, states) == (set(), {State.FAILED})
            return
        result.unwrap()
        assert len(sagas) == 1 + children(spec)
        assert (len(world.rooms), states) == (count(spec, "ok"), {State.SUCCEEDED})
        await saga.unwind(why="a test")
        assert (await saga.wait()).undo_failure is None
        states = {each.state async for each in sec.sagas()}
        assert (world.rooms, states) == (set(), {State.FAILED})


async def lived(store: steno.SecStore, spec: Spec, crashes: list[tuple[int, When]]) -> None:
    world = Family()
    await lives(store, world, spec, crashes)
    await check(store, world, spec)


def commits(spec: Spec) -> int:
    """Return how many commits a family takes."""
    store = FaultyStore(steno.InMemorySecStore())
    run_seeded(lives, store, Family(), spec, [])
    return len(store.commits)


@pytest.mark.parametrize("on", ["memory", "sqlite"])
@pytest.mark.parametrize("spec", [DEEP, FAILS_AFTER, FAILS_WITHIN], ids=["ok", "after", "within"])
def test_a_crash_at_any_commit_of_any_of_them(tmp_path: Path, on: str, spec: Spec):
    """Before it, or after it: the end is the same, and each child is created once."""
    for number in range(0, commits(spec), STRIDE if on == "sqlite" else 1):
        for when in (When.BEFORE, When.AFTER):
            store = steno.InMemorySecStore()
            if on == "sqlite":
                store = steno.SqliteSecStore(tmp_path / f"{number}{when.name}.db", inline=True)
            run_seeded(lived, store, spec, [(number, when)], seed=number)


ITEMS = st.recursive(
    st.sampled_from(["ok", "ok", "ok", "bad"]),
    lambda items: st.one_of(
        st.tuples(st.just("one"), st.lists(items, min_size=1, max_size=3)).map(list),
        st.tuples(
            st.just("many"), st.lists(st.lists(items, min_size=1, max_size=2), max_size=4)
        ).map(list),
    ),
    max_leaves=6,
)
CRASHES = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(list(When))), max_size=4)


@settings(max_examples=EXAMPLES)
@given(st.lists(ITEMS, min_size=1, max_size=3), CRASHES, st.integers(0, 99))
def test_whatever_the_family_and_the_crashes(
    spec: Spec, crashes: list[tuple[int, When]], seed: int
):
    """If nothing fails, all of it is done, and undone on order; otherwise none of it is left."""
    run_seeded(lived, steno.InMemorySecStore(), spec, crashes, seed=seed)


@pytest.mark.parametrize("end", ["ok", "bad"])
def test_a_thousand_children_at_once(end: str):
    """They run together, and a failure after them unwinds all."""
    spec: Spec = [["many", [["ok"]] * CHILDREN], end]
    store = FaultyStore(steno.InMemorySecStore())
    run_seeded(lived, store, spec, [])
    assert len(store.commits) < 100
