"""The entry point: `explore`, which runs an exploration inside or outside of Trio."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias, TypeVar, cast

import trio

from steno.action import ActionRegistry
from steno.core import SagaDag
from steno.runtime import SecClient
from steno.testing.explorer._case import (
    Case,
)
from steno.testing.explorer._exploration import CounterExample, Exploration, Progress
from steno.testing.explorer._explored_saga import Beside, ExploredSaga, Nodes
from steno.testing.explorer._order_plan import checked_sorts
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._read_case import read_case
from steno.testing.explorer._report import Report

C = TypeVar("C")

DAY: Final = 86_400.0
"""Default number of virtual seconds after which a saga hangs."""
BUDGET: Final = 2_000
"""Default maximum number of runs."""
SEEDS: Final = 2
"""Default number of schedules."""

MakeDag: TypeAlias = Callable[[], SagaDag] | Callable[[C], SagaDag]
Check = Callable[[C, Outcome], object]
Attach = Callable[[C, SecClient], object]


def explore(
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
    progress: Progress | None = None,
) -> Report:
    """
    Run a saga through every failure at every moment; return the report if all is well.

    It runs the saga without a fault; with each action failing in turn; with each undo that follows
    from such a failure failing; with each action and each undo called twice; and with each of
    several concurrent calls delayed until the others have ended. It also loses the SEC, and opens
    another on the same store: before and after every commit of the runs in which one action or
    undo fails, or none; at the end of each call, and at each of its checkpoints.

    What an action declares is tried as well: an attempt fails and the next one succeeds, or all of
    them fail; a call times out before its effect and after it; the SEC is lost between two
    attempts; an undo fails once; a probe is asked after a call that took effect and after one that
    did not, and it raises. A crash also cuts off a call after its effect, and then the repeated
    call fails: this is left out only for actions that have no undo or are atomic. The actions of
    sagas that actions create fail in the same ways.

    Orders are given as well. The saga is unwound after each commit, and a week after it has
    succeeded, by another process; calls under way are cancelled; its deadline comes after each
    commit; it is paused after each commit, and another process resumes it. Each end in which it is
    stuck or held is repaired in each way that there is: a retry, a completion by hand, a failure,
    an unwinding, a deadline, and it is abandoned. A signal is early, late, and sent twice.

    A run must end as planned: it succeeds if nothing fails for good, it is unwound if an action
    does or an order says so, it is held if the action says so, and it is stuck only if an undo
    action was made to fail, regardless of crashes, repetitions, pauses and delays. Its log must
    keep the rules, and `check` must not raise.

    Runs are in virtual time, on in-memory stores, with one schedule per seed; so actions must not
    wait for threads, nor for anything else outside of Trio. It may be called in async functions
    and in others; it returns when all is done, and `await` before it does no harm.

    Args:
        make_dag: Returns the saga; called once. If it takes a parameter, that is the world, and it
            is called for each run: the graph must be the same in all worlds, up to its values.
        registry: Its actions.
        make_context: Returns the world that the actions of one run act on, which outlives crashes;
            may be async. If it has an attribute `sec`, that is set to each `SecClient`.
        check: Called with the world and the `Outcome` at the end of each run; raises if the world
            is wrong; may be async. Not called if the saga is held, since it has not ended.
        attach: Called with the world and a `SecClient` whenever a SEC is opened; its result is the
            actions' `ctx.user_data`, which is the world by default. State that is kept there, and
            not in the world, is lost in a crash.
        beside: An async function that plays the outside world. It is called with the `SecClient`
            and the saga's id in each life, once the saga has started, and cancelled when the saga
            has ended. If the saga is held, the run waits for it, since it may release the saga.
        same_outputs: Whether an action that is called again must return the same output. Names of
            nodes stand for False for these nodes, and True for all others.
        fail_after_effect: Whether actions that do not provide for doubt also fail after they have
            returned, as when an answer is lost. Such an action has had an effect, but its undo is
            not called, so most sagas cannot pass: an earlier node must take it back. Names of nodes
            stand for True for these nodes. Actions that provide for doubt fail so in any case.
        orders: Which orders are given: all, none, or those named: "unwind", "cancel", "unwind after
            success", "deadline", "pause", "repair", "signal".
        signals: The values that are sent to the saga, by the names of its signals: each once its
            node waits and all calls have ended, or as "signal" says. Without them, `beside` sends
            what the saga waits for.
        seeds: The number of schedules; all but the first delay calls at random.
        budget: The maximum number of runs; if there are more cases, a sample of each sort is run.
            None runs all.
        seed: The seed for drawing samples.
        only: The line of a case, as a failure prints it: only that case is run.
        deadline: Virtual seconds after which a saga is considered to hang.
        progress: Called after each run with the number of runs so far, and the total, if known.

    Raises:
        CounterExample: A case fails; this is an `AssertionError`, with the smallest such case that
            was found.
        ValueError: `only` is not a case of this saga, an argument names a node that it does not
            have, or a sort of orders that there is not, or a signal that no node waits for, or
            `make_dag` returns different graphs.
    """
    __tracebackhide__ = True
    subject = make_explored_saga(
        make_dag,
        registry,
        make_context,
        check,
        attach,
        beside=beside,
        signals=signals,
        same_outputs=same_outputs,
        deadline=deadline,
    )
    late, sorts = Nodes.of(fail_after_effect), checked_sorts(orders)
    exploration = Exploration(subject, seeds, budget, seed, late, sorts, progress)
    case = read_case(only) if isinstance(only, str) else only

    def run() -> Report:
        _check_names(subject, subject.varying.names | late.names)
        _check_signals(subject)
        if case is None:
            return exploration.explore()
        _check_nodes(subject, case)
        return exploration.only(case)

    return outside_of_trio(exploration, run)


def make_explored_saga(
    make_dag: MakeDag[C],
    registry: ActionRegistry,
    make_context: Callable[[], C | Awaitable[C]],
    check: Check[C] | None,
    attach: Attach[C] | None,
    *,
    beside: Beside | None = None,
    signals: Mapping[str, object] | None = None,
    same_outputs: bool | Collection[str] = True,
    deadline: float = DAY,
) -> ExploredSaga:
    """Return the subject of an exploration, with the types of the user's world erased."""
    varying = not same_outputs if isinstance(same_outputs, bool) else same_outputs
    return ExploredSaga(
        make_dag=make_dag,
        registry=registry,
        make_context=make_context,
        check=cast("Callable[[object, Outcome], object] | None", check),
        attach=cast("Callable[[object, SecClient], object]", attach or set_sec),
        beside=beside,
        signals=signals or {},
        varying=Nodes.of(varying),
        deadline=deadline,
    )


def set_sec(world: object, sec: SecClient) -> object:
    """Set the attribute `sec` of a world that has one, and return the world."""
    if hasattr(world, "sec") or _declares_sec(type(world)):
        setattr(world, "sec", sec)  # noqa: B010 - type checkers do not know the attribute
    return world


def _declares_sec(kind: type) -> bool:
    return hasattr(kind, "sec") or any("sec" in inspect.get_annotations(k) for k in kind.__mro__)


def outside_of_trio(exploration: Exploration, run: Callable[[], Report]) -> Report:
    """
    Call a function where it may call `trio.run`, and return its result.

    Within Trio that is a thread, and the event loop is blocked meanwhile: nothing else may draw
    from Trio's generator, and no test clock may jump.
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
        # The traceback is irrelevant: the text has everything there is to know.
        raise found.with_traceback(None) from None


def _check_signals(subject: ExploredSaga) -> None:
    """Refuse signals that no node waits for, and values that cannot be sent."""
    known = sorted(set(subject.awaiting.values()))
    for name, value in subject.signals.items():
        if name not in known:
            waits = f"for {', '.join(known)}" if known else "for none"
            msg = f"signals: no node of the saga waits for {name!r}; it waits {waits}"
            raise ValueError(msg)
        subject.registry.codec.encode(value)


def _check_nodes(subject: ExploredSaga, case: Case) -> None:
    """Refuse a case of another saga."""
    callees = [fault.callee for fault in case.faults]
    callees += [crash.callee for crash in case.crashes if crash.callee is not None]
    callees += [order.callee for order in case.orders if order.callee is not None]
    _check_names(subject, [callee.node for callee in callees], f'"{case}": ')


def _check_names(subject: ExploredSaga, names: Collection[str], where: str = "") -> None:
    """Refuse nodes of other sagas; those of sagas created by actions are not known yet."""
    for name in names:
        if name not in subject.nodes and ":" not in name:
            nodes = ", ".join(subject.nodes)
            msg = f"{where}the saga has no node {name!r} with an action, but {nodes}"
            raise ValueError(msg)
