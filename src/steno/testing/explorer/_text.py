"""The text of a counterexample."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from steno.core import Phase, SagaNodeEvent, Snapshot, escaped
from steno.testing.explorer._case import Case
from steno.testing.explorer._explored_saga import ExploredSaga
from steno.testing.explorer._record import EXPLORED, Call, CallEnd, Ran

_PACKAGE = str(Path(__file__).parent.parent.parent)
_WIDTH = 100


def counterexample_text(subject: ExploredSaga, ran: Ran, hints: Sequence[str] = ()) -> str:
    """Return everything known about a run that has a problem, and hints of its cause."""
    problem = ran.problem
    assert problem is not None  # noqa: S101 - only called for a run with a problem
    parts = [
        "\n".join(map(escaped, f'saga "{subject.dag.saga_name}": {problem.text}'.split("\n"))),
        f"    the case:   {ran.case}\n    only this:  {only_line(ran.case)}",
        *(escaped(f"hint: {hint}") for hint in hints),
        "\n".join(_calls(ran)),
    ]
    if ran.stored is not None:
        parts += ["\n".join(_log(subject, ran)), _status(subject, ran)]
    if problem.error is not None:
        parts.append(_traceback(problem.error))
    return "\n\n".join(parts)


def only_line(case: Case) -> str:
    """Return the ways to run a case again."""
    return f"saga_explorer.only({str(case)!r}), or pytest --steno-only={str(case)!r}"


def _calls(ran: Ran) -> Iterator[str]:
    """Yield a line for each call, and one for each crash and each order."""
    yield "the calls:"
    width = max((len(str(call.callee)) for call in ran.calls), default=0)
    marks = list(ran.marks)
    for place, call in enumerate(ran.calls):
        while marks and marks[0][0] <= place:
            yield escaped(f"    -- {marks.pop(0)[1]} --")
        before = "by hand: " if call.by_hand else "held up, then " if call.held_up else ""
        yield escaped(f"    {call.callee!s:{width}}  {before}{_shortened(_end(call))}")
    yield from (escaped(f"    -- {what} --") for _, what in marks)


def _end(call: Call) -> str:
    match call.end:
        case CallEnd.RETURNED:
            if call.callee.probing and call.output is None:
                return "left it open" if call.left_open else "returned NOT_DONE"
            return "returned" if call.callee.undoing else f"returned {call.output}"
        case CallEnd.RAISED:
            return f"raised {type(call.error).__name__}: {call.error}"
        case CallEnd.PLANNED if call.output is not None:
            return f"returned {call.output}, then {call.end.value}"
        case _:
            return str(call.end.value)


def _shortened(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…"


def _log(subject: ExploredSaga, ran: Ran) -> Iterator[str]:
    """Yield the lines of the log in the format of `SagaLog.pretty`, with names and crashes."""
    events = () if ran.stored is None else ran.stored.events
    result = ran.result
    unwinding = result is not None and result.saga_log.unwinding
    yield "SAGA LOG:"
    yield f"saga id:   {EXPLORED}"
    yield f"direction: {'unwinding' if unwinding else 'forward'}"
    yield f"events ({len(events)} total):"
    yield ""
    for place, event in enumerate(events):
        for crash, began in zip(ran.case.crashes, ran.lives[1:], strict=False):
            if began == place:
                yield f"-- {crash} --"
        yield escaped(f"{place + 1:03d} {event!s:20} {_name(subject, event)}")


def _name(subject: ExploredSaga, event: SagaNodeEvent) -> str:
    return "" if event.node_id is None else subject.dag.flat.path(event.node_id).removeprefix("/")


def _status(subject: ExploredSaga, ran: Ran) -> str:
    """Return the status tree of the stored saga."""
    assert ran.stored is not None  # noqa: S101 - only called for stored sagas
    events, phase = ran.stored.events, Phase.RUNNING if ran.result is None else Phase.DONE
    view = Snapshot(EXPLORED, subject.dag, events, len(events), phase).view()
    return f"{view.state.status}"


def _traceback(error: BaseException) -> str:
    """Return the traceback of an exception, starting in user code."""
    shown = traceback.TracebackException.from_exception(error)
    frames = list(shown.stack)
    while frames and frames[0].filename.startswith(_PACKAGE):
        frames.pop(0)
    shown.stack[:] = frames or shown.stack
    return "\n".join(map(escaped, "".join(shown.format()).rstrip().split("\n")))
