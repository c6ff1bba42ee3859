"""The rules of writing: what becomes of each write, and that nothing is ever written over."""

from collections.abc import Sequence
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno import NoSuchSaga, SagaCachedState, SagaIdInUse, StoreError
from steno.core import (
    Attention,
    Concern,
    JsonText,
    SagaId,
    SagaName,
    SagaNodeEvent,
    SagaNodeId,
    Started,
    Succeeded,
)
from steno.store import (
    Append,
    Change,
    Create,
    Durable,
    Fence,
    Lost,
    Mark,
    Note,
    Rejected,
    SagaCreateParams,
    SagaProblem,
    SagaRecord,
    SagaTrial,
    SagaWrite,
    WriteOutcome,
    judge,
)

ONE = SagaId(UUID(int=1))
MINE, OTHER, OLDER = Fence("me", 2), Fence("you", 5), Fence("me", 1)
READY, RUNNING = SagaCachedState.READY, SagaCachedState.RUNNING
ABANDONED, GOT_STUCK = SagaCachedState.ABANDONED, SagaCachedState.STUCK
HELD, STUCK = Concern(Attention.HELD, "a", "Full"), Concern(Attention.STUCK, "a")
HALTED, QUARANTINED = Concern(Attention.HALTED), Concern(Attention.QUARANTINED, "a")


def event(number: int) -> SagaNodeEvent:
    """Return an event that tells its number."""
    kind = Succeeded(JsonText(str(number))) if number % 2 else Started()
    return SagaNodeEvent(ONE, SagaNodeId(number), kind)


def log(*numbers: int) -> tuple[SagaNodeEvent, ...]:
    return tuple(map(event, numbers))


def create(**changes: object) -> SagaCreateParams:
    made = SagaCreateParams(ONE, SagaName("n"), "digest", JsonText("text"), JsonText("1"), MINE)
    return attrs.evolve(made, **changes)


@attrs.define
class Row:
    """A stored saga, as a store may have it."""

    saga: SagaCreateParams = attrs.field(factory=create)
    fence: Fence = MINE
    state: SagaCachedState | None = RUNNING
    log: tuple[SagaNodeEvent, ...] = ()
    concern: Concern | None = None

    @property
    def size(self) -> int:
        return len(self.log)

    def events_from(self, first_seq: int) -> Sequence[SagaNodeEvent]:
        return self.log[first_seq:]

    def is_of(self, saga: SagaCreateParams) -> bool:
        names = ("saga_name", "dag_digest", "params")
        return all(getattr(self.saga, name) == getattr(saga, name) for name in names)


def record(
    first: int,
    *numbers: int,
    state: SagaCachedState = RUNNING,
    concern: Concern | None = None,
) -> SagaRecord:
    return SagaRecord(ONE, MINE, first, log(*numbers), state, concern)


def concerned(concern: Concern) -> Row:
    return attrs.evolve(ROW, concern=concern)


ROW = Row(log=log(0, 1, 2))
CLEARED = Append(3, (), ABANDONED, True, None, True)


@pytest.mark.parametrize(
    ("row", "write", "outcome", "change"),
    [
        (None, create(), Durable(), Create(create())),
        (None, record(0, 0), Rejected, None),
        (None, SagaProblem(ONE, MINE, "why"), Rejected, None),
        (ROW, SagaProblem(ONE, MINE, "why"), Durable(), Note("why")),
        (ROW, SagaProblem(ONE, MINE, None), Durable(), Note(None)),
        (ROW, SagaProblem(ONE, OTHER, "why"), Lost("me"), None),
        (None, SagaTrial(ONE, MINE, passed=False), Rejected, None),
        (ROW, SagaTrial(ONE, MINE, passed=False), Durable(), Mark(passed=False)),
        (ROW, SagaTrial(ONE, MINE, passed=True), Durable(), Mark(passed=True)),
        (ROW, SagaTrial(ONE, OLDER, passed=False), Lost("me"), None),
        (ROW, SagaTrial(ONE, OTHER, passed=True), Lost("me"), None),
        (ROW, record(3, 3, 4), Durable(), Append(3, log(3, 4), None)),
        (ROW, record(3, 3, state=READY), Durable(), Append(3, log(3), READY)),
        (ROW, record(3, state=READY), Durable(), Append(3, (), READY)),
        (ROW, record(3), Durable(), None),
        (ROW, record(1, 1, 2), Durable(), None),
        (ROW, record(0, 0, 1, 2, 3), Durable(), Append(3, log(3), None)),
        (ROW, record(1, 1, 2, state=READY), Durable(), Append(3, (), READY)),
        (ROW, record(4, 4), Rejected, None),
        (ROW, record(1, 1), Rejected, None),
        (ROW, record(2, 7), Rejected, None),
        (ROW, record(2), Rejected, None),
        (ROW, record(-1, 0), Rejected, None),
        (ROW, attrs.evolve(record(3, 3), fence=OLDER), Lost("me"), None),
        (ROW, attrs.evolve(record(9, 9), fence=OTHER), Lost("me"), None),
        (Row(fence=OTHER), record(0, 0), Lost("you"), None),
        (Row(state=None), record(0, 0), Durable(), Append(0, log(0), RUNNING)),
        (Row(state=READY), create(), Durable(), None),
        (Row(state=READY), create(tags={"order": "4711"}), Durable(), None),
        (Row(create(tags={"order": "1"}), state=READY), create(tags={}), Durable(), None),
        (Row(state=READY), create(params=JsonText("2")), Rejected, None),
        (Row(state=READY), create(saga_name=SagaName("m")), Rejected, None),
        (Row(state=READY), create(dag_digest="another"), Rejected, None),
        (Row(state=READY), create(fence=OTHER), Rejected, None),
        (Row(state=READY), create(events=log(0)), Rejected, None),
        (Row(state=READY, log=log(0)), create(events=log(0)), Durable(), None),
        (Row(state=READY, log=log(0)), create(events=log(1)), Rejected, None),
        (Row(state=READY, log=log(0)), create(), Rejected, None),
        (Row(), create(), Rejected, None),
        (Row(), create(state=RUNNING), Durable(), None),
        (Row(state=READY), create(concern=HELD), Durable(), None),
        (Row(state=READY, concern=HALTED), create(), Durable(), None),
        (ROW, record(3, 3, concern=HELD), Durable(), Append(3, log(3), None, True, HELD)),
        (ROW, record(3, concern=HELD), Durable(), Append(3, (), None, True, HELD)),
        (ROW, record(1, 1, 2, concern=HELD), Durable(), Append(3, (), None, True, HELD)),
        (ROW, record(4, 4, concern=HELD), Rejected, None),
        (concerned(HELD), record(3, concern=attrs.evolve(HELD)), Durable(), None),
        (concerned(HELD), record(3, 3, concern=HELD), Durable(), Append(3, log(3), None)),
        (concerned(HELD), record(3, concern=STUCK), Durable(), Append(3, (), None, True, STUCK)),
        (concerned(HELD), record(3), Durable(), Append(3, (), None, True, None)),
        (concerned(STUCK), record(3, state=READY), Durable(), Append(3, (), READY, True, None)),
        (concerned(HALTED), record(3), Durable(), None),
        (concerned(HALTED), record(3, 3, concern=HELD), Durable(), Append(3, log(3), None)),
        (concerned(QUARANTINED), record(3, concern=STUCK), Durable(), None),
        (concerned(HALTED), record(3, state=GOT_STUCK), Durable(), Append(3, (), GOT_STUCK)),
        (concerned(HALTED), record(3, state=ABANDONED), Durable(), CLEARED),
        (concerned(HALTED), SagaProblem(ONE, MINE, None, HELD), Durable(), Note(None, HELD)),
        (concerned(HELD), SagaProblem(ONE, MINE, "no", HALTED), Durable(), Note("no", HALTED)),
        (
            concerned(HELD),
            SagaProblem(ONE, MINE, "gone", abandons=True),
            Durable(),
            Note("gone", None, abandons=True),
        ),
        (concerned(HELD), SagaProblem(ONE, OTHER, "no", HALTED), Lost("me"), None),
    ],
)
def test_each_write_has_its_outcome(
    row: Row | None, write: SagaWrite, outcome: WriteOutcome | type, change: Change | None
):
    """A line for each way in which a row and a write can stand to each other."""
    before = None if row is None else attrs.evolve(row)
    found, what = judge(row, write)
    assert isinstance(found, outcome) if isinstance(outcome, type) else found == outcome
    assert what == change
    assert row == before


def test_what_is_rejected_says_why():
    """The id is in use, there is no such saga, or the numbers do not follow."""
    wanted = {
        SagaIdInUse: judge(Row(), create()),
        NoSuchSaga: judge(None, record(0, 0)),
        StoreError: judge(ROW, record(4, 4)),
    }
    for kind, (outcome, _) in wanted.items():
        assert isinstance(outcome, Rejected)
        assert type(outcome.error) is kind
    assert "events from number 4 do not follow the 3 that are stored" in str(outcome.error)


NUMBERS = st.integers(0, 6)
WRITES = st.one_of(
    st.builds(
        SagaRecord,
        st.just(ONE),
        st.sampled_from([MINE, MINE, MINE, OTHER]),
        NUMBERS,
        st.lists(NUMBERS, max_size=4).map(lambda numbers: log(*numbers)),
        st.sampled_from(SagaCachedState),
    ),
    st.builds(
        # Mostly such as may follow: the numbers that come next, or came before.
        lambda first, count, state, concern: record(
            first, *range(first, first + count), state=state, concern=concern
        ),
        NUMBERS,
        NUMBERS,
        st.sampled_from(SagaCachedState),
        st.sampled_from([None, HELD, STUCK]),
    ),
)


@given(st.lists(WRITES, max_size=20))
def test_nothing_that_is_stored_is_ever_written_over(writes: list[SagaRecord]):
    """Whatever is written: a durable record is in the log from then on, at its place."""
    row, durable = Row(), list[SagaRecord]()
    for write in writes:
        before = row.log
        outcome, change = judge(row, write)
        if isinstance(change, Append):
            assert change.first_seq == row.size
            row.log += change.events
            row.state = row.state if change.state is None else change.state
            row.concern = change.concern if change.sets_concern else row.concern
        assert row.log[: len(before)] == before
        if outcome == Durable():
            durable.append(write)
            assert write.fence == row.fence
            assert row.state is write.state
            assert row.concern == write.concern
        else:
            assert change is None
            assert isinstance(outcome, Lost) == (write.fence != row.fence)
        for each in durable:
            end = each.first_seq + len(each.events)
            assert row.log[each.first_seq : end] == each.events
        assert judge(row, write)[1] is None or outcome != Durable()


class Unequal(Concern):
    """A concern that must not be compared."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = None


def test_where_nobody_has_to_look_no_concerns_are_compared():
    """Of one that is the very same as before, neither: each step of a saga is judged."""
    assert judge(ROW, record(3, 3)) == (Durable(), Append(3, log(3), None))
    same = Unequal(Attention.HELD)
    row = attrs.evolve(ROW, concern=same)
    assert judge(row, record(3, concern=same)) == (Durable(), None)
