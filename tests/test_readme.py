"""README.md: what it shows is run, and does what it says."""

import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def tour(tmp_path):
    """Return how to start the program of the tour, in a folder of its own."""
    program = tmp_path / "tour.py"
    program.write_text(blocks("python")[0], encoding="utf-8")
    command = [sys.executable, "-u", "-W", "error", program]
    return functools.partial(
        subprocess.Popen, command, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )


def test_the_first_ten_minutes_run_as_they_stand(tour):
    """The program is killed where README says so; then it goes on, and is not run a third time."""
    killed, recovered = blocks("text")[:2]
    expected = killed.splitlines()[:-1]  # the last one is the shell's
    with tour() as first:
        assert [first.stdout.readline().rstrip() for _ in expected] == expected
        first.kill()
    for output in (recovered, recovered.removeprefix("booking the hotel\n")):
        with tour() as again:
            assert again.stdout.read() == output
        assert again.returncode == 0


def test_every_snippet_compiles():
    """Each Python snippet is one."""
    for number, snippet in enumerate(blocks("python")):
        compile(snippet, f"README.md, snippet {number}", "exec")


def test_what_is_guaranteed_is_tested():
    """Each test that README names is there."""
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", README)
    assert len(named) > 15
    for file, function in named:
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {function}\(", text, re.MULTILINE), function
