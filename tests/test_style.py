"""
The budgets and manners of the project, checked on the sources themselves.

A rule takes the text of a file and gives a line for each place that breaks it. The tests put the
file's name before that, so that a failure is a list of places to go to.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "steno").rglob("*.py"))
CORE = sorted((ROOT / "src" / "steno" / "core").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))
SCRIPTS = sorted([*(ROOT / "examples").rglob("*.py"), *BENCHMARKS])

# Whose texts are written in plain English.
PLAIN_FOLDERS = ("src", "examples", "benchmarks", "tests", "docs")
PLAIN = sorted(
    path
    for folder in PLAIN_FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".sql"} or (folder == "docs" and path.suffix == ".md")
)
PLAIN += [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "conftest.py"]
PLAIN.remove(Path(__file__))  # it has the words that it refuses

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 45

# Spelled so that this file does not break its own rule.
LEFTOVER = re.compile(r"\b(?:TO[D]O|FIX[M]E|X{3}|NotImplemented[E]rror)\b")

SILENCER = re.compile(r"#\s*(?:type:\s*ignore|(?:based)?pyright:|mypy:|(?:\w+:)?\s*noqa\b)")
SILENCER_WITH_CODE_AND_REASON = re.compile(
    r"""
    (?: \#\ type:\ ignore\[ [\w, -]+ \] \ \ \#\ \w.*
      | \#\ pyright:\ ignore\[ [\w, ]+ \] (?: \ \ \# | \ - ) \ \w.*
      | \#\ (?:ruff:\ )? noqa:\ [A-Z]+[0-9]+ (?: ,\ [A-Z]+[0-9]+ )* (?: \ \ \# | \ - ) \ \w.*
    )
    """,
    re.VERBOSE,
)

# "There is no such saga", "is no longer" and math.floor are English; "is no saga" is not.
UNPLAIN = re.compile(
    r"""
    \b(?: can[ _]not | who(?:so)?ever | whosever | as\ one\ does | that\ is\ (?-i:none)
      | growing\ pauses
      | its\ like | does\ not\ but | behind\ (?: your\ back | the\ block )
      | house | wings? | doors? | laws?
      | (?<! there\  ) is\ no\ (?! longer\b )
    )\b
    """,
    re.VERBOSE | re.IGNORECASE,
)

Rule = Callable[[str], Iterable[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(text: str) -> Iterator[Function]:
    """Give every function and method, those inside others too."""
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, Function))


def docstring_lines(function: Function) -> int:
    """Count the lines of a function's docstring; 0 without one."""
    if ast.get_docstring(function) is None:
        return 0
    first = function.body[0]
    return first.end_lineno - first.lineno + 1


def long_file(text: str) -> Iterator[str]:
    """Every line counts: code, comments, docstrings, empty ones."""
    if (lines := len(text.splitlines())) > MAX_FILE_LINES:
        yield f"1: {lines} lines, at most {MAX_FILE_LINES}"


def long_functions(text: str) -> Iterator[str]:
    """From the `def` line to the end, comments too; decorators and the docstring do not count."""
    for function in functions(text):
        lines = function.end_lineno - function.lineno + 1 - docstring_lines(function)
        if lines > MAX_FUNCTION_LINES:
            yield f"{function.lineno}: {function.name}: {lines} lines, at most {MAX_FUNCTION_LINES}"


def imports_in_functions(text: str) -> Iterator[str]:
    """An import inside a function hides a dependency, or dodges a cycle."""
    for function in functions(text):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{node.lineno}: {function.name}: {ast.unparse(node)}"


def async_code(text: str) -> Iterator[str]:
    """Whatever waits: the core only ever computes."""
    waiting = ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, waiting) or (isinstance(node, ast.comprehension) and node.is_async):
            # A comprehension knows no line of its own; what it iterates over does.
            place = node.iter if isinstance(node, ast.comprehension) else node
            yield f"{place.lineno}: {type(node).__name__} {getattr(node, 'name', '')}".rstrip()


def leftovers(text: str) -> Iterator[str]:
    """What is not done is not in the sources, neither as a comment nor as a stub."""
    for number, line in enumerate(text.splitlines(), start=1):
        if LEFTOVER.search(line):
            yield f"{number}: {line.strip()}"


def unplain(text: str) -> Iterator[str]:
    """Words and phrases that a native speaker would not write, or that only we understand."""
    for number, line in enumerate(text.splitlines(), start=1):
        if UNPLAIN.search(line):
            yield f"{number}: {line.strip()}"


def unexplained_silencers(text: str) -> Iterator[str]:
    """
    A checker is told to be silent about one thing, and for a reason.

    The reason comes after `  # `, or after ` - `, which mypy does not understand.
    """
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT or not SILENCER.search(token.string):
            continue
        if not SILENCER_WITH_CODE_AND_REASON.fullmatch(token.string):
            yield f"{token.start[0]}: {token.string}"


def undocumented(text: str) -> Iterator[str]:
    """A public name without its docstring, in a private file too, where ruff does not look."""
    tree = ast.parse(text)
    if ast.get_docstring(tree) is None:
        yield "1: the file itself"
    yield from undocumented_members(tree, "")


def undocumented_members(parent: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
    """Look into classes, not into functions; an overload is documented by what it overloads."""
    for node in parent.body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        overload = any(ast.unparse(each).endswith("overload") for each in node.decorator_list)
        if ast.get_docstring(node) is None and not overload:
            yield f"{node.lineno}: {prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented_members(node, f"{prefix}{node.name}.")


def silent_tests(text: str) -> Iterator[str]:
    """A test without a docstring does not say which behaviour it holds."""
    for function in functions(text):
        if function.name.startswith("test_") and ast.get_docstring(function) is None:
            yield f"{function.lineno}: {function.name}"


def check(rule: Rule, files: Iterable[Path]) -> None:
    """Fail with the name of every place of the files that breaks the rule."""
    places = [
        f"{path.relative_to(ROOT)}:{place}"
        for path in files
        for place in rule(path.read_text(encoding="utf-8"))
    ]
    if places:
        pytest.fail("\n".join(places), pytrace=False)


SAMPLES: list[tuple[Rule, str, str]] = [
    (long_file, "x = 1\n" * 400, "x = 1\n" * 401),
    (
        long_functions,
        'def f():\n    """One.\n\n    Two.\n    """\n' + "    x = 1\n" * 44,
        "def f():\n" + "    x = 1\n" * 45,
    ),
    (
        imports_in_functions,
        "if TYPE_CHECKING:\n    import os\n",
        "class A:\n    async def f(self):\n        from os import path\n",
    ),
    (async_code, "def f():\n    pass\n", "async def f():\n    pass\n"),
    (async_code, "[x for x in y]\n", "[x async for x in y]\n"),
    (leftovers, "return NotImplemented\n", "raise NotImplemented" + "Error\n"),
    (leftovers, "# A mastodon.\n", "# TO" + "DO: the rest\n"),
    (
        unexplained_silencers,
        "x = f()  # type: ignore[no-any-return]  # json gives Any\n",
        "x = f()  # type: ignore[no-any-return]\n",
    ),
    (
        unexplained_silencers,
        "x = f()  # noqa: BLE001, S110 - an action may raise anything\n",
        "x = f()  # noqa: BLE001\n",
    ),
    (
        unexplained_silencers,
        "x = f()  # pyright: ignore[reportAny]  # json gives Any\n",
        "x = f()  # pyright: ignore  # json gives Any\n",
    ),
    (unexplained_silencers, 's = "# noqa"\n', "# ruff: noqa\n"),
    (
        undocumented,
        '"""A."""\n\n\nclass A:\n    """A."""\n\n    def _f(self):\n        pass\n',
        '"""A."""\n\n\nclass A:\n    """A."""\n\n    def f(self):\n        pass\n',
    ),
    (unplain, "# There is no such saga; it cannot be read.\n", "# It can not be read.\n"),
    (unplain, "# It is no longer there.\n", "# It is no saga.\n"),
    (silent_tests, 'def test_a():\n    """A."""\n', "def test_a():\n    pass\n"),
]


@pytest.mark.parametrize(("rule", "good", "bad"), SAMPLES)
def test_each_rule_tells_good_from_bad(rule: Rule, good: str, bad: str):
    """A rule that finds nothing where there is something would hold nothing."""
    assert list(rule(good)) == []
    assert len(list(rule(bad))) == 1


def test_there_is_something_to_check():
    """A rule that is shown no files would hold nothing."""
    assert SOURCES
    assert CORE
    assert TESTS
    assert PLAIN


def test_a_file_has_at_most_400_lines():
    """What needs more is two things."""
    check(long_file, [*SOURCES, *BENCHMARKS])


def test_a_function_has_at_most_45_lines():
    """What needs more is several steps, and they have names."""
    check(long_functions, [*SOURCES, *BENCHMARKS])


def test_no_function_imports():
    """What a file needs is said at its top, where the layer contracts look too."""
    check(imports_in_functions, [*SOURCES, *BENCHMARKS])


def test_core_does_not_wait():
    """The core is made of plain functions: it can be run and tested without an event loop."""
    check(async_code, CORE)


def test_nothing_is_left_for_later():
    """There is no note of work undone, and no function that is only a promise."""
    check(leftovers, [*SOURCES, *TESTS, *SCRIPTS])


def test_texts_are_plain_english():
    """Docstrings, comments and messages avoid phrases that have to be read twice."""
    check(unplain, PLAIN)


def test_a_silenced_checker_is_told_what_and_why():
    """Every `type: ignore`, `pyright: ignore` and `noqa` has a code, and then its reason."""
    check(unexplained_silencers, [*SOURCES, *TESTS, *SCRIPTS])


def test_every_public_name_is_documented():
    """Files, classes, functions and methods have docstrings, also those in private files."""
    check(undocumented, [*SOURCES, *BENCHMARKS])


def test_every_test_says_what_it_shows():
    """The docstring of a test states the behaviour that it holds."""
    check(silent_tests, TESTS)
