"""What has been ordered of a saga itself: the part of its state that most sagas do not have."""

from __future__ import annotations

import attrs

from steno.core._value import JsonText
from steno.core.graph._ids import Timestamp
from steno.core.log._order import Ordered, Verb


@attrs.define(eq=False)
class Steering:
    """
    What has been ordered of one saga, and is in effect.

    Attributes:
        unwound: The order that began the unwinding, if one did.
        abandoned: The order by which the saga is finished as it stands, if there was one.
        deadline: When it is to be unwound, unless it has ended by then.
        signals: The values that were sent, by the names of their signals.
    """

    unwound: Ordered | None = attrs.field(init=False, default=None)
    abandoned: Ordered | None = attrs.field(init=False, default=None)
    deadline: Timestamp | None = attrs.field(init=False, default=None)
    signals: dict[str, JsonText] = attrs.field(init=False, factory=dict)

    def note(self, order: Ordered, *, unwinding: bool) -> None:
        """
        Note an order.

        Args:
            order: The order.
            unwinding: Whether the saga unwinds for another reason already.
        """
        match order.verb:
            case Verb.UNWIND if not unwinding:
                self.unwound = order
            case Verb.ABANDON:
                self.abandoned = order
            case Verb.DEADLINE:
                self.deadline = order.at
            case Verb.SIGNAL if order.signal is not None and order.value is not None:
                self.signals[order.signal] = order.value
            case _:
                pass

    def signal_refusal(self, order: Ordered, *, exists: bool, taken: bool) -> str | None:
        """
        Return why a signal is refused; None if it is not, or the order is another one.

        Args:
            order: The order.
            exists: Whether a node waits for a signal of that name.
            taken: Whether one has taken its value.
        """
        if order.signal is None:
            return None
        if not exists:
            return f'has no node that waits for a signal "{order.signal}"'
        if taken and self.signals.get(order.signal) not in {None, order.value}:
            return f'has another value for the signal "{order.signal}", which a node has taken'
        return None


NO_STEERING = Steering()
"""That of a saga of which nothing was ordered; nothing is ever added to it."""
