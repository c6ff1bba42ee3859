"""Lists: which sagas are asked for, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TypedDict

import attrs

from steno.core import (
    Attention,
    Concern,
    SagaCachedState,
    SagaId,
    at_least_one,
    checked_saga_id,
)
from steno.store._read import SagaSummary, has_other_than
from steno.store._tags import NO_TAGS, checked_tags


class SagaFilters(TypedDict, total=False):
    """
    Which sagas are listed: those that match all that is given; None is as if it was not given.

    The times are those of `SagaTimes`. Each needs a time zone; `since` is included, `until` is not.

    In SQLite, states, a name, tags and what needs attention are found by an index; a node and an
    error type are looked for among the sagas that need attention. For the owner and the times,
    other sagas are looked at until the page is full: at worst all of them, which takes 0.1 to 3 µs
    each.

    Attributes:
        states: Only sagas in one of these states; an empty list has none.
        name: Only sagas of this very name.
        tags: Only sagas that have all of these tags, with these very values.
        sec_name: Only sagas that this SEC runs, or ran last.
        created_since: Only sagas that were created then, or later.
        created_until: Only sagas that were created before that.
        progressed_since: Only sagas that progressed last then, or later.
        progressed_until: Only sagas that progressed last before that.
        ended_since: Only sagas that ended then, or later.
        ended_until: Only sagas that ended before that.
        attention: Only sagas at which a person should look for one of these reasons; for any of
            them, `set(Attention)`.
        attention_node: Only sagas at which a person should look, at this node: its name, or its
            path if others have that name.
        error_type: Only sagas at which a person should look, for an error of this class.
        newest_first: List the saga that was created last first, instead of in the order of ids.
    """

    states: Collection[SagaCachedState] | None
    name: str | None
    tags: Mapping[str, str] | None
    sec_name: str | None
    created_since: datetime | None
    created_until: datetime | None
    progressed_since: datetime | None
    progressed_until: datetime | None
    ended_since: datetime | None
    ended_until: datetime | None
    attention: Collection[Attention] | None
    attention_node: str | None
    error_type: str | None
    newest_first: bool


def _are_states(
    _: object, __: attrs.Attribute[Collection[SagaCachedState] | None], value: object
) -> None:
    if value is not None and has_other_than(value, frozenset(SagaCachedState)):
        msg = f"states must be of type SagaCachedState, not {value!r}"
        raise TypeError(msg)


def _are_reasons(
    _: object, __: attrs.Attribute[Collection[Attention] | None], value: object
) -> None:
    if value is not None and has_other_than(value, frozenset(Attention)):
        msg = f"attention must be of type Attention, not {value!r}"
        raise TypeError(msg)


def _is_time(_: object, attribute: attrs.Attribute[datetime | None], value: object) -> None:
    if value is None:
        return
    if not isinstance(value, datetime):
        msg = f"{attribute.name} must be a datetime, not {value!r}"
        raise TypeError(msg)
    if value.utcoffset() is None:
        msg = f"{attribute.name} must have a time zone, as in datetime(…, tzinfo=UTC): {value!r}"
        raise ValueError(msg)


@attrs.frozen
class ListQuery:
    """
    A page of a list; see `SagaFilters` for what chooses its sagas.

    Attributes:
        marker: Where the page before ended: the id of its last saga, or, if the newest come first,
            the number of that. None for the first page. There need not be such a saga any more.
        limit: How many sagas at most.
        states: The states, if not all.
        name: The name, if not any.
        tags: The tags that the sagas have.
        sec_name: The owner, if not any.
        created_since: The beginning of a range of times, which it includes.
        created_until: The end of that range, which it does not include.
        progressed_since: As above.
        progressed_until: As above.
        ended_since: As above. A saga that has not ended is in no range.
        ended_until: As above.
        attention: The reasons to look at the sagas, if not all, or none.
        attention_node: Where to look, if not anywhere.
        error_type: The class of the error there, if not any.
        newest_first: The order: by number, from the largest, instead of by id.
    """

    marker: SagaId | int | None = None
    limit: int = attrs.field(default=100, validator=at_least_one)
    states: Collection[SagaCachedState] | None = attrs.field(default=None, validator=_are_states)
    name: str | None = None
    tags: Mapping[str, str] = attrs.field(
        default=NO_TAGS, converter=checked_tags, kw_only=True, hash=False
    )
    sec_name: str | None = attrs.field(default=None, kw_only=True)
    created_since: datetime | None = attrs.field(default=None, validator=_is_time, kw_only=True)
    created_until: datetime | None = attrs.field(default=None, validator=_is_time, kw_only=True)
    progressed_since: datetime | None = attrs.field(default=None, validator=_is_time, kw_only=True)
    progressed_until: datetime | None = attrs.field(default=None, validator=_is_time, kw_only=True)
    ended_since: datetime | None = attrs.field(default=None, validator=_is_time, kw_only=True)
    ended_until: datetime | None = attrs.field(default=None, validator=_is_time, kw_only=True)
    attention: Collection[Attention] | None = attrs.field(
        default=None, validator=_are_reasons, kw_only=True
    )
    attention_node: str | None = attrs.field(default=None, kw_only=True)
    error_type: str | None = attrs.field(default=None, kw_only=True)
    newest_first: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse a marker of the other order."""
        if self.marker is None:
            return
        if not self.newest_first:
            checked_saga_id(self.marker)
        elif type(self.marker) is not int:
            msg = f"where the newest come first, marker is the number of a saga: {self.marker!r}"
            raise TypeError(msg)

    @property
    def after_number(self) -> int | None:
        """The marker, if the newest come first."""
        return self.marker if isinstance(self.marker, int) else None

    @property
    def after_id(self) -> SagaId | None:
        """The marker, if the order is that of ids."""
        return None if isinstance(self.marker, int) else self.marker

    @property
    def reasons(self) -> Collection[Attention] | None:
        """The reasons of which a saga must have one; None if it need not have any."""
        if self.attention is None and (self.attention_node, self.error_type) != (None, None):
            return frozenset(Attention)
        return self.attention

    def following(self, last: SagaSummary) -> ListQuery:
        """Return the query of the next page, given the last saga of this one."""
        return attrs.evolve(self, marker=last.number if self.newest_first else last.saga_id)

    # For stores that keep sagas as objects

    def matches(self, saga: SagaSummary, sec_name: str) -> bool:
        """
        Return True if the filters let a saga through, whatever the marker.

        Args:
            saga: The saga.
            sec_name: The SEC that runs it, or ran it last.
        """
        times = saga.times
        return (
            (self.states is None or saga.state in self.states)
            and self.name in {None, saga.saga_name}
            and self.sec_name in {None, sec_name}
            and self.tags.items() <= saga.tags.items()
            and self._matches_concern(saga.concern)
            and _is_within(times.created, self.created_since, self.created_until)
            and _is_within(times.progressed, self.progressed_since, self.progressed_until)
            and _is_within(times.ended, self.ended_since, self.ended_until)
        )

    def _matches_concern(self, concern: Concern | None) -> bool:
        if (reasons := self.reasons) is None:
            return True
        return (
            concern is not None
            and concern.attention in reasons
            and self.attention_node in {None, concern.node}
            and self.error_type in {None, concern.error_type}
        )

    def page(self, sagas: Iterable[SagaSummary]) -> list[SagaSummary]:
        """Return the page out of all sagas that match, given in any order."""
        if self.newest_first:
            before = self.after_number
            left = [each for each in sagas if before is None or each.number < before]
            left.sort(key=lambda each: each.number, reverse=True)
        else:
            after = self.after_id
            left = [each for each in sagas if after is None or each.saga_id > after]
            left.sort(key=lambda each: each.saga_id)
        return left[: self.limit]


def _is_within(time: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if time is None:
        return since is None and until is None
    return (since is None or since <= time) and (until is None or time < until)
