"""What is too large is refused while it is written, and before it takes its time and memory."""

import dataclasses
import enum
import tracemalloc
from collections import OrderedDict, deque
from decimal import Decimal
from types import SimpleNamespace
from typing import NamedTuple

import attrs
import pytest

import steno
from steno.action._codec import Codec, shown
from steno.core import MAX_VALUE_BYTES, decode_json
from steno.errors import SerializeError

default_codec = Codec()

LEVELS = 40
"""So many containers, each of which holds the one before twice, hold 2**40 leaves."""


class TooManyLooks(BaseException):
    """A leaf was written more often than allowed."""


class Leaf(Decimal):
    """A number that counts how often it is written, and does not let it be too often."""

    looks = 0
    allowed = 1000
    text = "1"

    def __str__(self) -> str:
        Leaf.looks += 1
        if Leaf.looks > Leaf.allowed:
            raise TooManyLooks
        return self.text

    __repr__ = __str__


@pytest.fixture(autouse=True)
def _count_anew(monkeypatch):
    monkeypatch.setattr(Leaf, "looks", 0)


@attrs.frozen
class Pair:
    """A class of attrs with two parts."""

    left: object
    right: object


@dataclasses.dataclass
class Both:
    """A dataclass with two parts."""

    left: object
    right: object


class Couple(NamedTuple):
    """A tuple with names."""

    left: object
    right: object


class Model:
    """A class like those of pydantic, which write all that they hold at once."""

    def __init__(self, left: object, right: object) -> None:
        self.parts = [left, right]

    def model_dump(self, **how):
        return [self._dumped(part, how) for part in self.parts]

    def _dumped(self, part, how):
        return part.model_dump(**how) if isinstance(part, Model) else str(part)

    def model_validate_json(self):
        """Make this a model."""


class Again(list):
    """A list that gives its items for ever."""

    def __iter__(self):
        while True:
            yield from super().__iter__()


class Mapping(dict):
    """A dict that gives its items for ever."""

    def items(self):
        number = 0
        while True:
            number += 1
            yield number, Leaf()


def make_enum(left: object, right: object) -> enum.Enum:
    return enum.Enum("Tree", {"PAIR": (left, right)})["PAIR"]


PAIRS = {
    "list": lambda left, right: [left, right],
    "tuple": lambda left, right: (left, right),
    "named tuple": Couple,
    "dict": lambda left, right: {"left": left, "right": right},
    "ordered dict": lambda left, right: OrderedDict(left=left, right=right),
    "attrs": Pair,
    "dataclass": Both,
    "enum": make_enum,
    "model": Model,
    "mixed": lambda left, right: [{"a": Pair(left, Both(right, None))}],
}


def shared(pair, levels: int = LEVELS, leaf: object = None) -> object:
    """Return a value of few parts, each of which is held twice by the next."""
    value = Leaf() if leaf is None else leaf
    for _ in range(levels):
        value = pair(value, value)
    return value


def refusal_of(value: object, limit: int = 1000) -> str:
    with pytest.raises(SerializeError) as caught:
        Codec(max_value_bytes=limit).encode(value)
    return str(caught.value)


SPENT = "$: takes more bytes as JSON than the 1000 allowed"


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_shared_parts_are_written_until_the_limit(pair):
    """No more leaves are written than bytes are allowed, however many there would be."""
    assert refusal_of(shared(pair)) == SPENT
    assert Leaf.looks <= 1000


@pytest.mark.parametrize("pair", [PAIRS["list"], Pair, Model], ids=["list", "attrs", "model"])
@pytest.mark.parametrize(
    "around",
    [
        lambda value: [value],
        lambda value: {"a": value},
        lambda value: {Leaf(): value},
        lambda value: Pair(1, value),
    ],
    ids=["list", "dict", "dict with keys", "attrs"],
)
def test_shared_parts_are_found_within_anything(pair, around):
    """The budget is that of the whole value."""
    assert refusal_of(around(shared(pair))) == SPENT


def test_sets_that_share_parts_are_refused():
    """Sets hold what can be hashed, such as sets; their items are sorted by what they take."""
    value = frozenset([Leaf()])
    for level in range(LEVELS):
        value = frozenset([value, frozenset([value, level])])
    assert refusal_of(value) == SPENT
    long = "x" * 500
    assert refusal_of({(long, 1), (long, 2), (long, 3)}) == SPENT


@pytest.mark.parametrize("endless", [Again([Leaf()]), Mapping()], ids=["list", "dict"])
def test_a_container_that_never_ends_is_refused(endless):
    """A class of a user's may iterate over anything; nobody waits for its end."""
    assert refusal_of(endless) == SPENT


def test_texts_count_before_they_are_copied():
    """Few parts may be long; what they are written as counts as soon as it is."""
    assert refusal_of([b"x" * 100] * 100) == SPENT
    assert refusal_of(["x" * 100] * 100) == SPENT
    assert refusal_of({"x" * 100 + str(n): None for n in range(100)}) == SPENT
    assert refusal_of([Model("x" * 100, "y")] * 100) == SPENT


def test_a_large_value_takes_little_memory_to_refuse():
    """The peak is some bytes for each that is allowed, not for each that there would be."""
    value = shared(PAIRS["list"], leaf=())
    tracemalloc.start()
    try:
        assert "100000 allowed" in refusal_of(value, 100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * 100_000


@pytest.mark.parametrize("limit", [1, 2, 10, 100, 1000])
def test_what_fits_is_never_refused(limit):
    """The budget is spent on no more than is written; to the last byte the limit is exact."""
    kinds = ([], {}, None, "x", 1, b"xy", Pair(1, 2), Decimal(5), {"a": []}, {1.5}, Model(1, 2))
    for kind in kinds:
        for count in range(limit):
            value = [kind] * count
            size = len(default_codec.encode(value))
            if size > limit:
                assert str(limit) in refusal_of(value, limit)
                break
            assert len(Codec(max_value_bytes=limit).encode(value)) == size


@pytest.mark.parametrize("wide", [0, 10_000])
@pytest.mark.parametrize("limit", [1000, MAX_VALUE_BYTES])
def test_what_contains_itself_is_told_so(wide, limit):
    """It is not merely too large, however soon it is."""
    value: list[object] = [0] * wide
    value.append([value, value])
    assert refusal_of(value, limit) == "$: is nested too deeply, or contains itself"
    value = Pair([0] * wide, [])
    value.right.append({"a": value})
    assert refusal_of(value, limit) == "$: is nested too deeply, or contains itself"


def test_one_value_does_not_spend_the_budget_of_another():
    """Not the next one, and not the one in whose writing another is written."""

    class Nested(Model):
        def model_dump(self, **_):
            with pytest.raises(SerializeError):
                Codec(max_value_bytes=100).encode(shared(PAIRS["list"], leaf=0))
            return Codec(max_value_bytes=900).encode(["x" * 800])

    codec = Codec(max_value_bytes=1000)
    for _ in range(3):
        assert len(codec.encode(["y" * 100, Nested(1, 2)])) < 1000
        assert refusal_of(shared(PAIRS["list"], leaf=0)) == SPENT


# Params and constants, whose SEC is not known yet


def test_params_and_constants_have_the_default_limit(monkeypatch):
    """Where no SEC says how much it takes, it is what a SEC takes unless told otherwise."""
    monkeypatch.setattr(Leaf, "text", "1" * 100_000)
    monkeypatch.setattr(Leaf, "allowed", 100)
    builder = steno.DagBuilder("large")
    builder.append(steno.Node.constant("c", 1))
    dag = builder.build()
    value = shared(PAIRS["list"])
    why = rf"\$: takes more bytes as JSON than the {MAX_VALUE_BYTES} allowed"
    with pytest.raises(SerializeError, match=why):
        steno.SagaDag(dag, value)
    monkeypatch.setattr(Leaf, "looks", 0)
    with pytest.raises(SerializeError, match=why):
        builder.append(steno.Node.constant("d", value))


def test_params_and_constants_have_the_limit_that_they_are_given():
    """For a SEC that takes more, or less, than by default."""
    builder = steno.DagBuilder("large")
    builder.append(steno.Node.constant("c", "x" * 100, max_value_bytes=102))
    with pytest.raises(SerializeError, match="takes 102 bytes as JSON, more than the 101 allowed"):
        builder.append(steno.Node.constant("d", "x" * 100, max_value_bytes=101))
    large = "x" * (MAX_VALUE_BYTES + 1)
    assert steno.SagaDag(builder.build(), large, max_value_bytes=2 * MAX_VALUE_BYTES)
    with pytest.raises(SerializeError, match="more bytes as JSON than the 4194304 allowed"):
        steno.SagaDag(builder.build(), large)


# Errors


@attrs.define
class Failed(Exception):
    """An exception of attrs."""

    what: object


class Rude(Exception):
    """An exception that says what it likes."""

    def __str__(self) -> str:
        return "rude"


HERE = __name__
ARGUMENTS = "(its arguments are too large to be shown)"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError, ARGUMENTS),
        (lambda x: ValueError("two", x), ARGUMENTS),
        (KeyError, ARGUMENTS),
        (lambda x: OSError(5, x), ARGUMENTS),
        (lambda x: ValueError(deque([{"a": x}])), ARGUMENTS),
        (lambda x: ValueError(LookupError(x)), ARGUMENTS),
        (Failed, ARGUMENTS),
        (Rude, "rude"),
    ],
)
@pytest.mark.parametrize(
    "pair", [PAIRS["list"], PAIRS["dict"], Pair], ids=["list", "dict", "attrs"]
)
def test_an_exception_with_arguments_without_end_is_stored(pair, error, message):
    """The text that Python makes of them would never end; a text of the user's is the user's."""
    stored = decode_json(Codec(1000).encode_error(error(shared(pair))))
    assert stored["message"] == message
    assert Leaf.looks <= 1000
    text = default_codec.error_text(error(shared(pair)))
    assert text == message


def test_the_text_of_an_exception_without_much_sharing_is_whole():
    """Not even where some of its parts are shared, or it is long."""
    part = ["x"]
    assert default_codec.error_text(ValueError([part] * 3)) == "[['x'], ['x'], ['x']]"
    part.append(part)
    assert default_codec.error_text(ValueError(part)) == "['x', [...]]"
    long = ValueError(["x" * 10] * 200_000)
    assert default_codec.error_text(ValueError(list(range(10**6)))).startswith("[0, 1, 2, 3")
    assert default_codec.error_text(long)


def test_a_group_of_exceptions_has_one_budget():
    """Each of its exceptions fits, and all together do not; then only its own text is stored."""
    codec = Codec(max_value_bytes=1000)
    group = ExceptionGroup("many", [Failed("x" * 500), ValueError("y" * 500), Failed(1)])
    stored = decode_json(codec.encode_error(group))
    assert stored == {"type": "ExceptionGroup", "message": "many (3 sub-exceptions)"}
    looks = []

    class Talkative(Exception):
        def __str__(self) -> str:
            looks.append(self)
            return "x" * 400

    codec.encode_error(ExceptionGroup("many", [Talkative() for _ in range(100)]))
    assert len(looks) == 3


def test_what_is_shown_of_a_value_has_an_end():
    """It is its `repr`, unless that has no end."""
    assert shown([1, "a"]) == "[1, 'a']"
    assert shown(shared(PAIRS["list"])) == "<a list that is too large to be shown>"
    value: object = 1
    for _ in range(5000):
        value = [value]
    assert shown(value) == "<a list that is too large to be shown>"
    assert shown(SimpleNamespace(a=1)) == "namespace(a=1)"


# Values that are written by their annotations


@attrs.frozen
class Knot:
    """A class whose parts are of unions that need tags."""

    left: "list[Knot | bytes | str | set[int]] | set[int] | Knot | str"
    right: "Knot | Decimal | str | dict[str, Knot | Decimal | str]"


ANNOTATED = {
    "class": lambda part: Knot(part, part),
    "list and class": lambda part: Knot([part, part], part),
    "dict and class": lambda part: Knot([part], {"a": part, "b": part}),
}


@pytest.mark.parametrize("pair", ANNOTATED.values(), ids=ANNOTATED.keys())
def test_shared_parts_in_unions_are_written_until_the_limit(pair):
    """Tags and the reading that tells whether they are needed are within the budget, too."""
    value: object = Knot("x", Leaf())
    for _ in range(LEVELS):
        value = pair(value)
    assert refusal_of(value) == SPENT
    assert Leaf.looks <= 1000


@pytest.mark.parametrize(
    "as_type",
    [
        list[list[bytes | str] | list[Decimal]] | list[set[int] | list[str]],
        tuple[list[bytes | str], ...] | list[list[bytes | str]] | str,
        dict[str, bytes | str] | list[dict[str, bytes | str] | list[str]],
    ],
    ids=str,
)
def test_an_annotation_makes_no_value_larger_than_the_limit(as_type):
    """What has shared parts, or is large, is refused as soon as without an annotation."""
    for value in ([["x" * 100] * 100] * 100, shared(PAIRS["list"]), [{"a": "x" * 2000}]):
        with pytest.raises(SerializeError, match="takes .*1000 allowed"):
            Codec(max_value_bytes=1000).encode(value, as_type=as_type)
    assert Leaf.looks <= 1000


def test_a_value_in_a_union_that_contains_itself_is_refused():
    """Whatever its annotation is."""
    value: list[object] = []
    value.append(value)
    for as_type in (list[list[bytes | str]] | list[list[Decimal]], list[list[bytes | str]]):
        with pytest.raises(SerializeError, match="contains itself"):
            Codec().encode(value, as_type=as_type)
