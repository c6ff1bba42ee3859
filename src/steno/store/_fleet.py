"""
A fleet: SECs that share a store, and take over each other's sagas.

Theory of operation. Each time a SEC joins is a **life** of it: a name and a generation, with a
**lease** that ends unless the SEC renews it. Leases are told by one clock, the store's, and not by
those of the machines. A saga belongs to the life that created or took it. If that life has ended,
the saga is an **orphan**: any SEC that lives may take it over. The saga then gets a new fence, so
what its former owner sends late is lost.

Rule 1. A life that has ended stays so: it cannot be renewed. Its SEC joins anew.

Rule 2. A life that never joined, as that of a SEC that is opened without a lease, has none that
could end; its sagas are never orphans.

Rule 3. A life that was left, and not cut off, has not crashed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from steno.core import JsonText
from steno.store._read import SagaClaim
from steno.store._write import Fence


@attrs.frozen
class OrphanGraph:
    """
    A graph that orphaned sagas have.

    Attributes:
        digest: Its content hash.
        text: The graph.
        count: How many orphans have it.
    """

    digest: str
    text: JsonText = attrs.field(repr=False)
    count: int


@attrs.frozen
class SecSummary:
    """
    A SEC that lives, or whose unfinished sagas nobody has taken over yet.

    Attributes:
        fence: Its life: what it creates begins with this.
        build: What it runs, as it said when it joined.
        joined: When that was, by the store's clock.
        lease_left: How long its lease lasts from now; negative if it has ended.
        running: How many unfinished sagas it has.
    """

    fence: Fence
    build: str
    joined: datetime
    lease_left: timedelta
    running: int

    @property
    def lives(self) -> bool:
        """Whether its lease has not ended."""
        return self.lease_left > timedelta(0)


class Fleet(Protocol):
    """
    The SECs that share a store: part of the session of a store that allows several.

    Its methods raise, and are cancelled, as those of the session. They do not wait for a batch.
    """

    async def join(self, sec_name: str, *, lease: timedelta, build: str) -> Fence:
        """
        Begin a life of a SEC, and return its fence; an earlier one of that name has ended.

        Its generation is raised as by `take_over`, but it takes nothing over.

        Args:
            sec_name: The SEC.
            lease: How long it lives if it is not renewed.
            build: What it runs, for people.
        """
        ...

    async def renew(self, fence: Fence, *, lease: timedelta) -> bool:
        """
        Let a life last that long from now; return False, and do nothing, if it has ended.

        A caller counts the time from before the call: the store may have begun later.
        """
        ...

    async def claim(
        self, fence: Fence, *, limit: int, graphs: Collection[str] | None = None
    ) -> Sequence[SagaClaim]:
        """
        Give orphans to a life, in one transaction; none, if it has ended itself.

        They are ready, running or unwinding. Each gets a fence that it never had, and its crashes
        are counted as by `take_over`, by how its owner's life has ended. Of several lives that
        claim at once, each gets other sagas, and none waits.

        Args:
            fence: The life.
            limit: How many at most.
            graphs: The digests of the graphs that it can run; None for any.
        """
        ...

    async def leave(self, fence: Fence) -> None:
        """End a life normally: its unfinished sagas are orphans at once. Nothing if it has."""
        ...

    async def orphans(self) -> Sequence[OrphanGraph]:
        """Return the graphs of orphans, by digest; so each is looked at once, and not each saga."""
        ...

    async def secs(self) -> Sequence[SecSummary]:
        """Return the SECs that live, and those that have left unfinished sagas, by fence."""
        ...


def fleet_of(session: object) -> Fleet | None:
    """Return the fleet of the session of a store; None if the store is for one SEC at a time."""
    return getattr(session, "fleet", None)


def fair_share(*, own: int, running: int, living: int, orphans: int) -> int:
    """
    Return how many orphans a SEC should claim, so that all that live have equally many sagas.

    At least one, as long as there are any: the numbers that it knows may be old.

    Args:
        own: How many sagas it runs.
        running: How many all that live run, itself included; told before the orphans were counted,
            so that what others claim in between is not counted twice.
        living: How many SECs live, itself included.
        orphans: How many orphans there are.
    """
    if not orphans:
        return 0
    even = math.ceil((running + orphans) / max(living, 1))
    return min(max(even - own, 1), orphans)
