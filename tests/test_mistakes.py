"""docs/guides/mistakes.md: each mistake is made in a copy of the example, and found as shown."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "guides" / "mistakes.md").read_text(encoding="utf-8")


def guide():
    """Return the blocks of the page, in their order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def explored(tmp_path):
    """Return what pytest prints for a test of the page, with one line of the example changed."""
    python = [text for language, text in guide() if language == "python"]
    (tmp_path / "test_trip.py").write_text("".join(python), encoding="utf-8")

    def run(test, change=""):
        text = (ROOT / "examples" / "trip.py").read_text(encoding="utf-8")
        for line in change.splitlines():
            if line.startswith("-"):
                assert text.count(f"{line[1:]}\n") == 1
                text = text.replace(line[1:], change.split("\n+")[1].rstrip())
        (tmp_path / "trip.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-v", "-p", "no:trio", "-p", "no:cacheprovider"]
        command += ["-W", "error", f"test_trip.py::{test}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        return re.sub(r"^E {3}( {4})?", "", done.stdout, flags=re.MULTILINE)

    return run


def without_numbers(text):
    """How many moments there are to crash at is a matter of how the engine batches its writes."""
    return re.sub(r" *\d[\d.]*", " N", text)


def test_the_page_shows_what_pytest_prints(explored):
    """The saga passes as it is; each mistake is found, with the text that the page shows."""
    shown = [text for language, text in guide() if language == "text"]
    changes = [text for language, text in guide() if language == "diff"]
    assert without_numbers(shown[0]) in without_numbers(explored("test_trip"))
    assert shown[1] in explored("test_trip", changes[0])
    assert shown[2] in explored("test_trip", changes[1])
    assert shown[3] in explored("test_process")
    assert shown[4] in explored("test_trip", changes[2])
    assert shown[5] in explored("test_trip", changes[3])
