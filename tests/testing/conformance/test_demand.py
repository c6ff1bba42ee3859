"""The kit itself: how it is used, what it says, and what it does without."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from unittest import SkipTest

import pytest

from steno import InMemorySecStore, SagaCachedState
from steno.testing import conformance
from support.broken import BROKEN
from support.hooked import HookedStore

DOCSTRING = conformance.__doc__
BY_NAME = {str(demand): demand for demand in conformance.DEMANDS}


def test_a_case_is_named_after_its_topic_and_its_demand():
    """In words, and no two are the same."""
    assert "record: a batch that was written can be sent again" in BY_NAME
    assert len(BY_NAME) == len(conformance.DEMANDS)
    topics = list(Counter(demand.topic for demand in conformance.DEMANDS))
    assert topics == [
        *("create", "record", "times", "load", "rules", "list", "filters", "tags"),
        *("attention", "fencing", "crashes", "prune", "bulk", "bulk report", "fleet"),
        *("migration", "session", "cancel", "faults", "read"),
    ]


def shown_use() -> str:
    """Return the program of the kit's docstring."""
    (program,) = re.findall(r"::\n\n(.*?)\n\n\S", DOCSTRING, re.DOTALL)
    return "".join(f"{line.removeprefix('    ')}\n" for line in program.splitlines())


def test_it_is_used_as_its_docstring_shows(tmp_path: Path):
    """Each demand is a test of its own; those whose hook is missing are skipped."""
    program = tmp_path / "test_my_store.py"
    text = shown_use().replace('MyStore(tmp_path / "sagas")', "MyStore()")
    text = f"from steno import InMemorySecStore as MyStore\n{text}"
    program.write_text(text, encoding="utf-8")
    options = ["-q", "-o", "trio_mode=true", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed, skipped = re.search(r"(\d+) passed, (\d+) skipped", ran.stdout).groups()
    assert int(passed) + int(skipped) == len(conformance.DEMANDS)
    assert int(passed) > 5 * int(skipped)


def test_it_needs_no_test_framework():
    """Where neither pytest nor hypothesis can be imported, the kit can, and says its demands."""
    program = """
import sys
for name in ("pytest", "_pytest", "hypothesis"):
    sys.modules[name] = None
from steno.testing import conformance
print(len(conformance.DEMANDS))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) == len(conformance.DEMANDS)


async def test_a_case_whose_hook_is_missing_says_which(monkeypatch: pytest.MonkeyPatch):
    """To whatever runs it: as unittest's own exception, and where pytest is, as pytest's too."""
    demand = BY_NAME["migration: what a newer release has written is refused"]
    subject = conformance.Subject(InMemorySecStore())
    with pytest.raises(SkipTest, match="the subject has no `make_newer`") as caught:
        await demand.run(subject)
    assert isinstance(caught.value, pytest.skip.Exception)
    monkeypatch.delitem(sys.modules, "pytest")
    with pytest.raises(SkipTest, match="the subject has no `make_newer`") as caught:
        await demand.run(subject)
    assert not isinstance(caught.value, pytest.skip.Exception)


class BeginsAsStuck(HookedStore):
    def _create(self, saga, row):
        outcome = super()._create(saga, row)
        self._rows[saga.saga_id].state = SagaCachedState.STUCK
        return outcome


async def test_what_is_wrong_is_said_in_words():
    """The demand, what was found, and what is wanted."""
    demand = BY_NAME["create: a saga that was created is there"]
    with pytest.raises(AssertionError) as caught:
        await demand.run(BeginsAsStuck().subject())
    assert str(caught.value) == (
        "a saga that was created is ready\n"
        "found:  <SagaCachedState.STUCK: 'stuck'>\n"
        "wanted: <SagaCachedState.READY: 'ready'>"
    )
    assert caught.value.__notes__ == [f'demanded of every store, as "{demand}"']


async def test_what_is_said_is_never_longer_than_a_page():
    """Not even of values that take a megabyte."""
    (broken,) = (each for each in BROKEN if str(each) == "CutsLongTexts")
    with pytest.raises(AssertionError) as caught:
        await BY_NAME["create: large texts are kept"].run(broken.store().subject())
    assert len(str(caught.value)) < 2_000
    assert "(65535 characters)" in str(caught.value)
