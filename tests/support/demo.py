"""The saga of the reference dumps, and small sagas that many tests use."""

from collections.abc import Iterable

from steno.core import Dag, JsonText, Node, PlainDagBuilder, SagaDag

PARAMS = {"instance_name": "fake-o instance", "number_of_instances": 1}

OUTPUTS: dict[int, JsonText] = {
    0: JsonText("1211"),
    1: JsonText('{"number_of_things":1}'),
    2: JsonText('"10.120.121.122"'),
    3: JsonText("1213"),
    5: JsonText("1212"),
    6: JsonText('{"server_id":1212}'),
    7: JsonText('{"server_id":1212}'),
    11: JsonText('"it worked"'),
}
"""What the nodes of the demo saga give, by index; null where nothing stands."""


def action(name: str, label: str | None = None) -> Node:
    """Return an action node whose action has its name."""
    return Node.action(name, name, label=label or name.title())


def build(name: str, *stages: Node | str | Iterable[Node | str]) -> Dag:
    """Return a graph; a stage is a node, a name of an action, or several of them."""
    builder = PlainDagBuilder(name)
    for stage in stages:
        nodes = [stage] if isinstance(stage, str | Node) else stage
        builder.append_parallel([action(n) if isinstance(n, str) else n for n in nodes])
    return builder.build()


def saga(*stages: Node | str | Iterable[Node | str], params: object = None) -> SagaDag:
    return SagaDag(build("test", *stages), params)


def demo_dag() -> Dag:
    server_alloc = build(
        "server-alloc",
        Node.action("server_id", "server_pick", label="ServerPick"),
        Node.action("server_reserve", "server_reserve", label="ServerReserve"),
    )
    return build(
        "DemoVmProvision",
        Node.action("instance_id", "instance_create", label="InstanceCreate"),
        Node.constant("server_alloc_params", {"number_of_things": 1}),
        [
            Node.action("instance_ip", "vpc_alloc_ip", label="VpcAllocIp"),
            Node.action("volume_id", "volume_create", label="VolumeCreate"),
            Node.subsaga("server_alloc", server_alloc, "server_alloc_params"),
        ],
        Node.action("instance_configure", "instance_configure", label="InstanceConfigure"),
        Node.action("volume_attach", "volume_attach", label="VolumeAttach"),
        Node.action("instance_boot", "instance_boot", label="InstanceBoot"),
        Node.action("print", "print", label="Print"),
    )


def demo(params: object = PARAMS) -> SagaDag:
    """Return DemoVmProvision, as in the reference dumps."""
    return SagaDag(demo_dag(), params)
