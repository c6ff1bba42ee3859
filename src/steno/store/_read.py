"""Reads: what a store tells of the sagas that it keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

import attrs

from steno.core import (
    Concern,
    JsonText,
    SagaCachedState,
    SagaId,
    SagaName,
    SagaNodeEvent,
    at_least_one,
)
from steno.store._tags import NO_TAGS
from steno.store._write import Fence


@attrs.frozen
class SagaTimes:
    """
    When a saga's row was written, by the clock of the machine that wrote it, in UTC.

    Attributes:
        created: When it was created.
        progressed: When its last event was made, but never before `created`.
        ended: When it was first recorded as finished; None before.
    """

    created: datetime
    progressed: datetime
    ended: datetime | None


@attrs.frozen
class SagaSummary:
    """
    A saga in a list.

    Attributes:
        saga_id: The saga.
        saga_name: The name of its kind; if that is damaged, a description of what is there instead.
        state: What its row says; running if that is damaged.
        problem: Why it could not be loaded, if so, and what of its row is damaged.
        times: When its row was written; of a damaged time the epoch, of a damaged end None.
        tags: The tags that it was created with, read-only; instead of what is damaged of one, a
            description of what is there.
        number: Its place in the order of creation in this store: larger than that of every older
            saga. The numbers of the newest sagas may be given again once those are pruned.
        concern: Why a person should look at it, and at which node; None if nobody has to, or if
            that is damaged.
    """

    saga_id: SagaId
    saga_name: SagaName
    state: SagaCachedState
    problem: str | None
    times: SagaTimes
    tags: Mapping[str, str] = attrs.field(default=NO_TAGS, hash=False)
    number: int = 0
    concern: Concern | None = None


@attrs.frozen
class StoredSaga:
    """
    All that is stored of a saga.

    Attributes:
        summary: As in a list.
        fence: Who runs it.
        dag_digest: The content hash of its graph.
        dag_text: Its graph.
        params: Its params.
        events: Its log, by number.
    """

    summary: SagaSummary
    fence: Fence
    dag_digest: str
    dag_text: str = attrs.field(repr=False)
    params: JsonText = attrs.field(repr=False)
    events: Sequence[SagaNodeEvent] = attrs.field(repr=False)


@attrs.frozen
class SagaClaim:
    """
    An unfinished saga that was just taken over.

    Attributes:
        saga_id: The saga.
        fence: Its fence from now on.
        crashes: How many lives of its SEC in a row have crashed since its last event; a life counts
            beyond the second only if the saga was tried in it (`SagaTrial`).
    """

    saga_id: SagaId
    fence: Fence
    crashes: int = 0


@attrs.frozen
class TakeOver:
    """
    What a SEC finds when it is opened.

    Attributes:
        fence: Its own: what it creates begins with this.
        claims: The unfinished sagas of its earlier lives, which are its own now.
    """

    fence: Fence
    claims: tuple[SagaClaim, ...]


# Retention

PRUNABLE = frozenset({SagaCachedState.SUCCEEDED, SagaCachedState.FAILED})
"""The states of sagas that are deleted unless others are asked for."""

_MAY_BE_PRUNED = PRUNABLE | {SagaCachedState.ABANDONED}
"""The states of sagas that may be deleted: never one that is stuck, or not finished."""


def has_other_than(value: object, allowed: Collection[object]) -> bool:
    """Return True if a value is anything but a collection of what is allowed."""
    if not isinstance(value, Collection):
        return True
    return any(each not in allowed for each in cast("Collection[object]", value))


def _is_prunable(
    _: object, __: attrs.Attribute[Collection[SagaCachedState]], value: object
) -> None:
    if not value or has_other_than(value, _MAY_BE_PRUNED):
        msg = (
            f"only sagas that have succeeded, failed or been abandoned can be pruned, not {value!r}"
        )
        raise ValueError(msg)


MAX_AGE = timedelta(days=365_000)
"""A thousand years: older than any saga, and subtracting it still gives a date."""


def is_age(_: object, __: attrs.Attribute[timedelta], value: object) -> None:
    """Refuse anything but a timedelta from 0 on; an attrs validator."""
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= MAX_AGE:
        msg = f"the age of a saga is a timedelta of 0 to {MAX_AGE.days} days, not {value!r}"
        raise ValueError(msg)


@attrs.frozen
class PruneQuery:
    """
    Which finished sagas are to be deleted, the oldest first.

    Attributes:
        older_than: How long ago they ended, at least, by the clock that stamped them.
        states: Only sagas in one of these states: succeeded and failed, unless abandoned is among
            them; never stuck, or one that is not finished.
        sec_name: Only sagas that this SEC ran last; None for all.
        limit: How many sagas at most; they are deleted in one transaction.
    """

    older_than: timedelta = attrs.field(validator=is_age)
    states: Collection[SagaCachedState] = attrs.field(default=PRUNABLE, validator=_is_prunable)
    sec_name: str | None = None
    limit: int = attrs.field(default=50, validator=at_least_one)


# For operators


@attrs.frozen
class LogEntry:
    """
    An event, and when and by whom it was written.

    Attributes:
        seq: Its number within the saga, from 0.
        event: The event.
        time: When it was made, by the clock of the SEC that logged it.
        creator: The SEC that recorded it.
    """

    seq: int
    event: SagaNodeEvent
    time: datetime
    creator: str
