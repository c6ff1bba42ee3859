"""The user's registry, with a probe around each action."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Never, cast

import attrs

from steno.action import Action, ActionContext, ActionFunc, ActionRegistry, Policy, output_type_of
from steno.core import FlatDag, SagaDag, SagaState
from steno.testing.explorer._probe import Probe


@attrs.define(eq=False, kw_only=True)
class _Probed(ActionFunc[Never, [], object]):
    """
    An action that is called through a probe.

    It is an `ActionFunc` whatever the action is, as the engine looks for the probe of one there.
    """

    inner: Action
    watch: Probe

    @property
    def output_type(self) -> object:
        """The annotation of its outputs."""
        return output_type_of(self.inner)

    async def do_it(self, ctx: ActionContext[Never]) -> object:
        """Call the action through the probe."""
        return await self.watch.call(ctx, self.name, self.inner.do_it)

    async def undo_it(self, ctx: ActionContext[Never]) -> None:
        """Call the undo action through the probe."""
        await self.watch.call(ctx, self.name, self.inner.undo_it, undoing=True)

    async def probe_it(self, ctx: ActionContext[Never]) -> object:
        """Call the action's own probe through the probe."""
        inner = cast("ActionFunc[Never, ..., object]", self.inner)  # only these have probes
        return await self.watch.call(ctx, self.name, inner.probe_it, probing=True)


@attrs.define(eq=False)
class ProbedRegistry(ActionRegistry):
    """The user's registry, with a probe around each action."""

    inner: ActionRegistry
    watch: Probe

    def get(self, name: str) -> Action:
        """Return the action of a name."""
        action = self.inner.get(name)
        return _Probed(action.name, action.do_it, action.undo_it, inner=action, watch=self.watch)

    def policy(self, action: Action) -> Policy:
        """Return what the user's registry says of the calls of an action."""
        return self.inner.policy(action.inner if isinstance(action, _Probed) else action)

    def validate(self, flat: FlatDag) -> None:
        """Check that a saga's actions can be called and undone."""
        self.inner.validate(flat)

    def check_context(self, context: object) -> None:
        """Check that the user's actions can be given a context."""
        self.inner.check_context(context)

    def validate_inputs(self, flat: FlatDag) -> None:
        """Check that the actions of a new saga can be given their inputs."""
        self.inner.validate_inputs(flat)

    def audit(self, dag: SagaDag, state: SagaState) -> Iterator[str]:
        """Yield why nodes of a stored saga would be held by the user's registry."""
        return self.inner.audit(dag, state)
