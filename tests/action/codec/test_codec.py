"""What is written: users' values and exceptions as JSON text, and what is refused on the way."""

import dataclasses
import enum
import json
import math
from collections import OrderedDict, deque, namedtuple
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from unittest.mock import Mock
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno.action._codec import Codec
from steno.action._codec._error import MAX_GROUP_SIZE
from steno.core import (
    MAX_VALUE_BYTES,
    ActionFailed,
    DeserializeFailed,
    JsonText,
    SerializeFailed,
    decode_json,
)
from steno.errors import DeserializeError, SerializeError

default_codec = Codec()

ID = UUID("12345678-1234-5678-1234-567812345678")

encode, decode = default_codec.encode, default_codec.decode


@attrs.frozen
class Room:
    """A class of attrs within another."""

    name: str
    price: int
    tags: frozenset[str] = frozenset()


@attrs.frozen
class Suite(Room):
    """A class that has more than its base."""

    butler: str = "Reginald"


@attrs.define
class Hotel:
    """A class of attrs with parts."""

    name: str
    rooms: list[Room] = attrs.field(factory=list)
    _secret: int = 0
    cached: int = attrs.field(init=False, default=7)


@dataclasses.dataclass
class Trip:
    """A dataclass."""

    hotel: Hotel
    pair: tuple[int, int] = (1, 2)
    total: int = dataclasses.field(init=False, default=0)


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int = 0


class Color(enum.Enum):
    """An enum whose values are strings."""

    RED = "red"
    BLUE = "blue"


class Label(enum.StrEnum):
    """An enum whose members are strings."""

    A = "a"


class Coin(str, enum.Enum):  # noqa: UP042 - a `StrEnum` would not let them differ
    """An enum whose members are other strings than their values."""

    def __new__(cls, value, text):
        member = str.__new__(cls, text)
        member._value_ = value
        return member

    CENT = "c", "one cent"


class Level(enum.IntEnum):
    """An enum whose members are ints."""

    LOW = 1


class Moment(datetime):
    """A subclass of a class that is known."""


class Broken:
    """A class of which nothing is known."""


def refusal_of(value: object, codec: Codec = default_codec) -> str:
    """Return the message with which a value is refused."""
    with pytest.raises(SerializeError) as caught:
        codec.encode(value)
    return str(caught.value)


def nested(depth: int) -> list[Any]:
    """Return an empty list within as many lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


WRITTEN = [
    (None, "null"),
    (True, "true"),
    (5, "5"),
    (1.0, "1.0"),
    ("ü\n", '"ü\\n"'),
    ([1, [None], {}], "[1,[null],{}]"),
    ({"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
    (OrderedDict(z=1), '{"z":1}'),
    ((1, 2), "[1,2]"),
    (Point(1), "[1,0]"),
    (namedtuple("Old", "a b")(1, "x"), '[1,"x"]'),  # noqa: PYI024 - users have these too
    ({3, 1, 2}, "[1,2,3]"),
    (frozenset({"b", "a"}), '["a","b"]'),
    ({Room("b", 2), Room("a", 1)}, None),
    ({ID: 1}, f'{{"{ID}":1}}'),
    ({Color.RED: 1, Label.A: 2, Coin.CENT: 3}, '{"a":2,"c":3,"red":1}'),
    (Color.BLUE, '"blue"'),
    ([Label.A, Coin.CENT, Level.LOW], '["a","c",1]'),
    (ID, f'"{ID}"'),
    (Decimal("1.50"), '"1.50"'),
    (b"\x00\xff", '"AP8="'),
    (PurePosixPath("/a/b"), '"/a/b"'),
    (datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), '"2024-05-06T07:08:09+00:00"'),
    (Moment(2024, 5, 6, tzinfo=UTC), '"2024-05-06T00:00:00+00:00"'),
    (timedelta(minutes=-1.5), '"-PT90S"'),
    (Hotel("h", [Room("r", 1)]), None),
]


@pytest.mark.parametrize(("value", "text"), [each for each in WRITTEN if each[1]])
def test_each_type_has_its_json(value, text):
    """The text is compact, its keys are sorted, and whatever has no JSON of its own is a string."""
    assert encode(value) == text


def test_a_class_is_written_as_its_fields():
    """Fields go by their names, private ones too; what `__init__` does not take is left out."""
    hotel = Hotel("h", [Room("r", 1, frozenset("ba"))], secret=3)
    assert decode_json(encode(Trip(hotel))) == {
        "hotel": {
            "name": "h",
            "rooms": [{"name": "r", "price": 1, "tags": ["a", "b"]}],
            "_secret": 3,
        },
        "pair": [1, 2],
    }


def test_a_set_is_written_in_the_order_of_its_json():
    """Sets have no order of their own, but the same value must always give the same text."""
    rooms = {Room(str(number), number) for number in range(20)}
    written = decode_json(encode(rooms))
    assert written == sorted(written, key=json.dumps)
    assert encode(rooms) == encode({*sorted(rooms, key=encode)})


def test_what_is_written_is_the_value_not_the_annotation():
    """A subclass keeps all its fields, and a tuple that is too long is not cut."""
    trip = Trip(Hotel("h", [Suite("s", 1)]), (1, 2, 3))
    written = decode_json(encode(trip))
    assert written["hotel"]["rooms"][0]["butler"] == "Reginald"
    assert written["pair"] == [1, 2, 3]


def test_a_string_in_the_place_of_a_list_is_not_taken_apart():
    """A field that does not hold what it says is written as it is, and refused when read."""
    text = encode(Hotel("h", "ab"))
    assert decode_json(text)["rooms"] == "ab"
    with pytest.raises(DeserializeError, match=r'^\$\.rooms: "ab" is not of type list\[Room\]$'):
        decode(text, Hotel)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "$: a value of type object cannot be stored as JSON"),
        (Broken(), "$: a value of type Broken cannot be stored as JSON"),
        (Broken, "$: a value of type type cannot be stored as JSON"),
        (len, "$: a value of type builtin_function_or_method cannot be stored as JSON"),
        (1j, "$: a value of type complex cannot be stored as JSON"),
        (bytearray(b"x"), "$: a value of type bytearray cannot be stored as JSON"),
        (deque([1]), "$: a value of type deque cannot be stored as JSON"),
        (range(3), "$: a value of type range cannot be stored as JSON"),
        (ValueError("x"), "$: a value of type ValueError cannot be stored as JSON"),
        (Mock(), "$: a value of type Mock cannot be stored as JSON"),
        ([1, {"a": (Broken(),)}], "$[1].a[0]: a value of type Broken cannot be stored as JSON"),
        (Trip(Broken()), "$.hotel: a value of type Broken cannot be stored as JSON"),
        ([{Broken()}], "$[0]: a value of type Broken cannot be stored as JSON"),
        (math.nan, "$: nan is not a JSON number"),
        ([-math.inf], "$[0]: -inf is not a JSON number"),
        ([Decimal("NaN")], "$[0]: NaN is not a finite number"),
        (2**64, f"$: {2**64} is out of the range -2**63 to 2**64-1"),
        ("\ud800", "$: '\\ud800' holds a lone surrogate"),
        ({1: 2}, "$: the key 1 is not a string"),
        ({"a": {(1, 2): 2}}, "$.a: the key (1, 2) is not a string"),
        ({None: 2}, "$: the key None is not a string"),
        ([{ID: 1, str(ID): 2}], f"$[0]: two keys are written as '{ID}'"),
        (nested(200), f"${'[0]' * 101}: is nested deeper than 100 levels, or contains itself"),
        (nested(10_000), "$: is nested too deeply, or contains itself"),
    ],
)
def test_what_has_no_json_is_refused_with_its_place(value, message):
    """The message says where in the value the fault is, and what is wrong."""
    assert refusal_of(value) == message


def test_an_integer_too_long_to_be_written_out_is_refused():
    """Python itself refuses to print integers of thousands of digits; the error is the same."""
    assert (
        refusal_of(10**5000) == "$: an integer of 16610 bits is out of the range -2**63 to 2**64-1"
    )


@pytest.mark.parametrize("make", [list, dict, Hotel], ids=lambda kind: kind.__name__)
def test_what_contains_itself_is_refused(make):
    """A cycle has no JSON, be it through lists, objects or classes."""
    value = Hotel("h") if make is Hotel else make()
    match value:
        case Hotel():
            value.name = value
        case list():
            value.append(value)
        case _:
            value["x"] = value
    assert "contains itself" in refusal_of(value)


class Sulking:
    """A class whose instances cannot be looked at."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def model_dump(self, **_):
        raise self.error

    def model_validate_json(self):
        """Make this a model."""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KeyError("x"), "KeyError: x"),
        (OSError(99, "gone"), "OSError: [Errno 99] gone"),
        (ValueError("\ud800"), "ValueError: \\ud800"),
        (ValueError("x" * 2000), "ValueError: " + "x" * 1000),
        (SerializeError("$.a", "is bad"), "is bad"),
    ],
)
def test_an_exception_of_users_code_is_a_refusal_with_its_place(error, why):
    """Whatever writing a value raises becomes a `SerializeError`, which the original caused."""
    value = {"a": [0, Trip(Hotel("h", [1, Sulking(error)]))]}
    assert refusal_of(value) == f"$.a[1].hotel.rooms[1]: {why}"


def test_the_path_to_a_fault_has_an_end():
    """What is below the levels that JSON may have anyway is not named."""
    value: object = Sulking(ValueError("deep"))
    for _ in range(150):
        value = [value]
    assert refusal_of(value) == f"${'[0]' * 100}: ValueError: deep"


def test_a_field_that_is_not_set_is_refused():
    """An instance that was made without `__init__` has no value for the field."""
    message = refusal_of([Hotel.__new__(Hotel)])
    assert message.startswith("$[0]: AttributeError: ")
    assert message.endswith("Hotel' object has no attribute 'name'")  # Python 3.13 adds its module


def test_looking_for_the_place_of_a_fault_does_no_harm():
    """Where even the search runs into exceptions, the fault is reported for the whole."""

    @attrs.frozen
    class Hydra:
        head: int

        def __getattribute__(self, name):
            if name == "head":
                msg = "no head"
                raise LookupError(msg)
            return super().__getattribute__(name)

    assert refusal_of([Hydra.__new__(Hydra)]) == "$[0]: LookupError: no head"


def test_what_is_no_exception_but_an_interruption_passes():
    """A `KeyboardInterrupt` in the code of users is not for the codec to handle."""
    with pytest.raises(KeyboardInterrupt):
        encode([Sulking(KeyboardInterrupt())])


def test_the_limit_counts_bytes():
    """A value may take as many bytes of UTF-8 as allowed, and not one more."""
    codec = Codec(max_value_bytes=10)
    assert codec.encode("x" * 8) == '"xxxxxxxx"'
    assert codec.encode("ü" * 4) == '"üüüü"'
    assert refusal_of("x" * 9, codec) == "$: takes 11 bytes as JSON, more than the 10 allowed"
    assert refusal_of("ü" * 5, codec) == "$: takes 12 bytes as JSON, more than the 10 allowed"
    assert default_codec.max_value_bytes == MAX_VALUE_BYTES


# Exceptions


class Declined(Exception):
    """An exception without fields."""


@attrs.define
class Overdrawn(Exception):
    """An exception of attrs."""

    missing: int
    currency: str = "EUR"


@attrs.define
class Bare(Exception):
    """An exception of attrs that has no fields."""


@dataclasses.dataclass
class Late(Exception):
    """An exception that is a dataclass."""

    minutes: int = 0


@attrs.define
class Holding(Exception):
    """An exception that holds what cannot be stored."""

    thing: object = attrs.field(factory=object)


@attrs.define
class Typed(Exception):
    """An exception whose fields have the names that others are stored under."""

    type: str
    message: str


class Mute(Exception):
    """An exception that cannot be printed."""

    def __str__(self) -> str:
        msg = "hush"
        raise RuntimeError(msg)


class Sly(Exception):
    """An exception whose text is a string of its own making."""

    def __str__(self) -> str:
        class Text(str):
            __slots__ = ()

            def encode(self, *_):
                raise AssertionError

        return Text("sly")


class Nameless(Exception):
    """An exception whose module is not a name."""

    __module__ = 5


HERE = __name__


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (ValueError("bad"), {"type": "ValueError", "message": "bad"}),
        (Declined(), {"type": f"{HERE}.Declined", "message": ""}),
        (Declined("no"), {"type": f"{HERE}.Declined", "message": "no"}),
        (KeyError("k"), {"type": "KeyError", "message": "'k'"}),
        (json.JSONDecodeError("m", "d", 0), {"type": "json.decoder.JSONDecodeError"}),
        (
            Overdrawn(5),
            {
                "type": f"{HERE}.Overdrawn",
                "message": "(5, 'EUR')",
                "data": {"missing": 5, "currency": "EUR"},
            },
        ),
        (Late(3), {"type": f"{HERE}.Late", "message": "3", "data": {"minutes": 3}}),
        (Late(minutes=3), {"type": f"{HERE}.Late", "message": "", "data": {"minutes": 3}}),
        (Bare(), {"type": f"{HERE}.Bare", "message": ""}),
        (Holding(), {"type": f"{HERE}.Holding"}),
        (Mute(), {"type": f"{HERE}.Mute", "message": "(RuntimeError in its __str__)"}),
        (Sly(), {"type": f"{HERE}.Sly", "message": "sly"}),
        (Nameless("x"), {"type": "Nameless", "message": "x"}),
        (ValueError("a\ud800b"), {"type": "ValueError", "message": "a\\ud800b"}),
        (KeyboardInterrupt("^C"), {"type": "KeyboardInterrupt", "message": "^C"}),
    ],
)
def test_every_exception_can_be_stored(error, data):
    """It is stored as its type and message, with its fields as data, and that never fails."""
    stored = decode_json(default_codec.encode_error(error))
    assert {key: stored[key] for key in data} == data
    assert set(stored) <= {"type", "message"} | set(data)


def test_a_group_is_stored_with_its_exceptions():
    """The members of a group, and of groups in it, are stored as they would be alone."""
    group = ExceptionGroup("two", [Overdrawn(5), ExceptionGroup("one", [Declined("no")])])
    assert decode_json(default_codec.encode_error(group)) == {
        "type": "ExceptionGroup",
        "message": "two (2 sub-exceptions)",
        "exceptions": [
            {
                "type": f"{HERE}.Overdrawn",
                "message": "(5, 'EUR')",
                "data": {"missing": 5, "currency": "EUR"},
            },
            {
                "type": "ExceptionGroup",
                "message": "one (1 sub-exception)",
                "exceptions": [{"type": f"{HERE}.Declined", "message": "no"}],
            },
        ],
    }


def test_a_large_group_says_how_many_it_leaves_out():
    """The limit is one for all levels of a group together."""
    wide = ExceptionGroup("wide", [ValueError(str(number)) for number in range(MAX_GROUP_SIZE)])
    stored = decode_json(default_codec.encode_error(ExceptionGroup("both", [wide, wide])))
    assert [len(each["exceptions"]) for each in stored["exceptions"]] == [MAX_GROUP_SIZE - 2, 0]
    assert [each["omitted"] for each in stored["exceptions"]] == [2, MAX_GROUP_SIZE]


def test_a_deep_group_is_cut_off():
    """Groups may be nested more deeply than JSON may be here."""
    group: Exception = ValueError("core")
    for _ in range(500):
        group = ExceptionGroup("skin", [group])
    stored = decode_json(default_codec.encode_error(group))
    levels = 1
    while stored["exceptions"]:
        (stored,) = stored["exceptions"]
        levels += 1
    assert levels == 11
    assert stored["omitted"] == 1


@pytest.mark.parametrize("size", [200, 300, 1000])
@pytest.mark.parametrize("letter", ["x", "ü", "\n", "\ud800", "😀"])
def test_an_exception_that_is_too_large_is_cut_short(letter, size):
    """As much of its message is kept as fits, with its full length."""
    codec = Codec(max_value_bytes=size)
    message = letter * 5000
    for error in (ValueError(message), ExceptionGroup(message, [Declined()]), Overdrawn(message)):
        text = codec.encode_error(error)
        stored = decode_json(text)
        assert len(text.encode()) <= size
        assert set(stored) == {"type", "message"}
        assert "… (cut short: " in stored["message"]


def test_an_exception_is_stored_even_where_nothing_fits():
    """Its type is kept, up to some length, whatever the limit."""
    huge = type("E" * 10_000, (Exception,), {})
    stored = decode_json(Codec(max_value_bytes=1).encode_error(huge("xyz")))
    assert len(stored["type"]) == 500
    assert stored["message"] == "… (cut short: 3 characters)"


def test_the_large_fields_of_an_exception_give_way_to_its_message():
    """An exception whose fields take too much room is stored as type and message."""
    stored = decode_json(Codec(max_value_bytes=100).encode_error(Overdrawn(5, "x" * 200)))
    assert stored["type"] == f"{HERE}.Overdrawn"


@pytest.mark.parametrize(
    "error", [ValueError("bad"), Declined("no"), Overdrawn(5), Late(3), Bare(), Typed("t", "m")]
)
def test_an_exception_comes_back_as_its_class(error):
    """What an operator asks for is an exception of the class that the action raised."""
    stored = default_codec.action_error(error)
    assert isinstance(stored, ActionFailed)
    again = default_codec.decode(stored.source_error, type(error))
    assert type(again) is type(error)
    assert default_codec.action_error(again) == stored


@pytest.mark.parametrize(
    ("error", "as_type", "message"),
    [
        (ValueError("x"), Declined, f"$: the error is of type ValueError, not {HERE}.Declined"),
        (ValueError("x"), Late, f"$: the error is of type ValueError, not {HERE}.Late"),
        (ValueError("x"), Bare, f"$: the error is of type ValueError, not {HERE}.Bare"),
        (Overdrawn(5), Declined, f"$: the error is of type {HERE}.Overdrawn, not {HERE}.Declined"),
        (Late(5), Overdrawn, f"$: the error is of type {HERE}.Late, not {HERE}.Overdrawn"),
        (ExceptionGroup("g", [Declined()]), Exception, "$: the type ExceptionGroup cannot be"),
        (Holding(), Holding, "$: its fields could not be stored, only its type and message"),
        (UnicodeDecodeError("u", b"", 0, 1, "x"), UnicodeDecodeError, "$: TypeError: function"),
        (
            ExceptionGroup("g", [Declined()]),
            ExceptionGroup,
            "$: the type ExceptionGroup cannot be read from JSON",
        ),
    ],
)
def test_an_exception_does_not_come_back_as_another_class(error, as_type, message):
    """The message says what the error really is."""
    with pytest.raises(DeserializeError) as caught:
        decode(default_codec.encode_error(error), as_type)
    assert str(caught.value).startswith(message)


def test_an_exception_may_be_asked_for_by_a_base():
    """As `except` does; what comes is of the class that was raised."""
    for error, base in [(Overdrawn(5), Exception), (KeyError("x"), LookupError), (Late(3), Late)]:
        again = default_codec.action_error(error).convert(base)
        assert type(again) is type(error)
    for other in (ValueError, Suite):
        with pytest.raises(DeserializeError, match=r"is of type .*Late|failed with a .*Late"):
            default_codec.action_error(Late(3)).convert(other)


def test_the_class_that_attrs_has_replaced_is_not_taken_for_it():
    """A class without slots lives on, under the same name, below the same base."""

    class Base(Exception):
        pass

    def make() -> tuple[type, type]:
        class Leaf(Base):
            size: int

        return Leaf, attrs.define(Leaf)

    bare, leaf = make()
    assert [bare, leaf] == Base.__subclasses__()
    again = default_codec.action_error(leaf(5)).convert(Base)
    assert (type(again), again.size) == (leaf, 5)


def test_an_exception_of_a_script_comes_back_in_another_program():
    """A module that is run is called `__main__`, and by its own name where it is imported."""
    stored = {"type": "__main__.Overdrawn", "message": "", "data": {"missing": 5}}
    assert decode(json.dumps(stored), Overdrawn).missing == 5
    with pytest.raises(DeserializeError, match="is of type __main__.Overdrawn, not"):
        decode(json.dumps(stored), Late)
    there = {"type": "trip.Scripted", "message": "", "data": {"missing": 5}}
    Scripted = attrs.make_class("Scripted", ["missing"], bases=(Exception,))  # noqa: N806 - a class
    Scripted.__module__ = "__main__"
    assert decode(json.dumps(there), Scripted).missing == 5


def test_an_exception_that_an_earlier_release_stored_is_read():
    """It was stored as its fields alone, or as its type and message alone."""
    assert decode(JsonText('{"missing":5}'), Overdrawn).missing == 5
    assert decode(JsonText('{"minutes":5}'), Overdrawn | Late).minutes == 5
    assert decode(JsonText('{"message":"m","type":"t"}'), Typed).type == "t"
    old = JsonText(f'{{"message":"no","type":"{HERE}.Declined"}}')
    assert decode(old, Declined).args == ("no",)
    unstored = JsonText(f'{{"message":"no","type":"{HERE}.Typed"}}')
    with pytest.raises(DeserializeError, match="its fields could not be stored"):
        decode(unstored, Typed)


def test_the_data_of_an_exception_is_kept_before_its_message():
    """Where both do not fit, the message is cut short."""
    error = Overdrawn(5, "x" * 100)
    stored = decode_json(Codec(max_value_bytes=300).encode_error(error))
    assert stored["data"] == {"missing": 5, "currency": "x" * 100}
    assert "… (cut short: " in stored["message"]
    assert "data" not in decode_json(Codec(max_value_bytes=200).encode_error(error))


def test_the_error_of_another_saga_stays_what_it_is():
    """An action that lets it out fails by the same error; one that is too large is cut short."""
    child = default_codec.action_error(Overdrawn(5))
    assert default_codec.action_error(child) == child
    small = Codec(max_value_bytes=100).action_error(child)
    assert small.error_type == "steno.core.ActionFailed"
    assert len(small.source_error) <= 100
    other = default_codec.action_error(SerializeFailed("x"))
    assert other.error_type == "steno.core.SerializeFailed"


def test_an_undo_error_has_the_type_and_data_of_what_was_raised():
    """Beside the message, which tells of the attempt; a message that is empty is the type."""
    error = default_codec.undo_error(Overdrawn(5), 2)
    assert error.to_json() == {
        "PermanentFailure": {
            "source_error": {
                "message": "undo action attempt 2: (5, 'EUR')",
                "type": f"{HERE}.Overdrawn",
                "data": {"missing": 5, "currency": "EUR"},
            }
        }
    }
    assert error.convert(Overdrawn).missing == 5
    silent = default_codec.undo_error(ValueError(), 1)
    assert decode_json(silent.source_error)["message"] == "undo action attempt 1: ValueError"
    assert silent.convert(Exception).args == ("",)
    group = default_codec.undo_error(ExceptionGroup("g", [ValueError("x")]), 1)
    assert set(decode_json(group.source_error)) == {"message", "type"}


def test_an_exception_may_be_asked_for_as_one_of_several():
    """A union of exception classes gives the one that was raised."""
    text = default_codec.encode_error(Declined("no"))
    assert type(decode(text, ValueError | Declined | Late)) is Declined
    with pytest.raises(DeserializeError, match="is not one of ValueError, KeyError"):
        decode(text, ValueError | KeyError)


def test_an_action_error_tells_users_data_from_their_failures():
    """What the action gave or asked for wrongly is an error of its own kind in the log."""
    action_error = default_codec.action_error
    assert action_error(DeserializeError("$: x")) == DeserializeFailed("$: x")
    assert action_error(SerializeError("$.a", "x")) == SerializeFailed("$.a: x")
    failed = action_error(LookupError("x"))
    assert failed == ActionFailed(JsonText('{"message":"x","type":"LookupError"}'))


def test_the_message_of_an_action_error_is_kept_within_the_limit():
    """It is part of a value in the log as well."""
    error = Codec(max_value_bytes=100).action_error(DeserializeError("\ud800" * 1000))
    assert isinstance(error, DeserializeFailed)
    assert len(error.message.encode()) <= 100
    assert error.message.endswith("… (cut short: 6000 characters)")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad"), "bad"),
        (TimeoutError(), "TimeoutError"),
        (Declined(), f"{HERE}.Declined"),
        (Mute(), "(RuntimeError in its __str__)"),
    ],
)
def test_every_exception_has_a_text(error, text):
    """What an undo action raised is kept as text, and an empty text would say nothing."""
    assert default_codec.error_text(error) == text


# Both ways


@pytest.mark.parametrize("text", ["", "nope", "[1", "[" * 100_000], ids=["", "nope", "[1", "[["])
def test_what_is_no_json_is_refused(text):
    """Text from elsewhere raises only exceptions of this library."""
    with pytest.raises(DeserializeError, match=r"^\$: is not JSON: "):
        decode(JsonText(text), int)


def test_a_value_is_decoded_afresh_each_time():
    """Nodes never share an object."""
    text = encode([[1]])
    assert decode(text, list[list[int]]) is not decode(text, list[list[int]])
    assert decode(text, Any)[0] is not decode(text, Any)[0]


def scalars() -> st.SearchStrategy[tuple[Any, Any]]:
    """Pairs of a type and a value of it."""
    strategies: list[tuple[Any, st.SearchStrategy[Any]]] = [
        (None | int, st.none() | st.integers(-(2**63), 2**64 - 1)),
        (bool, st.booleans()),
        (float, st.floats(allow_nan=False, allow_infinity=False)),
        (str, st.text()),
        (bytes, st.binary()),
        (UUID, st.uuids()),
        (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
        (datetime, st.datetimes()),
        (timedelta, st.timedeltas()),
        (Color, st.sampled_from(Color)),
        (Coin, st.sampled_from(Coin)),
        (Level, st.sampled_from(Level)),
        (Any, st.recursive(st.none() | st.text(), st.lists)),
        (datetime | str | None, st.datetimes() | st.none()),
        (Room, st.builds(Room, st.text(), st.integers(0, 9), st.frozensets(st.text()))),
        (Room | Hotel | str, st.builds(Hotel, st.text()) | st.just("x")),
        (Point, st.builds(Point, st.integers(0, 9), st.integers(0, 9))),
    ]
    return st.one_of(
        [values.map(lambda value, kind=kind: (kind, value)) for kind, values in strategies]
    )


def containers(
    inner: st.SearchStrategy[tuple[Any, Any]],
) -> st.SearchStrategy[tuple[Any, Any]]:
    """Pairs of a type and a value that are made of other such pairs."""
    return st.one_of(
        inner.map(lambda pair: (list[pair[0]], [pair[1], pair[1]])),
        inner.map(lambda pair: (tuple[pair[0], ...], (pair[1],))),
        inner.map(lambda pair: (pair[0] | None, pair[1])),
        st.tuples(inner, inner).map(
            lambda both: (tuple[both[0][0], both[1][0]], (both[0][1], both[1][1]))
        ),
        st.tuples(st.text(), inner).map(
            lambda both: (dict[str, both[1][0]], {both[0]: both[1][1]})
        ),
        st.tuples(st.uuids(), inner).map(
            lambda both: (dict[UUID, both[1][0]], {both[0]: both[1][1]})
        ),
    )


@given(st.recursive(scalars(), containers, max_leaves=5))
def test_what_was_written_is_read_as_it_was(pair):
    """Any value of any type comes back equal, and gives the same text again."""
    as_type, value = pair
    text = encode(value)
    again = decode(text, as_type)
    assert again == value
    assert type(again) is type(value)
    assert encode(again) == text


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.floats(0, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@given(st.recursive(scalars(), containers, max_leaves=3), JUNK)
def test_what_is_read_is_what_was_written(pair, junk):
    """JSON is refused, or it is what the value that was read from it gives: nothing is coerced."""
    as_type, _ = pair
    text = encode(junk)
    try:
        value = decode(text, as_type)
    except DeserializeError:
        return
    assert same(json.loads(text), json.loads(encode(value)))


def same(given: object, kept: object) -> bool:
    """Compare JSON; defaults may be filled in, unknown keys be dropped, ints become floats."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return all(same(given[key], kept[key]) for key in given.keys() & kept.keys())
    if isinstance(given, list) and isinstance(kept, list):
        return all(same(*both) for both in zip(given, kept, strict=False))
    if isinstance(given, int) and isinstance(kept, float):
        return not isinstance(given, bool) and given == kept
    return type(given) is type(kept) and given == kept
