"""The typed layer over core's builder: values of users' types, and checks of what flows."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import cast

import attrs

from steno import core
from steno.action._codec import Codec, type_text
from steno.action._flow import AnyAction, Level, Supply, returned_by
from steno.action._func import ActionFunc
from steno.action._parameter import PARAMS
from steno.core import (
    ActionNode,
    CallNode,
    ConstantNode,
    Dag,
    NodeName,
    SignalNode,
    SleepNode,
    SubsagaNode,
    ValueNode,
)
from steno.errors import ActionRegistryError, DagBuilderError


@attrs.define(eq=False)
class DagBuilder(core.PlainDagBuilder):
    """
    Builds a graph, stage by stage: a new node depends on every node of the stage before.

    Mistakes are kept, not raised, while appending; `build` raises the first one made.

    Args:
        saga_name: The name of this kind of saga, for people and for `saga_list`.
        codec: Encodes its constants, and the params of its sagas. Types that are registered with it
            must be registered with the codec of the `ActionRegistry` too; best use the same.
        params: The type of the params of its sagas. They are checked when a `SagaDag` is made and
            when a saga is created, and the actions that take `params` when the graph is built.
    """

    codec: core.ValueCodec = attrs.field(factory=Codec, kw_only=True)

    def build(self) -> Dag:
        """
        Return the graph.

        Of the actions that nodes were made of, the inputs are checked: each is the name of an
        earlier node of the same (sub)saga, and what that node returns can be what the parameter
        asks for. Only what is certain to fail is a mistake.

        Raises:
            DagBuilderError: The first mistake that was made.
        """
        dag = super().build()
        try:
            for problem in _Built(dag).problems():
                raise DagBuilderError(self.saga_name, problem)
        except ActionRegistryError as error:
            raise DagBuilderError(self.saga_name, str(error)) from error
        return dag


@attrs.frozen(eq=False)
class _Built:
    """A graph that was just built, and what is known of the flow of data in it."""

    dag: Dag
    codec: Codec = attrs.field(init=False)
    level: Level = attrs.field(init=False)
    _nodes: dict[NodeName, core.AppendedNode] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        known = self.dag.codec
        codec = known if isinstance(known, Codec) else Codec()
        nodes = {node.name: node for stage in self.dag.stages for node in stage}
        stage_of = {
            node.name: number for number, stage in enumerate(self.dag.stages) for node in stage
        }
        params = Supply(
            f'the builder of saga "{self.dag.saga_name}"', self.dag.params_type, " as its params"
        )
        object.__setattr__(self, "codec", codec)
        object.__setattr__(self, "_nodes", nodes)
        object.__setattr__(self, "level", Level(stage_of, self._supply_of, params, codec))

    def problems(self) -> Iterator[str]:
        """Yield what is wrong, in the order of the nodes."""
        for name, node in self._nodes.items():
            for problem in self._problems_of(node):
                yield f'node "{name}": {problem}'

    def _problems_of(self, node: core.AppendedNode) -> Iterator[str]:
        match node:
            case ActionNode():
                action = _action_of(self.dag, node.name)
                if action is not None and (node.inputs or action.takes_inputs):
                    yield from self.level.unknown_inputs(node, action)
                    yield from self.level.problems(node, action)
            case SleepNode(until=str(until)):
                if (problem := self.level.sleep_problem(until)) is not None:
                    yield problem
            case SubsagaNode(dag=Dag() as inner, params_node_name=params):
                yield from self._params_problems(inner, self._supply_of(params))
            case _:
                pass

    def _params_problems(self, inner: Dag, params: Supply) -> Iterator[str]:
        """Yield why a node cannot give a subsaga its params."""
        if (wanted := inner.params_type) is not None:
            if (why := params.misfit(wanted, self.codec)) is not None:
                yield f'saga "{inner.saga_name}" takes {type_text(wanted)} as its params, but {why}'
            return
        # It was built before anything was known of its params.
        for name in inner.declared:
            if (action := _action_of(inner, name)) is None:
                continue
            for takes in action.takes:
                for parameter in takes.parameters:
                    if parameter.name == PARAMS:
                        wanted = takes.type_of(parameter)
                        if (why := params.misfit(wanted, self.codec)) is not None:
                            asks = f"asks for {type_text(wanted)}"
                            yield f'"{PARAMS}" of the {takes.place} {asks}, but {why}'

    def _supply_of(self, name: NodeName) -> Supply:
        what, node, dag = f'node "{name}"', self._nodes[name], self.dag
        # A subsaga gives what its last node does, which may be a subsaga, too; not by recursion, as
        # they may nest deeper than Python's stack.
        while isinstance(node, SubsagaNode):
            if not isinstance(node.dag, Dag):
                return Supply(what)
            dag = node.dag
            (node,) = dag.stages[-1]
        declared = dag.declared.get(node.name)
        match node:
            case ConstantNode(value=value):
                own = declared.codec if isinstance(declared, ValueNode) else None
                codec = own or dag.codec
                # What another class of codec has written is read by that of the registry, too.
                known = codec if isinstance(codec, Codec) else None
                return Supply(what, value=value, codec=known)
            case SleepNode():
                return Supply(what, NoneType, ", as a sleep does")
            case SignalNode(type=None):
                return Supply(what)
            case SignalNode(type=declared_type):
                return Supply(what, declared_type, ", as its signal is declared")
            case ActionNode():
                return returned_by(
                    declared.called if isinstance(declared, CallNode) else None, what
                )


def _action_of(dag: Dag, name: NodeName) -> AnyAction | None:
    """Return the action that a node was made of, if it was given one made of functions."""
    declared = dag.declared.get(name)
    called = declared.called if isinstance(declared, CallNode) else None
    return cast("AnyAction", called) if isinstance(called, ActionFunc) else None
