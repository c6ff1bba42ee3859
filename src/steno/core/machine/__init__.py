"""
The fold of a log into a state, and every decision drawn from it.

In reading order: `_frontier`, `_setback`, `_steering` and `_state`, the fold and its parts, with
`_order_rules` for when an order applies; `_lifecycle` and `_concern`, what a list says of it;
`_input`, `_command`, `_injection`, `_ordering` and `_machine`, what is decided; `_lookup`, what a
node sees; `_recording`, what of it is being written, and what is durable; `_result`, `_verdict` and
`_view`, what people see; `_rearrange`, the order of a dump's events.
"""
