"""
No import circle, between files as between layers.

The contracts of import-linter, in pyproject.toml, hold the layers. This looks at every import that
is written anywhere in the package, so also at those under `TYPE_CHECKING`: two files that import
each other know each other, whenever the import is carried out.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"


def modules(source: Path) -> Mapping[str, Path]:
    """Return the files below a folder by the names under which they are imported."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(text: str, known: Collection[str]) -> Iterator[str]:
    """Yield the known modules that a file imports; of a name in a package, the package."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if (found := name if name in known else node.module) in known:
                    yield found


def imports(source: Path) -> Mapping[str, set[str]]:
    """Return for each module which modules of the same folder it imports."""
    known = modules(source)
    return {
        name: set(imported(path.read_text(encoding="utf-8"), known)) for name, path in known.items()
    }


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return modules each of which is imported by the next, the first by the last; or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_file_imports_one_that_imports_it():
    """However long the way, and under `TYPE_CHECKING` neither."""
    graph = imports(SOURCE)
    assert len(graph) > 100
    if found := circle(graph):
        pytest.fail("imported by: " + " <- ".join(found), pytrace=False)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a.py": "import p.b", "b.py": "import trio"}, set()),
        ({"a.py": "import p.b", "b.py": "from p.a import x"}, {"p.a", "p.b"}),
        (
            {"a.py": "from p import b", "b.py": "from p.c import x", "c.py": "import p.a"},
            {"p.a", "p.b", "p.c"},
        ),
        (
            {"a.py": "if TYPE_CHECKING:\n    from p.b import x", "b.py": "from p.a import y"},
            {"p.a", "p.b"},
        ),
        ({"__init__.py": "from p.a import x", "a.py": "import p"}, {"p", "p.a"}),
        ({"__init__.py": "from p.a import x", "a.py": "from p import b", "b.py": ""}, set()),
    ],
)
def test_a_circle_is_found(files: dict[str, str], found: set[str], tmp_path: Path):
    """A rule that finds nothing where there is something would hold nothing."""
    package = tmp_path / "p"
    package.mkdir()
    for name, text in files.items():
        (package / name).write_text(text, encoding="utf-8")
    assert set(circle(imports(tmp_path))) == found
