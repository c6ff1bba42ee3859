"""
The pure core: graphs, logs, the fold of a log into a state, and every decision drawn from it.

Nothing here waits, tells the time or does I/O; ids come from outside. In reading order:

* `_value`, `_escape`: JSON text; texts for a line.
* `graph`: a saga's graph, its parts and their JSON.
* `log`: what is written down, in which legal order; dumps, and the verifier.
* `machine`: the fold, what is decided from it, and what people see.
"""

from steno.core._escape import escaped
from steno.core._value import (
    JSON,
    MAX_VALUE_BYTES,
    NULL,
    PLAIN_CODEC,
    JsonText,
    ValueCodec,
    decode_json,
    decode_value,
    encode_json,
    too_large,
)
from steno.core.graph._dag import Dag, PlainDagBuilder, SagaDag
from steno.core.graph._dataflow import FromNode, Given, Source, Value
from steno.core.graph._difference import difference
from steno.core.graph._flat import FlatDag
from steno.core.graph._flat_node import (
    EndNode,
    FlatNode,
    StartNode,
    SubsagaEndNode,
    SubsagaStartNode,
)
from steno.core.graph._graph_json import read_flat
from steno.core.graph._ids import (
    EARLIEST,
    LATEST,
    ActionName,
    BulkOrderId,
    NodeName,
    SagaId,
    SagaName,
    SagaNodeId,
    Timestamp,
    checked_saga_id,
)
from steno.core.graph._node import (
    RESERVED,
    ActionNode,
    AppendedNode,
    CallNode,
    ConstantNode,
    DeclaredNode,
    NamedAction,
    Node,
    SignalNode,
    SleepNode,
    SubsagaNode,
    ValueNode,
    WaitNode,
)
from steno.core.log._action_error import (
    ActionError,
    ActionFailed,
    DeserializeFailed,
    InDoubt,
    InjectedError,
    SerializeFailed,
    SubsagaCreateFailed,
    UndoActionError,
    action_error,
    in_doubt,
    undo_error,
)
from steno.core.log._attention import Attention, Concern
from steno.core.log._cached_state import SagaCachedState
from steno.core.log._dump import SagaSerialized
from steno.core.log._event import (
    AttemptFailed,
    Failed,
    FailedInDoubt,
    SagaNodeEvent,
    SagaNodeEventType,
    Started,
    Succeeded,
    UndoAttemptFailed,
    UndoFailed,
    UndoFinished,
    UndoStarted,
    are_stenos,
    event_data,
    event_type_from_row,
    with_times,
)
from steno.core.log._events import EventColumn, Events
from steno.core.log._log import SagaLog
from steno.core.log._log_rule import Breach, LogRule
from steno.core.log._order import CANCELS, NEEDS_WHY, OF_NODES, Ordered, Verb, read_order
from steno.core.log._status import TRANSITIONS, SagaNodeLoadStatus
from steno.core.log._verify import verify_log
from steno.core.machine import _input as inputs
from steno.core.machine._command import (
    AwaitDeadline,
    CancelCall,
    Command,
    Finish,
    RefusedOrder,
    RunAction,
    RunUndo,
    Step,
    Wait,
)
from steno.core.machine._concern import concern
from steno.core.machine._injection import injectable
from steno.core.machine._input import Injection, Input, RepeatInjected, at_least_one
from steno.core.machine._lifecycle import cached_state, held_nodes, only_waits
from steno.core.machine._lookup import lookup, saga_params
from steno.core.machine._machine import INJECTED, SagaMachine
from steno.core.machine._ordering import why_refused
from steno.core.machine._rearrange import fold_unordered
from steno.core.machine._recording import (
    RECORDING_TRANSITIONS,
    Recording,
    RecordingInput,
    RecordingState,
)
from steno.core.machine._result import SagaResult, SagaResultErr, SagaResultOk
from steno.core.machine._setback import NO_SETBACKS, Attempt
from steno.core.machine._state import SagaState
from steno.core.machine._verdict import Abandoned, Unwound
from steno.core.machine._view import (
    FailedAttempt,
    NodeExecState,
    Phase,
    SagaDone,
    SagaExecStatus,
    SagaHalted,
    SagaReady,
    SagaRunning,
    SagaStateView,
    SagaView,
    Snapshot,
)

__all__ = [
    "CANCELS",
    "EARLIEST",
    "INJECTED",
    "JSON",
    "LATEST",
    "MAX_VALUE_BYTES",
    "NEEDS_WHY",
    "NO_SETBACKS",
    "NULL",
    "OF_NODES",
    "PLAIN_CODEC",
    "RECORDING_TRANSITIONS",
    "RESERVED",
    "TRANSITIONS",
    "Abandoned",
    "ActionError",
    "ActionFailed",
    "ActionName",
    "ActionNode",
    "AppendedNode",
    "Attempt",
    "AttemptFailed",
    "Attention",
    "AwaitDeadline",
    "Breach",
    "BulkOrderId",
    "CallNode",
    "CancelCall",
    "Command",
    "Concern",
    "ConstantNode",
    "Dag",
    "DeclaredNode",
    "DeserializeFailed",
    "EndNode",
    "EventColumn",
    "Events",
    "Failed",
    "FailedAttempt",
    "FailedInDoubt",
    "Finish",
    "FlatDag",
    "FlatNode",
    "FromNode",
    "Given",
    "InDoubt",
    "InjectedError",
    "Injection",
    "Input",
    "JsonText",
    "LogRule",
    "NamedAction",
    "Node",
    "NodeExecState",
    "NodeName",
    "Ordered",
    "Phase",
    "PlainDagBuilder",
    "Recording",
    "RecordingInput",
    "RecordingState",
    "RefusedOrder",
    "RepeatInjected",
    "RunAction",
    "RunUndo",
    "SagaCachedState",
    "SagaDag",
    "SagaDone",
    "SagaExecStatus",
    "SagaHalted",
    "SagaId",
    "SagaLog",
    "SagaMachine",
    "SagaName",
    "SagaNodeEvent",
    "SagaNodeEventType",
    "SagaNodeId",
    "SagaNodeLoadStatus",
    "SagaReady",
    "SagaResult",
    "SagaResultErr",
    "SagaResultOk",
    "SagaRunning",
    "SagaSerialized",
    "SagaState",
    "SagaStateView",
    "SagaView",
    "SerializeFailed",
    "SignalNode",
    "SleepNode",
    "Snapshot",
    "Source",
    "StartNode",
    "Started",
    "Step",
    "SubsagaCreateFailed",
    "SubsagaEndNode",
    "SubsagaNode",
    "SubsagaStartNode",
    "Succeeded",
    "Timestamp",
    "UndoActionError",
    "UndoAttemptFailed",
    "UndoFailed",
    "UndoFinished",
    "UndoStarted",
    "Unwound",
    "Value",
    "ValueCodec",
    "ValueNode",
    "Verb",
    "Wait",
    "WaitNode",
    "action_error",
    "are_stenos",
    "at_least_one",
    "cached_state",
    "checked_saga_id",
    "concern",
    "decode_json",
    "decode_value",
    "difference",
    "encode_json",
    "escaped",
    "event_data",
    "event_type_from_row",
    "fold_unordered",
    "held_nodes",
    "in_doubt",
    "injectable",
    "inputs",
    "lookup",
    "only_waits",
    "read_flat",
    "read_order",
    "saga_params",
    "too_large",
    "undo_error",
    "verify_log",
    "why_refused",
    "with_times",
]
