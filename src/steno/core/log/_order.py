"""
Orders: what somebody outside wants done to a node, as an event of its log.

An order says who, and why. It comes first in the log; what follows from it are ordinary events, in
the same transaction.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Final

import attrs

from steno.core._escape import escaped
from steno.core._value import JsonText, JsonValue, encode_json


class Verb(enum.Enum):
    """What is ordered."""

    HOLD = "hold"
    """The node, or its undo, is not to be begun until somebody orders to retry it."""
    RETRY = "retry"
    """The next attempt of the node, or of its undo, is due now."""
    FAIL = "fail"
    """The node is to fail with its last error, instead of being tried again."""
    COMPLETE = "complete"
    """Somebody did by hand what the node, or its undo, was to do."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code


NEEDS_WHY: Final = frozenset({Verb.FAIL, Verb.COMPLETE})
"""The orders that have to say why: they decide what nobody can look up later."""


@attrs.frozen
class Ordered:
    """
    Somebody ordered something.

    Attributes:
        verb: What.
        by: Who.
        why: The reason that they gave.
        expect: How long the log was that they had seen, if they asked for that to be checked.
    """

    label: ClassVar = "ordered"
    rank: ClassVar = 6
    verb: Verb
    by: str
    why: str | None = None
    expect: int | None = None

    def data(self) -> JsonText:
        """Return the data column of the event's row."""
        fields: dict[str, JsonValue] = {"by": self.by, "verb": self.verb.value, "why": self.why}
        if self.expect is not None:
            fields["expect"] = self.expect
        return encode_json(fields)

    def __str__(self) -> str:
        """Return the order in a line: its verb, who and why."""
        reason = "" if self.why is None else f": {escaped(self.why)}"
        return f"{self.verb.value} by {escaped(self.by)}{reason}"


def read_order(data: JsonValue) -> Ordered:
    """
    Return the order that `Ordered.data` wrote.

    Raises:
        ValueError: It is not an order.
    """
    match data:
        case {"verb": str(verb), "by": str(by), "why": None | str() as why, **rest}:
            expect = rest.get("expect")
            known = {each.value: each for each in Verb}
            is_count = expect is None or (type(expect) is int and expect >= 0)
            needed = verb in known and (why is not None or known[verb] not in NEEDS_WHY)
            if needed and is_count:
                return Ordered(known[verb], by, why, expect if isinstance(expect, int) else None)
        case _:
            pass
    msg = "is not an order: it says what is ordered, by whom and why"
    raise ValueError(msg)
