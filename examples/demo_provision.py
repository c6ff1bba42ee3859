"""
Run the demo saga, which provisions a virtual machine, and inspect it.

It is the demo of Steno, the library on which this one is modelled: the graph and the output are the
same, and each of the two can resume dumps of the other.

    python examples/demo_provision.py run --inject-error instance_boot --dump-to failed.json
    python examples/demo_provision.py print-log failed.json
    python examples/demo_provision.py run --recover-from failed.json
"""

import argparse
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID

import attrs
import trio

import steno

SAGA_ID = UUID("049b2522-308d-442e-bc65-9bfaef863597")

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
    """Print what is being done to stderr, because programs may read stdout."""
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
    """Pick a server for the given number of things; these are the params of the subsaga."""
    announce(ctx)
    return 1211 + ctx.saga_params(ServerAllocParams).number_of_things


async def server_reserve(ctx: Context) -> ServerAlloc:
    """Reserve the server that was picked."""
    announce(ctx)
    return ServerAlloc(ctx.lookup("server_id", int))


async def announce_only(ctx: Context) -> None:
    """Configure, attach, boot: the output is not needed by later actions."""
    announce(ctx)


async def print_outcome(ctx: Context) -> str:
    """Print the outcome at the end."""
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
    "instance_configure": announce_only,
    "volume_attach": announce_only,
    "instance_boot": announce_only,
    "print": print_outcome,
}

# Other systems may be away for a while. The undo can be called when nobody knows whether its action
# was done, as after a timeout.
registry = steno.ActionRegistry(
    retry=steno.Retry(on=OSError, timeout=300),
    timeout=60,
    undo_retry=steno.Retry(on=OSError, attempts=None, timeout=None),
    undo_timeout=60,
)
for name, do in ACTIONS.items():
    registry.register(steno.ActionFunc.new_action(name, do, undo, in_doubt=True))


def server_alloc_dag() -> steno.Dag:
    """Build the graph of the subsaga."""
    builder = steno.DagBuilder("server-alloc")
    builder.append(steno.Node.action("server_id", "server_pick", label="ServerPick"))
    builder.append(steno.Node.action("server_reserve", "server_reserve", label="ServerReserve"))
    return builder.build()


def provision_saga(instance_name: str) -> steno.SagaDag:
    """Build the saga that provisions an instance of this name."""
    builder = steno.DagBuilder("DemoVmProvision")
    builder.append(steno.Node.action("instance_id", "instance_create", label="InstanceCreate"))
    builder.append(steno.Node.constant("server_alloc_params", ServerAllocParams(1)))
    builder.append_parallel(
        [
            steno.Node.action("instance_ip", "vpc_alloc_ip", label="VpcAllocIp"),
            steno.Node.action("volume_id", "volume_create", label="VolumeCreate"),
            steno.Node.subsaga("server_alloc", server_alloc_dag(), "server_alloc_params"),
        ]
    )
    builder.append(
        steno.Node.action("instance_configure", "instance_configure", label="InstanceConfigure")
    )
    builder.append(steno.Node.action("volume_attach", "volume_attach", label="VolumeAttach"))
    builder.append(steno.Node.action("instance_boot", "instance_boot", label="InstanceBoot"))
    builder.append(steno.Node.action("print", "print", label="Print"))
    return steno.SagaDag(builder.build(), ProvisionParams(instance_name, 1))


# The subcommands: a function for each, and what they share.


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
    """Create a saga in an in-memory store, and return its status."""
    async with steno.open_sec(steno.InMemorySecStore(), registry) as sec:
        saga = await sec.saga_create(dag, saga_id=SAGA_ID)
        return (await saga.view()).state.status


def print_log(args: argparse.Namespace) -> None:
    """Print the log of a dump."""
    dump = read_dump(args.file)
    print(steno.SagaLog.new_recover(dump.saga_id, dump.events).pretty(), end="")


def run(args: argparse.Namespace) -> None:
    """Run a new saga, or resume a dumped one."""
    say: Callable[[str], None] = print if not args.quiet else lambda _: None
    dump = None
    if args.recover_from is not None:
        say(f"recovering from log: {args.recover_from}")
        dump = read_dump(args.recover_from)
    view = trio.run(partial(run_saga, dump, args.inject_error, args.inject_undo_error, say=say))
    if args.dump_to == "-":
        print(view.serialized().to_json(steno=True), end="" if args.quiet else "\n")
        say("dumped log to stdout")
    elif args.dump_to is not None:
        Path(args.dump_to).write_text(view.serialized().to_json(steno=True), encoding="utf-8")
        say(f"dumped log to {args.dump_to}")


async def run_saga(
    dump: steno.SagaSerialized | None,
    errors: Sequence[str] = (),
    undo_errors: Sequence[str] = (),
    *,
    say: Callable[[str], None] = print,
) -> steno.SagaView:
    """Run a saga to its end, reporting its progress, and return a view of it."""
    async with steno.open_sec(steno.InMemorySecStore(), registry) as sec:
        if dump is None:
            saga = await sec.saga_create(provision_saga("fake-o instance"), saga_id=SAGA_ID)
        else:
            saga = await sec.saga_resume(dump)
            say(f"recovered state\n{(await saga.view()).state.status}\n\n")
        for node in errors:
            await saga.inject_error(node)
            say(f'will inject error at node "{node}"')
        for node in undo_errors:
            await saga.inject_error_undo(node)
            say(f'will inject error at node "{node}" undo action')
        say("*** running saga ***")
        await saga.start()
        result = await saga.wait()
        view = await saga.view()
        say("*** finished saga ***\n")
        say(f"*** final state ***\n{view.state.status}\n")
        say(result_text(result))
        return view


def result_text(result: steno.SagaResult) -> str:
    """Return the result of a saga as text."""
    match result:
        case steno.SagaResultOk() as ok:
            output = json.dumps(ok.saga_output(), ensure_ascii=False)
            return f"result: SUCCESS\nfinal output: {output}"
        case steno.SagaResultErr(error_node_name=node, error_source=error, undo_failure=undo):
            text = f"result: ACTION FAILURE\n{failure_text(node, error)}"
            if undo is not None:
                text += f"\nFOLLOWED BY UNDO ACTION FAILURE\n{failure_text(*undo)}"
            return text


def failure_text(node: str | None, error: object) -> str:
    """Return the text for a failure: its node and its error."""
    return f'failed at node:    "{node}"\nfailed with error: {error}'


def read_dump(file: str) -> steno.SagaSerialized:
    """Return the dump in a file that `--dump-to` wrote."""
    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    return steno.SagaSerialized.from_json(data.decode())


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(description="Run the demo saga, and inspect it.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("dot", help="print the graph in Graphviz's language")
    command.set_defaults(command=dot)

    command = commands.add_parser("info", help="print the graph and the initial state")
    command.set_defaults(command=info)

    command = commands.add_parser("print-log", help="print the log of a dump")
    command.set_defaults(command=print_log)
    command.add_argument("file", metavar="FILE", help="the dump; - is stdin")

    command = commands.add_parser(
        "run",
        help="run the saga",
        epilog="The exit code is 0 even if the saga failed, because the command did its work. "
        "It is 2 if it could not; then stderr says why.",
    )
    command.set_defaults(command=run, inject_error=[], inject_undo_error=[])
    command.add_argument(
        "--inject-error", metavar="NODE", action="append", help="let this node fail"
    )
    command.add_argument(
        "--inject-undo-error", metavar="NODE", action="append", help="let its undo action fail"
    )
    command.add_argument("--quiet", action="store_true", help="print nothing but what is dumped")
    command.add_argument("--dump-to", metavar="FILE", help="dump the saga at the end; - is stdout")
    command.add_argument("--recover-from", metavar="FILE", help="resume a dumped saga; - is stdin")
    return top


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line."""
    args = parser().parse_args(words)
    logging.getLogger("steno").addHandler(logging.NullHandler())  # faults are injected on purpose
    try:
        args.command(args)
    except (steno.StenoError, OSError, UnicodeDecodeError) as error:
        print(f"demo_provision.py: error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
