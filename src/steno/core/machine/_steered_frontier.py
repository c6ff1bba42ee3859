"""A frontier with what was ordered of the saga itself, and with how the saga has ended."""

from __future__ import annotations

import attrs

from steno.core._value import JsonText
from steno.core.graph._ids import SagaNodeId
from steno.core.log._cached_state import SagaCachedState
from steno.core.log._event import SagaNodeEvent, Started, UndoStarted
from steno.core.log._order import Ordered, Verb
from steno.core.machine._frontier import Frontier
from steno.core.machine._order_rules import saga_refusal
from steno.core.machine._steering import NO_STEERING, Steering
from steno.errors import CorruptLog


@attrs.define(eq=False)
class SteeredFrontier(Frontier):
    """
    The part of a saga's state that orders on the saga change.

    Attributes:
        paused: Whether nothing is to be begun until an order says that it goes on.
    """

    # A plain attribute, as each step reads it; an order on the saga is rare.
    paused: bool = attrs.field(init=False, default=False)

    @property
    def stuck(self) -> bool:
        """Whether the undo of a node has failed, so that nothing new is begun."""
        return bool(self.setbacks.undo_failures)

    @property
    def first_undo_failure(self) -> tuple[SagaNodeId, JsonText] | None:
        """The first node whose undo has failed and is not repaired, and its error as the event."""
        return next(iter(self.setbacks.undo_failures.items()), None)

    @property
    def outcome(self) -> SagaCachedState | None:
        """How the saga has ended; None while it has not."""
        if self.steering.abandoned is not None:
            return SagaCachedState.ABANDONED
        # Even a stuck saga waits for calls under way: their results are still logged.
        if self.in_flight:
            return None
        if self.start_undone:
            return SagaCachedState.FAILED
        if self.stuck:
            return SagaCachedState.STUCK
        # Not `has_succeeded`: each step asks several times, and that is one more call.
        succeeded = self.flat.graph.end in self.outputs and not self.unwinding
        return SagaCachedState.SUCCEEDED if succeeded else None

    def saga_refusal(self, verb: Verb, *, cancel: bool = False) -> str | None:
        """Return why an order does not apply to the saga, to follow "it"; None if it does."""
        return saga_refusal(
            verb,
            begun=self.begun,
            paused=self.paused,
            unwinding=self.unwinding,
            outcome=self.outcome if self.begun else None,
            cancel=cancel,
        )

    def _apply_to_saga(self, event: SagaNodeEvent) -> None:
        """Fold an order on the saga; as in `apply`, nothing raises after it is appended."""
        order = self.log.check_steering(event)
        if (why := self.saga_refusal(order.verb, cancel=order.cancel)) is None:
            why = self.signal_refusal(order)
        if why is not None:
            raise CorruptLog(None, f"{order.label} {order.verb.value}", f"it {why}")
        self.log.append_order(order, event.time)
        if self.steering is NO_STEERING:
            self.steering = Steering()
        self.steering.note(order, unwinding=self.unwinding)
        match order.verb:
            case Verb.IMPORT:
                self.begun = False
            case Verb.START | Verb.ABANDON:
                self.begun = True
            case Verb.UNWIND:
                self.begun, self.paused = True, False
                if not self.unwinding:
                    self._begin_unwinding()
            case Verb.PAUSE | Verb.RESUME:
                self.paused = order.verb is Verb.PAUSE
            case _:
                pass

    def signal_refusal(self, order: Ordered) -> str | None:
        """Return why a signal is refused; None if it is not, or the order is another one."""
        nodes = self.flat.signals.get(order.signal or "")
        taken = nodes is not None and any(node in self.outputs for node in nodes)
        return self.steering.signal_refusal(order, exists=nodes is not None, taken=taken)

    def _check_steering(self, node: SagaNodeId, event: SagaNodeEvent) -> None:
        """
        Check that nothing is begun in a pause, and nothing follows once the saga is abandoned.

        Raises:
            CorruptLog: The event does.
        """
        if self.steering.abandoned is not None:
            raise CorruptLog(node, event.event_type.label, "its saga was abandoned before it")
        if self.paused and isinstance(event.event_type, Started | UndoStarted):
            raise CorruptLog(node, event.event_type.label, "its saga is paused")
