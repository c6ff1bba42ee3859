"""
An oracle: what is legal in a saga, decided anew from its specification and a list of events.

Nothing of the library's state, graph or boundaries is used: nodes are expanded here by plain
recursion into sets of parents and children, and each rule is looked up in the whole history, every
time. Slow and simple, so that it can be read and believed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import attrs

from steno.core import SagaNodeEvent
from support.graphs import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from support.notation import MARKS

Mark = tuple[int, str]
"""A node and what has become of it, as in `3✓`."""

ORDER = "+✓✗-∅!"


@attrs.define
class Expanded:
    """
    A saga's graph, spelled out.

    Attributes:
        kinds: What each node is.
        parents: Which nodes each node directly depends on.
        scope: In which (sub)saga each node stands; 0 is the outermost.
        names: The node of each name, by (sub)saga.
        params: Of each (sub)saga but the outermost, the node that its params come from.
    """

    kinds: list[str] = attrs.field(factory=list)
    parents: list[set[int]] = attrs.field(factory=list)
    scope: list[int] = attrs.field(factory=list)
    names: list[dict[str, int]] = attrs.field(factory=list)
    params: list[int | None] = attrs.field(factory=list)

    @classmethod
    def of(cls, spec: SagaSpec) -> "Expanded":
        graph = cls()
        first, last = graph._saga(spec, None)
        start = graph._add("start", set(), 0)
        graph._add("end", last, 0)
        for node in first:
            graph.parents[node] = {start}
        return graph

    def _add(self, kind: str, parents: set[int], scope: int) -> int:
        self.kinds.append(kind)
        self.parents.append(set(parents))
        self.scope.append(scope)
        return len(self.kinds) - 1

    def _saga(self, spec: SagaSpec, params: int | None) -> tuple[set[int], set[int]]:
        """Add a (sub)saga; return its first nodes, whose parents are not known yet, and its last."""
        scope = len(self.names)
        self.names.append({})
        self.params.append(params)
        first: set[int] | None = None
        before: set[int] = set()
        for stage in spec.stages:
            ways_in, ways_out = set(), set()
            named = {}
            for node in stage:
                begin, end = self._node(node, before, scope)
                ways_in.add(begin)
                ways_out.add(end)
                named[node.name] = end
            self.names[scope] |= named
            first = ways_in if first is None else first
            before = ways_out
        return first, before

    def _node(
        self, spec: ActionSpec | ConstantSpec | SubsagaSpec, parents: set[int], scope: int
    ) -> tuple[int, int]:
        match spec:
            case ActionSpec():
                node = self._add("action", parents, scope)
                return node, node
            case ConstantSpec():
                node = self._add("constant", parents, scope)
                return node, node
            case SubsagaSpec(params=params, saga=inner):
                start = self._add("subsaga start", parents, scope)
                first, last = self._saga(inner, self.names[scope][params])
                for node in first:
                    self.parents[node] = {start}
                return start, self._add("subsaga end", last, scope)
        raise AssertionError(spec)

    @property
    def size(self) -> int:
        return len(self.kinds)

    @property
    def start(self) -> int:
        return self.size - 2

    @property
    def end(self) -> int:
        return self.size - 1

    def children(self, node: int) -> set[int]:
        return {child for child in range(self.size) if node in self.parents[child]}

    def ancestors(self, node: int) -> set[int]:
        """Return all that a node transitively depends on."""
        found: set[int] = set()
        new = {node}
        while new:
            new = {p for n in new for p in self.parents[n]} - found
            found |= new
        return found

    def visible(self, node: int, *, undoing: bool) -> dict[str, int]:
        """Return whose outputs a node may look up, by name: ancestors in its own (sub)saga."""
        seen = self.ancestors(node) | ({node} if undoing else set())
        return {n: i for n, i in self.names[self.scope[node]].items() if i in seen}

    def params_of(self, node: int) -> int | None:
        """Return the node whose output are the params that a node sees; None: the saga's own."""
        return self.params[self.scope[node]]


def marks(log: Iterable[SagaNodeEvent]) -> list[Mark]:
    return [(event.node_id, MARKS[type(event.event_type)]) for event in log]


def own_log_allows(history: Iterable[Mark], node: int, mark: str) -> bool:
    """Say whether the events of a node itself allow another one."""
    own = {m for n, m in history if n == node}
    match mark:
        case "+":
            return not own
        case "✓" | "✗":
            return own == {"+"}
        case "-":
            return own == {"+", "✓"}
        case _:
            return own == {"+", "✓", "-"}


def cause_is_there(graph: Expanded, history: Iterable[Mark], node: int, mark: str) -> bool:
    """Say whether all that a start or an undo has to wait for has happened, and nothing forbids it."""
    had = set(history)
    failed = any(m == "✗" for _, m in had)
    match mark:
        case "+":
            return not failed and all((p, "✓") in had for p in graph.parents[node])
        case "-":
            stopped = any(m == "!" for _, m in had)
            return failed and not stopped and _children_are_undone(graph, had, node)
        case _:
            return True


def _children_are_undone(graph: Expanded, had: set[Mark], node: int) -> bool:
    return all(
        (child, "∅") in had or (child, "✗") in had or (child, "+") not in had
        for child in graph.children(node)
    )


def is_legal_next(graph: Expanded, history: Sequence[Mark], node: int, mark: str) -> bool:
    return (
        0 <= node < graph.size
        and own_log_allows(history, node, mark)
        and cause_is_there(graph, history, node, mark)
    )


def first_illegal(graph: Expanded, log: Sequence[Mark]) -> int | None:
    """Return the place of the first event that is illegal where it stands, or None."""
    for place, (node, mark) in enumerate(log):
        if not is_legal_next(graph, log[:place], node, mark):
            return place
    return None


def has_legal_order(graph: Expanded, log: Iterable[Mark]) -> bool:
    """
    Say whether a set of events is causally closed, whatever order they are given in.

    All that runs forward can be put before the first failure, and all that is undone before the
    first failure of an undo; so nothing needs to be tried.
    """
    count = Counter(log)
    if any(n > 1 for n in count.values()):
        return False
    had = set(count)
    own: dict[int, str] = {}
    for node, mark in sorted(had, key=lambda each: ORDER.index(each[1])):
        own[node] = own.get(node, "") + mark
    if not all(line in {"+", "+✓", "+✗", "+✓-", "+✓-∅", "+✓-!"} for line in own.values()):
        return False
    started = [node for node, mark in had if mark == "+"]
    undone = [node for node, mark in had if mark == "-"]
    return (
        all(0 <= node < graph.size for node in own)
        and all((p, "✓") in had for node in started for p in graph.parents[node])
        and all(_children_are_undone(graph, had, node) for node in undone)
        and (not undone or any(mark == "✗" for _, mark in had))
    )


def ends_as(graph: Expanded, log: Iterable[Mark]) -> str | None:
    """Return how a saga with this log has ended, or None: succeeded, failed or stuck."""
    had = set(log)
    busy = any(
        (mark == "+" and not {(node, "✓"), (node, "✗")} & had)
        or (mark == "-" and not {(node, "∅"), (node, "!")} & had)
        for node, mark in had
    )
    if any(mark == "!" for _, mark in had):
        return None if busy else "stuck"
    if (graph.start, "∅") in had or (graph.start, "✗") in had:
        return "failed"
    return "succeeded" if (graph.end, "✓") in had else None
