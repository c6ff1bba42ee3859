"""
An oracle: what is legal in a saga, decided anew from its specification and a list of events.

Nothing of the library's state, graph or boundaries is used: nodes are expanded here by plain
recursion into sets of parents and children, and each rule is looked up in the whole history, every
time. Slow and simple, so that it can be read and believed.

Here and not in `steno.testing`, because `verify_log` is what users have: this is its test.
"""

from collections import Counter
from collections.abc import Iterable

import attrs

from steno.core import SagaNodeEvent
from steno.testing.fakes import ActionSpec, ConstantSpec, SagaSpec, SubsagaSpec
from steno.testing.notation import MARKS

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
        children: Which nodes directly depend on each node.
        scope: In which (sub)saga each node stands; 0 is the outermost.
        names: The node of each name, by (sub)saga.
        params: Of each (sub)saga but the outermost, the node that its params come from.
        values: The value of each constant.
    """

    kinds: list[str] = attrs.field(factory=list)
    parents: list[set[int]] = attrs.field(factory=list)
    children: list[set[int]] = attrs.field(factory=list)
    scope: list[int] = attrs.field(factory=list)
    names: list[dict[str, int]] = attrs.field(factory=list)
    params: list[int | None] = attrs.field(factory=list)
    values: dict[int, int] = attrs.field(factory=dict)

    @classmethod
    def of(cls, spec: SagaSpec) -> "Expanded":
        graph = cls()
        first, last = graph._saga(spec, None)
        start = graph._add("start", set(), 0)
        graph._add("end", last, 0)
        for node in first:
            graph.parents[node] = {start}
        graph.children = [
            {child for child in range(graph.size) if node in graph.parents[child]}
            for node in range(graph.size)
        ]
        return graph

    def _add(self, kind: str, parents: set[int], scope: int) -> int:
        self.kinds.append(kind)
        self.parents.append(set(parents))
        self.scope.append(scope)
        return len(self.kinds) - 1

    def _saga(self, spec: SagaSpec, params: int | None) -> tuple[set[int], set[int]]:
        """Add a (sub)saga; return its first nodes, whose parents are still open, and its last."""
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
            case ConstantSpec(value=value):
                node = self._add("constant", parents, scope)
                self.values[node] = value
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

    def output(self, node: int) -> str:
        """Return what a node gives if actions give null, as does a node that is not there."""
        if node in self.values:
            return str(self.values[node])
        if 0 <= node < self.size and self.kinds[node] == "subsaga end":
            (last,) = self.parents[node]
            return self.output(last)
        return "null"


def marks(log: Iterable[SagaNodeEvent]) -> list[Mark]:
    of_nodes = (event for event in log if event.node_id is not None)  # not orders on the saga
    return [(event.node_id, MARKS[type(event.event_type)]) for event in of_nodes]


def own_log_allows(had: set[Mark], node: int, mark: str) -> bool:
    """Say whether what a node itself has been through allows another event."""
    own = "".join(each for each in ORDER if (node, each) in had)
    match mark:
        case "+":
            return own == ""
        case "✓" | "✗":
            return own == "+"
        case "-":
            return own == "+✓"
        case _:
            return own == "+✓-"


def cause_is_there(graph: Expanded, had: set[Mark], node: int, mark: str) -> bool:
    """Say whether all that a start or an undo waits for has happened, and nothing forbids it."""
    match mark:
        case "+":
            return all((p, "✓") in had for p in graph.parents[node]) and not any_is(had, "✗")
        case "-":
            undone = _children_are_undone(graph, had, node)
            return undone and any_is(had, "✗") and not any_is(had, "!")
        case _:
            return True


def any_is(had: Iterable[Mark], mark: str) -> bool:
    return any(each == mark for _, each in had)


def _children_are_undone(graph: Expanded, had: set[Mark], node: int) -> bool:
    return all(
        (child, "∅") in had or (child, "✗") in had or (child, "+") not in had
        for child in graph.children[node]
    )


def is_legal_next(graph: Expanded, had: set[Mark], node: int, mark: str) -> bool:
    """Say whether an event is legal in a saga in which this, and only this, has happened."""
    return (
        0 <= node < graph.size
        and own_log_allows(had, node, mark)
        and cause_is_there(graph, had, node, mark)
    )


def legal_next(graph: Expanded, had: set[Mark], kinds: str = ORDER) -> list[Mark]:
    """Return all events that are legal in a saga in which this has happened."""
    return [
        (node, mark)
        for mark in kinds
        for node in range(graph.size)
        if is_legal_next(graph, had, node, mark)
    ]


def is_repair(had: Iterable[Mark], node: int, mark: str) -> bool:
    """Return True for the end of an undo that had failed, which is legal, and not a rule here."""
    return mark == "∅" and (node, "!") in had


def has_repair(log: Iterable[Mark]) -> bool:
    """Return True if a log has both the failure and the end of one undo, in any order."""
    had = set(log)
    return any(is_repair(had, node, mark) for node, mark in had)


def first_illegal(graph: Expanded, log: Iterable[Mark]) -> int | None:
    """Return the place of the first event that is illegal where it stands, or None."""
    had: set[Mark] = set()
    for place, (node, mark) in enumerate(log):
        if not is_legal_next(graph, had, node, mark):
            return place
        had.add((node, mark))
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
        and (not undone or any_is(had, "✗"))
    )


def ends_as(graph: Expanded, log: Iterable[Mark]) -> str | None:
    """Return how a saga with this log has ended, or None: succeeded, failed or stuck."""
    had = set(log)
    busy = any(
        (mark == "+" and not {(node, "✓"), (node, "✗")} & had)
        or (mark == "-" and not {(node, "∅"), (node, "!")} & had)
        for node, mark in had
    )
    if any_is(had, "!"):
        return None if busy else "stuck"
    if (graph.start, "∅") in had or (graph.start, "✗") in had:
        return "failed"
    return "succeeded" if (graph.end, "✓") in had else None
