"""The rules that every log keeps, and the breach of one; see `verify_log`."""

from __future__ import annotations

import enum

import attrs


class LogRule(enum.Enum):
    """A rule that every log keeps."""

    ONE_SAGA = "all events of a log are of one saga"
    """An event of another saga does not belong here."""
    KNOWN_NODE = "each event is of a node of the graph"
    """Only an order on the saga is about none."""
    OWN_ORDER = "a node starts, then succeeds or fails, then its undo starts, then ends; each once"
    """The order of one node's events, regardless of other nodes; after a failed attempt, again."""
    PARENTS_FIRST = "a node starts after all that it depends on have succeeded"
    """A node may read the outputs of its ancestors, so they have to exist."""
    NO_START_AFTER_FAILURE = "nothing starts after the first failure"
    """The saga unwinds from then on."""
    OWN_OUTPUT = "a node without an action gives what it stands for"
    """Null, the value of a constant, or the output of a subsaga's last node."""
    UNDO_OF_SUCCESS = "only what has succeeded, or failed in doubt, is undone"
    """A node that failed without doubt, or never started, has no undo events."""
    UNDO_AFTER_FAILURE = "nothing is undone before something has failed"
    """Or before somebody has ordered that it is."""
    CHILDREN_FIRST = "a node is undone after all that depend on it"
    """Each of those is undone, has failed, or was never started."""
    NO_UNDO_AFTER_STUCK = "no undo starts after the failure of one"
    """A person has to look at it first."""
    ATTEMPTS_OF_ACTIONS = "only an action, or its undo, is tried again, or fails in doubt"
    """A node that runs no user code has nothing that could fail and be called again."""
    LAST_ATTEMPT = "an attempt that fails while the saga unwinds is the last of its node"
    """It is logged as the node's failure."""
    COUNTED_ATTEMPTS = "failed attempts are counted from 1"
    """No attempt is lost, or counted twice."""
    GIVEN_UP_FIRST = "nothing is undone while a node waits for another attempt"
    """What waits is given up in the step that begins the unwinding."""
    ORDERED = "what waits for an order has one"
    """A person decides, and the log says who and why."""
    STEERED = "what is ordered of a saga applies to it, and is kept"
    """Nothing is begun in a pause, and nothing follows once the saga is abandoned."""
    BULK_ONCE = "a bulk order is given to a saga at most once"
    """One that is gone on with after a crash skips the sagas that it was given to."""
    WHOLE_END = "a saga that is said to be finished is"
    """All have succeeded; or all are undone; or, if stuck, an undo failed and nothing runs."""


@attrs.frozen
class Breach:
    """
    The first place at which a log breaks a rule.

    Attributes:
        rule: The rule that is broken.
        seq: The number of the event that breaks it, from 0; None: what is missing at the end does.
        node: The node, by path, or by its number where there is no such node; None as for `seq`,
            and where it is the saga.
        text: What is wrong, and why, in a sentence.
    """

    rule: LogRule
    seq: int | None
    node: str | None
    text: str

    def __str__(self) -> str:
        """Return the place, the sentence and the rule."""
        place = "at its end" if self.seq is None else f"event {self.seq}"
        return f"{place}: {self.text} (the rule: {self.rule.value})"
