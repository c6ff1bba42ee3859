"""`steno check`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeAlias, cast

import attrs
import click
import trio

from steno.action import ActionRegistry
from steno.cli._exit import Exit, Refusal
from steno.cli._shape import summary_json
from steno.cli._text import one_line
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import FlatDag, SagaCachedState, SagaDag, escaped, verify_log
from steno.errors import RecoveryError, SagaValidationError
from steno.runtime import restore
from steno.store import ListQuery, OperatorStore, SagaSummary, SecStoreReader, StoredSaga

Registry: TypeAlias = ActionRegistry[object]

PAGE = 500
"""How many sagas are read at a time."""

UNFINISHED = frozenset(state for state in SagaCachedState if not state.finished)


@attrs.define(eq=False)
class _Verdict:
    """
    How the sagas of a store fare under some code.

    Attributes:
        checked: How many there are.
        refused: Those that would not continue, with the reasons.
    """

    checked: int = 0
    refused: list[tuple[SagaSummary, list[str]]] = attrs.field(factory=list)


@verb("check")
@store_option
@json_option
@click.argument("app", metavar="APP")
def command(store: OperatorStore, app: str, *, as_json: bool) -> Exit:
    """
    Check that every unfinished saga would load, find its actions and continue under this code.

    APP is module:registry, or a module that has just one ActionRegistry. It is imported from the
    current folder, or from anywhere on Python's path. The answer is what recovery itself would
    decide when a SEC is opened, except that make_context is not called. Then params, inputs and
    stored outputs are decoded as this code would, for actions that may still be called and for undo
    actions that may have to be; what an action looks up by itself is not known. Nothing is written,
    and no action is called.

    With --json: an object with checked (how many) and refused: an array of objects as in list, each
    with why (the first reason) and reasons (all of them).

    Examples:
      steno --store trips.db check trips.actions:registry && deploy

    Exit codes:
      0  all would continue
      1  some would not: there is a line for each
      2  APP cannot be imported, or is not a registry
    """
    verdict = run(_check, store, _registry(app))
    if as_json:
        refused = [
            {**summary_json(saga), "why": reasons[0], "reasons": reasons}
            for saga, reasons in verdict.refused
        ]
        print_json({"checked": verdict.checked, "refused": refused})
    else:
        for saga, (why, *others) in verdict.refused:
            noun = "reason" if len(others) == 1 else "reasons"
            more = f" (and {len(others)} more {noun})" if others else ""
            who = f"{saga.saga_id} {escaped(saga.saga_name)} ({saga.state.value})"
            click.echo(f"{who}: {one_line(why)}{more}")
        fine = verdict.checked - len(verdict.refused)
        click.echo(f"{fine} of {verdict.checked} unfinished sagas would continue")
    return Exit.NO if verdict.refused else Exit.FINE


async def _check(store: OperatorStore, registry: ActionRegistry) -> _Verdict:
    verdict = _Verdict()
    graphs: dict[str, FlatDag] = {}
    query = ListQuery(limit=PAGE, states=UNFINISHED)
    async with store.open_reader() as reader:
        page = await reader.list(query)
        while page:
            for saga in page:
                await _check_one(reader, saga, registry, graphs, verdict)
            page = await reader.list(attrs.evolve(query, marker=page[-1].saga_id))
        return verdict


async def _check_one(
    reader: SecStoreReader,
    saga: SagaSummary,
    registry: Registry,
    graphs: dict[str, FlatDag],
    verdict: _Verdict,
) -> None:
    await trio.lowlevel.checkpoint()  # a fold takes time, and the user may press Ctrl-C
    try:
        stored = await reader.load(saga.saga_id)
        if stored is None or stored.summary.state.finished:
            return  # it has ended since it was listed
        verdict.checked += 1
        reasons = _why_not(stored, registry, graphs)
    except RecoveryError as error:
        reasons = [str(error)]
    if reasons:
        verdict.refused.append((saga, reasons))


def _why_not(stored: StoredSaga, registry: Registry, graphs: dict[str, FlatDag]) -> list[str]:
    """Return the reasons why a saga would not continue; none if it would."""
    try:
        dag, state = restore(stored, registry, graphs)
    except (RecoveryError, SagaValidationError) as error:
        why = str(error)
    else:
        held = [f"it would be held: {problem}" for problem in registry.audit(dag, state)]
        return [*held, *_breach(dag.flat, stored)]
    flat = graphs.get(stored.dag_digest)
    if flat is None:
        return [why]  # the graph cannot be read, so the log cannot be checked
    # A log that recovery refuses breaks a rule; the breach names the node and the place.
    return _breach(flat, stored) or [why]


def _breach(flat: FlatDag, stored: StoredSaga) -> list[str]:
    """Return where a log breaks a rule, in a list; none if it does not."""
    dag = SagaDag.of_flat(flat, stored.params)
    breach = verify_log(dag, stored.events, saga_id=stored.summary.saga_id)
    return [] if breach is None else [f"its log breaks a rule at {breach}"]


# The registry


def _registry(app: str) -> Registry:
    """
    Return the registry that the user named.

    Raises:
        Refusal: There is no registry of that name.
    """
    module_name, _, path = app.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        msg = f"{module_name!r} cannot be imported: {type(error).__name__}: {error}"
        raise Refusal(msg, Exit.USAGE) from error
    return _named(module, path) if path else _only(module)


def _named(module: ModuleType, path: str) -> Registry:
    found: object = module
    for name in path.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, ActionRegistry):
        msg = f"{module.__name__}:{path} is not an ActionRegistry, but {found!r}"
        raise Refusal(msg, Exit.USAGE)
    return cast("Registry", found)


def _only(module: ModuleType) -> Registry:
    every: list[tuple[str, object]] = list(vars(module).items())
    named = {
        id(value): (name, cast("Registry", value))
        for name, value in every
        if issubclass(type(value), ActionRegistry)
    }
    match list(named.values()):
        case [(_, registry)]:
            return registry
        case []:
            msg = f"{module.__name__} has no ActionRegistry; say which: {module.__name__}:registry"
        case several:
            names = ", ".join(f"{module.__name__}:{name}" for name, _ in several)
            msg = f"{module.__name__} has several registries; say which: {names}"
    raise Refusal(msg, Exit.USAGE)
