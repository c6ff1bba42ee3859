"""`steno doctor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from steno.cli._exit import Exit
from steno.cli._screen import is_looked_at, screen, styled
from steno.cli._shape import summary_json
from steno.cli._text import columns, one_line
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import JSON, Attention, SagaCachedState
from steno.errors import StoreError
from steno.store import (
    AttentionGroup,
    Finding,
    ListQuery,
    OperatorStore,
    SagaSummary,
    Verdict,
)

PAGE = 500
"""How many sagas are read at a time."""


@attrs.frozen
class _Diagnosis:
    """Everything that was found."""

    findings: Sequence[Finding]
    counts: Mapping[SagaCachedState, int]
    problems: Sequence[SagaSummary]

    @property
    def exit(self) -> Exit:
        faults = any(finding.verdict is Verdict.FAULT for finding in self.findings)
        return Exit.NO if faults else Exit.FINE


@verb("doctor")
@store_option
@json_option
def command(store: OperatorStore, *, as_json: bool) -> Exit:
    """
    Examine a store and what it depends on: the library, the file, the disk, the sagas.

    It checks the version of SQLite, the schema, the settings and every page of the file; says who
    has it open for writing; measures how fast the disk makes a commit durable, on a scratch file
    beside it; counts the sagas in each state, and those that are held; and lists those that could
    not be loaded for recovery, and every damaged row. The store itself is only read.

    With --json: an object with findings (each with topic, value, verdict and advice; a verdict is
    ok, warning or fault), counts (by state) and problems (sagas as in list).

    Examples:
      steno --store trips.db doctor
      steno doctor --json | jq '.findings[] | select(.verdict != "ok")'

    Exit codes:
      0  no faults; there may be warnings
      1  there is a fault, such as a damaged row or a saga with a problem
      4  there is no such store, or it cannot be read at all
    """
    diagnosis = run(_examine, store)
    if as_json:
        print_json(_diagnosis_json(diagnosis))
    else:
        _print(screen(), diagnosis.findings)
    return diagnosis.exit


async def _examine(store: OperatorStore) -> _Diagnosis:
    findings = list(await store.examine())
    counts: Mapping[SagaCachedState, int] = {}
    problems: list[SagaSummary] = []
    held: Sequence[AttentionGroup] = ()
    try:
        async with store.open_reader() as reader:
            counts = await reader.count()
            held = await reader.attention(ListQuery(attention={Attention.HELD}))
            query = ListQuery(limit=PAGE)  # a row can be damaged in any state
            while page := await reader.list(query):
                problems += [saga for saga in page if saga.problem is not None]
                query = attrs.evolve(query, marker=page[-1].saga_id)
    except StoreError as error:
        findings.append(Finding("sagas", "cannot be read", Verdict.FAULT, str(error)))
    findings += [_count(state, counts[state]) for state in counts]
    if held:
        number = sum(group.count for group in held)
        advice = "they wait for an operator (steno list --by-attention --attention held)"
        findings.append(Finding("held sagas", str(number), Verdict.WARNING, advice))
    findings += [_problem(saga) for saga in problems]
    return _Diagnosis(findings, counts, problems)


def _count(state: SagaCachedState, count: int) -> Finding:
    if state is SagaCachedState.STUCK and count:
        advice = "an undo action failed: they need an operator (steno list --state stuck)"
        return Finding(f"{state.value} sagas", str(count), Verdict.WARNING, advice)
    return Finding(f"{state.value} sagas", str(count))


def _problem(saga: SagaSummary) -> Finding:
    if saga.state is SagaCachedState.ABANDONED:
        advice = "nobody can read it, and it was abandoned: it can be pruned"
        return Finding("problem", f"{saga.saga_id}: {saga.problem}", Verdict.WARNING, advice)
    advice = "fix that; loading is retried when its SEC is next opened"
    return Finding("problem", f"{saga.saga_id}: {saga.problem}", Verdict.FAULT, advice)


def _diagnosis_json(diagnosis: _Diagnosis) -> dict[str, JSON]:
    return {
        "findings": [
            {
                "topic": finding.topic,
                "value": finding.value,
                "verdict": finding.verdict.value,
                "advice": finding.advice,
            }
            for finding in diagnosis.findings
        ],
        "counts": {state.value: count for state, count in diagnosis.counts.items()},
        "problems": [summary_json(saga) for saga in diagnosis.problems],
    }


def _print(console: Console, findings: Sequence[Finding]) -> None:
    rows = [(each.verdict.value, each.topic, _said(each)) for each in findings]
    if not is_looked_at(console):
        console.print(Text(columns(rows)), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for verdict, topic, said in rows:
        table.add_row(styled(verdict), Text(topic), Text(said))
    console.print(table)


def _said(finding: Finding) -> str:
    return one_line(f"{finding.value}; {finding.advice}" if finding.advice else finding.value)
