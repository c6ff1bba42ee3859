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
            "            return Write(record, self._written)\n",
            "            for command in step.then:\n"
            "                if isinstance(command, RunAction):\n"
            "                    self._nursery.start_soon(self._run_node, command)\n"
            "            rest = tuple(c for c in step.then if not isinstance(c, RunAction))\n"
            "            recording.step = Step(step.record, rest)\n"
            "            return Write(record, self._written)\n",
        ),
    ),
    fault(
        "an undo action is called before its `undo_started` is durable",
        "tests/runtime/test_drain.py::test_an_undo_under_way_ends",
        "line 6: an undo action is called only after its `undo_started` is durable",
        "runtime/_executor.py",
        (
            "            return Write(record, self._written)\n",
            "            for command in step.then:\n"
            "                if isinstance(command, RunUndo):\n"
            "                    self._nursery.start_soon(self._run_node, command)\n"
            "            rest = tuple(c for c in step.then if not isinstance(c, RunUndo))\n"
            "            recording.step = Step(step.record, rest)\n"
            "            return Write(record, self._written)\n",
        ),
    ),
    fault(
        "`started` is logged together with the result",
        "tests/runtime/test_crash.py::test_what_the_body_raised_comes_out_as_it_is",
        "line 6: an action is called only after its `started` is durable",
        "runtime/_executor.py",
        (
            "            first, events = recording.durable_events, recording.step.record\n",
            "            first = recording.durable_events\n"
            "            events = (*self._late, *step.record)\n"
            "            self._late = ()\n"
            "            if row is SagaCachedState.RUNNING and events and any(\n"
            "                isinstance(command, RunAction) for command in step.then\n"
            "            ):\n"
            "                events, self._late = events[:-1], events[-1:]\n"
            "            recording.step = Step(events, step.then)\n",
        ),
        (
            "    _cut_off: bool = attrs.field(init=False, default=False)  # a call met",
            "    _late: tuple = attrs.field(init=False, default=())\n"
            "    _cut_off: bool = attrs.field(init=False, default=False)  # a call met",
        ),
    ),
    fault(
        "a success is seen before it is durable",
        "tests/runtime/test_executor.py::test_a_success_is_seen_by_nobody_before_the_store_has_answered",
        "line 6: a result is visible only once it is durable",
        "runtime/_executor.py",
        (
            "return Snapshot(self.saga_id, dag, events, durable, phase, ended=ended)",
            "return Snapshot(self.saga_id, dag, events, len(events), phase, ended=ended)",
        ),
    ),
    fault(
        "a waiter is answered early",
        "tests/runtime/test_executor.py::test_a_saga_is_not_finished_before_the_store_has_answered",
        "line 6: a result is visible only once it is durable",
        "runtime/_executor.py",
        (
            "            nothing_new = recording.adds_nothing(step, row)\n",
            "            nothing_new = recording.adds_nothing(step, row)\n"
            "            if self.machine.state.outcome is not None:\n"
            "                self._over.set()\n",
        ),
    ),
    fault(
        "what a store refuses is carried out",
        "tests/runtime/test_report.py::test_a_problem_is_stored_where_the_store_can_be_reached",
        "a saga whose step cannot be recorded halts",
        "runtime/_executor.py",
        ("            case Durable():\n", "            case Durable() | Rejected():\n"),
    ),
    fault(
        "a saga that was taken over runs on",
        "tests/runtime/test_steno_faults.py::test_row_12_a_sec_that_was_taken_over_cannot_write",
        "Steno's row 12: a SEC that was taken over",
        "runtime/_executor.py",
        ("            case Durable():\n", "            case Durable() | Lost():\n"),
    ),
    fault(
        "a failure cancels the siblings that run",
        "tests/runtime/test_drain.py::test_an_undo_is_not_begun_either",
        "running actions are never cancelled",
        "runtime/_tasks.py",
        (
            "        if self.recording.told(outcome):",
            '        if type(outcome).__name__ == "ActionRaised" and self._nursery:\n'
            "            self._nursery.cancel_scope.cancel()\n"
            "        if self.recording.told(outcome):",
        ),
    ),
    fault(
        "a step is written that the store has already",
        "tests/core/machine/test_recording.py::test_a_step_adds_nothing_if_the_store_has_all_of_it",
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
            "            stored =",
            "        except ValueError as error:\n"
            "            if is_closing(error) or is_cancelled():\n"
            "                raise\n"
            "            stored =",
        ),
    ),
    fault(
        "a failure is logged though its saga was cancelled",
        "tests/runtime/test_crash.py::test_an_error_of_the_body_unwinds_nobody_at_whatever_moment_it_comes",
        "what a cancelled task raises is not a failure",
        "runtime/_runner.py",
        (
            "            if is_closing(error) or is_cancelled():\n"
            "                raise\n"
            "            stored =",
            "            if is_closing(error):\n                raise\n            stored =",
        ),
        (
            "        await trio.lowlevel.checkpoint_if_cancelled()\n        return outcome",
            "        return outcome",
        ),
    ),
    fault(
        "a `Cancelled` is logged as a failure",
        "tests/runtime/test_crash.py::test_an_interrupt_comes_before_a_crash",
        "`Cancelled` is not a failure",
        "runtime/_runner.py",
        (
            "        except Exception as error:\n"
            "            if is_closing(error) or is_cancelled():\n"
            "                raise\n"
            "            stored =",
            "        except BaseException as error:\n"
            "            if is_closing(error):\n"
            "                raise\n"
            "            stored =",
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
            "ctx = self._context(node, undoing=True,",
            "ctx = self._context(node, undoing=False,",
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
        "tests/runtime/test_writer.py::test_one_saga_that_cannot_be_written_hurts_nobody_else",
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
        "runtime/_executor_factory.py",
        (
            "        self.registry.validate(dag.flat)\n        self.registry.validate_inputs",
            "        self.registry.validate_inputs",
        ),
    ),
    fault(
        "a saga that cannot be loaded brings the SEC down",
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
            "            return Write(record, self._written)\n        except Exception as error:",
            "            return Write(record, self._written)\n        except LookupError as error:",
        ),
    ),
    fault(
        "what follows from a step brings the SEC down when it fails",
        "tests/runtime/test_isolation.py::test_what_follows_from_a_durable_step_and_fails_halts_its_saga",
        "one saga's machinery is its own fault",
        "runtime/_executor.py",
        (
            "                    self._halt(not_recorded(self.saga_id, error))\n"
            "        except Exception as error:",
            "                    self._halt(not_recorded(self.saga_id, error))\n"
            "        except LookupError as error:",
        ),
    ),
    fault(
        "an action may leave a nursery open",
        "tests/runtime/test_isolation.py::test_a_nursery_that_an_action_leaves_open_halts_its_saga",
        "what an action does to Trio halts its own saga, and says so",
        "runtime/_tasks.py",
        ("        if trio.lowlevel.current_task().child_nurseries:\n", "        if False:\n"),
    ),
    fault(
        "a saga whose tasks were cancelled counts as finished",
        "tests/runtime/test_isolation.py::test_an_action_that_tampers_with_scopes_halts_its_saga",
        "what an action does to Trio halts its own saga",
        "runtime/_tasks.py",
        (
            "            if self._over.is_set():\n",
            "            if self._over.is_set() or self._interrupted is None:\n",
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
            "        if not self.is_ready:\n            self._starters",
            "        if True:\n            self._starters",
        ),
    ),
    fault(
        "a saga that halts leaves no problem in the store",
        "tests/runtime/test_isolation.py::test_a_nursery_that_an_action_leaves_open_halts_its_saga",
        "nothing ends silently",
        "runtime/_endings.py",
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
        "runtime/_departed.py",
        ("        if len(self._taken_over) > KEPT_TAKEN_OVER:\n", "        if False:\n"),
    ),
    # The coordinator
    fault(
        "a second start runs a saga twice",
        "tests/runtime/test_crash.py::test_what_the_body_raised_comes_out_as_it_is",
        "Steno's row 5: a second start destroys the running saga",
        "runtime/_coordinator.py",
        (
            "case StartSaga(order=order) if state is EntryState.READY:",
            "case StartSaga(order=order) if state in {EntryState.READY, EntryState.RUNNING}:",
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
        "runtime/_entries.py",
        ("if len(self._finished) > KEPT_FINISHED:", "if False:"),
    ),
    fault(
        "who gives up waiting takes the others along",
        "tests/runtime/test_sec.py::test_a_cancelled_waiter_changes_nothing_and_is_forgotten",
        "line 13: cancelling a waiter changes nothing",
        "runtime/_entry.py",
        ("self.waiters.pop(waiter, None)", "self.waiters.clear()"),
    ),
    # Children
    fault(
        "a node is not called again when the saga goes on that it waits for",
        "tests/runtime/test_children_waiting.py::test_a_node_is_held_with_its_child_and_goes_on_with_it",
        "a node that waits for a held saga goes on with it",
        "runtime/_entries.py",
        (
            "            case GoesOn(saga_id=saga_id):\n"
            "                self._reopen(self._awaited.goes_on(saga_id))\n",
            "            case GoesOn():\n                pass\n",
        ),
    ),
    fault(
        "a probe that leaves it open takes the doubt away",
        "tests/runtime/test_children.py::test_a_child_that_fails_unwinds_the_others",
        "what a probe leaves open stays in doubt",
        "runtime/_attempt.py",
        ("        self._cleared = found is NOT_DONE\n", "        self._cleared = True\n"),
    ),
    fault(
        "children are looked for only as far as the first wave",
        "tests/runtime/test_children.py::test_a_child_that_fails_unwinds_the_others",
        "the undo looks after each child that there is",
        "action/_children.py",
        ("            if wave.start >= known and not any(there):", "            if any(there):"),
    ),
    fault(
        "children are created all at once",
        "tests/runtime/test_children.py::test_children_are_created_in_waves",
        "after a wave of which there is none, there is none",
        "action/_children.py",
        (
            "        start, size = start + size, 2 * size\n",
            "        start, size = start + size, 64\n",
        ),
    ),
    fault(
        "a child that has failed does not fail its node",
        "tests/runtime/test_children.py::test_the_failure_of_a_child_is_that_of_its_node",
        "a child's failure is the action's",
        "action/_children.py",
        (
            '            raise SagaFailed(saga_id, result, f"{which}{_why(result)}")\n',
            "            return None\n",
        ),
    ),
    # Attempts
    fault(
        "a retry has all its time again at each attempt",
        "tests/runtime/test_attempt.py::test_the_timeout_of_a_retry_counts_from_the_first_start",
        "the timeout of a retry counts from the node's first start",
        "runtime/_attempt.py",
        (
            "    elapsed = 0.0 if since is None else (now - since) / 1_000_000\n",
            "    elapsed = 0.0\n",
        ),
    ),
    fault(
        "the wait between two attempts has no jitter",
        "tests/runtime/test_attempt.py::test_the_wait_is_drawn_once_and_is_in_the_log",
        "the wait, jitter included, is in the log",
        "runtime/_attempt.py",
        (
            "    chance = chance_of(ctx.idempotency_key, ctx.attempt)\n",
            "    chance = 0.0\n",
        ),
    ),
    fault(
        "attempts that are used up always fail the node",
        "tests/runtime/test_held.py::test_a_node_is_held_when_its_attempts_are_used_up",
        'with then="hold" the node is held',
        "runtime/_attempt.py",
        (
            '        return inputs.Again(None) if retry.then == "hold" else None\n',
            "        return None\n",
        ),
    ),
    fault(
        "a wait may be later than any date that can be stored",
        "tests/runtime/test_attempt.py::test_a_wait_beyond_all_dates",
        "what is stored can be read again",
        "runtime/_attempt.py",
        (
            "return inputs.Again(LATEST if wait >= left else Timestamp(",
            "return inputs.Again(LATEST if wait < 0 * left else Timestamp(",
        ),
    ),
    fault(
        "a call that returns too late has timed out",
        "tests/runtime/test_attempt.py::test_a_call_that_returns_too_late_has_succeeded[shielded]",
        "a call that returns although its timeout has passed has succeeded",
        "runtime/_attempt.py",
        (
            "        with scope:\n            return await call()\n",
            "        with scope:\n"
            "            result = await call()\n"
            "            if not scope.cancel_called:\n"
            "                return result\n",
        ),
    ),
    fault(
        "an error raised while a call is cancelled replaces its timeout",
        "tests/runtime/test_attempt.py::test_a_call_that_turns_its_cancellation_into_another_error",
        "a call that exceeds its timeout raises ActionTimeout",
        "runtime/_attempt.py",
        (
            "        if scope.cancel_called and not is_closing(error):\n",
            "        if False:\n",
        ),
    ),
    fault(
        "any error under a timeout is one",
        "tests/runtime/test_attempt.py::test_an_error_before_the_timeout_is_that_error",
        "an action that raises fails its node with that error",
        "runtime/_attempt.py",
        (
            "        if scope.cancel_called and not is_closing(error):\n",
            "        if not is_closing(error):\n",
        ),
    ),
    fault(
        "a SEC that is left is taken for a timeout",
        "tests/runtime/test_attempt.py::test_a_timeout_beside_a_sec_that_closes",
        "an action that raises SecClosing counts as cut off",
        "runtime/_attempt.py",
        (
            "        if scope.cancel_called and not is_closing(error):\n",
            "        if scope.cancel_called:\n",
        ),
    ),
    fault(
        "NotDone is retried",
        "tests/runtime/test_attempt.py::test_not_done_is_not_retried",
        "NotDone is not retried",
        "runtime/_attempt.py",
        (
            "        if isinstance(error, NotDone):\n            return",
            "        if False:\n            return",
        ),
    ),
    fault(
        "the cause of NotDone is lost",
        "tests/runtime/test_attempt.py::test_the_cause_of_not_done_is_stored",
        "`raise NotDone() from error` stores the cause",
        "runtime/_attempt.py",
        (
            "    return cause if isinstance(error, NotDone) and",
            "    return error if isinstance(error, NotDone) and",
        ),
    ),
    # Doubt
    fault(
        "NotDone ends the doubt of earlier attempts",
        "tests/runtime/test_attempt.py::test_doubt_of_an_earlier_attempt_stays",
        "NotDone speaks of its own call only",
        "runtime/_attempt.py",
        (
            "        return False if self._cleared else None\n",
            "        return False\n",
        ),
    ),
    fault(
        "NotDone ends the doubt of a call that was cut off",
        "tests/runtime/test_attempt.py::test_a_call_that_was_cut_off_and_made_again",
        "what a call that was cut off has done is not known",
        "runtime/_attempt.py",
        (
            "call=not harmless or self._was_cut_off)",
            "call=not harmless)",
        ),
    ),
    fault(
        "doubt is logged of actions that do not provide for it",
        "tests/runtime/test_attempt.py::test_a_call_that_failed_is_made_again",
        "`in_doubt` is logged only for actions that provide for doubt",
        "runtime/_attempt.py",
        (
            "        if call and self.policy.provides_for_doubt:\n",
            "        if call:\n",
        ),
    ),
    fault(
        "an atomic call that has returned has done nothing",
        "tests/runtime/test_attempt.py::test_an_atomic_call_whose_output_cannot_be_stored_is_in_doubt",
        "a call whose output cannot be stored is in doubt",
        "runtime/_attempt.py",
        (
            "harmless = said or (self.policy.atomic and not unstorable)",
            "harmless = said or self.policy.atomic",
        ),
    ),
    fault(
        "no probe follows an attempt in doubt",
        "tests/runtime/test_attempt.py::test_a_probe_finds_that_the_action_was_done",
        "a probe is called when an attempt has ended in doubt",
        "runtime/_attempt.py",
        (
            "        if in_doubt and self.policy.probe is not None:\n",
            "        if False:\n",
        ),
    ),
    fault(
        "no probe comes before a call that was cut off",
        "tests/runtime/test_attempt.py::test_a_call_that_was_cut_off_is_probed_first",
        "a probe is called before a call that was cut off is made again",
        "runtime/_attempt.py",
        (
            "        if self.command.repeats and self.policy.probe is not None:\n",
            "        if False:\n",
        ),
    ),
    fault(
        "a call that was not done is made though its saga unwinds",
        "tests/runtime/test_attempt.py::test_a_probe_while_the_saga_unwinds",
        "the call is made, unless the saga unwinds",
        "runtime/_attempt.py",
        (
            "            if self.state.unwinding:\n",
            "            if False:\n",
        ),
    ),
    fault(
        "NOT_DONE leaves a doubt",
        "tests/runtime/test_attempt.py::test_a_call_that_was_cut_off_and_not_done_is_made_again",
        "NOT_DONE: no attempt so far was done",
        "runtime/_attempt.py",
        (
            "        self._cleared = found is NOT_DONE\n",
            "        self._cleared = False\n",
        ),
    ),
    fault(
        "a probe that fails has found nothing",
        "tests/runtime/test_attempt.py::test_a_probe_that_fails",
        "a probe that raises leaves the attempt in doubt",
        "runtime/_attempt.py",
        (
            "            return self._failed(error, in_doubt=True)  # noqa",
            "            return None if error else self._failed(error, in_doubt=True)  # noqa",
        ),
    ),
    fault(
        "an undo is called in doubt though it does not provide for that",
        "tests/runtime/test_attempt.py::test_a_later_build_that_does_not_provide_for_doubt",
        "if a later build does not provide for doubt, the undo is held",
        "runtime/_runner.py",
        (
            "        if node not in self.state.outputs and not policy.provides_for_doubt:\n",
            "        if False:\n",
        ),
    ),
    fault(
        "an undo whose attempts are used up is held",
        "tests/runtime/test_attempt.py::test_an_undo_whose_attempts_are_used_up_has_failed",
        "an undo whose attempts are used up has failed",
        "runtime/_runner.py",
        (
            "        return None if again is None or again.at is None else again\n",
            "        return again\n",
        ),
    ),
    # Limits
    fault(
        "a number limits each node on its own",
        "tests/runtime/test_limit.py::test_so_many_calls_of_an_action_at_once",
        "a number limits the calls of an action in one SEC",
        "runtime/_limit.py",
        (
            "        found = self._by_action.get(name)\n",
            "        found = None\n",
        ),
    ),
    fault(
        "a node that waits for its turn is called though its saga unwinds",
        "tests/runtime/test_limit.py::test_a_node_that_waits_for_its_turn_is_not_called_when_the_saga_unwinds",
        "if the saga unwinds meanwhile, the call is not made",
        "runtime/_executor.py",
        (
            "                self._runner.skip_turns()\n",
            "                pass\n",
        ),
    ),
    fault(
        "a call that was cut off and waits for its turn is skipped",
        "tests/runtime/test_limit.py::test_a_call_that_was_cut_off_waits_for_its_turn_and_is_made_again",
        "one that repeats a call that was cut off is still made",
        "runtime/_limit.py",
        (
            "(self._over is Turn.SKIPPED and not repeats)",
            "(self._over is Turn.SKIPPED)",
        ),
    ),
    fault(
        "a drain waits for those that wait for their turn",
        "tests/runtime/test_limit.py::test_a_wait_for_a_turn_is_cut_off_by_a_drain",
        "a drain cuts off the wait for a turn",
        "runtime/_executor.py",
        (
            "        self._runner.cut_off_turns()\n",
            "        pass\n",
        ),
    ),
    fault(
        "a turn that is not used is not given back",
        "tests/runtime/test_limit.py::test_a_turn_that_comes_as_the_saga_unwinds",
        "a limiter has as many turns as it says",
        "runtime/_limit.py",
        (
            "            if not scope.cancelled_caught:\n                limiter.release()\n",
            "            pass\n",
        ),
    ),
    # What waits
    fault(
        "a saga that only waits holds up leaving",
        "tests/runtime/test_sleep.py::test_a_saga_that_only_waits_does_not_hold_up_leaving",
        "a saga that only waits stays stored",
        "runtime/_executor.py",
        (
            "        if leaving or rests or self._admission.closing:\n",
            "        if leaving or rests:\n",
        ),
        (
            "        if idle and self._nursery is not None:",
            "        if False:",
        ),
    ),
    fault(
        "leaving forgets a saga that has not set out yet",
        "tests/runtime/test_recover.py::test_a_saga_that_is_loaded_while_the_sec_is_left",
        "leaving waits until recovery has finished",
        "runtime/_executor.py",
        (
            "        if idle and self._nursery is not None:",
            "        if idle:",
        ),
    ),
    fault(
        "a sleep until what is not a time halts its saga",
        "tests/runtime/test_sleep.py::test_sleep_until_what_is_not_a_time",
        "an `until` that is not a datetime fails the node",
        "runtime/_executor.py",
        (
            "            self.recording.told(until)  #",
            "            self._tell(until)  #",
        ),
    ),
    fault(
        "a time without a zone is taken for one in UTC",
        "tests/runtime/test_sleep.py::test_sleep_until_what_is_not_a_time",
        "an `until` that is not a datetime fails the node",
        "runtime/_sleep.py",
        (
            "    if time.tzinfo is None:\n",
            "    time = time.astimezone()\n    if False:\n",
        ),
    ),
    fault(
        "times are told as soon as the timer looks",
        "tests/runtime/test_timer.py::test_each_is_told_at_its_time",
        "an attempt begins at its time",
        "runtime/_timer.py",
        (
            "            if not self._heap or self._heap[0][0] > now:\n",
            "            if not self._heap:\n",
        ),
    ),
    fault(
        "a time that comes sooner is slept over",
        "tests/runtime/test_timer.py::test_a_time_that_comes_sooner_than_the_others",
        "an attempt begins at its time",
        "runtime/_timer.py",
        (
            "            self._sooner.set()\n",
            "            pass\n",
        ),
    ),
    fault(
        "the timer keeps the times of sagas that are over",
        "tests/runtime/test_timer.py::test_entries_of_sagas_that_are_over_are_dropped",
        "what is kept for a saga goes with it",
        "runtime/_timer.py",
        (
            "        if self._stale > len(self._heap) // 2:\n",
            "        if False:\n",
        ),
    ),
    fault(
        "later waiters of a saga that is held are not told",
        "tests/runtime/test_held.py::test_waiters_are_told_once_nothing_else_can_go_on",
        "waiting raises SagaHeldError",
        "runtime/_coordinator.py",
        (
            "            case WaitSaga() if nodes := executor.held_nodes():\n",
            "            case WaitSaga() if nodes := ():\n",
        ),
    ),
    fault(
        "waiters of a saga are not told that it is held",
        "tests/runtime/test_held.py::test_waiters_are_told_once_nothing_else_can_go_on",
        "waiting raises SagaHeldError",
        "runtime/_holding.py",
        (
            "            self._exec_client.held(machine.state.log.saga_id)\n",
            "            pass\n",
        ),
    ),
    fault(
        "a node that is held is as quiet as one that is tried again",
        "tests/runtime/test_report.py::test_a_node_and_a_saga_that_are_held_are_errors",
        "nothing ends silently: a held node is an ERROR",
        "runtime/_report.py",
        (
            "    if due is None:\n",
            "    if False:\n",
        ),
    ),
    # What actions say of themselves
    fault(
        "a timeout is retried only if its type is named",
        "tests/action/test_retry.py::test_types_of_errors",
        "ActionTimeout is retried whatever types `on` names",
        "action/_retry.py",
        (
            "isinstance(error, (ActionTimeout, *kinds))",
            "isinstance(error, kinds)",
        ),
    ),
    fault(
        "a retry makes one attempt too many",
        "tests/action/test_retry.py::test_the_attempts_are_used_up",
        "attempts is the most calls there are",
        "action/_retry.py",
        (
            "attempt >= self.attempts)",
            "attempt > self.attempts)",
        ),
    ),
    fault(
        "jitter comes on top of the longest wait",
        "tests/action/test_retry.py::test_waits_grow_by_the_formula_of_stamina",
        "the formula of stamina",
        "action/_retry.py",
        (
            "        return min(self.wait_max, wait + chance * self.wait_jitter)\n",
            "        return min(self.wait_max, wait) + chance * self.wait_jitter\n",
        ),
    ),
    fault(
        "None leaves a default in place",
        "tests/action/test_policy.py::test_none_takes_a_default_away",
        "None removes a default",
        "action/_policy.py",
        (
            "    chosen = default if isinstance(own, Unset) else own\n",
            "    chosen = default if isinstance(own, Unset) or own is None else own\n",
        ),
    ),
    fault(
        "a default timeout is for all",
        "tests/action/test_policy.py::test_a_default_timeout_skips_what_could_not_have_one",
        "a default timeout skips actions that could not have one",
        "action/_policy.py",
        (
            "        default_timeout = defaults.timeout if may_have else None\n",
            "        default_timeout = defaults.timeout\n",
        ),
    ),
    fault(
        "a timeout may leave open what was done",
        "tests/runtime/test_sec.py::test_a_saga_is_validated_before_anything_is_stored",
        "a timeout that leaves open what was done is refused at create",
        "action/_registry.py",
        (
            "    return has_timeout and not settings.in_doubt",
            "    return not has_timeout and not settings.in_doubt",
        ),
    ),
    fault(
        "a probe may stand beside an undo action",
        "tests/action/test_func.py::test_a_probe_beside_an_undo_is_refused",
        "a probe beside any other undo is a definition error",
        "action/_func.py",
        (
            "            if self.settings.probe is not None:\n                raise",
            "            if False:\n                raise",
        ),
    ),
    fault(
        "the policy does not follow what is decorated later",
        "tests/action/test_registry.py::test_the_policy_follows_what_is_decorated_later",
        "an action's own setting replaces the default",
        "action/_registry.py",
        (
            "        if known is not None and known[0] is settings:\n",
            "        if known is not None:\n",
        ),
    ),
)
