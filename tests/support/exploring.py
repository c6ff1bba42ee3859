"""What tests of the explorer share."""

import steno
from steno.testing import Report, explore
from support.planted import Planted, Town, all_or_nothing


def explored(planted: Planted, **options: object) -> Report:
    """Explore a planted saga, in one schedule."""
    options = {"check": all_or_nothing, "attach": planted.attach, "seeds": 1} | options
    return explore(lambda: steno.SagaDag(planted.dag), planted.registry, Town, **options)
