"""docs/: every public name has an entry there, and every name that stands there exists."""

import ast
import importlib
import operator
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
TESTING = ["conformance", "explorer", "fakes", "faults", "playbook", "schedule", "strategies"]

ENTRY = re.compile(r"^\s*\.\. (?:auto|py:)(?!module)\w+:: ([\w.]+)", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
CODE = re.compile(r"`([^`]+)`")

PAGES_WITH_TESTS = sorted(
    path.relative_to(DOCS).as_posix()
    for path in DOCS.rglob("*.md")
    if TEST.search(path.read_text(encoding="utf-8"))
)


def entries(*pages: str) -> set[str]:
    """Return the full names that pages of the reference have an entry for."""
    return {name for page in pages for name in ENTRY.findall((REFERENCE / page).read_text("utf-8"))}


def public(module: str) -> set[str]:
    """Return the full names that a module exports."""
    return {f"{module}.{name}" for name in importlib.import_module(module).__all__}


@pytest.mark.parametrize(
    ("module", "pages"),
    [
        ("steno", ("api.md", "errors.md")),
        ("steno.abc", ("api.md",)),
        ("steno.testing", ("testing.md",)),
        ("steno.store", ("stores.md",)),
    ],
)
def test_every_public_name_has_an_entry(module: str, pages: tuple[str, ...]):
    """Each name in `__all__` is in the API reference."""
    assert public(module) - entries(*pages) == set()


@pytest.mark.parametrize("name", TESTING)
def test_every_name_for_testing_has_an_entry(name: str):
    """Each name in a subpackage is there as well, unless `steno.testing` itself exports it."""
    exported = {full.rpartition(".")[2] for full in public("steno.testing")}
    module = f"steno.testing.{name}"
    missing = public(module) - entries("testing.md")
    assert {full for full in missing if full.rpartition(".")[2] not in exported} == set()


@pytest.mark.parametrize("page", ["api.md", "errors.md", "testing.md", "stores.md"])
def test_every_entry_is_of_a_public_name(page: str):
    """The reference has no entry for a name that is not there."""
    for name in sorted(entries(page)):
        module = name.rpartition(".")[0]
        if module:  # fixtures have no module
            assert hasattr(importlib.import_module(module), name.rpartition(".")[2]), name


def right_column(page: str) -> Iterator[str]:
    """Give the second cell of each row of the tables of a page, without their heads."""
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 2 and cells[1] != "here":
            yield cells[1].rstrip("|").strip()


def test_names_for_those_who_know_steno_exist():
    """In the table of Steno's names, the code in the right column names attributes of `steno`."""
    names = [name for cell in right_column("coming-from/steno.md") for name in CODE.findall(cell)]
    assert len(names) > 70
    package = importlib.import_module("steno")
    for name in names:
        head, _, rest = name.partition(".")
        assert head == "steno", name
        assert operator.attrgetter(rest)(package) is not None, name


@pytest.mark.parametrize("page", PAGES_WITH_TESTS)
def test_the_tests_that_a_page_names_exist(page: str):
    """Where a page names a test as evidence, there is a test of that name in that file."""
    missing: list[str] = []
    for file, name in TEST.findall((DOCS / page).read_text(encoding="utf-8")):
        path = ROOT / "tests" / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.parse("")
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        if name not in {node.name for node in tree.body if isinstance(node, functions)}:
            missing.append(f"{file}::{name}")
    assert missing == []


def test_each_fault_of_steno_has_a_test():
    """The page of Steno's faults has 14 sections, and each names at least one test."""
    text = (DOCS / "explanation" / "stenos-faults.md").read_text(encoding="utf-8")
    sections = re.split(r"^### (\d+)\. .*$", text, flags=re.MULTILINE)[1:]
    numbers, bodies = sections[::2], sections[1::2]
    assert sorted(map(int, numbers)) == list(range(1, 15))
    for number, body in zip(numbers, bodies, strict=True):
        assert TEST.search(body), number
