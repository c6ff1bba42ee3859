"""The in-memory store does all that a store has to do."""

import pytest

from steno import InMemorySecStore
from steno.testing import conformance


@pytest.mark.parametrize("case", conformance.CASES, ids=str)
async def test_it_passes(case: conformance.Case):
    """As the docstring of the kit shows it, without any hook."""
    await case.run(conformance.Subject(InMemorySecStore()))
