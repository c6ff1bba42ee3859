"""`steno.abc`: an instrument does nothing until a subclass says what."""

from datetime import UTC, datetime
from uuid import UUID

import attrs
import pytest

import steno
from steno import abc

CALL = abc.Call(
    saga_id=UUID(int=1),
    saga_name="trip",
    node_id=0,
    node="hotel",
    action="book_hotel",
    kind=abc.CallKind.ACTION,
    attempt=1,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_an_instrument_does_nothing():
    """A subclass may override any of the methods, or none."""
    instrument = abc.Instrument()
    assert instrument.saga_began(CALL.saga_id, CALL.saga_name) is None
    assert instrument.saga_ended(CALL.saga_id, CALL.saga_name, steno.SagaCachedState.FAILED) is None
    assert instrument.attention(CALL.saga_id, None, abc.Attention.HALTED, "disk") is None
    assert instrument.call_began(CALL) is None
    assert instrument.call_ended(CALL, None) is None


def test_the_context_manager_of_an_instrument_does_nothing():
    """It swallows nothing, and one object is not used for several calls at once."""
    instrument = abc.Instrument()
    with pytest.raises(KeyError), instrument.around(CALL):
        raise KeyError
    assert instrument.around(CALL) is not instrument.around(CALL)


def test_a_call_is_a_value():
    """It cannot be changed, and can be a key."""
    assert {CALL: 1}[attrs.evolve(CALL)] == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        CALL.attempt = 2


@pytest.mark.parametrize("kind", [abc.Attention, abc.CallKind])
def test_the_values_of_enums_are_their_names(kind: type[abc.Attention | abc.CallKind]):
    """A metric may have them as labels."""
    assert [each.value.upper() for each in kind] == [each.name for each in kind]
