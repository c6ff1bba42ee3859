"""
Flaky services on a whole SEC, which is lost or left again and again.

A `FlakyWorld` is what outlives a SEC: the store, what the services have done, and the clock. See
`support.crash`, which does the same for sagas in which nothing is tried again; here there are times
to wait for as well, so a SEC is also left normally, or drained, and opened again after a while.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import chain, repeat
from typing import TypeAlias

import attrs
import trio

from steno import (
    NOOP,
    NOT_DONE,
    ActionContext,
    ActionRegistry,
    CommandError,
    Hold,
    InMemorySecStore,
    NodeExecState,
    NotDone,
    Retry,
    SagaHaltedError,
    SagaHandle,
    SagaHeldError,
    SagaId,
    SagaNotReady,
    SagaResult,
    SagaSerialized,
    SecClient,
    SecClosing,
    open_sec,
)
from steno.action import to_timestamp
from steno.core import CANCELS, OF_NODES, Ordered, Succeeded, Verb
from steno.store import Durable, SagaRecord, SagaWrite, StoredSaga, WriteOutcome
from steno.testing.faults import Crash as CrashAtWrite
from steno.testing.faults import Delay, Fault, FaultyStore, Refusal, Unavailable, When
from steno.testing.schedule import DateClock, Steps, run_seeded
from support.crash import MOMENTS, Crash, Where, job_id, silence
from support.flaky import (
    EFFECTIVE,
    EPOCH,
    Act,
    Doing,
    FlakyJob,
    Kind,
    Rules,
    Said,
    Undo,
    action_names,
    rules_by_name,
)
from support.flaky_machine import done_by_hand
from support.oracle import Evidence, read


class Flaky(Exception):
    """What a service raises that may work the next time."""


class Broken(Exception):
    """What it raises that is not tried again."""


@attrs.frozen
class Leave:
    """
    A life that is left normally, whether its sagas have finished or not.

    Attributes:
        after: Seconds after it has begun.
        drains: Whether the SEC is drained first.
    """

    after: float
    drains: bool = False


Ending: TypeAlias = Crash | Leave
"""How a life ends, if its sagas do not end before."""

GONE: tuple[float, ...] = (0.0, 0.0, 1.0, 100.0)
"""Seconds for which there is no SEC, between two lives."""


@attrs.frozen
class FlakyTrial:
    """
    All that decides how some sagas run.

    Attributes:
        jobs: The sagas.
        rules: What actions say of themselves, in turn.
        endings: One for each life but the last.
        seed: The schedule of tasks.
        script: How long calls, commits and downtimes take.
        hiccups: Commits, counted over all lives, at which the store is unavailable; those of an
            even number were made all the same.
        refusals: Commits at which the store refuses a batch as a whole, if more than one write
            is in it.
        holds: Whether what raises Hold, or cannot be stored, holds its node.
        orders: A seed of what a person orders, and when; None: there is nobody.
    """

    jobs: tuple[FlakyJob, ...]
    rules: tuple[Rules, ...]
    endings: tuple[Ending, ...] = ()
    seed: int = 0
    script: bytes = b""
    hiccups: frozenset[int] = frozenset()
    refusals: frozenset[int] = frozenset()
    holds: bool = True
    orders: int | None = None

    def world(self) -> "FlakyWorld":
        """Run it to its end, through all lives; return what there is then."""
        world = FlakyWorld(self)
        run_seeded(world.live, seed=self.seed)
        return world


@attrs.define(eq=False)
class FlakyWorld:
    """
    What outlives a SEC.

    Attributes:
        trial: All that decides.
        clock: The date, for store and SEC.
        jobs: The sagas.
        store: The store.
        wrong: All that should not be; the test fails if there is any.
        results: What waiters were given.
        lives: How many events each saga had when a life began.
        commits: How long the log of each saga was after each transaction.
        batches: How many batches the store was given.
        doings: Every call of user code.
        effects: The nodes that are in effect.
        views: How many views were taken.
    """

    trial: FlakyTrial
    clock: DateClock = attrs.field(factory=lambda: DateClock(EPOCH))
    jobs: dict[SagaId, FlakyJob] = attrs.field(init=False)
    store: InMemorySecStore = attrs.field(init=False)
    wrong: list[str] = attrs.field(factory=list)
    results: dict[SagaId, list[SagaResult]] = attrs.field(factory=lambda: defaultdict(list))
    lives: list[dict[SagaId, int]] = attrs.field(factory=list)
    commits: dict[SagaId, set[int]] = attrs.field(factory=lambda: defaultdict(set))
    batches: int = 0
    batches_of_life: int = 0
    doings: list[Doing] = attrs.field(factory=list)
    effects: set[tuple[SagaId, int]] = attrs.field(factory=set)
    views: int = 0
    dumps: list[SagaSerialized] = attrs.field(factory=list)
    _calls: Counter[tuple[SagaId, int, Kind]] = attrs.field(factory=Counter)
    _inside: Counter[str] = attrs.field(factory=Counter)
    _shared: dict[int, trio.CapacityLimiter] = attrs.field(factory=dict)
    _answers: dict[SagaId, list[tuple[float, int]]] = attrs.field(factory=lambda: defaultdict(list))
    _ending: Ending | None = None
    _scope: trio.CancelScope = attrs.field(init=False)
    _random: random.Random = attrs.field(init=False)
    _whims: int = attrs.field(init=False)  # orders that are still to be given without need
    _moments: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def __attrs_post_init__(self) -> None:
        self.store = InMemorySecStore(clock=self.clock)
        self.jobs = {job_id(number): job for number, job in enumerate(self.trial.jobs)}
        self._random = random.Random(self.trial.orders)
        self._whims = 0 if self.trial.orders is None else self._random.randint(1, 8)

    # Lives

    async def live(self) -> None:
        """Open a SEC again and again, until one life sees all sagas finished."""
        for ending in chain(self.trial.endings, repeat(None)):
            if await self._one_life(ending):
                return
            # What is held goes on in the next life, and so in each of them something happens.
            if ending is None and not self._has_progressed():
                self.wrong.append("a life has ended in which nothing has happened")
                return
            self.clock.advance(timedelta(seconds=GONE[self._pick(len(self.lives), len(GONE))]))

    def _has_progressed(self) -> bool:
        return any(len(self.events(saga)) > begin for saga, begin in self.lives[-1].items())

    async def _one_life(self, ending: Ending | None) -> bool:
        """Open a SEC and leave it; return True if all sagas have ended."""
        self.lives.append({i: len(self.events(i)) for i in self.jobs})
        self.batches_of_life, self._ending = 0, ending
        self._inside.clear()
        step = ending.number if isinstance(ending, Crash) and ending.where is Where.STEP else None
        store = FaultyStore(self.store, lambda *_: self.commit)
        at_a_time = 1 + self._pick(len(self.lives), 3)
        with (
            silence(),
            trio.CancelScope() as self._scope,
            Steps(step, self._scope.cancel).counting(),
        ):
            async with open_sec(
                store,
                self.registry(),
                context=None,
                clock=self.clock,
                recover_concurrency=at_a_time,
                **({} if self.trial.holds else {"hold_on": ()}),
            ) as sec:
                await self._run_all(sec, ending)
        if +self._inside:
            self.wrong.append(f"after open_sec was left there still run {+self._inside}")
        for saga_id in self.jobs:
            self.commits[saga_id].add(len(self.events(saga_id)))
        return all(self._has_ended(saga_id) for saga_id in self.jobs)

    def _has_ended(self, saga_id: SagaId) -> bool:
        stored = self.store.load(saga_id)
        return stored is not None and stored.summary.state.finished

    async def _run_all(self, sec: SecClient, ending: Ending | None) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, sec)
            nursery.start_soon(self._person, sec)
            if isinstance(ending, Leave):
                nursery.start_soon(self._leave, sec, ending, nursery.cancel_scope)
            async with trio.open_nursery() as runs:
                for number, saga_id in enumerate(self.jobs):
                    runs.start_soon(self._run_one, sec, saga_id, number)
            nursery.cancel_scope.cancel()

    async def _leave(self, sec: SecClient, ending: Leave, scope: trio.CancelScope) -> None:
        await trio.sleep(ending.after)
        if ending.drains:
            await sec.drain()
        scope.cancel()

    async def _run_one(self, sec: SecClient, saga_id: SagaId, number: int) -> None:
        """Do what an application does, which may have been started anew: create, start, wait."""
        with suppress(SecClosing, SagaHeldError):  # it is being drained, or is held
            handle = await sec.saga_create(
                self.jobs[saga_id].dag, saga_id=saga_id, start=bool(self._pick(number, 2))
            )
            with suppress(SagaNotReady):
                await handle.start()
            result = await self._wait(handle)
            if result is not None:
                self.results[saga_id].append(result)
                if not self._has_ended(saga_id):
                    self.wrong.append(
                        f"{saga_id}: a waiter was answered before its end was durable"
                    )

    async def _wait(self, saga: SagaHandle) -> SagaResult | None:
        """Wait for a saga; a person sees to it if it is held or stuck, and there is one."""
        while True:
            try:
                result = await saga.wait()
            except SagaHeldError:
                if self.trial.orders is None:
                    return None
            else:
                if getattr(result, "undo_failure", None) is None or not self._whims:
                    return result
                self._whims -= 1
            await self._help(saga)

    # The person

    async def _person(self, sec: SecClient) -> None:
        """Order something now and then, whether it applies or not."""
        while self._whims:
            self._whims -= 1
            await trio.sleep(self._random.choice([0.25, 0.25, 0.25, 1.0, 4.0, 60.0]))
            saga_id = self._random.choice(list(self.jobs))
            node = self._random.randrange(self.jobs[saga_id].graph.size)
            verb = self._random.choice(list(OF_NODES))
            saga, cancel = sec.saga_handle(saga_id), verb in CANCELS and self._random.random() < 0.5
            if self._random.random() < 0.05 and not self._has_ended(saga_id):
                await self._unwind(saga)
            elif cancel:
                # What is under way takes orders that most others refuse.
                busy = [
                    each.node
                    for each in self.doings
                    if (each.saga_id, each.said) == (saga_id, None)
                ]
                await self._order(saga, self._random.choice([node, *busy]), verb, cancel=True)
            else:
                await self._order(saga, node, verb)

    async def _unwind(self, saga: SagaHandle) -> None:
        with suppress(CommandError, SagaHaltedError):
            await saga.unwind(why="it is of no use", cancel=True)

    async def _help(self, saga: SagaHandle) -> None:
        """Order something for a node that waits for nothing else."""
        states = (await saga.view()).state.status.node_states
        waiting = {
            NodeExecState.HELD: [Verb.RETRY, Verb.RETRY, Verb.COMPLETE, Verb.FAIL],
            NodeExecState.UNDO_HELD: [Verb.RETRY, Verb.RETRY, Verb.COMPLETE],
            NodeExecState.UNDO_FAILED: [Verb.RETRY, Verb.COMPLETE],
        }
        nodes = [node for node, state in enumerate(states) if state in waiting]
        if nodes:  # somebody may have ordered it in between
            node = self._random.choice(nodes)
            await self._order(saga, node, self._random.choice(waiting[states[node]]))
        await trio.sleep(0.25)

    async def _order(
        self, saga: SagaHandle, node: int, verb: Verb, *, cancel: bool = False
    ) -> None:
        with suppress(CommandError, SagaHaltedError):
            match verb:
                case Verb.HOLD:
                    await saga.hold(node)
                case Verb.RETRY:
                    await saga.retry(node, cancel=cancel)
                case Verb.FAIL:
                    await saga.fail(node, why="it is of no use", cancel=cancel)
                case Verb.COMPLETE:
                    state = (await saga.view()).state.status.node_states[node]
                    forward = {NodeExecState.HELD, NodeExecState.BACKING_OFF}
                    if cancel and self.jobs[saga.saga_id].graph.kinds[node] == "action":
                        forward.add(NodeExecState.WORKING)
                    output = "by hand" if state in forward else None
                    await saga.complete(node, output, why="by hand", cancel=cancel)

    def _do_by_hand(self, write: SagaWrite) -> None:
        """Let the person do what they say is done, as soon as that is durable."""
        if not isinstance(write, SagaRecord):
            return
        log, first = self.events(write.saga_id), write.first_seq
        for place in range(first, first + len(write.events)):
            event = log[place]
            if not isinstance(event.event_type, Ordered) and done_by_hand(log[:place], event):
                key = write.saga_id, event.node_id
                if isinstance(event.event_type, Succeeded):
                    self.effects.add(key)
                else:
                    self.effects.discard(key)

    # What there is to see

    def stored(self, saga_id: SagaId) -> StoredSaga:
        stored = self.store.load(saga_id)
        assert stored is not None
        return stored

    def events(self, saga_id: SagaId) -> tuple:
        stored = self.store.load(saga_id)
        return () if stored is None else stored.events

    def rules(self, saga_id: SagaId) -> dict[int, Rules]:
        names = action_names(self.jobs[saga_id].dag)
        return {node: rules_by_name(self.trial.rules, name) for node, name in names.items()}

    def evidence(self, saga_id: SagaId) -> Evidence:
        """Return what the oracle needs to judge a saga."""
        job, stored = self.jobs[saga_id], self.stored(saga_id)
        return Evidence(
            job.graph,
            self.rules(saga_id),
            job.wakes,
            read(stored.events, [begin[saga_id] for begin in self.lives]),
            stored.summary.state.value,
            [doing for doing in self.doings if doing.saga_id == saga_id],
            frozenset(node for saga, node in self.effects if saga == saga_id),
            frozenset(self.commits[saga_id]),
            holds=self.trial.holds,
        )

    async def _watch(self, sec: SecClient) -> None:
        """Look at all sagas whenever something happens; no look waits for anything."""
        while True:
            await self._moments.park()
            began = trio.current_time()
            for saga_id in self.jobs:
                if self.store.load(saga_id) is None:
                    continue
                view = await sec.saga_get(saga_id)
                seen = view.serialized()
                self.views += 1
                self.dumps.append(seen)
                if seen.events != self.events(saga_id)[: len(seen.events)]:
                    self.wrong.append(f"{saga_id}: a view shows what is not durable")
                if not str(getattr(view.state, "status", "")):
                    self.wrong.append(f"{saga_id}: a view has no status, but {view.state}")
            if trio.current_time() != began:
                self.wrong.append("a view has waited")

    # The store

    def _pick(self, at: int, below: int) -> int:
        script = self.trial.script
        return script[at % len(script)] % below if script else 0

    async def commit(self, record: Callable, batch: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
        """Write a batch, slowly, and be lost at it if this is the time."""
        number, total = self.batches_of_life, self.batches
        self.batches_of_life, self.batches = number + 1, total + 1
        self._moments.unpark_all()
        fault: Fault | None = None
        if total in self.trial.hiccups:
            fault = Unavailable(When.BEFORE if total % 2 else When.AFTER)
        elif total in self.trial.refusals:
            fault = Refusal(
                OverflowError("a row of this batch is poisoned"), lambda batch: len(batch) > 1
            )
        match self._ending:
            case Crash(where=where, number=place) if place == number and where in MOMENTS:
                fault = CrashAtWrite(self._scope.cancel, MOMENTS[where], fault)

        async def watched(part: Sequence[SagaWrite]) -> Sequence[WriteOutcome]:
            outcomes = await record(part)
            for write, outcome in zip(part, outcomes, strict=True):
                if isinstance(outcome, Durable):
                    self._do_by_hand(write)
            for saga_id in self.jobs:
                self.commits[saga_id].add(len(self.events(saga_id)))
            self._moments.unpark_all()
            return outcomes

        slowly = Delay(self._pick(total, 3), self._pick(total + 1, 2), fault)
        outcomes = await slowly(watched, batch)
        for write in batch:
            answer = trio.current_time(), len(self.events(write.saga_id))
            self._answers[write.saga_id].append(answer)
        return outcomes

    # The actions

    def registry(self) -> ActionRegistry:
        """Return the actions of all sagas, as each life of the application makes them."""
        registry = ActionRegistry()
        names = {n for job in self.jobs.values() for n in action_names(job.dag).values()}
        for name in sorted(names):
            self._register(registry, name, rules_by_name(self.trial.rules, name))
        return registry

    def _register(self, registry: ActionRegistry, name: str, rules: Rules) -> None:
        limit: trio.CapacityLimiter | int | None = rules.limit
        if limit is not None and rules.shares:
            key = self.trial.rules.index(rules)
            limit = self._shared.setdefault(key, trio.CapacityLimiter(limit))
        retry = _retry(rules, rules.attempts, rules.wait, rules.within, holds=rules.then_holds)
        action = registry.action(
            name=name,
            undo=NOOP if rules.undo is Undo.NOOP else None,
            retry=retry,
            timeout=rules.timeout,
            limit=limit,
            atomic=rules.atomic,
        )(self._of(Kind.CALL))
        if rules.undo is not Undo.NOOP:
            action.undo(
                retry=_retry(rules, rules.undo_attempts, rules.undo_wait, None),
                timeout=rules.undo_timeout,
                in_doubt=rules.undo is Undo.IN_DOUBT,
            )(self._of(Kind.UNDO))
        if rules.probe:
            action.probe(self._of(Kind.PROBE))

    def _of(self, kind: Kind) -> Callable[[ActionContext[None]], Awaitable[object]]:
        async def call(ctx: ActionContext[None]) -> object:
            return await self._do(ctx, kind)

        return call

    async def _do(self, ctx: ActionContext[None], kind: Kind) -> object:
        """Do what was planned for this call, and note what it was told and how it ended."""
        job, rules = self.jobs[ctx.saga_id], self.rules(ctx.saga_id)[ctx.node_id]
        key = (ctx.saga_id, ctx.node_id, kind)
        act = job.act(rules, ctx.node_id, kind, attempt=ctx.attempt, calls=self._calls[key])
        self._calls[key] += 1
        doing = self._doing(ctx, kind)
        self.doings.append(doing)
        self._moments.unpark_all()
        with self._noted(doing, self._place(ctx, rules), rules):
            return await self._act(doing, act, rules)

    def _doing(self, ctx: ActionContext[None], kind: Kind) -> Doing:
        since = ctx.started_at
        return Doing(
            saga_id=ctx.saga_id,
            node=ctx.node_id,
            kind=kind,
            attempt=ctx.attempt,
            life=len(self.lives) - 1,
            durable=len(self.events(ctx.saga_id)),
            began=to_timestamp(self.clock()),
            since=None if since is None else to_timestamp(since),
            has_output=ctx.output is not None,
            text=f"doing {len(self.doings)}.",
            known=self._known(ctx.saga_id),
        )

    def _known(self, saga_id: SagaId) -> int:
        """Return how many events the SEC was told to be durable, some time ago."""
        # At an earlier time: those who hear of it have run since, as time jumps when nobody runs.
        now, life = trio.current_time(), self.lives[-1][saga_id]
        return max([life, *(n for time, n in self._answers[saga_id] if time < now)])

    def _place(self, ctx: ActionContext[None], rules: Rules) -> str:
        """Return what a limit counts calls by."""
        if rules.shares:
            return f"limiter {self.trial.rules.index(rules)}"
        return action_names(self.jobs[ctx.saga_id].dag)[ctx.node_id]

    @contextmanager
    def _noted(self, doing: Doing, place: str, rules: Rules) -> Iterator[None]:
        counts = doing.kind is not Kind.UNDO
        self._inside[place] += counts
        if rules.limit is not None and self._inside[place] > rules.limit:
            self.wrong.append(f"{doing} is one call too many")
        try:
            yield
        except Flaky:
            doing.said = Said.RAISED
            raise
        except Broken:
            doing.said = Said.RAISED_OTHER
            raise
        except NotDone:
            doing.said = Said.RAISED_NOT_DONE
            raise
        except Hold:
            doing.said = Said.RAISED_HOLD
            raise
        except trio.Cancelled:
            doing.said = Said.CANCELLED
            raise
        finally:
            self._inside[place] -= counts
            doing.ended = to_timestamp(self.clock())

    async def _act(self, doing: Doing, act: Act, rules: Rules) -> object:
        place = doing.durable + doing.node
        await self._take_time(place)
        match act:
            case Act.FAILS:
                raise Flaky(doing.text)
            case Act.BREAKS:
                raise Broken(doing.text)
            case Act.REFUSES:
                raise NotDone(doing.text)
            case Act.HOLDS:
                raise Hold(doing.text)
            case Act.HANGS:
                await trio.sleep_forever()
            case Act.LATE:
                with trio.CancelScope(shield=True):
                    await trio.sleep((rules.timeout_of(doing.kind) or 0) + 1)
        output = self._take_effect(doing, act)
        # Late, it would be cancelled at the next checkpoint instead of returning.
        if act is not Act.LATE and not (rules.atomic and doing.kind is Kind.CALL):
            await self._take_time(place + 1)
        match act:
            case Act.FAILS_AFTER:
                raise Flaky(doing.text)
            case Act.HANGS_AFTER:
                await trio.sleep_forever()
            case Act.ODD:
                doing.said = Said.RETURNED_ODD
                return object()
        doing.said = Said.RETURNED
        if output is NOT_DONE:
            doing.said = Said.RETURNED_NOT_DONE
        return output

    def _take_effect(self, doing: Doing, act: Act) -> object:
        key = doing.saga_id, doing.node
        match doing.kind:
            case Kind.CALL if act in EFFECTIVE:
                self.effects.add(key)
            case Kind.UNDO if act in EFFECTIVE:
                self.effects.discard(key)
            case Kind.PROBE if key not in self.effects:
                return NOT_DONE
        return None if doing.kind is Kind.UNDO else f"did {doing.node}"

    async def _take_time(self, place: int) -> None:
        match self._pick(place, 5):
            case 0:
                await trio.lowlevel.checkpoint()
            case 1:
                pass
            case seconds:
                await trio.sleep((seconds - 1) / 4)


def _retry(
    rules: Rules, attempts: int, wait: float, within: float | None, *, holds: bool = False
) -> Retry | None:
    if attempts == 1 and not holds:
        return None
    return Retry(
        (Flaky, NotDone),  # which is not tried again all the same
        attempts=attempts,
        timeout=within,
        wait_initial=wait,
        wait_max=rules.longest,
        wait_jitter=rules.jitter,
        then="hold" if holds else "fail",
    )


def shuffled_script(seed: int) -> bytes:
    """Return a script that is longer than one that Hypothesis would draw."""
    return random.Random(seed).randbytes(20)
