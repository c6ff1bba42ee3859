"""
What pytest loads at its start: options and fixtures, and nothing else of this library.

Tests that use no sagas do not wait for it: what the fixtures need, `steno` and its dependencies, is
imported when a test requests one. That is why this package stands beside `steno`, whose facade is
loaded with anything that is imported from it.

An async test that uses the fixtures is run by Trio, whatever is configured: by pytest-trio where
that is installed, with its modes, marks, fixtures and clocks, and by this plugin where it is not.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.fixtures import FuncFixtureInfo

    from steno.testing.pytest_plugin import MemorySec, SagaExplorer

_IMPLEMENTATION = "steno.testing.pytest_plugin"
_ELSEWHERE = ("asyncio", "anyio", "twisted")
"""Marks of tests that others run."""

_HINTS = pytest.StashKey[dict[str, None]]()
"""The hints of explorations, in the order in which they came."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `saga_explorer`; they go before what a test says."""
    group = parser.getgroup("steno", "sagas")
    group.addoption(
        "--steno-seed", type=int, metavar="N", help="what saga_explorer draws its samples with"
    )
    group.addoption(
        "--steno-budget", metavar="RUNS", help="how many runs a saga_explorer may make, or: all"
    )
    group.addoption(
        "--steno-only", metavar="CASE", help="the only case to be run, as a failure has shown it"
    )


@pytest.fixture
def saga_explorer(request: pytest.FixtureRequest) -> SagaExplorer:
    """`steno.testing.explore`, with the options of the command line."""
    hints = request.config.stash.setdefault(_HINTS, {})

    def note(hint: str) -> None:
        hints[hint] = None

    plugin = importlib.import_module(_IMPLEMENTATION)
    made: SagaExplorer = plugin.make_explorer(request.config, note)
    return made


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the hints of all explorations, each once."""
    if hints := config.stash.get(_HINTS, None):
        terminalreporter.section("hints of saga_explorer")
        for hint in hints:
            terminalreporter.write_line(hint)


@pytest.fixture
def sec() -> MemorySec:
    """Return what opens SECs in memory, and runs the test in virtual time; see `MemorySec`."""
    made: MemorySec = importlib.import_module(_IMPLEMENTATION).MemorySec()
    return made


# Async tests


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have pytest-trio run the async tests that use the fixtures."""
    manager = config.pluginmanager
    if not (manager.hasplugin("trio") or manager.hasplugin("pytest_trio.plugin")):
        return
    for item in items:
        if not isinstance(item, pytest.Function) or not _is_ours(item):
            continue
        if not _uses(item, "sec"):
            item.add_marker("trio")
        elif not any("run" in mark.kwargs for mark in item.iter_markers("trio")):
            # The first mark that says how to run is the one that counts.
            item.add_marker(pytest.mark.trio(run=_run), append=False)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object:
    """Run an async test that uses the fixtures, where nobody else does."""
    if not _is_ours(pyfuncitem) or pyfuncitem.get_closest_marker("trio") is not None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in _info(pyfuncitem).argnames}
    virtual = _uses(pyfuncitem, "sec")
    importlib.import_module(_IMPLEMENTATION).run_test(pyfuncitem.obj, arguments, virtual=virtual)
    return True


def _run(function: object, **options: object) -> object:
    """Call `trio.run` for pytest-trio, in virtual time if no clock is given."""
    return importlib.import_module(_IMPLEMENTATION).run_in_virtual_time(function, **options)


def _is_ours(item: pytest.Function) -> bool:
    """Say whether a test is an async one that uses a fixture of this plugin, and nobody else's."""
    if not inspect.iscoroutinefunction(item.obj):
        return False
    if any(item.get_closest_marker(name) is not None for name in _ELSEWHERE):
        return False
    return _uses(item, "saga_explorer") or _uses(item, "sec")


def _uses(item: pytest.Function, name: str) -> bool:
    """Say whether a test uses a fixture of this plugin, and not another of the same name."""
    info = _info(item)
    found = info.name2fixturedefs.get(name, ())
    return bool(found) and getattr(found[-1].func, "__module__", None) == __name__


def _info(item: pytest.Function) -> FuncFixtureInfo:
    """Return what pytest knows of a test's fixtures; its own hook finds it there, too."""
    info: FuncFixtureInfo = getattr(item, "_fixtureinfo")  # noqa: B009 - it is not public
    return info
