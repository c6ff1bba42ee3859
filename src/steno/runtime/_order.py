"""What a person orders, checked before it is sent."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict, Unpack, cast

import attrs

from steno.action import output_type_of, to_timestamp
from steno.core import (
    NEEDS_WHY,
    ActionNode,
    JsonText,
    SagaDag,
    SagaNodeId,
    Timestamp,
    Verb,
    inputs,
)
from steno.runtime._access import SecAccess


class Details(TypedDict, total=False):
    """What belongs to some orders only; see `inputs.Order`."""

    value: JsonText
    at: Timestamp | None
    signal: str
    replace: bool


@attrs.frozen
class Signature:
    """
    Who orders something, and why.

    Attributes:
        by: Who; None: the SEC.
        why: The reason.
        expect: How long the log is that they have seen, if the order is to be refused if it has
            grown.
        cancel: Whether calls under way are cancelled.
    """

    by: str | None
    why: str | None
    expect: int | None
    cancel: bool = False

    def order(
        self,
        access: SecAccess,
        node: SagaNodeId | None,
        verb: Verb,
        **details: Unpack[Details],
    ) -> inputs.Order:
        """
        Return the order.

        Raises:
            TypeError: One of these is of a wrong type.
            ValueError: The reason is missing, or there is nothing in a text.
        """
        by = access.sec_name if self.by is None else _checked("by", self.by)
        why = None if self.why is None else _checked("why", self.why)
        if why is None and verb in NEEDS_WHY:
            what = "a saga" if node is None else "a node"
            msg = f"an order to {verb.value} {what} needs a reason: why=…"
            raise ValueError(msg)
        expect = self.expect
        if expect is not None and (type(expect) is not int or expect < 0):
            msg = f"expect must be the number of events that were seen, got {expect!r}"
            raise TypeError(msg)
        cancel = _checked_flag(self.cancel)
        return inputs.Order(node, verb, by, why, expect, cancel=cancel, **details)


def _checked(name: str, text: object) -> str:
    if not isinstance(text, str):
        msg = f"{name} must be a str, got {text!r}"
        raise TypeError(msg)
    if not text.strip():
        msg = f"{name} must not be empty"
        raise ValueError(msg)
    text.encode()  # raises for a lone surrogate, which could not be stored
    return text


def _checked_flag(cancel: object) -> bool:
    if not isinstance(cancel, bool):
        msg = f"cancel must be True or False, got {cancel!r}"
        raise TypeError(msg)
    return cancel


def completion(access: SecAccess, dag: SagaDag, node: SagaNodeId, output: object) -> JsonText:
    """
    Return an output with which a node is completed, as its action would have returned it.

    Raises:
        SerializeError: It cannot be stored as JSON.
    """
    as_type: object = None
    if isinstance(flat_node := dag.flat.nodes[node], ActionNode):
        as_type = output_type_of(access.registry.get(flat_node.action_name))
    return access.codec.encode(output, as_type=cast("type[object] | None", as_type))


def checked_deadline(at: object) -> Timestamp | None:
    """
    Return the time of a deadline.

    Raises:
        TypeError: It is neither a datetime nor None.
        ValueError: It has no time zone.
    """
    if at is None:
        return None
    if not isinstance(at, datetime):
        msg = f"a deadline must be a datetime, or None for none, got {at!r}"
        raise TypeError(msg)
    if at.utcoffset() is None:
        msg = f"a deadline must have a time zone, as in datetime(…, tzinfo=UTC): {at!r}"
        raise ValueError(msg)
    return to_timestamp(at)


def checked_signal(name: object) -> str:
    """
    Return the name of a signal.

    Raises:
        TypeError: It is not a str.
    """
    if not isinstance(name, str):
        msg = f"the name of a signal must be a str, got {name!r}"
        raise TypeError(msg)
    name.encode()  # raises for a lone surrogate, which could not be stored
    return name
