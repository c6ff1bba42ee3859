"""Fixtures of the tests of the explorer."""

import pytest

from steno.testing.explorer import _exploration


@pytest.fixture
def cases(monkeypatch):
    """Return the lines of all cases that are run."""
    lines, run_case = [], _exploration.run_case

    def noting(subject, case, pace, *, counting=False):
        lines.append(str(case))
        return run_case(subject, case, pace, counting=counting)

    monkeypatch.setattr(_exploration, "run_case", noting)
    return lines
