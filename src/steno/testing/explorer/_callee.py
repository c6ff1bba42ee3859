"""What a fault, a crash or an order is about: a function of the user, by the name of its node."""

from __future__ import annotations

import json
import re

import attrs

_PLAIN_NAME = re.compile(r"[\w./:-]+")


def quoted(name: str) -> str:
    """Return a name as the line of a case has it: in quotes if it could be taken for more."""
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)


def unquoted(text: str) -> str:
    """Return the name that `quoted` has written."""
    return str(json.loads(text)) if text.startswith('"') else text


@attrs.frozen
class Callee:
    """
    A user function: the action of a node, its undo action, or its probe.

    Attributes:
        node: The node's path, as in `server_alloc/server_id`; in a saga created by an action,
            preceded by that saga's name and a colon.
        undoing: Whether the undo action is meant.
        probing: Whether the probe is meant.
    """

    node: str
    undoing: bool = False
    probing: bool = False

    def __str__(self) -> str:
        """Return its text in the line of a case."""
        name = quoted(self.node)
        if self.probing:
            return f"probe of {name}"
        return f"undo of {name}" if self.undoing else name

    @property
    def acting(self) -> bool:
        """Whether the action itself is meant."""
        return not (self.undoing or self.probing)

    @property
    def of_child(self) -> bool:
        """Whether the node has the name of one in a saga created by an action."""
        return ":" in self.node
