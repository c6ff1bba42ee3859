"""
Orders to many sagas: what a store keeps of each, and in which words it is asked.

Theory of operation. Which sagas a bulk order is for is decided once: their ids are stored with it,
in the same transaction. From then on each of them has a row of its own, and what became of it is
noted there. So a note costs the same for the first of a hundred thousand sagas and for the last,
and to go on with the order is to ask for the rows that still wait, a page at a time.

A bulk order has a fence, as a saga has: that of the life of the SEC that gives it.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeAlias

import attrs

from steno.core import BulkOrderId, JsonText, SagaId, at_least_one
from steno.store._list import ListQuery
from steno.store._read import has_other_than, is_age
from steno.store._write import Fence


class BulkState(enum.Enum):
    """Where an order to many sagas is in its life."""

    RUNNING = "running"
    """It is given, or goes on to be at the next open."""
    DONE = "done"
    """Each of its sagas was given the order, or it is known why not."""
    CANCELLED = "cancelled"
    """It was cancelled; what was ordered by then stays, and nothing further is."""

    @property
    def ended(self) -> bool:
        """Whether nothing is ordered any more."""
        return self is not BulkState.RUNNING


class BulkOutcome(enum.Enum):
    """What became of an order to many sagas at one of them."""

    WAITING = "waiting"
    """It was not given to the saga yet, or that is not noted yet."""
    GIVEN = "given"
    """It was given, and is durable."""
    REFUSED = "refused"
    """The saga does not allow it; nothing has changed."""
    FAILED = "failed"
    """It could not be given, as to a saga that is halted, or that was deleted."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code


# Writes


@attrs.frozen
class BulkCreate:
    """
    Stores an order to many sagas, with the ids of those that match by then.

    Attributes:
        bulk_id: The order; rejected if there is another one with that id. The very same may come
            again, as when this is sent again, and keeps the sagas that it has.
        fence: Who gives it.
        order: What is ordered; kept to the letter.
        sagas: The query for the sagas, and for their order. Its marker and limit do not matter:
            all that match are meant.
    """

    bulk_id: BulkOrderId
    fence: Fence
    order: JsonText = attrs.field(repr=False)
    sagas: ListQuery


def _is_known(_: object, __: attrs.Attribute[BulkOutcome], value: object) -> None:
    if not isinstance(value, BulkOutcome) or value is BulkOutcome.WAITING:
        msg = f"what became of a bulk order at a saga is given, refused or failed, not {value!r}"
        raise ValueError(msg)


@attrs.frozen
class BulkMark:
    """
    What became of a bulk order at one of its sagas.

    Attributes:
        number: The place of the saga in the order, from 0.
        outcome: What became of it.
        why: The reason, if it was not given.
    """

    number: int
    outcome: BulkOutcome = attrs.field(validator=_is_known)
    why: str | None = None


@attrs.frozen
class BulkNote:
    """
    Notes what became of a bulk order at some of its sagas, and whether it has ended.

    Attributes:
        bulk_id: The order.
        fence: What its row must say.
        marks: What became of sagas. The first mark of a saga stands; another one changes nothing.
        state: Its state from now on. Once it has ended, nothing changes any more, and only its last
            note may be sent again.
    """

    bulk_id: BulkOrderId
    fence: Fence
    marks: tuple[BulkMark, ...] = ()
    state: BulkState = BulkState.RUNNING


BulkWrite: TypeAlias = BulkCreate | BulkNote


# Reads


def _read_only(counts: Mapping[BulkOutcome, int]) -> Mapping[BulkOutcome, int]:
    return MappingProxyType(dict(counts))


@attrs.frozen
class BulkSummary:
    """
    An order to many sagas in a list.

    Attributes:
        bulk_id: The order.
        number: Its place in the order of creation: larger than that of every older one.
        fence: The life of the SEC that gives it, or gave it last.
        order: What is ordered, as it was stored; see `ManyOrder.from_json`.
        state: Where it is in its life.
        created: When it was stored, by the clock of the machine that wrote it, in UTC.
        ended: When it was recorded as ended; None before.
        counts: How many of its sagas have each outcome, read-only; one that none has is missing.
    """

    bulk_id: BulkOrderId
    number: int
    fence: Fence
    order: JsonText = attrs.field(repr=False)
    state: BulkState
    created: datetime
    ended: datetime | None
    counts: Mapping[BulkOutcome, int] = attrs.field(converter=_read_only, hash=False)

    @property
    def size(self) -> int:
        """How many sagas it is for."""
        return sum(self.counts.values())


@attrs.frozen
class BulkSaga:
    """
    One of the sagas of a bulk order.

    Attributes:
        number: Its place in the order, from 0.
        saga_id: The saga. It may have been deleted since.
        outcome: What became of the order there.
        why: The reason, if it was not given.
    """

    number: int
    saga_id: SagaId
    outcome: BulkOutcome = BulkOutcome.WAITING
    why: str | None = None


def _are_states(
    _: object, __: attrs.Attribute[Collection[BulkState] | None], value: object
) -> None:
    if value is not None and has_other_than(value, frozenset(BulkState)):
        msg = f"states must be of type BulkState, not {value!r}"
        raise TypeError(msg)


@attrs.frozen
class BulkListQuery:
    """
    A page of the list of bulk orders, the newest first.

    Attributes:
        marker: The number of the last one of the page before; None for the first page.
        limit: How many at most.
        bulk_id: Only this one.
        states: Only orders in one of these states.
        sec_name: Only orders that this SEC gives, or gave last.
    """

    marker: int | None = None
    limit: int = attrs.field(default=100, validator=at_least_one)
    bulk_id: BulkOrderId | None = attrs.field(default=None, kw_only=True)
    states: Collection[BulkState] | None = attrs.field(
        default=None, validator=_are_states, kw_only=True
    )
    sec_name: str | None = attrs.field(default=None, kw_only=True)

    def matches(self, order: BulkSummary) -> bool:
        """Return True if the query lets an order through, the marker included."""
        return (
            (self.marker is None or order.number < self.marker)
            and self.bulk_id in {None, order.bulk_id}
            and (self.states is None or order.state in self.states)
            and self.sec_name in {None, order.fence.sec_name}
        )


@attrs.frozen
class BulkSagaQuery:
    """
    A page of the sagas of a bulk order, in its order.

    Attributes:
        bulk_id: The order.
        marker: The number of the last saga of the page before; None for the first page.
        limit: How many at most.
        outcome: Only sagas with this outcome; None: with any.
    """

    bulk_id: BulkOrderId
    marker: int | None = None
    limit: int = attrs.field(default=100, validator=at_least_one)
    outcome: BulkOutcome | None = None


@attrs.frozen
class BulkPruneQuery:
    """
    Which bulk orders that have ended are to be deleted, the oldest first.

    Attributes:
        older_than: How long ago they ended, at least, by the clock that stamped them.
        sec_name: Only orders that this SEC gave last; None for all.
        limit: How many at most; they are deleted in one transaction, with what is noted of each of
            their sagas.
    """

    older_than: timedelta = attrs.field(validator=is_age)
    sec_name: str | None = None
    limit: int = attrs.field(default=1, validator=at_least_one)
