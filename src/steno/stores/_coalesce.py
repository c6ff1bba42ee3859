"""Concurrent calls, merged into one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

import attrs
import trio

K = TypeVar("K")
V = TypeVar("V")


@attrs.define(eq=False)
class _Round(Generic[K, V]):
    """Some calls that are done together."""

    keys: list[K]
    answers: Mapping[K, V | Exception] | None = None  # None: the leader has not got them
    done: trio.Event = attrs.field(factory=trio.Event)


@attrs.define(eq=False)
class Coalescer(Generic[K, V]):
    """
    Merges calls that each ask for one thing into a single call that asks for all of them.

    The first caller leads: it yields once so that others can join, then asks for all. If it is
    cancelled, or its call fails as a whole, the others ask again.

    Args:
        ask_all: Returns the answer for each key, or the exception that is its answer.
    """

    _ask_all: Callable[[Sequence[K]], Awaitable[Mapping[K, V | Exception]]]
    _gathering: _Round[K, V] | None = attrs.field(init=False, default=None)

    async def ask(self, key: K) -> V:
        """Return the answer for one key, or raise it."""
        # A loop, because a round whose leader failed has no answers; one of those who joined it
        # leads the next.
        while True:
            if self._gathering is None:
                joined = await self._lead(key)
            else:
                joined = self._gathering
                joined.keys.append(key)
                await joined.done.wait()
            if joined.answers is not None:
                answer = joined.answers[key]
                if isinstance(answer, Exception):
                    raise answer
                return answer

    async def _lead(self, key: K) -> _Round[K, V]:
        led = self._gathering = _Round[K, V]([key])
        try:
            await trio.lowlevel.checkpoint()
            # Closed before asking: a caller that comes from now on might be told what was read
            # before it asked, so it begins a round of its own.
            self._gathering = None
            led.answers = await self._ask_all(led.keys)
        finally:
            # Cancelled in the checkpoint; otherwise another round may be gathering by now.
            if self._gathering is led:
                self._gathering = None
            led.done.set()
        # The leader would run ahead of those it answered. Waking together, they ask together again.
        await trio.lowlevel.checkpoint()
        return led
