"""Comparing annotations: which values can be read as which other types."""

import dataclasses
import enum
from base64 import b64decode
from collections import abc, defaultdict, namedtuple
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath
from typing import (
    Annotated,
    Any,
    Final,
    ForwardRef,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
)
from uuid import UUID

import attrs
import cattrs
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from steno.action._codec import Codec, may_be, type_text
from steno.action._codec._annotation import type_name
from steno.errors import DeserializeError

T = TypeVar("T")

ID = UUID("12345678-1234-5678-1234-567812345678")

UserId = NewType("UserId", int)
Ints = typing_extensions.TypeAliasType("Ints", list[int])
Pair = typing_extensions.TypeAliasType("Pair", tuple[T, T], type_params=(T,))
Json = typing_extensions.TypeAliasType("Json", int | str | list["Json"])


class TypeAliasType:
    """What a `type` statement makes, which this Python may not have."""

    __type_params__ = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self):
        """Look like a type, so that a list can hold this."""

    def __repr__(self) -> str:
        return self.name


Deep = TypeAliasType("Deep")
Deep.__value__ = list[Deep]
Deeper = TypeAliasType("Deeper")
Deeper.__value__ = Annotated[list[Deeper], "x"]
Endless = TypeAliasType("Endless")
Endless.__value__ = Annotated[Endless, "x"]

codec = Codec()
codec.register(IPv4Address, encode=str, decode=IPv4Address)


class Name(str):
    """A string of a class of its own."""

    __slots__ = ()


class Stack(list[int]):
    """A list of a class of its own, which can only be written."""

    __slots__ = ()


class Color(enum.Enum):
    """An enum of strings."""

    RED = "red"
    BLUE = "blue"


class Paint(enum.StrEnum):
    """An enum that shares a value with another."""

    RED = "red"


class Shade(enum.Enum):
    """An enum that shares no value with another."""

    DARK = "dark"


class Level(enum.IntEnum):
    """An enum of ints."""

    LOW = 1


class Perm(enum.Flag):
    """An enum whose members are combined."""

    READ = 1
    WRITE = 2


class Former(enum.Enum):
    """An enum that knows former names."""

    NEW = "new"

    @classmethod
    def _missing_(cls, _):
        return cls.NEW


class Odd(enum.Enum):
    """An enum of a list, and of a value that has no JSON."""

    PAIR = (1, 2)


class Strange(enum.Enum):
    """An enum whose value has no JSON."""

    HALF = Fraction(1, 2)


class Bare(enum.Enum):
    """An enum without members, to be derived from."""


@attrs.frozen
class Room:
    """A class of attrs."""

    name: str
    price: int


@attrs.frozen
class Suite(Room):
    """A class that is derived from another."""

    beds: int


@attrs.frozen
class Free(Room):
    """A class that gives a field another type than its base."""

    price: None


@dataclasses.dataclass
class Cheap:
    """A dataclass that needs less than another class has."""

    name: str
    stars: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)


@attrs.frozen
class Priced:
    """A class that has a field of another type."""

    name: str
    price: str


@attrs.frozen
class Booking:
    """A class with a part."""

    room: Room


@attrs.frozen
class Quote:
    """A class whose part is of another class."""

    room: Priced


@attrs.define
class Counter:
    """A class with a field that its `__init__` does not take."""

    name: str
    count: int = attrs.field(init=False, default=0)


@attrs.define
class Counted:
    """A class that needs what is not written."""

    count: int


@attrs.frozen
class Renamed:
    """A class whose field has another name in JSON."""

    title: Annotated[str, cattrs.override(rename="name")]


@attrs.frozen
class Untyped:
    """A class with a field that has no annotation."""

    name = attrs.field()


@attrs.frozen
class Lost:
    """A class whose annotation means nothing at run time."""

    name: "Nowhere"  # noqa: F821 - that is the point


class Movie(TypedDict):
    """A dict with keys."""

    name: str
    year: NotRequired[int]


class Sequel(Movie):
    """A dict with one more key."""

    part: int


class LostMovie(TypedDict):
    """A dict whose annotation means nothing at run time."""

    name: "Nowhere"  # noqa: F821 - that is the point


class Point(NamedTuple):
    """A named tuple with a default."""

    x: int
    y: int = 0


class Spot(Point):
    """A named tuple of a class of its own."""

    __slots__ = ()


class Label(NamedTuple):
    """A named tuple of other items."""

    x: str
    size: int = 0


Loose = namedtuple("Loose", "x y")  # noqa: PYI024 - users have these


@attrs.frozen
class Box(Generic[T]):
    """A generic class."""

    content: T


@attrs.frozen
class IntBox(Box[int]):
    """A class that is derived from a generic one."""


@attrs.frozen
class Tree:
    """A class that contains itself."""

    children: "list[Tree]"
    value: int


@dataclasses.dataclass
class Twig:
    """A class that contains itself, too."""

    children: "list[Twig]"
    value: int


@attrs.frozen
class Leaf:
    """A class that contains itself, with a value of another type."""

    children: "list[Leaf]"
    value: str


@attrs.frozen
class Nest(Generic[T]):
    """A generic class that contains itself with different arguments."""

    left: "Nest[list[T]] | None"
    right: "Nest[set[T]]"


@attrs.frozen
class Coop(Generic[T]):
    """A class like `Nest`."""

    left: "Coop[list[T]] | None"
    right: "Coop[set[T]]"


@attrs.frozen
class Failure(Exception):
    """An exception with fields."""

    name: str


class Named(Protocol):
    """A protocol."""

    name: str


class Unknown:
    """A class that the codec does not know."""


class Model:
    """A class like those of pydantic."""

    model_dump = model_validate_json = None


class Meta(type):
    """A metaclass that fails."""

    def __subclasscheck__(cls, other):
        raise ZeroDivisionError


class Evil(metaclass=Meta):
    """A class that cannot be asked anything."""

    _fields = ()


TABLE: list[tuple[Any, Any, bool]] = [
    # What is not understood
    (None, int, True),
    (int, None, True),
    (Any, int, True),
    (int, Any, True),
    (object, int, True),
    (int, object, True),
    (T, int, True),
    (int, T, True),
    (int, Named, True),
    (Named, int, True),
    (int, Callable[[int], str], True),
    (int, type[int], True),
    (Unknown, int, True),
    (int, Unknown, True),
    (list[Unknown], list[int], True),
    (IPv4Address, int, True),
    (list[int], IPv4Address, True),
    (Model, int, True),
    (int, Model, True),
    (Failure, int, True),
    (Room, Failure, True),
    ("Room", int, True),
    (int, ForwardRef("Room"), True),
    (list["Room"], list[int], True),
    (Evil, Point, True),
    (Annotated[int, []], str, True),
    # Atoms
    (type(None), type(None), True),
    (type(None), int, False),
    (int, int, True),
    (int, str, False),
    (int, float, True),
    (int, bool, True),
    (float, int, True),
    (float, bool, True),
    (float, str, False),
    (bool, int, False),
    (bool, float, False),
    (str, int, False),
    (str, Name, True),
    (Name, str, True),
    (Name, int, False),
    # Types that are spelled as strings
    (str, UUID, True),
    (UUID, str, True),
    (UUID, int, False),
    (int, UUID, False),
    (UUID, datetime, False),
    (UUID, bytes, False),
    (UUID, Path, True),
    (Path, UUID, True),
    (Path, PurePosixPath, True),
    (bytes, str, True),
    (bytes, Decimal, True),
    (Decimal, float, False),
    (date, datetime, True),
    (datetime, date, False),
    # Names and annotations around types
    (UserId, int, True),
    (UserId, str, False),
    (str, UserId, False),
    (Annotated[int, "x"], str, False),
    (int, Annotated[int, "x"], True),
    (Final[int], str, False),
    (Final, str, True),
    (Ints, list[int], True),
    (list[str], Ints, False),
    (Pair[int], tuple[int, int], True),
    (Pair[int], tuple[str, str], False),
    (Json, str, True),
    (bool, Json, False),
    (Deep, Deeper, True),
    (Endless, int, True),
    (Deep, int, False),
    # Unions
    (int | str, str, True),
    (int | str, UUID, True),
    (int | float, str, False),
    (int, str | None, False),
    (int, int | None, True),
    (Optional[int], int, True),  # noqa: UP045 - users write it so
    (int | None, str | None, True),
    (Room | None, Priced, False),
    (Room | None, Priced | Cheap, True),
    (int | Any, str, True),
    # Values
    (Literal["a", "b"], Literal["b", "c"], True),
    (Literal["a"], Literal["b"], False),
    (Literal["a"], str, True),
    (Literal["a"], int, False),
    (Literal["a"], UUID, False),
    (Literal["a"], Unknown, True),
    (Literal["a"], Path | None, True),
    (Literal["a"], list[str], False),
    (Literal[1], Literal[True], False),
    (Literal[1], float, True),
    (Literal["a", None], int | None, True),  # noqa: PYI061 - users write it so
    (Literal["a"] | None, int, False),
    (str, Literal["a"], True),
    (int, Literal["a"], False),
    (int, Literal[True], True),
    (UUID, Literal["a"], False),
    (Color, Paint, True),
    (Color, Shade, False),
    (Color, Literal["blue"], True),
    (Literal[Color.RED], Paint, True),
    (Literal[Color.BLUE], Paint, False),
    (Color, str, True),
    (str, Color, True),
    (UUID, Color, False),
    (Level, int, True),
    (Level, Color, False),
    (float, Level, True),
    (Perm, int, True),
    (Perm, Literal[3], True),
    (int, Perm, True),
    (str, Perm, False),
    (Perm, Perm, True),
    (Literal["old"], Former, True),
    (UUID, Former, True),
    (int, Former, False),
    (Odd, list[int], True),
    (Odd, list[Unknown], True),
    (Odd, dict[str, int], False),
    (list[int], Odd, True),
    (int, Odd, False),
    (Strange, int, True),
    (int, Bare, True),
    # Lists
    (list[int], list[int], True),
    (list[int], list[str], False),
    (list[int], list, True),
    (list, list[int], True),
    (list[int], set[int], True),
    (frozenset[int], abc.Sequence[int], True),
    (list[int], str, False),
    (list[int], dict[str, int], False),
    (list[list[int]], list[list[str]], False),
    (list[Room], abc.Sequence[Cheap], True),
    (list[Room], list[Priced], False),
    (str, abc.Sequence[str], False),
    (abc.Sequence[str], str, True),
    (abc.Sequence[int], bytes, True),
    (abc.Sequence[Room], str, False),
    (abc.Sequence, UUID, True),
    (abc.Sequence[str], dict[str, int], False),
    (abc.Collection[str], dict[str, int], True),
    (abc.Collection[str], dict[int, int], False),
    (abc.Iterable[int], int, True),
    (Stack, list[str], True),
    (Stack, int, False),
    (list[int], Stack, True),
    # Tuples
    (tuple[int, str], tuple[int, str], True),
    (tuple[int, str], tuple[str, int], False),
    (tuple[int, str], tuple[int], False),
    (tuple[int, str], tuple[int, ...], False),
    (tuple[int, int], list[int], True),
    (tuple[int, ...], tuple[int, int], True),
    (tuple[int, ...], tuple[int, str], False),
    (tuple[int, ...], tuple[()], True),
    (tuple[()], tuple[int, ...], True),
    (tuple[()], tuple[int], False),
    (tuple, tuple[int, str], True),
    (tuple[int, Unpack[tuple[str, ...]]], tuple[int, str, str], True),  # noqa: UP044 - users write it so
    (tuple[int, *tuple[str, ...]], tuple[int, str, str], True),
    (tuple[int, *tuple[str, ...]], int, False),
    (Point, tuple[int, int], True),
    (Point, tuple[int], False),
    (Point, list[str], False),
    (tuple[int], Point, True),
    (tuple[()], Point, False),
    (tuple[int, int, int], Point, False),
    (list[int], Point, True),
    (list[str], Label, True),
    (Point, Label, False),
    (Point, Spot, True),
    (Spot, Point, True),
    (Point, Loose, True),
    (Point, Room, False),
    # Dicts
    (dict[str, int], dict[str, int], True),
    (dict[str, int], dict[str, str], False),
    (dict[str, int], dict[int, int], False),
    (dict[UUID, int], dict[str, int], True),
    (dict[str, int], abc.Mapping[UUID, float], True),
    (dict, dict[str, int], True),
    (dict[str, int], list[str], False),
    (defaultdict[str, int], dict[str, str], True),
    (defaultdict[str, int], int, False),
    (dict[str, Any], Room, True),
    (dict[str, str | int], Room, True),
    (dict[str, str], Room, False),
    (dict[str, str], Cheap, True),
    (Room, dict[str, str | int], True),
    (Room, dict[str, int], False),
    (Room, dict[int, Any], False),
    # Classes with fields
    (Room, Room, True),
    (Room, Suite, True),
    (Suite, Room, True),
    (Room, Free, True),
    (Free, Room, False),
    (Room, list[Free | Priced], False),
    (Room, Cheap, True),
    (Cheap, Room, False),
    (Room, Priced, False),
    (Booking, Quote, False),
    (Room, Booking, False),
    (Booking, Booking, True),
    (Room, str, False),
    (Room, list[Any], False),
    (str, Room, False),
    (Counter, Room, False),
    (Counter, Counted, False),
    (Counter, Twig, False),
    (Room, Counter, True),
    (Cheap, Renamed, True),
    (Renamed, Room, True),
    (int, Renamed, False),
    (Room, Untyped, True),
    (Room, Lost, True),
    (Lost, Room, False),
    (Room, Movie, True),
    (Movie, Cheap, True),
    (Movie, Room, False),
    (Movie, dict[str, str | int], True),
    (Sequel, Movie, True),
    (Movie, Sequel, False),
    (Movie, LostMovie, True),
    # Generic classes
    (Box[int], Box[int], True),
    (Box[int], Box[str], False),
    (Box[int], Box, True),
    (Box[int], Box[Any], True),
    (Box[Box[int]], Box[Box[str]], False),
    (IntBox, Box[int], True),
    (Box[int], dict[str, str], False),
    # Classes that contain themselves
    (Tree, Twig, True),
    (Tree, Leaf, False),
    (list[Tree], list[Leaf | None], False),
    (Nest[int], Nest[str], True),
    (Nest[int], Coop[str], True),
]


def name_of(as_type: object) -> str:
    """Return a type as the id of a test shows it."""
    return repr(as_type) if isinstance(as_type, str) else type_name(as_type)


@pytest.mark.parametrize(
    ("source", "wanted", "expected"),
    TABLE,
    ids=[f"{name_of(source)} -> {name_of(wanted)}" for source, wanted, _ in TABLE],
)
def test_a_value_of_one_type_may_be_read_as_another(source, wanted, *, expected):
    """Unless the JSON of the one is never JSON of the other, or that is so for their parts."""
    assert may_be(source, wanted, codec) is expected


def test_registered_types_are_accepted():
    """It does not matter which; an enum of them is compared by what they are written as."""
    taught = Codec()
    taught.register(Fraction, encode=str, decode=Fraction)
    assert may_be(list[Fraction], list[int], taught)
    assert may_be(Strange, str, taught)
    assert not may_be(Strange, int, taught)


def test_a_model_of_pydantic_is_accepted():
    """It may read and write any JSON."""
    pydantic = pytest.importorskip("pydantic")

    class Car(pydantic.BaseModel):
        wheels: int

    assert may_be(Car, Room, codec)
    assert may_be(list[Room], list[Car], codec)


@pytest.mark.parametrize(
    ("as_type", "text"),
    [
        (int, "int"),
        (Room, "Room"),
        (type(None), "None"),
        (int | None, "int | None"),
        (dict[str, list[Room]], "dict[str, list[Room]]"),
        (Box[int], "Box[int]"),
        (Annotated[Room, "x"], "Room"),
        (UserId, "UserId"),
        (Ints, "Ints"),
        (Literal["a", 1], "'a' or 1"),
    ],
)
def test_the_text_of_a_type(as_type, text):
    """It is what users write, without modules, and without what only annotates it."""
    assert type_text(as_type) == text


# What is refused cannot be read

Kind = tuple[Any, st.SearchStrategy[Any]]

TEXTS = ["", "a", "red", "new", "1", "1234", "2024-05-06", "20:24:00", "PT86400S", str(ID)]

BASE64 = ["1234", "PT86400S", "20240506T00+0000"]

NUMBERS = st.integers(0, 3)
WORDS = st.sampled_from(TEXTS)
ROOMS = st.builds(Room, WORDS, NUMBERS)
TREES = st.builds(lambda value: Tree([Tree([], value)], value), NUMBERS)

KINDS: list[Kind] = [
    (type(None), st.none()),
    (bool, st.booleans()),
    (int, NUMBERS | st.booleans() | st.just(Level.LOW)),
    (float, st.sampled_from([0.0, 1.5, 1, True])),
    (str, WORDS | WORDS.map(Name) | st.sampled_from(Paint)),
    (Name, WORDS.map(Name)),
    (bytes, st.sampled_from([b"", b"abc", *map(b64decode, BASE64)])),
    (UUID, st.just(ID)),
    (Decimal, st.sampled_from([Decimal(1), Decimal("1.5"), Decimal(1234), Decimal("1E-7")])),
    (date, st.dates() | st.datetimes()),
    (datetime, st.datetimes()),
    (time, st.times()),
    (timedelta, st.timedeltas() | st.just(timedelta(days=1))),
    (Path, WORDS.map(Path)),
    (Color, st.sampled_from(Color)),
    (Paint, st.sampled_from(Paint)),
    (Level, st.sampled_from(Level)),
    (Perm, st.sampled_from([Perm.READ, Perm.WRITE, Perm.READ | Perm.WRITE])),
    (Former, st.sampled_from(Former)),
    (Odd, st.sampled_from(Odd)),
    (Literal["red", 1], st.sampled_from(["red", 1])),
    (Literal[True, "1"], st.sampled_from([True, "1"])),
    (UserId, NUMBERS),
    (Json, st.sampled_from([1, "a", [1, ["a"]]])),
    (IPv4Address, st.just(IPv4Address("10.0.0.7"))),
    (Any, st.sampled_from([1, "a", [1], {"name": "a"}])),
    (abc.Sequence[str], st.sampled_from(["red", ["red"], ("a", "1")])),
    (abc.Collection[str], st.sampled_from(["red", {"red"}, {"name": "a"}])),
    (Stack, st.just(Stack([1, 2]))),
    (tuple[int, int], st.just((1, 2))),
    (tuple, st.sampled_from([(1, 2), ("a",)])),
    (dict, st.sampled_from([{"name": "a"}, {"x": 1}])),
    (dict[str, str | int], st.just({"name": "a", "price": 1})),
    (dict[UUID, int], st.just({ID: 1})),
    (Room, ROOMS | st.builds(Suite, WORDS, NUMBERS, NUMBERS)),
    (Suite, st.builds(Suite, WORDS, NUMBERS, NUMBERS)),
    (Cheap, st.builds(Cheap, WORDS, NUMBERS, st.just(["a"]))),
    (Priced, st.builds(Priced, WORDS, WORDS)),
    (Booking, st.builds(Booking, ROOMS)),
    (Quote, st.builds(Quote, st.builds(Priced, WORDS, WORDS))),
    (Counter, st.builds(Counter, WORDS)),
    (Counted, st.builds(Counted, NUMBERS)),
    (Renamed, st.builds(Renamed, WORDS)),
    (Untyped, st.builds(Untyped, WORDS | NUMBERS)),
    (Movie, st.builds(dict, name=WORDS, year=NUMBERS)),
    (Sequel, st.builds(dict, name=WORDS, year=NUMBERS, part=NUMBERS)),
    (Point, st.builds(Point, NUMBERS, NUMBERS) | st.builds(Spot, NUMBERS, NUMBERS)),
    (Label, st.builds(Label, WORDS, NUMBERS)),
    (Loose, st.builds(Loose, NUMBERS, WORDS)),
    (Box[int], st.builds(Box, NUMBERS)),
    (Box[str], st.builds(Box, WORDS)),
    (IntBox, st.builds(IntBox, NUMBERS)),
    (Tree, TREES),
    (Twig, st.builds(lambda value: Twig([Twig([], value)], value), NUMBERS)),
    (Leaf, st.builds(lambda value: Leaf([Leaf([], value)], value), WORDS)),
]


def wholes(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    """Types that are made of others, with their values; no container is empty."""
    return st.one_of(
        inner.map(lambda kind: (list[kind[0]], st.lists(kind[1], min_size=1, max_size=2))),
        inner.map(lambda kind: (tuple[kind[0], ...], st.tuples(kind[1]))),
        inner.map(lambda kind: (dict[str, kind[0]], st.fixed_dictionaries({"name": kind[1]}))),
        inner.map(lambda kind: (Annotated[kind[0], "x"], kind[1])),
        inner.map(lambda kind: (kind[0] | None, kind[1] | st.none())),
        st.tuples(inner, inner).map(
            lambda both: (tuple[both[0][0], both[1][0]], st.tuples(both[0][1], both[1][1]))
        ),
        st.tuples(inner, inner).map(
            lambda both: (Union[both[0][0], both[1][0]], both[0][1] | both[1][1])  # noqa: UP007 - the types are drawn
        ),
    )


def is_read(value: object, source: Any, wanted: Any) -> bool:
    """Return True if the codec reads what it has written."""
    try:
        codec.decode(codec.encode(value, as_type=source), wanted)
    except DeserializeError:
        return False
    return True


@pytest.mark.parametrize(("source", "values"), KINDS, ids=[name_of(kind) for kind, _ in KINDS])
@given(st.data())
def test_a_pair_of_types_that_is_refused_cannot_be_read(source, values, data):
    """Each type is compared with all the others."""
    value = data.draw(values)
    for wanted, _ in KINDS:
        if not may_be(source, wanted, codec):
            assert not is_read(value, source, wanted), wanted


@given(
    st.recursive(st.sampled_from(KINDS), wholes, max_leaves=3),
    st.recursive(st.sampled_from(KINDS), wholes, max_leaves=3),
    st.data(),
)
def test_what_the_codec_reads_is_not_refused(source, wanted, data):
    """Containers, unions and annotated types of all these are not refused either."""
    value = data.draw(source[1])
    if is_read(value, source[0], wanted[0]):
        assert may_be(source[0], wanted[0], codec)
