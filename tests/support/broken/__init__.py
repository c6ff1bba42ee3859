"""Stores with one fault each: what the conformance kit is held against."""

from support.broken import (
    _bulk,
    _crashing,
    _creating,
    _fencing,
    _finding,
    _fleeting,
    _inattentive,
    _opening,
    _reading,
    _recording,
    _retaining,
)
from support.broken._attentive import AttentiveStore
from support.broken._registry import BROKEN, Broken

__all__ = ["BROKEN", "AttentiveStore", "Broken"]

FILES = (
    *(_creating, _recording, _reading, _finding, _fencing),
    *(_crashing, _retaining, _opening, _bulk, _fleeting, _inattentive),
)
