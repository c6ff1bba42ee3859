"""Instruments: what they are told and when, and that none of them can do any harm."""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.abc import Attention, Call, CallKind, Instrument
from support.timed import START, TimedWorld, fails_with, retry
from support.worlds import World, each_time, hangs, nothing, raises, refuses, returns, takes, works

MARKS = {CallKind.ACTION: "", CallKind.UNDO: "~", CallKind.PROBE: "?"}

METHODS = ["saga_began", "saga_ended", "attention", "call_began", "call_ended", "around"]


class Refused(Exception):
    """What actions raise here."""


class Broken(Exception):
    """What instruments raise here."""


def shown(call: Call) -> str:
    """Return a call as in `~a`, or `~a 2` for its second attempt."""
    return MARKS[call.kind] + call.node + (f" {call.attempt}" if call.attempt > 1 else "")


class Notes(Instrument):
    """
    Notes all that it is told, in the notation `began`, `> a`, `( a`, `) a`, `< a`, `ended`.

    Args:
        seen: Where it is noted.
        name: Put before each note.
    """

    def __init__(self, seen: list[str] | None = None, name: str = "") -> None:
        self.seen: list[str] = [] if seen is None else seen
        self.name = name
        self.calls: list[Call] = []
        self.ended: list[tuple[Call, BaseException | None]] = []
        self.reasons: list[tuple[str | None, Attention, str]] = []

    def note(self, what: str) -> None:
        self.seen.append(self.name + what)

    def saga_began(self, saga_id: steno.SagaId, saga_name: steno.SagaName) -> None:
        self.note("began")

    def saga_ended(
        self, saga_id: steno.SagaId, saga_name: steno.SagaName, state: steno.SagaCachedState
    ) -> None:
        self.note(f"ended {state.value}")

    def attention(
        self, saga_id: steno.SagaId, saga_name: steno.SagaName | None, what: Attention, why: str
    ) -> None:
        self.reasons.append((saga_name, what, why))
        self.note(what.value)

    def call_began(self, call: Call) -> None:
        self.calls.append(call)
        self.note(f"> {shown(call)}")

    def call_ended(self, call: Call, error: BaseException | None) -> None:
        self.ended.append((call, error))
        self.note(f"< {shown(call)}" + ("" if error is None else f": {type(error).__name__}"))

    @contextmanager
    def around(self, call: Call) -> Generator[None]:
        self.note(f"( {shown(call)}")
        try:
            yield
        finally:
            self.note(f") {shown(call)}")


class Short(Notes):
    """Notes what begins and ends, and no context managers."""

    def around(self, call: Call) -> AbstractContextManager[object]:
        return ExitStack()


def faults(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the records about instruments."""
    return [record for record in caplog.records if "the instrument " in record.getMessage()]


# What is told, and when


async def test_what_is_told_of_a_saga(world: World):
    """Each call is between its beginning and its end, and in the context manager."""
    notes = Notes()
    async with world.open(instruments=[notes]) as sec:
        (await sec.saga_run(world.saga("a", "b"))).unwrap()
    calls = [f"{mark} {name}" for name in "ab" for mark in ">()<"]
    assert notes.seen == ["began", *calls, "ended succeeded"]


async def test_it_is_told_what_is_durable(world: World):
    """A saga has begun when the store says so, and has ended before anybody is told."""
    async with world.open(instruments=[Short(world.trace, "!")]) as sec:
        saga = await sec.saga_create(world.saga("a"))
        assert world.trace == []
        await saga.start()
        await saga.wait()
        world.trace.append("waited")
    start, done = [item for item in world.trace if item.startswith("commit")]
    assert start.endswith("a+")
    expected = [start, "!began", "!> a", "a", "!< a", done, "!ended succeeded", "waited"]
    assert world.trace == expected


async def test_what_is_told_of_an_unwinding(world: World):
    """What an action raised is told with the end of its call."""
    notes = Short()
    world.does("b", raises(Refused()))
    async with world.open(instruments=[notes]) as sec:
        await sec.saga_run(world.saga("a", "b"))
    calls = ["> a", "< a", "> b", "< b: Refused", "> ~a", "< ~a"]
    assert notes.seen == ["began", *calls, "ended failed"]


async def test_the_call_that_is_told(timed: TimedWorld):
    """The same object each time, with what names it in the log."""
    notes = Notes()
    timed.declare("book", retry=retry(3))
    timed.does("book", takes(1, fails_with(Refused())))
    async with timed.open(instruments=[notes]) as sec:
        result = await sec.saga_run(timed.saga("wait", "book", name="trip"))
    first, second = notes.calls[1:]
    assert first == Call(
        saga_id=result.saga_id,
        saga_name="trip",
        node_id=1,
        node="book",
        action="book",
        kind=CallKind.ACTION,
        attempt=1,
        started_at=START,
    )
    assert (second.attempt, second.started_at) == (2, START)
    assert [call for call, _ in notes.ended[1:]] == [first, second]
    assert all(call is ended for call, (ended, _) in zip(notes.calls, notes.ended, strict=True))


async def test_each_attempt_is_a_call(timed: TimedWorld):
    """Of an undo action too; its attempts count from 1 again, and its time is that of the undo."""
    notes = Short()
    timed.declare("a", retry=retry(3), undo_retry=retry(3))
    timed.does("a", fails_with(Refused(), Refused()))
    timed.undoes("a", fails_with(Refused()))
    timed.does("b", takes(10, raises(Refused())))
    async with timed.open(instruments=[notes]) as sec:
        await sec.saga_run(timed.saga("a", "b"))
    attempts = ["> a", "< a: Refused", "> a 2", "< a 2: Refused", "> a 3", "< a 3"]
    undos = ["> ~a", "< ~a: Refused", "> ~a 2", "< ~a 2"]
    assert notes.seen[1:-1] == [*attempts, "> b", "< b: Refused", *undos]
    undone = {call.started_at for call in notes.calls if call.kind is CallKind.UNDO}
    assert {(time - START).seconds for time in undone} == {13}


async def test_a_call_that_takes_too_long(timed: TimedWorld):
    """It has ended with what its node has failed with, and not with a `Cancelled`."""
    notes = Short()
    timed.declare("a", atomic=True, timeout=5)
    timed.does("a", hangs)
    async with timed.open(instruments=[notes]) as sec:
        await sec.saga_run(timed.saga("a"))
    assert notes.seen[1:3] == ["> a", "< a: ActionTimeout"]


async def test_a_probe_is_a_call(timed: TimedWorld):
    """It has the number of the attempt that it is about."""
    notes = Short()
    timed.declare("a", probed=True, retry=retry(3))
    timed.does("a", fails_with(Refused(), Refused()))
    timed.probes("a", fails_with(Refused()))
    async with timed.open(instruments=[notes]) as sec:
        (await sec.saga_run(timed.saga("a"))).unwrap()
    expected = ["> a", "< a: Refused", "> ?a", "< ?a: Refused", "> a 2", "< a 2: Refused"]
    assert notes.seen[1:-1] == [*expected, "> ?a 2", "< ?a 2"]


async def test_an_output_that_cannot_be_stored_was_returned(world: World):
    """The call has ended well; the failure of its node is in the log."""
    notes = Short()
    world.does("b", returns(object()))
    async with world.open(instruments=[notes], hold_on=()) as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    assert isinstance(result.error_source, steno.SerializeFailed)
    assert notes.ended[1][1] is None


async def test_where_no_user_code_is_called_there_is_no_call(timed: TimedWorld):
    """Sleeping, an injected error, and the undo of what needs none."""
    notes = Short()
    timed.declare("looks", noop=True)
    async with timed.open(instruments=[notes]) as sec:
        nap = steno.Node.sleep("nap", timedelta(seconds=5))
        saga = await sec.saga_create(timed.saga("looks", nap, "fails"))
        await saga.inject_error("fails")
        await saga.start()
        await saga.wait()
    assert notes.seen == ["began", "> looks", "< looks", "ended failed"]


async def test_each_call_of_a_repeated_action_is_told(world: World):
    """As each is a call of user code."""
    notes = Short()
    async with world.open(instruments=[notes]) as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        world.does("b", raises(Refused()))
        await saga.inject_repeat("a", steno.RepeatInjected(action=2, undo=2))
        await saga.start()
        await saga.wait()
    once = ["> b", "< b: Refused"]
    assert notes.seen[1:-1] == ["> a", "< a"] * 2 + once + ["> ~a", "< ~a"] * 2


async def test_a_call_begins_when_its_turn_has_come(timed: TimedWorld):
    """The time that it waits for the limit of its action does not belong to the call."""
    notes = Short()
    timed.declare("a", limit=1)
    timed.does("a", takes(5))
    async with timed.open(instruments=[notes]) as sec:
        first, second = [await sec.saga_create(timed.saga("a"), start=True) for _ in range(2)]
        await trio.sleep(1)
        assert sorted(notes.seen) == ["> a", "began", "began"]
        await first.wait()
        await second.wait()


# Sagas that begin, end, and go on


async def test_a_saga_that_is_recovered_begins_again(world: World):
    """In each life of the SEC in which it runs; one that was never started does not."""
    first, second = Short(), Short()
    world.does("a", each_time(hangs, nothing))
    async with world.doomed(instruments=[first]) as sec:
        await sec.saga_create(world.saga("a"))
        saga = await sec.saga_create(world.saga("a"), start=True)
        await wait_all_tasks_blocked()
    assert first.seen == ["began", "> a", "< a: Cancelled"]
    async with world.open(instruments=[second]) as sec:
        await sec.saga_wait(saga.saga_id)
    assert second.seen == ["began", "> a", "< a", "ended succeeded"]


async def test_a_saga_that_is_left_has_not_ended(timed: TimedWorld):
    """It sleeps, and goes on at the next open."""
    notes = Short()
    async with timed.open(instruments=[notes]) as sec:
        nap = steno.Node.sleep("nap", timedelta(days=5))
        await sec.saga_create(timed.saga("a", nap), start=True)
        await wait_all_tasks_blocked()
    assert notes.seen == ["began", "> a", "< a"]


async def test_a_finished_dump_begins_and_ends(world: World):
    """A SEC that is given one has it as any other saga, and calls nothing."""
    notes = Short()
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
        dump = (await sec.saga_get(result.saga_id)).serialized()
    other = World()
    other.saga("a")
    async with other.open(instruments=[notes]) as sec:
        await (await sec.saga_resume(dump)).start()
        await sec.saga_wait(dump.saga_id)
    assert notes.seen == ["began", "ended succeeded"]


# Attention


async def test_a_saga_that_is_stuck_needs_attention(world: World):
    """The reason is that of the log record, in one line; then it has ended."""
    notes = Short()
    world.does("b", raises(ValueError("no")))
    world.undoes("a", raises(Refused("the hotel\nis closed")))
    async with world.open(instruments=[notes]) as sec:
        await sec.saga_run(world.saga("a", "b", name="trip"))
    assert notes.seen[-2:] == ["stuck", "ended stuck"]
    ((name, what, why),) = notes.reasons
    assert (name, what) == ("trip", Attention.STUCK)
    assert why.startswith('node "a" was not undone, and the saga is stuck: ')
    assert "\n" not in why


async def test_a_saga_that_is_held_needs_attention(timed: TimedWorld):
    """Once nothing else can go on; before those who wait for it are told."""
    notes = Short()
    timed.does("a", raises(steno.Hold("look at it")))
    timed.does("b", takes(10))
    async with timed.open(instruments=[notes]) as sec:
        saga = await sec.saga_create(timed.saga(["a", "b"], "c"), start=True)
        await trio.sleep(5)
        assert notes.reasons == []
        with pytest.raises(steno.SagaHeldError) as held:
            await saga.wait()
    assert notes.reasons == [("test", Attention.HELD, str(held.value))]


async def test_a_saga_that_is_halted_needs_attention(world: World):
    """The reason is its problem. When it is recovered, it begins again."""
    notes = Short()
    async with world.open(instruments=[notes]) as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        world.store.script.extend([works, refuses(saga.saga_id, OSError("disk"))] * 2)
        await saga.start()
        with pytest.raises(steno.SagaHaltedError) as halted:
            await saga.wait()
        assert notes.reasons == [("test", Attention.HALTED, halted.value.problem)]
        world.store.script.clear()
        await saga.recover()
        (await saga.wait()).unwrap()
    assert notes.seen.count("began") == 2
    assert notes.seen[-1] == "ended succeeded"


async def test_sagas_that_cannot_be_loaded_need_attention(world: World):
    """Each of them, though the log has one record for all and a count."""
    notes = Short()
    world.does("a", hangs)
    async with world.doomed() as sec:
        for _ in range(3):
            await sec.saga_create(world.saga("a", name="trip"), start=True)
    world.registry = steno.ActionRegistry()
    async with world.open(instruments=[notes]):
        await wait_all_tasks_blocked()
    assert notes.seen == ["quarantined"] * 3
    assert {name for name, _, _ in notes.reasons} == {"trip"}
    assert all('not registered: "a"' in why for _, _, why in notes.reasons)


async def test_a_saga_that_cannot_be_read_has_no_name(world: World):
    """Its id is all that is known of it."""
    notes = Short()
    world.does("a", hangs)
    async with world.doomed() as sec:
        await sec.saga_create(world.saga("a"), start=True)

    async def fails(method: str) -> None:
        if method == "load":
            raise OSError("disk")

    world.store.reading = fails
    async with world.open(instruments=[notes]):
        await wait_all_tasks_blocked()
    ((name, what, why),) = notes.reasons
    assert (name, what) == (None, Attention.QUARANTINED)
    assert "disk" in why


# The context manager around a call

current: ContextVar[str] = ContextVar("current", default="nothing")


class Spans(Instrument):
    """Has a current span, as tracing libraries do."""

    def __init__(self) -> None:
        self.errors: list[BaseException | None] = []

    @contextmanager
    def around(self, call: Call) -> Generator[None]:
        token = current.set(shown(call))
        try:
            yield
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            current.reset(token)


async def test_an_action_sees_what_the_context_manager_sets(timed: TimedWorld):
    """So do the tasks that it starts, undo actions, and probes; and nobody else."""
    seen: list[str] = []

    async def look(_: object) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            nursery.start_soon(in_a_task)

    async def in_a_task() -> None:
        seen.append(current.get())

    async def fail(ctx: object) -> None:
        await look(ctx)
        raise Refused

    async def probe(ctx: object) -> object:
        await look(ctx)
        return steno.NOT_DONE

    timed.declare("b", probed=True)
    timed.does("a", look)
    timed.undoes("a", look)
    timed.does("b", fail)
    timed.probes("b", probe)
    async with timed.open(instruments=[Spans()]) as sec:
        await sec.saga_run(timed.saga("a", "b"))
        assert current.get() == "nothing"
    assert seen == ["a", "b", "?b", "~a"]


async def test_all_that_is_told_of_a_call_is_told_in_its_task(world: World):
    """So that an instrument can look at the task itself."""
    tasks: list[object] = []

    class Tasks(Instrument):
        def call_began(self, call: Call) -> None:
            tasks.append(trio.lowlevel.current_task())

        def call_ended(self, call: Call, error: BaseException | None) -> None:
            tasks.append(trio.lowlevel.current_task())

        @contextmanager
        def around(self, call: Call) -> Generator[None]:
            tasks.append(trio.lowlevel.current_task())
            yield
            tasks.append(trio.lowlevel.current_task())

    async def act(_: object) -> None:
        tasks.append(trio.lowlevel.current_task())

    world.does("a", act)
    async with world.open(instruments=[Tasks()]) as sec:
        await sec.saga_run(world.saga("a"))
    assert len(tasks) == 5
    assert len(set(tasks)) == 1


async def test_the_first_instrument_is_the_outermost(world: World):
    """The others are told after it, and their context managers are inside its own."""
    seen: list[str] = []
    async with world.open(instruments=[Notes(seen, "1 "), Notes(seen, "2 ")]) as sec:
        await sec.saga_run(world.saga("a"))
    call = ["1 > a", "2 > a", "1 ( a", "2 ( a", "2 ) a", "1 ) a", "1 < a", "2 < a"]
    assert seen[2:-2] == call


async def test_the_context_manager_sees_what_the_call_raises(world: World):
    """The very exception, which is then told as the end of the call."""
    error, spans, notes = Refused(), Spans(), Short()
    world.does("a", raises(error))
    async with world.open(instruments=[spans, notes]) as sec:
        await sec.saga_run(world.saga("a"))
    assert spans.errors == [error]
    assert notes.ended[0][1] is error


async def test_what_a_context_manager_swallows_is_raised_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
):
    """A failure stays a failure, and the instrument is not dropped for it."""

    class Swallows(Instrument):
        def around(self, call: Call) -> AbstractContextManager[object]:
            return suppress(BaseException)

    world.does("b", raises(Refused("no")))
    async with world.open(instruments=[Swallows()]) as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    assert result.error_node_name == "b"
    assert world.calls == ["a", "b", "~a"]
    assert faults(caplog) == []


async def test_a_cancellation_passes_through(world: World):
    """It is told, cannot be swallowed, and the call is made again at the next open."""
    notes = Short()

    class Swallows(Instrument):
        def around(self, call: Call) -> AbstractContextManager[object]:
            return suppress(BaseException)

    world.does("a", each_time(hangs, nothing))
    async with world.doomed(instruments=[notes, Swallows()]) as sec:
        saga = await sec.saga_create(world.saga("a"), start=True)
        await wait_all_tasks_blocked()
    assert notes.seen == ["began", "> a", "< a: Cancelled"]
    assert world.store.log(saga.saga_id).endswith("0+")
    (await world.finish(saga.saga_id)).unwrap()


# Instruments that raise


def broken(method: str, error: BaseException) -> Notes:
    """Return an instrument of which one method raises, once it has noted that it was called."""
    notes = Notes()
    noting = getattr(notes, method)

    def fail(*args: object) -> None:
        with suppress(AttributeError):  # the notes of `around` are made when it is entered
            noting(*args).__enter__()
        raise error

    setattr(notes, method, fail)
    return notes


def stuck(world: World) -> steno.SagaDag:
    """Return a saga for which every method is called."""
    world.does("b", raises(Refused("no")))
    world.undoes("a", raises(Refused("no")))
    return world.saga("a", "b")


async def test_every_method_is_called_for_a_saga_that_gets_stuck(world: World):
    """So the next tests call all of them."""
    notes = Notes()
    async with world.open(instruments=[notes]) as sec:
        await sec.saga_run(stuck(world))
    marks = {note.split()[0] for note in notes.seen}
    assert marks == {"began", ">", "(", ")", "<", "stuck", "ended"}


@pytest.mark.parametrize("method", METHODS)
async def test_an_instrument_that_raises_is_dropped(
    world: World, caplog: pytest.LogCaptureFixture, method: str
):
    """It is logged once, with its traceback; nothing else changes, and the others go on."""
    plain = World()
    async with plain.open() as sec:
        expected = await sec.saga_run(stuck(plain))
    fault, others, whole = broken(method, Broken("oops")), [Notes(), Notes()], Notes()
    async with world.open(instruments=[whole]) as sec:
        await sec.saga_run(stuck(world))
    world.trace.clear()
    async with world.open(instruments=[others[0], fault, others[1]]) as sec:
        result = await sec.saga_run(stuck(world))
        assert str(result.error_source) == str(expected.error_source)
        assert world.trace == plain.trace
        count = len(fault.seen)
        await sec.saga_run(world.saga("c"))
        assert len(fault.seen) == count
    assert fault.seen == whole.seen[:count]
    for other in others:
        assert other.seen[: len(whole.seen)] == whole.seen
        assert other.seen[-1] == "ended succeeded"
    (record,) = faults(caplog)
    assert record.levelno == logging.ERROR
    assert (record.saga_id, record.saga_name) == (str(result.saga_id), "test")
    assert "the instrument Notes raised, and is told no more" in record.getMessage()
    assert isinstance(record.exc_info[1], Broken)


class Manager:
    """A context manager that may raise."""

    def __init__(self, enter: BaseException | None, leave: BaseException | None) -> None:
        self.enter, self.leave = enter, leave

    def __enter__(self) -> None:
        if self.enter is not None:
            raise self.enter

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self.leave is not None:
            raise self.leave from error


class Around(Instrument):
    """An instrument that makes its context managers as a test says."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make, self.made = make, 0

    def around(self, call: Call) -> AbstractContextManager[object]:
        self.made += 1
        return self.make()


@contextmanager
def twice() -> Generator[None]:
    yield
    yield


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Manager(Broken("in"), None), "in"),
        (lambda: Manager(None, Broken("out")), "out"),
        (lambda: Manager(None, BaseExceptionGroup("g", [ValueError()])), "g"),
        (lambda: None, "__enter__"),
        (twice, "generator didn't stop"),
    ],
    ids=["entering", "leaving", "group", "nothing", "generator"],
)
@pytest.mark.parametrize("fails", [False, True])
async def test_a_context_manager_that_raises_changes_nothing(
    world: World,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[], object],
    why: str,
    *,
    fails: bool,
):
    """The outcome is that of the call, whether that returned or raised."""
    instrument, notes = Around(make), Short()
    if fails:
        world.does("a", raises(Refused("no")))
    async with world.open(instruments=[instrument, notes]) as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    assert instrument.made == 1
    assert notes.seen[1:3] == ["> a", "< a: Refused" if fails else "< a"]
    if fails:
        assert result.error_source.error_type.endswith("Refused")
    else:
        assert result.unwrap().lookup_node_output("a") == "a!"
    if make is twice and fails:  # it does not even get to its second `yield`
        assert faults(caplog) == []
        return
    (record,) = faults(caplog)
    assert why in str(record.exc_info[1])


async def test_a_context_manager_may_raise_what_it_was_given(
    world: World, caplog: pytest.LogCaptureFixture
):
    """As some do instead of returning False; the instrument stays."""
    instrument = Around(lambda: Manager(None, error))
    error = Refused("no")
    world.does("a", raises(error))
    async with world.open(instruments=[instrument]) as sec:
        await sec.saga_run(world.saga("a"))
        await sec.saga_run(world.saga("a"))
    assert instrument.made == 2
    assert faults(caplog) == []


async def test_a_dropped_instrument_leaves_what_it_has_entered(
    world: World, caplog: pytest.LogCaptureFixture
):
    """A span that was begun is ended, and another fault is not logged again."""
    notes = Notes()
    notes.saga_ended = raising
    world.does("slow", takes(5))
    async with world.open(instruments=[notes]) as sec:
        saga = await sec.saga_create(world.saga("slow"), start=True)
        await wait_all_tasks_blocked()
        await sec.saga_run(world.saga("a"))
        (await saga.wait()).unwrap()
    assert notes.seen[-2:] == ["< a", ") slow"]
    assert len(faults(caplog)) == 1


def raising(*_: object) -> None:
    raise Broken


async def test_two_faults_of_one_instrument_are_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
):
    """Two calls are under way when the first of them ends, and both are left badly."""
    world.does("a", takes(1))
    world.does("b", takes(2))
    instrument = Around(lambda: Manager(None, Broken()))
    async with world.open(instruments=[instrument]) as sec:
        (await sec.saga_run(world.saga(["a", "b"], "c"))).unwrap()
    assert instrument.made == 2
    assert len(faults(caplog)) == 1


@pytest.mark.parametrize("method", METHODS)
async def test_an_interrupt_comes_out(world: World, method: str):
    """What ends the process is not a fault of the instrument; what was entered is left."""
    first = Notes()
    with pytest.raises(KeyboardInterrupt):
        async with world.open(instruments=[first, broken(method, KeyboardInterrupt())]) as sec:
            await sec.saga_run(stuck(world))
    assert sum(note[0] == "(" for note in first.seen) == sum(note[0] == ")" for note in first.seen)


# What open_sec takes


class Async(Instrument):
    async def call_began(self, call: Call) -> None:
        await trio.sleep(1)


@pytest.mark.parametrize(
    ("instruments", "why"),
    [
        (None, "must be a sequence of steno.abc.Instrument objects, got None"),
        (Instrument(), "must be a sequence of steno.abc.Instrument objects, got <steno.abc"),
        ([Instrument(), print], "objects, got <built-in function print> in it"),
        ([Instrument], "got <class 'steno.abc.Instrument'> in it"),
        ("notes", "got 'n' in it"),
        ([Async()], "Async.call_began must not be async"),
    ],
    ids=["none", "one", "function", "class", "text", "async"],
)
def test_what_is_not_instruments(world: World, instruments: object, why: str):
    """It is refused when the SEC is opened, and not when something is first told."""
    with pytest.raises(TypeError) as refused:
        steno.open_sec(world.store, world.registry, context=world, instruments=instruments)
    assert str(refused.value).startswith("open_sec: ")
    assert why in str(refused.value)


@pytest.mark.parametrize("instruments", [[], (), [Instrument()]])
async def test_no_instruments(world: World, instruments: Sequence[Instrument]):
    """Nobody has to be told anything."""
    async with world.open(instruments=instruments) as sec:
        (await sec.saga_run(world.saga("a"))).unwrap()


async def test_two_secs_may_share_an_instrument(world: World, caplog: pytest.LogCaptureFixture):
    """Dropped by one, it is told by the other."""
    notes, other = Short(), World()
    async with world.open(instruments=[notes]) as one, other.open(instruments=[notes]) as two:
        notes.saga_ended = raising
        await one.saga_run(world.saga("a"))
        del notes.saga_ended
        await two.saga_run(other.saga("b"))
    assert notes.seen[-1] == "ended succeeded"
    assert len(faults(caplog)) == 1
