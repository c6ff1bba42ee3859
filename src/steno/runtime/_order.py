"""What a person orders, checked before it is sent."""

from __future__ import annotations

from typing import cast

import attrs

from steno.action import output_type_of
from steno.core import (
    NEEDS_WHY,
    NULL,
    ActionNode,
    JsonText,
    SagaDag,
    SagaNodeId,
    Verb,
    inputs,
)
from steno.runtime._access import SecAccess


@attrs.frozen
class Signature:
    """
    Who orders something, and why.

    Attributes:
        by: Who; None: the SEC.
        why: The reason.
        expect: How long the log is that they have seen, if the order is to be refused if it has
            grown.
    """

    by: str | None
    why: str | None
    expect: int | None

    def order(
        self, access: SecAccess, node: SagaNodeId, verb: Verb, output: JsonText = NULL
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
            msg = f"an order to {verb.value} a node needs a reason: why=…"
            raise ValueError(msg)
        expect = self.expect
        if expect is not None and (type(expect) is not int or expect < 0):
            msg = f"expect must be the number of events that were seen, got {expect!r}"
            raise TypeError(msg)
        return inputs.Order(node, verb, by, why, expect, output)


def _checked(name: str, text: object) -> str:
    if not isinstance(text, str):
        msg = f"{name} must be a str, got {text!r}"
        raise TypeError(msg)
    if not text.strip():
        msg = f"{name} must not be empty"
        raise ValueError(msg)
    text.encode()  # raises for a lone surrogate, which could not be stored
    return text


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
