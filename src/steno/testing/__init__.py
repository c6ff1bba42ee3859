"""
What users test with: their stores against the port, with `steno.testing.conformance`.

Nothing here imports a test framework; pytest with pytest-trio is what the examples use.

* `verify_log`: whether a log, of any origin, keeps the rules; the first `Breach` of a `LogRule`.
"""

from steno.core import Breach, LogRule, verify_log

__all__ = [
    "Breach",
    "LogRule",
    "verify_log",
]
