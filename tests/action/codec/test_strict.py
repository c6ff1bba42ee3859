"""What is read, and what is refused: nothing is converted to make it fit."""

from __future__ import annotations  # types of users are often strings like here

import dataclasses
import enum
import math
from collections import abc, namedtuple
from collections.abc import Callable
from importlib.metadata import version
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
    Union,
)
from uuid import UUID

import attrs
import cattrs
import pytest
import typing_extensions

from steno.action._codec import Codec
from steno.core import JsonText
from steno.errors import DeserializeError

default_codec = Codec()

T = TypeVar("T")
S = TypeVar("S")

ID = UUID("12345678-1234-5678-1234-567812345678")

UserId = NewType("UserId", int)
Alias = typing_extensions.TypeAliasType("Alias", list[int])
Pair = typing_extensions.TypeAliasType("Pair", tuple[T, S], type_params=(S, T))


class TypeAliasType:
    """What a `type` statement makes, which this Python may not have."""

    __type_params__ = ()

    def __call__(self):
        """Look like a type, so that a union can hold this."""


Json = TypeAliasType()
Json.__value__ = Union[None, int, str, list[Json], dict[str, Json]]  # noqa: UP007 - it is not a type


class Color(enum.Enum):
    """An enum of strings."""

    RED = "red"


class Level(enum.IntEnum):
    """An enum of ints that knows a former name."""

    LOW = 1
    HIGH = 2

    @classmethod
    def _missing_(cls, value):
        return cls.HIGH if value == 99 else None


class Perm(enum.Flag):
    """An enum whose members are combined."""

    READ = 1
    WRITE = 2


class Odd(enum.Enum):
    """An enum whose values are no scalars."""

    PAIR = (1, 2)
    WHEN = ID


class Name(str):
    """A string of a class of its own."""

    __slots__ = ()


@attrs.frozen
class Room:
    """A class of attrs."""

    name: str
    price: int


@attrs.frozen
class Hotel:
    """A class with parts."""

    rooms: list[Room]
    best: Room | None = None
    by_name: dict[str, Room] = attrs.field(factory=dict)


@attrs.frozen
class Easy:
    """A class that needs nothing."""

    size: int = 1


@attrs.frozen
class Named:
    """A class whose arguments have other names than its fields."""

    _private: int
    public: int = attrs.field(alias="other")
    left: int = attrs.field(init=False, default=3)


@attrs.frozen
class Vague:
    """A class whose fields may be anything."""

    any_: Any
    thing: object


@attrs.frozen
class Untyped:
    """A class whose fields have no types."""

    one = attrs.field()
    two = attrs.field(default=None)


@attrs.frozen
class Fixed:
    """A class whose field never changes."""

    size: Final[int]
    tagged: Annotated[int, "a comment"] = 1


@attrs.frozen
class Renamed:
    """A class that says itself how cattrs shall handle it."""

    size: Annotated[int, cattrs.override(rename="Size")]


@attrs.frozen
class Box(Generic[T]):
    """A generic class."""

    content: T
    more: list[T] = attrs.field(factory=list)


@attrs.frozen
class Even:
    """A class that looks at what it is given."""

    number: int = attrs.field()

    @number.validator
    def _check(self, _, value):
        if value % 2:
            msg = f"{value} is odd"
            raise ValueError(msg)


@attrs.frozen
class Typed:
    """A class that attrs itself looks at."""

    size: Any = attrs.field(validator=attrs.validators.instance_of(int))


@attrs.frozen
class Tree:
    """A class that holds itself."""

    leaves: list[Tree]
    parent: Tree | None = None


@dataclasses.dataclass(kw_only=True)
class Trip:
    """A dataclass."""

    hotel: Hotel
    days: int = 1
    notes: list[str] = dataclasses.field(default_factory=list)
    total: int = dataclasses.field(init=False, default=0)


@dataclasses.dataclass
class Crate(Generic[T]):
    """A generic dataclass."""

    content: T


class Point(NamedTuple):
    """A named tuple, one of whose fields came later."""

    x: int
    y: int = 0


class Link(NamedTuple):
    """A named tuple that holds itself."""

    next: Link | None


class Two(NamedTuple, Generic[T]):
    """A generic named tuple."""

    one: T
    other: list[T]


Old = namedtuple("Old", "a b")  # noqa: PYI024 - users have these too


class Movie(TypedDict):
    """A dict whose keys are known."""

    title: str
    year: NotRequired[int]
    sequel: NotRequired[Movie]


class Loose(TypedDict, total=False):
    """A dict that need not have its keys."""

    title: Required[str]
    year: int


class Shelf(TypedDict, Generic[T]):
    """A generic dict whose keys are known."""

    items: list[T]


class Other(typing_extensions.TypedDict):
    """A dict of the kind that newer Pythons have."""

    title: str


class Unknown:
    """A class of which nothing is known."""


@attrs.frozen
class Hiding:
    """A class one of whose parts is not known."""

    number: int
    part: Unknown | None = None


def text_of(value: object) -> JsonText:
    """Return a value as JSON."""
    return default_codec.encode(value)


def refusal_of(text: str, as_type: Any) -> str:
    """Return the message with which a text is refused."""
    with pytest.raises(DeserializeError) as caught:
        default_codec.decode(JsonText(text), as_type)
    return str(caught.value)


READ = [
    (None, None),
    (type(None), None),
    (bool, False),
    (int, -(2**63)),
    (float, 0.1),
    (str, "ü\0"),
    (Name, Name("x")),
    (Any, {"a": [1, 2.5, None]}),
    (object, {"a": [1, 2.5, None]}),
    (list, [1, "a"]),
    (list[int], [1, 2]),
    (list[None], [None]),
    (abc.MutableSequence[int], [1]),
    (abc.Sequence[int], (1, 2)),
    (abc.Collection[int], (1, 2)),
    (tuple, (1, "a")),
    (tuple[int, ...], ()),
    (tuple[int, ...], (1, 2, 3)),
    (tuple[int, str], (1, "a")),
    (tuple[()], ()),
    (set[int], {1, 2}),
    (abc.MutableSet[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (abc.Set[str], frozenset({"a"})),
    (set[tuple[int, int]], {(1, 2), (3, 4)}),
    (frozenset[Room], frozenset({Room("a", 1)})),
    (dict, {"a": 1}),
    (dict[str, int], {"a": 1}),
    (dict[UUID, list[int]], {ID: [1]}),
    (dict[Color, int], {Color.RED: 1}),
    (abc.Mapping[str, int], {"a": 1}),
    (abc.MutableMapping[str, int], {"a": 1}),
    (int | None, None),
    (int | None, 5),
    (Literal["a", 1], "a"),
    (Literal[1, None], None),  # noqa: PYI061 - users write it so
    (Literal[Color.RED], Color.RED),
    (UserId, 5),
    (Annotated[int, "a comment"], 5),
    (Alias, [1]),
    (Pair[int, str], ("a", 1)),
    (Json, {"a": [None, [{"b": 5}], "x"]}),
    (Color, Color.RED),
    (Level, Level.LOW),
    (Perm, Perm.READ | Perm.WRITE),
    (Odd, Odd.PAIR),
    (Odd, Odd.WHEN),
    (Room, Room("a", 1)),
    (Hotel, Hotel([Room("a", 1)], Room("b", 2), {"c": Room("c", 3)})),
    (Easy, Easy()),
    (Named, Named(1, 2)),
    (Vague, Vague([1], {"a": None})),
    (Untyped, Untyped([1], {"a": None})),
    (Fixed, Fixed(1)),
    (Box[int], Box(1, [2])),
    (Box[Box[str]], Box(Box("a"), [Box("b", ["c"])])),
    (Tree, Tree([Tree([])], Tree([]))),
    (Trip, Trip(hotel=Hotel([]), days=2, notes=["x"])),
    (Crate[list[UUID]], Crate([ID])),
    (Point, Point(1, 2)),
    (Link, Link(Link(None))),
    (Two[UUID], Two(ID, [ID])),
    (Old, Old(1, ["x"])),
    (Movie, {"title": "a", "sequel": {"title": "b", "year": 3}}),
    (Loose, {"title": "a"}),
    (Shelf[UUID], {"items": [ID]}),
    (Other, {"title": "a"}),
]


@pytest.mark.parametrize(("as_type", "value"), READ, ids=lambda each: str(each)[:40])
def test_each_type_is_read_as_it_was_written(as_type, value):
    """What comes back is equal and of the same class."""
    again = default_codec.decode(text_of(value), as_type)
    assert again == value
    assert type(again) is type(value)


REFUSED = [
    # Scalars
    (int, '"5"', '$: "5" is not of type int'),
    (int, "3.9", "$: 3.9 is not of type int"),
    (int, "1.0", "$: 1.0 is not of type int"),
    (int, "true", "$: true is not of type int"),
    (int, "null", "$: null is not of type int"),
    (int, "[]", "$: [] is not of type int"),
    (float, "true", "$: true is not of type float"),
    (float, '"1.0"', '$: "1.0" is not of type float'),
    (float, "NaN", "$: NaN is not of type float"),
    (float, "-Infinity", "$: -Infinity is not of type float"),
    (float, "1e999", "$: Infinity is not of type float"),
    (bool, "1", "$: 1 is not of type bool"),
    (bool, '"true"', '$: "true" is not of type bool'),
    (str, "5", "$: 5 is not of type str"),
    (str, "null", "$: null is not of type str"),
    (Name, "5", "$: 5 is not of type Name"),
    (type(None), "0", "$: 0 is not of type None"),
    (UserId, '"5"', '$: "5" is not of type int'),
    (Annotated[int, "x"], "true", "$: true is not of type int"),
    (Literal["a", 1], "true", "$: true is not of type 'a' or 1"),
    (Literal[1], "1.0", "$: 1.0 is not of type 1"),
    (Literal[True], "1", "$: 1 is not of type True"),
    (Literal["a"], '["a"]', "$: [\"a\"] is not of type 'a'"),
    (Color, '"RED"', '$: "RED" is not of type Color'),
    (Color, "1", "$: 1 is not of type Color"),
    (Level, "true", "$: true is not of type Level"),
    (Level, "1.0", "$: 1.0 is not of type Level"),
    (Level, "3", "$: 3 is not of type Level"),
    (Perm, "true", "$: true is not of type Perm"),
    (Perm, "8", "$: 8 is not of type Perm"),
    (str, f'["{"x" * 100}"]', f'$: ["{"x" * 58}… is not of type str'),
    # Lists
    (list[str], '"abc"', '$: "abc" is not of type list[str]'),
    (list[str], '{"a":1}', '$: {"a": 1} is not of type list[str]'),
    (list, "null", "$: null is not of type list"),
    (list[int], '[1,"a",2,null]', '$[1]: "a" is not of type int; $[3]: null is not of type int'),
    (list[list[int]], '[[1],["a"]]', '$[1][0]: "a" is not of type int'),
    (list[None], "[0]", "$[0]: 0 is not of type None"),
    (abc.Sequence[int], '"12"', '$: "12" is not of type Sequence[int]'),
    (set[int], '"12"', '$: "12" is not of type set[int]'),
    (set[int], '["1"]', '$[0]: "1" is not of type int'),
    (set[Any], "[[]]", "$: TypeError: unhashable type: 'list'"),
    (frozenset[int], "{}", "$: {} is not of type frozenset[int]"),
    (tuple[int, ...], '"12"', '$: "12" is not of type tuple[int, ...]'),
    (tuple[int, ...], '[1,"2"]', '$[1]: "2" is not of type int'),
    (tuple[int, int], "[1]", "$: has 1 items, not 2"),
    (tuple[int, int], "[1,2,3]", "$: has 3 items, not 2"),
    (tuple[int, str], "[1,2]", "$[1]: 2 is not of type str"),
    (tuple[()], "[1]", "$: has 1 items, not 0"),
    (tuple[int], '{"0":1}', '$: {"0": 1} is not of type tuple[int]'),
    (Pair[int, str], "[1,2]", "$[0]: 1 is not of type str"),
    (Json, '{"a":[1,true]}', "$.a[1]: true"),
    (Point, "[]", "$: has 0 items, not 1 to 2"),
    (Point, "[1,2,3]", "$: has 3 items, not 1 to 2"),
    (Point, '["1"]', '$[0]: "1" is not of type int'),
    (Point, '{"x":1}', '$: {"x": 1} is not of type Point'),
    (Link, "[[3]]", "$[0][0]: 3 is not of type Link"),
    # Objects
    (dict[str, int], "[]", "$: [] is not of type dict[str, int]"),
    (
        dict[str, int],
        '{"a":"1","b":2,"c":null}',
        '$.a: "1" is not of type int; $.c: null is not of type int',
    ),
    (dict[str, list[int]], '{"a":[1,"2"]}', '$.a[1]: "2" is not of type int'),
    (dict[UUID, int], '{"a":1}', '$.a: "a" is not of type UUID'),
    (dict[int, int], '{"1":1}', '$.1: "1" is not of type int'),
    (dict[Color, int], '{"blue":1}', '$.blue: "blue" is not of type Color'),
    (abc.Mapping[str, int], "null", "$: null is not of type Mapping[str, int]"),
    (Movie, "{}", "$.title: is missing"),
    (Movie, "[]", "$: [] is not of type Movie"),
    (Movie, '{"title":"a","year":"1"}', '$.year: "1" is not of type int'),
    (Movie, '{"title":"a","sequel":{"title":1}}', "$.sequel.title: 1 is not of type str"),
    (Loose, "{}", "$.title: is missing"),
    (Shelf[int], '{"items":["1"]}', '$.items[0]: "1" is not of type int'),
    (Shelf, '{"items":["1"]}', "$.items[0]: the type ~T cannot be read from JSON"),
    # Classes
    (Room, '{"name":"a","price":"5"}', '$.price: "5" is not of type int'),
    (Room, '{"price":"5"}', '$.name: is missing; $.price: "5" is not of type int'),
    (Room, "[]", "$: [] is not of type Room"),
    (Room, '"abc"', '$: "abc" is not of type Room'),
    (Easy, "null", "$: null is not of type Easy"),
    (Easy, "[]", "$: [] is not of type Easy"),
    (Easy, '"size"', '$: "size" is not of type Easy'),
    (Hotel, '{"rooms":[{"name":"a","price":1},{"name":"b","price":2.0}]}', "$.rooms[1].price: 2.0"),
    (Hotel, '{"rooms":[],"best":5}', "$.best: 5 is not of type Room"),
    (
        Hotel,
        '{"rooms":[],"by_name":{"x":{"name":1}}}',
        "$.by_name.x.name: 1 is not of type str; $.by_name",
    ),
    (Named, '{"private":1,"other":2}', "$._private: is missing; $.public: is missing"),
    (Fixed, '{"size":"1"}', '$.size: "1" is not of type int'),
    (Box[int], '{"content":"x"}', '$.content: "x" is not of type int'),
    (Box[Box[int]], '{"content":{"content":"x"}}', '$.content.content: "x" is not of type int'),
    (Box, '{"content":1}', "$: StructureHandlerNotFoundError: Missing type for generic argument T"),
    (Even, '{"number":3}', "$: ValueError: 3 is odd"),
    (list[Even], '[{"number":2},{"number":3}]', "$[1]: ValueError: 3 is odd"),
    (Typed, '{"size":"x"}', "$: TypeError: 'size' must be <class 'int'> (got 'x' that is a"),
    (
        Tree,
        '{"leaves":[{"leaves":[{"leaves":5}]}]}',
        "$.leaves[0].leaves[0].leaves: 5 is not of type list",
    ),
    (Trip, '{"hotel":{"rooms":[]},"days":true}', "$.days: true is not of type int"),
    (Crate[int], '{"content":null}', "$.content: null is not of type int"),
    # Types that are not known
    (Unknown, "{}", "$: the type Unknown cannot be read from JSON"),
    (list[Unknown], "[1]", "$[0]: the type Unknown cannot be read from JSON"),
    (Hiding, '{"number":1,"part":{}}', "$.part: the type Unknown cannot be read from JSON"),
    (complex, "1", "$: the type complex cannot be read from JSON"),
    (bytearray, '""', "$: the type bytearray cannot be read from JSON"),
    (range, "[]", "$: the type range cannot be read from JSON"),
    (Callable[[], int], "1", "$: the type Callable[[], int] cannot be read from JSON"),
    (BaseException, "{}", "$: the type BaseException cannot be read from JSON"),
    (T, "1", "$: the type ~T cannot be read from JSON"),
    (len, "1", "$: the type <built-in function len> cannot be read from JSON"),
    ("Room", "1", "$: the type Room cannot be read from JSON"),
    (Final, "1", "$: the type Final cannot be read from JSON"),
    (Annotated[int, []], "1", "$: TypeError: unhashable type: 'list'"),
]


@pytest.mark.parametrize(("as_type", "text", "message"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_is_of_another_type_is_refused(as_type, text, message):
    """The message says where the fault is, and shows the JSON and the type that it is not."""
    assert refusal_of(text, as_type).startswith(message)


@pytest.mark.skipif(version("cattrs") < "26.1", reason="cattrs knew no such annotation")
def test_a_class_may_say_how_it_is_handled():
    """What annotations say to cattrs counts, in messages too."""
    assert text_of(Renamed(1)) == '{"Size":1}'
    assert default_codec.decode(JsonText('{"Size":1}'), Renamed) == Renamed(1)
    assert refusal_of('{"size":1}', Renamed) == "$.size: is missing"


def test_an_int_is_a_float():
    """PEP 484 says so; it becomes one."""
    value = default_codec.decode(JsonText("[1, 18446744073709551615]"), list[float])
    assert value == [1.0, float(2**64 - 1)]
    assert [type(each) for each in value] == [float, float]
    assert math.copysign(1, default_codec.decode(JsonText("-0.0"), float)) == -1


def test_a_part_that_is_not_there_needs_no_known_type():
    """A type that is not known is refused where a value of it should be read, not before."""
    assert default_codec.decode(JsonText('{"number":1}'), Hiding) == Hiding(1)


def test_keys_that_are_not_known_are_passed_over():
    """Classes grow; an older release reads what a newer one wrote."""
    text = JsonText('{"name":"a","new":[1],"price":1,"title":"t"}')
    assert default_codec.decode(text, Room) == Room("a", 1)
    assert default_codec.decode(text, Movie) == {"title": "t"}


def test_fields_that_came_later_are_filled_in():
    """A newer release reads what an older one wrote, if the new fields have defaults."""
    assert default_codec.decode(JsonText('{"rooms":[]}'), Hotel) == Hotel([])
    assert default_codec.decode(JsonText("[1]"), Point) == Point(1, 0)


def test_an_enum_may_know_former_values():
    """What `_missing_` makes of a value of the right type counts."""
    assert default_codec.decode(JsonText("99"), Level) is Level.HIGH


def test_a_value_with_many_faults_names_some_and_counts_the_rest():
    """A message stays one that can be read."""
    message = refusal_of("[" + ",".join(["null"] * 1000) + "]", list[int])
    assert message.startswith("$[0]: null is not of type int; $[1]: null is not of type int; ")
    assert message.endswith("; $[9]: null is not of type int; and 990 more")


@attrs.frozen
class Promise:
    """A class whose annotation means nothing at run time."""

    what: Nowhere  # noqa: F821 - that is the point


def test_an_annotation_without_meaning_is_an_error():
    """Types that are imported for type checkers only cannot be read, and that is said."""
    assert refusal_of('{"what":1}', Promise) == "$: NameError: name 'Nowhere' is not defined"


# Models, with and without pydantic


class Faulty(ValueError):
    """What pydantic raises."""

    def errors(self):
        return [{"loc": ("rooms", 2, "price"), "msg": "Input should be a valid integer"}]


class Model:
    """A class like those of pydantic."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.size == other.size

    __hash__ = None

    def model_dump(self, *, mode, by_alias, round_trip):
        assert (mode, by_alias, round_trip) == ("json", True, True)
        return {"size": self.size}

    @classmethod
    def model_validate_json(cls, text, *, strict):
        assert strict
        if text == "1":
            raise Faulty
        if text == "2":
            msg = "two"
            raise ValueError(msg)
        return cls(default_codec.decode(text, dict[str, int])["size"])


def test_a_model_writes_and_reads_itself():
    """A class that has what models of pydantic have is treated like one."""
    assert text_of([Model(3)]) == '[{"size":3}]'
    assert default_codec.decode(JsonText('[{"size":3}]'), list[Model]) == [Model(3)]


def test_the_faults_of_a_model_have_their_places():
    """What pydantic says of a part is put behind the path of the model."""
    message = "$[0].rooms[2].price: Input should be a valid integer"
    assert refusal_of("[1]", list[Model]) == message
    assert refusal_of("[2]", list[Model]) == "$[0]: ValueError: two"


def test_models_of_pydantic_come_back():
    """They are read strictly, by their aliases, and within other classes."""
    pydantic = pytest.importorskip("pydantic")

    class Car(pydantic.BaseModel, extra="forbid"):
        wheels: int = pydantic.Field(alias="Wheels")
        owner: UUID | None = None
        colors: tuple[str, ...] = ()

        @pydantic.computed_field
        def axles(self) -> int:
            return self.wheels // 2

    garage = Box(Car(Wheels=4, owner=ID, colors=("red",)), [Car(Wheels=3)])
    assert default_codec.decode(text_of(garage), Box[Car]) == garage
    message = refusal_of('{"content":{"Wheels":"4"}}', Box[Car])
    assert message == "$.content.Wheels: Input should be a valid integer"
