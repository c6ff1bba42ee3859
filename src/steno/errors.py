"""
Every exception of the library, in a tree that says whose fault each one is.

::

    StenoError
    ├── DefinitionError            the saga's author: found before anything is stored
    │   ├── DagBuilderError            building saga "…": …
    │   ├── SagaValidationError        validating saga "…": …
    │   ├── ActionRegistryError        a name registered twice, or not at all
    │   └── CodecError                 a type registered that the codec knows
    ├── ActionDataError            the user's action: raised inside it, so that its node fails
    │   ├── SerializeError             a value that is not JSON
    │   ├── DeserializeError           a value that is not of the requested type
    │   └── NodeLookupError            the output of a node that is not an ancestor
    ├── NotDone                    the user's action: raised inside it, as it has had no effect
    ├── ActionTimeout              the user's action: a call took longer than its timeout
    ├── ActionError                the user's action: why a node failed; in `steno.core`, since it
    │   │                              holds JSON. Results have these, and they can be raised
    │   ├── ActionFailed               it raised an exception, which `convert` returns
    │   ├── DeserializeFailed          it asked for a value as the wrong type
    │   ├── SerializeFailed            it returned a value that cannot be stored
    │   ├── SubsagaCreateFailed        only in old dumps of Steno
    │   ├── InDoubt                    it failed, and may have taken effect all the same
    │   └── InjectedError              it was not called: a test or an operator injected a failure
    ├── UndoActionError            the user's undo action; in `steno.core` as well
    ├── SagaFailed                 the user's action: `unwrap` of a result that is not a success
    ├── CommandError               the caller: the command was refused, nothing has changed
    │   ├── NoSuchSaga
    │   ├── NoSuchNode
    │   ├── NodeBegun                  an injection that came too late
    │   ├── SagaNotReady
    │   ├── SagaNotRunning
    │   ├── SagaIdInUse
    │   └── SecClosing                 the SEC is being left, or has been
    ├── RecoveryError              the operator: what is stored or dumped cannot be resumed
    │   ├── DumpError                  the text is not a dump
    │   ├── IllegalEvent               an event that its node's status does not allow
    │   ├── ForeignEvent               an event of another saga
    │   └── CorruptLog                 an event whose cause is missing
    ├── SagaHeldError              the user's action: its saga waits for somebody to look at it
    ├── SagaHaltedError            the store: the saga is halted until it is recovered
    │   └── SagaTakenOver              another SEC runs it now
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
    """A saga or an action is defined incorrectly; nothing was stored or started."""


class DagBuilderError(DefinitionError):
    """`DagBuilder.build` found a mistake; only the first one made is reported."""

    def __init__(self, saga_name: str, why: str) -> None:
        super().__init__(f'building saga "{saga_name}": {why}')
        self.saga_name = saga_name
        self.why = why


class SagaValidationError(DefinitionError):
    """A saga cannot run on this SEC: an action is missing or has no undo action."""

    def __init__(self, saga_name: str, why: str) -> None:
        super().__init__(f'validating saga "{saga_name}": {why}')
        self.saga_name = saga_name
        self.why = why


class ActionRegistryError(DefinitionError):
    """An action's name was registered twice, or was never registered."""

    def __init__(self, action_name: str, why: str) -> None:
        super().__init__(f'action "{action_name}": {why}')
        self.action_name = action_name


class CodecError(DefinitionError):
    """
    A type was registered with a codec that already knows it.

    Attributes:
        type_name: The type.
        why: How the codec already knows it.
    """

    def __init__(self, type_name: str, why: str) -> None:
        super().__init__(f"type {type_name} cannot be registered: {why}")
        self.type_name = type_name
        self.why = why


# The user's action


class ActionDataError(StenoError):
    """An action returned or requested data that cannot be stored, converted or found."""


class SerializeError(ActionDataError):
    """
    A value cannot be stored as JSON.

    Attributes:
        path: Where in the value, starting at `$`, as in `$.rooms[2].price`.
        why: What is wrong there.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class DeserializeError(ActionDataError):
    """A stored value is not of the type that was requested."""


class NodeLookupError(ActionDataError, LookupError):
    """An action looked up a node whose output it cannot see."""

    def __init__(self, node: str, name: str, why: str) -> None:
        super().__init__(f'node {node} looked up "{name}": {why}')
        self.name = name


class NotDone(StenoError):
    """
    Raised by an action: this call has had no effect, so there is nothing to undo for it.

    The node fails at once, without another attempt. `raise NotDone() from error` stores the cause
    as the error of the node. What an earlier call may have done stays in doubt.
    """


class ActionTimeout(StenoError, TimeoutError):
    """A call of an action, or of its undo action or probe, took longer than its timeout."""


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
    """The store has no saga with this id."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f"no such saga: {saga_id}")
        self.saga_id = saga_id


class NoSuchNode(CommandError, LookupError):
    """The saga's graph has no such node, or more than one, or it is not one for this command."""

    def __init__(self, node: object, why: str) -> None:
        super().__init__(f"no such node: {node!r}: {why}")
        self.node = node


class NodeBegun(CommandError):
    """An injection would have no effect: the node has begun, or will never begin."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(f'too late to inject into node "{node}": it {why}')
        self.node = node
        self.why = why


class SagaNotReady(CommandError):
    """The saga was already started; it continues undisturbed."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f'saga not in "ready" state: {saga_id}')
        self.saga_id = saga_id


class SagaNotRunning(CommandError):
    """The saga is finished, so nothing can be injected into it."""

    def __init__(self, saga_id: UUID) -> None:
        super().__init__(f"saga is not running: {saga_id}")
        self.saga_id = saga_id


class SagaIdInUse(CommandError):
    """
    Another saga already has this id.

    Attributes:
        saga_id: The id.
        difference: How that saga differs from the one to be created, if known.
    """

    def __init__(self, saga_id: UUID, difference: str | None = None) -> None:
        text = f"saga_id {saga_id} cannot be inserted; already in use"
        super().__init__(text if difference is None else f"{text} by another saga: {difference}")
        self.saga_id = saga_id
        self.difference = difference


class SecClosing(CommandError):
    """
    The SEC accepts no more commands: its `async with` block is being left, or has been.

    An action that lets this propagate does not fail: its saga halts, and continues when a SEC of
    the same name is opened on the same store.
    """


# The operator


class RecoveryError(StenoError):
    """A stored or dumped saga cannot be resumed; it is left as it was."""


class DumpError(RecoveryError):
    """
    A text is not a dump of a saga, or its graph is not one that a builder can make.

    Attributes:
        path: Where in the document, starting at `$`.
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
    """A log has an event of another saga."""

    def __init__(self, found: UUID, requested: UUID) -> None:
        super().__init__(
            f"found an event in the log for a different saga ({found}) than requested ({requested})"
        )
        self.found = found
        self.requested = requested


class CorruptLog(RecoveryError):
    """A log has an event without the event that must precede it."""

    def __init__(self, node_id: int, event: str, why: str) -> None:
        super().__init__(f"corrupt log: {event} of node {node_id}: {why}")
        self.node_id = node_id


# The store


class SagaHeldError(StenoError):
    """
    A saga cannot go on by itself: every node that could is held for somebody to look at.

    The saga is not finished, and nothing is lost. It goes on when a SEC takes it up again.

    Attributes:
        saga_id: The saga.
        nodes: The names of the nodes that are held.
    """

    def __init__(self, saga_id: UUID, nodes: tuple[str, ...]) -> None:
        names = ", ".join(f'"{name}"' for name in nodes)
        which = f"nodes {names} are" if len(nodes) > 1 else f"node {names} is"
        super().__init__(
            f"saga {saga_id} is held: {which} not tried again until somebody has looked at it; "
            "it is due again when its SEC is opened again"
        )
        self.saga_id = saga_id
        self.nodes = nodes

    def again(self) -> SagaHeldError:
        """Return a copy, so that each waiter raises an exception of its own."""
        return SagaHeldError(self.saga_id, self.nodes)


class SagaHaltedError(StenoError):
    """
    A saga is halted: this SEC does not run it, and nothing is lost.

    Attributes:
        saga_id: The saga.
        problem: Why it is halted, and what to do.
    """

    def __init__(self, saga_id: UUID, problem: str) -> None:
        super().__init__(f"saga {saga_id} is halted: {problem}")
        self.saga_id = saga_id
        self.problem = problem

    def again(self) -> Self:
        """Return a copy, so that each waiter raises an exception of its own."""
        error = type(self)(self.saga_id, self.problem)
        error.__cause__ = self.__cause__
        return error


class SagaTakenOver(SagaHaltedError):
    """Another SEC, or a later instance of this one, runs the saga now; use that one."""


class StoreError(StenoError):
    """The store failed."""


class StoreUnavailable(StoreError):
    """The store is unreachable for now; the same call may succeed later."""


class StoreInUse(StoreError):
    """The store allows one writer at a time, and has one; it can still be read."""

    def __init__(self, store: str, owner: str) -> None:
        super().__init__(
            f"{store} is open for writing by {owner}; close that first, or open it for reading"
        )
        self.owner = owner


class StoreStuck(StoreError):
    """The store did not answer within its deadline; it may or may not have written."""


# This library


class BugError(StenoError):
    """A bug in this library; please report it with its traceback."""


class InternalError(BugError):
    """The engine broke a rule of its own."""


class SecCrashed(BugError):
    """An actor of the SEC crashed; see `__cause__`. The sagas continue at the next open."""
