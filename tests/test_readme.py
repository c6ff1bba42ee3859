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


def guide():
    """Return the blocks of the section on `saga_explorer`, in their order."""
    (section,) = re.findall(r"^## Proving a saga right$(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


@pytest.fixture
def explored(tmp_path):
    """Return what pytest says of a test of the guide, over the example with a line changed."""
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


def test_the_guide_to_the_explorer_shows_what_is_so(explored):
    """The saga passes as it stands; each mistake is found, with the very words of the guide."""
    shown = [text for language, text in guide() if language == "text"]
    changes = [text for language, text in guide() if language == "diff"]
    assert without_numbers(shown[0]) in without_numbers(explored("test_trip"))
    assert shown[1] in explored("test_trip", changes[0])
    assert shown[2] in explored("test_trip", changes[1])
    assert shown[3] in explored("test_process")


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
