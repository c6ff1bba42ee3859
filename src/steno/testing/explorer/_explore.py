"""The entry: `explore`, which takes what a user has and runs the exploration where it can run."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, cast

import trio

from steno.action import ActionRegistry
from steno.core import SagaDag
from steno.runtime import SecClient
from steno.testing.explorer._case import Case, read_case
from steno.testing.explorer._exploration import CounterExample, Exploration, Progress
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._report import Report

C = TypeVar("C")

DAY: Final = 86_400.0
"""After how many virtual seconds a saga hangs, unless told otherwise."""
BUDGET: Final = 2_000
"""How many runs there may be, unless told otherwise."""
SEEDS: Final = 2
"""How many schedules there are, unless told otherwise."""

Check = Callable[[C, Outcome], object]
Attach = Callable[[C, SecClient], object]


def explore(
    make_dag: Callable[[], SagaDag],
    registry: ActionRegistry,
    make_context: Callable[[], C | Awaitable[C]],
    *,
    check: Check[C] | None,
    attach: Attach[C] | None = None,
    same_outputs: bool = True,
    fail_after_effect: bool = False,
    seeds: int = SEEDS,
    budget: int | None = BUDGET,
    seed: int = 0,
    only: str | Case | None = None,
    deadline: float = DAY,
    progress: Progress | None = None,
) -> Report:
    """
    Run a saga through every failure at every moment; return if all is well.

    It runs the saga with nothing going wrong; with each action failing in turn; with each undo
    failing that such a failure brings about; with each action and each undo called twice; with each
    of those that run side by side held up until the others have ended. And it loses the SEC, and
    opens another on what is stored: before and after every commit of the runs in which an action or
    an undo fails, or none does; at the end of each call, and at each place at which it waits.

    A run must end as was planned: it succeeds if nothing fails, it is unwound if an action fails,
    it is stuck only if an undo action was made to fail. Crashes, repetitions and delays change
    nothing of that. Its log must keep the rules, and `check` must not raise.

    All this happens in virtual time, on stores in memory, with one schedule per seed; so actions
    must not wait for threads, nor for anything else outside of Trio. May be called in an async
    function or elsewhere; it returns when all is done, and `await` before it does no harm.

    Args:
        make_dag: Returns the saga; called once.
        registry: Its actions.
        make_context: Returns the world that the actions of one run act on, which outlives crashes;
            may be async. If it has an attribute `sec`, that is set to each `SecClient`.
        check: Called with the world and the `Outcome` at the end of each run; raises if that is not
            as it should be; may be async. None checks nothing.
        attach: Called with the world and a `SecClient` whenever a SEC is opened; what it returns is
            the actions' `ctx.user_data`. Without it, that is the world. What is kept there, and not
            in the world, is lost in a crash.
        same_outputs: Whether an action that is called again has to return the same.
        fail_after_effect: Whether actions also fail after they have returned, as when an answer is
            lost. Such an action has an effect that its own undo is not called for, so most sagas
            can not pass: an earlier node has to take it back.
        seeds: How many schedules there are; all but the first hold up calls at random.
        budget: How many runs there may be; if there are more cases, a sample of each sort is run.
            None: all.
        seed: What samples are drawn with.
        only: The line of a case, as a failure shows it: nothing else is run.
        deadline: Virtual seconds after which a saga is taken to hang.
        progress: Called after each run with how many there were, and how many there will be, if
            that is known.

    Raises:
        CounterExample: Something is wrong; it is an `AssertionError`, and the smallest that was
            found.
        ValueError: `only` is no case of this saga.
    """
    __tracebackhide__ = True
    subject = make_explored_saga(
        make_dag,
        registry,
        make_context,
        check,
        attach,
        same_outputs=same_outputs,
        deadline=deadline,
    )
    exploration = Exploration(subject, seeds, budget, seed, fail_after_effect, progress)
    if only is None:
        return outside_of_trio(exploration, exploration.explore)
    case = read_case(only) if isinstance(only, str) else only
    _check_nodes(subject, case)
    return outside_of_trio(exploration, lambda: exploration.only(case))


def make_explored_saga(
    make_dag: Callable[[], SagaDag],
    registry: ActionRegistry,
    make_context: Callable[[], C | Awaitable[C]],
    check: Check[C] | None,
    attach: Attach[C] | None,
    *,
    same_outputs: bool = True,
    deadline: float = DAY,
) -> ExploredSaga:
    """Return what is explored, without the types of the user's world, which are theirs."""
    return ExploredSaga(
        dag=make_dag(),
        registry=registry,
        make_context=make_context,
        check=cast("Callable[[object, Outcome], object] | None", check),
        attach=cast("Callable[[object, SecClient], object]", attach or set_sec),
        same_outputs=same_outputs,
        deadline=deadline,
    )


def set_sec(world: object, sec: SecClient) -> object:
    """Make a SEC known to a world that has an attribute for it."""
    if hasattr(world, "sec") or _declares_sec(type(world)):
        setattr(world, "sec", sec)  # noqa: B010 - no checker can know that it is there
    return world


def _declares_sec(kind: type) -> bool:
    return hasattr(kind, "sec") or any("sec" in inspect.get_annotations(k) for k in kind.__mro__)


def outside_of_trio(exploration: Exploration, run: Callable[[], Report]) -> Report:
    """
    Call a function where it may call `trio.run`.

    Within Trio that is a thread, and the loop stands still meanwhile: nothing else may draw from
    Trio's generator, and no clock of a test may jump.
    """
    __tracebackhide__ = True
    try:
        if not trio.lowlevel.in_trio_run():
            return run()
        with ThreadPoolExecutor(1, "steno-explorer") as thread:
            try:
                return thread.submit(run).result()
            finally:
                exploration.stopped = True
    except CounterExample as found:
        # Where it was found is of no interest: what it says is all that there is to know.
        raise found.with_traceback(None) from None


def _check_nodes(subject: ExploredSaga, case: Case) -> None:
    """Refuse a case of another saga; what the sagas are called that actions create is not known."""
    callees = [fault.callee for fault in case.faults]
    called = [crash.callee for crash in case.crashes if crash.callee is not None]
    callees += [callee for callee in called if ":" not in callee.node]
    for callee in callees:
        if callee.node not in subject.nodes:
            nodes = ", ".join(subject.nodes)
            msg = f'"{case}": the saga has no node {callee.node!r} with an action, but {nodes}'
            raise ValueError(msg)
