"""`steno check`: would every unfinished saga go on under this code?"""

import sqlite3

import pytest

from support.editable import make_editable
from support.shell import PROBLEM, READY, RUNNING, UNWINDING, process, refused

APP = """
from steno import NOOP, ActionRegistry, new_action_noop_undo

async def act(ctx): ...

def registry_of(*names):
    registry = ActionRegistry()
    for name in names:
        registry.register(new_action_noop_undo(name, act))
    return registry

class settings:
    actions = registry_of("step", "broken")

registry = settings.actions
"""


@pytest.fixture
def app(tmp_path, monkeypatch):
    """Return a function that makes a module of a text, in the current folder."""
    monkeypatch.chdir(tmp_path)
    made = []

    def make(text, name="app"):
        unique = f"{name}_{tmp_path.name}_{len(made)}"
        made.append(tmp_path / f"{unique}.py")
        made[-1].write_text(APP + text)
        return unique

    return make


@pytest.mark.parametrize("path", [":registry", ":settings.actions", ""])
def test_a_build_that_knows_every_action_is_fine(shell, app, path):
    """The registry is named, or is the only one of its module."""
    result = shell("check", app("") + path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "4 of 4 unfinished sagas would continue\n"


def test_an_action_that_is_gone_is_a_line_for_each_saga_that_needs_it(shell, app):
    """Finished sagas do not matter, nor do those that need other actions."""
    result = shell("check", app("registry = registry_of('step')"))
    assert result.exit_code == 1
    why = 'validating saga "bad": action for node "second" not registered: "broken"'
    assert result.stdout.splitlines() == [
        f"{UNWINDING} bad (unwinding): {why}",
        f"{PROBLEM} bad (running): {why}",
        "2 of 4 unfinished sagas would continue",
    ]


def test_an_action_without_its_undo_is_refused_as_by_recovery(shell, app):
    """It is not only the names that count."""
    text = "registry = registry_of('broken')\n@registry.action\nasync def step(ctx): ..."
    result = shell("check", app(text) + ":registry")
    assert result.exit_code == 1
    assert result.stdout.count('action "step" of node') == 4


def test_the_shape_of_the_answer(shell, app):
    """How many were checked, and those that would not go on, as in a list, each with its reason."""
    module = app("registry = registry_of('step')")
    document = shell.json("check", module)
    assert document["checked"] == 4
    assert [saga["id"] for saga in document["refused"]] == [str(UNWINDING), str(PROBLEM)]
    assert document["refused"][0]["state"] == "unwinding"
    assert "not registered" in document["refused"][0]["why"]
    assert shell.json("check", module + ":settings.actions") == {"checked": 4, "refused": []}


HOLDING = """
registry = registry_of('broken')

@registry.action
async def step(ctx, params: {params}): raise AssertionError

@step.undo
async def unstep(ctx, output{output}): raise AssertionError
"""


def held(problem):
    return f"it would be held: {problem}"


def test_a_saga_that_would_be_held_is_a_line_with_its_reason(shell, app):
    """Its params, inputs or outputs cannot be read by this build; no action was called."""
    module = app(HOLDING.format(params="dict | None", output=": int"))
    result = shell("check", module)
    assert (result.exit_code, result.stderr) == (1, "")
    (line,) = [
        f"{UNWINDING} bad (unwinding): "
        + held(
            'node "/first": parameter "output" of the undo action of "step" '
            f'({module}.py, line 22) asks for int, but action "step" does not fit: '
            "$: null is not of type int"
        )
    ]
    assert result.stdout.splitlines() == [line, "3 of 4 unfinished sagas would continue"]


def test_a_saga_that_would_be_held_for_several_reasons(shell, app):
    """The line has the first, and how many more there are; JSON has all of them."""
    module = app(HOLDING.format(params="int", output=""))
    where = f'parameter "params" of the action "step" ({module}.py, line 19) asks for int, but '
    of_good = [
        held(
            f'node "/{node}": {where}the value of its params does not fit: '
            '$: {"who": "Ada"} is not of type int'
        )
        for node in ("left", "right")
    ]
    of_good.append(
        held(
            f'node "/inner/left": {where}the value of its params does not fit: '
            '$: {"rooms": 2} is not of type int'
        )
    )
    of_bad = [
        held(
            f'node "/first": {where}the value of its params does not fit: '
            "$: null is not of type int"
        )
    ]
    result = shell("check", module)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{READY} good (ready): {of_good[0]} (and 2 more reasons)",
        f"{RUNNING} good (running): {of_good[0]} (and 2 more reasons)",
        f"{PROBLEM} bad (running): {of_bad[0]}",
        "1 of 4 unfinished sagas would continue",
    ]
    document = shell.json("check", module)
    assert document["checked"] == 4
    assert {saga["id"]: (saga["why"], saga["reasons"]) for saga in document["refused"]} == {
        str(READY): (of_good[0], of_good),
        str(RUNNING): (of_good[0], of_good),
        str(PROBLEM): (of_bad[0], of_bad),
    }


def test_reasons_are_counted(shell, app):
    """One more, or several more."""
    text = "registry = registry_of('broken')\n@registry.action(undo=NOOP)\n"
    lines = shell(
        "check", app(text + "async def step(ctx, params: int, x): ...")
    ).stdout.splitlines()
    assert [line.rpartition(" (and ")[2] for line in lines] == [
        *["5 more reasons)"] * 2,
        "1 more reason)",
        "1 of 4 unfinished sagas would continue",
    ]


def test_a_saga_that_would_be_held_and_whose_log_breaks_a_rule(own, app):
    """Both are told; what recovery itself refuses comes alone."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute("UPDATE node_event SET event_type = 'undo_started', data = NULL WHERE seq = 1")
    db.close()
    refusals = own.json("check", app(HOLDING.format(params="int", output="")))["refused"]
    reasons = {saga["id"]: saga["reasons"] for saga in refusals}
    assert [len(each) for each in reasons.values()] == [3, 1, 1, 1]
    assert all("breaks a rule" in reasons[str(saga)][0] for saga in (RUNNING, UNWINDING, PROBLEM))
    assert all(saga["why"] == saga["reasons"][0] for saga in refusals)


def test_an_alias_is_enough(shell, app):
    """An action that was renamed still goes on with the sagas of its old name."""
    text = (
        "registry = ActionRegistry()\nfor name in ('step', 'broken'):\n"
        "    registry.register(new_action_noop_undo('new_' + name, act, aliases=[name]))"
    )
    result = shell("check", app(text) + ":registry")
    assert (result.exit_code, result.stdout) == (0, "4 of 4 unfinished sagas would continue\n")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("UPDATE dag SET text = '[]'", [READY, RUNNING, UNWINDING, PROBLEM]),
        (
            "UPDATE node_event SET event_type = 'undo_started' WHERE seq = 0",
            [RUNNING, UNWINDING, PROBLEM],
        ),
        ("DELETE FROM node_event WHERE seq = 0", [RUNNING, UNWINDING, PROBLEM]),
        ("UPDATE node_event SET data = '1' WHERE seq = 1", [RUNNING, UNWINDING, PROBLEM]),
    ],
)
def test_a_saga_that_would_not_load_is_refused(own, app, damage, expected):
    """A text that is not a graph; an event that is illegal, missing, or has a wrong output."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute(damage)
    db.close()
    refusals = own.json("check", app(""))["refused"]
    assert [saga["id"] for saga in refusals] == list(map(str, expected))


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ("", ":nothing", "is not an ActionRegistry, but None"),
        ("", ":settings", "is not an ActionRegistry, but <class"),
        ("del registry\ndel settings", "", "has no ActionRegistry; say which"),
        ("other = registry_of()", "", "has several registries; say which: "),
        ("raise ValueError('a\\nb')", "", "cannot be imported: ValueError: a b"),
        ("import no_such_module_at_all", "", "ModuleNotFoundError: No module named"),
        ("raise SystemExit(0)", "", "cannot be imported: SystemExit: 0"),
        ("x = (", "", "cannot be imported: SyntaxError"),
    ],
)
def test_an_app_that_is_none_is_a_matter_of_usage(shell, app, text, path, why):
    """The error says what is wrong with it, in a line."""
    assert why in refused(shell("check", app(text) + path), 2)


def test_a_module_that_is_not_there_is_a_matter_of_usage(shell, tmp_path, monkeypatch):
    """So is an invalid name."""
    monkeypatch.chdir(tmp_path)
    assert "No module named 'not_there'" in refused(shell("check", "not_there:registry"), 2)
    assert "cannot be imported" in refused(shell("check", ":registry"), 2)


def test_the_current_folder_counts_for_the_command_too(stored, tmp_path):
    """A process of its own finds the module without PYTHONPATH."""
    (tmp_path / "here.py").write_text(APP)
    run = process("check", "here", "--store", stored, cwd=tmp_path)
    assert run.communicate(timeout=60) == ("4 of 4 unfinished sagas would continue\n", "")
    assert run.returncode == 0


def test_a_log_that_breaks_a_rule_is_refused_by_place_node_and_rule(own, app):
    """What an operator reads says which event it is, and what had to be there."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute("UPDATE node_event SET event_type = 'undo_started', data = NULL WHERE seq = 1")
    db.close()
    refusals = own.json("check", app(""))["refused"]
    assert len(refusals) == 3
    for saga in refusals:
        assert saga["why"] == (
            "its log breaks a rule at event 1: undo_started of (start node): there is no succeeded "
            "of it before it (the rule: only what has succeeded, or failed in doubt, is undone)"
        )
