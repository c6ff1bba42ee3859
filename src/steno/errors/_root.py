"""The root of the tree."""

from __future__ import annotations


class StenoError(Exception):
    """The root of every exception that this library raises on purpose."""
