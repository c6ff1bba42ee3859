"""
Run the demo saga, which provisions a virtual machine, and look at it from all sides.

It is the demo of Steno, the library that this one is modelled on: the same graph and the same
output, and dumps that either of the two can go on with.

    python examples/demo_provision.py run --inject-error instance_boot --dump-to failed.json
    python examples/demo_provision.py print-log failed.json
    python examples/demo_provision.py run --recover-from failed.json
"""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import attrs
import trio

import steno

# The saga: its params, its actions, its graph.


@attrs.frozen
class ProvisionParams:
    """The params of the saga."""

    instance_name: str
    number_of_instances: int


@attrs.frozen
class ServerAllocParams:
    """The params of its subsaga."""

    number_of_things: int


@attrs.frozen
class ServerAlloc:
    """The output of its subsaga."""

    server_id: int


Context = steno.ActionContext[None]


def announce(ctx: Context, what: str = "action") -> None:
    """Tell people, not the programs that read stdout, what is being done."""
    print(f"running {what}: {ctx.node_label}", file=sys.stderr)


async def instance_create(ctx: Context) -> int:
    """Create a record of the instance."""
    announce(ctx)
    return 1211


async def vpc_alloc_ip(ctx: Context) -> str:
    """Allocate an address."""
    announce(ctx)
    return "10.120.121.122"


async def volume_create(ctx: Context) -> int:
    """Create a volume."""
    announce(ctx)
    return 1213


async def server_pick(ctx: Context) -> int:
    """Pick a server; in a subsaga, the params are those of the subsaga."""
    announce(ctx)
    return 1211 + ctx.saga_params(ServerAllocParams).number_of_things


async def server_reserve(ctx: Context) -> ServerAlloc:
    """Reserve the server that was picked."""
    announce(ctx)
    return ServerAlloc(ctx.lookup("server_id", int))


async def instance_configure(ctx: Context) -> None:
    """Configure the instance."""
    announce(ctx)


async def volume_attach(ctx: Context) -> None:
    """Attach the volume."""
    announce(ctx)


async def instance_boot(ctx: Context) -> None:
    """Boot the instance."""
    announce(ctx)


async def print_outcome(ctx: Context) -> str:
    """Say what is to be said at the end."""
    announce(ctx)
    return "it worked"


async def undo(ctx: Context) -> None:
    """Undo any of them."""
    announce(ctx, "undo action")


ACTIONS: dict[str, Callable[[Context], Awaitable[object]]] = {
    "instance_create": instance_create,
    "vpc_alloc_ip": vpc_alloc_ip,
    "volume_create": volume_create,
    "server_pick": server_pick,
    "server_reserve": server_reserve,
    "instance_configure": instance_configure,
    "volume_attach": volume_attach,
    "instance_boot": instance_boot,
    "print": print_outcome,
}

registry = steno.ActionRegistry()
for name, do in ACTIONS.items():
    registry.register(steno.ActionFunc.new_action(name, do, undo))


def server_alloc_dag() -> steno.Dag:
    """Build the graph of the subsaga."""
    builder = steno.DagBuilder("server-alloc")
    builder.append(steno.Node.action("server_id", "ServerPick", "server_pick"))
    builder.append(steno.Node.action("server_reserve", "ServerReserve", "server_reserve"))
    return builder.build()


def provision_saga(instance_name: str) -> steno.SagaDag:
    """Build the saga that provisions an instance of this name."""
    builder = steno.DagBuilder("DemoVmProvision")
    builder.append(steno.Node.action("instance_id", "InstanceCreate", "instance_create"))
    builder.append(steno.Node.constant("server_alloc_params", ServerAllocParams(1)))
    builder.append_parallel(
        [
            steno.Node.action("instance_ip", "VpcAllocIp", "vpc_alloc_ip"),
            steno.Node.action("volume_id", "VolumeCreate", "volume_create"),
            steno.Node.subsaga("server_alloc", server_alloc_dag(), "server_alloc_params"),
        ]
    )
    builder.append(steno.Node.action("instance_configure", "InstanceConfigure", "instance_configure"))
    builder.append(steno.Node.action("volume_attach", "VolumeAttach", "volume_attach"))
    builder.append(steno.Node.action("instance_boot", "InstanceBoot", "instance_boot"))
    builder.append(steno.Node.action("print", "Print", "print"))
    return steno.SagaDag(builder.build(), ProvisionParams(instance_name, 1))


# What can be done with it: a function per subcommand, and what they share.


def dot(_: argparse.Namespace) -> None:
    """Print the graph in Graphviz's language."""
    print(provision_saga("fake-o-instance").dot())


def info(_: argparse.Namespace) -> None:
    """Print the graph, and the status of a saga that has not been started."""
    saga = provision_saga("fake-o instance")
    print("*** saga dag definition ***")
    print("saga graph: ")
    print(saga.dot())
    print("*** initial state ***")
    print(f"{trio.run(initial_status, saga)}\n")


async def initial_status(dag: steno.SagaDag) -> object:
    """Create a saga and return its status; the in-memory store forgets it again."""
    async with steno.open_sec(steno.InMemorySecStore(), registry) as sec:
        saga = await sec.saga_create(dag, saga_id=SAGA_ID)
        return (await saga.view()).state.status


def print_log(args: argparse.Namespace) -> None:
    """Print the log of a dump."""
    dump = read_dump(args.file)
    print(steno.SagaLog.new_recover(dump.saga_id, dump.events).pretty(), end="")


def run(args: argparse.Namespace) -> None:
    """Run a new saga, or go on with a dumped one."""
    say = (lambda _: None) if args.quiet else print
    dump = None
    if args.recover_from is not None:
        say(f"recovering from log: {args.recover_from}")
        dump = read_dump(args.recover_from)
    view = trio.run(partial(run_saga, dump, args.inject_error, args.inject_undo_error, say=say))
    if args.dump_to is not None:
        write_dump(args.dump_to, view.serialized().to_json())
    ...
