"""Groups: how many sagas a person should look at, for which reason, at which node, which error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from steno.core import Attention, Concern, SagaName


@attrs.frozen
class AttentionGroup:
    """
    Sagas of one name at which a person should look for one reason.

    Attributes:
        attention: The reason.
        saga_name: The name of their kind; if that is damaged, a description of what is there.
        node: At which node; None if at none, or it is not known.
        error_type: The name of the class of the error there; None if there is none, or it is not
            known.
        count: How many they are.
    """

    attention: Attention
    saga_name: SagaName
    node: str | None
    error_type: str | None
    count: int


_GRAVITY = {attention: place for place, attention in enumerate(Attention)}


def attention_groups(counts: Mapping[tuple[SagaName, Concern], int]) -> Sequence[AttentionGroup]:
    """Return the groups of sagas that were counted: the gravest first, of those the largest."""
    groups = [
        AttentionGroup(concern.attention, name, concern.node, concern.error_type, count)
        for (name, concern), count in counts.items()
    ]
    return sorted(groups, key=_place)


def _place(group: AttentionGroup) -> tuple[object, ...]:
    names = (group.saga_name, group.node or "", group.error_type or "")
    return _GRAVITY[group.attention], -group.count, *names
