"""One run of a case: make a world, run the saga in it through all crashes, and judge it."""

from __future__ import annotations

import inspect
import logging
import math
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import attrs
import trio

from steno.core import RepeatInjected, SagaId, SagaName
from steno.errors import SagaNotReady, StenoError
from steno.runtime import SecClient, open_sec
from steno.store import Durable
from steno.stores import InMemorySecStore
from steno.testing.explorer._case import Case, CrashKind, CrashPoint, FaultKind
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._judge import judge_run
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._probe import Pace, Probe, ProbedRegistry
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Problem, ProblemKind, Ran
from steno.testing.faults import Batch, Crash, FaultyStore, Outcomes, Record
from steno.testing.schedule import run_seeded

ONCE = 1

MOST_ROUNDS = 100_000
"""Rounds of Trio's scheduler without any virtual time passing before a run is stopped."""


@attrs.define(eq=False)
class _Rounds(trio.abc.Instrument):
    """Stops a run that loops for ever while no time passes."""

    scope: trio.CancelScope
    _time: float = -1.0
    _count: int = 0

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - Trio gives it
        """Count a round; Trio calls this."""
        now = trio.current_time()
        self._count = self._count + 1 if now == self._time else 0
        self._time = now
        if self._count == MOST_ROUNDS:
            self.scope.cancel()


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Suppress the logs of this thread's SECs, because stores fail as planned."""
    logger, here = logging.getLogger("steno"), threading.get_ident()

    def is_from_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    logger.addFilter(is_from_elsewhere)
    try:
        yield
    finally:
        logger.removeFilter(is_from_elsewhere)


@attrs.define(eq=False)
class Run:
    """
    A run of a case; it outlives the crashes.

    Args:
        subject: What is explored.
        ran: Where the run is recorded.
        pace: How long calls are delayed.
        counting: Whether to count the checkpoints of calls.
    """

    subject: ExploredSaga
    ran: Ran
    pace: Pace
    counting: bool
    store: InMemorySecStore = attrs.field(init=False, factory=InMemorySecStore)
    probe: Probe = attrs.field(init=False)
    world: object = attrs.field(init=False, default=None)
    _user_data: object = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Install the probe."""
        self.probe = Probe(self.subject, self.ran, self.pace)

    async def run(self) -> None:
        """Run the case to its end, and record what happens."""
        self.world = await _waited_for(self.subject.make_context())
        began = trio.current_time()
        with trio.move_on_after(self._deadline()) as deadline, self._instruments(deadline):
            for crash in (*self.ran.case.crashes, None):
                if await self._live(crash):
                    break
        self.ran.seconds = trio.current_time() - began
        self.ran.stored = self.store.load(EXPLORED)
        if deadline.cancelled_caught:
            self.ran.note(_hanging(self.ran.calls, self.ran.seconds))
        await judge_run(self.subject, self.ran, self.store, self._check)

    def _deadline(self) -> float:
        """Return the virtual seconds after which the run is considered to hang."""
        case, lives = self.ran.case, len(self.ran.case.crashes) + 1
        held_up = self.pace.longer * sum(f.kind is FaultKind.DELAY for f in case.faults)
        if case.seed:
            held_up += 2 * len(self.subject.names) * max(1.0, self.pace.usual)
        calls = lives + sum(fault.kind is FaultKind.REPEAT for fault in case.faults)
        return calls * self.subject.deadline + lives * held_up

    def _instruments(self, deadline: trio.CancelScope) -> AbstractContextManager[None]:
        """Return a context that detects endless loops, and counts checkpoints if requested."""
        instruments: list[trio.abc.Instrument] = [_Rounds(deadline)]
        crashes = self.ran.case.crashes
        if self.counting or any(c.kind is CrashKind.AT_CHECKPOINT for c in crashes):
            instruments.append(self.probe)
        return _instrumented(*instruments)

    async def _check(self, outcome: Outcome) -> None:
        await trio.lowlevel.checkpoint()
        if self.subject.check is not None:
            await _waited_for(self.subject.check(self.world, outcome))

    # A life

    async def _live(self, crash: CrashPoint | None) -> bool:
        """Open a SEC, and wait for the saga; return True if it has ended."""
        stored = self.store.load(EXPLORED)
        self.ran.lives.append(0 if stored is None else len(stored.events))
        self.ran.commits.append(0)
        given = self.subject.registry
        registry = ProbedRegistry(given, self.probe, codec=given.codec)
        store = FaultyStore(self.store, lambda _number, _batch: self._commit)
        scope = self.probe.begin_life(crash)
        try:
            with scope:
                async with open_sec(store, registry, make_context=self._context) as sec:
                    self._user_data = self.subject.attach(self.world, sec)
                    await self._run_saga(sec)
        except (StenoError, SystemExit) as error:
            text = f"the saga did not come to an end: {type(error).__name__}: {error}"
            self.ran.note(Problem(ProblemKind.RAISED, text, error))
            return True  # noqa: ASYNC910 - open_sec has waited
        return not scope.cancel_called

    def _context(self, _id: SagaId, _name: SagaName, _params: object) -> object:
        """Return the actions' user data, made before any saga is loaded."""
        return self._user_data

    async def _run_saga(self, sec: SecClient) -> None:
        """Create, start and wait, like an application that may have been restarted."""
        saga = await sec.saga_create(self.subject.dag, saga_id=EXPLORED)
        if len(self.ran.lives) == ONCE:
            await self._inject(sec)
        with suppress(SagaNotReady):
            await saga.start()
        self.ran.result = await saga.wait()

    async def _inject(self, sec: SecClient) -> None:
        await trio.lowlevel.checkpoint()
        for fault in self.ran.case.faults:
            if fault.kind is FaultKind.REPEAT:
                node = self.subject.nodes[fault.callee.node]
                times = RepeatInjected(undo=2) if fault.callee.undoing else RepeatInjected(action=2)
                await sec.saga_inject_repeat(EXPLORED, node, times)

    async def _commit(self, record: Record, batch: Batch) -> Outcomes:
        """Write a batch, crash if that is planned here, and return the outcomes."""
        self.ran.commits[-1] += 1
        if self._is_due(CrashKind.BEFORE_COMMIT):
            return await Crash(self.probe.die)(record, batch)
        outcomes = await record(batch)
        for write, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Durable):
                self.probe.made_durable(write)
        if self._is_due(CrashKind.AFTER_COMMIT):
            self.probe.die()
        return outcomes

    def _is_due(self, kind: CrashKind) -> bool:
        crash = self.probe.crash
        return crash is not None and crash.kind is kind and crash.number == self.ran.commits[-1]


async def _waited_for(result: object) -> object:
    """Return the result of a function of the user, awaiting it if it is async."""
    if inspect.isawaitable(result):
        return await result
    await trio.lowlevel.checkpoint()
    return result


@contextmanager
def _instrumented(*instruments: trio.abc.Instrument) -> Generator[None, None, None]:
    for instrument in instruments:
        trio.lowlevel.add_instrument(instrument)
    try:
        yield
    finally:
        for instrument in instruments:
            trio.lowlevel.remove_instrument(instrument)


def _hanging(calls: Sequence[Call], seconds: float) -> Problem:
    waiting = [str(call.callee) for call in calls if call.end in {CallEnd.NONE, CallEnd.CUT}]
    who = ", ".join(dict.fromkeys(waiting)) or "nothing that was called"
    text = f"the saga hangs: after {seconds:.0f} s of virtual time {who} had not returned"
    return Problem(ProblemKind.HANGS, text)


def run_case(subject: ExploredSaga, case: Case, pace: Pace, *, counting: bool = False) -> Ran:
    """Run a case in its own Trio, in virtual time with the schedule of its seed; return the run."""
    one = Run(subject, Ran(case), pace, counting)
    run_seeded(one.run, seed=case.seed, patience=math.inf)
    return one.ran
