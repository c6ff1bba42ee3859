"""
Orders: what somebody outside wants done to a saga, or to one of its nodes, as an event of its log.

An order says who, and why. It comes first in the log; what follows from it are ordinary events, in
the same transaction.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final, cast
from uuid import UUID

import attrs

from steno.core._escape import escaped
from steno.core._value import JsonText, JsonValue, decode_json, encode_json
from steno.core.graph._ids import EARLIEST, LATEST, BulkOrderId, Timestamp


class Verb(enum.Enum):
    """What is ordered: of a saga, or, from `HOLD` on, of a node."""

    START = "start"
    """The saga is to run. Logged only where it could not be told from the events that follow."""
    PAUSE = "pause"
    """Nothing is to be begun; what is under way ends."""
    RESUME = "resume"
    """The saga is to go on, after a pause."""
    UNWIND = "unwind"
    """All that was done is to be undone."""
    ABANDON = "abandon"
    """The saga is finished as it stands; what is not undone stays."""
    DEADLINE = "deadline"
    """The saga is to be unwound at a time, unless it has ended by then."""
    SIGNAL = "signal"
    """A value is sent to the nodes that wait for a signal of a name."""
    IMPORT = "import"
    """The events before it came from elsewhere, and the saga waits to be started."""
    HOLD = "hold"
    """The node, or its undo, is not to be begun until somebody orders to retry it."""
    RETRY = "retry"
    """The next attempt of the node, or of its undo, is due now."""
    FAIL = "fail"
    """The node is to fail with its last error, instead of being tried again."""
    COMPLETE = "complete"
    """Somebody did by hand what the node, or its undo, was to do."""

    __hash__ = object.__hash__  # by identity, as equality is; Enum's own is Python code


OF_NODES: Final = (Verb.HOLD, Verb.RETRY, Verb.FAIL, Verb.COMPLETE)
"""The orders that are about a node; the others are about the saga."""

NEEDS_WHY: Final = frozenset({Verb.UNWIND, Verb.ABANDON, Verb.FAIL, Verb.COMPLETE})
"""The orders that have to say why: they decide what nobody can look up later."""

CANCELS: Final = frozenset({Verb.UNWIND, Verb.RETRY, Verb.FAIL, Verb.COMPLETE})
"""The orders that may cancel calls that are under way."""


@attrs.frozen
class Ordered:
    """
    Somebody ordered something.

    Attributes:
        verb: What.
        by: Who.
        why: The reason that they gave.
        expect: How long the log was that they had seen, if they asked for that to be checked.
        cancel: Whether calls that are under way are cancelled.
        at: Of a deadline, the time; None: there is none any more.
        signal: The name of a signal.
        value: What is sent with a signal; or with what a node is completed whose call is cancelled.
        bulk: The order to many sagas that it is part of, if it is part of one. A saga has each at
            most once, so that one which is gone on with after a crash is not given twice.
    """

    label: ClassVar = "ordered"
    rank: ClassVar = 6
    verb: Verb
    by: str
    why: str | None = None
    expect: int | None = None
    cancel: bool = False
    at: Timestamp | None = None
    signal: str | None = None
    value: JsonText | None = None
    bulk: BulkOrderId | None = None

    def data(self) -> JsonText:
        """Return the data column of the event's row."""
        fields: dict[str, JsonValue] = {"by": self.by, "verb": self.verb.value, "why": self.why}
        if self.expect is not None:
            fields["expect"] = self.expect
        if self.cancel:
            fields["cancel"] = True
        if self.verb is Verb.DEADLINE:
            fields["at"] = self.at
        if self.signal is not None:
            fields["signal"] = self.signal
        if self.value is not None:
            fields["value"] = decode_json(self.value)
        if self.bulk is not None:
            fields["bulk"] = str(self.bulk)
        return encode_json(fields)

    def __str__(self) -> str:
        """Return the order in a line: its verb, who and why."""
        cancel = " and cancel" if self.cancel else ""
        signal = "" if self.signal is None else f' "{escaped(self.signal)}"'
        reason = "" if self.why is None else f": {escaped(self.why)}"
        bulk = "" if self.bulk is None else f" in bulk order {self.bulk}"
        return f"{self.verb.value}{signal}{cancel} by {escaped(self.by)}{bulk}{reason}"


def read_order(data: JsonValue) -> Ordered:
    """
    Return the order that `Ordered.data` wrote.

    Raises:
        ValueError: It is not an order.
    """
    match data:
        case {"verb": str(word), "by": str(by), "why": None | str() as why, **rest}:
            verb = {each.value: each for each in Verb}.get(word)
            if verb is not None and (why is not None or verb not in NEEDS_WHY):
                return _with_details(Ordered(verb, by, why), cast("Mapping[str, Any]", rest))
        case _:
            pass
    msg = "is not an order: it says what is ordered, by whom and why"
    raise ValueError(msg)


def _with_details(order: Ordered, given: Mapping[str, Any]) -> Ordered:
    """Return an order with what else belongs to its verb."""
    expect, cancel = given.get("expect"), given.get("cancel", False)
    at, signal = given.get("at"), given.get("signal")
    bulk = _bulk_id(given["bulk"]) if "bulk" in given else None
    is_signal = order.verb is Verb.SIGNAL
    sound = (
        (expect is None or (type(expect) is int and expect >= 0))
        and (cancel is False or (cancel is True and order.verb in CANCELS))
        and (at is None or (order.verb is Verb.DEADLINE and _is_time(at)))
        and (order.verb is not Verb.DEADLINE or "at" in given)
        and (isinstance(signal, str) if is_signal else signal is None)
        and ("value" in given) is (is_signal or (order.verb is Verb.COMPLETE and cancel is True))
    )
    if not sound:
        msg = f"is not an order to {order.verb.value}: its details are not what belongs to one"
        raise ValueError(msg)
    value = encode_json(given["value"]) if "value" in given else None
    return attrs.evolve(
        order,
        expect=expect,
        cancel=cancel,
        at=None if at is None else Timestamp(at),
        signal=signal,
        value=value,
        bulk=bulk,
    )


def _bulk_id(text: object) -> BulkOrderId:
    if isinstance(text, str):
        with suppress(ValueError):
            return BulkOrderId(UUID(text))
    msg = f"is not an order: the bulk order that it is part of has the id {text!r}"
    raise ValueError(msg)


def _is_time(at: object) -> bool:
    return type(at) is int and EARLIEST <= at <= LATEST
