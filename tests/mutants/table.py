"""All mutants, and some of them."""

from collections.abc import Sequence

from mutants import (
    cancelling,
    core,
    crashes,
    dataflow,
    fold,
    instruments,
    orders,
    postgres,
    runtime,
    standing,
    stores,
)
from mutants.mutant import Mutant

MUTANTS: Sequence[Mutant] = (
    *fold.MUTANTS,
    *core.MUTANTS,
    *runtime.MUTANTS,
    *stores.MUTANTS,
    *postgres.MUTANTS,
    *crashes.MUTANTS,
    *dataflow.MUTANTS,
    *instruments.MUTANTS,
    *orders.MUTANTS,
    *standing.MUTANTS,
    *cancelling.MUTANTS,
)

FOUND_SOON = (
    "a node is undone while one of its children still runs",
    "an action is called before its `started` is durable",
    "recovery forgets what was in flight when the saga unwinds",
)
"""Names of three that the exploration of the trip finds: it is the first of the tests."""


def some(count: int) -> Sequence[Mutant]:
    """Return so many mutants, spread over the table; always the same."""
    return [MUTANTS[len(MUTANTS) * (2 * n + 1) // (2 * count)] for n in range(count)]
