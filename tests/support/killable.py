"""
What is run to be killed: sagas of a few shapes, and the files in which a process says what it did.

A process that is killed keeps nothing but its files. Its actions note each call in `effects`, by
one write each, when it begins and again when it has taken effect; the application notes in
`journal` what it was told: that a saga is stored, and what came of it. Both are appended to by all
lives, and each line says which life wrote it.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from uuid import uuid5

import attrs

from steno.core import Dag, SagaDag, SagaId, SagaNodeEvent, event_data
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from steno.testing.faults import FaultPlan, NodeFault
from support.crash import Job

STORE, EFFECTS, JOURNAL, ERRORS = "sagas.db", "effects", "journal", "errors"


# Shapes


def _spec(*stages: str | ConstantSpec | SubsagaSpec) -> SagaSpec:
    """Return a graph; `a b` is a stage of two actions."""
    return SagaSpec(
        tuple(
            tuple(map(ActionSpec, stage.split())) if isinstance(stage, str) else (stage,)
            for stage in stages
        )
    )


def _nested(*after: str) -> SagaSpec:
    """Return a graph with a subsaga in a subsaga, and its names again outside."""
    innermost = _spec("a b", "c")
    inner = _spec("p", SubsagaSpec("s", "p", innermost), "b")
    return _spec("a", ConstantSpec("p", 7), SubsagaSpec("s", "p", inner), "b c", *after)


@attrs.frozen
class Shape:
    """
    A kind of saga, and what goes wrong with all of that kind.

    Attributes:
        spec: The graph.
        fails: Nodes whose action fails.
        sticks: Nodes whose undo action fails.
        child: What the node `kin` creates, runs and waits for; it fails if that does.
    """

    spec: SagaSpec
    fails: str = ""
    sticks: str = ""
    child: str | None = None

    @cached_property
    def dag(self) -> Dag:
        return self.spec.dag()

    @cached_property
    def plan(self) -> FaultPlan:
        index = SagaDag(self.dag).get_index
        failing = ((index(name), NodeFault.ACTION) for name in self.fails.split())
        sticking = ((index(name), NodeFault.UNDO) for name in self.sticks.split())
        return FaultPlan(frozenset([*failing, *sticking]))


SHAPES = {
    "chain": Shape(_spec("a", "b", "c", "d")),
    "stages": Shape(_spec("a", "b c d e", "f g", "h")),
    "nested": Shape(_nested("d")),
    "parent": Shape(_spec("a", "kin b", "c"), child="chain"),
    "fails": Shape(_spec("a", "b c d", "e", "f"), fails="e"),
    "fails in several": Shape(_nested("d e f", "g"), fails="d f"),
    "fails inside": Shape(_nested("d"), fails="s/s/c"),
    "parent of a failure": Shape(_spec("a b", "kin", "c"), fails="kin", child="fails inside"),
    "parent that fails": Shape(_spec("a", "kin kin2", "c", "d"), fails="d", child="stages"),
    "stuck": Shape(_spec("a", "b", "c"), fails="c", sticks="b"),
    "stuck in several": Shape(_spec("a", "b c d", "e f", "g"), fails="g", sticks="b d"),
    "avalanche": Shape(_spec("a", "b c d e f g h i", "j k l m", "n"), fails="n"),
}


@attrs.frozen
class KilledJob(Job):
    """A saga of a shape; its params say which."""

    shape: str = "chain"

    @cached_property
    def dag(self) -> SagaDag:
        return SagaDag(SHAPES[self.shape].dag, {"shape": self.shape})


@cache
def job_of(shape: str) -> KilledJob:
    """Return the job of a shape."""
    return KilledJob(SHAPES[shape].spec, SHAPES[shape].plan, shape)


def child_id(saga_id: SagaId, idempotency_key: str) -> SagaId:
    """Return the id of what an action creates."""
    return SagaId(uuid5(saga_id, idempotency_key))


# Files


@attrs.frozen
class Life:
    """
    How a process is to live.

    Attributes:
        folder: Where its files are.
        number: Which life this is, counted from 1.
        shapes: The kinds of saga that it creates, in turn.
        count: How many it creates, before it waits for all and ends; None: until it is killed.
        pause: Seconds between two of them.
        prune: Whether it does nothing but delete finished sagas, all that there are.
        statement: A text of the SQL statement at which it kills itself.
    """

    folder: str
    number: int
    shapes: tuple[str, ...] = tuple(SHAPES)
    count: int | None = None
    pause: float = 0.01
    prune: bool = False
    statement: str | None = None

    def to_json(self) -> str:
        return json.dumps(attrs.asdict(self))

    def path(self, name: str) -> Path:
        return Path(self.folder, name)


@attrs.frozen
class Call:
    """
    A line of `effects`.

    Attributes:
        life: Which life made it.
        saga: The saga.
        node: The node.
        undoing: Whether it is the undo action.
        done: Whether it has taken effect, and not only begun.
        seen: The outputs that it could look up, as JSON by name.
        params: The params that it saw, as JSON.
        output: What it is about to return, as JSON.
    """

    life: int
    saga: str
    node: int
    undoing: bool
    done: bool
    seen: dict[str, str]
    params: str
    output: str | None = None


@attrs.frozen
class Told:
    """
    A line of `journal`.

    Attributes:
        life: Which life wrote it.
        saga: The saga.
        fingerprint: Of what came of it; None: it is stored, and no more is known.
    """

    life: int
    saga: str
    fingerprint: str | None = None


def fingerprint(state: str, events: Iterable[SagaNodeEvent]) -> str:
    """Return a hash of all that is to be known of the end of a saga."""
    rows = [(e.node_id, e.event_type.label, event_data(e.event_type)) for e in events]
    return f"{state} {len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
