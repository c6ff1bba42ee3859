"""The columns of a saga that say why a person should look at it, to and from a concern."""

from __future__ import annotations

from typing import TypeAlias

from steno.core import Attention, Concern

ConcernColumns: TypeAlias = tuple[str | None, str | None, str | None]
"""The columns of `CONCERN`, unless they are damaged."""

CONCERN = "attention, attention_node, error_type"

NO_CONCERN: ConcernColumns = (None, None, None)
"""Those of nearly all sagas."""

REASONS = {attention.value: attention for attention in Attention}
"""What the column `attention` holds, and what that means."""


def concern_columns(concern: Concern | None) -> ConcernColumns:
    """Return what is stored of a concern."""
    if concern is None:
        return NO_CONCERN
    return concern.attention.value, concern.node, concern.error_type


def concern_of(attention: object, node: object, error_type: object) -> Concern | None:
    """Return what the columns say; None if that is nothing, or damaged."""
    if not isinstance(attention, str) or (reason := REASONS.get(attention)) is None:
        return None
    return Concern(reason, _text(node), _text(error_type))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
