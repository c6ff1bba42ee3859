"""
An oracle of orders on a saga: what is legal after a history, decided anew from the specification.

A saga is a list of stages, an event is plain text with a value, and each rule is looked up in the
whole history, every time. Nothing of the library is used but to read its events. Where
`support.checker` knows Steno's rules, this knows those about a saga that is steered as well.
"""

from collections.abc import Sequence

import attrs

from steno.core import Node, Ordered, SagaDag, SagaNodeEvent, Succeeded
from steno.testing.notation import MARKS
from support.demo import saga


@attrs.frozen
class Happened:
    """
    An event.

    Attributes:
        node: The node; None: it is an order on the saga.
        what: The mark of what has become of the node, or the verb of the order.
        value: The output of a success, or what was sent with a signal.
        signal: The name of that signal.
    """

    node: int | None
    what: str
    value: str | None = None
    signal: str | None = None

    @classmethod
    def of(cls, event: SagaNodeEvent) -> "Happened":
        what = event.event_type
        if isinstance(what, Ordered):
            # An order on a node is not among the events that this oracle allows.
            verb = what.verb.value if event.node_id is None else "?"
            return cls(event.node_id, verb, what.value, what.signal)
        output = what.output if isinstance(what, Succeeded) else None
        return cls(event.node_id, MARKS[type(what)], output)


SAGA_VERBS = {"start", "pause", "resume", "unwind", "abandon", "deadline", "signal", "import"}


@attrs.frozen
class Staged:
    """
    A saga of stages, each node of which is an action or waits for a signal.

    Attributes:
        stages: For each stage its nodes; for each of these the signal that it waits for, if any.
    """

    stages: tuple[tuple[str | None, ...], ...]

    @property
    def dag(self) -> SagaDag:
        names = (f"n{number}" for number in range(100))
        return saga(*([_node(next(names), signal) for signal in stage] for stage in self.stages))

    @property
    def nodes(self) -> list[str | None]:
        return [name for stage in self.stages for name in stage]

    @property
    def start(self) -> int:
        return len(self.nodes)

    @property
    def end(self) -> int:
        return self.start + 1

    def neighbours(self, node: int, step: int) -> list[int]:
        """Return the nodes that one depends on, or, for a step of 1, that depend on it."""
        numbered, first = [[self.start]], 0
        for stage in self.stages:
            numbered.append(list(range(first, first + len(stage))))
            first += len(stage)
        numbered.append([self.end])
        place = next(at for at, stage in enumerate(numbered) if node in stage) + step
        return numbered[place] if 0 <= place < len(numbered) else []


def _node(name: str, signal: str | None) -> Node | str:
    return name if signal is None else Node.signal(name, signal)


@attrs.frozen
class History:
    """What has happened to a saga."""

    graph: Staged
    log: Sequence[Happened]

    def last(self, *verbs: str) -> int:
        """Return the place of the last of some orders on the saga; -1 if there is none."""
        places = (at for at, e in enumerate(self.log) if e.node is None and e.what in verbs)
        return max(places, default=-1)

    def own(self, node: int) -> str:
        return "".join(each.what for each in self.log if each.node == node)

    def any_node(self, mark: str) -> bool:
        return any(each.node is not None and each.what == mark for each in self.log)

    @property
    def begun(self) -> bool:
        later = self.log[self.last("import") + 1 :]
        return any(
            each.what in {"+", "-"}
            or (each.node is None and each.what in {"start", "unwind", "abandon"})
            for each in later
        )

    @property
    def paused(self) -> bool:
        return self.last("pause") > self.last("resume", "unwind")

    @property
    def unwinding(self) -> bool:
        return self.any_node("✗") or self.last("unwind") >= 0

    def undone(self, node: int) -> bool:
        return self.own(node) in {"", "+✗", "+✓-∅"}

    @property
    def end(self) -> str | None:
        """How it has ended."""
        every = [self.own(node) for node in range(self.graph.end + 1)]
        if self.last("abandon") >= 0:
            return "abandoned"
        if any(own[-1:] in {"+", "-"} for own in every):
            return None
        if self.unwinding and self.undone(self.graph.start):
            return "failed"
        if self.any_node("!"):
            return "stuck"
        return "succeeded" if not self.unwinding and self.own(self.graph.end) == "+✓" else None

    @property
    def state(self) -> str:
        if not self.begun:
            return "ready"
        going = "unwinding" if self.unwinding else "running"
        return self.end or ("paused" if self.paused else going)

    def allows(self, event: Happened) -> bool:
        """Return True if an event is legal next."""
        if event.node is None:
            return event.what in SAGA_VERBS and self._allows_order(event)
        if not 0 <= event.node <= self.graph.end or self.last("abandon") >= 0:
            return False
        match event.what:
            case "+":
                parents = self.graph.neighbours(event.node, -1)
                ready = all(self.own(parent) == "+✓" for parent in parents)
                may = not self.paused and not self.unwinding and ready
                return may and self.own(event.node) == ""
            case "✓":
                return self.own(event.node) == "+" and self._gives(event)
            case "✗":
                return self.own(event.node) == "+"
            case "-":
                children = self.graph.neighbours(event.node, 1)
                ready = all(self.undone(child) for child in children)
                may = not self.paused and self.unwinding and not self.any_node("!") and ready
                return may and self.own(event.node) == "+✓"
            case "∅" | "!":
                return self.own(event.node) == "+✓-"
            case _:
                return False

    def _allows_order(self, order: Happened) -> bool:
        if order.what == "import":
            return True
        state = self.state
        allowed = {
            "ready": SAGA_VERBS,
            "succeeded": {"unwind"},
            "failed": set(),
            "abandoned": set(),
            "stuck": {"abandon", "resume"},
        }.get(state, SAGA_VERBS - {"start"})
        if order.what not in allowed:
            return False
        match order.what:
            case "pause":
                return not self.paused
            case "resume":
                return self.paused
            case "unwind":
                return state in {"ready", "paused"} or not self.unwinding
            case "signal":
                return self._allows_signal(order)
            case _:
                return True

    def _sent(self, signal: str | None) -> str | None:
        sent = [e.value for e in self.log if e.what == "signal" and e.signal == signal]
        return sent[-1] if sent else None

    def _allows_signal(self, order: Happened) -> bool:
        nodes = [n for n, signal in enumerate(self.graph.nodes) if signal == order.signal]
        taken = any("✓" in self.own(node) for node in nodes)
        return bool(nodes) and (not taken or self._sent(order.signal) in {None, order.value})

    def _gives(self, success: Happened) -> bool:
        if success.node is None or success.node >= self.graph.start:
            return success.value == "null"
        signal = self.graph.nodes[success.node]
        sent = self._sent(signal)
        return signal is None or (sent is not None and sent == success.value)


def first_wrong(graph: Staged, log: Sequence[SagaNodeEvent]) -> int | None:
    """Return the place of the first event that is illegal where it stands, or None."""
    had = [Happened.of(event) for event in log]
    for place, event in enumerate(had):
        if not History(graph, had[:place]).allows(event):
            return place
    return None
