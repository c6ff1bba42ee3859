"""
Dumps: a saga as one JSON document, in the format of Steno's own tools, byte for byte.

What Steno does not have stands where it cannot be mistaken: the times of events follow after all
that it has, and failed attempts are events of types that it does not know.

Reading is strict: what is read is a saga that a builder could have built, with events that could be
its own, or it is an error that names the place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import cast
from uuid import UUID

import attrs

from steno.core._value import (
    JSON,
    PLAIN_CODEC,
    JsonValue,
    ValueCodec,
    decode_json,
    encode_json,
    parse_json,
)
from steno.core.graph._dag import SagaDag
from steno.core.graph._flat_node import EndNode, StartNode
from steno.core.graph._graph_json import inner_node, read_dumped
from steno.core.graph._ids import EARLIEST, LATEST, SagaId, SagaNodeId, Timestamp
from steno.core.graph._node import ActionNode, SignalNode, SleepNode
from steno.core.graph._node_json import node_from_json, node_to_json, value_from_json
from steno.core.log._event import (
    AttemptFailed,
    FailedInDoubt,
    SagaNodeEvent,
    SagaNodeEventType,
    Started,
    UndoAttemptFailed,
    UndoStarted,
    event_data,
    event_type_from_row,
)
from steno.core.log._order import Ordered, Verb
from steno.errors import DumpError, SerializeError

_CONSEQUENTIAL = frozenset({Verb.UNWIND, Verb.ABANDON, Verb.DEADLINE})
"""The orders on a saga of which a log without them would say something else."""


@attrs.frozen(eq=False)
class SagaSerialized:
    """
    A saga that was taken out of a SEC, or is to be put into one.

    Attributes:
        saga_id: The saga.
        dag: Its graph and params.
        events: Its events, in the order of the document.
    """

    saga_id: SagaId
    dag: SagaDag
    events: tuple[SagaNodeEvent, ...]

    def to_json(self, *, steno: bool = False) -> str:
        """
        Return the document; reading it with `from_json` and writing it again gives the same bytes.

        Args:
            steno: Write what Steno can read: no times, and of a node that was tried several times
                only the beginning and the end.

        Raises:
            DumpError: The params or an event hold what is not JSON, as in a damaged store. Or Steno
                has no form for the saga: a node may have taken effect though it failed, or sleeps.
        """
        flat = self.dag.flat
        events = list(_stenos(self.dag, self.events)) if steno else self.events
        document: dict[str, JSON] = {
            "saga_id": str(self.saga_id),
            "dag": {
                "end_node": flat.graph.end,
                "graph": {
                    "edge_property": "directed",
                    "edges": [[parent, child, None] for parent, child in flat.edges()],
                    "node_holes": [],
                    "nodes": [node_to_json(node) for node in self.dag.get_nodes()],
                },
                "saga_name": flat.saga_name,
                "start_node": flat.graph.start,
            },
            "events": [_event_to_json(event) for event in events],
        }
        # Last, and only when all are known: a dump that came without times is written without.
        times = [event.time for event in self.events]
        if times and None not in times and not steno:
            document["times"] = times
        try:
            text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
            text.encode()  # find a lone surrogate now, not when the caller writes the file
        except (RecursionError, ValueError) as error:
            raise DumpError("$", f"cannot be written: {error}") from None
        return text

    @classmethod
    def from_json(cls, text: str, *, codec: ValueCodec = PLAIN_CODEC) -> SagaSerialized:
        """
        Return the saga of a document; unknown keys are ignored.

        The events are checked only when the saga is resumed: they need not be a legal log here.

        Args:
            text: The document.
            codec: What decodes the saga's params and outputs; a SEC that resumes it uses its own.

        Raises:
            DumpError: The text is not the dump of a saga.
        """
        try:
            document = parse_json(text)
        except ValueError as error:
            raise DumpError("$", f"is not JSON: {error}") from None
        match document:
            case {"saga_id": saga_id, "dag": dag, "events": list(events), **rest}:
                times = _read_times(cast("JsonValue", rest.get("times")), len(events))
                return cls(
                    _saga_id(saga_id, "$.saga_id"),
                    _read_dag(dag, codec),
                    tuple(
                        _read_event(item, time, f"$.events[{i}]")
                        for i, (item, time) in enumerate(zip(events, times, strict=True))
                    ),
                )
            case _:
                why = 'is not an object with "saga_id", "dag" and a list of "events"'
                raise DumpError("$", why)


def _saga_id(data: JsonValue, path: str) -> SagaId:
    if isinstance(data, str):
        with suppress(ValueError):
            return SagaId(UUID(data))
    raise DumpError(path, f"is not a UUID: {data!r}")


def _read_dag(data: JsonValue, codec: ValueCodec) -> SagaDag:
    match data:
        case {
            "saga_name": str(name),
            "start_node": int(start),
            "end_node": int(end),
            "graph": {"nodes": list(nodes), "edges": list(edges), **rest},
            # `int()` matches True and False as well, here and below.
        } if bool not in {type(start), type(end)}:
            value_from_json(name, "$.dag.saga_name")
            if rest.get("node_holes"):
                raise DumpError("$.dag.graph.node_holes", "is not empty")
            if rest.get("edge_property", "directed") != "directed":
                raise DumpError("$.dag.graph.edge_property", 'is not "directed"')
        case _:
            why = "is not a graph with its name, start node, end node and edges"
            raise DumpError("$.dag", why)
    read = [node_from_json(item, f"$.dag.graph.nodes[{i}]") for i, item in enumerate(nodes)]
    # Steno's dumps have the start and end nodes last, and `_stages` relies on that.
    last = len(read) - 1
    if (start, end) != (last - 1, last):
        raise DumpError("$.dag", "its start node and end node are not the last two nodes")
    match read[-2:]:
        case [StartNode(params=params), EndNode()]:
            pass
        case _:
            raise DumpError("$.dag.graph.nodes", "do not end with a start node and an end node")
    inner = [inner_node(node, f"$.dag.graph.nodes[{i}]") for i, node in enumerate(read[:-2])]
    flat = read_dumped(name, inner, list(_read_edges(edges, len(read))))
    return SagaDag.of_flat(flat, params, codec)


def _read_edges(edges: Sequence[JsonValue], size: int) -> Iterator[tuple[int, int]]:
    for position, edge in enumerate(edges):
        match edge:
            case [int(parent), int(child), *_] if (
                bool not in {type(parent), type(child)} and 0 <= parent < size and 0 <= child < size
            ):
                yield parent, child
            case _:
                path = f"$.dag.graph.edges[{position}]"
                raise DumpError(path, f"is not an edge between two of the {size} nodes: {edge!r}")


def _stenos(dag: SagaDag, events: Iterable[SagaNodeEvent]) -> Iterator[SagaNodeEvent]:
    """
    Yield the events in the form that Steno has for them.

    Raises:
        DumpError: It has none.
    """
    for index, node in enumerate(dag.flat.nodes):
        if isinstance(node, SleepNode):
            raise _not_stenos(f"$.dag.graph.nodes[{index}]", "is a sleep")
        if isinstance(node, SignalNode):
            raise _not_stenos(f"$.dag.graph.nodes[{index}]", "waits for a signal")
        if isinstance(node, ActionNode) and node.inputs:
            raise _not_stenos(f"$.dag.graph.nodes[{index}]", "has inputs")
    waiting: set[SagaNodeId] = set()  # those whose last event is a failed attempt
    for place, event in enumerate(events):
        path, node_id = f"$.events[{place}].event_type", event.node_id
        if node_id is None:
            _check_left_out(event, path)
            continue
        match event.event_type:
            case FailedInDoubt() | AttemptFailed(in_doubt=True):
                raise _not_stenos(path, "is a failure in doubt")
            case Ordered(verb=Verb.HOLD):
                pass
            case Ordered():
                raise _not_stenos(path, "is an order")
            case AttemptFailed() | UndoAttemptFailed():
                waiting.add(node_id)
            case Started() | UndoStarted() if node_id in waiting:
                waiting.remove(node_id)  # to Steno it is still the same call
            case _:
                waiting.discard(node_id)
                yield event


def _check_left_out(event: SagaNodeEvent, path: str) -> None:
    """Refuse an order on the saga of which Steno's form cannot leave out the consequences."""
    order = event.event_type
    if isinstance(order, Ordered) and order.verb in _CONSEQUENTIAL:
        raise _not_stenos(path, "is an order")


def _not_stenos(path: str, what: str) -> DumpError:
    return DumpError(path, f"{what}, which Steno cannot read: write the dump without steno=True")


def _event_to_json(event: SagaNodeEvent) -> JSON:
    label, data = event.event_type.label, event_data(event.event_type)
    place: dict[str, JSON] = {} if event.node_id is None else {"node_id": event.node_id}
    return {
        "saga_id": str(event.saga_id),
        **place,
        "event_type": label if data is None else {label: decode_json(data)},
    }


def _read_times(data: JsonValue, count: int) -> Sequence[Timestamp | None]:
    match data:
        case None:
            return [None] * count
        case list() if len(data) == count:
            for place, time in enumerate(data):
                if type(time) is not int or not EARLIEST <= time <= LATEST:
                    raise DumpError(f"$.times[{place}]", "is not a number of microseconds")
            return cast("list[Timestamp | None]", data)
        case _:
            raise DumpError("$.times", f"is not a list of {count} times, one for each event")


def _read_event(item: JsonValue, time: Timestamp | None, path: str) -> SagaNodeEvent:
    match item:
        case {"saga_id": saga_id, "node_id": int(node), "event_type": event_type} if (
            type(node) is not bool
        ):
            owner = _saga_id(saga_id, f"{path}.saga_id")
            read = _read_event_type(event_type, f"{path}.event_type")
            return SagaNodeEvent(owner, SagaNodeId(node), read, time)
        case {"saga_id": saga_id, "event_type": {"ordered": _} as event_type, **rest} if (
            "node_id" not in rest
        ):
            owner = _saga_id(saga_id, f"{path}.saga_id")
            read = _read_event_type(event_type, f"{path}.event_type")
            return SagaNodeEvent(owner, None, read, time)
        case _:
            raise DumpError(path, 'is not an object with "saga_id", "node_id" and "event_type"')


def _read_event_type(data: JsonValue, path: str) -> SagaNodeEventType:
    try:
        match data:
            case str(label):
                return event_type_from_row(label, None)
            case dict() if len(data) == 1:
                ((label, value),) = data.items()
                return event_type_from_row(label, encode_json(value))
            case _:
                raise DumpError(path, f"is not an event: {data!r}")
    except SerializeError as error:
        raise DumpError(path + error.path.removeprefix("$"), error.why) from None
    except ValueError as error:
        raise DumpError(path, str(error)) from None
