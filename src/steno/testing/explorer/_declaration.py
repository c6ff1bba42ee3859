"""
What an action says of its calls, which decides the faults that they can have.

A planned failure is to be treated like a real one: an action that retries only some errors has to
be given one of these, and an action that counts some errors as *not done* must not be given one of
those after its effect. So a declaration also chooses the exceptions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property

import attrs

from steno.action import Action, ActionFunc, ActionRegistry, Policy, Retry
from steno.errors import ActionTimeout, NotDone

MOST_ATTEMPTS = 1_000
"""More attempts than this are as good as unlimited: a run would take too long."""


class PlannedFailure(Exception):
    """A call failed because the explorer planned it."""


class PlannedNotDone(PlannedFailure, NotDone):
    """The same, for good and without any effect, as an injected error."""


class PlannedTimeout(PlannedFailure, ActionTimeout):
    """The same; retried by any `Retry` that names types."""


_KINDS = (PlannedFailure, PlannedTimeout)


@attrs.frozen(eq=False)
class Declaration:
    """
    What an action says of its calls.

    Attributes:
        policy: What the registry makes of it.
        has_undo: Whether it has an undo action, and not `NOOP` instead.
    """

    policy: Policy
    has_undo: bool

    @classmethod
    def of(cls, registry: ActionRegistry, action: Action) -> Declaration:
        """Return what an action of a registry says."""
        policy = registry.policy(action)
        has_undo = not (isinstance(action, ActionFunc) and action.needs_no_undo)
        return cls(policy, has_undo)

    # Exceptions

    def error(self, text: str, *, undoing: bool = False) -> PlannedFailure:
        """Return the exception of an attempt that is followed by another, if any is."""
        return self._kinds[undoing](text)

    def last_undo_error(self, text: str) -> PlannedFailure:
        """Return the exception of an undo that is not tried again, if there is such an error."""
        kind = self._final_undo_kind or PlannedFailure
        return kind(text)

    @cached_property
    def _kinds(self) -> Mapping[bool, type[PlannedFailure]]:
        """The type of `error`, for actions and for undo actions."""
        policy = self.policy
        # Rather one that is retried, and rather one that says nothing of what was done.
        acting = sorted(
            _KINDS, key=lambda k: (not _is_retried(policy.retry, k), self._is_not_done(k))
        )
        undoing = sorted(_KINDS, key=lambda k: not _is_retried(policy.undo_retry, k))
        return {False: acting[0], True: undoing[0]}

    @cached_property
    def _final_undo_kind(self) -> type[PlannedFailure] | None:
        """The type of an error after which an undo is not tried again; None if there is none."""
        kinds = (kind for kind in _KINDS if not _is_retried(self.policy.undo_retry, kind))
        return next(kinds, None)

    def _is_not_done(self, kind: type[PlannedFailure]) -> bool:
        try:
            return self.policy.is_not_done(kind("planned"))
        except Exception:  # noqa: BLE001 - a function of the user's
            return False

    # Which faults there can be

    @property
    def says_nothing_of_doubt(self) -> bool:
        """Whether it has something to undo, and does not say what holds in doubt."""
        policy = self.policy
        return self.has_undo and not (policy.provides_for_doubt or policy.atomic)

    @property
    def can_fail_after(self) -> bool:
        """Whether it can fail after its effect, and says what holds then."""
        return self._may_be_late and self.policy.provides_for_doubt

    @property
    def can_be_late_once(self) -> bool:
        """Whether its first attempt can fail after its effect, without the node failing."""
        return self._may_be_late and self.retries()

    @property
    def _may_be_late(self) -> bool:
        """Whether a call that has failed may have had an effect."""
        return not (self.policy.atomic or self._is_not_done(self._kinds[False]))

    @property
    def can_be_repeated_and_fail(self) -> bool:
        """
        Whether a call that a crash cut off at its end may be repeated, and then fail.

        Not of an atomic action: it is taken at its word that a call that fails leaves nothing, and
        so is a call that repeats one that was cut off. Nor of one with nothing to undo. If that has
        a probe, the probe is asked instead.
        """
        return self.has_undo and not self.policy.atomic

    @property
    def has_timeout(self) -> bool:
        """Whether its calls have a timeout."""
        return self.policy.timeout is not None

    @property
    def is_timed(self) -> bool:
        """Whether its calls, or those of its undo action, have a timeout."""
        return self.has_timeout or self.policy.undo_timeout is not None

    @property
    def can_be_late(self) -> bool:
        """Whether it can time out after its effect."""
        return self.has_timeout and not (self.policy.atomic or self._is_not_done(PlannedTimeout))

    @property
    def can_time_out_after(self) -> bool:
        """Whether it can time out after its effect, and says what holds then."""
        return self.can_be_late and self.policy.provides_for_doubt

    @property
    def has_probe(self) -> bool:
        """Whether it has a probe."""
        return self.policy.probe is not None

    @property
    def can_be_exhausted(self) -> bool:
        """Whether attempts that fail, each without being called, are anything else than `FAIL`."""
        policy = self.policy
        matters = policy.retry is not None or policy.provides_for_doubt
        return matters and self.runs_out()

    @property
    def undo_can_fail(self) -> bool:
        """Whether its undo action can fail for good."""
        return self._final_undo_kind is not None or self.runs_out(undoing=True)

    def retries(self, *, undoing: bool = False, timeout: bool = False) -> bool:
        """Return True if a first attempt that fails is followed by another."""
        return next(self._waits(undoing=undoing, timeout=timeout), None) is not None

    def runs_out(self, *, undoing: bool = False, timeout: bool = False) -> bool:
        """Return True if attempts that fail come to an end."""
        waits = self._waits(undoing=undoing, timeout=timeout)
        return sum(1 for _ in waits) < MOST_ATTEMPTS

    def longest(self) -> float:
        """Return the seconds that all attempts may take that do not return by themselves."""
        total = 0.0
        for undoing in (False, True):
            limit = (self.policy.undo_timeout if undoing else self.policy.timeout) or 0.0
            total += limit + sum(limit + w for w in self._waits(undoing=undoing, timeout=True))
        return total

    def _waits(self, *, undoing: bool, timeout: bool) -> Iterator[float]:
        """Yield the wait after each attempt, up to many, if each fails or takes its timeout."""
        retry = self.policy.undo_retry if undoing else self.policy.retry
        kind = PlannedTimeout if timeout else self._kinds[undoing]
        if retry is None:
            return
        limit = self.policy.undo_timeout if undoing else self.policy.timeout
        took = (limit or 0.0) if timeout else 0.0
        elapsed = took
        for attempt in range(1, MOST_ATTEMPTS + 1):
            wanted = _wants(retry, kind)
            if wanted is False or retry.is_used_up(attempt, elapsed):
                return
            wait = retry.wait_for(attempt, 0.0) if wanted is True else wanted
            if math.isinf(wait):
                return
            yield wait
            elapsed += wait + took

    def holds(self, *, timeout: bool = False) -> bool:
        """Return True if the node is held when its attempts have run out."""
        retry = self.policy.retry
        if retry is None or retry.then == "fail":
            return False
        kind = PlannedTimeout if timeout else self._kinds[False]
        return _is_retried(retry, kind)


def _is_retried(retry: Retry | None, kind: type[PlannedFailure]) -> bool:
    return retry is not None and _wants(retry, kind) is not False


def _wants(retry: Retry, kind: type[PlannedFailure]) -> bool | float:
    try:
        return retry.wants(kind("planned"))
    except Exception:  # noqa: BLE001 - a function of the user's
        return False
