"""Faults of instruments: what they are told, and what one that raises can do."""

from mutants.mutant import fault

TESTS = "tests/runtime/test_instruments.py::"

LOOKS_ON = "§14: an instrument that raises is logged and dropped"

MUTANTS = (
    fault(
        "an instrument that raises stays",
        f"{TESTS}test_an_instrument_that_raises_is_dropped",
        LOOKS_ON,
        "runtime/_instruments.py",
        ("            self._all = left\n", ""),
    ),
    fault(
        "an interrupt in an instrument is taken for its fault",
        f"{TESTS}test_an_interrupt_comes_out",
        "what is to end the process ends it",
        "runtime/_instruments.py",
        ("        if is_fatal(fault):\n            raise fault\n", ""),
    ),
    fault(
        "a context manager can swallow what a call raises",
        f"{TESTS}test_what_a_context_manager_swallows_is_raised_all_the_same",
        LOOKS_ON,
        "runtime/_instruments.py",
        ("        manager.__exit__(kind,", "        return manager.__exit__(kind,"),
    ),
    fault(
        "a context manager that raises what it was given is dropped",
        f"{TESTS}test_a_context_manager_may_raise_what_it_was_given",
        LOOKS_ON,
        "runtime/_instruments.py",
        ("        if fault is not error:\n", "        if True:\n"),
    ),
    fault(
        "a timeout is told as a cancellation",
        f"{TESTS}test_a_call_that_takes_too_long",
        "§14: calls as they begin and end",
        "runtime/_attempt.py",
        (
            "        return self.instruments.watch(kind, self.action, self.ctx, name, make)\n",
            "        inner = partial(function, self.ctx)\n"
            "        watch = self.instruments.watch\n"
            "        call = partial(watch, kind, self.action, self.ctx, name, inner)\n"
            "        return within(self.policy.timeout, call)\n",
        ),
    ),
    fault(
        "an undo that is a NOOP is told as a call",
        f"{TESTS}test_where_no_user_code_is_called_there_is_no_call",
        "§14: a context manager around each call of user code",
        "runtime/_runner.py",
        (' or getattr(action, "needs_no_undo", False):', ":"),
    ),
    fault(
        "a saga begins before that is durable",
        f"{TESTS}test_it_is_told_what_is_durable",
        "line 6: a result is visible only once it is durable",
        "runtime/_executor.py",
        (
            "        if self._runner.instruments is not None:\n"
            "            self._runner.instruments.saga_began(self.machine)\n",
            "",
        ),
        (
            "        try:\n            await self._run_tasks(",
            "        if self._runner.instruments is not None:\n"
            "            self._runner.instruments.saga_began(self.machine)\n"
            "        try:\n            await self._run_tasks(",
        ),
    ),
    fault(
        "a saga that is quarantined alerts nobody",
        f"{TESTS}test_sagas_that_cannot_be_loaded_need_attention",
        "§14: instruments have methods for attention",
        "runtime/_recover.py",
        (
            "        if (told := self.factory.instruments) is not None:\n",
            "        if (told := None) is not None:\n",
        ),
    ),
)
