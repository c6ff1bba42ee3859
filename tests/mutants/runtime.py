"""Faults of the runtime: of the order of writing and doing, of user code, of the SEC."""

from mutants.mutant import fault

MUTANTS = (
    # The executor: first durable, then done
    fault(
        "an action is called before its `started` is durable",
        "tests/runtime/test_crash.py::test_what_the_body_raised_comes_out_as_it_is",
        "line 6: an action is called only after its `started` is durable",
        "runtime/_executor.py",
        (
            "        return Write(record, self._written)\n",
            "        for command in step.then:\n"
            "            if isinstance(command, RunAction):\n"
            "                self._nursery.start_soon(self._run_node, command)\n"
            "        rest = tuple(c for c in step.then if not isinstance(c, RunAction))\n"
            "        recording.step = Step(step.record, rest)\n"
            "        return Write(record, self._written)\n",
        ),
    ),
    fault(
        "an undo action is called before its `undo_started` is durable",
        "tests/runtime/test_drain.py::test_an_undo_under_way_ends",
        "line 6: an undo action is called only after its `undo_started` is durable",
        "runtime/_executor.py",
        (
            "        return Write(record, self._written)\n",
            "        for command in step.then:\n"
            "            if isinstance(command, RunUndo):\n"
            "                self._nursery.start_soon(self._run_node, command)\n"
            "        rest = tuple(c for c in step.then if not isinstance(c, RunUndo))\n"
            "        recording.step = Step(step.record, rest)\n"
            "        return Write(record, self._written)\n",
        ),
    ),
    fault(
        "`started` is logged together with the result",
        "tests/runtime/test_crash.py::test_what_the_body_raised_comes_out_as_it_is",
        "line 6: an action is called only after its `started` is durable",
        "runtime/_executor.py",
        (
            "        durable = recording.durable_events\n",
            "        durable = recording.durable_events\n"
            "        events = (*self._late, *step.record)\n"
            "        self._late = ()\n"
            "        if row is SagaCachedState.RUNNING and events and any(\n"
            "            isinstance(command, RunAction) for command in step.then\n"
            "        ):\n"
            "            events, self._late = events[:-1], events[-1:]\n"
            "        recording.step = Step(events, step.then)\n",
        ),
        (
            "    _under_way: int = attrs.field(init=False, default=0)  # calls\n",
            "    _under_way: int = attrs.field(init=False, default=0)  # calls\n"
            "    _late: tuple = attrs.field(init=False, default=())\n",
        ),
    ),
    fault(
        "a success is seen before it is durable",
        "tests/runtime/test_executor.py::test_a_success_is_seen_by_nobody_before_the_store_has_answered",
        "line 6: a result is visible only once it is durable",
        "runtime/_executor.py",
        (
            "return Snapshot(self.saga_id, dag, events, durable, self.phase, ended=ended)",
            "return Snapshot(self.saga_id, dag, events, len(events), self.phase, ended=ended)",
        ),
    ),
    fault(
        "a waiter is answered early",
        "tests/runtime/test_executor.py::test_a_saga_is_not_finished_before_the_store_has_answered",
        "line 6: a result is visible only once it is durable",
        "runtime/_executor.py",
        (
            "        nothing_new = recording.adds_nothing(step, row)\n",
            "        nothing_new = recording.adds_nothing(step, row)\n"
            "        if self.machine.state.outcome is not None:\n"
            "            self._over.set()\n",
        ),
    ),
    fault(
        "what a store refuses is carried out",
        "tests/runtime/test_report.py::test_a_problem_is_stored_where_the_store_can_be_reached",
        "a saga whose step can not be recorded halts",
        "runtime/_executor.py",
        ("            case Durable():\n", "            case Durable() | Rejected():\n"),
    ),
    fault(
        "a saga that was taken over runs on",
        "tests/runtime/test_steno_faults.py::test_row_12_a_sec_that_was_taken_over_can_not_write",
        "Steno's row 12: a SEC that was taken over",
        "runtime/_executor.py",
        ("            case Durable():\n", "            case Durable() | Lost():\n"),
    ),
    fault(
        "a failure cancels the siblings that run",
        "tests/runtime/test_drain.py::test_an_undo_is_not_begun_either",
        "running actions are never cancelled",
        "runtime/_executor.py",
        (
            "        if self._recording.told(outcome):\n",
            '        if type(outcome).__name__ == "ActionRaised" and self._nursery:\n'
            "            self._nursery.cancel_scope.cancel()\n"
            "        if self._recording.told(outcome):\n",
        ),
    ),
    fault(
        "a step is written that the store has already",
        "tests/runtime/test_drain.py::test_a_child_that_stays_stored_takes_its_parent_along",
        "a step with nothing to record commits nothing",
        "core/machine/_recording.py",
        ("        return not step.record and row is self.row\n", "        return False\n"),
    ),
    # User code
    fault(
        "an action that raises brings the SEC down",
        "tests/runtime/test_drain.py::test_an_action_cannot_drain_its_sec",
        "Steno's row 8: an action that panics hangs its saga",
        "runtime/_runner.py",
        (
            "        except Exception as error:\n"
            "            if is_closing(error) or is_cancelled():\n"
            "                raise\n"
            "            failed =",
            "        except ValueError as error:\n"
            "            if is_closing(error) or is_cancelled():\n"
            "                raise\n"
            "            failed =",
        ),
    ),
    fault(
        "a failure is logged though its saga was cancelled",
        "tests/runtime/test_crash.py::test_an_error_of_the_body_unwinds_nobody_at_whatever_moment_it_comes",
        "what a cancelled task raises is no failure",
        "runtime/_runner.py",
        (
            "            if is_closing(error) or is_cancelled():\n"
            "                raise\n"
            "            failed =",
            "            if is_closing(error):\n                raise\n            failed =",
        ),
        (
            "        await trio.lowlevel.checkpoint_if_cancelled()\n        return outcome",
            "        return outcome",
        ),
    ),
    fault(
        "a `Cancelled` is logged as a failure",
        "tests/runtime/test_crash.py::test_an_interrupt_comes_before_a_crash",
        "`Cancelled` is no failure",
        "runtime/_runner.py",
        (
            "        except Exception as error:\n"
            "            if is_closing(error) or is_cancelled():\n"
            "                raise\n"
            "            failed =",
            "        except BaseException as error:\n"
            "            if is_closing(error):\n"
            "                raise\n"
            "            failed =",
        ),
    ),
    fault(
        "what a cancelled task returns is kept",
        "tests/runtime/test_crash.py::test_a_success_of_what_was_cancelled_is_not_kept",
        "what a cancelled task returns is dropped",
        "runtime/_runner.py",
        (
            "        await trio.lowlevel.checkpoint_if_cancelled()\n        return outcome",
            "        return outcome",
        ),
    ),
    fault(
        "an action is begun though its saga was cancelled",
        "tests/runtime/test_crash.py::test_what_was_cancelled_before_it_began_is_not_called",
        "nothing is begun that would only be dropped",
        "runtime/_runner.py",
        (
            "        await trio.lowlevel.checkpoint_if_cancelled()  # nothing is begun",
            "        # nothing is begun",
        ),
    ),
    fault(
        "of a repeated action the first result counts",
        "tests/runtime/test_injection.py::test_only_the_last_result_of_a_repeated_action_counts",
        "of a repeated action only the last result counts",
        "runtime/_runner.py",
        (
            "        for _ in range(times - 1):\n"
            "            await self._attempt(action, ctx)\n"
            "            await trio.lowlevel.checkpoint_if_cancelled()\n"
            "        return await self._attempt(action, ctx)\n",
            "        first = await self._attempt(action, ctx)\n"
            "        for _ in range(times - 1):\n"
            "            await trio.lowlevel.checkpoint_if_cancelled()\n"
            "            await self._attempt(action, ctx)\n"
            "        return first\n",
        ),
    ),
    fault(
        "an undo action sees what its action sees, no more",
        "tests/runtime/test_inside.py::test_an_undo_action_may_run_a_saga_too",
        "an undo action also sees its own node's output",
        "runtime/_runner.py",
        (
            "action, ctx = self._action(node), self._context(node, undoing=True)",
            "action, ctx = self._action(node), self._context(node, undoing=False)",
        ),
    ),
    # The writer
    fault(
        "a batch is torn when the SEC is cancelled",
        "tests/runtime/test_inside.py::test_after_a_crash_before_the_child_was_durable_it_is_created_anew",
        "a batch is written whole, or not at all",
        "runtime/_writer.py",
        ("trio.CancelScope(shield=True, deadline", "trio.CancelScope(shield=False, deadline"),
    ),
    fault(
        "one bad write spoils its batch",
        "tests/runtime/test_writer.py::test_one_saga_that_can_not_be_written_hurts_nobody_else",
        "a batch that is refused as a whole is tried again write by write",
        "runtime/_writer.py",
        (
            "                    await self._commit_each(batch)\n",
            "                    for write in batch:\n"
            "                        write.then(Rejected(error))\n",
        ),
    ),
    fault(
        "writes are lost while the store is unavailable",
        "tests/runtime/test_writer.py::test_all_sagas_wait_while_the_store_is_away_and_then_go_on",
        "a store that is unavailable loses nothing",
        "runtime/_writer.py",
        ("batch += _taken(self.mailbox.drain())", "_taken(self.mailbox.drain())"),
    ),
    fault(
        "there is no patience with a store",
        "tests/runtime/test_open.py::test_a_sec_whose_store_fails_can_be_left",
        "an unavailable store is tried again",
        "runtime/_writer.py",
        ("if self._given_up_at(write) <= now:", "if self._given_up_at(write) >= now:"),
    ),
    fault(
        "sagas are told each other's outcomes",
        "tests/runtime/test_take_over.py::test_a_take_over_hurts_no_other_saga_of_a_batch",
        "a store answers per saga",
        "runtime/_writer.py",
        ("zip(batch, outcomes, strict=True)", "zip(batch, reversed(outcomes), strict=True)"),
    ),
    # Recovery
    fault(
        "a problem stays when its cause is gone",
        "tests/runtime/test_isolation.py::test_a_nursery_that_an_action_leaves_open_halts_its_saga",
        "a problem is cleared by the next load that succeeds",
        "runtime/_recover.py",
        ("if stored.summary.problem is not None:", "if False:"),
    ),
    fault(
        "a saga is stored before it is validated",
        "tests/runtime/test_resume.py::test_an_action_that_is_missing_is_found_before_anything_is_stored",
        "Steno's row 10: a saga is stored before it is validated",
        "runtime/_recover.py",
        (
            "        self.registry.validate(dag.flat)\n        return self._executor",
            "        return self._executor",
        ),
    ),
    fault(
        "a saga that can not be loaded brings the SEC down",
        "tests/runtime/test_misuse.py::test_creating_a_quarantined_saga_again_is_told_its_problem",
        "one saga's failure hurts no other",
        "runtime/_recover.py",
        (
            "        except Exception as error:  # noqa: BLE001 - stored data",
            "        except LookupError as error:  # noqa: BLE001 - stored data",
        ),
    ),
    # One saga's fault
    fault(
        "a saga whose step cannot be worked out brings the SEC down",
        "tests/runtime/test_isolation.py::test_a_machine_that_fails_halts_its_saga",
        "one saga's machinery is its own fault",
        "runtime/_executor.py",
        (
            "            return self._take()\n        except Exception as error:",
            "            return self._take()\n        except LookupError as error:",
        ),
    ),
    fault(
        "what follows from a step brings the SEC down when it fails",
        "tests/runtime/test_isolation.py::test_what_follows_from_a_durable_step_and_fails_halts_its_saga",
        "one saga's machinery is its own fault",
        "runtime/_executor.py",
        (
            "            self._follow(outcome)\n        except Exception as error:",
            "            self._follow(outcome)\n        except LookupError as error:",
        ),
    ),
    fault(
        "an action may leave a nursery open",
        "tests/runtime/test_isolation.py::test_a_nursery_that_an_action_leaves_open_halts_its_saga",
        "what an action does to Trio halts its own saga, and says so",
        "runtime/_executor.py",
        ("        if trio.lowlevel.current_task().child_nurseries:\n", "        if False:\n"),
    ),
    fault(
        "a saga whose tasks were cancelled counts as finished",
        "tests/runtime/test_isolation.py::test_an_action_that_tampers_with_scopes_halts_its_saga",
        "what an action does to Trio halts its own saga",
        "runtime/_executor.py",
        (
            "        if not self._over.is_set():\n            msg",
            "        if False:\n            msg",
        ),
    ),
    fault(
        "a task that outlives its action counts as inside it",
        "tests/runtime/test_inside.py::test_a_task_that_outlives_its_action_is_not_inside_it",
        "who is inside an action is inside as long as it is called",
        "runtime/_runner.py",
        ("            call.running = False\n", "            pass\n"),
    ),
    fault(
        "a start is acknowledged before it is durable",
        "tests/runtime/test_isolation.py::test_what_follows_from_a_durable_step_and_fails_halts_its_saga",
        "a start that was acknowledged outlives a crash",
        "runtime/_executor.py",
        (
            "        if self.phase is not Phase.READY:\n            _answer",
            "        if True:\n            _answer",
        ),
    ),
    fault(
        "a saga that halts leaves no problem in the store",
        "tests/runtime/test_isolation.py::test_a_nursery_that_an_action_leaves_open_halts_its_saga",
        "nothing ends silently",
        "runtime/_coordinator.py",
        (
            "            self._writer.tell(Write(note, _ignore, patience=0.0))\n",
            "            del note\n",
        ),
    ),
    fault(
        "a saga that was never started is started at open",
        "tests/runtime/test_crash.py::test_what_the_body_raised_comes_out_as_it_is",
        "a saga that was never started stays ready",
        "runtime/_coordinator.py",
        ("        if executor.is_ready:\n", "        if False:\n"),
    ),
    fault(
        "a SEC remembers all sagas that it lost",
        "tests/runtime/test_take_over.py::test_of_sagas_that_were_taken_over_only_the_latest_are_remembered",
        "what a SEC remembers of sagas that were taken over is bounded",
        "runtime/_coordinator.py",
        ("            if len(self._taken_over) > KEPT_TAKEN_OVER:\n", "            if False:\n"),
    ),
    # The coordinator
    fault(
        "a second start runs a saga twice",
        "tests/runtime/test_crash.py::test_what_the_body_raised_comes_out_as_it_is",
        "Steno's row 5: a second start destroys the running saga",
        "runtime/_coordinator.py",
        (
            "case StartSaga() if state is EntryState.READY:",
            "case StartSaga() if state in {EntryState.READY, EntryState.RUNNING}:",
        ),
    ),
    fault(
        "a view waits until its saga is loaded",
        "tests/runtime/test_recover.py::test_opening_runs_recovery_behind_the_body",
        "line 10: status never waits for the store; Steno's row 6",
        "runtime/_coordinator.py",
        (
            "elif isinstance(ask, GetSaga) and "
            "entry.state in {EntryState.CREATING, EntryState.LOADING}:",
            "elif False:",
        ),
    ),
    fault(
        "finished sagas stay in memory",
        "tests/runtime/test_sec.py::test_a_bounded_number_of_finished_sagas_stays_in_memory",
        "Steno's row 9: finished sagas stay in memory for ever",
        "runtime/_coordinator.py",
        ("if len(self._finished) > KEPT_FINISHED:", "if False:"),
    ),
    fault(
        "who gives up waiting takes the others along",
        "tests/runtime/test_sec.py::test_a_cancelled_waiter_changes_nothing_and_is_forgotten",
        "line 13: cancelling a waiter changes nothing",
        "runtime/_entry.py",
        ("self.waiters.pop(waiter, None)", "self.waiters.clear()"),
    ),
)
