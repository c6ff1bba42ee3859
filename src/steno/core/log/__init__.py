"""
A saga's log: what is written down, and in which order that is legal.

In reading order: `_action_error`, `_event`, `_status`, `_log`, `_cached_state`; then `_dump`, a
saga as one document. `_log_rule` and `_verify` have the same rules again, decided in another way.
"""
