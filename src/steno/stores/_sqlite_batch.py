"""A batch, sorted by what is to be written, so that of each kind all can be written at once."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from steno.store import Fence, SagaCreateParams, SagaProblem, SagaRecord, SagaWrite


class OneByOne(Exception):
    """These writes can not be done all at once."""


@attrs.define(eq=False)
class Batch:
    """
    The writes of a batch; those of one saga that follow each other are one.

    A saga is known by its number, which is hashed faster than its id.

    Attributes:
        created: What creates a saga.
        records: What appends to a saga, a created one too.
        problems: What notes a problem, and its place in the batch.
    """

    created: dict[int, SagaCreateParams] = attrs.field(factory=dict)
    records: dict[int, SagaRecord] = attrs.field(factory=dict)
    problems: list[tuple[int, SagaProblem]] = attrs.field(factory=list)

    def add(self, write: SagaCreateParams | SagaRecord) -> None:
        """
        Add a write.

        Raises:
            OneByOne: What there is of its saga is no write that it follows.
        """
        number = write.saga_id.int
        if isinstance(write, SagaCreateParams):
            if number in self.created or number in self.records:
                raise OneByOne
            self.created[number] = write
        elif (record := self.records.get(number)) is not None:
            self.records[number] = _joined(record, write)
        else:
            if (created := self.created.get(number)) is not None:
                _check(write, created.fence, len(created.events))
            self.records[number] = write

    def note(self, place: int, problem: SagaProblem) -> None:
        """Add a problem; it does not matter when it is noted, if its saga is there."""
        self.problems.append((place, problem))


def sort(writes: Sequence[SagaWrite]) -> Batch:
    """
    Sort the writes of a batch.

    Raises:
        OneByOne: What they come to depends on their order.
    """
    batch = Batch()
    for place, write in enumerate(writes):
        if isinstance(write, SagaProblem):
            batch.note(place, write)
        else:
            batch.add(write)
    if any(problem.saga_id.int in batch.created for _, problem in batch.problems):
        raise OneByOne
    return batch


def _joined(first: SagaRecord, then: SagaRecord) -> SagaRecord:
    """Return two records of a saga as one."""
    _check(then, first.fence, first.first_seq + len(first.events))
    if first.state.finished:
        raise OneByOne
    events = first.events + then.events
    return SagaRecord(then.saga_id, then.fence, first.first_seq, events, then.state)


def _check(record: SagaRecord, fence: Fence, size: int) -> None:
    """Look whether a record follows what was written under a fence, and has made so many events."""
    if record.fence != fence or record.first_seq != size:
        raise OneByOne
