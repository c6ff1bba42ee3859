"""Dates in virtual time."""

from datetime import UTC, datetime, timedelta

import trio

from steno.testing.schedule import EPOCH, DateClock, run_seeded

DAY = timedelta(days=1)


async def looked_at_after(clock: DateClock, *seconds: float) -> list[float]:
    """Sleep and look, and so on; return the seconds since the epoch."""
    seen = []
    for each in seconds:
        await trio.sleep(each)
        seen.append((clock() - EPOCH).total_seconds())
    return seen


def test_dates_go_as_virtual_time_goes():
    """A look after some seconds shows so many more, and looking takes none."""
    assert run_seeded(looked_at_after, DateClock(), 0, 5, 0, 3600) == [0, 5, 5, 3605]


def test_a_later_run_goes_on_from_the_last_look():
    """Trio's clock begins at 0 again; dates never go back."""
    clock = DateClock()
    assert run_seeded(looked_at_after, clock, 100) == [100]
    assert run_seeded(looked_at_after, clock, 7, 1) == [107, 108]
    assert clock() == EPOCH + timedelta(seconds=108)


def test_it_can_be_moved_forward():
    """In a run and outside of one; virtual time does not notice."""
    clock = DateClock(datetime(2020, 2, 28, tzinfo=UTC))
    clock.advance(2 * DAY)
    assert clock() == datetime(2020, 3, 1, tzinfo=UTC)

    async def advance() -> float:
        await trio.sleep(60)
        clock.advance(DAY)
        return trio.current_time()

    assert run_seeded(advance) == 60
    assert clock() == datetime(2020, 3, 2, 0, 1, tzinfo=UTC)
