"""
What is run to be killed while its services fail: sagas, their actions, and what is noted of calls.

A process that is killed keeps nothing but its files. Each call is noted in `doings` by one write
when it begins, when it takes effect, and when it has ended; what services have done is what is in
that file, so a probe looks there too.
"""

import json
import random
from pathlib import Path
from uuid import UUID

import attrs

from steno.core import SagaId
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from support.flaky import Act, Doing, FlakyJob, Kind, Rules, Said, Undo
from support.lines import Lines, read_lines

STORE, DOINGS, ERRORS = "sagas.db", "doings", "errors"

# Every one provides for doubt. So many attempts to undo that all of them fail in no run.
_MANY = 20
RULES = (
    Rules(Undo.IN_DOUBT, attempts=3, timeout=0.05, undo_attempts=_MANY, undo_timeout=0.05),
    Rules(Undo.NOOP, probe=True, attempts=3, timeout=0.05, undo_attempts=_MANY),
    Rules(Undo.IN_DOUBT, atomic=True, attempts=2, undo_attempts=_MANY, undo_timeout=0.05),
    Rules(Undo.IN_DOUBT, attempts=1, limit=3, undo_attempts=_MANY),
)
RULES = tuple(
    attrs.evolve(rules, wait=0.01, jitter=0.02, longest=0.1, undo_wait=0.01) for rules in RULES
)


def _actions(*names: str) -> tuple[ActionSpec, ...]:
    return tuple(map(ActionSpec, names))


JOBS = (
    FlakyJob(SagaSpec((_actions("n0"), _actions("n1"), _actions("n2"), _actions("n3")))),
    FlakyJob(
        SagaSpec(
            (_actions("n0", "n1", "n2"), _actions("n3", "n4"), _actions("n5", "n6"), _actions("n7"))
        ),
        sleeps={3: 0.02},
    ),
    FlakyJob(
        SagaSpec(
            (
                (ConstantSpec("n0", 7),),
                (
                    SubsagaSpec("n1", "n0", SagaSpec((_actions("n1", "n4"), _actions("n2")))),
                    ActionSpec("n2"),
                ),
                _actions("n3"),
                _actions("n5"),
            )
        )
    ),
)


def job_of(saga_id: UUID) -> FlakyJob:
    """Return what a saga is, by its id."""
    return JOBS[saga_id.int % len(JOBS)]


MODES = (
    *(Act.FAILS, Act.FAILS_AFTER, Act.FAILS, Act.FAILS_AFTER),
    *(Act.HANGS, Act.HANGS_AFTER, Act.REFUSES, Act.FAILS_AFTER),
)
"""How calls fail: half of them after the effect."""


def planned(life: int, doing: Doing, rules: Rules) -> Act:
    """Return what a call does: one in five fails."""
    rng = random.Random(f"{life}/{doing.saga_id}/{doing.node}/{doing.kind}/{doing.attempt}")
    act = rng.choice(MODES) if rng.random() < 0.2 else Act.WORKS
    return rules.fitting(act, doing.kind)


@attrs.frozen
class FlakyLife:
    """
    How a process is to live.

    Attributes:
        folder: Where its files are.
        number: Which life this is, counted from 0.
        count: How many sagas it creates, before it waits for all and ends; None: until it is
            killed.
        pause: Seconds between two of them.
    """

    folder: str
    number: int
    count: int | None = None
    pause: float = 0.005

    def to_json(self) -> str:
        return json.dumps(attrs.asdict(self))

    def path(self, name: str) -> Path:
        return Path(self.folder, name)


@attrs.frozen
class Notes:
    """The file of doings, as a life appends to it."""

    _lines: Lines

    @classmethod
    def of(cls, path: Path) -> "Notes":
        return cls(Lines.of(path))

    def begins(self, doing: Doing) -> None:
        values = attrs.asdict(doing, recurse=False)
        values |= {"saga_id": str(doing.saga_id), "kind": doing.kind.name, "said": None}
        self._lines.append({"begins": values})

    def takes_effect(self, doing: Doing) -> None:
        self._lines.append({"effect": doing.text})

    def ends(self, doing: Doing) -> None:
        self._lines.append({"ends": doing.text, "said": doing.said.name, "ended": doing.ended})


@attrs.define
class Noted:
    """
    What all lives have noted.

    Attributes:
        doings: Each call of user code, by its text.
        effects: The nodes that are in effect.
    """

    doings: dict[str, Doing] = attrs.field(factory=dict)
    effects: set[tuple[SagaId, int]] = attrs.field(factory=set)

    @classmethod
    def of(cls, path: Path) -> "Noted":
        noted = cls()
        for line in read_lines(path):
            noted.add(line)
        return noted

    def add(self, line: dict) -> None:
        match line:
            case {"begins": values}:
                values |= {"saga_id": SagaId(UUID(values["saga_id"])), "kind": Kind[values["kind"]]}
                self.doings[values["text"]] = Doing(**values)
            case {"effect": text}:
                doing = self.doings[text]
                key = doing.saga_id, doing.node
                (self.effects.add if doing.kind is Kind.CALL else self.effects.discard)(key)
            case {"ends": text, "said": said, "ended": ended}:
                self.doings[text].said, self.doings[text].ended = Said[said], ended
