"""
Orders: what somebody outside wants done to the explored saga, and when.

An order at a commit is given once that commit of the first life is durable. One *in the end* is
given when the saga has ended, or is held; if there are several, one after the other.
"""

from __future__ import annotations

import enum

import attrs

from steno.core import Verb
from steno.testing.explorer._callee import Callee, quoted


class OrderKind(enum.Enum):
    """What is ordered, and when."""

    UNWIND = "unwind after commit {number}"
    """All that was done by then is to be undone."""
    CANCEL = "unwind and cancel after commit {number}"
    """The same, and calls under way are cancelled that provide for doubt."""
    CANCEL_AT_END_OF = "unwind and cancel at the end of {callee}"
    """The same when the function has returned, and that is not known to the saga."""
    DEADLINE = "deadline after commit {number}"
    """The saga's deadline has come."""
    PAUSE = "pause after commit {number}"
    """Nothing more is to be begun; the saga is resumed when its calls have ended."""
    UNWIND_AT_END = "unwind in the end"
    """All is to be undone after the saga has succeeded, or while it is held."""
    DEADLINE_AT_END = "deadline in the end"
    """The deadline of a saga that is held has come."""
    RETRY = "retry {callee} in the end"
    """What has failed or is held is to be called again, and nothing is in its way any more."""
    COMPLETE = "complete {callee} by hand in the end"
    """Somebody does by hand what has failed or is held; the function is called outside."""
    FAIL = "fail {callee} by order in the end"
    """A node that is held is to fail."""
    ABANDON = "abandon in the end"
    """The saga is to stay as it stands."""
    SIGNAL_EARLY = "signal {name} early"
    """The value is sent before the saga is started."""
    SIGNAL_TWICE = "signal {name} twice"
    """The value is sent once more, and then another one, which has to be refused."""


AT_COMMIT = frozenset({OrderKind.UNWIND, OrderKind.CANCEL, OrderKind.DEADLINE, OrderKind.PAUSE})
"""Orders that are given after a commit."""

REPAIRS = frozenset({OrderKind.RETRY, OrderKind.COMPLETE, OrderKind.FAIL})
"""Orders on a node, after which no fault is in its way any more."""

AT_END = frozenset(
    {*REPAIRS, OrderKind.UNWIND_AT_END, OrderKind.DEADLINE_AT_END, OrderKind.ABANDON}
)
"""Orders that are given when the saga has ended, or is held."""

SIGNALS = frozenset({OrderKind.SIGNAL_EARLY, OrderKind.SIGNAL_TWICE})
"""Orders about how a signal is sent, which is sent in any case."""

VERBS = {
    OrderKind.UNWIND: Verb.UNWIND,
    OrderKind.CANCEL: Verb.UNWIND,
    OrderKind.CANCEL_AT_END_OF: Verb.UNWIND,
    OrderKind.DEADLINE: Verb.DEADLINE,
    OrderKind.PAUSE: Verb.PAUSE,
    OrderKind.UNWIND_AT_END: Verb.UNWIND,
    OrderKind.DEADLINE_AT_END: Verb.DEADLINE,
    OrderKind.RETRY: Verb.RETRY,
    OrderKind.COMPLETE: Verb.COMPLETE,
    OrderKind.FAIL: Verb.FAIL,
    OrderKind.ABANDON: Verb.ABANDON,
    OrderKind.SIGNAL_EARLY: Verb.SIGNAL,
    OrderKind.SIGNAL_TWICE: Verb.SIGNAL,
}
"""The verb of each order in the log."""


@attrs.frozen
class PlannedOrder:
    """
    An order that is given to the saga.

    Attributes:
        kind: What is ordered, and when.
        number: The number of the commit in the first life, from 1.
        callee: The function that is called again, or done by hand; or whose node is to fail.
        name: The name of the signal.
    """

    kind: OrderKind
    number: int = 0
    callee: Callee | None = None
    name: str = ""

    def __str__(self) -> str:
        """Return its text in the line of a case."""
        return self.kind.value.format(
            number=self.number, callee=self.callee, name=quoted(self.name)
        )
