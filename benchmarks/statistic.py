"""Statistics of several measurements, as plain functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

Round: TypeAlias = Mapping[str, Mapping[str, float]]
"""The figures of one round, by piece."""


@attrs.frozen
class Spread:
    """
    A summary of several measurements of one thing.

    Attributes:
        median: The median.
        least: The smallest.
        most: The largest.
        rounds: The number of measurements.
    """

    median: float
    least: float
    most: float
    rounds: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return a summary of the measurements; None if there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.median(known), min(known), max(known), len(known))


def pick(rounds: Sequence[Round], piece: str, figure: str) -> Spread | None:
    """Return a summary of one figure of a piece."""
    return spread(each.get(piece, {}).get(figure) for each in rounds)


def pairwise(rounds: Sequence[Round], ratio: Callable[[Round], float]) -> Spread | None:
    """
    Return a summary of a ratio that is computed in each round.

    Anything that slows down a whole round affects both figures. A round that lacks one of them,
    or in which the divisor is 0, does not count.
    """
    return spread(_or_none(ratio, each) for each in rounds)


def _or_none(ratio: Callable[[Round], float], given: Round) -> float | None:
    try:
        return ratio(given)
    except (KeyError, ZeroDivisionError):
        return None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile for a share, by the nearest-rank method."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
