"""Tags: texts that a saga is given when it is created, and found by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from steno.core import SagaId
from steno.store import (
    MOST_TAGS,
    TAG_LENGTH,
    ListQuery,
    PruneQuery,
    SagaCreateParams,
    checked_tags,
)
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import expect
from steno.testing.conformance._life import DURABLE, Life, living
from steno.testing.conformance._sample import (
    ODD_NAMES,
    ONE,
    READY,
    RUNNING,
    STATES,
    SUCCEEDED,
    TWO,
    spread,
)
from steno.testing.conformance._subject import Subject

TAGS = Topic("tags")


def _create(sec: Life, saga_id: SagaId, tags: Mapping[str, str]) -> SagaCreateParams:
    return attrs.evolve(sec.create(saga_id), tags=checked_tags(tags))


async def _tags(sec: Life, saga_id: SagaId) -> Mapping[str, str]:
    return dict((await sec.load(saga_id)).summary.tags)


async def _found(sec: Life, tags: Mapping[str, str], limit: int = 2) -> list[SagaId]:
    """Return the sagas with some tags, in the order of ids, which that of creation confirms."""
    found = [saga.saga_id for saga in await sec.listed(ListQuery(limit=limit, tags=tags))]
    newest = await sec.listed(ListQuery(limit=limit, tags=tags, newest_first=True))
    demand = "a list of the newest with some tags has the same sagas, by their numbers"
    expect(sorted(saga.saga_id for saga in newest), found, demand)
    numbers = [saga.number for saga in newest]
    expect(numbers, sorted(numbers, reverse=True), demand)
    return found


@TAGS.demand
async def a_saga_keeps_its_tags(subject: Subject) -> None:
    """Load and list show them, whatever becomes of the saga, and in the next life as well."""
    tags = {"order": "4711", "who": "Ada"}
    async with living(subject) as sec:
        await sec.done(_create(sec, ONE, tags), sec.create(TWO))
        await sec.done(sec.record(ONE, 0, 1))
    async with living(subject) as sec:
        await sec.done(sec.record(ONE, 1, 1, SUCCEEDED))
        expect(await _tags(sec, ONE), tags, "load gives the tags that a saga was created with")
        expect(await _tags(sec, TWO), {}, "a saga that was created without tags has none")
        listed = [dict(saga.tags) for saga in await sec.listed(ListQuery())]
        expect(listed, [tags, {}], "a list has the tags that load gives")


@TAGS.demand
async def tags_are_kept_to_the_letter(subject: Subject) -> None:
    """Case, accents, quotes and spaces are significant, in keys and in values."""
    tags = {f"{key}.": ODD_NAMES[-1 - number] for number, key in enumerate(ODD_NAMES)}
    async with living(subject) as sec:
        await sec.done(_create(sec, ONE, tags))
        expect(await _tags(sec, ONE), tags, "tags are kept to the letter")
        for key, value in tags.items():
            expect(await _found(sec, {key: value}), [ONE], "a saga is found by its tags")
            for other in ODD_NAMES:
                if other != value:
                    demand = f"a saga is not found by the value {other!r} where it has {value!r}"
                    expect(await _found(sec, {key: other}), [], demand)


@TAGS.demand
async def a_saga_may_have_many_long_tags(subject: Subject) -> None:
    """As many as there may be, as long as they may be, in any script."""
    wide = "🦀" * TAG_LENGTH
    tags = {f"{number:02}{wide[2:]}": wide[1:] + str(number % 10) for number in range(MOST_TAGS)}
    async with living(subject) as sec:
        await sec.done(_create(sec, ONE, tags), _create(sec, TWO, tags))
        expect(await _tags(sec, ONE), tags, "a saga keeps all of its tags, in full length")
        expect(await _found(sec, tags), [ONE, TWO], "a saga is found by all of its tags")


@TAGS.demand
async def a_list_may_be_of_some_tags(subject: Subject) -> None:
    """All of them must match, each as a whole; other tags do not matter."""
    async with living(subject) as sec:
        ids = spread(9)
        own = [
            *({"a": "1"}, {"a": "2"}, {"a": "1", "b": "2"}, {"a": "1", "b": "1"}, {"b": "1"}),
            *({"1": "a"}, {"a": "11"}, {"A": "1"}, {}),
        ]
        for number in (4, 0, 8, 2, 6, 1, 3, 5, 7):
            await sec.done(_create(sec, ids[number], own[number]))
        choices = [{}, {"a": "1"}, {"b": "1"}, {"a": "1", "b": "1"}, {"a": "1", "b": "2"}]
        choices += [{"a": "2", "b": "1"}, {"c": "1"}, {"a": ""}]
        for tags in choices:
            wanted = [
                each for each, there in zip(ids, own, strict=True) if tags.items() <= there.items()
            ]
            for limit in (1, 2, 100):
                found = await _found(sec, tags, limit)
                expect(found, wanted, f"a list has the sagas with all of the tags {tags}")


@TAGS.demand
async def tags_hold_with_other_filters(subject: Subject) -> None:
    """A tag and a state at once, as the state is now."""
    async with living(subject) as sec:
        ids = spread(2 * len(STATES))
        for number, saga_id in enumerate(ids):
            write = _create(sec, saga_id, {"parity": str(number % 2)})
            await sec.done(write, sec.record(saga_id, 0, 1, STATES[number // 2]))
        for number, saga_id in enumerate(ids):
            state, tags = STATES[number // 2], {"parity": str(number % 2)}
            query = ListQuery(states={state}, tags=tags)
            demand = "a list of a tag and a state has the sagas that match both"
            expect(await sec.ids(query), [saga_id], demand)
            query = attrs.evolve(query, newest_first=True, limit=1)
            expect(await sec.ids(query), [saga_id], demand)


@TAGS.demand
async def a_creation_that_is_sent_again_keeps_the_first_tags(subject: Subject) -> None:
    """Tags are not part of what a saga is: other ones are not another saga, and are not taken."""
    async with living(subject) as sec:
        for saga_id, first in ((ONE, {"order": "1"}), (TWO, {})):
            write = _create(sec, saga_id, first)
            await sec.done(write)
            for tags in (first, {"order": "2"}, {"who": "Ada"}, {}):
                again = attrs.evolve(write, tags=checked_tags(tags))
                demand = "a creation that is sent again is durable, whatever its tags"
                expect(await sec.do(again, again), [DURABLE] * 2, demand)
                expect(await _tags(sec, saga_id), first, "a saga keeps its first tags")
        expect(await _found(sec, {"order": "1"}), [ONE], "a saga is found by its first tags")
        for tags in ({"order": "2"}, {"who": "Ada"}):
            expect(await _found(sec, tags), [], "a saga is not found by tags that it never got")


@TAGS.demand
async def a_creation_that_is_rejected_leaves_no_tags(subject: Subject) -> None:
    """Neither with the saga that has the id, nor with any other."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 1), _create(sec, TWO, {"b": "2"}))
        await sec.do(_create(sec, ONE, {"a": "1"}))
        expect(await _tags(sec, ONE), {}, "a creation that is rejected leaves no tags")
        expect(await _found(sec, {"a": "1"}), [], "a creation that is rejected leaves no tags")


@TAGS.demand
async def tags_go_with_their_saga(subject: Subject) -> None:
    """Once it is pruned, no saga is found by them, nor has them, not even one of the same id."""
    async with living(subject) as sec:
        tags = {"order": "4711"}
        await sec.done(_create(sec, ONE, tags), _create(sec, TWO, tags))
        await sec.done(sec.record(TWO, 0, 1, SUCCEEDED))
        await sec.session.prune(PruneQuery(timedelta(0)))
        expect(await _found(sec, tags), [ONE], "tags are gone with the saga that had them")
        await sec.done(sec.create(TWO))
        expect(await _tags(sec, TWO), {}, "a new saga has no tags of one that was pruned")
        expect(await _found(sec, tags), [ONE], "a new saga has no tags of one that was pruned")
        states = [saga.state for saga in await sec.listed(ListQuery(tags=tags))]
        expect(states, [READY], "a saga with the same tags as one that was pruned stays")
        await sec.done(sec.record(ONE, 0, 1, RUNNING))
        expect(
            await _tags(sec, ONE), tags, "a saga with the same tags as one that was pruned stays"
        )
