"""Results."""

import uuid

import attrs
import pytest

from steno.core import (
    Abandoned,
    ActionFailed,
    Node,
    SagaLog,
    SagaResult,
    SagaResultErr,
    SagaResultOk,
    UndoActionError,
    Unwound,
    encode_json,
)
from steno.core.machine._result import saga_result
from steno.errors import DeserializeError, InternalError, NoSuchNode, SagaFailed
from steno.testing.notation import SAGA_ID, fold
from support.demo import OUTPUTS, build, demo, saga

ERROR = ActionFailed(encode_json({"message": "no"}))
UNDO_ERROR = UndoActionError.attempt(1, "no")

CHAIN = saga("a", Node.subsaga("s", build("i", "b"), "a"))
# a0 | start1 (b2) end3; start 4, end 5
SUCCESS = '4+ 4✓ 0+ 0✓=[1] 1+ 1✓ 2+ 2✓={"x":1} 3+ 3✓={"x":1} 5+ 5✓'


def result(log: str) -> SagaResult:
    return saga_result(CHAIN, fold(CHAIN.flat, log))


def test_a_success_has_the_outputs_of_all_nodes():
    """By name, index or path; as plain JSON, or as the type that is asked for."""
    ok = result(SUCCESS)
    assert isinstance(ok, SagaResultOk)
    assert ok.lookup_node_output("a") == [1]
    assert ok.lookup_node_output("a", list) == [1]
    assert [ok.lookup_node_output(node) for node in (2, "s/b", "s")] == [{"x": 1}] * 3
    assert ok.lookup_node_output(4) is None
    with pytest.raises(NoSuchNode):
        ok.lookup_node_output("nobody")
    with pytest.raises(DeserializeError, match="is not of type int"):
        ok.lookup_node_output("a", int)


def test_the_output_of_a_saga_is_that_of_its_last_node():
    """Also where that is the end of a subsaga; decoded afresh each time."""
    ok = result(SUCCESS).unwrap()
    assert ok.saga_output() == ok.saga_output(dict) == {"x": 1}
    ok.saga_output()["x"] = 2
    assert ok.saga_output() == {"x": 1}
    with pytest.raises(DeserializeError):
        ok.saga_output(int)


def test_a_result_has_the_log_and_the_id():
    """Whatever has come of the saga."""
    done = result(SUCCESS)
    assert done.saga_id == SAGA_ID
    assert len(done.saga_log.events) == 12
    assert done.unwrap() is done


def test_a_failure_names_the_node_and_its_error():
    """Of several, the one that was logged first."""
    failed = result("4+ 4✓ 0+ 0✗ 4- 4∅")
    assert failed == SagaResultErr(SAGA_ID, failed.saga_log, "a", ERROR)
    assert str(failed) == 'at node "a": action failed: {"message":"no"}'
    with pytest.raises(SagaFailed) as caught:
        failed.unwrap()
    assert str(caught.value) == f"saga {SAGA_ID} failed {failed}"
    assert (caught.value.saga_id, caught.value.result) == (SAGA_ID, failed)
    assert failed == attrs.evolve(failed, saga_log=SagaLog(SAGA_ID))
    assert failed != attrs.evolve(failed, saga_id=uuid.UUID(int=1))
    wide = saga(["a", "b"], "z")
    both = fold(wide.flat, "3+ 3✓ 0+ 1+ 1✗ 0✗ 3- 3∅")
    assert saga_result(wide, both).error_node_name == "b"


def test_a_stuck_saga_names_the_undo_that_failed_too():
    """And its error, which is of several lines."""
    stuck = result("4+ 4✓ 0+ 0✓ 1+ 1✓ 2+ 2✗ 1- 1∅ 0- 0!")
    assert stuck == SagaResultErr(SAGA_ID, stuck.saga_log, "b", ERROR, ("a", UNDO_ERROR))
    assert str(stuck) == (
        'at node "b": action failed: {"message":"no"}; then, at the undo of node "a": '
        'undo action failed permanently: {\n  "message": "undo action attempt 1: no"\n}'
    )


def test_a_node_without_a_name_is_named_by_its_label():
    """In a dump, a bracket may fail, and the undo of one too."""
    assert result("4+ 4✗").error_node_name == "(start node)"
    stuck = result("4+ 4✓ 0+ 0✗ 4- 4!")
    assert stuck.undo_failure[0] == "(start node)"


def test_an_error_can_be_taken_apart():
    """What the action raised is data, to be converted to its class."""
    error = ActionFailed(encode_json({"room": 5}))
    failed = SagaResultErr(SAGA_ID, SagaLog(SAGA_ID), "n", error)
    assert failed.error_source.convert(dict) == {"room": 5}
    assert failed.undo_failure is None


def test_the_result_of_the_demo_saga():
    """Its output is a text."""
    dag = demo()
    outputs = OUTPUTS | {11: '"it_worked"'}
    text = " ".join(f"{n}+ {n}✓={outputs.get(n, 'null')}" for n in [12, *range(12), 13])
    ok = saga_result(dag, fold(dag.flat, text)).unwrap()
    assert ok.saga_output(str) == "it_worked"


# By order


@pytest.mark.parametrize(
    ("log", "source", "text", "undo_failure"),
    [
        ("«=unwind", Unwound("test", "no reason"), "unwound by test: no reason", False),
        ("3+ 3✓ «=unwind 3- 3∅", Unwound("test", "no reason"), "unwound by test: no reason", False),
        (
            *("3+ 3✓ 0+ 0✓ 1+ 1✓ «=unwind 1- 1!", Unwound("test", "no reason")),
            *('unwound by test: no reason; then, at the undo of node "b": ', True),
        ),
        (
            "3+ 3✓ 0+ «=abandon",
            Abandoned("test", "no reason"),
            "abandoned by test: no reason",
            False,
        ),
        (
            *("3+ 3✓ 0+ 1+ 1✗ «=abandon", Abandoned("test", "no reason")),
            *("abandoned by test: no reason", False),
        ),
    ],
)
def test_a_saga_that_has_ended_by_an_order(log: str, source: Exception, text: str, undo_failure):
    """The source says who and why, and no node is named."""
    dag = saga(["a", "b"], "c")
    result = saga_result(dag, fold(dag.flat, log))
    assert isinstance(result, SagaResultErr)
    assert (result.error_node_name, result.error_source) == (None, source)
    assert str(result).startswith(text)
    assert (result.undo_failure is not None) is undo_failure
    assert source.to_json() == {type(source).__name__: {"by": "test", "why": "no reason"}}
    with pytest.raises(DeserializeError, match="did not fail with"):
        source.convert(ValueError)


def test_a_node_that_fails_in_an_unwinding_that_was_ordered_is_not_the_reason():
    """The order began it."""
    dag = saga(["a", "b"], "c")
    result = saga_result(dag, fold(dag.flat, "3+ 3✓ 0+ 1+ «=unwind 0✗ 1✗ 3- 3∅"))
    assert result.error_source == Unwound("test", "no reason")


def test_a_saga_that_has_not_ended_has_no_result():
    """To ask for one is a mistake of the engine."""
    dag = saga("a")
    with pytest.raises(InternalError, match="neither failed nor was ordered to end"):
        saga_result(dag, fold(dag.flat, ""))
