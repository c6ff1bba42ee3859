"""Groups of what needs attention: the gravest first, and of one reason the largest."""

from steno import SagaName
from steno.core import Attention, Concern
from steno.store import AttentionGroup, attention_groups

HELD, STUCK, HALTED = Attention.HELD, Attention.STUCK, Attention.HALTED


def test_groups_have_an_order():
    """By gravity, by size, and then by names, so that it is always the same."""
    trip, tour = SagaName("trip"), SagaName("tour")
    counts = {
        (trip, Concern(HELD, "b")): 9,
        (trip, Concern(HELD, "a", "Full")): 1,
        (trip, Concern(HELD, "a")): 1,
        (tour, Concern(HELD, "c")): 1,
        (tour, Concern(STUCK, "a")): 1,
        (trip, Concern(STUCK, "a")): 2,
        (trip, Concern(HALTED)): 1,
    }
    assert attention_groups(counts) == [
        AttentionGroup(HALTED, trip, None, None, 1),
        AttentionGroup(STUCK, trip, "a", None, 2),
        AttentionGroup(STUCK, tour, "a", None, 1),
        AttentionGroup(HELD, trip, "b", None, 9),
        AttentionGroup(HELD, tour, "c", None, 1),
        AttentionGroup(HELD, trip, "a", None, 1),
        AttentionGroup(HELD, trip, "a", "Full", 1),
    ]
    assert attention_groups(dict(reversed(counts.items()))) == attention_groups(counts)
    assert attention_groups({}) == []
