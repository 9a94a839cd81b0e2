import sys

import pytest

from benchmarks.process import records


def test_reads_objects_among_other_lines():
    program = "print('a warning'); print('{\"seconds\": 1.5}')"
    assert records([sys.executable, "-c", program]) == [{"seconds": 1.5}]


def test_says_what_a_failed_program_said():
    with pytest.raises(RuntimeError, match=r"ended with 3: no such file"):
        records([sys.executable, "-c", "import sys; print('no such file', file=sys.stderr); sys.exit(3)"])
