"""
Cases: the faults and orders of one run of a saga, as data, and as a line of text.

A line consists of clauses, as in `fail hotel; crash after commit 5; seed 3`. It has everything that
a run depends on, so it is enough to repeat the run.

A fault applies in every life of the SEC, unless its clause begins with `then`: then it applies only
in the life that follows the crashes before it. `at first` is the same for the life before them all.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import attrs

from steno.testing.explorer._callee import Callee
from steno.testing.explorer._order import AT_COMMIT, AT_END, OrderKind, PlannedOrder

NO_FAULT = "no fault"


class FaultKind(enum.Enum):
    """The kinds of fault in a call."""

    FAIL = "fail {}"
    """It fails, and the function is not called at all; an action says that it is not done."""
    FAIL_AFTER = "fail {} after its effect"
    """The function is called and returns; then the call fails."""
    EXHAUST = "fail every attempt of {}"
    """Each attempt fails, without being called and without saying that nothing was done."""
    TIME_OUT = "time out {}"
    """It takes longer than its timeout, and the function is not called at all."""
    TIME_OUT_AFTER = "time out {} after its effect"
    """The function is called and returns; then the call takes longer than its timeout."""
    REPEAT = "repeat {}"
    """The function is called twice."""
    DELAY = "delay {}"
    """It begins only when everything concurrent has ended."""


AFTER_EFFECT = frozenset({FaultKind.FAIL_AFTER, FaultKind.TIME_OUT_AFTER})
"""Faults that come after the function has returned."""

TIME_OUTS = frozenset({FaultKind.TIME_OUT, FaultKind.TIME_OUT_AFTER})
"""Faults that take as long as the timeout."""

FAILURES = frozenset({FaultKind.FAIL, FaultKind.EXHAUST, *AFTER_EFFECT, *TIME_OUTS})
"""Faults that make a call fail."""

MAY_BE_ONCE = FAILURES - {FaultKind.EXHAUST}
"""Faults that may affect the first attempt only."""


@attrs.frozen
class CallFault:
    """
    A fault in each call of one function; it persists through crashes unless it has a life.

    Attributes:
        kind: The kind of fault.
        callee: The function.
        once: Whether only the node's first attempt has it; the next one is made normally.
        life: The only life of the SEC in which it applies, from 0; None for all.
    """

    kind: FaultKind
    callee: Callee
    once: bool = attrs.field(default=False, kw_only=True)
    life: int | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse a fault that no line can express."""
        if self.once and self.kind not in MAY_BE_ONCE:
            msg = f"{self.kind.name} cannot affect the first attempt only"
            raise ValueError(msg)

    def __str__(self) -> str:
        """Return its text in the line of a case."""
        text = self.kind.value.format(f"{self.callee} once" if self.once else self.callee)
        if self.life is None:
            return text
        return f"then {text}" if self.life else f"at first {text}"

    def applies(self, life: int, attempt: int) -> bool:
        """Return True if it applies to an attempt in a life."""
        return self.life in {None, life} and (attempt == 1 or not self.once)


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
    BACKING_OFF = "crash while {callee} backs off"
    """An attempt has failed, and half of the wait for the next one is over."""
    AT_REST = "restart a week later"
    """The saga has ended, or is held or paused; a week passes before another SEC is opened."""


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


def _by_life(faults: Iterable[CallFault]) -> tuple[CallFault, ...]:
    """Return faults in the order of their clauses: those of every life first."""
    return tuple(sorted(faults, key=lambda fault: -1 if fault.life is None else fault.life))


@attrs.frozen
class Case:
    """
    Everything that determines a run; its `str` is the line that `only=` takes.

    Attributes:
        faults: The faults in calls, those of a single life after the others.
        crashes: One for each life of the SEC but the last.
        seed: The schedule. 0 delays nothing; other seeds delay calls.
        orders: The orders that are given, in their order.
    """

    faults: tuple[CallFault, ...] = attrs.field(default=(), converter=_by_life)
    crashes: tuple[CrashPoint, ...] = ()
    seed: int = 0
    orders: tuple[PlannedOrder, ...] = attrs.field(default=(), kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse a fault in a life that there is not."""
        for fault in self.faults:
            if fault.life is not None and fault.life > len(self.crashes):
                msg = f'"{fault}" needs {fault.life} crashes before it, got {len(self.crashes)}'
                raise ValueError(msg)

    @property
    def size(self) -> int:
        """The number of faults, crashes and orders."""
        return len(self.faults) + len(self.crashes) + len(self.orders)

    def __str__(self) -> str:
        """Return the line, which `read_case` reads."""
        clauses = [str(fault) for fault in self.faults if not fault.life]
        clauses += [str(order) for order in self.orders]
        for life, crash in enumerate(self.crashes, start=1):
            clauses.append(str(crash))
            clauses += [str(fault) for fault in self.faults if fault.life == life]
        clauses = clauses or [NO_FAULT]
        if self.seed:
            clauses.append(f"seed {self.seed}")
        return "; ".join(clauses)

    def fault(
        self, kind: FaultKind, callee: Callee, life: int = 0, attempt: int = 1
    ) -> CallFault | None:
        """Return the fault of a kind that an attempt has in a life; None if it has none."""
        for fault in self.faults:
            if (fault.kind, fault.callee) == (kind, callee) and fault.applies(life, attempt):
                return fault
        return None

    def has(self, kind: FaultKind, callee: Callee) -> bool:
        """Return True if the calls of a function have a fault of this kind."""
        return any((each.kind, each.callee) == (kind, callee) for each in self.faults)

    def plans(self, kind: FaultKind, *, undoing: bool) -> bool:
        """Return True if any action, or any undo action, has a fault of this kind."""
        return any(each.kind is kind and each.callee.undoing is undoing for each in self.faults)

    def ordered(self, *kinds: OrderKind) -> list[PlannedOrder]:
        """Return the orders of some kinds."""
        return [order for order in self.orders if order.kind in kinds]

    @property
    def at_commits(self) -> list[PlannedOrder]:
        """The orders that are given after a commit of the first life."""
        return self.ordered(*AT_COMMIT)

    @property
    def at_end(self) -> list[PlannedOrder]:
        """The orders that are given when the saga has ended, or is held."""
        return self.ordered(*AT_END)

    @property
    def has_lives(self) -> bool:
        """Whether a fault applies in one life only."""
        return any(fault.life is not None for fault in self.faults)

    def without_crash(self, place: int) -> Case:
        """Return the case without one of its crashes; the lives after it move up."""
        crashes = self.crashes[:place] + self.crashes[place + 1 :]

        def moved(fault: CallFault) -> CallFault:
            if fault.life is None or not crashes:
                return attrs.evolve(fault, life=None)
            return attrs.evolve(fault, life=fault.life - (fault.life > place))

        return attrs.evolve(self, faults=tuple(map(moved, self.faults)), crashes=crashes)


def of(*faults: CallFault, seed: int = 0) -> Case:
    """Return a case without a crash."""
    return Case(faults, (), seed)
