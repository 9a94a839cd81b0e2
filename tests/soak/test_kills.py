from __future__ import annotations

import re


def test_ten_kills_change_nothing(fork):
    """In a process of its own: it forks, which is safe only before any thread computes. 100 in `make soak`."""
    done = fork("import runpy; runpy.run_module('soak.kills', run_name='__main__')", "--kills", 10, "--seed", 5)
    assert done.wait(600) == 0, done.stdout + done.stderr
    assert re.search(r"^10 kills in \d+ trainings; 0 came out otherwise$", done.stdout, re.MULTILINE)
