"""
Node tasks: the only place where user code runs.

What an action does to its task stays here. It may return, which is encoded at once; raise an
`Exception`, which fails its node; let a `SecClosing` out, which cuts it off; or be cancelled.
Once its saga's scope is cancelled, anything that it still returns or raises is dropped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Never, TypeAlias

import attrs
import trio

from steno.abc import CallKind
from steno.action import (
    PLAIN,
    Action,
    ActionContext,
    ActionRegistry,
    Codec,
    ContextSlots,
    Policy,
    Sec,
    output_type_of,
)
from steno.core import (
    NO_SETBACKS,
    ActionNode,
    RunAction,
    RunUndo,
    SagaDag,
    SagaNodeId,
    SagaState,
    SerializeFailed,
    Step,
    Timestamp,
    inputs,
)
from steno.errors import ActionDataError, InternalError
from steno.runtime._attempt import AttemptRunner, again_after, cause_of, within
from steno.runtime._call import Call, inside
from steno.runtime._fault import is_cancellation, is_cancelled, is_closing, is_fatal
from steno.runtime._hold import HELD, HoldOn, holds
from steno.runtime._instruments import Instruments
from steno.runtime._limit import Limiters, Turn, Turns
from steno.runtime._sleep import wake_time

UNPROVIDED = (
    "it is not known whether the action was done, and its undo does not say that it can be called "
    "then: give it in_doubt=True, and open the SEC again"
)


@attrs.frozen
class NodeHalted:
    """
    An action could neither succeed nor fail; its saga is to stand still.

    Attributes:
        problem: Why, and what to do.
        closing: True if it met a SEC that is being left: then it counts as cut off.
    """

    problem: str
    closing: bool = False


NodeOutcome: TypeAlias = (
    inputs.ActionSucceeded
    | inputs.ActionRaised
    | inputs.UndoSucceeded
    | inputs.UndoRaised
    | inputs.CallCancelled
    | NodeHalted
)


Told: TypeAlias = NodeOutcome | inputs.Due | inputs.DeadlineCame | inputs.Order | Step
"""What an executor makes steps of; the first one of a saga comes as it is."""


@attrs.define(eq=False)
class NodeRunner:
    """
    Calls the actions of one saga.

    Attributes:
        sec_key: The token for the SEC in a `Call`.
        dag: The saga.
        state: Its state; actions see the outputs of their ancestors in it.
        registry: Its actions.
        codec: Encodes their results.
        user_data: The user data that they share.
        limiters: The limiters of the SEC.
        policies: What its actions say of their calls, by name, of those that were called.
        now: Returns the time, by the SEC's clock.
        hold_on: The exceptions that hold a node instead of failing it.
        instruments: What is told of calls; None: nothing.
        sec: The SEC as they see it.
        raised: The exceptions of actions and undo actions that failed, by node, until the failure
            is logged. None until the first one fails.
    """

    sec_key: object
    dag: SagaDag
    state: SagaState
    registry: ActionRegistry
    codec: Codec
    user_data: object
    limiters: Limiters
    policies: dict[str, Policy]
    now: Callable[[], Timestamp]
    hold_on: HoldOn
    instruments: Instruments | None
    sec: Sec
    # Few sagas have a limited action, so it is made when it is first needed.
    _turns: Turns | None = attrs.field(init=False, default=None)
    raised: dict[SagaNodeId, Exception] | None = attrs.field(init=False, default=None)

    async def run(self, command: RunAction | RunUndo) -> NodeOutcome:
        """
        Carry out a command, and return what the saga's machine is to be told.

        Raises:
            Cancelled: The saga's scope was cancelled, even if the action swallowed that.
        """
        await trio.lowlevel.checkpoint_if_cancelled()  # nothing is begun that would only be dropped
        call = Call(self.sec_key, self.state.log.saga_id)
        # Not reset: the task ends with the call, and its children have copies of the context.
        inside.set((*inside.get(), call))
        try:
            if isinstance(command, RunAction):
                outcome = await self._run_action(command)
            else:
                outcome = await self._run_undo(command)
        except BaseException as error:  # noqa: ASYNC103 - a Cancelled of the saga's is raised below
            # What an action did to its scopes or to the SEC: neither a success nor a failure.
            halts = is_cancelled() or is_cancellation(error) or is_closing(error)
            if is_fatal(error) or not halts:
                raise
            outcome = self._halted(command.node_id, error)
        finally:
            call.running = False
        # An action may swallow Cancelled and return, or raise something else while it unwinds. Its
        # result must not be logged then: a shutdown never fails a healthy node.
        await trio.lowlevel.checkpoint_if_cancelled()
        return outcome

    def _run_action(self, command: RunAction) -> Awaitable[NodeOutcome]:
        """Return an awaitable that calls an action, without a frame for the loop if only once."""
        node = command.node_id
        action, ctx = self._action(node), self._context(node)
        # Most actions were called before, and then this is not a call for each node.
        policy = self.policies.get(action.name) or self._policy(action)
        if policy is not PLAIN or command.fails or self.instruments is not None:
            return self._run_by_policy(command, action, ctx, policy)
        if command.times == 1 and command.cancelled is None:
            return self._attempt(action, ctx)
        if command.cancelled is not None:
            return self._run_by_policy(command, action, ctx, policy)
        return self._attempts(action, ctx, command.times)

    async def _run_by_policy(
        self, command: RunAction, action: Action, ctx: ActionContext[Never], policy: Policy
    ) -> NodeOutcome:
        """Call an action that says something of its calls, or that is watched, at its turn."""
        attempt = AttemptRunner(
            action,
            ctx,
            policy,
            command,
            self.state,
            self.codec,
            self.now,
            self.hold_on,
            self.instruments,
        )
        if policy.limit is None or attempt.is_ended:
            outcome = await attempt.run()
        else:
            limiter = self.limiters.of(action.name, policy.limit)
            async with self._own_turns().turn(
                ctx.node_id, limiter, repeats=command.repeats
            ) as turn:
                if turn is Turn.CUT_OFF:
                    return NodeHalted("it was to wait for its turn", closing=True)
                outcome = attempt.unwound() if turn is Turn.SKIPPED else await attempt.run()
        if attempt.raised is not None:
            self._note(ctx.node_id, attempt.raised)
        return outcome  # noqa: ASYNC910 - user code was called, or its turn was waited for

    async def _attempts(self, action: Action, ctx: ActionContext[Never], times: int) -> NodeOutcome:
        """Call an action several times; the last result counts."""
        for _ in range(times - 1):
            await self._attempt(action, ctx)
            await trio.lowlevel.checkpoint_if_cancelled()
        return await self._attempt(action, ctx)

    async def _attempt(self, action: Action, ctx: ActionContext[Never]) -> NodeOutcome:
        """Call an action once."""
        node = ctx.node_id
        # Raised again: the SEC is being left, or this came out of an action that was cancelled.
        # Otherwise encoded at once: the exception is the user's object, and may change later.
        try:
            output = await action.do_it(ctx)
        except Exception as error:
            if is_closing(error) or is_cancelled():
                raise
            stored = self.codec.action_error(cause_of(error)).encoded()
            held = HELD if holds(error, self.hold_on) else None
            failed = inputs.ActionRaised(node, stored, None, held)
            self._note(node, error)
            return failed  # noqa: ASYNC910 - user code was called, if it waited or not
        # Apart from the call: what cannot be stored is a fault of the value, with another error.
        try:
            text = self.codec.encode(output, as_type=output_type_of(action))
            return inputs.action_succeeded(node, text)
        except Exception as error:  # noqa: BLE001 - looking at a value runs the user's code
            message = f'output of node "{ctx.node_name}": {self.codec.error_text(error)}'
            self._note(node, error)
            held = HELD if holds(error, self.hold_on, unstorable=True) else None
            return inputs.ActionRaised(node, SerializeFailed(message).encoded(), None, held)

    async def _run_undo(self, command: RunUndo) -> NodeOutcome:
        node = command.node_id
        action = self._action(node)
        ctx = self._context(node, undoing=True, output_type=output_type_of(action))
        policy = self._policy(action)
        if node not in self.state.outputs and not policy.provides_for_doubt:
            # An earlier build could undo it in doubt, and this one cannot: a later one may.
            await trio.lowlevel.checkpoint_if_cancelled()
            return self._undo_failed(ctx, TypeError(UNPROVIDED), ctx.attempt, HELD)
        for number in range(ctx.attempt, ctx.attempt + command.times):
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                await self._undo(action, ctx, policy)
            except Exception as error:
                if is_closing(error) or is_cancelled():
                    raise
                return self._undo_failed(ctx, error, number, self._undo_again(ctx, policy, error))
        return inputs.UndoSucceeded(node)  # noqa: ASYNC910 - there is at least one time

    def _undo(self, action: Action, ctx: ActionContext[Never], policy: Policy) -> Awaitable[None]:
        """Return an awaitable that calls an undo action, within its timeout."""
        make = partial(within, policy.undo_timeout, partial(action.undo_it, ctx))
        # An undo that is a NOOP calls no user code.
        if self.instruments is None or getattr(action, "needs_no_undo", False):
            return make()
        name = self.dag.saga_name
        return self.instruments.watch(CallKind.UNDO, action, ctx, name, make)

    def _undo_again(
        self, ctx: ActionContext[Never], policy: Policy, error: Exception
    ) -> inputs.Again | None:
        """Return when an undo that failed is called again; None: it has failed for good."""
        if holds(error, self.hold_on):
            return HELD
        since = self.state.in_flight.get(ctx.node_id)
        try:
            again = again_after(error, policy.undo_retry, ctx, since, self.now())
        except Exception as broken:  # noqa: BLE001 - a function of the user's
            error.add_note(f"Whether to retry it could not be decided: {broken!r}")
            return None
        # Used up, an undo has failed, whatever `then` says: the saga is stuck, and a person looks.
        return None if again is None or again.at is None else again

    def _undo_failed(
        self,
        ctx: ActionContext[Never],
        error: Exception,
        number: int,
        again: inputs.Again | None,
    ) -> NodeOutcome:
        self._note(ctx.node_id, error)
        failed = self.codec.undo_error(error, number)
        return inputs.UndoRaised(ctx.node_id, failed.encoded(), again)

    def time_of(self, node: SagaNodeId) -> Timestamp | inputs.ActionRaised:
        """Return the time until which a node sleeps, as another one says; or that it says none."""
        try:
            return wake_time(self.dag, self.state.outputs, self.codec, node)
        except ActionDataError as error:
            self._note(node, error)
            return inputs.ActionRaised(node, self.codec.action_error(error).encoded())

    def _note(self, node: SagaNodeId, error: Exception) -> None:
        if self.raised is None:
            self.raised = {}
        self.raised[node] = error

    def _halted(self, node: SagaNodeId, error: BaseException) -> NodeHalted:
        """Return the outcome of a node whose action raised something that is not a failure."""
        name = self.dag.flat.name_of(node)
        if is_closing(error):
            why = f'the action of node "{name}" met a SEC that is being left'
        else:
            why = f'the action of node "{name}" let a Cancelled out that was not meant for its saga'
        problem = f"{why}; it goes on at the next open, or with saga_recover"
        return NodeHalted(problem, closing=is_closing(error))

    def _action(self, node: SagaNodeId) -> Action:
        flat_node = self.dag.flat.nodes[node]
        if not isinstance(flat_node, ActionNode):
            msg = f"node {node} does not run an action: {flat_node!r}"
            raise InternalError(msg)
        return self.registry.get(flat_node.action_name)

    def provides_for_doubt(self, node: SagaNodeId) -> bool:
        """Return True if the action of a node says what holds if it is not known if it was done."""
        return self._policy(self._action(node)).provides_for_doubt

    def dismiss_turn(self, node: SagaNodeId) -> bool:
        """Let a node not wait for its turn, if it does; its call then ends without being made."""
        return self._turns is not None and self._turns.dismiss(node)

    def skip_turns(self) -> None:
        """Let no node wait for its turn, as the saga unwinds, but those that repeat a call."""
        self._own_turns().skip()

    def cut_off_turns(self) -> None:
        """Let no node wait for its turn, as nothing is begun any more."""
        self._own_turns().cut_off()

    def _own_turns(self) -> Turns:
        if self._turns is None:
            self._turns = Turns()
        return self._turns

    def _policy(self, action: Action) -> Policy:
        policy = self.policies[action.name] = self.registry.policy(action)
        return policy

    def _context(
        self, node: SagaNodeId, *, undoing: bool = False, output_type: object = None
    ) -> ActionContext[Never]:
        state = self.state
        attempt = 1
        if state.setbacks is not NO_SETBACKS:  # as it nearly always is: a call less for each node
            attempt = state.setbacks.next_number(node, undoing=undoing)
        return ContextSlots(
            state.log.saga_id,
            node,
            self.user_data,
            self.dag,
            state.outputs,
            undoing,
            attempt,
            state.in_flight.get(node),
            output_type,
            self.now,
            self.sec,
        ).frozen()
