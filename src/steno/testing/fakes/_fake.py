"""Fake actions: they take a given time, look up all they can, and fail as planned."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable
from contextlib import contextmanager, suppress
from typing import TypeAlias

import attrs
import trio

from steno.action import ActionContext, ActionFunc, ActionRegistry
from steno.core import FlatDag, JsonText, SagaDag, SagaId, SagaNodeId, encode_json
from steno.errors import NodeLookupError
from steno.testing.faults import FaultPlan, NodeFault


@attrs.frozen
class FakeCall:
    """
    A call of a fake action.

    Attributes:
        node: The node.
        undoing: Whether it is the undo action.
        seen: All outputs that it could look up, by name.
        params: The params that it saw.
    """

    node: SagaNodeId
    undoing: bool
    seen: tuple[tuple[str, JsonText], ...]
    params: JsonText


class PlannedError(Exception):
    """Raised by a fake action that is planned to fail."""


Meanwhile: TypeAlias = Callable[[ActionContext[None], FakeCall], Awaitable[object]]


async def no_time(_: ActionContext[None], __: FakeCall) -> None:
    """Return at the next checkpoint."""
    await trio.lowlevel.checkpoint()


@attrs.define(eq=False)
class FakeActions:
    """
    The world of fake actions, which outlives a SEC.

    An action returns a checksum of its node and of all that it saw, so any wrong dependence on
    schedules or crashes shows in the log.

    Attributes:
        plan_of: Returns the plan of a saga; injections in it are left to the caller.
        meanwhile: Awaited in each call, once that is noted: takes time, or does anything else.
        calls: Every call, by saga.
        done: The action keys of all that was done.
        undone: The action keys of all that was undone.
        inside: How many calls have not ended.
    """

    plan_of: Callable[[SagaId], FaultPlan] = lambda _: FaultPlan()
    meanwhile: Meanwhile = no_time
    calls: dict[SagaId, list[FakeCall]] = attrs.field(
        init=False, factory=lambda: defaultdict[SagaId, list[FakeCall]](list)
    )
    done: set[str] = attrs.field(init=False, factory=set[str])
    undone: set[str] = attrs.field(init=False, factory=set[str])
    inside: int = attrs.field(init=False, default=0)
    _names: set[str] = attrs.field(init=False, factory=set[str])

    def registry(self, dags: Iterable[SagaDag]) -> ActionRegistry:
        """Return a registry with all actions of some sagas."""
        flats = [dag.flat for dag in dags]
        self._names |= {name for flat in flats for name in names_in(flat)}
        registry = ActionRegistry()
        for action in sorted({name for flat in flats for name in flat.action_names}):
            registry.register(ActionFunc.new_action(action, self.act, self.undo))
        return registry

    async def act(self, ctx: ActionContext[None]) -> int:
        """Do what every action does."""
        plan = self.plan_of(ctx.saga_id)
        with self._called(ctx, undoing=False) as call:
            before = self.calls[ctx.saga_id][:-1]
            first = not any(each.node == call.node and not each.undoing for each in before)
            await self.meanwhile(ctx, call)
            if plan.has(call.node, NodeFault.ACTION) or (
                plan.has(call.node, NodeFault.ACTION_ONCE) and first
            ):
                raise PlannedError(ctx.node_name)
            self.done.add(ctx.action_key)
            return checksum(call)

    async def undo(self, ctx: ActionContext[None]) -> None:
        """Do what every undo action does."""
        with self._called(ctx, undoing=True) as call:
            await self.meanwhile(ctx, call)
            if self.plan_of(ctx.saga_id).has(call.node, NodeFault.UNDO):
                raise PlannedError(ctx.node_name)
            self.undone.add(ctx.action_key)

    @contextmanager
    def _called(
        self, ctx: ActionContext[None], *, undoing: bool
    ) -> Generator[FakeCall, None, None]:
        params = encode_json(ctx.saga_params())
        call = FakeCall(ctx.node_id, undoing, tuple(seen_by(ctx, self._names)), params)
        self.calls[ctx.saga_id].append(call)
        self.inside += 1
        try:
            yield call
        finally:
            self.inside -= 1


def names_in(flat: FlatDag) -> set[str]:
    """Return the names of all nodes of a graph, those in subsagas too."""
    return {str(name) for scope in flat.scopes for name in scope.names}


def seen_by(
    ctx: ActionContext[None], names: Collection[str]
) -> Generator[tuple[str, JsonText], None, None]:
    """Look up all names, and give those that are seen with their outputs."""
    for name in sorted(names):
        with suppress(NodeLookupError):
            yield name, encode_json(ctx.lookup(name))


def checksum(call: FakeCall) -> int:
    """Return a number that depends on all that a call saw, and on nothing else."""
    return zlib.crc32(repr((int(call.node), call.seen, call.params)).encode())
