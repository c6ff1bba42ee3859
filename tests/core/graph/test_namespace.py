"""Names of one (sub)saga, and the mistakes one can make."""

import pytest

from steno.core import NodeName
from steno.core.graph._namespace import Mistake, Namespace

A, B = NodeName("a"), NodeName("b")


def namespace(*stages: list[str]) -> Namespace:
    names = Namespace()
    for stage in stages:
        names.open_stage()
        for name in stage:
            names.add(NodeName(name), None)
    return names


def test_a_namespace_counts_stages_and_their_width():
    """Before the first stage its number is -1."""
    assert (Namespace().stage, Namespace().width) == (-1, 0)
    names = namespace(["a"], ["b", "c"])
    assert (names.stage, names.width) == (1, 2)
    assert names.stage_of == {"a": 0, "b": 1, "c": 1}


def test_a_name_is_used_once():
    """In the same stage or in a later one, the second use is a mistake that changes nothing."""
    names = namespace(["a"], ["b"])
    for name in (A, B):
        with pytest.raises(Mistake, match="^name was used multiple times in the same Dag: "):
            names.add(name, None)
    assert (names.stage_of, names.width) == ({"a": 0, "b": 1}, 1)


def test_params_come_from_any_earlier_stage():
    """The stage before or one long before, but neither the same stage nor the node itself."""
    names = namespace(["a"], ["x"], ["b"])
    names.add(NodeName("first"), A)
    names.add(NodeName("second"), NodeName("x"))
    for params in (B, NodeName("self"), NodeName("nobody")):
        with pytest.raises(Mistake, match=f'"self" has parameters that come from node "{params}"'):
            names.add(NodeName("self"), params)


def test_a_sleep_ends_at_a_time_of_an_earlier_stage():
    """As for params: neither the same stage, nor the node itself, nor one that is not there."""
    names = namespace(["a"], ["b"])
    names.add(NodeName("night"), None, until=A)
    for until in (B, NodeName("self"), NodeName("nobody")):
        with pytest.raises(
            Mistake, match=f'"self" sleeps until a time that comes .* "{until}", but'
        ):
            names.add(NodeName("self"), None, until=until)


def test_inputs_come_from_earlier_stages():
    """As for params; the mistake names the parameter, and nothing is added."""
    names = namespace(["a"], ["b"])
    names.add(NodeName("bill"), None, inputs={"x": A, "y": A})
    before = (dict(names.stage_of), names.width)
    for node in (B, NodeName("self"), NodeName("nobody"), NodeName("bill")):
        with pytest.raises(Mistake) as caught:
            names.add(NodeName("self"), None, inputs={"x": A, "y": node})
        assert str(caught.value) == (
            f'node "self" takes its input "y" from node "{node}", '
            "but it does not depend on any such node"
        )
    assert (names.stage_of, names.width) == before


def test_missing_inputs_are_found_before_a_name_used_twice():
    """As for params."""
    with pytest.raises(Mistake, match="takes its input"):
        namespace(["a"]).add(A, None, inputs={"x": B})


def test_missing_params_are_found_before_a_name_used_twice():
    """A node with both mistakes is reported for its params."""
    with pytest.raises(Mistake, match="has parameters that come from"):
        namespace(["a"]).add(A, B)


@pytest.mark.parametrize("stages", [[], [["a", "b"]], [["a"], ["b", "c"]]])
def test_a_saga_ends_with_one_node(stages: list[list[str]]):
    """An empty (sub)saga, and one with a wide last stage, are mistakes."""
    with pytest.raises(Mistake, match="^saga must end with exactly one node$"):
        namespace(*stages).close()
    namespace(*stages, ["z"]).close()
