"""Findings: the results of examining a store of any kind."""

from __future__ import annotations

import enum

import attrs


class Verdict(enum.Enum):
    """How grave a finding is."""

    OK = "ok"
    """As it should be, or just a fact."""
    WARNING = "warning"
    """The store works; something about it, or under it, is not as good as it could be."""
    FAULT = "fault"
    """The store cannot be relied on."""


@attrs.frozen
class Finding:
    """
    One thing that was looked at.

    Attributes:
        topic: What it was.
        value: What was found.
        verdict: How grave that is.
        advice: What it means, and what to do; empty if that is nothing.
    """

    topic: str
    value: str
    verdict: Verdict = Verdict.OK
    advice: str = ""
