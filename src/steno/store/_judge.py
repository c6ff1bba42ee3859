"""
The rules of writing: the outcome of a write, and what it changes.

They are here once, for all stores. One that keeps rows as objects applies a change as it is; one
that keeps them elsewhere fetches what the rules look at, and carries out the change in its own
language, in the same transaction.

Rule 1. A saga is created once. The very same creation, to which nothing was added since, may come
again and is durable. Tags are not compared: a saga keeps those that it was first given.

Rule 2. Otherwise the fence comes first: a write without the saga's fence changes nothing, and its
outcome names the SEC that has it.

Rule 3. Events are numbered. A record begins at the next number; or at an earlier one, if its events
begin with all that is stored from there on, as when it is sent again. What is stored already is not
written twice, and nothing is ever written over.

Rule 4. Of the reasons to look at a saga, its row says the gravest. What was noted with a problem
stands until a problem is noted, or cleared, again; a record, which knows only of the log, does not
change it. But one that finishes the saga clears it, with the problem: nothing can go on any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import attrs

from steno.core import Concern, SagaCachedState, SagaNodeEvent
from steno.errors import NoSuchSaga, SagaIdInUse, StoreError
from steno.store._write import (
    Durable,
    Fence,
    Lost,
    Rejected,
    SagaCreateParams,
    SagaProblem,
    SagaRecord,
    SagaTrial,
    SagaWrite,
    WriteOutcome,
)

DURABLE = Durable()

_FINAL = frozenset({SagaCachedState.SUCCEEDED, SagaCachedState.FAILED, SagaCachedState.ABANDONED})
"""The ends that leave nothing to look at; not stuck."""


class StoredRow(Protocol):
    """A saga that is stored: what the rules look at."""

    @property
    def fence(self) -> Fence:
        """Who may write to it."""
        ...

    @property
    def state(self) -> SagaCachedState | None:
        """What its row says; None if that is damaged."""
        ...

    @property
    def concern(self) -> Concern | None:
        """Why a person should look at it, as its row says; None as well if that is damaged."""
        ...

    @property
    def size(self) -> int:
        """How many events it has."""
        ...

    def events_from(self, first_seq: int) -> Sequence[SagaNodeEvent]:
        """Return its events from a number on."""
        ...

    def is_of(self, saga: SagaCreateParams) -> bool:
        """Return True if it has the name, the graph and the params of a creation, to the letter."""
        ...


@attrs.frozen
class Create:
    """Store a saga that is not there."""

    saga: SagaCreateParams


class _AppendSlots:
    __slots__ = (
        "__weakref__",
        "clears_problem",
        "concern",
        "events",
        "first_seq",
        "sets_concern",
        "state",
    )
    first_seq: int
    events: tuple[SagaNodeEvent, ...]
    state: SagaCachedState | None
    sets_concern: bool
    concern: Concern | None
    clears_problem: bool


@attrs.frozen
class Append(_AppendSlots):
    """
    Append to a saga's log, and set its state and its concern.

    Attributes:
        first_seq: The number of the first event.
        events: What is appended; may be none.
        state: The saga's new state; None if it stays as it is.
        sets_concern: Whether the saga has a new concern, or none any more.
        concern: That concern; None if it has none any more, or if it stays as it is.
        clears_problem: Whether the problem that was noted is cleared.
    """

    first_seq: int
    events: tuple[SagaNodeEvent, ...]
    state: SagaCachedState | None
    sets_concern: bool = False
    concern: Concern | None = None
    clears_problem: bool = False


@attrs.frozen
class Note:
    """Set or clear a saga's problem, and its concern; if it abandons the saga, its state, too."""

    problem: str | None
    concern: Concern | None = None
    abandons: bool = False


@attrs.frozen
class Mark:
    """Mark a saga as tried, or, if it has passed, set its count of crashes to 0."""

    passed: bool


Change: TypeAlias = Create | Append | Note | Mark


def judge(row: StoredRow | None, write: SagaWrite) -> tuple[WriteOutcome, Change | None]:
    """
    Return the outcome of a write, and the change to be made; None if there is nothing to change.

    Args:
        row: The saga as it is stored, after the earlier writes of its batch; None if there is none.
        write: The write.
    """
    # Not fenced: a creation brings the fence that its saga begins with.
    if isinstance(write, SagaCreateParams):
        return _judge_creation(row, write)
    if row is None:
        return Rejected(NoSuchSaga(write.saga_id)), None
    # Identity first: a SEC's writes share one fence, and `==` on it is Python code.
    if row.fence is not write.fence and row.fence != write.fence:
        return Lost(row.fence.sec_name), None
    if isinstance(write, SagaProblem):
        return DURABLE, Note(write.problem, write.concern, write.abandons)
    if isinstance(write, SagaTrial):
        return DURABLE, Mark(write.passed)
    return _judge_record(row, write)


def _judge_creation(
    row: StoredRow | None, saga: SagaCreateParams
) -> tuple[WriteOutcome, Change | None]:
    if row is None:
        return DURABLE, Create(saga)
    # The cheap comparisons come first: the last two may have to read the database.
    is_same = (
        row.fence == saga.fence
        and row.state is saga.state
        and row.size == len(saga.events)
        and row.is_of(saga)
        and tuple(row.events_from(0)) == saga.events
    )
    return (DURABLE if is_same else Rejected(SagaIdInUse(saga.saga_id))), None


def _judge_record(row: StoredRow, record: SagaRecord) -> tuple[WriteOutcome, Change | None]:
    size = row.size
    known = size - record.first_seq  # how many of its events are stored already
    # Nearly always 0, and then nothing is read. Less: there is a gap. More: it was sent before, and
    # must be the same; other events of these numbers are another history, and must not be dropped.
    if known and (
        not 0 < known <= len(record.events)
        or tuple(row.events_from(record.first_seq)) != record.events[:known]
    ):
        msg = (
            f"saga {record.saga_id}: events from number {record.first_seq} do not follow the "
            f"{size} that are stored"
        )
        return Rejected(StoreError(msg)), None
    events = record.events[known:] if known else record.events
    state = None if record.state is row.state else record.state
    # Nearly always both are None, and then `==`, which is Python code, is not asked.
    if record.concern is not row.concern and _is_news(row.concern, record):
        noted = _is_noted(row.concern)
        return DURABLE, Append(size, events, state, True, record.concern, noted)  # noqa: FBT003 - as declared
    if not events and state is None:
        return DURABLE, None
    return DURABLE, _append(size, events, state)


def _append(
    first_seq: int, events: tuple[SagaNodeEvent, ...], state: SagaCachedState | None
) -> Append:
    """Return `Append(first_seq, events, state)`; see `SagaRecord.of` for why not by that."""
    made = _AppendSlots()
    made.first_seq = first_seq
    made.events = events
    made.state = state
    made.sets_concern = False
    made.concern = None
    made.clears_problem = False
    made.__class__ = Append
    return made  # type: ignore[return-value]  # it has its class now


def _is_news(known: Concern | None, record: SagaRecord) -> bool:
    """Return True if a record changes the concern of a row."""
    return record.state in _FINAL if _is_noted(known) else known != record.concern


def _is_noted(concern: Concern | None) -> bool:
    """Return True if a concern was noted with a problem; otherwise a log says so."""
    return concern is not None and not concern.attention.is_of_log
