"""Results: what came of a saga that is finished."""

from __future__ import annotations

from typing import NoReturn, TypeAlias, TypeVar, overload

import attrs
from typing_extensions import TypeForm

from steno.core._value import JSON, JsonText, decode_value
from steno.core.graph._dag import SagaDag
from steno.core.graph._ids import SagaId, SagaNodeId
from steno.core.log._action_error import ActionError, UndoActionError, action_error, undo_error
from steno.core.log._log import SagaLog
from steno.core.machine._state import SagaState
from steno.errors import SagaFailed

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
    The saga failed, and was unwound, or is stuck.

    Two of one saga are equal if they say the same of it, whatever else is in their logs.

    Attributes:
        saga_id: The saga.
        saga_log: All its events.
        error_node_name: The node whose failure was logged first.
        error_source: Why it failed: an exception, to be matched, converted or raised.
        undo_failure: None if all that had succeeded was undone; otherwise the node whose undo
            failed first, and why. Then the saga is stuck.
    """

    saga_id: SagaId
    saga_log: SagaLog = attrs.field(repr=False, eq=False)
    error_node_name: str
    error_source: ActionError
    undo_failure: tuple[str, UndoActionError] | None = None

    def __str__(self) -> str:
        """Return the failure as one readable line."""
        text = f'at node "{self.error_node_name}": {self.error_source}'
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
    if state.first_failure is None:
        return SagaResultOk(saga_id, log, dag, state.outputs)
    node, text = state.first_failure
    undo_failure = None
    if state.first_undo_failure is not None:
        undo_node, undo_text = state.first_undo_failure
        undo_failure = (dag.flat.name_of(undo_node), undo_error(undo_text, dag.codec))
    source = action_error(text, dag.codec)
    return SagaResultErr(saga_id, log, dag.flat.name_of(node), source, undo_failure)
