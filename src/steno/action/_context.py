"""What an action is given: its saga's params, the outputs of earlier nodes, and keys for calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import UnionType
from typing import Annotated, Generic, Never, TypeVar, Union, cast, get_args, get_origin, overload
from uuid import UUID, uuid5

import attrs
from typing_extensions import TypeForm

from steno.action._dataflow import Origin, Special, ancestors_of, origin_of, sources_of
from steno.action._parameter import Takes
from steno.action._sec import Sec
from steno.action._time import from_timestamp, system_time
from steno.core import (
    JSON,
    FromNode,
    Given,
    JsonText,
    NodeName,
    SagaDag,
    SagaId,
    SagaNodeId,
    Timestamp,
    decode_value,
    lookup,
    saga_params,
)
from steno.errors import (
    ActionRegistryError,
    CommandError,
    DeserializeError,
    InputError,
    NodeLookupError,
)

C_co = TypeVar("C_co", covariant=True)
T = TypeVar("T")


def is_certainly_not(user_data: object, world: object) -> bool:
    """
    Return True if user data is certainly not of the type that a context says.

    Args:
        user_data: What `ctx.user_data` is to be.
        world: What stands in the brackets of `ActionContext`; None: nothing.
    """
    if isinstance(world, UnionType) or get_origin(world) is Union:
        return all(is_certainly_not(user_data, each) for each in get_args(world))
    if get_origin(world) is Annotated:
        return is_certainly_not(user_data, get_args(world)[0])
    cls = get_origin(world) or world
    # Of a protocol only the names could be looked for; ints stand for floats, too.
    if not isinstance(cls, type) or getattr(cls, "_is_protocol", False) or cls in (float, complex):
        return False
    try:
        return not isinstance(user_data, cls)
    except TypeError:  # `Any`, a `TypedDict`, or a class of the user's that cannot be asked
        return False


class ContextSlots:
    """
    An `ActionContext` that is not frozen yet.

    There is one for each call of an action, and to call the frozen class takes five times as long.
    """

    __slots__ = (
        "__weakref__",
        "_dag",
        "_now",
        "_output_type",
        "_outputs",
        "_sec",
        "_started",
        "_undoing",
        "attempt",
        "node_id",
        "saga_id",
        "user_data",
    )

    def __init__(  # noqa: PLR0917 - it is called as the class below is
        self,
        saga_id: SagaId,
        node_id: SagaNodeId,
        user_data: object,
        dag: SagaDag,
        outputs: Mapping[SagaNodeId, JsonText],
        undoing: bool,  # noqa: FBT001 - as above
        attempt: int,
        started: Timestamp | None,
        output_type: object,
        now: Callable[[], Timestamp],
        sec: Sec | None,
    ) -> None:
        self.saga_id = saga_id
        self.node_id = node_id
        self.user_data = user_data
        self._dag = dag
        self._outputs = outputs
        self._undoing = undoing
        self.attempt = attempt
        self._started = started
        self._output_type = output_type
        self._now = now
        self._sec = sec

    def frozen(self) -> ActionContext[Never]:
        """Freeze it, and return it as what it is now."""
        # The type of the user's data is between open_sec and the actions; no checker can see it.
        self.__class__ = ActionContext  # pyright: ignore[reportAttributeAccessIssue]  # as it is one
        return self  # type: ignore[return-value]  # it has its class now


@attrs.frozen(eq=False)
class ActionContext(ContextSlots, Generic[C_co]):
    """
    What an action, or an undo action, knows of the saga that it is part of.

    Attributes:
        saga_id: The saga; also a namespace for `uuid.uuid5` to derive other ids from.
        node_id: The node's index.
        user_data: What was given to `open_sec` as `context`, or came from `make_context`.
        attempt: The number of this call, from 1. One that a crash cut off is made again under the
            same number.
    """

    saga_id: SagaId
    node_id: SagaNodeId
    user_data: C_co
    _dag: SagaDag = attrs.field(repr=False)
    _outputs: Mapping[SagaNodeId, JsonText] = attrs.field(repr=False)
    _undoing: bool = attrs.field(repr=False)
    attempt: int = 1
    _started: Timestamp | None = attrs.field(default=None, repr=False)
    _output_type: object = attrs.field(default=None, repr=False)
    _now: Callable[[], Timestamp] = attrs.field(default=system_time, repr=False)
    _sec: Sec | None = attrs.field(default=None, repr=False)

    @overload
    def lookup(self, name: str) -> JSON: ...
    @overload
    def lookup(self, name: str, as_type: TypeForm[T]) -> T: ...
    def lookup(self, name: str, as_type: TypeForm[T] | None = None) -> T | JSON:
        """
        Return the output of an earlier node of the same saga or subsaga, decoded afresh.

        Args:
            name: The node's name. An undo action sees its own node's output too.
            as_type: The type to decode it as; without one, plain JSON.

        Raises:
            NodeLookupError: There is no such node among those that this one depends on.
            DeserializeError: The output is not of that type.
        """
        text = lookup(self._dag, self._outputs, self.node_id, name, undoing=self._undoing)
        return self._decode(text, as_type, f'output of node "{name}"')

    @overload
    def saga_params(self) -> JSON: ...
    @overload
    def saga_params(self, as_type: TypeForm[T]) -> T: ...
    def saga_params(self, as_type: TypeForm[T] | None = None) -> T | JSON:
        """
        Return the params of the saga; within a subsaga, those of the subsaga.

        Args:
            as_type: The type to decode them as; without one, plain JSON.

        Raises:
            DeserializeError: The params are not of that type.
        """
        text = saga_params(self._dag, self._outputs, self.node_id)
        return self._decode(text, as_type, f'params of node "{self.node_name}"')

    def given(self, takes: Takes) -> dict[str, object]:
        """
        Return what a function of the node's action is given, by parameter, decoded afresh.

        Args:
            takes: What the function takes.

        Raises:
            InputError: An input is missing, or not of the type that its parameter asks for.
        """
        flat, values = self._dag.flat, dict[str, object]()
        sees, sources = ancestors_of(flat, self.node_id), sources_of(flat, self.node_id)
        for parameter in takes.parameters:
            name, origin = parameter.name, origin_of(parameter, takes.role, sources, sees)
            if origin is Special.DEFAULT:
                continue
            try:
                text = self._text_from(origin, name)
                if text is not None:
                    as_type = cast("type[object] | None", takes.type_of(parameter))
                    values[name] = decode_value(self._dag.codec, text, as_type)
                elif parameter.required:
                    values[name] = None
            except NodeLookupError as error:
                raise InputError(takes.action_name, name, error.why) from error
            except (ActionRegistryError, DeserializeError) as error:
                raise InputError(takes.action_name, name, str(error)) from error
        return values

    def _text_from(self, origin: Origin, name: str) -> JsonText | None:
        """Return an input as text; None for the node's own output, if that is not known."""
        match origin:
            case Special.PARAMS:
                return saga_params(self._dag, self._outputs, self.node_id)
            case Special.OUTPUT:
                return self._outputs.get(self.node_id)
            case Given(value=text):
                return text
            case FromNode(node=node):
                return lookup(self._dag, self._outputs, self.node_id, node, undoing=False)
            case _:  # missing: the error says what there is
                return lookup(self._dag, self._outputs, self.node_id, name, undoing=False)

    @property
    def sec(self) -> Sec:
        """
        The SEC that runs the action, to create sagas, to wait for them, and to give them orders.

        For a saga that is part of what the node does, `child_saga` is simpler.

        Raises:
            CommandError: The context is one for a test, and was given none.
        """
        if self._sec is None:
            msg = "this context has no SEC: give it one, as with action_context(…, sec=…)"
            raise CommandError(msg)
        return self._sec

    @property
    def node_name(self) -> str:
        """The node's name."""
        return self._dag.flat.name_of(self.node_id)

    @property
    def node_label(self) -> str:
        """The node's label."""
        return self._dag.flat.nodes[self.node_id].label

    @property
    def idempotency_key(self) -> str:
        """
        A key for this call, the same each time it is made again, after a crash too.

        An action and its undo action have different keys, since services remember their answer to a
        key.
        """
        return f"{self.saga_id}/{self.node_id}/{'undo' if self._undoing else 'action'}"

    def key_of(self, node: str) -> str:
        """
        Return the `idempotency_key` that the action of another node has.

        Args:
            node: Its name in the same saga or subsaga, or a path of names as in `/subsaga/inner`.

        Raises:
            NoSuchNode: There is no such node, or the name is ambiguous.
        """
        flat = self._dag.flat
        found = flat.scopes[flat.scope_of[self.node_id]].names.get(NodeName(node))
        index = flat.get_index(node) if found is None else found
        return f"{self.saga_id}/{index}/action"

    def now(self) -> datetime:
        """
        Return the time by the SEC's clock, in UTC.

        In a test it is the test's, so what an action does by it does not depend on the day. It is
        another time at each call: what is to stay the same follows from `started_at`.
        """
        return from_timestamp(self._now())

    @property
    def started_at(self) -> datetime | None:
        """
        When the node was first started, or in an undo action its undo, by the SEC's clock.

        None if the log does not have the time, as that of a dump from elsewhere.
        """
        return None if self._started is None else from_timestamp(self._started)

    @property
    def output(self) -> JSON:
        """
        What the action returned, for its undo action, decoded as its return annotation says.

        None if that is not known, because the action failed in doubt; and in the action itself.

        Raises:
            DeserializeError: It is not of that type.
        """
        text = self._outputs.get(self.node_id)
        if text is None or not self._undoing:
            return None
        as_type = cast("type[object] | None", self._output_type)
        return self._decode(text, as_type, f'output of node "{self.node_name}"')

    def uuid(self, name: str) -> UUID:
        """
        Return an id that is the same at each call, after a crash too, as for a child saga.

        It follows from the saga, the node and the name (`uuid.uuid5`), and is the same in the
        node's action and in its undo action.

        Args:
            name: What it is for; a node that needs several ids gives each a name of its own.

        Raises:
            TypeError: The name is not a str.
        """
        if not isinstance(cast("object", name), str):
            msg = f"ctx.uuid takes a name, got {name!r}"
            raise TypeError(msg)
        return uuid5(self.saga_id, f"{self.node_id}/{name}")

    @property
    def action_key(self) -> str:
        """The `idempotency_key` of the node's action: in its undo action, the call to take back."""
        return f"{self.saga_id}/{self.node_id}/action"

    def _decode(self, text: JsonText, as_type: TypeForm[T] | None, what: str) -> T | JSON:
        try:
            return decode_value(self._dag.codec, text, as_type)
        except DeserializeError as error:
            msg = f"{what}: {error}"
            raise DeserializeError(msg) from error
