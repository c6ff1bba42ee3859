"""Garbage is collected more rarely while many sagas are loaded, and as before thereafter."""

import gc

import pytest
import trio

from steno.runtime._garbage import MANY, RARELY, collecting_rarely
from support.worlds import World, hangs

USUAL = (700, 10, 10)


@pytest.fixture(autouse=True)
def _thresholds():
    before = gc.get_threshold()
    gc.set_threshold(*USUAL)
    yield
    gc.set_threshold(*before)


def test_more_may_come_together_within():
    """Only of what is young; that it is as before does not depend on how it is left."""
    with pytest.raises(ZeroDivisionError), collecting_rarely():
        assert gc.get_threshold() == (RARELY, 10, 10)
        raise ZeroDivisionError
    assert gc.get_threshold() == USUAL


@pytest.mark.parametrize("young", [0, 3 * RARELY])
def test_it_is_never_collected_more_often(young: int):
    """Neither where it is never collected, nor where it is more rarely already."""
    gc.set_threshold(young, 5, 5)
    with collecting_rarely():
        assert gc.get_threshold() == (young, 5, 5)
    assert gc.get_threshold() == (young, 5, 5)


@pytest.mark.parametrize("first", [0, 1])
def test_several_end_in_any_order(first: int):
    """The last leaves it as it was before the first."""
    both = [collecting_rarely(), collecting_rarely()]
    for each in both:
        each.__enter__()
    both[first].__exit__(None, None, None)
    both[1 - first].__exit__(None, None, None)
    assert gc.get_threshold() == USUAL


def test_what_somebody_sets_meanwhile_stays():
    """It is theirs to say."""
    with collecting_rarely():
        gc.set_threshold(1_000, 20, 20)
    assert gc.get_threshold() == (1_000, 20, 20)


@pytest.mark.parametrize(("sagas", "rarely"), [(MANY, True), (1, False)])
async def test_it_is_so_while_many_sagas_are_loaded(world: World, sagas: int, *, rarely: bool):
    """And no longer, whether they are all loaded, or the SEC is left before."""
    seen = set()

    def make(*_):
        seen.add(gc.get_threshold()[0] == RARELY)

    async with world.doomed() as sec:
        for _ in range(sagas):
            await sec.saga_create(world.saga("a"))
    world.does("a", hangs)
    async with world.doomed(make_context=make):
        await trio.testing.wait_all_tasks_blocked()
        assert gc.get_threshold() == USUAL
    assert seen == {rarely}
