"""A script for the pure machine: its inputs, and the steps expected of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final, Self, TypeAlias

import attrs

from steno.core import (
    Input,
    SagaDag,
    SagaMachine,
    SagaNodeEvent,
    SagaState,
    Step,
    Succeeded,
    escaped,
)
from steno.testing.notation import SAGA_ID, fold, inputs_of, shown, step_text

__all__ = ["Playbook"]

START: Final = "start"
"""The first input of a machine: begin, or continue where its log ends."""

Told: TypeAlias = str | Input | list[Input] | tuple[Input, ...]


@attrs.define(eq=False)
class Playbook:
    """
    A saga's machine, driven by a script that reads from top to bottom.

    For example::

        playbook = Playbook(dag)
        playbook >> "start" << "2+ 2✓ 0+ | run 0"
        playbook >> "0✓" << "0✓ 1+ | run 1"
        playbook >> "1✗" << "1✗ 0- | undo 0"

    `>>` sends input to the machine, all of it at once: `"start"`, results as text, or inputs of
    `steno.core`. `<<` states which step resulted, as text or as a `Step`; a step without `<<` may
    be anything. The text is that of `steno.testing.notation`; an output that it gives is compared
    too. A mismatch raises immediately, so no `assert` is needed, and adding one does no harm.

    Args:
        dag: The saga.
        log: Its log when the script begins, as text or as events.

    Attributes:
        machine: The machine.
        steps: The steps that it has returned.
    """

    dag: SagaDag
    _log: str | Iterable[SagaNodeEvent] = ""
    machine: SagaMachine = attrs.field(init=False)
    steps: list[Step] = attrs.field(init=False, factory=list)
    _lines: list[str] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        """Make the machine from the log."""
        if isinstance(self._log, str):
            state = fold(self.dag.flat, self._log)
        else:
            state = SagaState.fold(self.dag.flat, SAGA_ID, self._log)
        self.machine = SagaMachine(self.dag, state)
        if state.log.events:
            self._lines.append(f"log {shown(state.log.events)}")

    @property
    def state(self) -> SagaState:
        """The current state of the saga."""
        return self.machine.state

    @property
    def log(self) -> str:
        """Its current log, as text."""
        return shown(self.state.log.events)

    def __rshift__(self, told: Told) -> Self:
        """
        Send input to the machine.

        Raises:
            ValueError: The text is neither `start` nor results.
            StenoError: The machine refuses it.
        """
        given: Sequence[Input] = () if told == START else _inputs(told)
        step = self.machine.start() if told == START else self.machine.handle(given)
        text = told if isinstance(told, str) else ", ".join(map(str, given))
        self._lines.append(f">> {text}")
        self.steps.append(step)
        return self

    def __lshift__(self, step: str | Step) -> Self:
        """
        Compare the step that the last input gave.

        Raises:
            AssertionError: It was a different step; the text has the whole script.
        """
        if not self.steps:
            raise AssertionError(self._text("there was no input, so there is no step"))
        found = self.steps[-1]
        if isinstance(step, Step):
            wanted_text, found_text = _with_data(step), _with_data(found)
        else:
            wanted_text, found_text = step, _as_detailed_as(step, found)
        if wanted_text != found_text or (isinstance(step, Step) and step != found):
            diff = _diff(wanted_text, found_text)
            raise AssertionError(self._text("expected (-), and found (+):", *diff))
        self._lines.append(f"<< {wanted_text}")
        return self

    def __bool__(self) -> bool:
        """Return True: a mismatch would have raised."""
        return True

    def __str__(self) -> str:
        """Return the script so far."""
        return "\n".join(map(escaped, self._lines))

    def _text(self, what: str, *diff: str) -> str:
        nodes = ", ".join(
            f"{node} {self.dag.flat.path(node)}" for node in range(len(self.dag.flat.nodes))
        )
        script = [f"  {line}" for line in self._lines]
        shown_nodes = nodes if len(nodes) <= _MOST_OF_NODES else f"{nodes[:_MOST_OF_NODES]}…"
        return "\n".join(map(escaped, [what, *script, *diff, f"nodes: {shown_nodes}"]))


_MOST_OF_NODES: Final = 2_000


def _inputs(told: Told) -> Sequence[Input]:
    if isinstance(told, str):
        return inputs_of(told)
    return told if isinstance(told, list | tuple) else (told,)


def _diff(wanted: str, found: str) -> list[str]:
    pairs = zip_longest(wanted, found)
    first = next((place for place, (one, other) in enumerate(pairs) if one != other), 0)
    return [f"- << {wanted}", f"+ << {found}", f"?    {' ' * first}^"]


def _as_detailed_as(text: str, step: Step) -> str:
    """Return a step as text, with outputs of just those events for which the text has one."""
    record, *then = step_text(step).split(" | ") if step.record else ("", *_nonempty(step))
    tokens = text.partition(" | ")[0].split()
    found: list[str] = []
    for each, event, token in zip_longest(record.split(), step.record, tokens):
        if each is None or event is None:
            break
        output = event.event_type.output if isinstance(event.event_type, Succeeded) else None
        detailed = token is not None and "=" in token and output is not None
        found.append(f"{each}={output}" if detailed else each)
    return " | ".join(filter(None, [" ".join(found), *then]))


def _nonempty(step: Step) -> list[str]:
    return [text] if (text := step_text(step)) else []


def _with_data(step: Step) -> str:
    data = [event.event_type for event in step.record if attrs.fields(type(event.event_type))]
    return f"{step_text(step)}  with {data}" if data else step_text(step)
