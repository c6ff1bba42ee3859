"""The fleet in a `PostgresSecStore` that is open; see `Fleet`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

import attrs

from steno.store import Fence, OrphanGraph, SagaClaim, SecSummary
from steno.stores.postgres import _fleet as fleet
from steno.stores.postgres._link import Db

T = TypeVar("T")


class _Do(Protocol):
    """Reads and writes in a thread, with a connection that no batch uses."""

    async def __call__(self, work: Callable[[Db], T], /) -> T: ...


@attrs.frozen(eq=False)
class PostgresFleet:
    """Which SECs live, and who takes over the sagas of the others."""

    _do: _Do

    async def join(self, sec_name: str, *, lease: timedelta, build: str) -> Fence:
        """Begin a life of a SEC."""
        return await self._do(lambda db: fleet.join(db, sec_name, lease, build))

    async def renew(self, fence: Fence, *, lease: timedelta) -> bool:
        """Let a life last that long from now, unless it has ended."""
        return await self._do(lambda db: fleet.renew(db, fence, lease))

    async def claim(
        self, fence: Fence, *, limit: int, graphs: Collection[str] | None = None
    ) -> Sequence[SagaClaim]:
        """Give orphans to a life."""
        return await self._do(lambda db: fleet.claim_orphans(db, fence, limit, graphs))

    async def leave(self, fence: Fence) -> None:
        """End a life normally."""
        await self._do(lambda db: fleet.leave(db, fence))

    async def orphans(self) -> Sequence[OrphanGraph]:
        """Return the graphs of orphans."""
        return await self._do(fleet.orphans)

    async def secs(self) -> Sequence[SecSummary]:
        """Return the SECs that live, or have left sagas."""
        return await self._do(fleet.secs)
