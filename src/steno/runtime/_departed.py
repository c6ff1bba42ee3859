"""Sagas that left memory without having ended, and why."""

from __future__ import annotations

from collections import OrderedDict

import attrs

from steno.core import SagaId
from steno.errors import SagaHaltedError, SagaTakenOver

KEPT_TAKEN_OVER = 100
"""How many sagas are remembered as taken over; the store knows all of them."""


@attrs.frozen(eq=False)
class Departed:
    """Remembers why sagas are not run: each one that is halted, the latest that were taken over."""

    _halted: dict[SagaId, SagaHaltedError] = attrs.field(init=False, factory=dict)
    _taken_over: OrderedDict[SagaId, SagaTakenOver] = attrs.field(init=False, factory=OrderedDict)

    def note(self, saga_id: SagaId, halted: SagaHaltedError) -> None:
        """Remember why a saga is not run any more."""
        if not isinstance(halted, SagaTakenOver):
            self._halted[saga_id] = halted
            return
        self._taken_over[saga_id] = halted
        if len(self._taken_over) > KEPT_TAKEN_OVER:
            self._taken_over.popitem(last=False)

    def forget(self, saga_id: SagaId) -> None:
        """Forget a saga, which is in memory again."""
        self._halted.pop(saga_id, None)
        self._taken_over.pop(saga_id, None)

    def why(self, saga_id: SagaId) -> SagaHaltedError | None:
        """Return why a saga is not run; None if that is not known."""
        return self._halted.get(saga_id) or self._taken_over.get(saga_id)

    @property
    def halted(self) -> int:
        """How many sagas are known to be halted."""
        return len(self._halted)
