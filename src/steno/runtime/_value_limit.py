"""The size limit of the values of a saga to be stored."""

from __future__ import annotations

from steno.core import SagaDag, SagaState, Succeeded
from steno.errors import SagaValidationError


def check_sizes(dag: SagaDag, state: SagaState, limit: int) -> None:
    """
    Check the sizes of the params, the constants and inputs, and the outputs already in the log.

    Args:
        dag: The graph and params.
        state: The log so far.
        limit: The maximum size of one value, in bytes of UTF-8.

    Raises:
        SagaValidationError: A value is too big.
    """
    _check(dag, "its params", dag.params, limit)
    for constant in state.flat.constants:
        _check(dag, f'the constant "{constant.name}"', constant.value, limit)
    for node, given in state.flat.given:
        _check(dag, f'the input "{given.parameter}" of "{node}"', given.value, limit)
    for event in state.log.events:
        if isinstance(event.event_type, Succeeded) and event.node_id is not None:
            name = state.flat.name_of(event.node_id)
            _check(dag, f'the output of "{name}"', event.event_type.output, limit)


def _check(dag: SagaDag, what: str, text: str, limit: int) -> None:
    size = len(text.encode())
    if size > limit:
        why = f"{what} takes {size} bytes, and may take {limit} (max_value_bytes)"
        raise SagaValidationError(dag.saga_name, why)
