"""
What every test starts from: how hard Hypothesis searches, and that programs can be interrupted.

STENO_HYPOTHESIS_PROFILE chooses: `ci` (the default), `quick` while editing, `deep` for a night,
`mutants` where it matters only that something fails, and each time the same.
"""

import os
import signal

from hypothesis import Phase, settings

# Virtual clocks and a loaded machine make wall time say nothing: no profile has a deadline.
settings.register_profile("ci", deadline=None, derandomize=False, print_blob=True)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile("deep", settings.get_profile("ci"), max_examples=5_000)
settings.register_profile(
    "mutants",
    settings.get_profile("quick"),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile(os.environ.get("STENO_HYPOTHESIS_PROFILE", "ci"))

# Under nohup, or in the background of a script, SIGINT is ignored, which the programs that tests
# start and interrupt would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
