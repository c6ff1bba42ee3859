"""Why a saga ended that no action has failed: somebody ordered it."""

from __future__ import annotations

from typing import ClassVar

from steno.core._value import JSON
from steno.core.log._action_error import ActionError


class _ByOrder(ActionError):
    """The error of a saga that has ended as somebody ordered; who, and why."""

    done: ClassVar[str]

    def __init__(self, by: str, why: str) -> None:
        super().__init__(by, why)
        self.by = by
        self.why = why

    def __str__(self) -> str:
        return f"{self.done} by {self.by}: {self.why}"

    def to_json(self) -> JSON:
        return {type(self).__name__: {"by": self.by, "why": self.why}}


class Unwound(_ByOrder):
    """
    Somebody ordered that the saga is unwound, or its deadline did.

    Attributes:
        by: Who; `deadline` if that has passed.
        why: The reason that they gave.
    """

    done: ClassVar = "unwound"


class Abandoned(_ByOrder):
    """
    Somebody ordered that the saga is finished as it stands; what is not undone stays.

    Attributes:
        by: Who.
        why: The reason that they gave.
    """

    done: ClassVar = "abandoned"
