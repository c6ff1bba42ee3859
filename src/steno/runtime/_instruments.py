"""
Instruments: telling each of them, and dropping those that raise.

Where a SEC has none, there is no `Instruments`, and calls are made without one: see
`NodeRunner.instruments`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from types import TracebackType
from typing import Final, Never, TypeVar, cast

import attrs

from steno.abc import Attention, Call, CallKind, Instrument
from steno.action import Action, ActionContext
from steno.core import SagaCachedState, SagaId, SagaMachine, SagaName, cached_state
from steno.runtime._fault import is_fatal
from steno.runtime._report import report, stuck_at

T = TypeVar("T")

METHODS: Final = ("saga_began", "saga_ended", "attention", "call_began", "call_ended", "around")


def checked_instruments(instruments: object) -> Instruments | None:
    """
    Return the instruments of a SEC; None if it has none.

    Raises:
        TypeError: They are not a sequence of instruments, or a method of one is async.
    """
    if not isinstance(instruments, Sequence):
        raise TypeError(_WRONG + f"got {instruments!r}")
    every = tuple(cast("Sequence[object]", instruments))
    found = tuple(each for each in every if isinstance(each, Instrument))
    if len(found) < len(every):
        other = next(each for each in every if not isinstance(each, Instrument))
        raise TypeError(_WRONG + f"got {other!r} in it")
    for each in found:
        for name in METHODS:
            if inspect.iscoroutinefunction(getattr(each, name)):
                msg = f"open_sec: {type(each).__qualname__}.{name} must not be async"
                raise TypeError(msg)
    return Instruments(found) if found else None


_WRONG: Final = "open_sec: instruments must be a sequence of steno.abc.Instrument objects, "


@attrs.define(eq=False)
class Instruments:
    """The instruments of a SEC that have not raised so far."""

    _all: tuple[Instrument, ...]

    def saga_began(self, machine: SagaMachine) -> None:
        """Tell that a saga runs in this SEC."""
        saga_id, name = machine.state.log.saga_id, machine.dag.saga_name
        self._tell(saga_id, name, lambda each: each.saga_began(saga_id, name))

    def saga_ended(self, machine: SagaMachine) -> None:
        """Tell that a saga has ended, and that a person should look at it if it is stuck."""
        saga_id, name = machine.state.log.saga_id, machine.dag.saga_name
        state = cached_state(machine.state)
        if state is SagaCachedState.STUCK:
            self.attention(saga_id, name, Attention.STUCK, stuck_at(machine))
        self._tell(saga_id, name, lambda each: each.saga_ended(saga_id, name, state))

    def attention(self, saga_id: SagaId, name: SagaName | None, what: Attention, why: str) -> None:
        """Tell that a person should look at a saga."""
        self._tell(saga_id, name, lambda each: each.attention(saga_id, name, what, why))

    async def watch(
        self,
        kind: CallKind,
        action: Action,
        ctx: ActionContext[Never],
        saga_name: SagaName,
        make: Callable[[], Awaitable[T]],
    ) -> T:
        """
        Make a call in the context managers of all instruments, and return or raise its outcome.

        Args:
            kind: Which function is called.
            action: The action that it belongs to.
            ctx: What it is given.
            saga_name: The name of the saga's kind.
            make: Makes the call.
        """
        call = Call(
            saga_id=ctx.saga_id,
            saga_name=saga_name,
            node_id=ctx.node_id,
            node=ctx.node_name,
            action=action.name,
            kind=kind,
            attempt=ctx.attempt,
            started_at=ctx.started_at,
        )
        # It swallows nothing, as no callback returns a value. Those that were pushed are called
        # however the block is left, by a KeyboardInterrupt in a later instrument too.
        stack: ExitStack[None] = ExitStack()
        with stack:
            self._tell(call.saga_id, saga_name, lambda each: each.call_began(call))
            stack.push(partial(self._call_ended, call))
            for instrument in self._all:
                self._enter(instrument, call, stack)
            return await make()

    def _call_ended(
        self,
        call: Call,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._tell(call.saga_id, call.saga_name, lambda each: each.call_ended(call, error))

    def _enter(self, instrument: Instrument, call: Call, stack: ExitStack[None]) -> None:
        """Enter the context manager of one instrument, and have it left with the stack."""

        def failed(fault: BaseException) -> None:
            self._failed(instrument, fault, call.saga_id, call.saga_name)

        try:
            manager = instrument.around(call)
            manager.__enter__()  # not by a `with`, where an error of the call would pass as its own
        except BaseException as fault:  # noqa: ASYNC103, BLE001 - what is fatal is raised again
            failed(fault)
        else:
            # It is left even if its instrument is dropped before the call ends.
            stack.push(partial(_leave, manager, failed))

    def _tell(
        self, saga_id: SagaId, name: SagaName | None, tell: Callable[[Instrument], None]
    ) -> None:
        for instrument in self._all:
            try:
                tell(instrument)
            except BaseException as fault:  # noqa: ASYNC103, BLE001 - what is fatal is raised again
                self._failed(instrument, fault, saga_id, name)

    def _failed(
        self, instrument: Instrument, fault: BaseException, saga_id: SagaId, name: SagaName | None
    ) -> None:
        """Drop an instrument, and log why; raise what is to end the process."""
        if is_fatal(fault):
            raise fault
        left = tuple(each for each in self._all if each is not instrument)
        if len(left) < len(self._all):  # otherwise it was dropped before, and that is logged
            self._all = left
            what = f"the instrument {type(instrument).__qualname__} raised, and is told no more"
            report(logging.ERROR, what, saga_id, name, error=fault)


def _leave(
    manager: AbstractContextManager[object],
    failed: Callable[[BaseException], None],
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    """Leave a context manager, and tell what it raises of its own; nothing is swallowed."""
    try:
        manager.__exit__(kind, error, traceback)
    except BaseException as fault:  # noqa: ASYNC103, BLE001 - what is fatal is raised again
        if fault is not error:
            failed(fault)
