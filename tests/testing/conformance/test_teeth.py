"""The conformance kit has teeth: each demand catches a store that has the fault it is about."""

import pytest

from steno import StoreError
from steno.testing import conformance
from support.broken import BROKEN, AttentiveStore, Broken

DEMANDS = {str(demand): demand for demand in conformance.DEMANDS}


@pytest.mark.parametrize("demand", conformance.DEMANDS, ids=str)
async def test_a_sound_store_passes_with_every_hook(demand: conformance.Demand):
    """Nothing is skipped, and the fault of a broken store is all that tells it from this one."""
    await demand.run(AttentiveStore().subject())


@pytest.mark.parametrize("broken", BROKEN, ids=str)
async def test_a_broken_store_is_caught(broken: Broken):
    """Each demand that is about its fault says so, unless it is the store that raises."""
    for name in broken.cases:
        with pytest.raises((AssertionError, StoreError), match=r"\S") as caught:
            await DEMANDS[name].run(broken.store().subject())
        assert caught.value.__notes__ == [f'demanded of every store, as "{name}"']


def test_each_case_catches_a_broken_store():
    """A demand that none of them fails would demand nothing."""
    caught = {name for broken in BROKEN for name in broken.cases}
    assert set(DEMANDS) == caught
