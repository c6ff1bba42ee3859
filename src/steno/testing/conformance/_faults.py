"""Faults: a store that cannot do what it is asked raises, and has done none of it."""

from __future__ import annotations

import attrs

from steno.core import JsonText
from steno.errors import RecoveryError, StoreUnavailable
from steno.store import Durable, ListQuery, PruneQuery, Rejected, SagaWrite
from steno.testing.conformance._demand import Topic
from steno.testing.conformance._expect import error_of, expect, expect_that
from steno.testing.conformance._life import DURABLE, OTHER, SEC, Life, living
from steno.testing.conformance._prune import NOW
from steno.testing.conformance._sample import NOWHERE, ONE, SUCCEEDED, THREE, TWO, events
from steno.testing.conformance._session import calls
from steno.testing.conformance._subject import Subject, needed

FAULTS = Topic("faults")


@FAULTS.demand
async def a_store_that_cannot_write_says_that_it_is_unavailable(subject: Subject) -> None:
    """The runtime then retries; the same calls succeed when the fault is fixed."""
    failing = needed(subject.failing, "failing")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        reading = {"load", "list", "attention"}
        writing = {name: call for name, call in calls(sec) if name not in reading}
        with failing():
            for name, call in writing.items():
                demand = f"{name} raises StoreUnavailable while nothing can be written"
                await error_of(call, StoreUnavailable, demand)
        expect(await writing["record"](), [DURABLE], "a record succeeds when it is sent again")
        for call in writing.values():
            await call()
        await sec.expect_log(ONE, 1, "what was sent again is there once")


@FAULTS.demand
async def nothing_of_a_batch_that_could_not_be_written_is_there(subject: Subject) -> None:
    """The next batch may differ: it continues from what was durable before."""
    failing = needed(subject.failing, "failing")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 1), sec.create(TWO))
        batch: list[SagaWrite] = [sec.record(ONE, 1, 2), sec.create(THREE), sec.problem(TWO, "no")]
        before = [await sec.load(each) for each in (ONE, TWO)]
        with failing():
            demand = "record raises StoreUnavailable while nothing can be written"
            await error_of(lambda: sec.do(*batch), StoreUnavailable, demand)
        after = [await sec.load(each) for each in (ONE, TWO)]
        expect(after, before, "nothing of a batch that could not be written is there")
        expect(await sec.session.load(THREE), None, "nothing of it is there")
        await sec.done(*batch)
        await sec.expect_log(ONE, 3, "a batch that could not be written can be sent again")


@FAULTS.demand
async def reads_work_or_say_that_the_store_is_unavailable(subject: Subject) -> None:
    """While nothing can be written, they never return a wrong answer."""
    failing = needed(subject.failing, "failing")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 1))
        before = await sec.load(ONE)
        with failing():
            for _ in range(3):
                try:
                    expect(
                        await sec.session.load(ONE), before, "a read never returns a wrong answer"
                    )
                    found = await sec.session.list(ListQuery())
                    expect(found, [before.summary], "a read never returns a wrong answer")
                except StoreUnavailable:
                    pass  # this store cannot read now, either
        expect(await sec.load(ONE), before, "a read works when the fault is fixed")


@FAULTS.demand
async def a_write_that_cannot_be_stored_hurts_no_other(subject: Subject) -> None:
    """
    It is rejected, or the batch is refused as a whole; then none of its writes are done.

    The store must not claim to be unavailable, because the writer would wait for it in vain.
    """
    async with living(subject) as sec:
        poison = JsonText('"\ud800"')  # not encodable in UTF-8
        await sec.done(sec.create(ONE), sec.create(TWO))
        bad: list[SagaWrite] = [
            attrs.evolve(sec.create(THREE), params=poison),
            sec.problem(TWO, poison),
            sec.problem(TWO, "a \x00 in it"),
        ]
        for number, write in enumerate(bad):
            good = sec.record(ONE, number, 1)
            await _try(sec, [good, write], number)
            await sec.done(good)
            await sec.expect_log(ONE, number + 1, "a batch succeeds after one that was refused")


async def _try(sec: Life, batch: list[SagaWrite], number: int) -> None:
    try:
        first, second = await sec.do(*batch)
    except StoreUnavailable as error:
        msg = f"what can never be stored must not be retried\nfound:  {error!r}"
        raise AssertionError(msg) from error
    except Exception:  # noqa: BLE001 - the port does not say which error refuses a batch
        demand = "none of a batch that is refused is done"
        await sec.expect_log(ONE, number, demand)
    else:
        expect(first, DURABLE, "a write that cannot be stored does not affect others")
        expect_that(
            isinstance(second, Durable | Rejected), "what cannot be stored is rejected", second
        )


@FAULTS.demand
async def a_saga_that_cannot_be_read_says_so(subject: Subject) -> None:
    """It is listed, noted and taken over like any other, and does not affect them."""
    damage = needed(subject.damage, "damage")
    async with living(subject) as sec:
        await sec.done(sec.create(ONE, 3), sec.create(TWO, 3))
    damage(ONE)
    async with living(subject) as sec:
        demand = "load raises RecoveryError if what is stored cannot be read"
        error = await error_of(lambda: sec.session.load(ONE), RecoveryError, demand)
        await sec.expect_log(TWO, 3, "a saga that cannot be read does not affect others")
        taken = await sec.session.take_over(SEC)
        fences = {claim.saga_id: claim.fence for claim in taken.claims}
        expect(set(fences), {ONE, TWO}, "a saga that cannot be read is taken over nevertheless")
        await sec.done(sec.problem(ONE, "it cannot be read", fences[ONE]))
        found = [(each.saga_id, each.problem) for each in await sec.session.list(ListQuery())]
        wanted = [(ONE, "it cannot be read"), (TWO, None)]
        expect(found, wanted, "a saga that cannot be read is listed, with its problem")
        claim = await sec.session.claim(ONE, OTHER)
        expect_that(claim is not None, "a saga that cannot be read can be claimed", claim)
        # The error is kept until here: what its traceback refers to must not block anything.
        expect_that(str(error) != "", "the error says what cannot be read", error)


@FAULTS.demand
async def what_is_refused_leaves_the_session_as_it_was(subject: Subject) -> None:
    """Rejections, losses and empty answers are not faults: nothing is blocked by them."""
    async with living(subject) as sec:
        await sec.done(sec.create(ONE))
        for number in range(5):
            await sec.do(sec.record(ONE, 99, 1), sec.record(NOWHERE, 0, 1))
            await sec.session.load(NOWHERE)
            await sec.session.claim(NOWHERE, SEC)
            await sec.session.prune(PruneQuery(NOW))
            await sec.done(sec.record(ONE, number, 1))
        await sec.done(sec.record(ONE, 5, 0, SUCCEEDED))
        expect(await sec.log(ONE), events(ONE, 0, 5), "a session continues after what it refused")
