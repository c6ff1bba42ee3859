"""Names and numbers."""

from uuid import UUID

import pytest

from steno.core import ActionName, NodeName, SagaId, SagaName, SagaNodeId, checked_saga_id


def test_an_id_is_the_plain_value_that_it_names():
    """Ids go wherever their plain values go: only type checkers tell them apart."""
    number = UUID(int=1)
    assert SagaId(number) is number
    assert (SagaName("s"), NodeName("n"), ActionName("a"), SagaNodeId(3)) == ("s", "n", "a", 3)


def test_a_saga_id_is_a_uuid():
    """What a user gives as an id is taken if it is a UUID; its text is not one."""
    number = UUID(int=1)
    assert checked_saga_id(number) is number
    for wrong in (str(number), None, 1):
        with pytest.raises(TypeError, match=r"^a saga id must be a uuid.UUID, not "):
            checked_saga_id(wrong)
