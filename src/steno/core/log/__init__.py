"""
A saga's log: what is written down, and in which order that is legal.

In reading order: `_action_error`, `_order`, `_event`, `_events`, `_status`, `_log`,
`_cached_state`, `_attention`; then `_dump`, a saga as one document. `_log_rule`, `_verify`,
`_attempts` and `_steered` have the same rules again, decided in another way.
"""
