from __future__ import annotations

import os
import re
import subprocess
import sys


def test_damaged_and_hostile_files_are_read_or_refused_in_one_line():
    """In a process of its own, since it forks; 10,000 cases in `make soak`."""
    done = subprocess.run(
        [sys.executable, "-m", "soak.fuzz", "--cases", "300", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "KERAS_BACKEND": "torch"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^300 cases: \d+ refused in one line, \d+ read, .* 0 failed; ", done.stdout, re.MULTILINE)
