"""
Inputs: what a machine is told. The mirror file of `_command`, which is what it asks for.

`RunAction` is answered by `ActionSucceeded` or `ActionRaised`, `RunUndo` by `UndoSucceeded` or
`UndoRaised`, `CancelCall` by `CallCancelled`, `Wait` by `Due`, `AwaitDeadline` by `DeadlineCame`;
orders come from people, and the three injections from a test or an operator, at any time.

Whether a call that failed is to be made again, and when, is decided outside: policy, clock and
chance are not the machine's. It is told, and decides what follows from that.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from steno.core._value import NULL, JsonText
from steno.core.graph._ids import BulkOrderId, SagaNodeId, Timestamp
from steno.core.log._order import Ordered, Verb


class _SuccessSlots:
    __slots__ = ("__weakref__", "node_id", "output")
    node_id: SagaNodeId
    output: JsonText


@attrs.frozen
class ActionSucceeded(_SuccessSlots):
    """The action of a node returned."""

    node_id: SagaNodeId
    output: JsonText


def action_succeeded(node_id: SagaNodeId, output: JsonText) -> ActionSucceeded:
    """Return `ActionSucceeded(node_id, output)`; see `core.log._event` for why not by that."""
    made = _SuccessSlots()
    made.node_id = node_id
    made.output = output
    made.__class__ = ActionSucceeded
    return made  # type: ignore[return-value]  # it has its class now


@attrs.frozen
class Again:
    """
    A call that failed is to be made again.

    Attributes:
        at: When; None: it is held, until somebody looks at it.
        reopen: Whether one that is held is due as soon as a SEC takes up its saga again.
    """

    at: Timestamp | None
    reopen: bool = False


@attrs.frozen
class ActionRaised:
    """
    The action of a node raised.

    Attributes:
        node_id: The node.
        error: Why, as a `Failed` event holds it.
        in_doubt: Whether the node may have taken effect, by this call or an earlier one. None: not
            by this one, which says nothing of those before.
        again: Whether it is to be called again, which an unwinding overrules.
    """

    node_id: SagaNodeId
    error: JsonText
    in_doubt: bool | None = None
    again: Again | None = None


@attrs.frozen
class UndoSucceeded:
    """The undo action of a node returned."""

    node_id: SagaNodeId


@attrs.frozen
class UndoRaised:
    """
    The undo action of a node raised.

    Attributes:
        node_id: The node.
        error: Why, as an `UndoFailed` event holds it.
        again: Whether it is to be called again.
    """

    node_id: SagaNodeId
    error: JsonText
    again: Again | None = None


@attrs.frozen
class CallCancelled:
    """
    The call of a node has ended that an order cancels, whatever it said.

    Attributes:
        node_id: The node.
        in_doubt: As of `ActionRaised`; None for an undo, too.
        output: What the action has returned all the same, as its probe says; None: nothing.
    """

    node_id: SagaNodeId
    in_doubt: bool | None = None
    output: JsonText | None = None


@attrs.frozen
class Due:
    """
    The time has come that a node waits for; it changes nothing if the node waits no more.

    Attributes:
        node_id: The node.
        reopened: Whether it is due because a saga goes on that its call has waited for in vain; it
            is held until then, or until a SEC takes up its own saga again.
    """

    node_id: SagaNodeId
    reopened: bool = False


@attrs.frozen
class DeadlineCame:
    """The time of the saga's deadline has come, or that of an earlier one."""


@attrs.frozen
class InjectError:
    """When the node is dispatched, it is to fail, and its action is not to be called."""

    node_id: SagaNodeId


@attrs.frozen
class InjectErrorUndo:
    """When the node's undo is dispatched, it is to fail; its undo action is not to be called."""

    node_id: SagaNodeId


def at_least_one(owner: object, attribute: attrs.Attribute[int], value: object) -> None:
    """Refuse anything but an int of 1 or more; an attrs validator."""
    if type(value) is not int or value < 1:
        what = f"{type(owner).__name__}: {attribute.name}"
        msg = f"{what} must be an int of 1 or more, not {value!r}"
        raise ValueError(msg)


@attrs.frozen
class RepeatInjected:
    """
    How often a node is to be called, to test that it is idempotent.

    Attributes:
        action: How often the action is called in sequence; only the last result counts.
        undo: How often the undo action is called in sequence, up to its first error.
    """

    action: int = attrs.field(default=1, validator=at_least_one)
    undo: int = attrs.field(default=1, validator=at_least_one)


def _is_repeat(_: object, __: attrs.Attribute[RepeatInjected], value: object) -> None:
    if not isinstance(value, RepeatInjected):
        msg = f"repeat must be a RepeatInjected, not {value!r}"
        raise TypeError(msg)


@attrs.frozen
class InjectRepeat:
    """When the node, or its undo, is dispatched, it is to be called this many times."""

    node_id: SagaNodeId
    repeat: RepeatInjected = attrs.field(validator=_is_repeat)


@attrs.frozen
class Order:
    """
    Somebody orders something of a saga, or of a node.

    Attributes:
        node_id: The node; None: it is about the saga itself.
        verb: What is ordered.
        by: Who orders it.
        why: The reason.
        expect: How long the log is that they have seen, if it must not have grown.
        value: With what a node is completed, or what is sent with a signal.
        cancel: Whether calls under way are cancelled.
        at: Of a deadline, the time; None: there is to be none.
        signal: The name of a signal.
        replace: Whether a signal may take the place of another value that no node has taken.
        bulk: The order to many sagas that it is part of. If the saga has it already, it is accepted
            and changes nothing.
    """

    node_id: SagaNodeId | None
    verb: Verb
    by: str
    why: str | None = None
    expect: int | None = None
    value: JsonText = NULL
    cancel: bool = False
    at: Timestamp | None = None
    signal: str | None = None
    replace: bool = False
    bulk: BulkOrderId | None = None

    def event(self) -> Ordered:
        """Return the event of the order."""
        sends = self.verb is Verb.SIGNAL or (self.cancel and self.verb is Verb.COMPLETE)
        return Ordered(
            self.verb,
            self.by,
            self.why,
            self.expect,
            self.cancel,
            self.at,
            self.signal,
            self.value if sends else None,
            self.bulk,
        )


Injection: TypeAlias = InjectError | InjectErrorUndo | InjectRepeat

Input: TypeAlias = (
    ActionSucceeded
    | ActionRaised
    | UndoSucceeded
    | UndoRaised
    | CallCancelled
    | Due
    | DeadlineCame
    | Order
    | Injection
)
