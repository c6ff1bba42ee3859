"""
What a build would make of the data of a saga: of a new one, and of one that is stored.

Nothing is called. What a function asks for by name, or by its annotations, is known; what it looks
up by itself is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import cast

import attrs

from steno.action._codec import Codec, type_text
from steno.action._dataflow import sources_of
from steno.action._flow import AnyAction, Level, Supply, returned_by
from steno.action._func import ActionFunc
from steno.action._parameter import OUTPUT, Role
from steno.action._policy import Policy
from steno.core import (
    ActionNode,
    ConstantNode,
    FlatDag,
    FlatNode,
    JsonText,
    NodeName,
    SagaDag,
    SagaNodeId,
    SagaNodeLoadStatus,
    SagaState,
    SleepNode,
    SubsagaEndNode,
    saga_params,
)
from steno.errors import ActionRegistryError

NO_OUTPUTS: Mapping[SagaNodeId, JsonText] = {}

UNDONE = {SagaNodeLoadStatus.UNDO_FINISHED, SagaNodeLoadStatus.FAILED}
"""What comes after these is neither a call of the action nor one of its undo action."""

FORWARD = {
    SagaNodeLoadStatus.NEVER_STARTED,
    SagaNodeLoadStatus.STARTED,
    SagaNodeLoadStatus.BACKING_OFF,
}
"""Where the action may still be called."""

NOT_KNOWN = (
    "it is not known whether it was done, and its action no longer provides for that: give it an "
    "undo action with in_doubt=True, or a probe"
)


@attrs.frozen(eq=False)
class FlatFlow:
    """
    The flow of data in a graph, as the actions of a registry see it.

    Attributes:
        flat: The graph.
        get: Returns the action of a name.
        codec: What decodes the values.
        outputs: The outputs that are known.
    """

    flat: FlatDag
    get: Callable[[str], object]
    codec: Codec
    outputs: Mapping[SagaNodeId, JsonText] = NO_OUTPUTS

    def nodes_with_inputs(self) -> Iterator[int]:
        """Yield the nodes that are given inputs, or whose action takes some."""
        for name, nodes in self.flat.calls.items():
            action = self.get(name)
            takes = isinstance(action, ActionFunc) and action.takes_inputs
            for node in nodes:
                if takes or sources_of(self.flat, node):
                    yield node

    def problems(
        self,
        node: int,
        params: JsonText | None = None,
        roles: tuple[Role, ...] = tuple(Role),
        *,
        creating: bool = False,
    ) -> Iterator[str]:
        """
        Yield what is wrong with the inputs of a node.

        Args:
            node: The node.
            params: The params of its saga or subsaga, if they are known.
            roles: The functions of its action that are looked at.
            creating: Whether its saga is new. A stored graph may say more than a build asks for.
        """
        flat_node = self.flat.nodes[node]
        if not isinstance(flat_node, ActionNode):
            return
        action = self.get(flat_node.action_name)
        if not isinstance(action, ActionFunc):
            if creating and flat_node.inputs:
                yield f'action "{flat_node.action_name}" is not made of functions: it takes none'
            return
        level = self._level(self.flat.scope_of[node], params)
        try:
            if creating:
                yield from level.unknown_inputs(flat_node, cast("AnyAction", action))
            yield from level.problems(flat_node, cast("AnyAction", action), roles)
        except ActionRegistryError as error:
            yield str(error)

    def _level(self, scope: int, params: JsonText | None) -> Level:
        flat = self.flat
        names = flat.scopes[scope].names
        stage_of = _Stages(names, flat.stage_of)
        given = Supply("the value of its params", value=params)
        return Level(
            stage_of, lambda name: self._supply_of(names[name]), given, self.codec, is_last=True
        )

    def _supply_of(self, index: int) -> Supply:
        flat, what = self.flat, f'node "{self.flat.name_of(index)}"'
        if (output := self.outputs.get(SagaNodeId(index))) is not None:
            return Supply(what, value=output)
        # A subsaga gives what its last node does, which may be the end of another one.
        while isinstance(flat.nodes[index], SubsagaEndNode):
            (index,) = flat.graph.parents(index)
        return self._of_node(flat.nodes[index], what)

    def _of_node(self, node: FlatNode, what: str) -> Supply:
        match node:
            case ConstantNode(value=value):
                return Supply(what, value=value)
            case SleepNode():
                return Supply(what, NoneType, ", as a sleep does")
            case ActionNode(action_name=name):
                return returned_by(self.get(name), what)
            case _:
                return Supply(what)


@attrs.frozen(eq=False)
class _Stages(Mapping[NodeName, int]):
    """The stage of each node of a (sub)saga; a view, as there may be many nodes."""

    _names: Mapping[NodeName, int]
    _stage_of: tuple[int, ...]

    def __getitem__(self, name: NodeName) -> int:
        return self._stage_of[self._names[name]]

    def __iter__(self) -> Iterator[NodeName]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def audit(
    dag: SagaDag,
    state: SagaState,
    get: Callable[[str], object],
    codec: Codec,
    policy: Callable[[str], Policy],
) -> Iterator[str]:
    """
    Yield why nodes of a stored saga would be held under a build, each with its node.

    Params, inputs and stored outputs are decoded as the build would, for actions that may still be
    called, and for undo actions that may have to be.

    Args:
        dag: The saga.
        state: The fold of its log.
        get: Returns the action of a name, of those that the saga has.
        codec: That of the build's registry.
        policy: Returns what the registry says of the calls of an action.
    """
    flow = FlatFlow(dag.flat, get, codec, state.outputs)
    for index, node in enumerate(dag.flat.nodes):
        if not isinstance(node, ActionNode):
            continue
        node_id = SagaNodeId(index)
        roles = _roles(state, node_id)
        for problem in flow.problems(index, _params_of(dag, state, node_id), roles):
            yield f'node "{dag.flat.path(index)}": {problem}'
        if Role.UNDO in roles:
            why = _undo_problem(state, node_id, node, flow, policy)
            if why is not None:
                yield f'node "{dag.flat.path(index)}": {why}'


def _roles(state: SagaState, node: SagaNodeId) -> tuple[Role, ...]:
    """Return which functions of a node's action may still be called."""
    status = state.status(node)
    if status in UNDONE:
        return ()
    if status not in FORWARD:
        return (Role.UNDO,)
    if state.unwinding and status is SagaNodeLoadStatus.NEVER_STARTED:
        return ()
    return tuple(Role)


def _params_of(dag: SagaDag, state: SagaState, node: SagaNodeId) -> JsonText | None:
    params_node = dag.flat.scopes[dag.flat.scope_of[node]].params_node
    if params_node is not None and SagaNodeId(params_node) not in state.outputs:
        giving = dag.flat.nodes[params_node]
        return giving.value if isinstance(giving, ConstantNode) else None
    return saga_params(dag, state.outputs, node)


def _undo_problem(
    state: SagaState,
    node_id: SagaNodeId,
    node: ActionNode,
    flow: FlatFlow,
    policy: Callable[[str], Policy],
) -> str | None:
    """Return why the undo action of a node would be held; None if it would not."""
    output = state.outputs.get(node_id)
    if output is None:
        in_doubt = state.is_in_doubt(node_id) or state.status(node_id) not in FORWARD
        provides = policy(node.action_name).provides_for_doubt
        return NOT_KNOWN if in_doubt and not provides else None
    action = flow.get(node.action_name)
    if getattr(action, "needs_no_undo", False) or _takes_output(action):
        return None  # nothing reads it, or as its own parameter says, which was looked at
    # What `ctx.output` would decode.
    returned = returned_by(action, "").type
    why = Supply("its stored output", value=output).misfit(returned, flow.codec, is_last=True)
    return None if why is None else f"its action returns {type_text(returned)}, but {why}"


def _takes_output(action: object) -> bool:
    """Return whether an undo action is given the output by name."""
    takes = action.takes if isinstance(action, ActionFunc) else ()
    return any(p.name == OUTPUT for t in takes if t.role is Role.UNDO for p in t.parameters)
