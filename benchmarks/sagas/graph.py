"""The sagas that are run; their actions do next to nothing: what is left is the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import trio

import steno

CHAIN: Final = 10
"""Nodes of a chain."""

WIDTH: Final = 10
"""Nodes of a stage."""


@attrs.define(eq=False)
class World:
    """
    What actions share.

    Attributes:
        waiting: How many actions wait.
        opened: What they wait for.
    """

    waiting: int = 0
    opened: trio.Event = attrs.field(factory=trio.Event)
    _wanted: int = 0
    _gathered: trio.Event = attrs.field(factory=trio.Event)

    async def wait(self) -> None:
        """Wait, as an action."""
        self.waiting += 1
        if self.waiting == self._wanted:
            self._gathered.set()
        await self.opened.wait()

    async def gathered(self, count: int) -> None:
        """Wait until so many actions wait."""
        self._wanted, self._gathered = count, trio.Event()
        if self.waiting < count:
            await self._gathered.wait()


registry: Final = steno.ActionRegistry()


@registry.action
async def work(ctx: steno.ActionContext[World]) -> int:
    """Succeed."""
    return 1


@work.undo
async def unwork(ctx: steno.ActionContext[World]) -> None:
    """Be undone."""


@registry.action(undo=steno.NOOP)
async def fail(ctx: steno.ActionContext[World]) -> int:
    """Fail."""
    msg = "as is wanted"
    raise ValueError(msg)


@registry.action(undo=steno.NOOP)
async def wait(ctx: steno.ActionContext[World]) -> int:
    """Wait until the gate is opened."""
    await ctx.user_data.wait()
    return 1


def _node(number: int) -> steno.Node:
    return steno.Node.action(f"n{number}", work, label="Work")


def _last(*, failing: bool) -> steno.Node:
    return steno.Node.action("last", fail if failing else work, label="Last")


def chain(size: int, *, failing: bool) -> steno.SagaDag:
    """Return nodes one after another."""
    builder = steno.DagBuilder("chain")
    for number in range(size - 1):
        builder.append(_node(number))
    builder.append(_last(failing=failing))
    return steno.SagaDag(builder.build())


def fan(size: int, *, failing: bool) -> steno.SagaDag:
    """Return one stage that has all nodes but the last."""
    builder = steno.DagBuilder("fan")
    builder.append_parallel([_node(number) for number in range(size - 1)])
    builder.append(_last(failing=failing))
    return steno.SagaDag(builder.build())


def stages(size: int, *, failing: bool) -> steno.SagaDag:
    """Return stages of ten nodes."""
    builder = steno.DagBuilder("stages")
    for first in range(0, size - 1, WIDTH):
        builder.append_parallel([_node(n) for n in range(first, min(first + WIDTH, size - 1))])
    builder.append(_last(failing=failing))
    return steno.SagaDag(builder.build())


def nested(size: int, *, failing: bool) -> steno.SagaDag:
    """Return subsagas inside one another, four nodes each: an action, start, end, an action."""
    builder = steno.DagBuilder("innermost")
    builder.append_parallel([_node(number) for number in range(size % 4 + 3)])
    builder.append(_last(failing=False))
    levels = size // 4 - 1
    for level in range(levels):
        inner, builder = builder.build(), steno.DagBuilder("nested")
        builder.append(_node(0))
        builder.append(steno.Node.subsaga("inner", inner, "n0"))
        builder.append(_last(failing=failing and level == levels - 1))
    return steno.SagaDag(builder.build())


def waiting(before: int, after: int) -> steno.SagaDag:
    """Return a chain that waits in the node that has so many before it."""
    builder = steno.DagBuilder("waiting")
    for number in range(before):
        builder.append(_node(number))
    builder.append(steno.Node.action("wait", wait, label="Wait"))
    for number in range(before + 1, before + 1 + after):
        builder.append(_node(number))
    return steno.SagaDag(builder.build())


SHAPES: Final[dict[str, Callable[..., steno.SagaDag]]] = {
    "chain": chain,
    "fan": fan,
    "stages": stages,
    "nested": nested,
}
