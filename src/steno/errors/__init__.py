"""
Every exception of the library, in a tree that says whose fault each one is.

::

    StenoError
    ├── DefinitionError            the saga's author: found before anything is stored
    │   ├── DagBuilderError            building saga "…": …
    │   ├── SagaValidationError        validating saga "…": …
    │   ├── ActionRegistryError        a name registered twice, or not at all
    │   └── CodecError                 a type registered that the codec knows
    ├── ActionDataError            the user's action: raised inside it, so that its node is held
    │   ├── SerializeError             a value that is not JSON
    │   ├── DeserializeError           a value that is not of the requested type
    │   │   └── InputError                 an input that an action cannot be given
    │   └── NodeLookupError            the output of a node that is not an ancestor
    ├── Hold                       the user's action: raised inside it, so that its node is held
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
    │   ├── NoSuchBulkOrder            it may have been deleted
    │   ├── NodeBegun                  an injection that came too late
    │   ├── SagaNotReady
    │   ├── SagaNotRunning
    │   ├── OrderRefused               it does not apply to the node as it is
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
    ├── BulkOrderHaltedError       the store: this SEC does not give the order to many sagas
    ├── StoreError                 the store
    │   ├── StoreUnavailable           a retry may help
    │   ├── StoreInUse                 another SEC, or command, has it open for writing
    │   └── StoreStuck                 it did not answer within its deadline
    └── BugError                   this library
        ├── InternalError              a rule of the engine was broken
        └── SecCrashed                 one of its actors ended with an exception
"""

from __future__ import annotations

from steno.errors._action import (
    ActionDataError,
    ActionTimeout,
    DeserializeError,
    Hold,
    InputError,
    NodeLookupError,
    NotDone,
    SagaFailed,
    SerializeError,
)
from steno.errors._bug import BugError, InternalError, SecCrashed
from steno.errors._command import (
    CommandError,
    NodeBegun,
    NoSuchBulkOrder,
    NoSuchNode,
    NoSuchSaga,
    OrderRefused,
    SagaIdInUse,
    SagaNotReady,
    SagaNotRunning,
    SecClosing,
)
from steno.errors._definition import (
    ActionRegistryError,
    CodecError,
    DagBuilderError,
    DefinitionError,
    SagaValidationError,
)
from steno.errors._recovery import CorruptLog, DumpError, ForeignEvent, IllegalEvent, RecoveryError
from steno.errors._root import StenoError
from steno.errors._store import (
    BulkOrderHaltedError,
    SagaHaltedError,
    SagaHeldError,
    SagaTakenOver,
    StoreError,
    StoreInUse,
    StoreStuck,
    StoreUnavailable,
)

__all__ = [
    "ActionDataError",
    "ActionRegistryError",
    "ActionTimeout",
    "BugError",
    "BulkOrderHaltedError",
    "CodecError",
    "CommandError",
    "CorruptLog",
    "DagBuilderError",
    "DefinitionError",
    "DeserializeError",
    "DumpError",
    "ForeignEvent",
    "Hold",
    "IllegalEvent",
    "InputError",
    "InternalError",
    "NoSuchBulkOrder",
    "NoSuchNode",
    "NoSuchSaga",
    "NodeBegun",
    "NodeLookupError",
    "NotDone",
    "OrderRefused",
    "RecoveryError",
    "SagaFailed",
    "SagaHaltedError",
    "SagaHeldError",
    "SagaIdInUse",
    "SagaNotReady",
    "SagaNotRunning",
    "SagaTakenOver",
    "SagaValidationError",
    "SecClosing",
    "SecCrashed",
    "SerializeError",
    "StenoError",
    "StoreError",
    "StoreInUse",
    "StoreStuck",
    "StoreUnavailable",
]

for _name in __all__:
    # The log has the names of exceptions, which must not change if one moves; nor are the modules
    # of interest in a traceback.
    globals()[_name].__module__ = __name__
