"""`steno dot`."""

from __future__ import annotations

import click

from steno.cli._exit import Exit
from steno.cli._find import load, saga_argument
from steno.cli._shape import graph_json
from steno.cli._stored import dag_of
from steno.cli._verb import json_option, print_json, run, store_option, verb
from steno.core import SagaDag
from steno.store import OperatorStore


@verb("dot")
@store_option
@json_option
@saga_argument
def command(store: OperatorStore, saga: str, *, as_json: bool) -> Exit:
    """
    Print the graph of a saga in Graphviz's DOT language.

    With --json: an object with name, nodes (each with node, name and label) and edges (pairs of
    nodes).

    Examples:
      steno dot 6b0c | dot -Tsvg > trip.svg

    Exit codes:
      0  it was printed
      3  there is no such saga
      4  it cannot be read
    """
    dag = run(_read, store, saga)
    if as_json:
        print_json(graph_json(dag))
    else:
        click.echo(dag.dot(), nl=False)
    return Exit.FINE


async def _read(store: OperatorStore, digits: str) -> SagaDag:
    async with store.open_reader() as reader:
        return dag_of(await load(reader, digits))
