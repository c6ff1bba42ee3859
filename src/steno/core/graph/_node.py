"""Nodes: what a builder is given. Actions, what waits, constants and subsagas."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final, Protocol, TypeAlias, cast

import attrs
from typing_extensions import TypeForm

from steno.core._value import JsonText, ValueCodec
from steno.core.graph._dataflow import FromNode, Source, Value, sources
from steno.core.graph._duration import Duration, microseconds
from steno.core.graph._ids import ActionName, NodeName, SagaName

RESERVED: Final = "steno."
"""What the names of actions begin with that nodes of this library stand for."""


NO_INPUTS: Final = MappingProxyType[str, "str | Value"]({})


class NamedAction(Protocol):
    """Anything with the name of a registered action."""

    @property
    def name(self) -> str:
        """The name under which it is registered."""
        ...


class StagedDag(Protocol):
    """
    A graph as `DagBuilder.build` returns it, as far as a node of another graph needs to know it.

    `Dag` imports nodes, so nodes do not import it: a subsaga is a node that holds a whole graph.
    """

    @property
    def saga_name(self) -> SagaName:
        """The name given to the builder."""
        ...

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The nodes that were appended, stage by stage."""
        ...


@attrs.frozen
class Node:
    """
    A node to be appended to a `DagBuilder`; make one with a method below.

    Attributes:
        name: The name under which later nodes look its output up.
    """

    name: NodeName

    @staticmethod
    def action(
        name: str,
        action: NamedAction | str,
        *,
        label: str | None = None,
        inputs: Mapping[str, str | Value] = NO_INPUTS,
    ) -> CallNode:
        """
        Return a node that runs an action.

        Args:
            name: The name under which later nodes look its output up.
            action: The action, or its name in the registry. Only of the action itself can the
                inputs be checked when the graph is built.
            label: How people read it in status texts; None for the name of the action.
            inputs: For parameters of the action, of its undo action or of its probe: the name of
                the node whose output they are given, if that is not their own name, or a `Value`.

        Raises:
            TypeError: The action is not one, a name is not a str, or an input is neither a name nor
                a `Value`.
            ValueError: The action's name begins with `steno.`.
        """
        action_name = action if isinstance(action, str) else getattr(action, "name", None)
        if action_name is None:
            found = type(action).__qualname__
            msg = f"{found} is not an action: decorate it with @registry.action, or give its name"
            raise TypeError(msg)
        checked = _checked(action_name, "action")
        if checked.startswith(RESERVED):
            msg = f'the action name "{checked}" is reserved: no action may begin with "{RESERVED}"'
            raise ValueError(msg)
        shown = checked if label is None else _checked(label, "label")
        called = None if isinstance(action, str) else action
        given = _checked_inputs(inputs) if inputs else NO_INPUTS
        return CallNode(_checked(name, "name"), shown, ActionName(checked), called, given)

    @staticmethod
    def constant(
        name: str,
        value: object,
        *,
        as_type: TypeForm[object] | None = None,
        codec: ValueCodec | None = None,
        max_value_bytes: int | None = None,
    ) -> ValueNode:
        """
        Return a node whose output is known when the graph is built.

        The value is encoded when the node is appended; changing it later has no effect.

        Args:
            name: The name under which later nodes look it up.
            value: Of any type that the codec knows.
            as_type: The annotation as which it will be looked up, where its class does not say
                that: for a `str` that is looked up as `UUID | str`.
            codec: What encodes it; None: the builder's.
            max_value_bytes: How many bytes of JSON the value may take; None: as many as the codec
                allows. The SEC that runs the saga must allow as many.
        """
        return ValueNode(_checked(name, "name"), value, as_type, codec, max_value_bytes)

    @staticmethod
    def sleep(
        name: str,
        duration: Duration | None = None,
        *,
        until: str | None = None,
        label: str | None = None,
    ) -> SleepNode:
        """
        Return a node that waits, and takes neither a task nor a call meanwhile; its output is null.

        The time counts from when the node starts, so a restart does not begin it anew. When the
        saga unwinds, a sleep that is not over is given up, and one that is over has nothing to
        undo.

        Args:
            name: The name of the node.
            duration: How long it waits: a `timedelta`.
            until: Instead: the name of a node of an earlier stage, whose output is a `datetime`.
            label: How people read it in status texts.

        Raises:
            TypeError: Neither or both of the two are given, or the duration is not a `timedelta`.
            ValueError: The duration is negative, or beyond the year 9999.
        """
        if (duration is None) == (until is None):
            msg = "Node.sleep takes a timedelta or until=, and not both"
            raise TypeError(msg)
        if until is not None:
            checked = _checked(until, "until")
            shown = f'(sleep until "{checked}")' if label is None else _checked(label, "label")
            return SleepNode(_checked(name, "name"), shown, None, checked)
        shown = f"(sleep {duration})" if label is None else _checked(label, "label")
        return SleepNode(_checked(name, "name"), shown, microseconds(duration), None)

    @staticmethod
    def signal(
        name: str,
        signal: str,
        *,
        type: object = None,  # noqa: A002 - named after what it is of a value
        label: str | None = None,
    ) -> SignalNode:
        """
        Return a node that waits for a value from outside; its output is that value.

        It is sent with `SagaHandle.signal`, before or after the node starts, once in the life of a
        saga; all nodes of the signal get it. Waiting takes neither a task nor a call. When the saga
        unwinds, a node that still waits is given up, and one that has a value has nothing to undo.

        Args:
            name: The name of the node.
            signal: The name of the signal.
            type: The type that those who read the output decode it as, to be checked against what
                they ask for when the graph is built; it is not stored. None: anything.
            label: How people read it in status texts.

        Raises:
            TypeError: A name is not a str.
        """
        checked = _checked(signal, "signal")
        shown = f'(signal "{checked}")' if label is None else _checked(label, "label")
        return SignalNode(_checked(name, "name"), shown, checked, type)

    @staticmethod
    def subsaga(name: str, dag: StagedDag, params_node_name: str) -> SubsagaNode:
        """
        Return a node that stands for a whole saga, flattened where it is appended.

        Args:
            name: The name under which later nodes look the subsaga's output up.
            dag: Its graph.
            params_node_name: A node of an earlier stage, whose output are its params.
        """
        if not hasattr(dag, "stages"):
            msg = f"a subsaga needs a Dag, as from DagBuilder.build(), got {dag!r}"
            raise TypeError(msg)
        return SubsagaNode(_checked(name, "name"), dag, _checked(params_node_name, "params node"))


def _checked(text: object, what: str) -> NodeName:
    """Refuse anything but a str right away, rather than when a dump is written."""
    if not isinstance(text, str):
        msg = f"the {what} of a node must be a str, not {text!r}"
        raise TypeError(msg)
    text.encode()  # raises for a lone surrogate, which could not be stored
    return NodeName(text)


def _checked_inputs(inputs: Mapping[str, str | Value]) -> Mapping[str, str | Value]:
    if not isinstance(cast("object", inputs), Mapping):
        msg = f"inputs= must be a dict from parameters to names of nodes or Values, got {inputs!r}"
        raise TypeError(msg)
    for parameter, source in inputs.items():
        _checked(parameter, "input")
        if not isinstance(cast("object", source), Value):
            _checked(source, f'node for the input "{parameter}"')
    return MappingProxyType(dict(inputs))


@attrs.frozen(eq=False)
class CallNode(Node):
    """
    A node that runs an action, as it was declared: its inputs are not encoded yet.

    Attributes:
        label: How people read it.
        action_name: The name of the action in the registry.
        called: The action, if the node was declared with more than its name.
        inputs: For each parameter that is not given the output of the node that has its name: the
            name of another node, or a value.
    """

    label: str
    action_name: ActionName
    called: NamedAction | None
    inputs: Mapping[str, str | Value]

    def encoded(self, codec: ValueCodec) -> ActionNode:
        """
        Return the node with its inputs as JSON.

        Raises:
            SerializeError: A value cannot be stored as JSON.
        """
        inputs = sources(self.inputs, codec) if self.inputs else ()
        return ActionNode(self.name, self.label, self.action_name, inputs)


@attrs.frozen
class ActionNode(Node):
    """
    A node that runs an action.

    Attributes:
        label: How people read it.
        action_name: The name of the action in the registry.
        inputs: Where its inputs come from, if not from the nodes named like the parameters.
    """

    label: str
    action_name: ActionName
    inputs: tuple[Source, ...] = ()

    @property
    def feeding(self) -> Mapping[str, NodeName]:
        """The nodes that inputs are taken from, by parameter, of those that `inputs` names."""
        return {each.parameter: each.node for each in self.inputs if isinstance(each, FromNode)}


@attrs.frozen
class SleepNode(Node):
    """
    A node that waits, and runs no user code.

    Attributes:
        label: How people read it.
        duration: How long it waits, in microseconds; None if it waits for a time.
        until: The node whose output is that time; None if it waits for a while.
    """

    label: str
    duration: int | None
    until: NodeName | None
    action_name: ClassVar[ActionName] = ActionName("steno.sleep")


@attrs.frozen
class SignalNode(Node):
    """
    A node that waits for a value from outside, and runs no user code.

    Attributes:
        label: How people read it.
        signal_name: The name under which the value is sent.
        type: What its output is decoded as; not stored, and not compared.
    """

    label: str
    signal_name: str
    type: object = attrs.field(default=None, eq=False, repr=False)
    action_name: ClassVar[ActionName] = ActionName("steno.signal")


WaitNode: TypeAlias = SleepNode | SignalNode
"""A node that waits: it has no task, no call and no attempts."""


@attrs.frozen(eq=False)
class ValueNode(Node):
    """A node whose output is known, and is not encoded yet."""

    value: object
    as_type: object
    codec: ValueCodec | None
    limit: int | None

    def encoded(self, codec: ValueCodec) -> ConstantNode:
        """
        Return the node with its value as JSON.

        Args:
            codec: What encodes it, unless the node has a codec of its own.

        Raises:
            SerializeError: The value cannot be stored as JSON, or takes more bytes than allowed.
        """
        chosen = codec if self.codec is None else self.codec
        return ConstantNode(self.name, chosen.encode(self.value, self.limit, as_type=self.as_type))


@attrs.frozen
class ConstantNode(Node):
    """A node whose output is known when the graph is built."""

    value: JsonText

    @property
    def label(self) -> str:
        """How people read it."""
        return f"(constant = {self.value})"


@attrs.frozen
class SubsagaNode(Node):
    """A node that stands for a whole saga until the graph is flattened."""

    dag: StagedDag
    params_node_name: NodeName


DeclaredNode: TypeAlias = CallNode | ValueNode
"""A node that holds what is not stored with a graph, such as objects of users' types."""

AppendedNode: TypeAlias = ActionNode | WaitNode | ConstantNode | SubsagaNode
"""A node as a builder keeps it."""

Stage: TypeAlias = tuple[AppendedNode, ...]
"""Nodes that run concurrently, as a builder is given them."""
