"""Unions: each value is read as the member that it was written from."""

import dataclasses
import enum
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict
from uuid import UUID

import attrs
import pytest

from steno.action._codec import Codec
from steno.core import JsonText
from steno.errors import DeserializeError

default_codec = Codec()

ID = UUID("12345678-1234-5678-1234-567812345678")

UserId = NewType("UserId", str)


@attrs.frozen
class Car:
    """A class that its wheels tell."""

    wheels: int
    name: str = ""


@attrs.frozen
class Boat:
    """A class that its sails tell."""

    sails: int
    name: str = ""


@attrs.frozen
class Thing:
    """A class that has nothing of its own."""

    name: str


@attrs.frozen
class Twin:
    """A class just like another."""

    name: str


@attrs.frozen
class Card:
    """A class with a tag."""

    number: int
    kind: Literal["card"] = "card"


@dataclasses.dataclass
class Cash:
    """A dataclass with a tag, and otherwise the fields of the others."""

    number: int
    kind: Literal["cash", "coins"] = "cash"


@attrs.frozen
class Cheque:
    """A class that shares a tag, but not its fields."""

    bank: str
    kind: Literal["card"] = "card"


@attrs.frozen
class Folder:
    """A class that holds a union with itself."""

    items: list["Folder | Card | str"]
    kind: Literal["folder"] = "folder"


@dataclasses.dataclass
class Chain:
    """A dataclass that holds a union with itself."""

    links: list["Chain | int"]


@attrs.frozen
class Order:
    """A class with unions."""

    payment: Card | Cash
    vehicle: Car | str | None = None


class Short(TypedDict):
    """A dict with one key."""

    a: int


class Long(TypedDict):
    """A dict with more keys."""

    a: int
    b: int
    c: NotRequired[int]


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int


class Color(enum.StrEnum):
    """An enum of strings."""

    RED = "red"


def read(text: str, as_type: Any) -> Any:
    """Return what a text is read as."""
    return default_codec.decode(JsonText(text), as_type)


def refusal_of(text: str, as_type: Any) -> str:
    """Return the message with which a text is refused."""
    with pytest.raises(DeserializeError) as caught:
        read(text, as_type)
    return str(caught.value)


@pytest.mark.parametrize(
    ("as_type", "value"),
    [
        (int | str | None, 5),
        (int | str | None, "5"),
        (int | str | None, None),
        (bool | int | float, True),
        (bool | int | float, 1),
        (bool | int | float, 1.0),
        (Optional[int], None),  # noqa: UP045 - users write it so
        (list[int] | str, [1]),
        (list[int] | dict[str, int], {"a": 1}),
        (str | UUID, ID),
        (str | UUID, "no id"),
        (date | datetime | time | str, date(2024, 5, 6)),
        (date | datetime | time | str, datetime(2024, 5, 6)),  # noqa: DTZ001 - stays naive
        (date | datetime | time | str, time(20, 24)),
        (date | datetime | time | str, "2024"),
        (str | Color, Color.RED),
        (str | Color, "blue"),
        (str | Literal[1], 1),
        (Annotated[str, "x"] | UUID, ID),
        (UserId | UUID, ID),
        (Any | UUID, ID),
        (Car | str | None, Car(4)),
        (Car | str | None, "a car"),
        (Car | str | None, None),
        (Car | dict[str, int], {"legs": 2}),
        (Car | Boat, Car(4)),
        (Car | Boat, Boat(1)),
        (Car | Boat | Thing | None, Thing("x")),
        (Car | Boat | Thing | None, Boat(1, "x")),
        (Car | Boat | Thing | None, None),
        (Card | Cash, Card(1)),
        (Card | Cash, Cash(1)),
        (Card | Cash, Cash(1, "coins")),
        (Card | Cash | Cheque, Cheque("b")),
        (Card | Cash | Cheque, Card(1)),
        (list[Card | Cash | int], [Card(1), 2, Cash(3)]),
        (Folder, Folder([Folder([]), Card(1), "x"])),
        (Chain, Chain([Chain([1]), 2])),
        (Order, Order(Cash(1), Car(4))),
        (Order, Order(Card(1), "a car")),
        (Short | Long, {"a": 1}),
        (Short | Long, {"a": 1, "b": 2}),
        (Point | tuple[int, ...], Point(1, 2)),
    ],
    ids=repr,
)
def test_a_value_comes_back_as_the_member_it_was(as_type, value):
    """By its JSON, by its tag, or by a key that no other class has."""
    again = default_codec.decode(default_codec.encode(value), as_type)
    assert again == value
    assert type(again) is type(value)


def test_the_order_of_the_members_does_not_matter():
    """Python takes such unions for equal, so that caches cannot tell them apart."""
    text = default_codec.encode(ID)
    assert read(text, list[str | UUID] | str | UUID) == ID
    assert read(text, UUID | list[UUID | str] | str) == ID


@pytest.mark.parametrize(
    ("as_type", "text", "message"),
    [
        (int | None, '"5"', '$: "5" is not of type int'),
        (int | str | None, "5.5", "$: 5.5 is not one of int, str, None"),
        (int | str, "null", "$: null is not one of int, str"),
        (bool | str, "1", "$: 1 is not one of bool, str"),
        (list[int] | None, '["a"]', '$[0]: "a" is not of type int'),
        (list[int] | str, '["a"]', '$[0]: "a" is not of type int'),
        (list[int] | tuple[int, int], '["a"]', '$: ["a"] is not one of list[int], tuple[int, int]'),
        (Literal["a"] | Color, '"b"', "$: \"b\" is not one of 'a', Color"),
        (Car | str | None, "5", "$: 5 is not one of Car, str, None"),
        (Car | str | None, '{"wheels":"4"}', '$.wheels: "4" is not of type int'),
        (Car | Boat, '{"sails":"4"}', '$.sails: "4" is not of type int'),
        (Car | Boat, '{"legs":4}', '$: {"legs": 4} is not one of Car, Boat'),
        (Car | Boat | None, "[]", "$: [] is not one of Car, Boat"),
        (Card | Cash, '{"kind":"card","number":"x"}', '$.number: "x" is not of type int'),
        (
            Card | Cash,
            '{"kind":"gold","number":1}',
            '$: {"kind": "gold", "number": 1} is not one of',
        ),
        (Card | Cash, '{"kind":[],"number":1}', '$: {"kind": [], "number": 1} is not one of Card'),
        (Card | Cash, '{"number":1}', '$: {"number": 1} is not one of Card, Cash'),
        (Order, '{"payment":{"kind":"cash"}}', "$.payment.number: is missing"),
        (Folder, '{"items":[1]}', "$.items[0]: 1 is not one of Folder, Card, str"),
        (
            Thing | Twin,
            '{"name":"x"}',
            "$: Thing, Twin cannot be told apart: give each a field of type Literal",
        ),
    ],
)
def test_what_fits_no_member_is_refused(as_type, text, message):
    """The message is about the member that was meant, where that is clear, or else about all."""
    assert refusal_of(text, as_type).startswith(message)


def test_a_class_that_cannot_be_told_apart_may_still_be_written():
    """It must be looked up by its own class."""
    text = default_codec.encode([Thing("x"), Twin("x")])
    assert read(text, tuple[Thing, Twin]) == (Thing("x"), Twin("x"))
