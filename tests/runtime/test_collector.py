"""Garbage is collected more rarely where an application asks for it, and as before thereafter."""

import gc

import pytest
import trio

import steno
from steno.runtime._collector import RARELY
from support.worlds import World

USUAL = (700, 10, 10)


@pytest.fixture(autouse=True)
def _thresholds():
    before = gc.get_threshold()
    gc.set_threshold(*USUAL)
    yield
    gc.set_threshold(*before)


def test_more_may_come_together_within():
    """Only of what is young; that it is as before does not depend on how it is left."""
    with pytest.raises(ZeroDivisionError), steno.rare_collections():
        assert gc.get_threshold() == (RARELY, 10, 10)
        raise ZeroDivisionError
    assert gc.get_threshold() == USUAL


@pytest.mark.parametrize("young", [0, 3 * RARELY])
def test_it_is_never_collected_more_often(young: int):
    """Neither where it is never collected, nor where it is more rarely already."""
    gc.set_threshold(young, 5, 5)
    with steno.rare_collections():
        assert gc.get_threshold() == (young, 5, 5)
    assert gc.get_threshold() == (young, 5, 5)


@pytest.mark.parametrize("first", [0, 1])
def test_several_end_in_any_order(first: int):
    """The last leaves it as it was before the first."""
    both = [steno.rare_collections(), steno.rare_collections()]
    for each in both:
        each.__enter__()
    both[first].__exit__(None, None, None)
    both[1 - first].__exit__(None, None, None)
    assert gc.get_threshold() == USUAL


def test_what_somebody_sets_meanwhile_stays():
    """It is theirs to say."""
    with steno.rare_collections():
        gc.set_threshold(1_000, 20, 20)
    assert gc.get_threshold() == (1_000, 20, 20)


async def test_the_library_leaves_the_collector_alone(world: World):
    """Also while many sagas are loaded: the thresholds are the application's."""
    seen = set()

    def make(*_):
        seen.add(gc.get_threshold())

    async with world.doomed() as sec:
        for _ in range(200):
            await sec.saga_create(world.saga("a"))
    async with world.doomed(make_context=make):
        await trio.testing.wait_all_tasks_blocked()
        assert gc.get_threshold() == USUAL
    assert seen == {USUAL}


async def test_a_sec_may_be_opened_and_left_within(world: World):
    """Sagas are recovered there, and go on as anywhere."""
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
    with steno.rare_collections():
        async with world.open() as sec:
            assert gc.get_threshold()[0] == RARELY
            (await sec.saga_wait(saga.saga_id)).unwrap()
    assert gc.get_threshold() == USUAL
