"""README.md: short, and every link in it leads somewhere. Its code is run as that of docs/ is."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

LONGEST = 150
"""Lines."""


def test_the_readme_is_short():
    """What goes beyond it is in docs/."""
    assert len(README.splitlines()) <= LONGEST


def test_links_lead_to_files():
    """Each relative link names a file of the repository."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).is_file()] == []
