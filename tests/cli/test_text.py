"""Texts for people: ages, durations, and letters that must not reach a terminal."""

from datetime import UTC, datetime, timedelta

import pytest

from steno.cli._text import age, columns, duration, moment, one_line, short_time, tags_text
from steno.core import escaped
from support.shell import NOW


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "now"),
        (0, "now"),
        (0.9, "now"),
        (1, "1s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86399, "23h"),
        (86400, "1d"),
        (6 * 86400, "6d"),
        (7 * 86400, "1w"),
        (1000 * 7 * 86400, "1000w"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds, text):
    """A clock that is behind makes no negative ages."""
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_what_has_not_been_has_no_time():
    """It is a dash in a column."""
    assert (age(None, NOW), short_time(None)) == ("-", "-")
    assert short_time(NOW) == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("15m", 900), ("12h", 43200), ("30d", 2592000), ("2w", 1209600)],
)
def test_a_duration_is_a_number_and_a_unit(text, seconds):
    """Seconds, minutes, hours, days, weeks."""
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "+5s", "5S", "5ss", "\u0665s", "9999999999s"]
)
def test_anything_else_is_no_duration(text):
    """The error shows what is one."""
    with pytest.raises(ValueError, match="is not a duration such as 90s"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("0s", NOW),
        ("2026-05-04", datetime(2026, 5, 4, tzinfo=UTC)),
        ("2026-05-04T08:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04T08:00Z", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04T08:00:00.5+02:00", datetime(2026, 5, 4, 6, 0, 0, 500_000, tzinfo=UTC)),
        ("100000w", NOW - timedelta(weeks=100_000)),
        ("120000w", datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_an_age(text, time):
    """A time without a zone is in UTC, as all are that are printed."""
    assert moment(text, NOW) == time
    assert moment(text, NOW).tzinfo is not None


@pytest.mark.parametrize("text", ["", "soon", "5", "2026-13-01", "-2h", "9999999999s"])
def test_anything_else_is_no_moment(text):
    """The error shows what is one."""
    with pytest.raises(ValueError, match="is not a time such as 2026-05-04T08:00Z, nor an age"):
        moment(text, NOW)


def test_tags_stay_in_their_line():
    """None are a dash; neither a line break nor an escape sequence gets out."""
    assert tags_text({}) == "-"
    assert tags_text({"a": "1", "b": ""}) == "a=1, b="
    assert tags_text({"a": "\x1b[31m\nred"}) == "a=\\x1b[31m red"


def test_a_duration_of_ages_is_refused():
    """It could not be subtracted from any time."""
    assert NOW - duration("100000w")
    with pytest.raises(ValueError, match="is too long a duration"):
        duration("999999999w")


def test_no_letter_gives_orders_to_a_terminal():
    """Controls are spelled out, letters of every language stay."""
    assert escaped("a\x1b[2J\x07\n\u202eb\x9b") == r"a\x1b[2J\x07\n\u202eb\x9b"
    assert one_line(" über\n  Ärger\t日本 ") == "über Ärger 日本"


def test_columns_are_as_wide_as_their_widest():
    """No line ends in blanks."""
    assert columns([("a", "bb", "-"), ("cccc", "", "d")]) == "a     bb  -\ncccc      d"
