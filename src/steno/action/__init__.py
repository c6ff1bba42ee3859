"""
What users write: actions, the registry of them, and the types of their data.

Params, constants, outputs and errors can be of users' own types: each registry and each builder has
a codec.
"""

from steno.action._action import Action, output_type_of
from steno.action._builder import DagBuilder
from steno.action._child import child_saga, child_sagas
from steno.action._codec import Codec, has_endless_traceback, message_of
from steno.action._context import ActionContext, ContextSlots
from steno.action._func import NOOP, ActionFunc, new_action_noop_undo
from steno.action._policy import NOT_DONE, OPEN, PLAIN, NotDoneType, Policy
from steno.action._registry import ActionRegistry
from steno.action._retry import Retry, chance_of
from steno.action._sec import Sec, SecSaga
from steno.action._time import from_timestamp, system_time, to_timestamp

__all__ = [
    "NOOP",
    "NOT_DONE",
    "OPEN",
    "PLAIN",
    "Action",
    "ActionContext",
    "ActionFunc",
    "ActionRegistry",
    "Codec",
    "ContextSlots",
    "DagBuilder",
    "NotDoneType",
    "Policy",
    "Retry",
    "Sec",
    "SecSaga",
    "chance_of",
    "child_saga",
    "child_sagas",
    "from_timestamp",
    "has_endless_traceback",
    "message_of",
    "new_action_noop_undo",
    "output_type_of",
    "system_time",
    "to_timestamp",
]
