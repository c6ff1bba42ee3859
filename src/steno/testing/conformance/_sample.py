"""Samples: sagas that are never run, and logs for them."""

from __future__ import annotations

from uuid import UUID

from steno.core import (
    EARLIEST,
    JSON,
    LATEST,
    NULL,
    OF_NODES,
    ActionFailed,
    AttemptFailed,
    DeserializeFailed,
    Failed,
    FailedInDoubt,
    InjectedError,
    JsonText,
    Ordered,
    SagaCachedState,
    SagaId,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
    SerializeFailed,
    Started,
    SubsagaCreateFailed,
    Succeeded,
    Timestamp,
    UndoActionError,
    UndoAttemptFailed,
    UndoFailed,
    UndoFinished,
    UndoStarted,
    Verb,
    encode_json,
    in_doubt,
)

READY, RUNNING, UNWINDING = (
    SagaCachedState.READY,
    SagaCachedState.RUNNING,
    SagaCachedState.UNWINDING,
)
SUCCEEDED, FAILED, STUCK = (
    SagaCachedState.SUCCEEDED,
    SagaCachedState.FAILED,
    SagaCachedState.STUCK,
)
PAUSED, ABANDONED = SagaCachedState.PAUSED, SagaCachedState.ABANDONED
STATES = tuple(SagaCachedState)

LAST = 2**128 - 1


def spread(count: int) -> list[SagaId]:
    """Return `count` ids in order, from the smallest possible to the largest."""
    return [SagaId(UUID(int=LAST * number // (count - 1))) for number in range(count)]


# Sorting as text, as bytes or as signed integers must not give another order.
ONE, TWO, THREE = (
    SagaId(UUID("0a10f3c2-5e7c-4d0a-8a31-0f2a5c1b9e01")),
    SagaId(UUID("7ffffc2e-1b1d-4f6e-9d7a-6c0b8c8e5d02")),
    SagaId(UUID("f81d4fae-7dec-41d0-b765-00a0c91e6b03")),
)
NOWHERE = SagaId(UUID("3f333df6-90a4-4fda-8dd3-9485d27cee36"))
"""The id of a saga that is never created."""


def events(saga_id: SagaId, first: int, count: int) -> tuple[SagaNodeEvent, ...]:
    """Return `count` events of a saga's log, from `first`: each node starts, then succeeds."""
    return tuple(_event(saga_id, seq) for seq in range(first, first + count))


def _event(saga_id: SagaId, seq: int) -> SagaNodeEvent:
    node, second = divmod(seq, 2)
    event_type = Succeeded(encode_json({"seq": seq})) if second else Started()
    return SagaNodeEvent(saga_id, SagaNodeId(node), event_type)


def node_event(saga_id: SagaId, node: int, event_type: SagaNodeEventType) -> SagaNodeEvent:
    """Return an event."""
    return SagaNodeEvent(saga_id, SagaNodeId(node), event_type)


ODD_VALUES: tuple[JSON, ...] = (
    None,
    "",
    "\x00 \x07 \x1f \x7f",
    "é e\u0301 ẞ 語 🦀 \u2028 \u202e \uffff \U0010ffff",
    "a \"quoted\" 'text' with \\ and / and % and _ and $1 and ?",
    [2**64 - 1, -(2**63), 2**53 + 1, 0, -0.0, 1.0, 1e16, 5e-324, 1.7976931348623157e308],
    {"": 1, "aa": 2, "b": 3, "é": "e", "Z": [[0], [[1]]], "\x00": True},
    "2026-05-04T08:00:00Z",
)
"""Valid JSON that a database might be tempted to normalize."""

ODD_TEXTS = tuple(encode_json(value) for value in ODD_VALUES)
ODD_GRAPH = JsonText('{ "b": 1.50,\n\t"a": [1e+2, "\\u00e9\\/"], "ab": {"b": 0, "a": 0} }')
"""The text is kept, not just its value: the order of keys, spaces and spellings."""

LARGE = encode_json(["語🦀x" * 125_000])
"""A value of a million bytes."""

ODD_NAMES = (
    *("trip", "Trip", "trip ", "tri%", "t_ip", "é", "e\u0301", "it's", '"x"', "語🦀", "a\nb", ""),
)
"""Distinct names, some of which some databases consider equal."""

ERRORS = tuple(
    each.encoded()
    for each in (
        ActionFailed(encode_json({"type": "Full", "message": "no room\x00 🦀"})),
        DeserializeFailed("is not an int\n"),
        InjectedError(),
        SerializeFailed(""),
        SubsagaCreateFailed("é"),
    )
)


DUE = (Timestamp(1_777_881_600_000_001), Timestamp(0), Timestamp(-1), EARLIEST, LATEST)
"""Times in microseconds since 1970, the last two the bounds of what a date can say."""

UNDO_ERROR = UndoActionError.attempt(1, "no 🦀\x00").encoded()


def attempts() -> tuple[tuple[SagaNodeEventType, ...], ...]:
    """Return the logs of nodes with failed attempts, each with one more than the node before."""
    due = (*((time, False) for time in DUE), (None, False), (None, True))
    failed = [
        AttemptFailed(number, ERRORS[number % len(ERRORS)], number % 2 == 0, time, reopen)
        for number, (time, reopen) in enumerate(due, start=1)
    ]
    not_undone = [
        UndoAttemptFailed(number, UNDO_ERROR, time, reopen)
        for number, (time, reopen) in enumerate(due, start=1)
    ]
    logs: list[tuple[SagaNodeEventType, ...]] = []
    for count, last in enumerate(failed, start=1):
        log = [each for attempt in failed[:count] for each in (Started(), attempt)]
        # Given up, in doubt or not, as the last attempt left it.
        if last.in_doubt:
            undo = [each for attempt in not_undone[:count] for each in (UndoStarted(), attempt)]
            end = (FailedInDoubt(in_doubt(last.error)), *undo, UndoStarted(), UndoFinished())
            logs.append((*log, *end))
        else:
            logs.append((*log, Failed(last.error)))
    return tuple(logs)


def every_kind(saga_id: SagaId) -> tuple[SagaNodeEvent, ...]:
    """Return a log with every type of event, and all the data that it can have."""
    kinds: list[SagaNodeEventType] = [Succeeded(text) for text in (*ODD_TEXTS, NULL)]
    kinds += [Failed(error) for error in ERRORS]
    kinds += [FailedInDoubt(in_doubt(error)) for error in ERRORS]
    kinds += [UndoFailed(UNDO_ERROR), UndoFinished()]
    logs: list[tuple[SagaNodeEventType, ...]] = []
    for kind in kinds:
        undone = isinstance(kind, UndoFailed | UndoFinished)
        before = (Succeeded(NULL), UndoStarted()) if undone else ()
        logs.append((Started(), *before, kind))
    logs += attempts()
    log = [node_event(saga_id, node, each) for node, log in enumerate(logs) for each in log]
    return (*log, *orders(saga_id))


def orders(saga_id: SagaId) -> tuple[SagaNodeEvent, ...]:
    """Return orders on a saga itself, and on one of its nodes, with all that they can say."""
    on_node = [Ordered(verb, "ops@host", "it is done") for verb in Verb if verb in OF_NODES]
    on_saga = [
        *(Ordered(verb, "sec", None) for verb in (Verb.START, Verb.PAUSE, Verb.RESUME)),
        Ordered(Verb.UNWIND, "é 🦀", 'a "quoted" why\n', 17, cancel=True),
        Ordered(Verb.DEADLINE, "sec", at=DUE[0]),
        Ordered(Verb.DEADLINE, "sec"),
        *(Ordered(Verb.SIGNAL, "sec", signal="go", value=text) for text in ODD_TEXTS),
        Ordered(Verb.ABANDON, "ops@host", "nobody wants it"),
    ]
    return (
        *(SagaNodeEvent(saga_id, SagaNodeId(0), each) for each in on_node),
        *(SagaNodeEvent(saga_id, None, each) for each in on_saga),
    )
