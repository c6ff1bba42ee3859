"""
Real processes that give orders, killed at any moment, and what is left of the orders.

`STENO_KILLS` says how often the test kills, `STENO_KILLS_SEED` at which moments.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from steno import SagaId, SqliteSecStore
from steno.core import Ordered, SagaNodeEvent, SagaState, Verb, WaitNode, verify_log
from steno.store import StoredSaga
from support.aftermath import Look, check_file, look
from support.killable_orders import (
    ACTIONS,
    CALLS,
    ERRORS,
    ORDERS,
    STORE,
    Answer,
    Given,
    OrderLife,
    given,
    trip,
)
from support.killing import PATIENCE, lived, some_moment
from support.lines import read_lines

PROGRAM = Path(__file__).with_name("orders_program.py")

ON_TIME = "its deadline has passed"
"""Why a saga is unwound at its deadline, which nobody orders."""

KILLS = int(os.environ.get("STENO_KILLS", "6"))
SEED = os.environ.get("STENO_KILLS_SEED", "1")

FOLLOWS = {Verb.FAIL: {"failed"}, Verb.COMPLETE: {"succeeded", "undo_finished"}}
"""The event that stands behind an order of these verbs, in the same transaction."""


async def test_killed_while_orders_are_given_each_is_there_whole_or_not_at_all(tmp_path: Path):
    """One that was acknowledged is durable, and one that was refused has left nothing."""
    rng, looks = random.Random(SEED), [look(tmp_path)]
    for number in range(KILLS + 1):
        last = number == KILLS
        life = OrderLife(str(tmp_path), number, repairs=last)
        code = lived(
            PROGRAM,
            life.to_json(),
            life.path(ERRORS),
            None if last else some_moment(rng, 0, 0.7),
            patience=PATIENCE + 5 * KILLS,  # all sagas are brought to their ends in the last life
        )
        assert code == (0 if last else -signal.SIGKILL)
        looks.append(look(tmp_path))
    check_file(tmp_path)
    orders, stored = given(tmp_path / ORDERS), {}
    async with SqliteSecStore(tmp_path / STORE).open_reader() as reader:
        for saga_id in looks[-1].sizes:
            stored[saga_id] = await reader.load(saga_id)
    places = {
        (str(saga_id), event.event_type.why): (index, event)
        for saga_id, saga in stored.items()
        for index, event in enumerate(saga.events)
        if isinstance(event.event_type, Ordered) and event.event_type.why != ON_TIME
    }
    for order in orders.values():
        check_order(order, places.pop((order.saga, order.why), None), looks, stored)
    assert not places  # nothing was ordered that nobody gave, and nothing twice
    for saga_id, saga in stored.items():
        check_saga(saga_id, saga, [seen.sizes.get(saga_id, 0) for seen in looks])
    check_calls(tmp_path, stored)
    report(orders, stored)


def check_order(
    order: Given,
    place: tuple[int, SagaNodeEvent] | None,
    looks: list[Look],
    stored: dict[SagaId, StoredSaga],
) -> None:
    """Hold what the log says of an order against what its giver was told."""
    if place is None:
        if order.answer is Answer.ACKNOWLEDGED:
            assert says_the_same(order, looks, stored[SagaId(UUID(order.saga))])
        return
    index, event = place
    assert order.answer is not Answer.REFUSED
    assert event.event_type.verb.value == order.verb
    assert event.node_id == (None if order.node is None else trip().get_index(order.node))
    assert order.expect in {None, index}
    before, behind = (
        seen.sizes.get(SagaId(UUID(order.saga)), 0) for seen in looks[order.life :][:2]
    )
    assert before <= index < behind  # durable before its life has ended


def says_the_same(order: Given, looks: list[Look], saga: StoredSaga) -> bool:
    """Say whether a log need not have an order, as it was in effect without an event of its own."""
    before = saga.events[: looks[order.life + 1].sizes[saga.summary.saga_id]]
    match order.verb:
        case "start":  # its step has begun a node
            return any(event.node_id is not None for event in before)
        case "signal":  # the same was sent before
            sent = [event.event_type for event in before if isinstance(event.event_type, Ordered)]
            return any(each.verb is Verb.SIGNAL for each in sent)
        case _:
            return False


def check_saga(saga_id: SagaId, saga: StoredSaga, sizes: list[int]) -> None:
    """Check that a log is legal, finished, and was whole whenever a life had ended."""
    dag, end = trip(), saga.summary.state
    assert end.value in {"succeeded", "failed", "abandoned"}
    assert verify_log(dag, saga.events, saga_id=saga_id, finished=end) is None
    for size in {*sizes, len(saga.events)}:
        state = SagaState.fold(dag.flat, saga_id, saga.events[:size])
        if state.unwinding and state.outcome is None:  # what waits has ended in the same step
            waits = [n for n in state.in_flight if isinstance(dag.flat.nodes[n], WaitNode)]
            assert waits == []
        check_deadlines(saga.events[:size])
        for index, event in enumerate(saga.events[:size]):
            check_followed(event, saga.events[index + 1 : size], is_last=size == len(saga.events))


def check_followed(event: SagaNodeEvent, later: Sequence[SagaNodeEvent], *, is_last: bool) -> None:
    """Check that what an order has said of a node follows at once, or once its call has ended."""
    order = event.event_type
    if not isinstance(order, Ordered) or order.verb not in FOLLOWS:
        return
    if order.cancel:  # its call is cancelled, and ends first
        own = [each for each in later if each.node_id == event.node_id]
        ends = [each for each in own if not isinstance(each.event_type, Ordered)][:1]
        assert ends or not is_last or any(_abandons(each) for each in later)
    else:
        ends = later[:1]
        assert [each.node_id for each in ends] == [event.node_id]
    assert all(each.event_type.label in FOLLOWS[order.verb] for each in ends)


def _abandons(event: SagaNodeEvent) -> bool:
    return getattr(event.event_type, "verb", None) is Verb.ABANDON


def check_deadlines(events: tuple[SagaNodeEvent, ...]) -> None:
    """Check that what is unwound at its deadline had one, and that it had passed."""
    at = None
    for event in events:
        match event.event_type:
            case Ordered(verb=Verb.DEADLINE, at=at):
                pass
            case Ordered(verb=Verb.UNWIND, why=why) if why == ON_TIME:
                assert at is not None
                assert at <= event.time


def check_calls(folder: Path, stored: dict[SagaId, StoredSaga]) -> None:
    """Check that each attempt that was made was durable before it was made."""
    made = {
        (line["saga"], line["node"], line["undoing"], line["attempt"])
        for line in read_lines(folder / CALLS)
    }
    dag, begun = trip(), Counter[tuple[str, str, bool]]()
    names = {dag.get_index(node): node for node in ACTIONS}
    for saga_id, saga in stored.items():
        for event in saga.events:
            if event.node_id in names and event.event_type.label.endswith("started"):
                undoing = event.event_type.label == "undo_started"
                begun[str(saga_id), names[event.node_id], undoing] += 1
    for saga, node, undoing, attempt in made:
        assert 1 <= attempt <= begun[saga, node, undoing]


def report(orders: dict[str, Given], stored: dict[SagaId, StoredSaga]) -> None:
    """Say how much was tried, and check that it was something."""
    answers = Counter(
        (order.verb, "unknown" if order.answer is None else order.answer.value)
        for order in orders.values()
    )
    ends = Counter(saga.summary.state.value for saga in stored.values())
    events = sum(len(saga.events) for saga in stored.values())
    print(f"{KILLS} kills, {len(stored)} sagas, {dict(ends)}, {events} events, {dict(answers)}")  # noqa: T201 - with -s
    for verb in set(Verb) - {Verb.IMPORT}:
        assert answers[verb.value, "acknowledged"]
        assert answers[verb.value, "refused"]
    assert ends["succeeded"]
    assert ends["failed"]
    assert ends["abandoned"]
