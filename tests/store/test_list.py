"""Queries of lists: what they let through, where a page begins, and what makes no sense."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno import SagaCachedState, SagaId, SagaName, SagaSummary, SagaTimes
from steno.core import Attention, Concern
from steno.store import ListQuery

DAY = timedelta(days=1)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def saga(number: int, **changes: object) -> SagaSummary:
    """Return a saga; the larger its number, the smaller its id."""
    times = SagaTimes(NOON, NOON + DAY, NOON + 2 * DAY)
    saga_id, name = SagaId(UUID(int=100 - number)), SagaName("trip")
    state = SagaCachedState.FAILED
    tags, concern = {"a": "1", "b": "2"}, Concern(Attention.HELD, "charge", "Full")
    made = SagaSummary(saga_id, name, state, None, times, tags, number, concern)
    return attrs.evolve(made, **changes)


@pytest.mark.parametrize(
    "query",
    [
        ListQuery(),
        ListQuery(states={SagaCachedState.FAILED, SagaCachedState.READY}),
        ListQuery(name="trip"),
        ListQuery(sec_name="sec"),
        ListQuery(tags={"b": "2"}),
        ListQuery(attention={Attention.HELD}),
        ListQuery(attention=[Attention.STUCK, Attention.HELD], attention_node="charge"),
        ListQuery(attention_node="charge", error_type="Full"),
        ListQuery(tags={"b": "2", "a": "1"}),
        ListQuery(created_since=NOON, created_until=NOON + timedelta(microseconds=1)),
        ListQuery(progressed_since=NOON + DAY),
        ListQuery(progressed_until=NOON + 2 * DAY),
        ListQuery(ended_since=NOON, ended_until=NOON + 3 * DAY, newest_first=True),
    ],
)
def test_what_a_query_lets_through(query: ListQuery):
    """All that is given matches."""
    assert query.matches(saga(1), "sec")


@pytest.mark.parametrize(
    "query",
    [
        ListQuery(states=()),
        ListQuery(name=""),
        ListQuery(sec_name=""),
        ListQuery(tags={"a": "2"}),
        ListQuery(tags={"a": "1", "c": "3"}),
        ListQuery(attention=()),
        ListQuery(attention={Attention.STUCK, Attention.HALTED}),
        ListQuery(attention_node="Charge"),
        ListQuery(attention_node="charge", error_type=""),
        ListQuery(created_until=NOON),
        ListQuery(progressed_since=NOON + 2 * DAY),
        ListQuery(ended_until=NOON + 2 * DAY),
        ListQuery(created_since=NOON, ended_since=NOON + 3 * DAY),
    ],
)
def test_what_a_query_leaves_out(query: ListQuery):
    """One filter that does not match is enough."""
    assert not query.matches(saga(1), "sec")


def test_where_nobody_has_to_look_no_reason_matches():
    """Not any of them, nor a node, nor an error."""
    fine = saga(1, concern=None)
    assert ListQuery().matches(fine, "sec")
    for query in (
        ListQuery(attention=set(Attention)),
        ListQuery(attention_node="charge"),
        ListQuery(error_type="Full"),
    ):
        assert not query.matches(fine, "sec")
        assert query.reasons == set(Attention)


@pytest.mark.parametrize("wrong", ["held", ["held"], Attention.HELD, 7, {SagaCachedState.STUCK}])
def test_reasons_are_of_their_enum(wrong: object):
    """A text is not one of them; nor is one of them a list."""
    with pytest.raises(TypeError, match="attention must be of type Attention"):
        ListQuery(attention=wrong)


def test_what_has_not_ended_is_in_no_range_of_ends():
    """Neither before a time, nor after it."""
    times = SagaTimes(NOON, NOON, None)
    for query in (ListQuery(ended_since=NOON), ListQuery(ended_until=NOON)):
        assert not query.matches(saga(1, times=times), "sec")


@given(st.lists(st.integers(0, 99), unique=True), st.integers(1, 10), st.booleans(), st.randoms())
def test_all_pages_have_each_saga_once(numbers, limit, newest_first, random):
    """In the order that was asked for, though the sagas come in any."""
    query, found = ListQuery(limit=limit, newest_first=newest_first), []
    while page := query.page([saga(n) for n in random.sample(numbers, len(numbers))]):
        assert len(page) <= limit
        found += page
        query = query.following(page[-1])
    # The ids fall as the numbers rise, so both orders are the same here.
    assert [each.number for each in found] == sorted(numbers, reverse=True)


def test_a_marker_is_of_its_order():
    """An id, or a number; both at once are never there."""
    one = saga(1)
    query = ListQuery().following(one)
    assert (query.after_id, query.after_number) == (one.saga_id, None)
    query = ListQuery(newest_first=True).following(one)
    assert (query.after_id, query.after_number) == (None, 1)
    for wrong in (1, "1"):
        with pytest.raises(TypeError, match=r"uuid\.UUID"):
            ListQuery(wrong)
    for wrong in (one.saga_id, True, 1.0):
        with pytest.raises(TypeError, match="marker is the number of a saga"):
            ListQuery(wrong, newest_first=True)


def test_a_summary_can_be_hashed():
    """Its tags are a mapping, which cannot be; they are compared all the same."""
    assert len({saga(1), saga(1), saga(1, tags={})}) == 2
