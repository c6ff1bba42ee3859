"""The registry's codec decodes all that a SEC returns, whatever created the saga."""

from ipaddress import IPv4Address
from uuid import UUID

import attrs
import pytest

import steno

ID = UUID("12345678-1234-5678-1234-567812345678")
ADDRESS = IPv4Address("10.0.0.7")


class Unreachable(Exception):
    """An exception that is registered."""

    def __init__(self, address: IPv4Address) -> None:
        super().__init__(f"unreachable: {address}")
        self.address = address


class Gone(Exception):
    """What undo actions raise."""


@attrs.frozen
class Params:
    """Params with a type of the user's own, and with a union."""

    address: IPv4Address
    name: bytes | str


def new_codec() -> steno.Codec:
    codec = steno.Codec()
    codec.register(IPv4Address, encode=str, decode=IPv4Address)
    codec.register(
        Unreachable,
        encode=lambda error: str(error.address),
        decode=lambda text: Unreachable(IPv4Address(text)),
    )
    return codec


def new_registry(*, fails: bool) -> steno.ActionRegistry:
    registry = steno.ActionRegistry(codec=new_codec())

    @registry.action
    async def allocate(ctx: steno.ActionContext[None]) -> IPv4Address | str:
        assert ctx.saga_params(Params) == Params(ADDRESS, "user")
        assert ctx.saga_params() == {"address": "10.0.0.7", "name": "user"}
        assert ctx.lookup("limit", IPv4Address) == ADDRESS
        return "10.0.0.7"  # which looks like an address, and is a name

    @allocate.undo
    async def release(ctx: steno.ActionContext[None]) -> None:
        assert ctx.lookup("name", IPv4Address | str) == "10.0.0.7"
        raise Gone

    @registry.action(undo=steno.NOOP)
    async def ping(ctx: steno.ActionContext[None]) -> IPv4Address:
        if fails:
            raise Unreachable(ctx.saga_params(Params).address)
        return ctx.saga_params(Params).address

    return registry


def new_dag(codec: steno.Codec) -> steno.SagaDag:
    builder = steno.DagBuilder("trip", codec=codec)
    builder.append(steno.Node.constant("limit", ADDRESS))
    builder.append(steno.Node.action("name", "allocate", label="Allocate"))
    builder.append(steno.Node.action("ping", "ping", label="Ping"))
    return steno.SagaDag(builder.build(), Params(ADDRESS, "user"))


def look(ok: object) -> None:
    assert isinstance(ok, steno.SagaResultOk)
    assert ok.saga_output(IPv4Address) == ADDRESS
    assert ok.lookup_node_output("name", IPv4Address | str) == "10.0.0.7"
    assert ok.lookup_node_output("name", str) == "10.0.0.7"
    assert ok.lookup_node_output("name") == "10.0.0.7"


async def test_values_are_those_of_the_registrys_codec():
    """In actions, results and views; of a saga from elsewhere, and in a later life, as well."""
    store, registry = steno.InMemorySecStore(), new_registry(fails=False)
    dag = new_dag(registry.codec)
    dump = steno.SagaSerialized(steno.SagaId(ID), dag, ())
    async with steno.open_sec(store, registry) as sec:
        result = await sec.saga_run(dag)
        look(result)
        other = await sec.saga_resume(steno.SagaSerialized.from_json(dump.to_json()))
        await other.start()
        look(await other.wait())
    async with steno.open_sec(store, new_registry(fails=False)) as sec:
        for saga_id in (result.saga_id, ID):
            view = await sec.saga_get(saga_id)
            assert isinstance(view.state, steno.SagaDone)
            look(view.state.result)


async def test_errors_are_those_of_the_registrys_codec():
    """They come back as what was raised, of undo actions as well; and can be raised."""
    store, registry = steno.InMemorySecStore(), new_registry(fails=True)
    async with steno.open_sec(store, registry) as sec:
        failed = await sec.saga_run(new_dag(registry.codec))
    assert isinstance(failed, steno.SagaResultErr)
    error = failed.error_source.convert(Unreachable)
    assert (error.address, str(error)) == (ADDRESS, "unreachable: 10.0.0.7")
    node, undo_error = failed.undo_failure
    assert node == "name"
    assert type(undo_error.convert(Gone)) is Gone
    assert str(undo_error.convert(Gone)) == ""
    for each in (failed.error_source, undo_error):
        with pytest.raises(type(each)):
            raise each


async def test_a_limit_of_the_codec_is_that_of_the_sec():
    """Unless `open_sec` is told another."""

    async def large(_: steno.ActionContext[None]) -> str:
        return "x" * 100

    registry = steno.ActionRegistry(codec=steno.Codec(max_value_bytes=50))
    registry.register(steno.new_action_noop_undo("large", large))
    builder = steno.DagBuilder("large", codec=registry.codec)
    builder.append(steno.Node.action("n", "large", label="N"))
    dag = steno.SagaDag(builder.build())
    store = steno.InMemorySecStore()
    async with steno.open_sec(store, registry, hold_on=()) as sec:
        failed = await sec.saga_run(dag)
    assert isinstance(failed.error_source, steno.SerializeFailed)
    async with steno.open_sec(store, registry, max_value_bytes=102) as sec:
        assert (await sec.saga_run(dag)).unwrap().saga_output(str) == "x" * 100
    with pytest.raises(steno.SerializeError, match="more than the 50 allowed"):
        steno.SagaDag(dag=builder.build(), params="x" * 49)


async def test_make_context_gets_plain_json():
    """Without tags, as params that nobody has given a type."""
    seen = []

    def make_context(saga_id, saga_name, params):
        seen.append(params)

    registry = new_registry(fails=False)
    async with steno.open_sec(steno.InMemorySecStore(), registry, make_context=make_context) as sec:
        await sec.saga_run(new_dag(registry.codec))
    assert seen == [{"address": "10.0.0.7", "name": "user"}]
