"""The in-memory store does all that a store has to do."""

import pytest

from steno import InMemorySecStore
from steno.testing import conformance


@pytest.mark.parametrize("demand", conformance.DEMANDS, ids=str)
async def test_it_passes(demand: conformance.Demand):
    """As the docstring of the kit shows it, without any hook."""
    await demand.run(conformance.Subject(InMemorySecStore()))
