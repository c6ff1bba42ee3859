"""Reading the line of a case, clause by clause."""

from __future__ import annotations

import re

import attrs

from steno.testing.explorer._callee import Callee, unquoted
from steno.testing.explorer._case import (
    MAY_BE_ONCE,
    NO_FAULT,
    CallFault,
    Case,
    CrashKind,
    CrashPoint,
    FaultKind,
)
from steno.testing.explorer._order import OrderKind, PlannedOrder

_NAME = r'"(?:[^"\\]|\\.)*"|[\w./:-]+'
_CALLEE = rf"(?P<role>undo\ of\ |probe\ of\ )?(?P<node>{_NAME})"


def _fault_pattern(kind: FaultKind) -> str:
    """Return the pattern of a kind's clause, which is its text with more around it."""
    before, after = map(re.escape, kind.value.split("{}"))
    once = r"(?P<once>\ once)?" if kind in MAY_BE_ONCE else ""
    return rf"(?P<life>then\ |at\ first\ )?{before}{_CALLEE}{once}{after}"


def _moment_pattern(text: str) -> str:
    """Return the pattern of a crash or an order, by its text."""
    parts = {"number": r"(?P<number>\d+)", "callee": _CALLEE, "name": f"(?P<name>{_NAME})"}
    return re.escape(text).replace(r"\{", "{").replace(r"\}", "}").format(**parts)


_CLAUSES: dict[FaultKind | CrashKind | OrderKind | str, str] = {
    **{kind: _fault_pattern(kind) for kind in FaultKind},
    **{kind: _moment_pattern(kind.value) for kind in CrashKind},
    **{kind: _moment_pattern(kind.value) for kind in OrderKind},
    "seed": r"seed\ (?P<number>\d+)",
    NO_FAULT: r"no\ fault",
}
_PATTERNS = tuple(
    (what, re.compile(rf"\s*{pattern}\s*(?:;|\Z)", re.VERBOSE))
    for what, pattern in _CLAUSES.items()
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


def _examples() -> tuple[CallFault | CrashPoint | PlannedOrder | str, ...]:
    hotel = Callee("hotel")
    faults = [CallFault(kind, hotel) for kind in FaultKind]
    crashes = [CrashPoint(kind, 1, hotel) for kind in CrashKind]
    orders = [PlannedOrder(kind, 1, hotel, "approval") for kind in OrderKind]
    return (
        NO_FAULT,
        *faults,
        CallFault(FaultKind.FAIL, hotel, once=True),
        CallFault(FaultKind.FAIL, Callee("hotel", undoing=True)),
        CallFault(FaultKind.FAIL, Callee("hotel", probing=True)),
        CallFault(FaultKind.FAIL, hotel, life=1),
        CallFault(FaultKind.FAIL, hotel, life=0),
        *crashes,
        *orders,
        "seed 1",
    )


def _with(
    case: Case, what: FaultKind | CrashKind | OrderKind | str, parts: dict[str, str | None]
) -> Case:
    """Return the case with one more clause."""
    number = int(parts.get("number") or 0)
    callee: Callee | None = None
    if (node := parts.get("node")) is not None:
        role = parts.get("role") or ""
        callee = Callee(
            unquoted(node), undoing=role.startswith("undo"), probing=role.startswith("probe")
        )
    match what:
        case FaultKind() if callee is not None:
            life = {"then ": len(case.crashes), "at first ": 0}.get(parts.get("life") or "")
            if parts.get("life") == "then " and not life:
                msg = f'is not a case: "then" needs a crash before it: then {what.value}'
                raise ValueError(msg.format(callee))
            fault = CallFault(what, callee, once=parts.get("once") is not None, life=life)
            return attrs.evolve(case, faults=(*case.faults, fault))
        case CrashKind():
            return attrs.evolve(case, crashes=(*case.crashes, CrashPoint(what, number, callee)))
        case OrderKind():
            order = PlannedOrder(what, number, callee, unquoted(parts.get("name") or ""))
            return attrs.evolve(case, orders=(*case.orders, order))
        case "seed":
            return attrs.evolve(case, seed=number)
        case _:
            return case
