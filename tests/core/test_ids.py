"""Names and numbers."""

from uuid import UUID

from steno.core import ActionName, NodeName, SagaId, SagaName, SagaNodeId


def test_an_id_is_the_plain_value_that_it_names():
    """Ids cost nothing and go wherever their plain values go: only type checkers tell them apart."""
    number = UUID(int=1)
    assert SagaId(number) is number
    assert (SagaName("s"), NodeName("n"), ActionName("a"), SagaNodeId(3)) == ("s", "n", "a", 3)
