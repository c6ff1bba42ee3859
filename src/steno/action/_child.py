"""Actions that run other sagas, their children."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Concatenate, Final, ParamSpec, TypeAlias, TypeVar

import attrs

from steno.action._children import Children
from steno.action._context import ActionContext
from steno.action._func import ActionFunc, what_takes
from steno.action._parameter import Role, Takes
from steno.action._policy import Settings
from steno.action._retry import Retry
from steno.core import JSON, SagaDag
from steno.errors import StoreError

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")

MakeDag: TypeAlias = Callable[Concatenate[ActionContext[C], P], SagaDag]
MakeDags: TypeAlias = Callable[Concatenate[ActionContext[C], P], Iterable[SagaDag]]

# What a child says is final. Only of the store another call may hear something else.
OF_THE_STORE: Final = Retry(on=StoreError)


def child_saga(name: str, make_dag: MakeDag[C, P]) -> ActionFunc[C, P, JSON]:
    """
    Return an action that runs another saga, its child, and returns the output of that.

    The child's id follows from the saga and the node, so a call that is made again, as after a
    crash, finds the child that there is. If the child fails, so does the node, with a `SagaFailed`
    that names the child and has its error. To undo the node is to unwind the child, finished or
    not, and to wait for that; a child that gets stuck, or is abandoned, fails the undo.

    If the child is held or halted, the node is held, and is called again when the child goes on. A
    child that has failed is not replaced: what is to be tried again is retried by the child's own
    actions.

    Args:
        name: The name by which stored sagas refer to the action. Register it like any other.
        make_dag: Returns the child's graph and params: a plain function that is given the context
            of the action, and then inputs by name, as an action is. It is not called if there is
            the child already.

    Raises:
        ActionRegistryError: The function has a parameter that cannot be given an input.
        TypeError: The name is not a str, or `make_dag` is not a plain function.
    """
    children = Children(_checked("child_saga", name, make_dag), make_dag, many=False)
    return _ChildAction[C, P, JSON].of(name, children, children.run_one)


def child_sagas(name: str, make_dags: MakeDags[C, P]) -> ActionFunc[C, P, list[JSON]]:
    """
    Return an action that runs any number of sagas at once, and returns the list of their outputs.

    How many there are may follow from the output of an earlier node. The outputs are in the order
    of the graphs. The first child that fails fails the node, whose undo unwinds all the others,
    those that still run, too. In all else it is as `child_saga`.

    Args:
        name: The name by which stored sagas refer to the action.
        make_dags: Returns the graphs and params of the children, as a list or another iterable; a
            plain function as `make_dag` of `child_saga`. It may be called again, and then has to
            return as many, in the same order.

    Raises:
        ActionRegistryError: The function has a parameter that cannot be given an input.
        TypeError: The name is not a str, or `make_dags` is not a plain function.
    """
    children = Children(_checked("child_sagas", name, make_dags), make_dags, many=True)
    return _ChildAction[C, P, "list[JSON]"].of(name, children, children.run_many)


def _checked(what: str, name: str, make: object) -> str:
    """
    Return what an action is made by, for messages.

    Raises:
        TypeError: It cannot make graphs.
    """
    if not callable(make) or inspect.iscoroutinefunction(make) or inspect.isasyncgenfunction(make):
        argument, returned = "make_dag", "a SagaDag"
        if what == "child_sagas":
            argument, returned = "make_dags", "a list of SagaDags"
        msg = (
            f'{what} "{name}": {argument} must be a plain function of the context that returns '
            f"{returned}, not async, got {make!r}"
        )
        raise TypeError(msg)
    return f'{what} "{name}"'


@attrs.define(eq=False)
class _ChildAction(ActionFunc[C, P, T]):
    """
    An action that runs children, and takes what the function takes that makes their graphs.

    It has both an undo action and a probe, which an action of the user's cannot have: its undo may
    be called in doubt, and the probe spares it where there is no child.
    """

    make: Callable[..., object] = attrs.field(kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse a function with parameters that cannot be given an input."""
        self._takes = what_takes(self.name, Role.ACTION, self.make)
        self._undo_takes = what_takes(self.name, Role.UNDO, self._undo)
        self._probe_takes = Takes(self.name, Role.PROBE, (), self.make, None)

    @classmethod
    def of(
        cls, name: str, children: Children, run: Callable[..., Awaitable[T]]
    ) -> _ChildAction[C, P, T]:
        """Return the action."""
        settings = Settings(
            retry=OF_THE_STORE,
            timeout=None,
            undo_retry=OF_THE_STORE,
            undo_timeout=None,
            in_doubt=True,
            probe=children.probe,
        )
        return cls(name, run, children.undo, settings, make=children.make)

    @property
    def output_type(self) -> object:
        """None: a graph does not say what its sagas return, so it is plain JSON."""
        return None
