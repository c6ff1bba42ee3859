"""
The codec: users' types as JSON text and back, strictly.

* `_codec`: `Codec`. `_engine`: what writes and reads for it. `_error`: how exceptions are stored.
* `_plain`: writing. `_strict`, `_record`, `_container`, `_union`: reading. `_text`: types spelled
  as strings.
* `_tag`: what tells values apart whose JSON does not. `_announced`, `_member`, `_fitting`: where
  that is needed.
* `_budget`, `_sharing`: what is too large to be written, and is refused before it is.
* `_relation`: whether a value of one type can be read as another.
* `_annotation`, `_refusal`: what annotations mean; why a value was refused, and where in it.
"""

from steno.action._codec._codec import Codec
from steno.action._codec._refusal import UNREADABLE, has_endless_traceback, message_of
from steno.action._codec._relation import may_be, type_text
from steno.action._codec._sharing import shown

__all__ = [
    "UNREADABLE",
    "Codec",
    "has_endless_traceback",
    "may_be",
    "message_of",
    "shown",
    "type_text",
]
