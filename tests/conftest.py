"""
What every test starts from: how hard Hypothesis searches.

STENO_HYPOTHESIS_PROFILE chooses: `ci` (the default), `quick` while editing, `deep` for a night.
"""

import os

from hypothesis import settings

# Virtual clocks and a loaded machine make wall time say nothing: no profile has a deadline.
settings.register_profile("ci", deadline=None, derandomize=False, print_blob=True)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile("deep", settings.get_profile("ci"), max_examples=5_000)
settings.load_profile(os.environ.get("STENO_HYPOTHESIS_PROFILE", "ci"))
