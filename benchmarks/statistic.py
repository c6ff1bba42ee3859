"""What is made of several measurements: plain functions."""

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
    What several measurements of one thing come to.

    Attributes:
        median: The one in the middle.
        least: The smallest.
        most: The largest.
        rounds: How many there are.
    """

    median: float
    least: float
    most: float
    rounds: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """Sum up what was measured; None if nothing was."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.median(known), min(known), max(known), len(known))


def pick(rounds: Sequence[Round], piece: str, figure: str) -> Spread | None:
    """Sum up a figure of a piece."""
    return spread(each.get(piece, {}).get(figure) for each in rounds)


def pairwise(rounds: Sequence[Round], ratio: Callable[[Round], float]) -> Spread | None:
    """
    Sum up a ratio that is taken in each round by itself.

    What slows down a whole round, slows down both of its sides. A round that lacks a side, or in
    which the lower one is 0, does not count.
    """
    return spread(_or_none(ratio, each) for each in rounds)


def _or_none(ratio: Callable[[Round], float], given: Round) -> float | None:
    try:
        return ratio(given)
    except (KeyError, ZeroDivisionError):
        return None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that such a share of all do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
