"""The subject of an exploration: a saga, its actions, and a function that makes their world."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import attrs
import trio

from steno.action import ActionRegistry
from steno.core import ActionNode, SagaDag, SagaId, SagaNodeId, SignalNode, SleepNode
from steno.runtime import SecClient
from steno.testing.explorer._declaration import Declaration
from steno.testing.explorer._outcome import Outcome
from steno.testing.schedule import run_seeded

Beside: TypeAlias = Callable[[SecClient, SagaId], Awaitable[object]]
"""Plays the outside world beside a saga."""


async def waited_for(result: object) -> object:
    """Return the result of a function of the user, awaiting it if it is async."""
    if inspect.isawaitable(result):
        return await result
    await trio.lowlevel.checkpoint()
    return result


@attrs.frozen(eq=False)
class Nodes:
    """
    A choice of nodes, as an argument makes it: all, none, or those of some names.

    Attributes:
        every: Whether all are chosen.
        names: Those that are, if not all.
    """

    every: bool
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, chosen: bool | Collection[str]) -> Nodes:  # noqa: FBT001 - it is the argument
        """Return the choice of an argument."""
        if isinstance(chosen, bool):
            return cls(chosen)
        return cls(every=False, names=frozenset([chosen] if isinstance(chosen, str) else chosen))

    def __contains__(self, name: str) -> bool:
        """Return True if a node is chosen."""
        return self.every or name in self.names


@attrs.frozen(eq=False)
class ExploredSaga:
    """
    The subject of an exploration.

    Attributes:
        make_dag: Returns the saga; may take the world of the run.
        registry: Its actions.
        make_context: Makes the world of a run; may be async.
        check: Checks the world at the end of a run; may be async.
        attach: Makes the user data of one life from the world and its SEC.
        beside: Plays the outside world in each life.
        signals: The values that are sent to it, by the names of the signals.
        varying: The nodes whose actions may return another output when they are called again.
        deadline: Virtual seconds after which a run is considered to hang.
    """

    make_dag: Callable[..., SagaDag]
    registry: ActionRegistry
    make_context: Callable[[], object]
    check: Callable[[object, Outcome], object] | None
    attach: Callable[[object, SecClient], object]
    beside: Beside | None
    signals: Mapping[str, object]
    varying: Nodes
    deadline: float

    @cached_property
    def dag(self) -> SagaDag:
        """The saga; if it depends on the world, that of a world that no run uses."""
        if not self._takes_world:
            return self.make_dag()
        return run_seeded(self._make_first)

    def prepare(self) -> SagaDag:
        """Make the saga outside of any run, since that may take a run of its own."""
        return self.dag

    async def _make_first(self) -> SagaDag:
        return self.make_dag(await waited_for(self.make_context()))

    @cached_property
    def _takes_world(self) -> bool:
        """Whether `make_dag` has to be given the world."""
        try:
            parameters = inspect.signature(self.make_dag).parameters.values()
        except (TypeError, ValueError):  # something built in
            return False
        positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
        return any(p.kind in positional and p.default is p.empty for p in parameters)

    def dag_in(self, world: object) -> SagaDag:
        """
        Return the saga of a run.

        Raises:
            ValueError: It has another graph than in other worlds.
        """
        if not self._takes_world:
            return self.dag
        dag = self.make_dag(world)
        if _shape(dag) != _shape(self.dag):
            msg = (
                "make_dag has returned sagas with different nodes: an exploration is of one graph. "
                "What depends on the world goes into its params and constants"
            )
            raise ValueError(msg)
        return dag

    @cached_property
    def names(self) -> Mapping[int, str]:
        """The paths of the nodes that run an action, by index, in order."""
        flat = self.dag.flat
        return {
            index: flat.path(index).removeprefix("/")
            for index, node in enumerate(flat.nodes)
            if isinstance(node, ActionNode)
        }

    @cached_property
    def nodes(self) -> Mapping[str, SagaNodeId]:
        """The index of each of these paths."""
        return {name: SagaNodeId(index) for index, name in self.names.items()}

    @cached_property
    def actions(self) -> Mapping[str, str]:
        """The name of the action of each of these paths."""
        flat = self.dag.flat
        nodes = {name: flat.nodes[index] for name, index in self.nodes.items()}
        return {n: node.action_name for n, node in nodes.items() if isinstance(node, ActionNode)}

    @cached_property
    def declarations(self) -> _Declarations:
        """What each action says of its calls, by the action's name."""
        return _Declarations(self.registry)

    @cached_property
    def with_undo(self) -> Sequence[str]:
        """The nodes with an undo action that can fail."""
        return [node for node, name in self.actions.items() if self.declarations[name].has_undo]

    @cached_property
    def awaiting(self) -> Mapping[int, str]:
        """The nodes that wait for a signal, each with the name of the signal."""
        nodes = enumerate(self.dag.flat.nodes)
        return {index: n.signal_name for index, n in nodes if isinstance(n, SignalNode)}

    @cached_property
    def asleep(self) -> float:
        """The seconds for which its nodes sleep, all in all, where the graph says so."""
        nodes = self.dag.flat.nodes
        return sum(n.duration or 0 for n in nodes if isinstance(n, SleepNode)) / 1_000_000

    def is_before(self, one: str, other: str) -> bool:
        """Return True if, in every schedule, a node has succeeded when another one begins."""
        if one not in self.nodes or other not in self.nodes:
            return False  # of a child saga
        return bool(self._ancestors[self.nodes[other]] >> self.nodes[one] & 1)

    @cached_property
    def concurrent(self) -> Sequence[str]:
        """The nodes that may run concurrently with others."""
        return [one for one in self.nodes if any(self._are_beside(one, o) for o in self.nodes)]

    def _are_beside(self, one: str, other: str) -> bool:
        return one != other and not self.is_before(one, other) and not self.is_before(other, one)

    @cached_property
    def _ancestors(self) -> Sequence[int]:
        """For each node, the set of its ancestors, as the bits of a number."""
        graph = self.dag.flat.graph
        found = [0] * len(graph)
        for node in graph.topological_order():
            for parent in graph.parents(node):
                found[node] |= found[parent] | 1 << parent
        return found


class _Declarations(dict[str, Declaration]):
    """What actions say of their calls, looked up once."""

    def __init__(self, registry: ActionRegistry) -> None:
        super().__init__()
        self._registry = registry

    def __missing__(self, name: str) -> Declaration:
        found = Declaration.of(self._registry, self._registry.get(name))
        self[name] = found
        return found


def _shape(dag: SagaDag) -> Sequence[tuple[str, str | None]]:
    flat = dag.flat
    return [
        (flat.path(index), node.action_name if isinstance(node, ActionNode) else None)
        for index, node in enumerate(flat.nodes)
    ]
