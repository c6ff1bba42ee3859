"""Why a person should look at a saga, as text and as JSON; and how many such sagas there are."""

from __future__ import annotations

from collections.abc import Sequence

from steno.cli._text import columns, one_line
from steno.core import JSON, Concern
from steno.store import AttentionGroup

_HEADINGS = ("reason", "count", "name", "node", "error")


def concern_text(concern: Concern) -> str:
    """Return a concern as a single line, such as `held at "charge": Refused`."""
    where = "" if concern.node is None else f' at "{concern.node}"'
    error = "" if concern.error_type is None else f": {concern.error_type}"
    return one_line(f"{concern.attention.value}{where}{error}")


def concern_json(concern: Concern | None) -> JSON:
    """Return the JSON of a concern; null if nobody has to look."""
    if concern is None:
        return None
    return {
        "reason": concern.attention.value,
        "node": concern.node,
        "error_type": concern.error_type,
    }


def groups_text(groups: Sequence[AttentionGroup]) -> str:
    """Return a line for each group, below a heading."""
    rows: list[tuple[str, ...]] = [_HEADINGS]
    for group in groups:
        names = (group.saga_name, _optional(group.node), _optional(group.error_type))
        rows.append((group.attention.value, str(group.count), *map(one_line, names)))
    return columns(rows)


def _optional(name: str | None) -> str:
    return "-" if name is None else name


def groups_json(groups: Sequence[AttentionGroup]) -> list[JSON]:
    """Return the JSON of groups."""
    return [
        {
            "reason": group.attention.value,
            "name": group.saga_name,
            "node": group.node,
            "error_type": group.error_type,
            "count": group.count,
        }
        for group in groups
    ]
