"""Types whose JSON is a string: one spelling each, and no other is read."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno.action._codec import Codec
from steno.core import JsonText, encode_json
from steno.errors import DeserializeError, SerializeError

default_codec = Codec()

ID = UUID("12345678-1234-5678-1234-567812345678")


class Mine(Decimal):
    """A subclass of a type that is known."""


class Nowhere(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, _):
        return None


WRITTEN = [
    (datetime(2024, 5, 6, 7, 8, 9), "2024-05-06T07:08:09"),  # noqa: DTZ001 - stays naive
    (datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=UTC), "2024-05-06T07:08:09.000010+00:00"),
    (
        datetime(2024, 5, 6, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        "2024-05-06T00:00:00-03:30",
    ),
    (date(2024, 5, 6), "2024-05-06"),
    (time(7, 8), "07:08:00"),
    (time(7, 8, tzinfo=UTC), "07:08:00+00:00"),
    (timedelta(), "PT0S"),
    (timedelta(days=1, microseconds=5), "PT86400.000005S"),
    (timedelta(microseconds=-1), "-PT0.000001S"),
    (timedelta.max, "PT86399999999999.999999S"),
    (timedelta.min, "-PT86399999913600S"),
    (ID, "12345678-1234-5678-1234-567812345678"),
    (Decimal("-0.10"), "-0.10"),
    (Decimal("1E+50"), "1E+50"),
    (Mine("1.5"), "1.5"),
    (b"", ""),
    (b"\xfb\xff", "+/8="),
    (Path("a/b"), "a/b"),
    (PurePosixPath("/a"), "/a"),
    (PureWindowsPath("c:\\a"), "c:\\a"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_each_type_has_one_spelling(value, text):
    """It is written so and read back as an equal value of the same class."""
    assert default_codec.encode(value) == encode_json(text)
    again = default_codec.decode(encode_json(text), type(value))
    assert again == value
    assert type(again) is type(value)
    if isinstance(value, datetime | time):
        assert again.utcoffset() == value.utcoffset()


def test_a_path_may_be_asked_for_as_its_base():
    """Which class a path is of depends on the system."""
    assert default_codec.decode(JsonText('"a/b"'), PurePath) == PurePath("a/b")


@pytest.mark.parametrize(
    ("as_type", "text"),
    [
        (datetime, "2024-05-06"),
        (datetime, "2024-05-06 07:08:09"),
        (datetime, "2024-13-06T07:08:09"),
        (datetime, "now"),
        (date, "20240506"),
        (date, "2024-W19-1"),
        (date, "2024-05-06T00:00:00"),
        (date, "2024-02-30"),
        (time, "0708"),
        (time, "2024-05-06"),
        (time, "25:00:00"),
        (timedelta, "90"),
        (timedelta, "PT1M"),
        (timedelta, "PT1.5S"),
        (timedelta, "PT+1S"),
        (timedelta, "PT٣S"),
        (timedelta, "PT999999999999999S"),
        (UUID, "12345678123456781234567812345678"),
        (UUID, "{12345678-1234-5678-1234-567812345678}"),
        (UUID, "urn:uuid:12345678-1234-5678-1234-567812345678"),
        (UUID, "ABCDEF78-1234-5678-1234-567812345678"),
        (UUID, "x"),
        (Decimal, "NaN"),
        (Decimal, "-Infinity"),
        (Decimal, " 1"),
        (Decimal, "1_000"),
        (Decimal, ""),
        (Decimal, "one"),
        (bytes, "a"),
        (bytes, "a b="),
        (bytes, "-_8="),
        (bytes, "ü"),
    ],
)
def test_other_spellings_are_refused(as_type, text):
    """The standard library would read many of them; in a union that would be a guess."""
    with pytest.raises(DeserializeError) as caught:
        default_codec.decode(encode_json(text), as_type)
    assert str(caught.value).endswith(f'"{text}" is not of type {as_type.__name__}')


@pytest.mark.parametrize("as_type", [datetime, date, time, timedelta, UUID, Decimal, bytes, Path])
@pytest.mark.parametrize("text", ["5", "1.5", "null", "true", "[]", "{}"])
def test_only_strings_are_read(as_type, text):
    """No number is a date or a decimal, although Python could make one of it."""
    with pytest.raises(DeserializeError, match=f"is not of type {as_type.__name__}$"):
        default_codec.decode(JsonText(text), as_type)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_decimals_are_finite(number):
    """As floats are."""
    with pytest.raises(SerializeError, match=rf"^\$\[0\]: {number} is not a finite number$"):
        default_codec.encode([Decimal(number)])


def test_a_zone_is_kept_as_its_offset():
    """The point in time is the same; the name of the zone is not stored."""
    value = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert default_codec.encode(value) == '"2024-07-01T12:00:00+02:00"'
    assert default_codec.decode(default_codec.encode(value), datetime) == value


@pytest.mark.parametrize(
    "value",
    [time(12, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2024, 7, 1, tzinfo=Nowhere())],
)
def test_a_zone_without_an_offset_is_refused(value):
    """It would come back without its zone, which is another thing."""
    with pytest.raises(SerializeError, match="has a time zone but no offset from UTC"):
        default_codec.encode(value)


def test_a_path_that_is_no_text_is_refused():
    """Names of files can hold bytes that are no UTF-8."""
    with pytest.raises(SerializeError, match="holds a lone surrogate"):
        default_codec.encode(Path("\udcff"))


@given(
    st.one_of(
        st.datetimes(timezones=st.none() | st.timezones()),
        st.dates(),
        st.times(),
        st.timedeltas(),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.uuids(),
        st.binary(),
    )
)
def test_every_value_comes_back(value):
    """Nothing is rounded, and the text is the same again."""
    text = default_codec.encode(value)
    again = default_codec.decode(text, type(value))
    if isinstance(value, datetime):
        # Python takes a time that a zone does not have, or has twice, for equal to no other.
        assert again.utcoffset() == value.utcoffset()
        assert again.replace(tzinfo=None) == value.replace(tzinfo=None)
    else:
        assert again == value
    assert type(again) is type(value)
    assert default_codec.encode(again) == text
