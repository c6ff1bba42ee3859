"""
Faults that are put into a copy of the engine, one at a time, to see that its tests find each.

`fold.py`, `core.py`, `runtime.py` and `stores.py` are the faults, as data; `python -m mutants` runs
them.
"""
