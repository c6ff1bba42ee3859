"""
The pure core: graphs, logs, the fold of a log into a state, and every decision drawn from it.

Nothing here waits, tells the time or does I/O; ids come from outside. In reading order:

* `_value`, `_ids`, `_escape`: JSON text, names and numbers; texts for a line.
* `_graph`, `_node`, `_namespace`, `_dag`, `_assemble`, `_flat`: a saga's graph.
* `_difference`: where two sagas differ.
* `_action_error`, `_event`, `_status`, `_log`: what is written down, and in which legal order.
* `_state`, `_cached_state`: the fold, and what a list says of it.
* `_log_rule`, `_verify`: the same rules again, decided in another way.
* `_input`, `_command`, `_machine`: what is decided. `_lookup`: what a node sees.
* `_recording`: what of it is being written, and what is durable.
* `_result`, `_view`, `_render`, `_node_json`, `_graph_json`, `_dump`, `_order`: what people see.
"""

from steno.core import _input as inputs
from steno.core._action_error import (
    ActionError,
    ActionFailed,
    DeserializeFailed,
    InjectedError,
    SerializeFailed,
    SubsagaCreateFailed,
    UndoActionError,
    action_error,
    undo_error,
)
from steno.core._cached_state import SagaCachedState, cached_state
from steno.core._command import Command, Finish, RunAction, RunUndo, Step
from steno.core._dag import Dag, DagBuilder, SagaDag
from steno.core._difference import difference
from steno.core._dump import SagaSerialized
from steno.core._escape import escaped
from steno.core._event import (
    Failed,
    SagaNodeEvent,
    SagaNodeEventType,
    Started,
    Succeeded,
    UndoFailed,
    UndoFinished,
    UndoStarted,
    event_data,
    event_type_from_row,
    with_times,
)
from steno.core._flat import FlatDag
from steno.core._graph_json import read_flat
from steno.core._ids import (
    EARLIEST,
    LATEST,
    ActionName,
    NodeName,
    SagaId,
    SagaName,
    SagaNodeId,
    Timestamp,
    checked_saga_id,
)
from steno.core._input import Injection, Input, RepeatInjected, at_least_one
from steno.core._log import EventColumn, Events, SagaLog
from steno.core._log_rule import Breach, LogRule
from steno.core._lookup import lookup, saga_params
from steno.core._machine import SagaMachine, injectable
from steno.core._node import (
    ActionNode,
    ConstantNode,
    EndNode,
    FlatNode,
    Node,
    StartNode,
    SubsagaEndNode,
    SubsagaNode,
    SubsagaStartNode,
    ValueNode,
)
from steno.core._order import fold_unordered
from steno.core._recording import (
    RECORDING_TRANSITIONS,
    Recording,
    RecordingInput,
    RecordingState,
)
from steno.core._result import SagaResult, SagaResultErr, SagaResultOk
from steno.core._state import SagaOutcome, SagaState
from steno.core._status import TRANSITIONS, SagaNodeLoadStatus
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
from steno.core._verify import verify_log
from steno.core._view import (
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
    "EARLIEST",
    "JSON",
    "LATEST",
    "MAX_VALUE_BYTES",
    "NULL",
    "PLAIN_CODEC",
    "RECORDING_TRANSITIONS",
    "TRANSITIONS",
    "ActionError",
    "ActionFailed",
    "ActionName",
    "ActionNode",
    "Breach",
    "Command",
    "ConstantNode",
    "Dag",
    "DagBuilder",
    "DeserializeFailed",
    "EndNode",
    "EventColumn",
    "Events",
    "Failed",
    "Finish",
    "FlatDag",
    "FlatNode",
    "InjectedError",
    "Injection",
    "Input",
    "JsonText",
    "LogRule",
    "Node",
    "NodeExecState",
    "NodeName",
    "Phase",
    "Recording",
    "RecordingInput",
    "RecordingState",
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
    "SagaOutcome",
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
    "Snapshot",
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
    "UndoFailed",
    "UndoFinished",
    "UndoStarted",
    "ValueCodec",
    "ValueNode",
    "action_error",
    "at_least_one",
    "cached_state",
    "checked_saga_id",
    "decode_json",
    "decode_value",
    "difference",
    "encode_json",
    "escaped",
    "event_data",
    "event_type_from_row",
    "fold_unordered",
    "injectable",
    "inputs",
    "lookup",
    "read_flat",
    "saga_params",
    "too_large",
    "undo_error",
    "verify_log",
    "with_times",
]
