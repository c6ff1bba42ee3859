"""
Orders on sagas in the whole runtime: random sagas × failures × orders × crashes × take-overs.

Whole SECs run in virtual time, in memory and on SQLite. They are lost at a commit or a step, left
normally, drained, or taken over by another that is opened beside them. What is allowed is decided
by `support.steered`, which shares nothing with the library but the events.

STENO_EXAMPLES is how many examples a test of weight 1 is given, instead of as many as the profile
of `conftest.py` says.
"""

import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import attrs
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from steno import (
    Abandoned,
    InMemorySecStore,
    SagaId,
    SagaResult,
    SagaResultErr,
    SagaResultOk,
    SqliteSecStore,
    Unwound,
)
from steno.core import Ordered, Verb
from steno.testing.schedule import run_seeded
from support.crash import Crash, Where
from support.flaky_world import Leave
from support.steered import Staged, first_wrong
from support.steered_world import Given, Rows, SteeredTrial, SteeredWorld, TakenOver

EXAMPLES = int(os.environ.get("STENO_EXAMPLES", settings().max_examples))
SEEDS = st.integers(0, 2**32)
ON_TIME = "its deadline has passed"


def cases(factor: float):
    """Return how hard to search."""
    return settings(max_examples=max(1, round(EXAMPLES * factor)))


@attrs.frozen
class InMemory(Rows):
    """A store that is a dict."""

    _stores: list[InMemorySecStore] = attrs.field(factory=list)

    def store(self, clock: Callable) -> InMemorySecStore:
        self._stores.append(InMemorySecStore(clock=clock))
        return self._stores[0]

    def state(self, saga_id: SagaId) -> str:
        return self._stores[0].load(saga_id).summary.state.value


@attrs.frozen
class OnDisk(Rows):
    """A store that is a file."""

    path: Path

    def store(self, clock: Callable) -> SqliteSecStore:
        return SqliteSecStore(self.path, inline=True, clock=clock)

    def state(self, saga_id: SagaId) -> str:
        with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)) as db:
            query = "SELECT state FROM saga WHERE saga_id = ?"
            ((state,),) = db.execute(query, (saga_id.bytes,)).fetchall()
            return state


# What is drawn is a seed: most of the cases in which much meets are too large for Hypothesis.


def some_graph(rng: Random) -> Staged:
    """Return a saga of a few stages, of which some nodes wait for a signal."""
    signals = [None, None, None, "go", "stop"]
    stages = [[rng.choice(signals) for _ in range(rng.choice([1, 1, 2, 3]))]]
    stages += [
        [rng.choice(signals) for _ in range(rng.randint(1, 2))] for _ in range(rng.randint(0, 2))
    ]
    stages.append([None])
    return Staged(tuple(map(tuple, stages)))


def some_ending(rng: Random, *, take_overs: bool) -> Crash | Leave | TakenOver:
    match rng.randrange(4 if take_overs else 3):
        case 0:
            return Crash(rng.choice([Where.BEFORE, Where.DURING, Where.AFTER]), rng.randrange(10))
        case 1:
            return Crash(Where.STEP, rng.randrange(400))
        case 2:
            return Leave(rng.choice([0.25, 1, 4]), rng.random() < 0.5)
        case _:
            return TakenOver(rng.choice([0.25, 1, 2, 4]), rng.choice([0.5, 3, 20]))


def some_trial(seed: int, *, take_overs: bool = True, most_sagas: int = 2) -> SteeredTrial:
    rng = Random(seed)
    graphs = tuple(some_graph(rng) for _ in range(rng.randint(1, most_sagas)))
    nodes = [(saga, node) for saga, each in enumerate(graphs) for node in range(each.start)]
    failing = {(*n, undoing) for n in nodes for undoing in (False, True) if rng.random() < 0.07}
    return SteeredTrial(
        graphs,
        frozenset(failing),
        tuple(some_ending(rng, take_overs=take_overs) for _ in range(rng.randint(0, 4))),
        orders=rng.randrange(2**32),
        script=rng.randbytes(rng.randint(0, 20)),
        hiccups=frozenset(rng.sample(range(30), rng.randint(0, 2))),
    )


def ended(trial: SteeredTrial, rows: Rows, seed: int) -> SteeredWorld:
    """Run sagas to their ends, and have the oracle judge them."""
    world = SteeredWorld(trial, rows)
    run_seeded(world.live, seed=seed, patience=10**7)
    assert not world.wrong, "\n".join(world.wrong)
    for saga_id, graph in world.graphs.items():
        log = world.logs[saga_id]
        assert first_wrong(graph, log) is None
        for size, state, _ in world.commits[saga_id]:
            assert world.history(saga_id, size).state == state
        check_orders(world, saga_id)
        check_deadlines(world, saga_id)
    check_calls(world)
    for result in world.results:
        check_result(world, result)
    return world


def check_orders(world: SteeredWorld, saga_id: SagaId) -> None:
    """Check that each order is in the log if and only if it was accepted, and once."""
    places: dict[str, int] = {}
    for place, event in enumerate(world.logs[saga_id]):
        if isinstance(event.event_type, Ordered) and event.event_type.why != ON_TIME:
            assert event.event_type.why not in places
            places[event.event_type.why] = place
    for given_ in world.given:
        if given_.saga == saga_id:
            place = places.pop(given_.why, None)
            if given_.answer is False:
                assert place is None
                assert not always_allowed(world, given_), given_
            elif given_.answer is True and place is None:
                assert says_nothing_new(world, given_), given_
            elif place is not None:
                assert given_.asked <= place
                assert given_.answer is None or place < given_.answered
    assert not places


def always_allowed(world: SteeredWorld, order: Given) -> bool:
    """
    Say whether an order applied all the time from when it was given until it was refused.

    What it was refused for may have become durable later, or never, if its life was lost before it
    wrote anything more of the saga. A life that does not know yet that another one has taken the
    saga over goes by what it knows: it cannot write, but it can refuse.
    """
    commits = world.commits[order.saga]
    later = [size for size, _, life in commits if life == order.life and size > order.answered]
    lost = order.life < len(world.trial.endings) and not later
    stale = any(life > order.life and size <= order.answered for size, _, life in commits)
    sizes = range(order.asked, min(later, default=order.answered) + 1)
    return not (lost or stale) and all(
        world.history(order.saga, size).allows(order.order) for size in sizes
    )


def says_nothing_new(world: SteeredWorld, order: Given) -> bool:
    """Say whether what was ordered was so already, or has begun a node instead of an event."""
    before = world.history(order.saga, order.answered)
    match order.order.what:
        case "start":
            return before.begun
        case "signal":
            return any(
                (each.what, each.signal, each.value)
                == ("signal", order.order.signal, order.order.value)
                for each in before.log
            )
    return False


def check_deadlines(world: SteeredWorld, saga_id: SagaId) -> None:
    """Check that what is unwound at its deadline has one, which has passed, and goes on."""
    at = None
    for place, event in enumerate(world.logs[saga_id]):
        match event.event_type:
            case Ordered(verb=Verb.DEADLINE, at=at):
                pass
            case Ordered(verb=Verb.UNWIND, why=why) if why == ON_TIME:
                assert at is not None
                assert at <= event.time
                assert world.history(saga_id, place).state == "running"


def check_calls(world: SteeredWorld) -> None:
    """Check that a call is made once its start is durable, and not once its end was."""
    for call in world.calls:
        assert ("-" if call.undoing else "+") in world.history(call.saga, call.durable).own(
            call.node
        )
        before = world.history(call.saga, call.known)
        assert before.last("abandon") < 0
        assert before.own(call.node) in ({"", "+", "+✓", "+✓-"} if call.undoing else {"", "+"})


def check_result(world: SteeredWorld, result: SagaResult) -> None:
    """Check that a waiter was told the end that the log had then, and why."""
    size = len(result.saga_log.events)
    assert list(result.saga_log.events) == world.logs[result.saga_id][:size]
    history = world.history(result.saga_id, size)
    match result:
        case SagaResultOk():
            assert history.end == "succeeded"
        case SagaResultErr(undo_failure=undo, error_source=error):
            assert (undo is not None) == history.any_node("!")
            assert (history.end == "abandoned") == isinstance(error, Abandoned)
            if history.end != "abandoned":
                assert history.end == ("failed" if undo is None else "stuck")
                began = next(each.what for each in history.log if each.what in {"✗", "unwind"})
                assert (began == "unwind") == isinstance(error, Unwound)


@cases(3)
@given(SEEDS)
def test_line_16_orders_in_memory(seed: int):
    """Each is durable before it has an effect, or is refused and changes nothing, in any life."""
    ended(some_trial(seed), InMemory(), seed)


@cases(0.5)
@given(SEEDS)
def test_line_16_orders_on_sqlite(seed: int):
    """The same on a file, which only one SEC has open at a time."""
    with tempfile.TemporaryDirectory() as folder:
        rows = OnDisk(Path(folder, "sagas.db"))
        world = ended(some_trial(seed, take_overs=False), rows, seed)
        stored = {saga_id: trio.run(load, world, saga_id) for saga_id in world.graphs}
    assert stored == {saga_id: tuple(log) for saga_id, log in world.logs.items()}


async def load(world: SteeredWorld, saga_id: SagaId) -> tuple:
    async with world.store.open_reader() as reader:
        return (await reader.load(saga_id)).events


def test_much_is_tried():
    """Every order is accepted and refused, every state is reached, and take-overs halt sagas."""
    answers, states = Counter[tuple[str, object]](), Counter[str]()
    for seed in range(60):
        world = ended(some_trial(seed), InMemory(), seed)
        answers.update((each.order.what, each.answer) for each in world.given)
        states.update(state for found in world.commits.values() for _, state, _ in found)
        states.update(world.history(saga_id).state for saga_id in world.graphs)
    verbs = {each.value for each in Verb} & {what for what, _ in answers}
    assert len(verbs) == 7
    assert {(verb, told) for verb in verbs for told in (True, False)} <= {*answers}
    assert len(states) == 8
