"""The pytest plugin, in runs of pytest as users have them."""

import subprocess
import sys
from datetime import datetime

import pytest
import trio

from steno import ActionRegistry, DagBuilder, Node, SagaDag
from steno.store import from_timestamp
from steno.testing import pytest_plugin
from steno.testing.pytest_plugin import run_in_virtual_time

pytest_plugins = ["pytester"]

SAGA = """
import pytest
import steno
import trio

registry = steno.ActionRegistry()

@registry.action
async def book(ctx):
    await trio.sleep(100)
    ctx.user_data.append(ctx.action_key)
    return 1

@book.undo(in_doubt=True)
async def cancel(ctx):
    ctx.user_data[:] = [key for key in ctx.user_data if key != ctx.action_key]

@registry.action(undo=steno.NOOP)
async def tell(ctx):
    pass

builder = steno.DagBuilder("trip")
builder.append(steno.Node.action("hotel", book, label="Book"))
builder.append(steno.Node.action("summary", tell, label="Tell"))
dag = steno.SagaDag(builder.build())

def clean(world, outcome):
    assert outcome.stuck or bool(world) == outcome.succeeded

def leaks_at_a_crash(world, outcome):
    assert outcome.stuck or len(world) == outcome.succeeded

SAGA = (lambda: dag, registry, list)
"""

EXPLORES = """
async def test_async(saga_explorer):
    report = await saga_explorer(*SAGA, check=clean)
    assert report.is_complete and report.runs > 100

def test_sync(saga_explorer):
    assert saga_explorer(*SAGA, check=clean).runs > 100
"""

LIVES = """
async def test_sec(sec):
    world = []
    with trio.CancelScope() as scope:
        async with sec(registry, context=world) as client:
            await client.saga_create(dag, start=True)
            scope.cancel()
    async with sec(registry, context=world) as client:
        (saga,) = await client.saga_list()
        assert (await client.saga_wait(saga.saga_id)).unwrap().saga_output() is None
    assert world
    assert trio.current_time() >= 100
"""


@pytest.fixture
def run(pytester):
    """Run pytest over a file that begins with a saga; warnings are errors."""

    def run(tests: str, *options: str, ini: str = "", **outcomes: int):
        pytester.makeini("[pytest]\nfilterwarnings = error\n" + ini)
        pytester.makepyfile(test_it=SAGA + tests)
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
        result.assert_outcomes(**outcomes)
        return result

    return run


MODES = {
    "pytest-trio is there": ((), ""),
    "pytest-trio is not there": (("-p", "no:trio"), ""),
    "pytest-trio runs all": ((), "trio_mode = true\n"),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_fixtures_work_however_pytest_is_configured(run, mode: str):
    """A test may be async or not; where it is, it runs in Trio; with `sec`, in virtual time."""
    options, ini = MODES[mode]
    run(EXPLORES + LIVES, *options, ini=ini, passed=3)


def test_it_plays_along_with_marks_fixtures_and_clocks_of_pytest_trio(run):
    """A mark changes nothing, other fixtures work, and a clock that is asked for is the one."""
    tests = """
@pytest.mark.trio
async def test_marked(saga_explorer, sec, autojump_clock):
    await trio.sleep(1000)
    assert trio.current_time() == autojump_clock.current_time()
    assert (await saga_explorer(*SAGA, check=clean)).runs
    assert trio.current_time() == 1000

@pytest.mark.trio
async def test_mock_clock(sec, mock_clock):
    async with sec(registry, context=[]) as client:
        saga = await client.saga_create(dag)
        await saga.start()
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(100)
        await saga.wait()
    assert trio.current_time() == 100

async def test_nursery(sec, nursery):
    nursery.start_soon(trio.sleep, 1000)

async def test_of_others():
    assert False, "nobody runs this"
"""
    result = run("import trio.testing\n" + tests, passed=3, failed=1)
    result.stdout.fnmatch_lines(["*async def functions are not natively supported*"])


def test_a_clock_of_ones_own_without_pytest_trio(run):
    """Any fixture that is a clock is used."""
    tests = """
import trio.testing

@pytest.fixture
def my_clock():
    return trio.testing.MockClock(rate=0, autojump_threshold=0)

async def test_sec(sec, my_clock):
    await trio.sleep(7)
    assert my_clock.current_time() == trio.current_time() == 7
"""
    run(tests, "-p", "no:trio", passed=1)


def test_a_fixture_of_the_same_name_is_the_users(run):
    """Its tests are not touched: they have no virtual time, and are run as before."""
    tests = """
@pytest.fixture
def sec():
    return "Securities and Exchange Commission"

@pytest.mark.trio
async def test_sec(sec):
    assert sec.startswith("Securities")
    assert not isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)

def test_sync(sec):
    assert sec.startswith("Securities")
"""
    run("import trio.testing\n" + tests, passed=2)


def test_a_test_of_another_loop_is_left_to_it(run):
    """What is marked for asyncio is not run by Trio."""
    tests = """
@pytest.mark.asyncio
async def test_other(saga_explorer):
    pass
"""
    result = run(tests, ini="markers = asyncio\n", failed=1)
    result.stdout.fnmatch_lines(["*async def functions are not natively supported*"])


FAILS = """
async def test_it(saga_explorer):
    await saga_explorer(*SAGA, check=leaks_at_a_crash)
"""


@pytest.mark.parametrize("mode", MODES)
def test_a_counterexample_is_shown(run, mode: str):
    """With its line, which is then all that is run."""
    options, ini = MODES[mode]
    result = run(FAILS, *options, ini=ini, failed=1)
    result.stdout.fnmatch_lines(
        [
            '*CounterExample: saga "trip": the check failed: AssertionError: assert*',
            "*the case: * repeat hotel",
            "*--steno-only='repeat hotel'*",
            "*    hotel    returned 1",
            "*SAGA LOG:*",
            "*test_it.py*in leaks_at_a_crash*",
        ]
    )
    assert "_exploration.py" not in str(result.stdout).replace("._exploration.", "")


def test_only_one_case_is_run(run):
    """The one of the command line, or the one of the test."""
    tests = """
async def test_it(saga_explorer):
    assert (await saga_explorer(*SAGA, check=leaks_at_a_crash)).runs == 1
"""
    run(tests, "--steno-only=fail hotel; crash after commit 2; seed 1", passed=1)
    run(tests, "--steno-only=crash before commit 3", failed=1)
    run(tests.replace("explorer(*", "explorer.only('fail hotel')(*"), passed=1)


def test_the_command_line_goes_before_what_a_test_says(run):
    """A night's run may be deeper than a test is by day."""
    tests = """
async def test_it(saga_explorer):
    print(await saga_explorer(*SAGA, check=clean, budget=70, seed=1))
"""
    shown = run(tests, "-s", passed=1).stdout
    shown.fnmatch_lines(['*saga "trip": 70 runs*', "*drawn with seed 1*"])
    shown = run(tests, "-s", "--steno-budget=80", "--steno-seed=2", passed=1).stdout
    shown.fnmatch_lines(['*saga "trip": 80 runs*', "*drawn with seed 2*"])
    shown = run(tests, "-s", "--steno-budget=all", passed=1).stdout
    assert "drawn with" not in str(shown)
    shown = run(tests, "--steno-budget=many", errors=1).stdout
    shown.fnmatch_lines(["*--steno-budget must be a number of runs, or 'all', not 'many'*"])


def test_progress_is_shown_to_those_who_ask(run):
    """With `-v` and only then."""
    tests = EXPLORES.split("def test_sync", maxsplit=1)[0]
    shown = run(tests, "-v", passed=1).stdout
    shown.fnmatch_lines(["saga_explorer: * of * runs", 'saga "trip": * runs in *', "*PASSED*"])
    assert "saga_explorer" not in str(run(tests, passed=1).stdout)


def test_who_does_not_use_it_does_not_wait_for_it():
    """What pytest loads at its start imports nothing of the library, nor of what that needs."""
    program = (
        "import sys, pytest; before = set(sys.modules); import pytest_steno; "
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "['pytest_steno']"


def test_a_sec_and_its_store_tell_the_same_time():
    """In virtual time, what is logged and what a row says go by one clock."""
    opened = pytest_plugin.MemorySec()

    async def main() -> tuple[datetime, int]:
        async with opened(ActionRegistry()) as sec:
            await trio.sleep(5)
            builder = DagBuilder("dated")
            builder.append(Node.constant("n", 1))
            saga = await sec.saga_create(SagaDag(builder.build()), start=True)
            await saga.wait()
            (summary,) = await sec.saga_list()
            return summary.times.ended, (await saga.view()).serialized().events[-1].time

    ended, time = run_in_virtual_time(main)
    assert ended == from_timestamp(time) == opened.clock.date


def test_hints_are_shown_at_the_end(run):
    """Each hint is shown once, without an option; there is no section if there is none."""
    tests = """
@registry.action
async def pay(ctx):
    pass

@pay.undo
async def refund(ctx):
    pass

def make_dag():
    builder = steno.DagBuilder("shopping")
    builder.append(steno.Node.action("payment", pay))
    return steno.SagaDag(builder.build())

def test_one(saga_explorer):
    saga_explorer(make_dag, registry, list)

def test_again(saga_explorer):
    saga_explorer(make_dag, registry, list, only="fail payment")
"""
    lines = run(tests, "-q", passed=2).outlines
    (hint,) = [line for line in lines if "does not say what holds" in line]
    assert hint.startswith('saga "shopping": action "pay" ("payment") does not say what holds if ')
    assert any("hints of saga_explorer" in line for line in lines)
    assert "hints of" not in "".join(run(EXPLORES, passed=2).outlines)
