"""Errors of the saga's author: found before anything is stored."""

from __future__ import annotations

from steno.errors._root import StenoError


class DefinitionError(StenoError):
    """A saga or an action is defined incorrectly; nothing was stored or started."""


class DagBuilderError(DefinitionError):
    """`DagBuilder.build` found a mistake; only the first one made is reported."""

    def __init__(self, saga_name: str, why: str) -> None:
        super().__init__(f'building saga "{saga_name}": {why}')
        self.saga_name = saga_name
        self.why = why


class SagaValidationError(DefinitionError):
    """A saga cannot run on this SEC: an action is missing, say, or the params are wrong."""

    def __init__(self, saga_name: str, why: str) -> None:
        super().__init__(f'validating saga "{saga_name}": {why}')
        self.saga_name = saga_name
        self.why = why


class ActionRegistryError(DefinitionError):
    """An action's name was registered twice, or was never registered."""

    def __init__(self, action_name: str, why: str) -> None:
        super().__init__(f'action "{action_name}": {why}')
        self.action_name = action_name


class CodecError(DefinitionError):
    """
    A type was registered with a codec that already knows it.

    Attributes:
        type_name: The type.
        why: How the codec already knows it.
    """

    def __init__(self, type_name: str, why: str) -> None:
        super().__init__(f"type {type_name} cannot be registered: {why}")
        self.type_name = type_name
        self.why = why
