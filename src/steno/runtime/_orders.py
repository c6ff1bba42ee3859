"""Orders to one saga, and those who wait to hear that they are durable."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from steno.core import Step, inputs
from steno.errors import OrderRefused, StenoError
from steno.runtime._mailbox import Reply


@attrs.define(eq=False)
class Orders:
    """
    The orders of one saga that are not answered yet.

    An order is told to the saga's machine like anything else. It is answered when the step that it
    is part of is durable, or at once when that step is made and the order does not apply.
    """

    # By identity: two people may order the same.
    _told: dict[int, tuple[inputs.Order, Reply[object]]] = attrs.field(init=False, factory=dict)
    _taken: list[Reply[object]] = attrs.field(init=False, factory=list)

    def add(self, order: inputs.Order, reply: Reply[object]) -> None:
        """Keep an order until it can be answered."""
        self._told[id(order)] = order, reply

    @property
    def told(self) -> Sequence[inputs.Order]:
        """The orders that are not part of a step yet."""
        return [order for order, _ in self._told.values()]

    def taken(self, step: Step) -> bool:
        """
        Refuse what does not apply; the rest of what was told is part of the step.

        Returns:
            True if there is such a rest.
        """
        for refused in step.refused:
            _, reply = self._told.pop(id(refused.order))
            reply.fail(OrderRefused(refused.why))
        self._taken += [reply for _, reply in self._told.values()]
        self._told.clear()
        return bool(self._taken)

    def durable(self) -> None:
        """Answer the orders of the step, which is durable."""
        for reply in self._taken:
            reply.answer(None)
        self._taken.clear()

    def fail(self, error: StenoError) -> None:
        """Fail all that are left: their saga does not go on here."""
        for reply in (*self._taken, *(reply for _, reply in self._told.values())):
            reply.fail(error)
        self._taken.clear()
        self._told.clear()
