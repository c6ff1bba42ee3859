"""Writes: what the runtime asks a store to do to a saga, and the answers there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from steno.core import Concern, JsonText, SagaCachedState, SagaId, SagaName, SagaNodeEvent
from steno.store._tags import NO_TAGS


@attrs.frozen
class Fence:
    """
    Who may write to a saga.

    Attributes:
        sec_name: The SEC that runs it.
        generation: Raised whenever the saga is taken over.
    """

    sec_name: str
    generation: int


@attrs.frozen
class SagaCreateParams:
    """
    Creates a saga, with the log that it has so far.

    Attributes:
        saga_id: The saga; rejected with `SagaIdInUse` if there is one, unless that is the very same
            and nothing was written to it since, as when this is sent again.
        saga_name: The name of its kind.
        dag_digest: The content hash of its graph.
        dag_text: Its graph; kept to the letter, once per hash.
        params: Its params; kept to the letter.
        fence: Who runs it. What an earlier life of a SEC creates late has that life's fence; the
            next life takes it over.
        events: Its log: that of a dump, or the first step of a saga that runs at once, or nothing.
        state: What its row will say: ready, regardless of the events, or running.
        tags: What it is found by; see `checked_tags`. Not part of what it is: the very same saga
            with other tags may come again, and keeps the tags that it was first given.
        concern: Why a person should look at it, as its log says; not part of what it is, either.
    """

    saga_id: SagaId
    saga_name: SagaName
    dag_digest: str
    dag_text: JsonText = attrs.field(repr=False)
    params: JsonText = attrs.field(repr=False)
    fence: Fence
    events: tuple[SagaNodeEvent, ...] = attrs.field(default=(), repr=False)
    state: SagaCachedState = SagaCachedState.READY
    tags: Mapping[str, str] = attrs.field(default=NO_TAGS, hash=False)
    concern: Concern | None = None


class _RecordSlots:
    __slots__ = ("__weakref__", "concern", "events", "fence", "first_seq", "saga_id", "state")
    saga_id: SagaId
    fence: Fence
    first_seq: int
    events: tuple[SagaNodeEvent, ...]
    state: SagaCachedState
    concern: Concern | None


@attrs.frozen
class SagaRecord(_RecordSlots):
    """
    Appends events to a saga's log and sets its state.

    Attributes:
        saga_id: The saga.
        fence: What its row must say.
        first_seq: The number of the first of the events: the next one, or an earlier one if the
            events begin with all that is stored from there on. Any other record is rejected.
        events: What is appended; may be none. One without a time gets that of the transaction.
        state: What its row will say.
        concern: Why a person should look at it, as its log says by then. Its row will say so,
            unless it says something graver, which was noted with a problem.
    """

    saga_id: SagaId
    fence: Fence
    first_seq: int
    events: tuple[SagaNodeEvent, ...]
    state: SagaCachedState
    concern: Concern | None = None

    @staticmethod
    def of(  # noqa: PLR0917 - it is called as the class is
        saga_id: SagaId,
        fence: Fence,
        first_seq: int,
        events: tuple[SagaNodeEvent, ...],
        state: SagaCachedState,
        concern: Concern | None,
    ) -> SagaRecord:
        """
        Return the record that the class, called with these, returns.

        There is one for each step, and to call the class, which is frozen, takes four times as
        long.
        """
        made = _RecordSlots()
        made.saga_id = saga_id
        made.fence = fence
        made.first_seq = first_seq
        made.events = events
        made.state = state
        made.concern = concern
        made.__class__ = SagaRecord
        return made  # type: ignore[return-value]  # it has its class now


@attrs.frozen
class SagaProblem:
    """
    Notes why a saga cannot be loaded, or that it can again.

    Attributes:
        saga_id: The saga.
        fence: What its row must say.
        problem: The text for an operator; None clears it.
        concern: Why a person should look at it, which its row will say: with a problem, that it is
            quarantined or halted; without one, what its log says.
        abandons: Whether the saga is abandoned in its row, since nothing can be added to a log that
            cannot be read. The problem says by whom, and why.
    """

    saga_id: SagaId
    fence: Fence
    problem: str | None
    concern: Concern | None = None
    abandons: bool = False


@attrs.frozen
class SagaTrial:
    """
    Notes how a saga stands that may be what kills its process; see `SagaClaim.crashes`.

    Attributes:
        saga_id: The saga.
        fence: What its row must say.
        passed: False before its calls are made again: the saga is tried in this life of its SEC,
            so a crash counts. True once it has been loaded for a while: its count begins again.
    """

    saga_id: SagaId
    fence: Fence
    passed: bool


SagaWrite: TypeAlias = SagaCreateParams | SagaRecord | SagaProblem | SagaTrial


@attrs.frozen
class Durable:
    """The write is in the store, and survives a crash."""


@attrs.frozen
class Lost:
    """
    The write was refused by its fence, which is checked before anything else.

    Attributes:
        owner: The SEC that the saga belongs to now.
    """

    owner: str


@attrs.frozen
class Rejected:
    """
    The write cannot be done, now or later.

    Attributes:
        error: Why.
    """

    error: Exception


WriteOutcome: TypeAlias = Durable | Lost | Rejected
