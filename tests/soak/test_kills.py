from __future__ import annotations

import os
import re
import subprocess
import sys


def test_ten_kills_change_nothing():
    """In a process of its own: it forks, which is safe only before any thread computes. 100 in `make soak`."""
    done = subprocess.run(
        [sys.executable, "-m", "soak.kills", "--kills", "10", "--seed", "5"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "KERAS_BACKEND": "torch"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^10 kills in \d+ trainings; 0 came out otherwise$", done.stdout, re.MULTILINE)
