"""
What users write: actions, the registry of them, and the types of their data.

Params, constants, outputs and errors can be of users' own types: each registry and each builder has
a codec.
"""

from steno.action._builder import DagBuilder
from steno.action._codec import Codec, has_endless_traceback, message_of
from steno.action._context import ActionContext
from steno.action._func import NOOP, Action, ActionFunc, new_action_noop_undo, output_type_of
from steno.action._registry import ActionRegistry

__all__ = [
    "NOOP",
    "Action",
    "ActionContext",
    "ActionFunc",
    "ActionRegistry",
    "Codec",
    "DagBuilder",
    "has_endless_traceback",
    "message_of",
    "new_action_noop_undo",
    "output_type_of",
]
