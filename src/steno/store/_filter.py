"""A choice of sagas, as a value."""

from __future__ import annotations

from typing import Unpack

import attrs

from steno.store._list import ListQuery, SagaFilters


@attrs.frozen(init=False)
class SagaFilter:
    """
    Which sagas are meant: those that match all that is given; all sagas if nothing is.

    It is checked when it is made::

        stuck = steno.SagaFilter(states=[steno.SagaCachedState.STUCK], name="book-trip")

    Args:
        **filters: See `SagaFilters`.

    Attributes:
        query: The query for them, and for their order.

    Raises:
        TypeError: One of these is of a wrong type, or there is no such filter.
        ValueError: A time has no time zone, or a tag cannot be stored.
    """

    query: ListQuery

    def __init__(self, **filters: Unpack[SagaFilters]) -> None:
        """Check what is given."""
        object.__setattr__(self, "query", ListQuery(**filters))  # it is frozen
