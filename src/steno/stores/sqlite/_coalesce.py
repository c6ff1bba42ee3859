"""Calls that come at the same time, done as one."""

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
    answers: Mapping[K, V | Exception] | None = None  # None: whoever led has not got them
    done: trio.Event = attrs.field(factory=trio.Event)


@attrs.define(eq=False)
class Coalescer(Generic[K, V]):
    """
    Asks for many things at once, for all who ask for one at the same time.

    Whoever comes first leads: it waits until the others had their turn, and asks for all. If it is
    cancelled, or what it calls fails as a whole, the others ask again.

    Args:
        ask_all: Returns the answer for each key, or the exception that is its answer.
    """

    _ask_all: Callable[[Sequence[K]], Awaitable[Mapping[K, V | Exception]]]
    _gathering: _Round[K, V] | None = attrs.field(init=False, default=None)

    async def ask(self, key: K) -> V:
        """Return the answer for one key, or raise it."""
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
            self._gathering = None
            led.answers = await self._ask_all(led.keys)
        finally:
            if self._gathering is led:
                self._gathering = None
            led.done.set()
        await trio.lowlevel.checkpoint()  # as all who have waited: they will ask together again
        return led
