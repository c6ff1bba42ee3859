"""Where inputs come from, as a node says it."""

import pytest

from steno.core import PLAIN_CODEC, FromNode, Given, NodeName, Value, encode_json
from steno.core.graph._dataflow import sources
from steno.errors import SerializeError


class Annotated:
    """A codec that writes down as what a value was to be encoded."""

    def encode(self, value, limit=None, /, *, as_type=None):
        return encode_json([value, str(as_type)])


def test_a_source_is_a_node_or_a_value():
    """A name stands for the node, and a value is encoded at once."""
    found = sources({"hotel": "hotel_2", "count": Value([3])}, PLAIN_CODEC)
    assert found == (Given("count", "[3]"), FromNode("hotel", NodeName("hotel_2")))


@pytest.mark.parametrize("order", [("a", "b", "ä", "B"), ("ä", "B", "b", "a")])
def test_sources_are_in_the_order_of_their_parameters(order: tuple[str, ...]):
    """Two nodes that say the same are equal, in whatever order they were told."""
    found = sources(dict.fromkeys(order, "n"), PLAIN_CODEC)
    assert [each.parameter for each in found] == ["B", "a", "b", "ä"]
    assert sources({}, PLAIN_CODEC) == ()


def test_a_value_is_encoded_as_the_type_it_names():
    """For a value whose class does not say as what it will be read."""
    (found,) = sources({"id": Value("7", as_type=int | str)}, Annotated())
    assert found == Given("id", '["7","int | str"]')


def test_a_value_that_is_not_json():
    """The codec refuses it."""
    with pytest.raises(SerializeError):
        sources({"a": Value(object())}, PLAIN_CODEC)
