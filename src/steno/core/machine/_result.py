"""Results: what came of a saga that is finished."""

from __future__ import annotations

from typing import NoReturn, TypeAlias, TypeVar, overload

import attrs
from typing_extensions import TypeForm

from steno.core._value import JSON, JsonText, decode_value
from steno.core.graph._dag import SagaDag
from steno.core.graph._ids import SagaId, SagaNodeId
from steno.core.log._action_error import ActionError, UndoActionError, action_error, undo_error
from steno.core.log._cached_state import SagaCachedState
from steno.core.log._log import SagaLog
from steno.core.machine._state import SagaState
from steno.core.machine._verdict import Abandoned, Unwound
from steno.errors import InternalError, SagaFailed

T = TypeVar("T")


@attrs.frozen(eq=False)
class SagaResultOk:
    """
    The saga succeeded: every node did what it should, and its output is here.

    Attributes:
        saga_id: The saga.
        saga_log: All its events.
    """

    saga_id: SagaId
    saga_log: SagaLog = attrs.field(repr=False)
    _dag: SagaDag = attrs.field(repr=False)
    _outputs: dict[SagaNodeId, JsonText] = attrs.field(repr=False)

    @overload
    def lookup_node_output(self, node: str | int) -> JSON: ...
    @overload
    def lookup_node_output(self, node: str | int, as_type: TypeForm[T]) -> T: ...
    def lookup_node_output(self, node: str | int, as_type: TypeForm[T] | None = None) -> T | JSON:
        """
        Return the output of a node.

        Args:
            node: Its name, its index, or a path as in `subsaga/inner`.
            as_type: The type to decode it as; without one, plain JSON.

        Raises:
            NoSuchNode: The saga has no such node.
            DeserializeError: The output is not of that type.
        """
        return decode_value(self._dag.codec, self._outputs[self._dag.get_index(node)], as_type)

    @overload
    def saga_output(self) -> JSON: ...
    @overload
    def saga_output(self, as_type: TypeForm[T]) -> T: ...
    def saga_output(self, as_type: TypeForm[T] | None = None) -> T | JSON:
        """
        Return the output of the saga: that of its last node.

        Args:
            as_type: The type to decode it as; without one, plain JSON.

        Raises:
            DeserializeError: The output is not of that type.
        """
        graph = self._dag.flat.graph
        (last,) = graph.parents(graph.end)
        return decode_value(self._dag.codec, self._outputs[SagaNodeId(last)], as_type)

    def unwrap(self) -> SagaResultOk:
        """Return this very result: there is a success."""
        return self


@attrs.frozen
class SagaResultErr:
    """
    The saga failed and was unwound, or is stuck, or somebody ordered that it ends.

    Two of one saga are equal if they say the same of it, whatever else is in their logs.

    Attributes:
        saga_id: The saga.
        saga_log: All its events.
        error_node_name: The node whose failure began the unwinding; None if an order did, or if
            the saga was abandoned.
        error_source: Why it failed: an exception, to be matched, converted or raised; `Unwound` or
            `Abandoned` if somebody ordered it.
        undo_failure: None if all that had succeeded was undone; otherwise the node whose undo
            failed first, and why. Then the saga is stuck.
    """

    saga_id: SagaId
    saga_log: SagaLog = attrs.field(repr=False, eq=False)
    error_node_name: str | None
    error_source: ActionError
    undo_failure: tuple[str, UndoActionError] | None = None

    def __str__(self) -> str:
        """Return the failure as one readable line."""
        text = str(self.error_source)
        if self.error_node_name is not None:
            text = f'at node "{self.error_node_name}": {text}'
        if self.undo_failure is not None:
            node, error = self.undo_failure
            text += f'; then, at the undo of node "{node}": {error}'
        return text

    def unwrap(self) -> NoReturn:
        """
        Raise the failure, for callers that want a success.

        Raises:
            SagaFailed: Always.
        """
        raise SagaFailed(self.saga_id, self, str(self))


SagaResult: TypeAlias = SagaResultOk | SagaResultErr
"""What came of a saga; to be matched on, or unwrapped."""


def saga_result(dag: SagaDag, state: SagaState) -> SagaResult:
    """Return the result of a saga that has an outcome."""
    saga_id, log = state.log.saga_id, state.log.copy()
    if state.outcome is SagaCachedState.SUCCEEDED:
        return SagaResultOk(saga_id, log, dag, state.outputs)
    name, source = _why_ended(dag, state)
    undo_failure = None
    if state.first_undo_failure is not None:
        undo_node, undo_text = state.first_undo_failure
        undo_failure = (dag.flat.name_of(undo_node), undo_error(undo_text, dag.codec))
    return SagaResultErr(saga_id, log, name, source, undo_failure)


def _why_ended(dag: SagaDag, state: SagaState) -> tuple[str | None, ActionError]:
    """Return the node that failed, if that began the unwinding, and why the saga has ended."""
    abandoned, unwound = state.steering.abandoned, state.steering.unwound
    if abandoned is not None:
        return None, Abandoned(abandoned.by, abandoned.why or "")
    if state.first_failure is not None:
        node, text = state.first_failure
        return dag.flat.name_of(node), action_error(text, dag.codec)
    if unwound is None:
        msg = "a saga that has ended neither failed nor was ordered to end"
        raise InternalError(msg)
    return None, Unwound(unwound.by, unwound.why or "")
