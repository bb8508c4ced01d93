"""What a process may use of the machine, and how it gives way to others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GIVE_WAY = """
import os
from pathlib import Path
from musicgen.machine import give_way

before, group = os.nice(0), Path("/proc/self/autogroup")
give_way(7)
print(os.nice(0) - before, group.read_text().split()[-1] if group.is_file() else 7)
"""


@pytest.mark.skipif(os.name != "posix", reason="niceness is a word of Unix")
def test_giving_way_counts_among_the_sessions_of_the_machine_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GIVE_WAY],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout.split() == ["7", "7"]
