"""README.md: what it shows is run, and does what it says."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_first_ten_minutes_run_as_they_stand(tmp_path):
    """The program of the tour runs, and prints what README says it prints."""
    program = tmp_path / "tour.py"
    program.write_text(blocks("python")[0], encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", program], capture_output=True, text=True, check=True
    )
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    assert uuid.sub("ID", ran.stdout) == uuid.sub("ID", blocks("text")[0])


def test_every_snippet_compiles():
    """Each Python snippet is one."""
    for number, snippet in enumerate(blocks("python")):
        compile(snippet, f"README.md, snippet {number}", "exec")
