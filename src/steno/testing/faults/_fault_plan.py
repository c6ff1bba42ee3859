"""Fault plans: which faults the nodes of a saga have."""

from __future__ import annotations

import enum
from contextlib import suppress

import attrs
import trio

from steno.core import RepeatInjected, SagaId
from steno.errors import NodeBegun, NoSuchNode, SagaNotRunning
from steno.runtime import SecClient


class NodeFault(enum.Enum):
    """What can go wrong with a node, in its action or by injection."""

    ACTION = "its action always raises"
    """It fails each time it is run."""
    ACTION_ONCE = "its action raises when it is called for the first time"
    """It fails, unless the call is repeated, or lost in a crash."""
    UNDO = "its undo action always raises"
    """The saga gets stuck, if the node is undone."""
    INJECT_ERROR = "an error is injected"
    """It fails without being called; lost in a restart, unless injected again."""
    INJECT_UNDO_ERROR = "an undo error is injected"
    """The saga gets stuck, if the node is undone; lost as above."""
    REPEAT = "action and undo action are called twice"
    """Harmless, if they are idempotent; lost as above."""


UNDO_FAULTS = frozenset({NodeFault.UNDO, NodeFault.INJECT_UNDO_ERROR})
"""Faults that fail the undo of a node."""
LASTING_FAULTS = frozenset({NodeFault.ACTION, NodeFault.INJECT_ERROR})
"""Faults that make a node fail whenever it is run."""


@attrs.frozen
class FaultPlan:
    """
    The faults of a saga.

    Attributes:
        faults: The faults of nodes, by index; one that does not apply to a node does nothing.
    """

    faults: frozenset[tuple[int, NodeFault]] = frozenset()

    def has(self, node: int, fault: NodeFault) -> bool:
        """Return True if a node has a fault."""
        return (node, fault) in self.faults

    def nodes(self, fault: NodeFault) -> list[int]:
        """Return the indexes of the nodes with a fault."""
        return sorted(node for node, each in self.faults if each is fault)

    def kinds(self) -> frozenset[NodeFault]:
        """Return the set of faults that any node has."""
        return frozenset(fault for _, fault in self.faults)

    async def inject(self, sec: SecClient, saga_id: SagaId) -> None:
        """Make the planned injections into a saga that is ready or running."""
        await trio.lowlevel.checkpoint()
        for node, fault in sorted(self.faults, key=lambda each: (each[0], each[1].name)):
            with suppress(NoSuchNode, NodeBegun, SagaNotRunning):  # there is nothing to inject into
                match fault:
                    case NodeFault.INJECT_ERROR:
                        await sec.saga_inject_error(saga_id, node)
                    case NodeFault.INJECT_UNDO_ERROR:
                        await sec.saga_inject_error_undo(saga_id, node)
                    case NodeFault.REPEAT:
                        await sec.saga_inject_repeat(saga_id, node, RepeatInjected(2, 2))
                    case NodeFault.ACTION | NodeFault.ACTION_ONCE | NodeFault.UNDO:
                        pass  # the fake action does that
