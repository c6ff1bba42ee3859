"""
The port: what the runtime asks of a store, and in which words.

Theory of operation. A store keeps three things: graphs, once per content hash; a row per saga; and
a row per event, numbered within its saga from 0. It is written to in batches, by one writer per
SEC. Each saga row names the SEC that runs it (`current_sec`) and how often it has changed hands
(`adopt_generation`): together its **fence**. Every write is conditional on the fence, saga by saga,
in the same transaction: what an earlier life of a SEC sends late is refused, and hurts no other
saga of its batch.

A SEC has a generation of its own as well, raised each time one of its name is opened. What it
creates begins with that, so that not even two lives of a SEC that create the same saga have the
same fence.

Numbers make writes idempotent: a batch that was written, and whose answer was lost, can be sent
again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeAlias

import attrs

from steno.core import JsonText, SagaCachedState, SagaId, SagaName, SagaNodeEvent, at_least_one


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


# Writes


@attrs.frozen
class SagaCreateParams:
    """
    Creates a saga, with the log that it has so far.

    Attributes:
        saga_id: The saga; refused with `SagaIdInUse` if there is one.
        saga_name: The name of its kind.
        dag_digest: The content hash of its graph.
        dag_text: Its graph.
        params: Its params.
        fence: Who runs it.
        events: Its log, empty but for a saga that comes from a dump.
    """

    saga_id: SagaId
    saga_name: SagaName
    dag_digest: str
    dag_text: JsonText = attrs.field(repr=False)
    params: JsonText = attrs.field(repr=False)
    fence: Fence
    events: tuple[SagaNodeEvent, ...] = attrs.field(default=(), repr=False)


@attrs.frozen
class SagaRecord:
    """
    Appends events to a saga's log and sets its state.

    Attributes:
        saga_id: The saga.
        fence: What its row must say.
        first_seq: The number of the first of the events.
        events: What is appended; may be none.
        state: What its row will say.
    """

    saga_id: SagaId
    fence: Fence
    first_seq: int
    events: tuple[SagaNodeEvent, ...]
    state: SagaCachedState


@attrs.frozen
class SagaProblem:
    """
    Notes why a saga can not be loaded, or that it can again.

    Attributes:
        saga_id: The saga.
        fence: What its row must say.
        problem: The text for an operator; None clears it.
    """

    saga_id: SagaId
    fence: Fence
    problem: str | None


SagaWrite: TypeAlias = SagaCreateParams | SagaRecord | SagaProblem


@attrs.frozen
class Durable:
    """The write has survived whatever comes."""


@attrs.frozen
class Lost:
    """
    The write was refused by its fence.

    Attributes:
        owner: The SEC that the saga belongs to now.
    """

    owner: str


@attrs.frozen
class Rejected:
    """
    The write can not be done, now or later.

    Attributes:
        error: Why.
    """

    error: Exception


WriteOutcome: TypeAlias = Durable | Lost | Rejected

# Reads


@attrs.frozen
class SagaTimes:
    """
    When a saga's row was written, by the clock of the machine that wrote it.

    Attributes:
        created: When it was created.
        progressed: When its last event, or its creation, was recorded.
        ended: When it was finished; None before.
    """

    created: datetime
    progressed: datetime
    ended: datetime | None


@attrs.frozen
class SagaSummary:
    """
    A saga in a list.

    Attributes:
        id: The saga.
        name: The name of its kind.
        state: What its row says.
        problem: Why it could not be loaded, if so.
        times: When its row was written.
    """

    id: SagaId
    name: SagaName
    state: SagaCachedState
    problem: str | None
    times: SagaTimes


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
    events: tuple[SagaNodeEvent, ...] = attrs.field(repr=False)


@attrs.frozen
class SagaClaim:
    """
    An unfinished saga that was just taken over.

    Attributes:
        saga_id: The saga.
        fence: Its fence from now on.
    """

    saga_id: SagaId
    fence: Fence


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


@attrs.frozen
class ListQuery:
    """
    A page of a list, in the order of saga ids.

    Attributes:
        marker: The id after which the page begins; None for the first page.
        limit: How many sagas at most.
        states: Only sagas in one of these states; None for all.
        name: Only sagas of this name; None for all.
    """

    marker: SagaId | None = None
    limit: int = attrs.field(default=100, validator=at_least_one)
    states: Collection[SagaCachedState] | None = None
    name: str | None = None


class SecStoreSession(Protocol):
    """
    A store that is open.

    Every method may raise `StoreUnavailable` where the same call may succeed later, and another
    `StoreError` where it will not. What a method did before it was cancelled is not known.
    """

    async def take_over(self, sec_name: str) -> TakeOver:
        """Raise the generation of a SEC and of all its unfinished sagas, in one transaction."""
        ...

    async def claim(self, saga_id: SagaId, sec_name: str) -> SagaClaim | None:
        """Make a SEC the owner of one unfinished saga, whosever it was; None if there is none."""
        ...

    async def record(self, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """
        Write a batch in one transaction, and answer for each write of it, in its order.

        Writes of one saga are done in their order. `SagaRecord` and `SagaCreateParams` are
        idempotent. An exception means that nothing of the batch was written, or, if it is
        `StoreUnavailable`, that this is not known.
        """
        ...

    async def load(self, saga_id: SagaId) -> StoredSaga | None:
        """
        Return all that is stored of a saga; None if there is no such saga.

        Raises:
            RecoveryError: What is stored can not be read.
        """
        ...

    async def list(self, query: ListQuery) -> Sequence[SagaSummary]:
        """Return a page of the sagas."""
        ...


class SecStore(Protocol):
    """
    Where sagas are kept: a description, to be opened as often as one likes.

    A session owns whatever is open (threads, connections, locks); leaving it waits for reads that
    are under way, and gives all back.
    """

    def open(self) -> AbstractAsyncContextManager[SecStoreSession]:
        """Open the store for one SEC."""
        ...
