"""
What users test with: their stores against the port, with `steno.testing.conformance`.

Nothing here imports a test framework; pytest with pytest-trio is what the examples use.
"""
