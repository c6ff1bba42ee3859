"""What is ordered of many sagas: checked before it is stored, and made an order for each."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final, Literal, TypeAlias, TypedDict, cast

import attrs

from steno.action import output_type_of
from steno.core import (
    CANCELS,
    NULL,
    OF_NODES,
    ActionNode,
    BulkOrderId,
    JsonText,
    SagaDag,
    SagaNodeId,
    Timestamp,
    Verb,
    inputs,
)
from steno.errors import DeserializeError, OrderRefused
from steno.runtime._access import SecAccess
from steno.runtime._order import Details, Signature, checked_deadline, checked_signal
from steno.store import ManyOrder

ManyVerb: TypeAlias = Literal[
    "start",
    "pause",
    "resume",
    "unwind",
    "abandon",
    "deadline",
    "signal",
    "hold",
    "retry",
    "fail",
    "complete",
]
"""What can be ordered of many sagas."""


class ManyDetails(TypedDict, total=False):
    """
    What some orders take, as those methods of `SagaHandle` do.

    Attributes:
        node: The node, for an order about one: its index, name or path in each of the sagas.
        output: The output with which a node is completed.
        at: The time of a deadline; None: there is no deadline any more.
        signal: The name of a signal (`name` of `SagaHandle.signal`).
        value: What is sent with it.
        replace: Whether that may take the place of another value that no node has taken yet.
        cancel: Whether calls under way are cancelled.
    """

    node: str | int
    output: object
    at: datetime | None
    signal: str
    value: object
    replace: bool
    cancel: bool


_VERBS: Final = {verb.value: verb for verb in Verb if verb is not Verb.IMPORT}
_NEEDS: Final = {
    **{verb: {"node"} for verb in OF_NODES},
    Verb.DEADLINE: {"at"},
    Verb.SIGNAL: {"signal"},
}
_MAY_HAVE: Final = {
    **{verb: {"cancel"} for verb in CANCELS},
    Verb.COMPLETE: {"output", "cancel"},
    Verb.SIGNAL: {"value", "replace"},
}
_NOTHING: Final = frozenset[str]()


def checked_order(
    access: SecAccess,
    verb: object,
    signature: Signature,
    rate: object,
    details: ManyDetails,
) -> ManyOrder:
    """
    Return what is ordered of many sagas.

    Raises:
        TypeError: Something is of a wrong type, or missing, or does not belong to such an order.
        ValueError: There is no such order, or it needs a reason, or the rate is out of range.
        SerializeError: A value cannot be stored as JSON.
    """
    known = _VERBS.get(verb) if isinstance(verb, str) else None
    if known is None:
        msg = f"order_many: there is no order {verb!r}; it is one of {', '.join(_VERBS)}"
        raise ValueError(msg)
    _check_details(known, set(details))
    node = _checked_node(details["node"]) if "node" in details else None
    signal = checked_signal(details["signal"]) if "signal" in details else None
    replace = cast("object", details.get("replace", False))
    if not isinstance(replace, bool):
        msg = f"order_many: replace must be a bool, got {replace!r}"
        raise TypeError(msg)
    of_verb: Details = {}
    if signal is not None:
        of_verb = {"signal": signal, "value": access.codec.encode(details.get("value"))}
    if "at" in details:
        of_verb["at"] = checked_deadline(details["at"])
    signature = attrs.evolve(signature, cancel=details.get("cancel", False))
    order = signature.order(access, None if node is None else SagaNodeId(0), known, **of_verb)
    output = access.codec.encode(details["output"]) if "output" in details else None
    return ManyOrder(order.event(), node, output, replace, _checked_rate(rate))


def _check_details(verb: Verb, given: set[str]) -> None:
    needs = _NEEDS.get(verb, _NOTHING)
    if missing := sorted(needs - given):
        msg = f"order_many: an order to {verb.value} needs {missing[0]}=…"
        raise TypeError(msg)
    if strange := sorted(given - needs - _MAY_HAVE.get(verb, _NOTHING)):
        msg = f"order_many: an order to {verb.value} takes no {strange[0]}="
        raise TypeError(msg)


def _checked_node(node: object) -> str | int:
    if not isinstance(node, str | int) or isinstance(node, bool):
        msg = f"order_many: node must be the name, path or index of a node, got {node!r}"
        raise TypeError(msg)
    if isinstance(node, str):
        node.encode()  # raises for a lone surrogate, which could not be stored
    return node


def _checked_rate(rate: object) -> float | None:
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        msg = f"order_many: rate must be a number of orders per second, got {rate!r}"
        raise TypeError(msg)
    if not 0 < rate < math.inf:
        msg = f"order_many: rate must be a finite number above 0 of orders per second, got {rate!r}"
        raise ValueError(msg)
    return float(rate)


def order_for(
    access: SecAccess, many: ManyOrder, bulk_id: BulkOrderId, dag: SagaDag | None
) -> inputs.Order:
    """
    Return the order for one of the sagas.

    Args:
        access: What the SEC gives access to.
        many: What is ordered of each of them.
        bulk_id: The order that it is part of.
        dag: The saga's graph; None if no node is meant.

    Raises:
        NoSuchNode: The saga has no such node.
        OrderRefused: The output is not one that the node can have.
    """
    what, node = many.what, None
    value = NULL if what.value is None else what.value
    if dag is not None and many.node is not None:
        node = dag.get_index(many.node)
        if many.output is not None:
            value = _fitting(access, dag, node, many.output)
    at: Timestamp | None = what.at
    return inputs.Order(
        *(node, what.verb, what.by, what.why),
        value=value,
        cancel=what.cancel,
        at=at,
        signal=what.signal,
        replace=many.replace,
        bulk=bulk_id,
    )


def _fitting(access: SecAccess, dag: SagaDag, node: SagaNodeId, output: JsonText) -> JsonText:
    """Return an output, if the node's action could have returned it."""
    if isinstance(flat_node := dag.flat.nodes[node], ActionNode):
        as_type = output_type_of(access.registry.get(flat_node.action_name))
        if as_type is not None:
            try:
                access.codec.decode(output, cast("type[object]", as_type))
            except DeserializeError as error:
                why = f'the output is not one of node "{dag.flat.path(node)}": {error}'
                raise OrderRefused(why) from error
    return output
