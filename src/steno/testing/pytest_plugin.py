"""
The fixtures of the pytest plugin, whose hooks are in `pytest_steno`.

A test that uses them need not configure or import anything::

    async def test_trip(saga_explorer):
        report = await saga_explorer(make_dag, registry, make_context, check=world_is_clean)

    async def test_recovery(sec):
        async with sec(registry, context=world) as client:
            result = await client.saga_run(dag)

`--steno-budget` and `--steno-seed` override the arguments of a test, and `--steno-only` runs one
case and nothing else. With `-v`, an exploration reports its progress. Hints are shown at the end of
the test run in any case.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import partial
from typing import Protocol, TypeVar, cast

import attrs
import pytest
import trio
import trio.abc
import trio.testing

from steno.action import ActionRegistry
from steno.runtime import SecClient, open_sec
from steno.stores import InMemorySecStore
from steno.testing.explorer import (
    BUDGET,
    DAY,
    SEEDS,
    Attach,
    Beside,
    Case,
    Check,
    MakeDag,
    Report,
    explore,
)
from steno.testing.schedule import DateClock

C = TypeVar("C")

ALL = "all"


class _Terminal(Protocol):
    def write_line(self, line: str) -> None: ...


class _Capture(Protocol):
    def global_and_fixture_disabled(self) -> AbstractContextManager[None]: ...


@attrs.frozen(eq=False)
class _Aloud:
    """Writes a line to the terminal, in the middle of a test."""

    _terminal: _Terminal
    _capture: _Capture | None

    def __call__(self, text: str) -> None:
        with (
            nullcontext() if self._capture is None else self._capture.global_and_fixture_disabled()
        ):
            self._terminal.write_line(text)


@attrs.frozen(eq=False)
class SagaExplorer:
    """
    The fixture `saga_explorer`: `steno.testing.explore`, with the options of the command line.

    It may be called in async tests and in others; `await` before it does no harm.

    Attributes:
        seed: The seed of samples, from the command line; None leaves it to the test.
        budget: The maximum number of runs, or `all`, from the command line; None likewise.
        line: The only case to run; None runs all.
        say: Called with reports of progress; None reports nothing.
        note: Called with each hint of a report; None drops them.
    """

    seed: int | None = None
    budget: str | None = None
    line: str | None = None
    say: Callable[[str], None] | None = None
    note: Callable[[str], None] | None = None

    def only(self, line: str) -> SagaExplorer:
        """Return an explorer that runs only the case of this line, as a failure printed it."""
        return attrs.evolve(self, line=line)

    def __call__(
        self,
        make_dag: MakeDag[C],
        registry: ActionRegistry,
        make_context: Callable[[], C | Awaitable[C]],
        *,
        check: Check[C] | None = None,
        attach: Attach[C] | None = None,
        beside: Beside | None = None,
        same_outputs: bool | Collection[str] = True,
        fail_after_effect: bool | Collection[str] = False,
        orders: bool | str | Collection[str] = True,
        signals: Mapping[str, object] | None = None,
        seeds: int = SEEDS,
        budget: int | None = BUDGET,
        seed: int = 0,
        only: str | Case | None = None,
        deadline: float = DAY,
    ) -> Report:
        """Run a saga through every failure at every moment; see `steno.testing.explore`."""
        __tracebackhide__ = True
        if self.budget is not None:
            budget = None if self.budget == ALL else int(self.budget)
        report = explore(
            make_dag,
            registry,
            make_context,
            check=check,
            attach=attach,
            beside=beside,
            same_outputs=same_outputs,
            fail_after_effect=fail_after_effect,
            orders=orders,
            signals=signals,
            seeds=seeds,
            budget=budget,
            seed=seed if self.seed is None else self.seed,
            only=only if self.line is None else self.line,
            deadline=deadline,
            progress=None if self.say is None else _Progress(self.say),
        )
        self._tell(report)
        return report

    def _tell(self, report: Report) -> None:
        """Say what was run, and note the hints."""
        if self.say is not None:
            self.say(str(report))
        if self.note is not None:
            for hint in report.hints:
                self.note(f'saga "{report.saga_name}": {hint}')


@attrs.define(eq=False)
class _Progress:
    """Reports the progress of an exploration in tenths, once the number of runs is known."""

    _say: Callable[[str], None]
    _next: float = 0.0

    def __call__(self, done: int, total: int | None) -> None:
        if total is not None and done >= self._next:
            self._say(f"saga_explorer: {done} of {total} runs")
            self._next = done + total / 10


def make_explorer(config: pytest.Config, note: Callable[[str], None] | None = None) -> SagaExplorer:
    """
    Return the explorer that the fixture yields.

    Args:
        config: The configuration of pytest.
        note: Called with each hint.
    """
    budget = cast("str | None", config.getoption("--steno-budget"))
    if budget is not None and budget != ALL and not budget.isdecimal():
        msg = f"--steno-budget must be a number of runs, or {ALL!r}, not {budget!r}"
        raise pytest.UsageError(msg)
    terminal = cast("_Terminal | None", config.pluginmanager.getplugin("terminalreporter"))
    capture = cast("_Capture | None", config.pluginmanager.getplugin("capturemanager"))
    is_heard = config.get_verbosity() > 0
    return SagaExplorer(
        seed=cast("int | None", config.getoption("--steno-seed")),
        budget=budget,
        line=cast("str | None", config.getoption("--steno-only")),
        say=_Aloud(terminal, capture) if terminal is not None and is_heard else None,
        note=note,
    )


def _store_of(sec: MemorySec) -> InMemorySecStore:
    return InMemorySecStore(sec.clock)


@attrs.frozen(eq=False)
class MemorySec:
    """
    The fixture `sec`: opens SECs, one after another, on one store in memory.

    A test that uses it runs in virtual time, unless it requests its own clock. Opening a SEC again
    recovers what was left, as after a restart.

    Attributes:
        clock: The dates of virtual time, for the store and for each SEC.
        store: The store, for inspection.
    """

    clock: DateClock = attrs.field(factory=DateClock)
    store: InMemorySecStore = attrs.field(
        init=False, default=attrs.Factory(_store_of, takes_self=True)
    )

    def __call__(
        self,
        registry: ActionRegistry,
        *,
        context: object = None,
        sec_name: str = "default",
        recover: bool = True,
    ) -> AbstractAsyncContextManager[SecClient]:
        """Open a SEC; the arguments are those of `steno.open_sec`."""
        return open_sec(
            self.store,
            registry,
            context=context,
            sec_name=sec_name,
            recover=recover,
            clock=self.clock,
        )


# Async tests


def run_in_virtual_time(
    function: Callable[[], Awaitable[object]],
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> object:
    """Call `trio.run`, with an autojump clock unless another clock is given; return its result."""
    chosen = clock or trio.testing.MockClock(autojump_threshold=0)
    return trio.run(function, clock=chosen, instruments=instruments)


def run_test(
    test: Callable[..., Awaitable[object]], arguments: Mapping[str, object], *, virtual: bool
) -> None:
    """Run an async test that no other plugin runs, with the clock that it requests, if any."""
    __tracebackhide__ = True
    clocks = [value for value in arguments.values() if isinstance(value, trio.abc.Clock)]
    function = partial(test, **arguments)
    if virtual:
        run_in_virtual_time(function, clock=clocks[0] if clocks else None)
    else:
        trio.run(function, clock=clocks[0] if clocks else None)
