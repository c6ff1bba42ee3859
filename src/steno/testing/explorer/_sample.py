"""Samples: which cases are run when there are more than the budget allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from random import Random

from steno.testing.explorer._case import Case
from steno.testing.explorer._case_kind import stratum


def sample(cases: Sequence[Case], count: int, random: Random) -> list[Case]:
    """Return `count` cases, in their order, spread evenly over all sorts."""
    if count >= len(cases):
        return list(cases)
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, case in enumerate(cases):
        places[stratum(case)].append(place)
    left, chosen = max(0, count), list[int]()
    # The smallest sorts first: the others share what they do not use.
    pools = sorted(places.values(), key=len)
    for number, pool in enumerate(pools):
        share = min(len(pool), left // (len(pools) - number))
        chosen += random.sample(pool, share)
        left -= share
    return [cases[place] for place in sorted(chosen)]
