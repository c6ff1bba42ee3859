"""
What tests of the engine share, and users have no use for; what they could use is `steno.testing`.

Each file says what it is for: sagas, worlds, a driver without a SEC, an oracle that knows the rules
anew.
"""
