"""The fleet of an `InMemorySecStore`; its leases are told by Trio's clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import attrs
import trio

from steno.core import JsonText, SagaId
from steno.store import Fence, OrphanGraph, SagaClaim, SecSummary
from steno.stores._memory_row import MemoryRow


@attrs.define(eq=False)
class _Life:
    """A life of a SEC."""

    fence: Fence
    build: str
    joined: datetime
    end: float  # of its lease, by Trio's clock
    left: bool = False


@attrs.define(eq=False)
class MemoryFleet:
    """
    Which SECs live, and who takes over the sagas of the others.

    Args:
        rows: The sagas of the store.
        graphs: Its graphs, by digest.
        begin: Raises the generation of a SEC, and returns the fence of its new life.
        clock: Tells the time at which a SEC has joined, for people.
    """

    rows: Mapping[SagaId, MemoryRow]
    _graphs: Mapping[str, JsonText]
    _begin: Callable[[str], Fence]
    _clock: Callable[[], datetime]
    lives: dict[Fence, _Life] = attrs.field(init=False, factory=dict)

    def now(self) -> float:
        """Return the time by which leases are told."""
        return trio.current_time()

    def join(self, sec_name: str, lease: timedelta, build: str) -> Fence:
        """Begin a life of a SEC."""
        for life in self.lives.values():
            if life.fence.sec_name == sec_name:
                self.lapse(life.fence)
        fence = self._begin(sec_name)
        end = self.now() + lease.total_seconds()
        self.lives[fence] = _Life(fence, build, self._clock(), end)
        return fence

    def renew(self, fence: Fence, lease: timedelta) -> bool:
        """Let a life last from now, unless it has ended."""
        if not self.is_alive(fence):
            return False
        self.lives[fence].end = self.now() + lease.total_seconds()
        return True

    def is_alive(self, fence: Fence) -> bool:
        """Return True if a life has not ended."""
        return fence in self.lives and self.lives[fence].end > self.now()

    def lapse(self, fence: Fence) -> None:
        """End a life as if its time had passed, unless it has."""
        life = self.lives[fence]
        life.end = min(life.end, self.now())

    def leave(self, fence: Fence) -> None:
        """End a life normally, unless it has ended."""
        if self.is_alive(fence):
            self.lives[fence].left = True
            self.lapse(fence)

    def claim(self, fence: Fence, limit: int, graphs: Collection[str] | None) -> list[SagaClaim]:
        """Give orphans to a life that lives."""
        claims: list[SagaClaim] = []
        if not self.is_alive(fence):
            return claims
        for row in self.orphaned():
            if len(claims) == limit:
                break
            if graphs is None or row.dag_digest in graphs:
                row.count_crash(left=self.lives[row.life].left)
                claims.append(self.give(row, fence))
        return claims

    def give(self, row: MemoryRow, fence: Fence) -> SagaClaim:
        """Give a saga to a life."""
        return row.adopt(fence)

    def orphaned(self) -> Iterator[MemoryRow]:
        """Yield the sagas that may be taken over."""
        ended = {fence for fence in self.lives if not self.is_alive(fence)}
        for row in self.rows.values():
            if row.state.is_taken_up and row.life in ended:
                yield row

    def orphans(self) -> list[OrphanGraph]:
        """Return the graphs of orphans."""
        counts = Counter(row.dag_digest for row in self.orphaned())
        return [OrphanGraph(each, self._graphs[each], counts[each]) for each in sorted(counts)]

    def secs(self) -> list[SecSummary]:
        """Return the SECs that live, or have left sagas."""
        counts = Counter(row.life for row in self.rows.values() if row.state.is_taken_up)
        now = self.now()
        found = [
            SecSummary(
                life.fence,
                life.build,
                life.joined,
                timedelta(seconds=life.end - now),
                counts[life.fence],
            )
            for life in self.lives.values()
            if counts[life.fence] or self.is_alive(life.fence)
        ]
        return sorted(found, key=lambda sec: (sec.fence.sec_name, sec.fence.generation))


class _Store(Protocol):
    """An open store."""

    @property
    def fleet(self) -> MemoryFleet:
        """The SECs that share it."""
        ...


@attrs.frozen(eq=False)
class InMemoryFleet:
    """The fleet in an open `InMemorySecStore`; see `Fleet`."""

    _checkpoint: Callable[[], Awaitable[_Store]]

    async def join(self, sec_name: str, *, lease: timedelta, build: str) -> Fence:
        """Begin a life of a SEC."""
        return (await self._checkpoint()).fleet.join(sec_name, lease, build)

    async def renew(self, fence: Fence, *, lease: timedelta) -> bool:
        """Let a life last that long from now, unless it has ended."""
        return (await self._checkpoint()).fleet.renew(fence, lease)

    async def claim(
        self, fence: Fence, *, limit: int, graphs: Collection[str] | None = None
    ) -> Sequence[SagaClaim]:
        """Give orphans to a life."""
        return (await self._checkpoint()).fleet.claim(fence, limit, graphs)

    async def leave(self, fence: Fence) -> None:
        """End a life normally."""
        (await self._checkpoint()).fleet.leave(fence)

    async def orphans(self) -> Sequence[OrphanGraph]:
        """Return the graphs of orphans."""
        return (await self._checkpoint()).fleet.orphans()

    async def secs(self) -> Sequence[SecSummary]:
        """Return the SECs that live, or have left sagas."""
        return (await self._checkpoint()).fleet.secs()
