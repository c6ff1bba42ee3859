"""`steno check`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

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

PAGE = 500
"""How many sagas are read at a time."""

UNFINISHED = frozenset(state for state in SagaCachedState if not state.finished)


@attrs.define(eq=False)
class _Verdict:
    """How the sagas of a store fare under some code."""

    checked: int = 0
    refused: list[tuple[SagaSummary, str]] = attrs.field(factory=list)


@verb("check")
@store_option
@json_option
@click.argument("app", metavar="APP")
def command(store: OperatorStore, app: str, *, as_json: bool) -> Exit:
    """
    Check that every unfinished saga would load, find its actions and continue under this code.

    APP is module:registry, or a module that has just one ActionRegistry. It is imported from the
    current folder, or from anywhere on Python's path. The answer is what recovery itself would
    decide when a SEC is opened, except that make_context is not called. Nothing is written, and
    no action is called.

    With --json: an object with checked (how many) and refused: an array of objects as in list, each
    with why (the reason).

    Examples:
      steno --store trips.db check trips.actions:registry && deploy

    Exit codes:
      0  all would continue
      1  some would not: there is a line for each
      2  APP cannot be imported, or is not a registry
    """
    verdict = run(_check, store, _registry(app))
    if as_json:
        refused = [{**summary_json(saga), "why": why} for saga, why in verdict.refused]
        print_json({"checked": verdict.checked, "refused": refused})
    else:
        for saga, why in verdict.refused:
            click.echo(
                f"{saga.saga_id} {escaped(saga.saga_name)} ({saga.state.value}): {one_line(why)}"
            )
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
    registry: ActionRegistry,
    graphs: dict[str, FlatDag],
    verdict: _Verdict,
) -> None:
    await trio.lowlevel.checkpoint()  # a fold takes time, and the user may press Ctrl-C
    try:
        stored = await reader.load(saga.saga_id)
        if stored is None or stored.summary.state.finished:
            return  # it has ended since it was listed
        verdict.checked += 1
        why = _why_not(stored, registry, graphs)
    except RecoveryError as error:
        why = str(error)
    if why is not None:
        verdict.refused.append((saga, why))


def _why_not(
    stored: StoredSaga, registry: ActionRegistry, graphs: dict[str, FlatDag]
) -> str | None:
    """Return the reason why a saga would not continue; None if it would."""
    try:
        restore(stored, registry, graphs)
        why = None
    except (RecoveryError, SagaValidationError) as error:
        why = str(error)
    flat = graphs.get(stored.dag_digest)
    if flat is None:
        return why  # the graph cannot be read, so the log cannot be checked
    # A log that recovery refuses breaks a rule; the breach names the node and the place.
    dag = SagaDag.of_flat(flat, stored.params)
    breach = verify_log(dag, stored.events, saga_id=stored.summary.saga_id)
    return why if breach is None else f"its log breaks a rule at {breach}"


# The registry


def _registry(app: str) -> ActionRegistry:
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


def _named(module: ModuleType, path: str) -> ActionRegistry:
    found: object = module
    for name in path.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, ActionRegistry):
        msg = f"{module.__name__}:{path} is not an ActionRegistry, but {found!r}"
        raise Refusal(msg, Exit.USAGE)
    return found


def _only(module: ModuleType) -> ActionRegistry:
    named = {id(v): (k, v) for k, v in vars(module).items() if isinstance(v, ActionRegistry)}
    match list(named.values()):
        case [(_, registry)]:
            return registry
        case []:
            msg = f"{module.__name__} has no ActionRegistry; say which: {module.__name__}:registry"
        case several:
            names = ", ".join(f"{module.__name__}:{name}" for name, _ in several)
            msg = f"{module.__name__} has several registries; say which: {names}"
    raise Refusal(msg, Exit.USAGE)
