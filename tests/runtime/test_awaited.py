"""Nodes that are held because they wait for another saga."""

import pytest

from steno.core import SagaNodeId
from steno.runtime import _awaited
from steno.runtime._awaited import AwaitedSagas
from steno.runtime._exec_client import Awaits
from support.worlds import ids

ONE, TWO, THREE, FOUR = ids(4)
A, B = SagaNodeId(0), SagaNodeId(1)


def test_nodes_are_taken_once():
    """All that wait for one saga are, and each is kept once, however often it was added."""
    awaited = AwaitedSagas()
    for saga, node, other in ((ONE, A, THREE), (ONE, A, THREE), (ONE, B, THREE), (TWO, A, THREE)):
        assert awaited.add(Awaits(saga, node, other, halted=False), in_memory=True)
    assert awaited.add(Awaits(ONE, A, FOUR, halted=True), in_memory=False)
    assert list(awaited.take(THREE)) == [(ONE, A), (ONE, B), (TWO, A)]
    assert list(awaited.take(THREE)) == []
    assert list(awaited.take(FOUR)) == [(ONE, A)]
    assert not awaited._nodes  # noqa: SLF001 - nothing is left
    assert not awaited._awaited_by  # noqa: SLF001 - nothing is left


def test_the_nodes_of_a_saga_are_forgotten():
    """Those of others stay."""
    awaited = AwaitedSagas()
    for saga, other in ((ONE, THREE), (ONE, FOUR), (TWO, THREE)):
        awaited.add(Awaits(saga, A, other, halted=False), in_memory=True)
    awaited.forget(ONE)
    awaited.forget(FOUR)
    assert list(awaited.take(FOUR)) == []
    assert list(awaited.take(THREE)) == [(TWO, A)]
    assert not awaited._nodes  # noqa: SLF001 - nothing is left


def test_a_saga_that_has_gone_on_already(monkeypatch: pytest.MonkeyPatch):
    """The node is due at once, once; of sagas for which nobody waits, the latest are remembered."""
    monkeypatch.setattr(_awaited, "KEPT_GONE_ON", 1)
    awaited = AwaitedSagas()
    for saga in (THREE, FOUR):
        assert list(awaited.goes_on(saga)) == []
    assert awaited.add(Awaits(ONE, A, THREE, halted=False), in_memory=True)
    assert not awaited.add(Awaits(ONE, A, FOUR, halted=False), in_memory=True)
    assert awaited.add(Awaits(ONE, A, FOUR, halted=False), in_memory=True)
    assert list(awaited.goes_on(FOUR)) == [(ONE, A)]
    assert awaited.add(Awaits(ONE, A, FOUR, halted=False), in_memory=True)


def test_a_saga_that_is_not_halted_any_more():
    """The node is due at once; if it is held again for the same saga, it is not."""
    awaited = AwaitedSagas()
    assert not awaited.add(Awaits(ONE, A, THREE, halted=True), in_memory=True)
    assert awaited.add(Awaits(ONE, A, THREE, halted=True), in_memory=True)
    awaited.forget(ONE)
    assert not awaited.add(Awaits(ONE, A, THREE, halted=True), in_memory=True)
