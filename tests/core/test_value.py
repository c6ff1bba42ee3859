"""Values: what is JSON, what is not, and why."""

import enum
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steno.core import (
    PLAIN_CODEC,
    JsonText,
    decode_json,
    decode_value,
    encode_json,
)
from steno.core._value import MAX_DEPTH, MAX_VALUE_BYTES, _fault, parse_json
from steno.errors import DeserializeError, DumpError, SerializeError


def nested(levels: int, inner: object = None) -> object:
    for _ in range(levels):
        inner = [inner]
    return inner


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_what_is_json_comes_back_the_same(value: object):
    """A value that is JSON is stored, and decoded again it is equal, of the same types."""
    text = encode_json(value)
    again = decode_json(text)
    assert again == value
    assert repr(encode_json(again)) == repr(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        ("é\n\u2028😀", '"é\\n\u2028😀"'),
        ({"b": [1, {}], "a": "x y"}, '{"a":"x y","b":[1,{}]}'),
        ((1, 2), "[1,2]"),
        (-(2**63), "-9223372036854775808"),
        (2**64 - 1, "18446744073709551615"),
        (enum.IntEnum("Colour", ["RED"])["RED"], "1"),
    ],
)
def test_json_is_compact_with_sorted_keys(value: object, text: str):
    """The text of a value has no spaces, its keys are sorted, and letters are themselves."""
    assert encode_json(value) == text


BAD = {
    "an integer below 64 bits": (-(2**63) - 1, "$", "out of the range -2**63 to 2**64-1"),
    "an integer above 64 bits": ({"n": [2**64]}, "$.n[0]", "out of the range"),
    "a number of 5000 digits": ([0, 10**5000], "$[1]", "out of the range"),
    "NaN": ({"a": {"b": math.nan}}, "$.a.b", "nan is not a JSON number"),
    "infinity": ([1, -math.inf], "$[1]", "-inf is not a JSON number"),
    "a lone surrogate": (["\ud800"], "$[0]", "'\\ud800' holds a lone surrogate"),
    "a lone surrogate in a key": ({"\udfff": 1}, "$", "'\\udfff' holds a lone surrogate"),
    "a key that is not a string": ({"a": {1: 2}}, "$.a", "the key 1 is not a string"),
    "a key that is None": ({None: 2}, "$", "the key None is not a string"),
    "keys that cannot be sorted": ({1: 1, "a": 2}, "$", "the key 1 is not a string"),
    "bytes": ({"rooms": [{}, {"key": b"x"}]}, "$.rooms[1].key", "type bytes"),
    "a set": ({1}, "$", "a value of type set cannot be stored as JSON"),
    "an object": (object(), "$", "type object"),
    "too deep": (nested(MAX_DEPTH + 1), "$" + "[0]" * 101, "nested deeper than 100 levels"),
    "deeper than the stack": (nested(100_000), "$" + "[0]" * 101, "nested deeper"),
    "in a tuple": ((1, {2}), "$[1]", "type set"),
    "the first of several": ([1, {"a": b"", "b": math.nan}, {2}], "$[1].a", "type bytes"),
}


@pytest.mark.parametrize(("value", "path", "why"), BAD.values(), ids=BAD.keys())
def test_what_is_no_json_is_refused_with_its_place(value: object, path: str, why: str):
    """The error names the first part that is not JSON, and what is wrong with it."""
    with pytest.raises(SerializeError) as caught:
        encode_json(value)
    assert caught.value.path == path
    assert why in caught.value.why
    assert str(caught.value) == f"{path}: {caught.value.why}"


def test_a_value_that_contains_itself_is_refused():
    """A cycle ends in an error, not in a loop."""
    cycle: list[object] = [1]
    cycle.append({"again": cycle})
    with pytest.raises(SerializeError, match="contains itself"):
        encode_json(cycle)


def shared(levels: int, inner: object) -> object:
    """Return a list that holds another twice, and so on."""
    for _ in range(levels):
        inner = [inner, inner]
    return inner


def test_a_value_is_refused_before_more_is_written_than_allowed():
    """Parts that are shared count each time, without a look at each."""
    why = r"^\$: takes more bytes as JSON than the 1000 allowed$"
    for value in (shared(40, 1), {"a": shared(40, "x")}, ["x" * 100] * 100, {"x" * 1001: 1}):
        with pytest.raises(SerializeError, match=why):
            encode_json(value, 1000)
    with pytest.raises(SerializeError, match=r"takes 12 bytes as JSON, more than the 11 allowed"):
        encode_json(["ü" * 4], 11)
    assert encode_json(["ü" * 4], 12)


def test_the_place_of_a_fault_is_found_among_shared_parts():
    """A part that is not JSON is found among two to the power of forty parts."""
    with pytest.raises(SerializeError) as caught:
        encode_json(shared(40, object()))
    assert caught.value.path == "$" + "[0]" * 40
    fault = _fault([shared(40, 1), b""])
    assert fault.path == "$[1]"


def test_a_list_with_one_integer_that_is_too_large_is_refused():
    """Long lists of integers are checked as a whole; the place is found all the same."""
    with pytest.raises(SerializeError) as caught:
        encode_json([*range(100), 2**64])
    assert decode_json(encode_json([*range(100)])) == [*range(100)]
    assert caught.value.path == "$[100]"


def test_values_nest_up_to_the_limit():
    """A hundred levels are taken, of lists and of objects."""
    deep = nested(MAX_DEPTH)
    assert decode_json(encode_json(deep)) == deep
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = {"a": value}
    assert decode_json(encode_json(value)) == value


def test_a_decoded_value_is_always_a_fresh_one():
    """Changing what was looked up affects nobody else."""
    original = {"a": [1]}
    text = encode_json(original)
    original["a"].append(2)
    first, second = decode_json(text), decode_json(text)
    first["a"].append(3)
    assert second == {"a": [1]}


def test_the_size_limit_is_four_mebibytes():
    """The default limit of one value; the codec of the floor above holds it."""
    assert MAX_VALUE_BYTES == 4 * 2**20


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "NaN", "[-Infinity]", "nul", "1 2", "[" * 200_000, "9" * 5000, "\ufeff1"],
)
def test_a_text_of_any_origin_is_json_or_an_error(text: str):
    """Anything but JSON raises ValueError, even what Python's parser accepts."""
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


def test_a_text_of_any_origin_is_parsed():
    """What is JSON is parsed."""
    assert parse_json(' {"a": [1, 2.5, null, "x"]} ') == {"a": [1, 2.5, None, "x"]}


# The codec


def test_the_core_alone_takes_plain_json():
    """Its own codec takes JSON, and gives what is of the class asked for, or an error."""
    plain_codec = PLAIN_CODEC
    assert plain_codec.encode([1, "a"]) == '[1,"a"]'
    assert plain_codec.decode(JsonText("[1]"), list) == [1]
    with pytest.raises(DeserializeError, match=r"\$: '5' is not of type int"):
        plain_codec.decode(JsonText('"5"'), int)
    assert plain_codec.encode("a", as_type=int) == '"a"'
    with pytest.raises(SerializeError, match="type set"):
        plain_codec.encode({1})
    with pytest.raises(SerializeError, match="takes 5 bytes as JSON, more than the 4 allowed"):
        plain_codec.encode("abc", 4)


def test_a_value_is_decoded_by_the_codec_that_is_handed_in():
    """As the type that is asked for; without a type, as plain JSON."""
    assert decode_value(PLAIN_CODEC, JsonText("[1]"), list) == [1]
    assert decode_value(PLAIN_CODEC, JsonText("[1]"), None) == [1]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_text_that_is_damaged_is_refused(text):
    """By an error of ours, which an action that asks for the value gets as one of the value."""
    with pytest.raises(DumpError, match=r"\$: is not JSON: "):
        decode_json(text)
    with pytest.raises(DeserializeError, match=r"^\$: is not JSON: "):
        decode_value(PLAIN_CODEC, JsonText(text), None)
