"""
Sagas with children, explored: every failure of theirs, and a crash at every moment.

STENO_CHILD_RUNS is how many runs each has.
"""

import os

import pytest

from steno.testing import Outcome, explore
from support.families import Family, Spec, count, family, registry

RUNS = int(os.environ.get("STENO_CHILD_RUNS", "120"))

FAMILIES: dict[str, Spec] = {
    "one": ["ok", ["one", ["ok", "ok"]], "ok"],
    "many": ["ok", ["many", [["ok"], ["ok", "ok"], ["ok"]]], "ok"],
    "three-levels": [["one", ["ok", ["many", [["ok"], ["ok"]]]]], "ok"],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_done_or_undone(name: str):
    """Nothing is left over unless an undo was made to fail, and nothing is done twice."""
    spec = FAMILIES[name]

    def check(world: Family, outcome: Outcome) -> None:
        if outcome.succeeded:
            assert len(world.rooms) == count(spec, "ok")
        if outcome.failed:
            assert not world.rooms

    report = explore(lambda: family(spec), registry, Family, check=check, seeds=1, budget=RUNS)
    assert report.runs == RUNS
    assert "something fails in a child saga" in str(report)
