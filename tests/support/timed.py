"""A world whose clock is Trio's, with actions that say something of their calls."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import trio

import steno
from support.worlds import Behaviour, Context, World, raises, returns

START = datetime(2026, 1, 1, tzinfo=UTC)
"""The time at which Trio's clock says 0."""


def now() -> datetime:
    """Return the time by Trio's clock, which a test can make virtual."""
    return START + timedelta(seconds=trio.current_time())


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def retry(attempts: int | None = 3, **settings: object) -> steno.Retry:
    """Return a retry whose waits are 1, 2, 4… seconds, without jitter or a limit."""
    plain = {"timeout": None, "wait_initial": 1, "wait_max": 1000, "wait_jitter": 0}
    return steno.Retry(**{**plain, "attempts": attempts, **settings})


def fails_with(*errors: Exception) -> Behaviour:
    """Raise the first error at the first call, and so on; then return the action's name."""
    left = list(errors)

    async def behave(ctx: Context) -> object:
        if left:
            return await raises(left.pop(0))(ctx)
        return f"{ctx.node_name}!"

    return behave


@attrs.define(eq=False, repr=False)
class TimedWorld(World):
    """
    A world whose actions are declared, or else as in a `World`.

    Attributes:
        attempts: What was called so far, with `ctx.attempt` and the time in seconds; `a` is an
            action, `~a` an undo action, `?a` a probe.
    """

    attempts: list[tuple[str, int, float]] = attrs.field(init=False, factory=list)
    _probing: dict[str, Behaviour] = attrs.field(init=False, factory=dict)

    def declare(
        self, action: str, *, noop: bool = False, probed: bool = False, **settings: object
    ) -> None:
        """Register an action with settings, an undo action or none, and perhaps a probe."""
        self._known.add(action)
        do = self._function(action, "", returns(f"{action}!"), self._doing)
        if noop or probed:
            probe = self._function(action, "?", returns(steno.NOT_DONE), self._probing)
            given = {**settings, "probe": probe} if probed else settings
            made = steno.new_action_noop_undo(action, do, **given)
        else:
            undo = self._function(action, "~", returns(None), self._undoing)
            made = steno.ActionFunc.new_action(action, do, undo, **settings)
        self.registry.register(made)

    def adopt(self, action: str) -> None:
        """Take note of an action that a test has registered itself."""
        self._known.add(action)

    def rebuild(self, defaults: Mapping[str, object] | None = None) -> None:
        """Forget all actions, as a later build that is yet to declare its own."""
        self._known.clear()
        self.registry = steno.ActionRegistry(**(defaults or {}))

    def probes(self, action: str, behaviour: Behaviour) -> None:
        """Say what a probe does; unless told it finds that nothing was done."""
        self._probing[action] = behaviour

    def _function(
        self, action: str, mark: str, unless_told: Behaviour, told: dict[str, Behaviour]
    ) -> Behaviour:
        function = World._function(self, action, mark, unless_told, told)  # noqa: SLF001 - its own

        async def noted(ctx: Context) -> object:
            at = round(trio.current_time(), 3)
            self.attempts.append((mark + ctx.node_name, ctx.attempt, at))
            return await function(ctx)

        return noted

    def open(self, **options: object) -> AbstractAsyncContextManager[steno.SecClient]:
        return World.open(self, **{"clock": now, **options})

    def events(self, saga_id: UUID, node: int = 0) -> str:
        """Return the marks of a node's events in the store, as in `+ ↻ + ✓`."""
        mine = [token for token in self.store.log(saga_id).split() if token[:-1] == str(node)]
        return " ".join(token[-1] for token in mine)

    def failed_attempts(self, saga_id: UUID) -> list[steno.AttemptFailed | steno.UndoAttemptFailed]:
        """Return the events of attempts that failed, as stored."""
        kinds = (steno.AttemptFailed, steno.UndoAttemptFailed)
        log = [event.event_type for event in self.store.row(saga_id).events]
        return [event for event in log if isinstance(event, kinds)]
