"""Attention: why a person should look at a saga, in one word, and at which of its nodes."""

from __future__ import annotations

import enum

import attrs

SHOWN = 200
"""How many characters are kept of the name of an error's class."""


class Attention(enum.Enum):
    """Why a person should look at a saga; of several reasons, the one that comes first here."""

    QUARANTINED = "quarantined"
    """It could not be loaded, or has killed its process too often; it does not run."""
    HALTED = "halted"
    """One of its steps could not be recorded, another SEC has it now, or the engine failed."""
    STUCK = "stuck"
    """An undo action has failed."""
    HELD = "held"
    """A node of it is held, and nothing else of it can go on."""

    @property
    def is_of_log(self) -> bool:
        """Whether a saga's log says so; otherwise it was noted in the store, with a problem."""
        return self is Attention.STUCK or self is Attention.HELD


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:SHOWN]


@attrs.frozen
class Concern:
    """
    Why a person should look at a saga, and where.

    Attributes:
        attention: Why.
        node: At which node, as `FlatDag.reference` gives it; None if at none, or it is not known.
        error_type: The name of the class of the error there, cut to 200 characters, as
            `ActionFailed.error_type` is; None if there is no error, or its class was not stored.
    """

    attention: Attention
    node: str | None = None
    error_type: str | None = attrs.field(default=None, converter=_cut)
