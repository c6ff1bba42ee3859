"""
Cases: the faults of one run of a saga, as data, and as a line of text that can be read back.

A line consists of clauses, as in `fail hotel; crash after commit 5; seed 3`. It has everything that
a run depends on, so it is enough to repeat the run.
"""

from __future__ import annotations

import enum
import json
import re

import attrs

NO_FAULT = "no fault"

_PLAIN_NAME = re.compile(r"[\w./:-]+")


@attrs.frozen
class Callee:
    """
    A user function: the action of a node, or its undo action.

    Attributes:
        node: The node's path, as in `server_alloc/server_id`; in a saga created by an action,
            preceded by that saga's name and a colon.
        undoing: Whether the undo action is meant.
    """

    node: str
    undoing: bool = False

    def __str__(self) -> str:
        """Return its text in the line of a case."""
        name = self.node if _PLAIN_NAME.fullmatch(self.node) else json.dumps(self.node)
        return f"undo of {name}" if self.undoing else name


class FaultKind(enum.Enum):
    """The kinds of fault in a call."""

    FAIL = "fail {}"
    """It fails, and the function is not called at all."""
    FAIL_AFTER = "fail {} after its effect"
    """The function is called and returns; then the call fails."""
    REPEAT = "repeat {}"
    """The function is called twice."""
    DELAY = "delay {}"
    """It begins only when everything concurrent has ended."""


@attrs.frozen
class CallFault:
    """A fault in each call of one function; it persists through crashes."""

    kind: FaultKind
    callee: Callee

    def __str__(self) -> str:
        """Return its text in the line of a case."""
        return self.kind.value.format(self.callee)


class CrashKind(enum.Enum):
    """The moments at which a process may die."""

    BEFORE_COMMIT = "crash before commit {number}"
    """The batch is lost."""
    AFTER_COMMIT = "crash after commit {number}"
    """The batch is durable, but its writers do not know."""
    AT_END = "crash at the end of {callee}"
    """The function has returned, and that is not logged."""
    AT_CHECKPOINT = "crash at checkpoint {number} of {callee}"
    """The function never continues from its nth checkpoint."""


@attrs.frozen
class CrashPoint:
    """
    The point at which one life of a SEC ends.

    Attributes:
        kind: The kind of moment.
        number: The number of the commit in this life, or of the checkpoint in the call, from 1.
        callee: The function called; its first call in this life is meant.
    """

    kind: CrashKind
    number: int = 0
    callee: Callee | None = None

    def __str__(self) -> str:
        """Return its text in the line of a case."""
        return self.kind.value.format(number=self.number, callee=self.callee)


@attrs.frozen
class Case:
    """
    Everything that determines a run; its `str` is the line that `only=` takes.

    Attributes:
        faults: The faults in calls.
        crashes: One for each life of the SEC but the last.
        seed: The schedule. 0 delays nothing; other seeds delay calls.
    """

    faults: tuple[CallFault, ...] = ()
    crashes: tuple[CrashPoint, ...] = ()
    seed: int = 0

    @property
    def size(self) -> int:
        """The number of faults and crashes."""
        return len(self.faults) + len(self.crashes)

    def __str__(self) -> str:
        """Return the line, which `read_case` reads."""
        clauses = [str(each) for each in (*self.faults, *self.crashes)] or [NO_FAULT]
        if self.seed:
            clauses.append(f"seed {self.seed}")
        return "; ".join(clauses)

    def has(self, kind: FaultKind, callee: Callee) -> bool:
        """Return True if the calls of a function have a fault of this kind."""
        return CallFault(kind, callee) in self.faults

    def plans(self, kind: FaultKind, *, undoing: bool) -> bool:
        """Return True if any action, or any undo action, has a fault of this kind."""
        return any(each.kind is kind and each.callee.undoing is undoing for each in self.faults)


def of(*faults: CallFault, seed: int = 0) -> Case:
    """Return a case without a crash."""
    return Case(faults, (), seed)


# Reading

_CALLEE = r'(?P<undoing>undo\ of\ )?(?P<node>"(?:[^"\\]|\\.)*"|[\w./:-]+)'
_CLAUSES: tuple[tuple[FaultKind | CrashKind | str, str], ...] = (
    (FaultKind.FAIL_AFTER, rf"fail\ {_CALLEE}\ after\ its\ effect"),
    (FaultKind.FAIL, rf"fail\ {_CALLEE}"),
    (FaultKind.REPEAT, rf"repeat\ {_CALLEE}"),
    (FaultKind.DELAY, rf"delay\ {_CALLEE}"),
    (CrashKind.BEFORE_COMMIT, r"crash\ before\ commit\ (?P<number>\d+)"),
    (CrashKind.AFTER_COMMIT, r"crash\ after\ commit\ (?P<number>\d+)"),
    (CrashKind.AT_END, rf"crash\ at\ the\ end\ of\ {_CALLEE}"),
    (CrashKind.AT_CHECKPOINT, rf"crash\ at\ checkpoint\ (?P<number>\d+)\ of\ {_CALLEE}"),
    ("seed", r"seed\ (?P<number>\d+)"),
    (NO_FAULT, r"no\ fault"),
)
_PATTERNS = tuple(
    (what, re.compile(rf"\s*{pattern}\s*(?:;|\Z)", re.VERBOSE)) for what, pattern in _CLAUSES
)


def read_case(line: str) -> Case:
    """
    Return the case of a line.

    Raises:
        ValueError: It is not a case.
    """
    case, position = Case(), 0
    while position < len(line):
        for what, pattern in _PATTERNS:
            if (found := pattern.match(line, position)) is not None:
                case, position = _with(case, what, found.groupdict()), found.end()
                break
        else:
            known = ", ".join(str(each) for each in _examples())
            msg = f"is not a case: {line[position:].strip()!r}; a clause is one of: {known}"
            raise ValueError(msg)
    return case


def _examples() -> tuple[CallFault | CrashPoint | str, ...]:
    hotel = Callee("hotel")
    faults = [CallFault(kind, hotel) for kind in FaultKind]
    crashes = [CrashPoint(kind, 1, hotel) for kind in CrashKind]
    return (
        NO_FAULT,
        *faults,
        CallFault(FaultKind.FAIL, Callee("hotel", undoing=True)),
        *crashes,
        "seed 1",
    )


def _with(case: Case, what: FaultKind | CrashKind | str, parts: dict[str, str | None]) -> Case:
    """Return the case with one more clause."""
    number = int(parts.get("number") or 0)
    callee: Callee | None = None
    if (node := parts.get("node")) is not None:
        name = str(json.loads(node)) if node.startswith('"') else node
        callee = Callee(name, undoing=parts.get("undoing") is not None)
    match what:
        case FaultKind() if callee is not None:
            return attrs.evolve(case, faults=(*case.faults, CallFault(what, callee)))
        case CrashKind():
            return attrs.evolve(case, crashes=(*case.crashes, CrashPoint(what, number, callee)))
        case "seed":
            return attrs.evolve(case, seed=number)
        case _:
            return case
