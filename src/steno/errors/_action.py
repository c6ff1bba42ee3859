"""Errors of users' actions: raised in them, or by what they have done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steno.errors._root import StenoError

if TYPE_CHECKING:
    from uuid import UUID


class ActionDataError(StenoError):
    """An action returned or requested data that cannot be stored, converted or found."""


class SerializeError(ActionDataError):
    """
    A value cannot be stored as JSON.

    Attributes:
        path: Where in the value, starting at `$`, as in `$.rooms[2].price`.
        why: What is wrong there.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class DeserializeError(ActionDataError):
    """A stored value is not of the type that was requested."""


class InputError(DeserializeError):
    """
    An action cannot be given one of its inputs, so it was not called.

    Attributes:
        action_name: The action.
        parameter: The parameter that the input is for.
        why: What is wrong with it.
    """

    def __init__(self, action_name: str, parameter: str, why: str) -> None:
        super().__init__(f'input "{parameter}" of action "{action_name}": {why}')
        self.action_name = action_name
        self.parameter = parameter
        self.why = why


class NodeLookupError(ActionDataError, LookupError):
    """An action looked up a node whose output it cannot see."""

    def __init__(self, node: str, name: str, why: str) -> None:
        super().__init__(f'node {node} looked up "{name}": {why}')
        self.name = name
        self.why = why


class Hold(StenoError):
    """
    Raised by an action, or an undo action: a person should look before anything else happens.

    Its node is held, not failed: nothing is undone, its siblings go on, and it is called again when
    its saga is taken up again, as at the next open.
    """


class NotDone(StenoError):
    """
    Raised by an action: this call has had no effect, so there is nothing to undo for it.

    The node fails at once, without another attempt. `raise NotDone() from error` stores the cause
    as the error of the node. What an earlier call may have done stays in doubt.
    """


class ActionTimeout(StenoError, TimeoutError):
    """A call of an action, or of its undo action or probe, took longer than its timeout."""


class SagaFailed(StenoError):
    """
    `unwrap` was called on the result of a saga that did not succeed.

    Attributes:
        saga_id: The saga.
        result: The `SagaResultErr`.
    """

    def __init__(self, saga_id: UUID, result: object, why: str) -> None:
        super().__init__(f"saga {saga_id} failed {why}")
        self.saga_id = saga_id
        self.result = result
