"""What is said of a saga that is held: to those who wait for it, and when it goes on."""

from __future__ import annotations

import attrs

from steno.core import SagaId, SagaMachine, held_nodes
from steno.runtime._exec_client import SecExecClient


@attrs.define(eq=False)
class Holding:
    """
    Whether it was reported that a saga is held.

    Attributes:
        reported: Whether it was, and the saga has not gone on since.
    """

    _exec_client: SecExecClient
    reported: bool = attrs.field(init=False, default=False)

    def nodes(self, machine: SagaMachine) -> tuple[str, ...]:
        """Return the nodes that are held, if that was reported."""
        if not self.reported:
            return ()
        return tuple(map(machine.dag.flat.reference, held_nodes(machine.state)))

    def report(self, machine: SagaMachine) -> None:
        """Report that the saga is held, if it is and that was not reported yet."""
        if not self.reported and held_nodes(machine.state):
            self.reported = True
            self._exec_client.held(machine.state.log.saga_id)

    def goes_on(self, saga_id: SagaId) -> None:
        """Take note that the saga may go on; if it does not, that is reported anew."""
        if self.reported:
            self.reported = False
            self._exec_client.goes_on(saga_id)
