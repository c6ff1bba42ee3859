"""
Every exception of the library; its place in the tree says whose fault it is.

::

    StenoError
    ├── DefinitionError            the saga's author: found before anything is stored
    │   ├── DagBuilderError            building saga "…": …
    │   ├── SagaValidationError        validating saga "…": …
    │   ├── ActionRegistryError        a name registered twice, or not at all
    │   └── CodecError                 a type registered that the codec knows
    ├── ActionDataError            the user's action: raised inside it, so that its node fails
    │   ├── SerializeError             a value that is no JSON
    │   ├── DeserializeError           a value that is not of the type that was asked for
    │   └── NodeLookupError            the output of a node that is no ancestor
    ├── ActionError                the user's action: why a node failed; in `steno.core`, since it
    │   │                              holds JSON. Results have these, and they can be raised
    │   ├── ActionFailed               it raised an exception, which `convert` returns
    │   ├── DeserializeFailed          it asked for a value as a type that it is not of
    │   ├── SerializeFailed            it returned what can not be stored
    │   ├── SubsagaCreateFailed        only in old dumps of Steno
    │   └── InjectedError              it was not called: a test or an operator wanted that
    ├── UndoActionError            the user's undo action; in `steno.core` as well
    ├── SagaFailed                 the user's action: a result was unwrapped that is no success
    ├── CommandError               the caller: the command was refused, nothing has changed
    │   ├── NoSuchSaga
    │   ├── NoSuchNode
    │   ├── NodeBegun                  an injection that comes too late
    │   ├── SagaNotReady
    │   ├── SagaNotRunning
    │   ├── SagaIdInUse
    │   └── SecClosing                 the SEC is being left, or has been
    ├── RecoveryError              the operator: what is stored or dumped can not be gone on with
    │   ├── DumpError                  the text is no dump
    │   ├── IllegalEvent               an event that its node's status does not allow
    │   ├── ForeignEvent               an event of another saga
    │   └── CorruptLog                 an event without its cause
    ├── SagaHaltedError            the store: the saga stands still until it is recovered
    │   └── SagaTakenOver              another SEC has it now
    ├── StoreError                 the store
    │   ├── StoreUnavailable           a retry may help
    │   ├── StoreInUse                 another SEC, or command, has it open for writing
    │   └── StoreStuck                 it did not answer within its deadline
    └── BugError                   this library
        ├── InternalError              a rule of the engine was broken
        └── SecCrashed                 one of its actors ended with an exception
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from uuid import UUID


class StenoError(Exception):
    """The root of every exception that this library raises on purpose."""


# The saga's author


class DefinitionError(StenoError):
    """A saga or an action is not well defined; nothing was stored or started."""


class DagBuilderError(DefinitionError):
    """`DagBuilder.build` found a mistake; only the first one made is reported."""

    def __init__(self, saga_name: str, why: str) -> None:
        super().__init__(f'building saga "{saga_name}": {why}')
        self.saga_name = saga_name
        self.why = why


class SagaValidationError(DefinitionError):
    """A saga does not fit the SEC it was given to: an action is missing or has no undo."""

    def __init__(self, saga_name: str, why: str) -> None:
        super().__init__(f'validating saga "{saga_name}": {why}')
        self.saga_name = saga_name
        self.why = why


class ActionRegistryError(DefinitionError):
    """An action's name was registered twice, or was asked for and never registered."""

    def __init__(self, action_name: str, why: str) -> None:
        super().__init__(f'action "{action_name}": {why}')
        self.action_name = action_name


class CodecError(DefinitionError):
    """
    A type was registered with a codec that knows it.

    Attributes:
        type_name: The type.
        why: How the codec knows it.
    """

    def __init__(self, type_name: str, why: str) -> None:
        super().__init__(f"type {type_name} cannot be registered: {why}")
        self.type_name = type_name
        self.why = why


# The user's action


class ActionDataError(StenoError):
    """An action gave or asked for data that it can not give or have."""


class SerializeError(ActionDataError):
    """
    A value can not be stored as JSON.

    Attributes:
        path: Where in the value, from `$`, as in `$.rooms[2].price`.
        why: What is wrong there.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class DeserializeError(ActionDataError):
    """A stored value is not of the type that it was asked for as."""


class NodeLookupError(ActionDataError, LookupError):
    """An action looked up a node whose output it can not see."""

    def __init__(self, node: str, name: str, why: str) -> None:
        super().__init__(f'node {node} looked up "{name}": {why}')
        self.name = name


class SagaFailed(StenoError):
    """
    `unwrap` was called on the result of a saga that did not succeed.

    Attributes:
        saga_id: The saga.
        result: The `SagaResultErr`.
    """

    def __init__(self, saga_id: UUID, result: object, why: str) -> None:
        super().__init__(f"saga {saga_id} failed {why}")
        self.saga_id = saga_id
        self.result = result


# The caller


class CommandError(StenoError):
    """A command was refused; nothing has changed."""


class NoSuchSaga(CommandError, LookupError):
    """The store knows no saga of this id."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f"no such saga: {saga_id}")
        self.saga_id = saga_id


class NoSuchNode(CommandError, LookupError):
    """The saga's graph has no such node, or more than one, or it is not one for this command."""

    def __init__(self, node: object, why: str) -> None:
        super().__init__(f"no such node: {node!r}: {why}")
        self.node = node


class NodeBegun(CommandError):
    """An injection would have no effect: the node has begun, or will not begin any more."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(f'too late to inject into node "{node}": it {why}')
        self.node = node
        self.why = why


class SagaNotReady(CommandError):
    """The saga was started before; it goes on undisturbed."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f'saga not in "ready" state: {saga_id}')
        self.saga_id = saga_id


class SagaNotRunning(CommandError):
    """The saga is finished, so that nothing can be injected into it."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f"saga is not running: {saga_id}")
        self.saga_id = saga_id


class SagaIdInUse(CommandError):
    """
    Another saga has this id.

    Attributes:
        saga_id: The id.
        difference: Where that saga differs from the one that was to be created, if that is known.
    """

    def __init__(self, saga_id: UUID, difference: str | None = None) -> None:
        text = f"saga_id {saga_id} cannot be inserted; already in use"
        super().__init__(text if difference is None else f"{text} by another saga: {difference}")
        self.saga_id = saga_id
        self.difference = difference


class SecClosing(CommandError):
    """
    The SEC takes no more commands: its `async with` block is being left, or has been.

    An action that lets this out does not fail: its saga halts and goes on when a SEC of the same
    name is opened on the same store.
    """


# The operator


class RecoveryError(StenoError):
    """A saga that is stored or dumped can not be gone on with; it is left as it was."""


class DumpError(RecoveryError):
    """
    A text is no dump of a saga, or the graph in it is none that a builder makes.

    Attributes:
        path: Where in the document, from `$`.
        why: What is wrong there.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"malformed saga dump: {path}: {why}")
        self.path = path
        self.why = why


class IllegalEvent(RecoveryError):
    """A node's status does not allow this event."""

    def __init__(self, node_id: int, event: str, status: str) -> None:
        super().__init__(
            f"event type {event} is illegal with current load status {status} (node {node_id})"
        )
        self.node_id = node_id


class ForeignEvent(RecoveryError):
    """A log holds an event of another saga."""

    def __init__(self, found: UUID, requested: UUID) -> None:
        super().__init__(
            f"found an event in the log for a different saga ({found}) than requested ({requested})"
        )
        self.found = found
        self.requested = requested


class CorruptLog(RecoveryError):
    """A log holds an event whose cause it does not hold."""

    def __init__(self, node_id: int, event: str, why: str) -> None:
        super().__init__(f"corrupt log: {event} of node {node_id}: {why}")
        self.node_id = node_id


# The store


class SagaHaltedError(StenoError):
    """
    A saga stands still: this SEC does not run it, and nothing of it is lost.

    Attributes:
        saga_id: The saga.
        problem: Why it stands still, and what to do.
    """

    def __init__(self, saga_id: UUID, problem: str) -> None:
        super().__init__(f"saga {saga_id} is halted: {problem}")
        self.saga_id = saga_id
        self.problem = problem

    def again(self) -> Self:
        """Return another of the same, since each who is told raises one of its own."""
        error = type(self)(self.saga_id, self.problem)
        error.__cause__ = self.__cause__
        return error


class SagaTakenOver(SagaHaltedError):
    """Another SEC, or a later life of this one, runs the saga now; ask there."""


class StoreError(StenoError):
    """The store failed."""


class StoreUnavailable(StoreError):
    """The store can not be reached now; the same call may succeed later."""


class StoreInUse(StoreError):
    """The store takes one writer at a time, and has one; it can be read meanwhile."""

    def __init__(self, store: str, owner: str) -> None:
        super().__init__(f"{store} is open for writing by {owner}; end that, or only read")
        self.owner = owner


class StoreStuck(StoreError):
    """The store did not answer within its deadline; whether it wrote is not known."""


# This library


class BugError(StenoError):
    """A bug in this library; a report of it, with its traceback, is welcome."""


class InternalError(BugError):
    """The engine broke a rule of its own."""


class SecCrashed(BugError):
    """An actor of the SEC ended with an exception, its cause; the sagas go on at the next open."""
