"""Graphs as users build them, and the saga that is made of a graph and its params."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias, assert_never, cast

import attrs
from typing_extensions import TypeForm

from steno.core._value import PLAIN_CODEC, JsonText, ValueCodec, decode_value
from steno.core.graph._assemble import assemble
from steno.core.graph._flat import FlatDag
from steno.core.graph._flat_node import (
    FlatNode,
    InnerNode,
    StartNode,
    SubsagaEndNode,
    SubsagaStartNode,
)
from steno.core.graph._ids import NodeName, SagaName, SagaNodeId
from steno.core.graph._namespace import EMPTY_STAGE, NO_NAMES, Mistake, Namespace
from steno.core.graph._node import (
    ActionNode,
    AppendedNode,
    CallNode,
    ConstantNode,
    DeclaredNode,
    Node,
    SignalNode,
    SleepNode,
    Stage,
    StagedDag,
    SubsagaNode,
    ValueNode,
    WaitNode,
)
from steno.core.graph._render import dot
from steno.errors import DagBuilderError, DeserializeError, SagaValidationError


def _storable(_: object, __: attrs.Attribute[str], text: str) -> None:
    text.encode()  # a lone surrogate could not be stored


@attrs.define(eq=False)
class PlainDagBuilder:
    """
    Builds a graph, stage by stage: a new node depends on every node of the stage before.

    Mistakes are kept, not raised, while appending; `build` raises the first one made.

    Args:
        saga_name: The name of this kind of saga, for people and for `saga_list`.
        codec: What encodes its constants, and the params of its sagas.
        params: The type of the params of its sagas; None: anything.
    """

    saga_name: str = attrs.field(validator=[attrs.validators.instance_of(str), _storable])
    codec: ValueCodec = attrs.field(default=PLAIN_CODEC, kw_only=True)
    _params: TypeForm[object] | None = attrs.field(default=None, kw_only=True, alias="params")
    _declared: dict[NodeName, DeclaredNode] = attrs.field(init=False, factory=dict)
    _stages: list[Stage] = attrs.field(init=False, factory=list)
    _namespace: Namespace = attrs.field(init=False, factory=Namespace)
    _mistake: str | None = attrs.field(init=False, default=None)

    def append(self, node: Node) -> None:
        """Add a stage of one node."""
        self.append_parallel([node])

    def append_parallel(self, nodes: Iterable[Node]) -> None:
        """
        Add a stage of nodes that run concurrently.

        Raises:
            TypeError: One was not made by a method of `Node`.
            SerializeError: A constant cannot be stored as JSON, or takes more bytes than allowed.
        """
        # Before the check for a mistake: a bad type or value is raised at the line that passes it,
        # even if an earlier mistake is still waiting for `build`.
        declared = tuple(nodes)
        stage = tuple(_appendable(node, self.codec) for node in declared)
        if self._mistake is not None:
            return
        if not stage:
            self._mistake = EMPTY_STAGE
            return
        self._namespace.open_stage()
        try:
            for node in stage:
                params = node.params_node_name if isinstance(node, SubsagaNode) else None
                until = node.until if isinstance(node, SleepNode) else None
                inputs = NO_NAMES
                if isinstance(node, ActionNode) and node.inputs:
                    inputs = node.feeding
                self._namespace.add(node.name, params, until=until, inputs=inputs)
        except Mistake as mistake:
            self._mistake = str(mistake)
            return
        self._stages.append(stage)
        for each in declared:
            if isinstance(each, CallNode | ValueNode):
                self._declared[each.name] = each

    def build(self) -> Dag:
        """
        Return the graph.

        Raises:
            DagBuilderError: The first mistake that was made.
        """
        if self._mistake is not None:
            raise DagBuilderError(self.saga_name, self._mistake)
        # `close` changes nothing, so building does not end appending: build, append, build again.
        try:
            self._namespace.close()
        except Mistake as mistake:  # not kept: what is missing may still be appended
            raise DagBuilderError(self.saga_name, str(mistake)) from None
        return Dag(
            SagaName(self.saga_name),
            tuple(self._stages),
            self.codec,
            self._params,
            dict(self._declared),
        )


@attrs.frozen(eq=False)
class Dag:
    """
    A graph that a builder has built: of any number of sagas, or a part of larger graphs.

    Attributes:
        saga_name: The name given to the builder.
        stages: The nodes that were appended, stage by stage.
        codec: What encodes the params of its sagas.
        params_type: The type of these; None: anything.
        declared: Its own nodes as they were declared, of those that hold more than is stored.
    """

    saga_name: SagaName
    stages: tuple[Stage, ...]
    codec: ValueCodec = attrs.field(default=PLAIN_CODEC, repr=False)
    params_type: object = attrs.field(default=None, repr=False)
    declared: Mapping[NodeName, DeclaredNode] = attrs.field(
        factory=dict[NodeName, DeclaredNode], repr=False
    )

    @cached_property
    def flat(self) -> FlatDag:
        """The graph with its subsagas flattened into it; made once."""
        return assemble(self.saga_name, _walk(self))


_Walked: TypeAlias = AppendedNode | SubsagaEndNode


def _appendable(node: object, codec: ValueCodec) -> AppendedNode:
    if isinstance(node, ValueNode | CallNode):
        return node.encoded(codec)
    if not isinstance(node, ActionNode | WaitNode | ConstantNode | SubsagaNode):
        found = type(node).__qualname__
        msg = f"expected a Node, as from Node.action(), got {found}"
        raise TypeError(msg)
    return node


def _walk(dag: StagedDag) -> Iterator[tuple[InnerNode, int]]:
    """Yield the nodes of a graph and of all its subsagas, each with its stage, in order."""
    # A stack of iterators instead of recursion: subsagas may nest deeper than Python's stack.
    pending: list[Iterator[tuple[_Walked, int]]] = [_staged(dag)]
    while pending:
        for node, stage in pending[-1]:
            match node:
                case ActionNode() | SleepNode() | SignalNode() | ConstantNode() | SubsagaEndNode():
                    yield node, stage
                case SubsagaNode(name=name, dag=inner, params_node_name=params):
                    yield SubsagaStartNode(params, inner.saga_name), stage
                    # Pushed in reverse: the inner nodes come first, then the end, then the rest of
                    # the iterator that this loop was walking.
                    pending.append(iter([(SubsagaEndNode(name), stage)]))
                    pending.append(_staged(inner))
                    break
                case _:
                    assert_never(node)
        else:
            pending.pop()


def _staged(dag: StagedDag) -> Iterator[tuple[_Walked, int]]:
    return ((node, number) for number, stage in enumerate(dag.stages) for node in stage)


@attrs.frozen(eq=False, init=False)
class SagaDag:
    """
    What runs: a graph and the params of this execution.

    Attributes:
        flat: The flattened graph, shared by all sagas of the same `Dag`.
        params: The saga's params, as JSON text.
        codec: What decodes the params and outputs of the saga; in a SEC, that of its registry.
        params_type: The type of the params, if its builder was told; None for a saga that was read.
    """

    flat: FlatDag
    params: JsonText
    codec: ValueCodec = attrs.field(repr=False)
    params_type: object = attrs.field(repr=False)

    def __init__(
        self,
        dag: Dag,
        params: object = None,
        *,
        as_type: TypeForm[object] | None = None,
        codec: ValueCodec | None = None,
        max_value_bytes: int | None = None,
    ) -> None:
        """
        Join a graph and params.

        Args:
            dag: What a builder has built.
            params: Of any type that the codec knows.
            as_type: The annotation as which they will be asked for, where neither their class nor
                the builder says that: for a `str` that is asked for as `UUID | str`.
            codec: What encodes them; None: that of the graph's builder.
            max_value_bytes: How many bytes of JSON the params may take; None: as many as the codec
                allows. The SEC that runs the saga must allow as many.

        Raises:
            SerializeError: The params cannot be stored as JSON, or take more bytes.
            SagaValidationError: They are not of the type that the builder was told.
            TypeError: The graph is not a `Dag`.
        """
        _check_dag(dag)
        chosen = dag.codec if codec is None else codec
        written_as = dag.params_type if as_type is None else as_type
        text = chosen.encode(params, max_value_bytes, as_type=written_as)
        _set(self, dag.flat, text, chosen, dag.params_type)
        self.check_params(chosen)

    @classmethod
    def of_flat(cls, flat: FlatDag, params: JsonText, codec: ValueCodec = PLAIN_CODEC) -> SagaDag:
        """Return the saga of a graph that was read, not built."""
        dag = cls.__new__(cls)
        _set(dag, flat, params, codec, None)
        return dag

    def check_params(self, codec: ValueCodec) -> None:
        """
        Check that the params can be read as the type that the builder was told.

        Args:
            codec: What is to read them.

        Raises:
            SagaValidationError: They cannot.
        """
        if self.params_type is None:
            return
        try:
            decode_value(codec, self.params, cast("type[object]", self.params_type))
        except DeserializeError as error:
            raise SagaValidationError(self.saga_name, f"its params: {error}") from error

    @property
    def saga_name(self) -> SagaName:
        """The name of this kind of saga."""
        return self.flat.saga_name

    def get_index(self, node: str | int) -> SagaNodeId:
        """
        Return the index of a node.

        Args:
            node: Its index; or its name, where only one (sub)saga has it; or a path of names, as in
                `subsaga/inner`, which a leading slash roots in the outermost saga.

        Raises:
            NoSuchNode: There is no such node, or the name is ambiguous.
        """
        return self.flat.get_index(node)

    def get_nodes(self) -> Sequence[FlatNode]:
        """Return all nodes by index; the last two are the start node and the end node."""
        *inner, _, end = self.flat.nodes
        return (*inner, StartNode(self.params), end)

    def same_as(self, other: SagaDag) -> bool:
        """Return True if two sagas have the same graph and the same params."""
        return self.params == other.params and self.flat.digest == other.flat.digest

    def dot(self) -> str:
        """Return the graph in Graphviz's language."""
        return dot(self.get_nodes(), self.flat.edges())


def _check_dag(dag: object) -> None:
    if not isinstance(dag, Dag):
        found = type(dag).__qualname__
        msg = f"expected a Dag, as from DagBuilder.build(), got {found}"
        raise TypeError(msg)


def _set(
    dag: SagaDag, flat: FlatDag, params: JsonText, codec: ValueCodec, params_type: object
) -> None:
    """Set the fields of a frozen instance."""
    object.__setattr__(dag, "flat", flat)
    object.__setattr__(dag, "params", params)
    object.__setattr__(dag, "codec", codec)
    object.__setattr__(dag, "params_type", params_type)
