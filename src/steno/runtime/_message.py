"""
Messages: what actors send to the SEC's coordinator.

Clients ask, with a reply address in the envelope; the writer, the loaders and the executors tell.
(Messages to an executor are inputs of its machine, or `NodeHalted`.)
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from steno.core import Injection, SagaId, inputs
from steno.errors import SagaHaltedError
from steno.runtime._exec_client import Awaits, Ended, GoesOn, Held
from steno.runtime._executor import SagaExecutor
from steno.runtime._mailbox import Envelope, Reply
from steno.store import SagaCreateParams, StoredSaga, WriteOutcome

# Requests of clients


@attrs.frozen(eq=False)
class CreateSaga:
    """Store a new saga, and run it if it has begun; the reply is None, once it is durable."""

    params: SagaCreateParams
    executor: SagaExecutor

    @property
    def starts(self) -> bool:
        """Whether the saga is to run at once."""
        return not self.executor.is_ready


@attrs.frozen(eq=False)
class RunSaga:
    """Store a new saga with its first step, and run it; the reply is a `Snapshot` of its end."""

    params: SagaCreateParams
    executor: SagaExecutor


@attrs.frozen
class StartSaga:
    """
    Start a ready saga; the reply is None, once that is durable, or `NotHere`.

    Attributes:
        saga_id: The saga.
        order: Who starts it, and why.
    """

    saga_id: SagaId
    order: inputs.Order


@attrs.frozen
class WaitSaga:
    """
    Wait until a saga is finished; the reply is a `Snapshot`, or `NotHere`.

    Attributes:
        saga_id: The saga.
        loads: Whether it is to be loaded if it is not in memory, as it is paused.
    """

    saga_id: SagaId
    loads: bool = False


@attrs.frozen
class GetSaga:
    """Get a view of a saga; the reply is a `Snapshot`, or `NotHere`."""

    saga_id: SagaId


@attrs.frozen
class Inject:
    """Inject a fault, or a repetition; the reply is None, or `NotHere`."""

    saga_id: SagaId
    injection: Injection


class Loads(enum.Enum):
    """Whether a saga that is not in memory is loaded for an order."""

    NOT = "not"
    """The asker looks at the store first."""
    TO_GO_ON = "to go on"
    """It is run from then on, as far as it has something to do."""
    TO_STAND_STILL = "to stand still"
    """It is halted, so the order is recorded, and nothing is begun."""
    UNREAD = "unread"
    """It cannot be read at all, so it is not loaded, but abandoned in its row."""


@attrs.frozen(eq=False)
class OrderSaga:
    """
    Order something of a saga, or of a node; the reply is None, once that is durable, or `NotHere`.

    Attributes:
        saga_id: The saga.
        order: What is ordered.
        loads: Whether the saga is to be loaded if it is not in memory.
    """

    saga_id: SagaId
    order: inputs.Order
    loads: Loads = Loads.NOT


@attrs.frozen
class RecoverSaga:
    """Load a halted saga; the reply is None, once it runs, or is ready again."""

    saga_id: SagaId


@attrs.frozen
class Close:
    """
    Begin to close; the reply is None, once nothing runs.

    Attributes:
        drain: Whether nothing new may begin, so that only calls in progress end.
    """

    drain: bool = False


Ask: TypeAlias = (
    CreateSaga | RunSaga | StartSaga | WaitSaga | GetSaga | Inject | OrderSaga | RecoverSaga | Close
)


@attrs.frozen(eq=False)
class NotHere:
    """
    A reply: the saga is not in memory; the asker should read the store.

    Attributes:
        saga_id: The saga.
        halted: Why it is halted, if the SEC knows.
        stored: What the store has of it, if it was read.
        loading: Whether it is being created or loaded, or is about to be.
        paused: Whether it is not in memory only because it was paused here.
    """

    saga_id: SagaId
    halted: SagaHaltedError | None = None
    stored: StoredSaga | None = None
    loading: bool = False
    paused: bool = False


# Notices of the other actors


@attrs.frozen(eq=False)
class Forget:
    """A client no longer waits for a saga."""

    saga_id: SagaId
    reply: Reply[object]


@attrs.frozen(eq=False)
class Stored:
    """The writer has answered for a creation."""

    created: CreateSaga | RunSaga
    reply_to: Reply[object]
    outcome: WriteOutcome


@attrs.frozen(eq=False)
class Loaded:
    """A loader has made an executor of a stored saga; it is to be started."""

    executor: SagaExecutor


@attrs.frozen(eq=False)
class NotLoaded:
    """A loader could not load a saga."""

    saga_id: SagaId
    error: Exception


@attrs.frozen(eq=False)
class AbandonedUnread:
    """
    A saga that cannot be read was abandoned in its row.

    Attributes:
        saga_id: The saga.
        error: Why it was not, if so.
    """

    saga_id: SagaId
    error: Exception | None


@attrs.frozen(eq=False)
class Pruned:
    """Some finished sagas were deleted from the store."""

    sagas: frozenset[SagaId]


Tell: TypeAlias = (
    Forget | Stored | Loaded | NotLoaded | AbandonedUnread | Ended | Held | GoesOn | Awaits | Pruned
)

SecMessage: TypeAlias = Envelope[Ask, object] | Tell
