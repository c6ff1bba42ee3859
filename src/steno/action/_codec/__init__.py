"""
The codec: users' types as JSON text and back, strictly.

* `_codec`: `Codec`, and how exceptions are stored.
* `_plain`: writing. `_strict`, `_container`, `_union`: reading. `_text`: types spelled as strings.
* `_budget`, `_sharing`: what is too large to be written, and is refused before it is.
* `_annotation`, `_refusal`: what annotations mean; why a value was refused, and where in it.
"""

from steno.action._codec._codec import Codec, default_codec
from steno.action._codec._refusal import has_endless_traceback, message_of
from steno.action._codec._sharing import shown

__all__ = ["Codec", "default_codec", "has_endless_traceback", "message_of", "shown"]
