"""A saga, as a client holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from steno.core import RepeatInjected, SagaId, SagaResult, SagaView

if TYPE_CHECKING:
    from steno.runtime._client import SecClient


@attrs.frozen
class SagaHandle:
    """
    One saga of a SEC; it holds nothing but the id, and can be made again with `saga_handle`.

    Attributes:
        id: The saga.
    """

    id: SagaId
    _sec: SecClient = attrs.field(repr=False)

    async def start(self) -> None:
        """Start it; see `SecClient.saga_start`."""
        await self._sec.saga_start(self.id)

    async def wait(self) -> SagaResult:
        """Wait until it is finished; see `SecClient.saga_wait`."""
        return await self._sec.saga_wait(self.id)

    async def view(self) -> SagaView:
        """Look at it; see `SecClient.saga_get`."""
        return await self._sec.saga_get(self.id)

    async def inject_error(self, node: str | int) -> None:
        """Make a node fail; see `SecClient.saga_inject_error`."""
        await self._sec.saga_inject_error(self.id, node)

    async def inject_error_undo(self, node: str | int) -> None:
        """Make a node's undo fail; see `SecClient.saga_inject_error_undo`."""
        await self._sec.saga_inject_error_undo(self.id, node)

    async def inject_repeat(self, node: str | int, repeat: RepeatInjected) -> None:
        """Make a node be called several times; see `SecClient.saga_inject_repeat`."""
        await self._sec.saga_inject_repeat(self.id, node, repeat)
