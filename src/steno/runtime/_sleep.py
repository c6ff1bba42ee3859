"""Until when a node sleeps that another one says it of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from steno.action import Codec, to_timestamp
from steno.core import JsonText, SagaDag, SagaNodeId, SleepNode, Timestamp, lookup
from steno.errors import DeserializeError, InternalError


def wake_time(
    dag: SagaDag, outputs: Mapping[SagaNodeId, JsonText], codec: Codec, node: SagaNodeId
) -> Timestamp:
    """
    Return the time until which a node sleeps, as another one says.

    Raises:
        ActionDataError: The other one says no time.
    """
    sleep = dag.flat.nodes[node]
    if not isinstance(sleep, SleepNode) or sleep.until is None:
        msg = f"node {node} does not sleep until a time: {sleep!r}"
        raise InternalError(msg)
    text = lookup(dag, outputs, node, sleep.until, undoing=False)
    try:
        time = codec.decode(text, datetime)
    except DeserializeError as error:
        msg = f'output of node "{sleep.until}": {error}'
        raise DeserializeError(msg) from error
    if time.tzinfo is None:
        msg = f'output of node "{sleep.until}": {time} has no time zone'
        raise DeserializeError(msg)
    return to_timestamp(time)
