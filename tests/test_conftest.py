"""What every test starts from."""

import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

STARTS_ANOTHER = """
import subprocess, sys
{imports}
child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
subprocess.run([sys.executable, "-c", child], check=True)
"""


def started(imports: str) -> str:
    """Return whether a program can be interrupted that another one starts, which ignores SIGINT."""
    return subprocess.run(
        [sys.executable, "-c", STARTS_ANOTHER.format(imports=imports)],
        cwd=HERE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_programs_can_be_interrupted_although_the_suite_ignores_sigint():
    """As it does under nohup, and in the background of a script."""
    assert started("") == "False"
    assert started("import conftest") == "True"
