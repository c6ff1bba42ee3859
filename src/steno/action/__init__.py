"""
What users write: actions, the registry they are found in, and the types of their data.

Importing this hands the codec in to core, so that params, constants, outputs and errors can be of
users' own types.
"""

from steno.action._codec import Codec, default_codec, has_endless_traceback, message_of
from steno.action._context import ActionContext
from steno.action._func import NOOP, Action, ActionFunc, new_action_noop_undo
from steno.action._registry import ActionRegistry
from steno.core import use_codec

use_codec(default_codec)

__all__ = [
    "NOOP",
    "Action",
    "ActionContext",
    "ActionFunc",
    "ActionRegistry",
    "Codec",
    "has_endless_traceback",
    "message_of",
    "new_action_noop_undo",
]
