"""
Sagas for Trio: several changes in other systems are all made, or all undone, even after a crash.

A **saga** is a graph of **actions**, each with an **undo action**. A **saga execution coordinator**
(SEC) runs it, writes every step to a **saga log** before it acts on it, unwinds in reverse order
when an action fails, and continues after a crash as if nothing had happened.

General layout, from the top; each layer uses those below it only:

* `steno.runtime`: `open_sec`, and the Trio actors that implement it.
* `steno.abc`: what applications subclass to watch a SEC.
* `steno.stores`: the stores that keep sagas. `steno.store`: the interface of a store.
* `steno.action`: what users write: actions, their registry, their context.
* `steno.core`: graphs, logs and every decision; pure code without I/O.
* `steno.errors`: every exception.

Each name is imported on first use, so `steno.core` can be imported without the rest, and without
loading Trio, SQLite or cattrs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steno import abc as abc
    from steno.action import (
        NOOP,
        NOT_DONE,
        Action,
        ActionContext,
        ActionFunc,
        ActionRegistry,
        Codec,
        DagBuilder,
        Retry,
        Sec,
        SecSaga,
        child_saga,
        child_sagas,
        new_action_noop_undo,
    )
    from steno.core import (
        Abandoned,
        ActionError,
        ActionFailed,
        ActionName,
        AttemptFailed,
        Breach,
        Dag,
        DeserializeFailed,
        Failed,
        FailedAttempt,
        FailedInDoubt,
        InDoubt,
        InjectedError,
        LogRule,
        Node,
        NodeExecState,
        NodeName,
        Ordered,
        RepeatInjected,
        SagaCachedState,
        SagaDag,
        SagaDone,
        SagaExecStatus,
        SagaHalted,
        SagaId,
        SagaLog,
        SagaName,
        SagaNodeEvent,
        SagaNodeEventType,
        SagaNodeId,
        SagaReady,
        SagaResult,
        SagaResultErr,
        SagaResultOk,
        SagaRunning,
        SagaSerialized,
        SagaStateView,
        SagaView,
        SerializeFailed,
        Started,
        SubsagaCreateFailed,
        Succeeded,
        UndoActionError,
        UndoAttemptFailed,
        UndoFailed,
        UndoFinished,
        UndoStarted,
        Unwound,
        Value,
        Verb,
        verify_log,
    )
    from steno.errors import (
        ActionDataError,
        ActionRegistryError,
        ActionTimeout,
        BugError,
        CodecError,
        CommandError,
        CorruptLog,
        DagBuilderError,
        DefinitionError,
        DeserializeError,
        DumpError,
        ForeignEvent,
        Hold,
        IllegalEvent,
        InputError,
        InternalError,
        NodeBegun,
        NodeLookupError,
        NoSuchNode,
        NoSuchSaga,
        NotDone,
        OrderRefused,
        RecoveryError,
        SagaFailed,
        SagaHaltedError,
        SagaHeldError,
        SagaIdInUse,
        SagaNotReady,
        SagaNotRunning,
        SagaTakenOver,
        SagaValidationError,
        SecClosing,
        SecCrashed,
        SerializeError,
        StenoError,
        StoreError,
        StoreInUse,
        StoreStuck,
        StoreUnavailable,
    )
    from steno.runtime import (
        SagaHandle,
        SagaListing,
        SecClient,
        SecExecClient,
        SecStatistics,
        WriterStatistics,
        open_sec,
        rare_collections,
    )
    from steno.store import (
        SagaCreateParams,
        SagaFilters,
        SagaSummary,
        SagaTimes,
        SecStore,
        SecStoreSession,
    )
    from steno.stores import InMemorySecStore, SqliteSecStore
    from steno.stores.postgres import PostgresSecStore
else:
    # The first layer that has a name: `DagBuilder` is that of `action`, not that of `core`.
    _LAYERS = ("errors", "action", "core", "store", "stores", "runtime", "abc")
    _OPTIONAL = ("stores.postgres",)  # last: what they need may not be installed

    def __getattr__(name: str) -> object:
        """Import a public name or a layer, and return it."""
        if name in _LAYERS:
            return import_module(f"{__name__}.{name}")
        if name in __all__:
            for layer in _LAYERS + _OPTIONAL:
                module = import_module(f"{__name__}.{layer}")
                if hasattr(module, name):
                    return globals().setdefault(name, getattr(module, name))
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)

    def __dir__() -> list[str]:
        """Return the public names, including those not yet imported."""
        return sorted({*globals(), *__all__})


__all__ = [
    "NOOP",
    "NOT_DONE",
    "Abandoned",
    "Action",
    "ActionContext",
    "ActionDataError",
    "ActionError",
    "ActionFailed",
    "ActionFunc",
    "ActionName",
    "ActionRegistry",
    "ActionRegistryError",
    "ActionTimeout",
    "AttemptFailed",
    "Breach",
    "BugError",
    "Codec",
    "CodecError",
    "CommandError",
    "CorruptLog",
    "Dag",
    "DagBuilder",
    "DagBuilderError",
    "DefinitionError",
    "DeserializeError",
    "DeserializeFailed",
    "DumpError",
    "Failed",
    "FailedAttempt",
    "FailedInDoubt",
    "ForeignEvent",
    "Hold",
    "IllegalEvent",
    "InDoubt",
    "InMemorySecStore",
    "InjectedError",
    "InputError",
    "InternalError",
    "LogRule",
    "NoSuchNode",
    "NoSuchSaga",
    "Node",
    "NodeBegun",
    "NodeExecState",
    "NodeLookupError",
    "NodeName",
    "NotDone",
    "OrderRefused",
    "Ordered",
    "PostgresSecStore",
    "RecoveryError",
    "RepeatInjected",
    "Retry",
    "SagaCachedState",
    "SagaCreateParams",
    "SagaDag",
    "SagaDone",
    "SagaExecStatus",
    "SagaFailed",
    "SagaFilters",
    "SagaHalted",
    "SagaHaltedError",
    "SagaHandle",
    "SagaHeldError",
    "SagaId",
    "SagaIdInUse",
    "SagaListing",
    "SagaLog",
    "SagaName",
    "SagaNodeEvent",
    "SagaNodeEventType",
    "SagaNodeId",
    "SagaNotReady",
    "SagaNotRunning",
    "SagaReady",
    "SagaResult",
    "SagaResultErr",
    "SagaResultOk",
    "SagaRunning",
    "SagaSerialized",
    "SagaStateView",
    "SagaSummary",
    "SagaTakenOver",
    "SagaTimes",
    "SagaValidationError",
    "SagaView",
    "Sec",
    "SecClient",
    "SecClosing",
    "SecCrashed",
    "SecExecClient",
    "SecSaga",
    "SecStatistics",
    "SecStore",
    "SecStoreSession",
    "SerializeError",
    "SerializeFailed",
    "SqliteSecStore",
    "Started",
    "StenoError",
    "StoreError",
    "StoreInUse",
    "StoreStuck",
    "StoreUnavailable",
    "SubsagaCreateFailed",
    "Succeeded",
    "UndoActionError",
    "UndoAttemptFailed",
    "UndoFailed",
    "UndoFinished",
    "UndoStarted",
    "Unwound",
    "Value",
    "Verb",
    "WriterStatistics",
    "child_saga",
    "child_sagas",
    "new_action_noop_undo",
    "open_sec",
    "rare_collections",
    "verify_log",
]
