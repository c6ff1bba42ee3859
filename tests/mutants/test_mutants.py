"""
The tests of the engine find faults of the engine: a sample of them here, and all of them on demand.

STENO_MUTANTS is how many are run, spread over the table, or `all`; without it they are three that
are found soon. `python -m mutants` prints the whole table.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mutants import __main__ as command
from mutants import runner
from mutants.mutant import Mutant, Outdated, fault
from mutants.runner import ROOT, SUITE, NoVerdict, copy, judge, run
from mutants.table import FOUND_SOON, MUTANTS, some

# The table


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_source(mutant: Mutant):
    """What it replaces is there, once; what comes of it is another program, and one of Python."""
    source = (ROOT / mutant.path).read_text(encoding="utf-8")
    mutated = mutant.mutated(source)
    assert mutated != source
    compile(mutated, mutant.path, "exec")


def test_there_is_a_mutant_for_each_rule():
    """Each line of the specification's list is broken, and Steno has had each of its faults."""
    assert len(MUTANTS) >= 35
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    told = "\n".join(mutant.breaks for mutant in MUTANTS)
    assert set(map(int, re.findall(r"\bline (\d+)", told))) == set(range(1, 14))
    assert set(map(int, re.findall(r"Steno's row (\d+)", told))) == set(range(1, 13))


@pytest.mark.parametrize("source", ["x = 2\n", "x = 1\nx = 1\n"])
def test_a_table_that_is_behind_the_source_says_so(source: str):
    """The text is no longer there, or there twice; the mutant, the file and the text are named."""
    mutant = fault("too much", TEST, "a rule", "core/_x.py", ("x = 1", "x = 2"))
    with pytest.raises(Outdated, match=r'(?s)"too much".*core/_x\.py.*x = 1'):
        mutant.mutated(source)


# The engine


def chosen() -> Sequence[Mutant]:
    """Return the mutants that are run."""
    match os.environ.get("STENO_MUTANTS"):
        case None:
            return [mutant for mutant in MUTANTS if mutant.name in FOUND_SOON]
        case "all":
            return MUTANTS
        case count:
            return some(int(count))


def test_a_copy_without_a_fault_passes(tmp_path: Path):
    """What finds the sample finds nothing where there is nothing."""
    copy(None, tmp_path)
    assert run(tmp_path, [SUITE[0][:1]]) == (None, "")


@pytest.mark.parametrize("mutant", chosen(), ids=lambda mutant: mutant.name)
def test_a_mutant_is_found(mutant: Mutant, tmp_path: Path):
    """The test that the table names fails."""
    verdict = judge(mutant, tmp_path / "mutant")
    print(verdict)  # noqa: T201 - so that a run of all of them shows how each was caught
    assert verdict.is_expected


def test_a_sample_is_spread_over_the_table():
    """It has something of the beginning, of the middle and of the end."""
    sample = [MUTANTS.index(mutant) for mutant in some(3)]
    third = len(MUTANTS) / 3
    assert [int(place // third) for place in sample] == [0, 1, 2]
    assert list(some(len(MUTANTS))) == list(MUTANTS)


# The runner, on a project so small that it has but one test


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose engine is one number, which its test wants to be 1."""
    files = {
        "src/steno/__init__.py": "",
        "src/steno/core.py": "NUMBER = 1\n",
        "src/pytest_steno.py": "",
        "tests/test_core.py": "from steno.core import NUMBER\n\n"
        "def test_number():\n    assert NUMBER == 1\n\n"
        "def test_type():\n    assert isinstance(NUMBER, int)\n",
        "examples/nothing.py": "",
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        "README.md": "",
    }
    for name, text in files.items():
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text(text, encoding="utf-8")
    return tmp_path / "project"


TEST = "tests/test_core.py::test_number"
WRONG = fault("two", TEST, "one", "core.py", ("NUMBER = 1", "NUMBER = 2"))
MISSED = fault(
    "missed", "tests/test_core.py::test_type", "one", "core.py", ("NUMBER = 1", "NUMBER = 2")
)
HARMLESS = fault("the same", TEST, "nothing", "core.py", ("NUMBER = 1", "NUMBER = 0 + 1"))
NO_PYTHON = fault("unread", TEST, "all", "core.py", ("NUMBER = 1", "NUMBER = this_is_unknown"))
KILLED = fault(
    "killed",
    TEST,
    "all",
    "core.py",
    (
        "NUMBER = 1\n",
        "import os\n\n\nclass N:\n    def __eq__(self, _):\n        os.abort()\n\n\nNUMBER = N()\n",
    ),
)
HANGS = fault(
    "hangs",
    TEST,
    "all",
    "core.py",
    (
        "NUMBER = 1\n",
        "class N:\n    def __eq__(self, _):\n        while True:\n            pass\n\n\n"
        "NUMBER = N()\n",
    ),
)


@pytest.mark.parametrize(
    ("mutant", "test", "why"),
    [
        (HARMLESS, None, ""),
        (WRONG, TEST, "assert 2 == 1"),
        (NO_PYTHON, "tests/test_core.py", "NameError"),
        (MISSED, TEST, "assert 2 == 1"),
        (KILLED, TEST, "ended by signal 6"),
        (HANGS, TEST, "it hangs"),
    ],
    ids=lambda each: each.name if isinstance(each, Mutant) else "",
)
def test_the_test_that_finds_a_mutant_is_named(
    project: Path, monkeypatch, mutant: Mutant, test: str | None, why: str
):
    """It fails, it cannot be read, it ends the process, or it goes on for ever."""
    monkeypatch.setattr(runner, "PATIENCE", 8)  # seconds
    verdict = judge(mutant, project.parent / "mutant", [["tests"]], project)
    assert verdict.test == test
    assert why in verdict.why
    assert ("SURVIVED" in str(verdict)) == (test is None)
    assert verdict.is_expected == (test == mutant.killed_by)
    assert (f"not by {mutant.killed_by}" in str(verdict)) == (not verdict.is_expected)


def test_what_is_mutated_is_a_copy(project: Path):
    """The project is as it was, and of the copy nothing is left."""
    before = (project / "src/steno/core.py").read_bytes()
    assert judge(WRONG, project.parent / "mutant", [["tests"]], project).test == TEST
    assert (project / "src/steno/core.py").read_bytes() == before
    assert not (project.parent / "mutant").exists()


def test_where_no_test_runs_there_is_no_verdict(project: Path):
    """A suite that is not there must not pass for one that finds something, or nothing."""
    with pytest.raises(NoVerdict, match="no_such_file"):
        run(project, [["no_such_file.py"]])


def test_every_killer_is_there():
    """A test that was renamed or removed has to be replaced in the table."""
    for mutant in MUTANTS:
        file, _, name = mutant.killed_by.partition("::")
        function = name.partition("[")[0].rpartition("::")[2]
        assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), mutant.name


@pytest.mark.parametrize(
    ("mutants", "status", "last"),
    [
        ([WRONG, KILLED], 0, "2 mutants, 2 caught"),
        ([WRONG, HARMLESS], 1, "survived: the same"),
        ([WRONG, MISSED], 1, "caught by another test than the table says: missed"),
    ],
    ids=["all are caught", "one survives", "one is missed by its killer"],
)
def test_a_table_that_is_wrong_makes_the_command_fail(
    project: Path, monkeypatch, capsys, mutants: list[Mutant], status: int, last: str
):
    """The others are run all the same, and each is printed with who has caught it."""
    monkeypatch.setattr(command, "MUTANTS", mutants)
    assert command.main(["--suite", "tests", "--jobs", "2"], project) == status
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == last
    assert f"caught by {TEST}" in printed[1]


def test_a_killer_that_fails_anyway_is_refused(project: Path, monkeypatch, capsys):
    """It would kill whatever it is given."""
    monkeypatch.setattr(command, "MUTANTS", [WRONG])
    (project / "src/steno/core.py").write_text("NUMBER = 3\n", encoding="utf-8")
    assert command.main(["--suite", "tests"], project) == 2
    assert f"without a fault, {TEST} fails" in capsys.readouterr().out


def test_mutants_are_chosen_by_words_of_their_names(monkeypatch):
    """Without a word it is all of them; a word that is in no name is a mistake."""
    monkeypatch.setattr(command, "MUTANTS", [WRONG, HARMLESS])
    assert command.chosen([]) == [WRONG, HARMLESS]
    assert command.chosen(["same"]) == [HARMLESS]
    with pytest.raises(SystemExit, match="no mutant"):
        command.chosen(["nothing like it"])
