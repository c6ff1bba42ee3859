"""
The fold of a log into a state, and every decision drawn from it.

In reading order: `_state` and `_lifecycle`, the fold and what a list says of it; `_input`,
`_command` and `_machine`, what is decided; `_lookup`, what a node sees; `_recording`, what of it is
being written, and what is durable; `_result` and `_view`, what people see; `_rearrange`, the order
of a dump's events.
"""
