"""One run of a case: make a world, run the saga in it through all crashes, and judge it."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Awaitable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import attrs
import trio

from steno.core import RepeatInjected, SagaDag, SagaId, SagaName
from steno.errors import NodeBegun, SagaHeldError, SagaNotReady, SagaNotRunning, StenoError
from steno.runtime import SagaHandle, SecClient, open_sec
from steno.store import Durable
from steno.stores import InMemorySecStore
from steno.testing.explorer._case import Case, CrashKind, CrashPoint, FaultKind
from steno.testing.explorer._explored_saga import ExploredSaga, waited_for
from steno.testing.explorer._judge import judge_run
from steno.testing.explorer._outcome import Outcome
from steno.testing.explorer._pace import Pace
from steno.testing.explorer._probe import Probe
from steno.testing.explorer._probed import ProbedRegistry
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Problem, ProblemKind, Ran
from steno.testing.explorer._steering import Steering
from steno.testing.faults import Batch, Crash, FaultyStore, Outcomes, Record
from steno.testing.schedule import DateClock, run_seeded

WEEK = 7 * 86_400.0
"""Virtual seconds for which a saga rests."""

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
    clock: DateClock = attrs.field(init=False, factory=DateClock)
    store: InMemorySecStore = attrs.field(init=False)
    probe: Probe = attrs.field(init=False)
    dag: SagaDag = attrs.field(init=False)
    world: object = attrs.field(init=False, default=None)
    _user_data: object = attrs.field(init=False, default=None)
    _steering: Steering | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Make the store, and the probe."""
        self.store = InMemorySecStore(self.clock)
        self.probe = Probe(self.subject, self.ran, self.pace, self.clock)

    async def run(self) -> None:
        """Run the case to its end, and record what happens."""
        self.world = await waited_for(self.subject.make_context())
        self.dag = self.subject.dag_in(self.world)
        began = trio.current_time()
        with trio.move_on_after(self._deadline()) as deadline, self._instruments(deadline):
            for crash in (*self.ran.case.crashes, None):
                if await self._live(crash):
                    break
                if crash is not None and crash.kind is CrashKind.AT_REST:
                    await trio.sleep(WEEK)
        self.ran.seconds = trio.current_time() - began
        self.ran.stored = self.store.load(EXPLORED)
        if deadline.cancelled_caught:
            self.ran.note(_hanging(self.subject, self.ran.calls, self.ran.seconds))
        await judge_run(self.subject, self.dag, self.ran, self.store, self._check)

    def _deadline(self) -> float:
        """Return the virtual seconds after which the run is considered to hang."""
        case, lives = self.ran.case, len(self.ran.case.crashes) + 1
        held_up = self.pace.longer * sum(f.kind is FaultKind.DELAY for f in case.faults)
        if case.seed:
            held_up += 2 * len(self.subject.names) * max(1.0, self.pace.usual)
        calls = (
            lives + len(case.orders) + sum(fault.kind is FaultKind.REPEAT for fault in case.faults)
        )
        actions = self.subject.actions
        failing = {actions[n] for f in case.faults if (n := f.callee.node) in actions}
        attempts = sum(self.subject.declarations[name].longest() for name in failing)
        rests = sum(crash.kind is CrashKind.AT_REST for crash in case.crashes)
        alone = self.subject.asleep + attempts + rests * WEEK
        return alone + calls * self.subject.deadline + lives * held_up

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
            await waited_for(self.subject.check(self.world, outcome))

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
        self._steering = self._make_steering()
        try:
            with scope:
                async with open_sec(
                    store, registry, make_context=self._context, clock=self.clock
                ) as sec:
                    self._user_data = self.subject.attach(self.world, sec)
                    await self._run_saga(sec)
        except (StenoError, SystemExit) as error:
            text = f"the saga did not come to an end: {type(error).__name__}: {error}"
            self.ran.note(Problem(ProblemKind.RAISED, text, error))
            return True  # noqa: ASYNC910 - open_sec has waited
        if not scope.cancel_called:
            return True  # noqa: ASYNC910 - the same
        self.probe.die()  # if the scope was cancelled by its deadline, that was planned
        return False  # noqa: ASYNC910 - the same

    def _make_steering(self) -> Steering | None:
        """Return what gives orders in a life; None if there is nothing to give, as mostly."""
        case = self.ran.case
        rests = any(crash.kind is CrashKind.AT_REST for crash in case.crashes)
        if not (case.orders or self.subject.signals or rests):
            return None
        return Steering(self.subject, self.ran, self.probe, self.store, self.clock)

    def _context(self, _id: SagaId, _name: SagaName, _params: object) -> object:
        """Return the actions' user data, made before any saga is loaded."""
        return self._user_data

    async def _run_saga(self, sec: SecClient) -> None:
        """Create, start and wait, like an application that may have been restarted."""
        saga = await sec.saga_create(self.dag, saga_id=EXPLORED)
        await self._inject(sec, len(self.ran.lives) - 1)
        steering = self._steering
        if steering is not None:
            await steering.before_start(saga, sec, self._user_data)
        with suppress(SagaNotReady):
            await saga.start()
        if self.subject.beside is None and steering is None:
            await self._wait(saga)
        else:
            await self._wait_beside(saga, sec)

    async def _wait(self, saga: SagaHandle) -> None:
        """Wait until the saga has ended, or cannot go on without a person."""
        try:
            self.ran.result, self.ran.held = await saga.wait(), ()
        except SagaHeldError as error:
            self.ran.result, self.ran.held = None, error.nodes
            await trio.lowlevel.checkpoint()

    async def _wait_beside(self, saga: SagaHandle, sec: SecClient) -> None:
        """Wait while the outside world is played; it may mend what holds the saga."""
        failed = list[StenoError]()
        async with trio.open_nursery() as nursery:
            played = trio.Event()
            if self.subject.beside is None:
                played.set()
            else:
                nursery.start_soon(self._play, self.subject.beside(sec, EXPLORED), played)
            # Raised below, so that the nursery does not put it into a group.
            try:
                if self._steering is not None:
                    await self._steering.accompany(saga, nursery)
                await self._wait_to_the_end(saga, played)
            except StenoError as error:
                failed.append(error)
            nursery.cancel_scope.cancel()
        for each in failed:
            raise each

    async def _wait_to_the_end(self, saga: SagaHandle, played: trio.Event) -> None:
        """Wait for the saga, until nobody mends it and nothing more is ordered."""
        await self._wait(saga)
        if self.ran.held and self.subject.beside is not None:
            await played.wait()
            await self._wait(saga)
        while self._steering is not None and await self._steering.at_rest(saga):
            await self._wait(saga)

    async def _play(  # noqa: ASYNC910 - what is played has waited, if it waits at all
        self, playing: Awaitable[object], played: trio.Event
    ) -> None:
        try:  # at once: if it were cancelled before, a coroutine would never be awaited
            await playing
        except Exception as error:  # noqa: BLE001 - it may raise any exception
            text = f"beside= raised {type(error).__name__}: {error}"
            self.ran.note(Problem(ProblemKind.BESIDE, text, error))
        played.set()

    async def _inject(self, sec: SecClient, life: int) -> None:
        await trio.lowlevel.checkpoint()
        for fault in self.ran.case.faults:
            callee = fault.callee
            node = self.subject.nodes.get(callee.node)
            if fault.kind is not FaultKind.REPEAT or node is None or (fault.life or 0) != life:
                continue
            if self.ran.case.orders:
                continue  # the probe repeats it, as the saga may not be in memory
            times = RepeatInjected(undo=2) if callee.undoing else RepeatInjected(action=2)
            with suppress(NodeBegun, SagaNotRunning):  # in a later life, it may be too late
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
        if self._steering is not None:
            self._steering.committed(self.ran.commits[-1])
        if self._is_due(CrashKind.AFTER_COMMIT):
            self.probe.die()
        return outcomes

    def _is_due(self, kind: CrashKind) -> bool:
        crash = self.probe.crash
        return crash is not None and crash.kind is kind and crash.number == self.ran.commits[-1]


@contextmanager
def _instrumented(*instruments: trio.abc.Instrument) -> Generator[None, None, None]:
    for instrument in instruments:
        trio.lowlevel.add_instrument(instrument)
    try:
        yield
    finally:
        for instrument in instruments:
            trio.lowlevel.remove_instrument(instrument)


def _hanging(subject: ExploredSaga, calls: Sequence[Call], seconds: float) -> Problem:
    waiting = [str(call.callee) for call in calls if call.end in {CallEnd.NONE, CallEnd.CUT}]
    who = ", ".join(dict.fromkeys(waiting)) or "nothing that was called"
    text = f"the saga hangs: after {seconds:.0f} s of virtual time {who} had not returned"
    unsent = sorted(set(subject.awaiting.values()) - set(subject.signals))
    if unsent:
        text += (
            f'. It waits for the signal "{unsent[0]}": pass signals={{{unsent[0]!r}: …}}, or an '
            "async function that sends it as beside="
        )
    return Problem(ProblemKind.HANGS, text)


def run_case(subject: ExploredSaga, case: Case, pace: Pace, *, counting: bool = False) -> Ran:
    """Run a case in its own Trio, in virtual time with the schedule of its seed; return the run."""
    subject.prepare()
    one = Run(subject, Ran(case), pace, counting)
    run_seeded(one.run, seed=case.seed, patience=math.inf)
    return one.ran
