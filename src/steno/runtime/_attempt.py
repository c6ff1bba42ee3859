"""
One attempt of a node whose action says something of its calls, and what is to follow from it.

Theory of operation. A call ends by returning, or otherwise: it raises, or exceeds its timeout. If
its action provides for doubt, and the call does not say that it has done nothing, its node is then
in doubt. A probe, if there is one, settles that: at once, and also before a call is made again that
a crash cut off. What comes of all this is told to the machine as an input; whether there is to be
another attempt, and when, is decided here, by the action's policy, the clock and chance.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Never, TypeAlias, TypeVar, cast

import attrs
import trio

from steno.abc import CallKind
from steno.action import (
    NOT_DONE,
    OPEN,
    Action,
    ActionContext,
    ActionFunc,
    Codec,
    Policy,
    Retry,
    chance_of,
    output_type_of,
)
from steno.core import (
    INJECTED,
    LATEST,
    RunAction,
    SagaState,
    SerializeFailed,
    Timestamp,
    Verb,
    inputs,
)
from steno.errors import ActionTimeout, InputError, InternalError, NotDone
from steno.runtime._fault import is_cancelled, is_closing
from steno.runtime._hold import HELD, HoldOn, holds
from steno.runtime._instruments import Instruments

T = TypeVar("T")

AttemptOutcome: TypeAlias = inputs.ActionSucceeded | inputs.ActionRaised | inputs.CallCancelled
Settled: TypeAlias = inputs.ActionSucceeded | inputs.ActionRaised

UNWOUND = "it was not called, as the saga unwinds"

# Names of the module: in Python 3.11, to look a member up in its Enum takes 900 instructions.
_ACTION, _PROBE = CallKind.ACTION, CallKind.PROBE


async def within(seconds: float | None, call: Callable[[], Awaitable[T]]) -> T:
    """
    Call a function and return its result; one that returns too late has returned all the same.

    Args:
        seconds: Its timeout; None: any.
        call: The function.

    Raises:
        ActionTimeout: It took longer, and was cancelled.
    """
    if seconds is None:
        return await call()
    scope = trio.CancelScope(relative_deadline=seconds)
    try:
        with scope:
            return await call()
    except Exception as error:
        # It may turn the cancellation into another error, or raise one beside it, in a group from
        # which the scope takes its own Cancelled. That of the saga is for the caller.
        if scope.cancel_called and not is_closing(error):
            raise ActionTimeout(_too_long(seconds)) from error
        raise
    raise ActionTimeout(_too_long(seconds))


def _too_long(seconds: float) -> str:
    return f"it took longer than its timeout of {seconds:g} s"


@attrs.define(eq=False)
class AttemptRunner:
    """
    Makes one attempt of an action, by its policy.

    Attributes:
        action: The action.
        ctx: What it is given.
        policy: What it says of its calls.
        command: What the machine asks for.
        state: The saga's state.
        codec: Encodes results.
        now: Returns the time, by the SEC's clock.
        hold_on: The exceptions that hold the node.
        instruments: What is told of each call; None: nothing.
        raised: The exception of a call that failed, for the log.
    """

    action: Action
    ctx: ActionContext[Never]
    policy: Policy
    command: RunAction
    state: SagaState
    codec: Codec
    now: Callable[[], Timestamp]
    hold_on: HoldOn
    instruments: Instruments | None = None
    raised: Exception | None = attrs.field(init=False, default=None)
    _cleared: bool = attrs.field(init=False, default=False)  # a probe said that nothing was done

    async def run(self) -> AttemptOutcome:
        """Make the call, unless a probe finds that it is not needed, and return what came of it."""
        if self._is_cancelled:
            return await self._cancelled()
        if self.command.repeats and self.policy.probe is not None:
            found = await self._probe()
            if found is not None:
                return found
            if self.state.unwinding:
                return self._failed(NotDone(UNWOUND), in_doubt=self._doubt(call=self._was_cut_off))
        if self.command.fails:
            await trio.lowlevel.checkpoint_if_cancelled()
            return inputs.ActionRaised(
                self.ctx.node_id, INJECTED, self._doubt(call=self._was_cut_off)
            )
        for _ in range(self.command.times - 1):
            await self._call_for_nothing()
        return await self._call()

    @property
    def _is_cancelled(self) -> bool:
        """Whether an order cancels the call, which is not made again then."""
        order = self.command.cancelled
        return order is not None and (order is not Verb.UNWIND or self.policy.provides_for_doubt)

    @property
    def is_ended(self) -> bool:
        """Whether an order cancels the call, and nothing has to be asked about it."""
        asks = self.policy.probe is not None and self.command.cancelled is not Verb.COMPLETE
        return self._is_cancelled and not asks

    async def _cancelled(self) -> inputs.CallCancelled:
        """Return how a call ends that an order cancels; its probe is asked, if it has one."""
        node = self.ctx.node_id
        if self.is_ended:
            await trio.lowlevel.checkpoint()
            # An atomic one, too: it may have returned just then.
            return inputs.CallCancelled(node, self.policy.provides_for_doubt or None)
        match await self._probe():
            case None:
                return inputs.CallCancelled(node, in_doubt=not self._cleared)
            case inputs.ActionSucceeded(output=output):
                return inputs.CallCancelled(node, output=output)
            case inputs.ActionRaised():
                return inputs.CallCancelled(node, in_doubt=True)

    def unwound(self) -> AttemptOutcome:
        """Return the outcome of an attempt that was not made, as its saga unwinds."""
        return self._failed(NotDone(UNWOUND))

    async def _call_for_nothing(self) -> None:
        """Make a call whose result does not count."""
        try:
            await self._within(_ACTION, self.action.do_it)
        except Exception as error:
            if is_closing(error) or is_cancelled():
                raise
        await trio.lowlevel.checkpoint_if_cancelled()

    async def _call(self) -> AttemptOutcome:
        try:
            output = await self._within(_ACTION, self.action.do_it)
        except Exception as error:
            if is_closing(error) or is_cancelled():
                raise
            return await self._settled(error)
        try:
            return self._succeeded(output)
        except Exception as error:  # noqa: BLE001 - looking at a value runs the user's code
            return await self._settled(error, unstorable=True)

    def _within(
        self, kind: CallKind, function: Callable[[ActionContext[Never]], Awaitable[T]]
    ) -> Awaitable[T]:
        """Return an awaitable that calls a function of the action, within its timeout."""
        make = partial(within, self.policy.timeout, partial(function, self.ctx))
        if self.instruments is None:
            return make()
        # Around the timeout, so that they are told of the ActionTimeout and not of a Cancelled.
        name = self.state.flat.saga_name
        return self.instruments.watch(kind, self.action, self.ctx, name, make)

    async def _settled(self, error: Exception, *, unstorable: bool = False) -> AttemptOutcome:
        """Return the outcome of a call that ended otherwise; the probe is asked if in doubt."""
        try:
            said = self._was_not_called(error) or self.policy.is_not_done(error)
        except Exception as broken:  # noqa: BLE001 - a function of the user's
            error, said = broken, False
        # What returned has done something, even if that cannot be stored.
        harmless = said or (self.policy.atomic and not unstorable)
        doubt = self._doubt(call=not harmless or self._was_cut_off)
        in_doubt = self.state.is_in_doubt(self.ctx.node_id) if doubt is None else doubt
        if in_doubt and self.policy.probe is not None:
            found = await self._probe()
            if found is not None:
                return found
            doubt = False if self._cleared else doubt
        return self._failed(  # noqa: ASYNC910 - the call was waited for
            error, in_doubt=doubt, unstorable=unstorable
        )

    def _was_not_called(self, error: Exception) -> bool:
        """Return True if there was no call, as an input was missing or could not be decoded."""
        # By name: the function may have called another action, after it had done something.
        return isinstance(error, InputError) and error.action_name == self.action.name

    async def _probe(self) -> Settled | None:
        """Find out whether the action was done; None: it was not, or that is still not known."""
        if not isinstance(self.action, ActionFunc):
            msg = f"action {self.action.name} has no probe"
            raise InternalError(msg)
        action = cast("ActionFunc[Never, ..., object]", self.action)
        try:
            found = await self._within(_PROBE, action.probe_it)
        except Exception as error:
            if is_closing(error) or is_cancelled():
                raise
            return self._failed(error, in_doubt=True)  # noqa: ASYNC910 - user code was called
        await trio.lowlevel.checkpoint_if_cancelled()
        # No call so far has done it, or, if that is left open, the doubt stays.
        self._cleared = found is NOT_DONE
        if found is NOT_DONE or found is OPEN:
            return None
        try:
            return self._succeeded(found)
        except Exception as error:  # noqa: BLE001 - looking at a value runs the user's code
            return self._failed(error, in_doubt=True, unstorable=True)

    @property
    def _was_cut_off(self) -> bool:
        """Whether an earlier call that no event tells of may have taken effect."""
        # An atomic one, too: it may have returned, and its success was not durable.
        return self.command.repeats and not self._cleared

    def _doubt(self, *, call: bool) -> bool | None:
        """Return what an input says of doubt, given whether this call leaves the node in it."""
        if call and self.policy.provides_for_doubt:
            return True
        return False if self._cleared else None

    def _succeeded(self, output: object) -> inputs.ActionSucceeded:
        text = self.codec.encode(output, as_type=output_type_of(self.action))
        return inputs.ActionSucceeded(self.ctx.node_id, text)

    def _failed(
        self, error: Exception, *, in_doubt: bool | None = None, unstorable: bool = False
    ) -> inputs.ActionRaised:
        self.raised = error
        node = self.ctx.node_id
        if unstorable:
            text = f'output of node "{self.ctx.node_name}": {self.codec.error_text(error)}'
            stored = SerializeFailed(text).encoded()
        else:
            stored = self.codec.action_error(cause_of(error)).encoded()
        if in_doubt is None and self._cleared:
            in_doubt = False
        if holds(error, self.hold_on, unstorable=unstorable):
            return inputs.ActionRaised(node, stored, in_doubt, HELD)
        # NotDone says that the action will not be done, so there is no point in trying again.
        if isinstance(error, NotDone):
            return inputs.ActionRaised(node, stored, in_doubt)
        try:
            again = again_after(
                error, self.policy.retry, self.ctx, self.state.in_flight.get(node), self.now()
            )
        except Exception as broken:  # noqa: BLE001 - a function of the user's
            self.raised, again = broken, None
            stored = self.codec.action_error(broken).encoded()
        return inputs.ActionRaised(node, stored, in_doubt, again)


def again_after(
    error: Exception,
    retry: Retry | None,
    ctx: ActionContext[Never],
    since: Timestamp | None,
    now: Timestamp,
) -> inputs.Again | None:
    """
    Return when a call that failed is to be made again; None: it is not.

    Args:
        error: What it raised.
        retry: When calls are made again.
        ctx: Its context.
        since: When the first call was started.
        now: The time.
    """
    if retry is None or (wanted := retry.wants(error)) is False:
        return None
    elapsed = 0.0 if since is None else (now - since) / 1_000_000
    if retry.is_used_up(ctx.attempt, elapsed):
        return inputs.Again(None) if retry.then == "hold" else None
    chance = chance_of(ctx.idempotency_key, ctx.attempt)
    wait = retry.wait_for(ctx.attempt, chance) if wanted is True else wanted
    # No later than the last time that can be stored; a wait may be infinite.
    left = (LATEST - now) / 1_000_000
    return inputs.Again(LATEST if wait >= left else Timestamp(now + round(wait * 1_000_000)))


def cause_of(error: Exception) -> Exception:
    """Return the exception to store: of `raise NotDone() from error`, that error."""
    cause = error.__cause__
    return cause if isinstance(error, NotDone) and isinstance(cause, Exception) else error
